/* Asking for a secret on the terminal. */
#pragma once

#include "core/error.h"

/* Shows @question on the controlling terminal and reads a line without echo into @buffer.  Blocks.  The terminal is
 * restored whatever happens; Ctrl-C gives CORE_ERROR_CANCELLED.  CORE_ERROR_LOGIN when there is no terminal, or
 * nothing was typed.  Must be called before other threads start: it blocks signals for its time. */
bool prompt_secret(const char *question, char *buffer, size_t size, GError **error);
