/* IDLE tells of one mailbox.  Where a server has nothing better, a second connection waits in the folders besides
 * INBOX that changed last, one after the other; the rest is found out by asking (sync_poll_ms).
 */
#pragma once

#include "sync/run.h"

#define SYNC_ROTATE_FOLDERS 3
#define SYNC_ROTATE_MS (60 * 1000) /* in each */

typedef struct SyncRotation SyncRotation;

/* Starts a thread with a connection of its own.  @run is borrowed.  @wake_fd (an eventfd) is written when there is
 * something for sync_rotation_take().  NULL if the system has no thread left: then there is none. */
SyncRotation *sync_rotation_new(const SyncRun *run, int wake_fd);
void sync_rotation_free(SyncRotation *rotation); /* ends it; NULL is fine */

/* Any thread.  The mailbox in which something has happened since the last call; 0: none. */
int64_t sync_rotation_take(SyncRotation *rotation);
