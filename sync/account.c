/* One run of one account, on the account's thread. */
#include "sync/run.h"

/* A folder that the server will not open does not keep the others from being read. */
static bool
pull_one(SyncWorker *worker, int64_t mailbox_id, GError **error)
{
	SyncRun *run = worker->run;
	g_auto(StoreMailbox) mailbox = { 0 };
	GError *failure = NULL;
	g_autofree char *path = store_mailbox_path(run->store, mailbox_id, &failure);

	if (path && store_mailbox_get(run->store, mailbox_id, &mailbox, &failure) &&
	    !sync_pull(worker, &mailbox, path, &failure) && core_error_scope(failure) <= CORE_SCOPE_MAILBOX &&
	    imap_session_alive(worker->session)) {
		sync_warn(run, path, 0, "%s", failure->message);
		g_clear_error(&failure);
	}
	if (!failure)
		return true;
	g_propagate_error(error, failure);
	return path ? core_prefix(error, "%s: ", path) : false;
}

static bool
pull_all(SyncWorker *worker, const GArray *mailboxes, GError **error)
{
	SyncRun *run = worker->run;

	for (guint i = 0; i < mailboxes->len; i++) {
		if (!core_cancel_check(run->cancel, error) || !pull_one(worker, g_array_index(mailboxes, int64_t, i), error))
			return false;
		sync_progress_mailboxes(run->progress, 1, 0);
	}
	return true;
}

static bool
finish_mailboxes(SyncRun *run, const GArray *mailboxes, GError **error)
{
	for (guint i = 0; i < mailboxes->len; i++)
		if (!sync_match_finish(run, g_array_index(mailboxes, int64_t, i), error))
			return false;
	return true;
}

static bool
run_connected(SyncWorker *worker, GError **error)
{
	SyncRun *run = worker->run;
	g_autoptr(GArray) mailboxes = g_array_new(FALSE, FALSE, sizeof(int64_t));
	GError *failure = NULL;

	sync_progress_phase(run->progress, SYNC_LISTING);
	if (!sync_list(worker, mailboxes, error))
		return false;
	sync_progress_phase(run->progress, SYNC_FETCHING);
	sync_progress_mailboxes(run->progress, 0, mailboxes->len);

	bool ok = pull_all(worker, mailboxes, &failure);
	/* When this connection is lost, the others still bring what was planned. */
	bool fetched = sync_pool_finish(run->pool, ok ? worker : NULL, ok ? error : NULL);
	if (!ok) {
		g_propagate_error(error, failure);
		return false;
	}
	return fetched && finish_mailboxes(run, mailboxes, error);
}

bool
sync_account_run(SyncRun *run, GError **error)
{
	SyncWorker worker = { .run = run };

	if (!sync_worker_open(&worker, error))
		return false;
	run->pool = sync_pool_new(run);
	bool ok = run_connected(&worker, error);
	if (!ok)
		sync_pool_finish(run->pool, NULL, NULL); /* for a failure before any was planned; harmless the second time */
	g_clear_pointer(&run->pool, sync_pool_free);
	sync_worker_close(&worker);
	return ok;
}
