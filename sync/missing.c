/* Messages that a server did not give although it was asked: one that another client removed meanwhile is an ordinary
 * thing, and the server says so when it is asked what there is (RFC 9051 6.4.4).  What it still shows is missing here.
 */
#include "sync/run.h"

static bool
remove_gone(const SyncWorker *worker, const SyncJob *job, bool *done, const ImapUidSet *shown, GError **error)
{
	g_autoptr(StoreTxn) txn = store_begin(worker->run->store, error);

	if (!txn)
		return false;
	for (guint i = 0; i < job->wanted->len; i++) {
		const SyncWanted *wanted = &g_array_index(job->wanted, SyncWanted, i);
		if (done[i] || imap_uidset_has(shown, wanted->uid))
			continue;
		if (!store_message_remove_uids(txn, job->mailbox_id, wanted->uid, wanted->uid, error))
			return false;
		done[i] = true;
		sync_progress_done(worker->run->progress, 1, sync_job_bytes(job, wanted));
	}
	return store_commit(g_steal_pointer(&txn), error);
}

bool
sync_missing(SyncWorker *worker, const SyncJob *job, bool *done, GError **error)
{
	g_auto(ImapUidSet) uids = { 0 }, shown = { 0 };
	bool sure;

	for (guint i = 0; i < job->wanted->len; i++)
		if (!done[i])
			imap_uidset_add(&uids, g_array_index(job->wanted, SyncWanted, i).uid);
	if (uids.count == 0)
		return true;
	bool ok = sync_search(worker, &uids, &shown, &sure, error) &&
	          (!sure || remove_gone(worker, job, done, &shown, error));
	for (guint i = 0; ok && i < job->wanted->len; i++)
		if (!done[i])
			sync_warn(worker->run, job->path, g_array_index(job->wanted, SyncWanted, i).uid,
			          "the server did not give this message; it is asked for again next time");
	return ok;
}
