/* The account's thread adds jobs while it pulls one mailbox after the other; workers are started as the work grows, each
 * with a connection of its own, and prefer jobs of the mailbox they have selected.  A server that refuses another
 * connection, or ends it, only makes the pool smaller.
 */
#include "sync/pool-private.h"

#include "core/log.h"

#include <string.h>

#define WORKER_PER_BYTES (1024 * 1024) /* this much work is worth another connection */
#define WORKER_PER_MESSAGES 200
#define WAITING_MAX_MESSAGES 10000 /* in the queue, between mailboxes: more are fetched before the next is pulled */

static void
free_uidset(void *data)
{
	imap_uidset_clear(data);
	g_free(data);
}

static void
free_planned(void *data)
{
	SyncPlanned *planned = data;

	g_ptr_array_unref(planned->jobs);
	g_free(planned);
}

SyncPool *
sync_pool_new(SyncRun *run)
{
	SyncPool *pool = g_new0(SyncPool, 1);

	pool->run = run;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->changed, NULL);
	g_queue_init(&pool->urgent);
	g_queue_init(&pool->jobs);
	g_queue_init(&pool->late);
	pool->rests = sync_rests_new();
	pool->incomplete = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	pool->planned = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, free_planned);
	return pool;
}

/* No thread of the pool is left. */
static void
join_all(SyncPool *pool)
{
	if (pool->led)
		pthread_join(pool->leader, NULL);
	pool->led = false;
	for (unsigned i = 0; i < pool->started; i++)
		pthread_join(pool->threads[i], NULL);
	pool->started = 0;
}

void
sync_pool_free(SyncPool *pool)
{
	join_all(pool);
	g_queue_clear_full(&pool->urgent, (GDestroyNotify)sync_job_free);
	g_queue_clear_full(&pool->jobs, (GDestroyNotify)sync_job_free);
	g_queue_clear_full(&pool->late, (GDestroyNotify)sync_job_free);
	g_hash_table_unref(pool->incomplete);
	g_hash_table_unref(pool->planned);
	sync_rests_free(pool->rests);
	g_clear_error(&pool->error);
	pthread_cond_destroy(&pool->changed);
	pthread_mutex_destroy(&pool->lock);
	g_free(pool);
}

bool
sync_pool_has_bulk(const SyncPool *pool)
{
	return pool->jobs.length > 0 || pool->late.length > 0 || pool->planning > 0;
}

bool
sync_pool_has_work(const SyncPool *pool)
{
	return !pool->error && (pool->urgent.length > 0 || sync_pool_has_bulk(pool));
}

/* One that is .alone is nothing for a connection beside others, which may yet give something back. */
bool
sync_pool_has_job(SyncPool *pool)
{
	const SyncJob *late = g_queue_peek_head(&pool->late);

	return pool->urgent.length > 0 || pool->jobs.length > 0 ||
	       (late && pool->closed && pool->planning == 0 && !(late->alone && pool->running > 0));
}

SyncJob *
sync_pool_pop(SyncPool *pool, const char *selected)
{
	GList *link = pool->jobs.head;

	if (!g_queue_is_empty(&pool->urgent))
		return g_queue_pop_head(&pool->urgent);
	for (GList *l = link; selected && l; l = l->next) {
		if (strcmp(((SyncJob *)l->data)->server_name, selected) == 0) {
			link = l;
			break;
		}
	}
	if (link) {
		SyncJob *job = link->data;
		g_queue_delete_link(&pool->jobs, link);
		pool->waiting_messages -= job->wanted->len;
		pool->planning += job->rest != NULL;
		return job;
	}
	return sync_pool_has_job(pool) ? g_queue_pop_head(&pool->late) : NULL;
}

/* The pool's error stops the others after the job they are at; theirs would be no news. */
static void
fail(SyncPool *pool, GError *error)
{
	pthread_mutex_lock(&pool->lock);
	if (!pool->error)
		pool->error = error;
	else
		g_error_free(error);
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
}

/* Plans what comes behind a job that sync_pool_pop() gave. */
void
sync_pool_plan_rest(SyncPool *pool, SyncJob *job)
{
	SyncRest *rest = job ? g_steal_pointer(&job->rest) : NULL;
	GError *error = NULL;

	if (!rest)
		return;
	if (sync_rests_count(pool->rests, rest) && !sync_plan_rest(pool->run, rest, &error))
		fail(pool, error);
	sync_rests_end(pool->rests, rest);
	sync_rest_free(rest);
	pthread_mutex_lock(&pool->lock);
	pool->planning--;
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
}

