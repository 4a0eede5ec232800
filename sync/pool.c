/* The account's thread adds jobs while it pulls one mailbox after the other; workers are started as the work grows, each
 * with a connection of its own, and prefer jobs of the mailbox they have selected.  A server that refuses another
 * connection, or ends it, only makes the pool smaller.
 *
 * In the background a thread of the pool's own, the leader, takes the place of the account's thread in all of this while
 * there are jobs.
 */
#include "sync/pool.h"

#include "core/log.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define WORKER_PER_BYTES (1024 * 1024) /* this much work is worth another connection */
#define WORKER_PER_MESSAGES 200
#define WORKERS_MAX 16
#define WAITING_MAX_MESSAGES 10000 /* in the queue, between mailboxes: more are fetched before the next is pulled */

struct SyncPool {
	SyncRun *run;
	pthread_mutex_t lock; /* protects all below; only the log and rests are locked inside */
	pthread_cond_t changed;
	GQueue urgent;        /* of SyncJob, as are the next two: before all others */
	GQueue jobs;
	GQueue late;          /* what a broken connection left of some, taken when no other comes; those .alone are its end */
	uint64_t waiting_messages;  /* of jobs */
	uint64_t planned_bytes, planned_messages; /* of all that were added */
	SyncRests *rests;     /* of jobs, and those that are being planned; constant */
	unsigned planning;    /* threads that plan a rest */
	GHashTable *incomplete; /* ids of mailboxes (int64_t) */
	bool closed;          /* no job comes any more */
	bool shrunk;          /* the server refused or ended a connection: none is started any more */
	GError *error;        /* the first after which nobody can go on */
	pthread_t threads[WORKERS_MAX];
	unsigned started, running; /* without the account's thread, or the leader */
	bool owner_waits;     /* the account's thread does urgent jobs as soon as it is woken */
	bool background;      /* constant, as is the next */
	int wake_fd;          /* written when the leader has ended */
	pthread_t leader;
	bool leads, led;      /* the leader runs; or it has to be joined */
	bool alone;           /* the server grants no connection beside the account's own */
};

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
	return pool;
}

SyncPool *
sync_pool_new_background(SyncRun *run, int wake_fd)
{
	SyncPool *pool = sync_pool_new(run);

	pool->background = pool->closed = true;
	pool->wake_fd = wake_fd;
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
	sync_rests_free(pool->rests);
	g_clear_error(&pool->error);
	pthread_cond_destroy(&pool->changed);
	pthread_mutex_destroy(&pool->lock);
	g_free(pool);
}

/* With the lock held: the next job, or NULL.  @selected: preferred.  One that is .alone is nothing for a connection
 * beside others, which may yet give something back. */
static SyncJob *
pop(SyncPool *pool, const char *selected)
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
	const SyncJob *late = g_queue_peek_head(&pool->late);
	if (!late || !pool->closed || (late->alone && pool->running > 0))
		return NULL;
	return g_queue_pop_head(&pool->late);
}

static void fail(SyncPool *pool, GError *error);

