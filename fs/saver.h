/* Makes durable what users do in the tree.
 *
 * One thread takes all that waits: their bytes are synced together and their rows committed in one transaction, so that
 * eight who close a file at once wait for two syncs, not for sixteen; and no thread that answers the kernel waits for a
 * disk.  Nothing is acknowledged before it is durable.
 */
#pragma once

#include "core/error.h"
#include "store/segments.h"

typedef struct FsSaver FsSaver;
typedef struct FsJob FsJob;

/* What waits; embedded in what its owner knows.  All three are called on the saver's thread, with no lock held. */
struct FsJob {
	/* Before the transaction: writes the bytes that it needs by @writer, which is synced behind all jobs.  NULL: none. */
	bool (*prepare)(FsJob *job, StoreWriter *writer, GError **error);
	/* In the transaction, perhaps more than once, each time as if it were the first.  After any failure all that it has
	 * changed is taken back; after CORE_ERROR_NOT_FOUND, CORE_ERROR_REFUSED and FS_ERROR the others are still committed
	 * together, after others each by itself.  NULL: nothing. */
	bool (*apply)(FsJob *job, StoreTxn *txn, GError **error);
	/* It is durable, or has failed with @error.  Frees the job. */
	void (*done)(FsJob *job, const GError *error);
	GError *error; /* private */
};

extern int fs_saver_look_ms; /* between two calls of look */

/* @committed is called after each transaction in which something was done, @look now and then, with no lock held. */
FsSaver *fs_saver_new(Store *store, void (*committed)(void *data), void (*look)(void *data), void *data);
/* Begins with what was submitted.  Once, and before that nothing is committed, so who makes the saver can first make what hears
 * of commits. */
bool fs_saver_start(FsSaver *saver, GError **error);

/* Any thread; in the order of the calls.  Never blocks. */
void fs_saver_submit(FsSaver *saver, FsJob *job);

/* Whether this is the thread of the saver, that is, whether what is being committed is what a user did in the tree. */
bool fs_saver_is_current(const FsSaver *saver);

/* Ends the thread when all that was submitted is done.  NULL is fine. */
void fs_saver_free(FsSaver *saver);
