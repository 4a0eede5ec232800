/* Operations of the store put together into batches: what one command, or a few in a row, can do. */
#pragma once

#include "sync/push.h"

typedef struct SyncBatches SyncBatches;

SyncBatches *sync_batches_new(void);
void sync_batches_free(SyncBatches *batches);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SyncBatches, sync_batches_free)

/* Copies what is needed of @task, which is of a message. */
void sync_batches_add(SyncBatches *batches, const StoreTask *task);

/* The batches (SyncBatch, owned by the array), in the order in which they are to be done, with their mailboxes as they are
 * now.  An operation whose message is in the same batch already (two copies of it to one mailbox) is left out, as are those
 * whose mailboxes are not on the server any more; of those that were SENT such a mailbox has no server_name.  NULL when
 * the store fails. */
GPtrArray *sync_batches_take(SyncBatches *batches, Store *store, GError **error);
