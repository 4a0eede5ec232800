/* What has just changed in one mailbox, at the price of one flight: for changes that the server tells while somebody
 * looks.  New messages come with their bodies (where those are kept here; else headers), as long as they are few and the
 * bodies small; what is more is left to sync_pull() and its jobs.
 */
#pragma once

#include "sync/metadata.h"

#define SYNC_QUICK_MESSAGES 16                /* new messages that come with their bodies */
#define SYNC_QUICK_BODY_BYTES (1024ull * 1024) /* of each: BODY.PEEK[]<0.…>, so none can hold up what comes next */

/* A mailbox that is not selected: EXAMINEs it with QRESYNC and FETCHes in the same flight.  *done_r false: that cannot be,
 * or left something in doubt: sync_pull() is to look.  Bodies that are still missing then are planned (sync_plan()). */
bool sync_quick_pull(SyncWorker *worker, const StoreMailbox *mailbox, const char *path, bool *done_r, GError **error);

/* The mailbox that is selected and listened to by @metadata, which was told something: applies it, and fetches what is
 * new if the mailbox has more messages than rows.  @mailbox: as it is stored now.  *done_r as above. */
bool sync_quick_apply(SyncWorker *worker, const StoreMailbox *mailbox, const char *path, SyncMetadata *metadata,
                      bool *done_r, GError **error);
