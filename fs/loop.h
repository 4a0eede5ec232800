/* The threads that answer the kernel.
 *
 * Not libfuse's own loop: that one ends only when the connection does, and a file system that is unmounted while
 * somebody still has a file open in it stays connected until he lets go.
 */
#pragma once

#include "core/error.h"

struct fuse_session;

typedef struct FsLoop FsLoop;

/* @gone_fd, an eventfd, is written once the connection has ended (the file system was unmounted). */
FsLoop *fs_loop_new(struct fuse_session *session, int gone_fd, GError **error);

/* Ends the threads: what they are answering is answered, what waits is left to the end of the session.  NULL is
 * fine. */
void fs_loop_free(FsLoop *loop);
