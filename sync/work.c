/* A job in the hands of a worker, and what becomes of it when it fails. */
#include "sync/pool.h"

#include "core/log.h"

/* A job for the messages @from to @to (without it) of @job. */
static SyncJob *
piece(const SyncJob *job, guint from, guint to)
{
	SyncJob *part = sync_job_new(job->mailbox_id, job->server_name, job->path, job->uidvalidity);

	part->headers = job->headers;
	part->matched = job->matched;
	for (guint i = from; i < to; i++)
		sync_job_want(part, &g_array_index(job->wanted, SyncWanted, i));
	return part;
}

static void
give_back_piece(SyncPool *pool, const SyncJob *job, guint from, guint to)
{
	if (from < to)
		sync_pool_give_back(pool, piece(job, from, to), false);
}

/* The message at which the connection ended is tried last.  The others are halved, the newer half comes first: a row of
 * such messages does not keep those behind it from coming. */
static void
cut_out(SyncPool *pool, SyncJob *job)
{
	guint at = 0, middle = job->wanted->len / 2;

	while (at < job->wanted->len && g_array_index(job->wanted, SyncWanted, at).uid != job->suspect)
		at++;
	if (at < job->wanted->len) {
		SyncJob *alone = piece(job, at, at + 1);
		alone->alone = true;
		sync_pool_give_back(pool, alone, false);
		g_array_remove_index(job->wanted, at);
	}
	give_back_piece(pool, job, 0, middle); /* taken after the next */
	give_back_piece(pool, job, middle, job->wanted->len);
	sync_job_free(job);
}

/* A server that says why it ends the connection does not do so because of a message. */
static void
put_away(SyncRun *run, SyncJob *job, const GError *failure)
{
	bool is_suspected = job->suspect && core_error_code(failure) != CORE_ERROR_BUSY;

	if (is_suspected && job->alone) {
		sync_warn(run, job->path, job->suspect, "the connection ended at this message twice; it is left out: %s",
		          failure->message);
		sync_pool_note_incomplete(run->pool, job->mailbox_id);
		sync_job_free(job);
	} else if (is_suspected) {
		cut_out(run->pool, job);
	} else {
		sync_pool_give_back(run->pool, job, true);
	}
}

bool
sync_work(SyncWorker *worker, SyncJob *job, GError **error)
{
	SyncRun *run = worker->run;
	GError *failure = NULL;

	if (job->urgent)
		return sync_urgent_work(worker, job, error);
	if (sync_fetch(worker, job, &failure)) {
		sync_job_free(job);
		return true;
	}
	if (core_error_scope(failure) <= CORE_SCOPE_MAILBOX && imap_session_alive(worker->session)) {
		sync_warn(run, job->path, 0, "%s", failure->message);
		sync_pool_note_incomplete(run->pool, job->mailbox_id);
		sync_job_free(job);
		g_error_free(failure);
		return true;
	}
	g_autofree char *where = g_strdup(job->path);
	put_away(run, job, failure);
	g_propagate_error(error, failure);
	return core_prefix(error, "%s: ", where);
}

static bool
reopen(SyncWorker *worker, GError **error)
{
	sync_worker_close(worker);
	return sync_worker_open(worker, error);
}

bool
sync_work_on(SyncWorker *worker, SyncJob *job, GError **error)
{
	GError *failure = NULL;

	if (job->alone) {
		/* All else is here, so the losses before have another cause than a server that is down. */
		if (!worker->tries_suspects)
			worker->losses = 0;
		worker->tries_suspects = true;
		if (worker->used && !reopen(worker, error)) {
			sync_pool_give_back(worker->run->pool, job, true);
			return false;
		}
	}
	if (sync_work(worker, job, &failure))
		return true;
	if (core_error_scope(failure) == CORE_SCOPE_PROGRAM || core_error_code(failure) == CORE_ERROR_BUSY ||
	    ++worker->losses >= SYNC_LOSSES_MAX) {
		g_propagate_error(error, failure);
		return false;
	}
	core_log(CORE_LOG_INFO, "sync", "%s: %s: connecting again", worker->run->account->name, failure->message);
	g_error_free(failure);
	return reopen(worker, error);
}
