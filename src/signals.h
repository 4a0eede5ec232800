/* The signals that stop a program. */
#pragma once

#include "core/error.h"

/* Blocks them (SIGINT, SIGTERM, SIGHUP) for this thread and those that it starts, and returns a descriptor that is
 * readable once one came; -1 with CORE_ERROR_IO. */
int signals_block(GError **error);
