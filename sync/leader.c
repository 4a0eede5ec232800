/* In the background a thread of the pool's own, the leader, takes the place of the account's thread while there are jobs. */
#include "sync/pool-private.h"

#include "core/clock.h"
#include "core/log.h"

#include <errno.h>
#include <unistd.h>

#define OPENING_MS 3000 /* if the second connection takes longer, the first does the work meanwhile */

SyncPool *
sync_pool_new_background(SyncRun *run, int wake_fd)
{
	SyncPool *pool = sync_pool_new(run);

	pool->background = pool->closed = true;
	pool->wake_fd = wake_fd;
	return pool;
}

static void
wake(const SyncPool *pool)
{
	uint64_t one = 1;

	if (write(pool->wake_fd, &one, sizeof one) < 0)
		core_log(CORE_LOG_WARNING, "sync", "cannot wake the account's thread: %s", g_strerror(errno));
}

static void
note_opening(SyncPool *pool, int64_t since_ms)
{
	pthread_mutex_lock(&pool->lock);
	pool->opening_ms = since_ms;
	pthread_mutex_unlock(&pool->lock);
}

/* Does jobs until none is left.  False: it could not even begin. */
static bool
lead_once(SyncPool *pool, GError **error)
{
	SyncWorker worker = { .run = pool->run };

	note_opening(pool, core_clock_ms());
	bool opened = sync_worker_open(&worker, error);
	note_opening(pool, 0);
	if (!opened)
		return false;
	sync_pool_work_along(pool, &worker, error);
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
		more = !failure && sync_pool_has_work(pool);
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

void
sync_pool_lead(SyncPool *pool)
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
sync_pool_add_urgent(SyncPool *pool, SyncJob *job)
{
	pthread_mutex_lock(&pool->lock);
	g_queue_push_tail(&pool->urgent, job);
	if (!pool->owner_waits)
		sync_pool_lead(pool);
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

bool
sync_pool_has_urgent(SyncPool *pool)
{
	pthread_mutex_lock(&pool->lock);
	bool has = pool->urgent.length > 0;
	pthread_mutex_unlock(&pool->lock);
	return has;
}

void
sync_pool_owner_waits(SyncPool *pool, bool waits)
{
	pthread_mutex_lock(&pool->lock);
	pool->owner_waits = waits;
	pthread_mutex_unlock(&pool->lock);
}

bool
sync_pool_is_idle(SyncPool *pool)
{
	pthread_mutex_lock(&pool->lock);
	bool idle = !sync_pool_has_work(pool) && (!pool->leads || (pool->opening_ms != 0 && pool->running == 0));
	pthread_mutex_unlock(&pool->lock);
	return idle;
}

int64_t
sync_pool_wants_help_ms(SyncPool *pool)
{
	int64_t when_ms = INT64_MAX;

	pthread_mutex_lock(&pool->lock);
	bool waits = pool->leads && pool->opening_ms != 0;
	if (pool->urgent.length > 0 || (pool->alone && !pool->leads && sync_pool_has_work(pool)))
		when_ms = 0;
	else if (waits && !pool->error && sync_pool_has_job(pool))
		when_ms = pool->opening_ms + OPENING_MS;
	pthread_mutex_unlock(&pool->lock);
	return when_ms;
}

bool
sync_pool_help_out(SyncPool *pool, SyncWorker *worker, GError **error)
{
	pthread_mutex_lock(&pool->lock);
	SyncJob *job = sync_pool_pop(pool, imap_session_selected(worker->session));
	pthread_mutex_unlock(&pool->lock);
	sync_pool_plan_rest(pool, job);
	return !job || sync_work_on(worker, job, error);
}

/* A leader that was started meanwhile, for a body that somebody waits for, stays. */
static void
join_ended(SyncPool *pool)
{
	pthread_t threads[SYNC_WORKERS_MAX + 1];
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
	g_hash_table_remove_all(pool->planned);
	pool->waiting_messages = pool->planned_bytes = pool->planned_messages = 0;
	pool->shrunk = pool->alone = false;
	pthread_mutex_unlock(&pool->lock);
	if (failure)
		g_propagate_error(error, failure);
	return !failure;
}
