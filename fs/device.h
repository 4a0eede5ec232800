/* Who holds the device of a connection to the kernel when the process is killed.
 *
 * A thread that tells the kernel of something can have to wait until requests are answered (freshness.h), and not even
 * SIGKILL ends that.  With the descriptors that it shares with the others the device would stay open, so the kernel would
 * wait for answers that nobody gives: whoever has asked would hang, and could not be killed either.  So such a thread has
 * descriptors of its own, of which the device is a clone: the requests that the others have taken end with them.  A child of
 * the process answers ENOTCONN to all that is asked after its death, until the last thread of it has gone.
 */
#pragma once

#include <stddef.h>

/* The calling thread gets descriptors of its own: in the place of @device a clone of it, and no others, so it cannot write
 * to the log. */
void fs_device_keep_alone(int device);

/* The child.  It has no other descriptors than it needs, and all signals blocked, so that it outlives whoever ends a whole
 * group of processes.  NULL: it could not be started, which is logged. */
typedef struct FsUndertaker FsUndertaker;
FsUndertaker *fs_undertaker_new(const int *devices, size_t count);
/* Ends it.  Before the devices are closed, since a connection lasts as long as any clone.  NULL is fine. */
void fs_undertaker_free(FsUndertaker *undertaker);
