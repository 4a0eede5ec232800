/* Writing JSON (RFC 8259) into a GString: enough for a flat report, always valid UTF-8. */
#pragma once

#include <glib.h>
#include <stdint.h>

/* Each of these writes a comma first, unless it is the first in its object or array.  @name NULL: an array's element. */
void json_open(GString *json, const char *name, char bracket); /* '{' or '[' */
void json_close(GString *json, char bracket);                  /* '}' or ']' */
void json_string(GString *json, const char *name, const char *value); /* NULL: null; invalid UTF-8 becomes U+FFFD */
void json_number(GString *json, const char *name, uint64_t value);
void json_null(GString *json, const char *name);
void json_newline(GString *json); /* the next member or element begins on a line of its own */

/* Text that came from outside, fit for a terminal: valid UTF-8, control characters as \xNN, but newlines and tabs as
 * spaces.  g_free(). */
char *text_printable(const char *text);
char *text_printable_cut(const char *text, size_t max_bytes); /* of that as much as fits, in whole characters */
