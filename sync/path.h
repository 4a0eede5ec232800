/* Mailbox names as the server writes them, and the directories that people see: one to one.
 *
 * The server's name is decoded (modified UTF-7, unless the connection speaks UTF-8) and cut at its separator.  In each
 * component every byte that a file name cannot carry, or should not, is written %XX: '/', control characters, bytes
 * that are no UTF-8, the dots of "." and "..", and a '%' that two hexadecimal digits follow.  An empty component is
 * "%00".  INBOX, in any case, is "INBOX".  A name that is not valid modified UTF-7 is shown as it is, its '&' as %26.
 * What is one to one in each of these steps is not in all together: "&AOk-" and a raw "é" are one path, which is what
 * sync_path_tell_apart() is for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define SYNC_PATH_MAX_DEPTH 64
#define SYNC_PATH_MAX_NAME 4096 /* bytes of a server's name */

/* The components, NULL-terminated (g_strfreev()).  NULL for a name that cannot be shown: empty, with a NUL in it, longer
 * than SYNC_PATH_MAX_NAME, or deeper than SYNC_PATH_MAX_DEPTH.  @length: of @server_name.  @separator 0: a flat name.
 * @utf8: not modified UTF-7.  A component over 255 bytes is cut and ends in '~' and a hash of the whole. */
char **sync_path_from_server(const char *server_name, size_t length, char separator, bool utf8);

/* The name of the mailbox at @components (at least one) for the server: g_free().  It is also what judges a name that a
 * user gives: NULL if the server's name would not come back as this very path (the separator in a component, "inbox", an
 * escape of what needs none), or cannot be given to a server at all (bytes that are no UTF-8, control characters, "..",
 * an empty component; too long or too deep).  @separator and @utf8 as above. */
char *sync_path_to_server(char *const *components, char separator, bool utf8);

/* Another path for the mailbox @server_name, where another one has @path ("Archiv/2024"): the last component ends in '~'
 * and a hash of @server_name.  g_free(). */
char *sync_path_tell_apart(const char *path, const char *server_name);

/* Whether the patterns want the folder with this path ("Archiv/2024").  '*' stands for any text, '%' for any without
 * '/'; a leading '!' excludes; the last pattern that matches decides; a list that begins with an exclusion begins with
 * everything.  NULL or an empty list wants all.  "INBOX" is matched in any case. */
bool sync_path_wanted(char *const *patterns, const char *path);
