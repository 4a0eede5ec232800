/* The parts of a synchronisation of one account, for those who do all of it at once (sync_account_run()) and those whose
 * connection stays (follow.h). */
#pragma once

#include "sync/listing.h"

/* Opens @worker's session by what is remembered of the server, and has the folders listed in the same flight: @listing is
 * for sync_account_pass().  On failure there is no session. */
bool sync_account_open(SyncWorker *worker, SyncListing *listing, GError **error);

/* Has the folders listed (if @listing was not asked for yet), does what users did to the server (@barrier: also what
 * waits to become quiet), and pulls what has changed; run->pool gets the jobs.  The ids (int64_t) of mailboxes that were
 * read are appended to @pulled. */
bool sync_account_pass(SyncWorker *worker, SyncListing *listing, GArray *pulled, bool barrier, GError **error);

/* Does what users did and can be done now, and pulls what the server changed for that.  *any_r: there was something. */
bool sync_account_push(SyncWorker *worker, bool barrier, GArray *pulled, bool *any_r, GError **error);

/* When the pool has no jobs any more: removes what was proved to be gone in the @pulled mailboxes. */
bool sync_account_finish(SyncRun *run, const GArray *pulled, GError **error);
