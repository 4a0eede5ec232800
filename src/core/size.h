/* Sizes for people. */
#pragma once

#include <stdint.h>

/* "12.3 MB", by powers of 1000.  g_free(). */
char *core_size_text(uint64_t bytes);
