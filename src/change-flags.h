/* Flags as users write them: "\Seen $Label", separated by spaces or commas. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* In the form of the store (g_free()).  CORE_ERROR_USAGE: one of them is no flag that a client can set; or a system flag
 * without its backslash, unless it is to be removed. */
bool change_flags_parse(const char *text, bool is_removal, char **flags_r, GError **error);
