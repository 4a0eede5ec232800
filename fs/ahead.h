/* Reading ahead.  Messages lie in the store in the order in which they came; who reads a folder from its first to its last
 * would wait for the disk once for each.  So the kernel is told which bytes are next, once somebody has begun to read one
 * message after the other (and not by who only looks), by a thread of its own: that can take its time.
 *
 * It is advice: what is said is forgotten when it comes too late, and nothing depends on it.
 */
#pragma once

#include "store/segments.h"

typedef struct FsAhead FsAhead;
FsAhead *fs_ahead_new(Store *store, GError **error); /* NULL with CORE_ERROR_IO: no thread */
void fs_ahead_free(FsAhead *ahead);                  /* NULL is fine */

/* Any thread, never blocks: a message is read from its beginning. */
void fs_ahead_note(FsAhead *ahead, int64_t message_id);