/* Waits for a job; NULL when none comes any more.  The account's thread stays for what others may give back. */
static SyncJob *
take(SyncPool *pool, const char *selected, bool is_account_thread)
{
	SyncJob *job = NULL;

	pthread_mutex_lock(&pool->lock);
	while (!pool->error && !(job = sync_pool_pop(pool, selected)) &&
	       (pool->planning > 0 || (is_account_thread ? pool->running > 0 : !pool->closed)))
		pthread_cond_wait(&pool->changed, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
	sync_pool_plan_rest(pool, job);
	return job;
}

static void *
worker_main(void *data)
{
	SyncPool *pool = data;
	SyncWorker worker = { .run = pool->run };
	GError *error = NULL;

	if (sync_worker_open(&worker, &error)) {
		SyncJob *job;
		while (!error && (job = take(pool, imap_session_selected(worker.session), false)))
			sync_work(&worker, job, &error);
		sync_worker_close(&worker);
	}
	/* The account's own connection works, so the jobs do not depend on this one. */
	bool is_lost = error != NULL;
	if (is_lost && core_error_scope(error) == CORE_SCOPE_PROGRAM) {
		fail(pool, g_steal_pointer(&error));
	} else if (is_lost) {
		core_log(CORE_LOG_INFO, "sync", "%s: a connection fewer: %s", pool->run->account->name, error->message);
		g_clear_error(&error);
	}
	pthread_mutex_lock(&pool->lock);
	pool->shrunk |= is_lost;
	pool->running--;
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* With the lock held. */
static void
grow(SyncPool *pool)
{
	unsigned limit = pool->run->account->connections ? pool->run->account->connections : SYNC_CONNECTIONS;
	uint64_t worth = MAX(pool->planned_bytes / WORKER_PER_BYTES, pool->planned_messages / WORKER_PER_MESSAGES);

	limit = MIN(limit, SYNC_WORKERS_MAX) - 1; /* the account's thread, or the leader, is one of them */
	if (pool->shrunk || pool->running >= limit || pool->started == limit || worth <= pool->running)
		return;
	if (pool->background && !pool->leads)
		return; /* nobody would wait for it */
	int failed = pthread_create(&pool->threads[pool->started], NULL, worker_main, pool);
	if (failed) {
		core_log(CORE_LOG_INFO, "sync", "no further thread: %s", g_strerror(failed));
		pool->shrunk = true;
		return;
	}
	pool->started++;
	pool->running++;
}

/* What ends the account's own work ends the others' as well, unless it is only this connection that is gone. */
void
sync_pool_work_along(SyncPool *pool, SyncWorker *worker, GError **error)
{
	GError *failure = NULL;
	SyncJob *job;

	while (!failure && (job = take(pool, imap_session_selected(worker->session), true)))
		sync_work_on(worker, job, &failure);
	if (failure && (core_error_scope(failure) == CORE_SCOPE_PROGRAM || core_error_code(failure) == CORE_ERROR_BUSY))
		fail(pool, failure);
	else if (failure)
		g_propagate_error(error, failure);
}

/* With the lock held. */
static void
note_planned(SyncPool *pool, const SyncJob *job)
{
	SyncPlanned *planned = g_hash_table_lookup(pool->planned, &job->mailbox_id);

	if (!planned) {
		planned = g_new0(SyncPlanned, 1);
		planned->jobs = g_ptr_array_new_with_free_func(free_uidset);
		g_hash_table_insert(pool->planned, g_memdup2(&job->mailbox_id, sizeof job->mailbox_id), planned);
	}
	if (planned->uidvalidity != job->uidvalidity)
		g_ptr_array_set_size(planned->jobs, 0);
	if (planned->jobs->len == 0)
		planned->lowest = UINT32_MAX;
	planned->uidvalidity = job->uidvalidity;
	ImapUidSet *uids = g_new0(ImapUidSet, 1);
	for (guint i = 0; i < job->wanted->len; i++)
		imap_uidset_add(uids, g_array_index(job->wanted, SyncWanted, i).uid);
	if (uids->count > 0)
		planned->lowest = MIN(planned->lowest, uids->ranges[0].first);
	g_ptr_array_add(planned->jobs, uids);
}

bool
sync_pool_has_planned(SyncPool *pool, int64_t mailbox_id, uint32_t uidvalidity, uint32_t uid)
{
	pthread_mutex_lock(&pool->lock);
	const SyncPlanned *planned = g_hash_table_lookup(pool->planned, &mailbox_id);
	bool has = false;
	if (planned && planned->uidvalidity == uidvalidity && uid >= planned->lowest)
		for (guint i = 0; i < planned->jobs->len && !has; i++)
			has = imap_uidset_has(g_ptr_array_index(planned->jobs, i), uid);
	pthread_mutex_unlock(&pool->lock);
	return has;
}

void
sync_pool_add(SyncPool *pool, SyncJob *job)
{
	pthread_mutex_lock(&pool->lock);
	note_planned(pool, job);
	g_queue_push_tail(&pool->jobs, job);
	if (job->rest)
		sync_rests_note(pool->rests, job->rest);
	pool->waiting_messages += job->wanted->len;
	pool->planned_bytes += job->bytes;
	pool->planned_messages += job->wanted->len;
	sync_pool_lead(pool);
	grow(pool);
	pthread_cond_signal(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
}

uint32_t
sync_pool_plans_below(SyncPool *pool, int64_t mailbox_id, uint32_t uidvalidity)
{
	return sync_rests_below(pool->rests, mailbox_id, uidvalidity);
}

void
sync_pool_give_back(SyncPool *pool, SyncJob *job, bool first)
{
	pthread_mutex_lock(&pool->lock);
	if (job->alone) {
		g_queue_push_tail(&pool->late, job);
	} else if (first) {
		g_queue_push_head(&pool->jobs, job);
		pool->waiting_messages += job->wanted->len;
	} else {
		g_queue_push_head(&pool->late, job);
	}
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
}

void
sync_pool_note_incomplete(SyncPool *pool, int64_t mailbox_id)
{
	pthread_mutex_lock(&pool->lock);
	g_hash_table_add(pool->incomplete, g_memdup2(&mailbox_id, sizeof mailbox_id));
	pthread_mutex_unlock(&pool->lock);
}

bool
sync_pool_is_complete(SyncPool *pool, int64_t mailbox_id)
{
	pthread_mutex_lock(&pool->lock);
	/* After an error jobs were left, or dropped, and nobody knows of which mailboxes. */
	bool complete = !pool->error && !sync_pool_has_bulk(pool) && !g_hash_table_contains(pool->incomplete, &mailbox_id);
	pthread_mutex_unlock(&pool->lock);
	return complete;
}

bool
sync_pool_help(SyncPool *pool, SyncWorker *worker, GError **error)
{
	for (;;) {
		SyncJob *job = NULL;
		pthread_mutex_lock(&pool->lock);
		GError *failure = pool->error ? g_error_copy(pool->error) : NULL;
		bool helps = pool->background ? pool->urgent.length > 0
		                              : pool->running == 0 || pool->waiting_messages > WAITING_MAX_MESSAGES;
		if (!failure && helps)
			job = sync_pool_pop(pool, imap_session_selected(worker->session));
		pthread_mutex_unlock(&pool->lock);
		if (failure) {
			g_propagate_error(error, failure);
			return false;
		}
		if (!job)
			return true;
		sync_pool_plan_rest(pool, job);
		if (!sync_work_on(worker, job, error))
			return false;
	}
}

bool
sync_pool_finish(SyncPool *pool, SyncWorker *worker, GError **error)
{
	GError *failure = NULL;

	pthread_mutex_lock(&pool->lock);
	pool->closed = true;
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);

	if (worker)
		sync_pool_work_along(pool, worker, &failure);
	join_all(pool);
	/* No thread but ours is left. */
	if (pool->error) {
		g_clear_error(&failure);
		failure = g_steal_pointer(&pool->error);
	} else if (g_queue_is_empty(&pool->jobs) && g_queue_is_empty(&pool->late)) {
		g_clear_error(&failure); /* the others brought it all */
		return true;
	}
	if (!failure)
		return core_throw(error, CORE_ERROR_UNREACHABLE, "the connections were lost before everything was fetched");
	g_propagate_error(error, failure);
	return false;
}