/* Plans what comes behind a job that pop() gave. */
static void
plan_rest(SyncPool *pool, SyncJob *job)
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
	while (!pool->error && !(job = pop(pool, selected)) &&
	       (pool->planning > 0 || (is_account_thread ? pool->running > 0 : !pool->closed)))
		pthread_cond_wait(&pool->changed, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
	plan_rest(pool, job);
	return job;
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

	limit = MIN(limit, WORKERS_MAX) - 1; /* the account's thread is one of them */
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
static void
work_along(SyncPool *pool, SyncWorker *worker, GError **error)
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

static bool
has_bulk(const SyncPool *pool)
{
	return pool->jobs.length > 0 || pool->late.length > 0 || pool->planning > 0;
}

/* With the lock held: whether anything is left to do that can be done. */
static bool
has_work(const SyncPool *pool)
{
	return !pool->error && (pool->urgent.length > 0 || has_bulk(pool));
}

static void
wake(const SyncPool *pool)
{
	uint64_t one = 1;

	if (write(pool->wake_fd, &one, sizeof one) < 0)
		core_log(CORE_LOG_WARNING, "sync", "cannot wake the account's thread: %s", g_strerror(errno));
}

/* Does jobs until none is left.  False: it could not even begin. */
static bool
lead_once(SyncPool *pool, GError **error)
{
	SyncWorker worker = { .run = pool->run };

	if (!sync_worker_open(&worker, error))
		return false;
	work_along(pool, &worker, error);
	sync_worker_close(&worker);
	return true;
}

static void *
leader_main(void *data)
{
	SyncPool *pool = data;
	GError *failure = NULL;
	bool opened, more;

	do {
		opened = lead_once(pool, &failure);
		if (!opened)
			core_log(CORE_LOG_INFO, "sync", "%s: no second connection: %s", pool->run->account->name, failure->message);
		pthread_mutex_lock(&pool->lock);
		while (pool->running > 0) /* after an error: what they are at is ended */
			pthread_cond_wait(&pool->changed, &pool->lock);
		more = !failure && has_work(pool);
		pool->leads = more;
		pool->alone |= !opened;
		if (opened && failure && !pool->error)
			pool->error = g_steal_pointer(&failure);
		pthread_mutex_unlock(&pool->lock);
	} while (more);
	g_clear_error(&failure);
	wake(pool);
	return NULL;
}

/* With the lock held. */
static void
lead(SyncPool *pool)
{
	if (!pool->background || pool->leads || pool->alone || pool->error)
		return;
	if (pool->led)
		pthread_join(pool->leader, NULL); /* it has nothing more to do with the lock */
	int failed = pthread_create(&pool->leader, NULL, leader_main, pool);
	pool->led = pool->leads = failed == 0;
	pool->alone = failed != 0;
}

void
sync_pool_add(SyncPool *pool, SyncJob *job)
{
	pthread_mutex_lock(&pool->lock);
	g_queue_push_tail(&pool->jobs, job);
	if (job->rest)
		sync_rests_note(pool->rests, job->rest);
	pool->waiting_messages += job->wanted->len;
	pool->planned_bytes += job->bytes;
	pool->planned_messages += job->wanted->len;
	lead(pool);
	grow(pool);
	pthread_cond_signal(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
}

void
sync_pool_add_urgent(SyncPool *pool, SyncJob *job)
{
	pthread_mutex_lock(&pool->lock);
	g_queue_push_tail(&pool->urgent, job);
	if (!pool->owner_waits)
		lead(pool);
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
	wake(pool);
}

SyncJob *
sync_pool_take_urgent(SyncPool *pool)
{
	pthread_mutex_lock(&pool->lock);
	SyncJob *job = g_queue_pop_head(&pool->urgent);
	pthread_mutex_unlock(&pool->lock);
	return job;
}

void
sync_pool_owner_waits(SyncPool *pool, bool waits)
{
	pthread_mutex_lock(&pool->lock);
	pool->owner_waits = waits;
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
sync_pool_is_complete(const SyncPool *pool, int64_t mailbox_id)
{
	/* After an error jobs were left, or dropped, and nobody knows of which mailboxes. */
	return !pool->error && !has_bulk(pool) && !g_hash_table_contains(pool->incomplete, &mailbox_id);
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
			job = pop(pool, imap_session_selected(worker->session));
		pthread_mutex_unlock(&pool->lock);
		if (failure) {
			g_propagate_error(error, failure);
			return false;
		}
		if (!job)
			return true;
		plan_rest(pool, job);
		if (!sync_work_on(worker, job, error))
			return false;
	}
}

bool
sync_pool_is_idle(SyncPool *pool)
{
	pthread_mutex_lock(&pool->lock);
	bool idle = !pool->leads && !has_work(pool);
	pthread_mutex_unlock(&pool->lock);
	return idle;
}

bool
sync_pool_wants_help(SyncPool *pool)
{
	pthread_mutex_lock(&pool->lock);
	bool wants = pool->urgent.length > 0 || (pool->alone && !pool->leads && has_work(pool));
	pthread_mutex_unlock(&pool->lock);
	return wants;
}

bool
sync_pool_help_out(SyncPool *pool, SyncWorker *worker, GError **error)
{
	pthread_mutex_lock(&pool->lock);
	SyncJob *job = pop(pool, imap_session_selected(worker->session));
	pthread_mutex_unlock(&pool->lock);
	plan_rest(pool, job);
	return !job || sync_work_on(worker, job, error);
}

/* A leader that was started meanwhile, for a body that somebody waits for, stays. */
static void
join_ended(SyncPool *pool)
{
	pthread_t threads[WORKERS_MAX + 1];
	unsigned count = 0;

	pthread_mutex_lock(&pool->lock);
	if (!pool->leads) {
		if (pool->led)
			threads[count++] = pool->leader;
		for (unsigned i = 0; i < pool->started; i++)
			threads[count++] = pool->threads[i];
		pool->led = false;
		pool->started = 0;
	}
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

bool
sync_pool_settle(SyncPool *pool, GError **error)
{
	join_ended(pool);
	pthread_mutex_lock(&pool->lock);
	GError *failure = g_steal_pointer(&pool->error);
	sync_rests_clear(pool->rests);
	g_queue_clear_full(&pool->jobs, (GDestroyNotify)sync_job_free);
	g_queue_clear_full(&pool->late, (GDestroyNotify)sync_job_free);
	g_hash_table_remove_all(pool->incomplete);
	pool->waiting_messages = pool->planned_bytes = pool->planned_messages = 0;
	pool->shrunk = pool->alone = false;
	pthread_mutex_unlock(&pool->lock);
	if (failure)
		g_propagate_error(error, failure);
	return !failure;
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
		work_along(pool, worker, &failure);
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
