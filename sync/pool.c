/* The jobs of a run and the workers that take them.
 *
 * The account's thread adds jobs while it pulls one mailbox after the other; workers are started as the work grows, each
 * with a connection of its own, and prefer jobs of the mailbox they have selected.  A server that refuses another
 * connection only makes the pool smaller.
 */
#include "core/log.h"
#include "sync/run.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define WORKER_PER_BYTES (1024 * 1024) /* this much waiting work is worth another connection */
#define WORKER_PER_MESSAGES 200
#define WORKERS_MAX 16

struct SyncPool {
	SyncRun *run;
	pthread_mutex_t lock; /* protects all below; a leaf but for progress */
	pthread_cond_t changed;
	GQueue jobs;          /* of SyncJob */
	uint64_t waiting_bytes, waiting_messages;
	bool closed;          /* no job comes any more */
	bool shrunk;          /* the server refused a connection: none is started any more */
	GError *error;        /* the first that left work undone */
	pthread_t threads[WORKERS_MAX];
	unsigned started, running;
};

SyncPool *
sync_pool_new(SyncRun *run)
{
	SyncPool *pool = g_new0(SyncPool, 1);

	pool->run = run;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->changed, NULL);
	g_queue_init(&pool->jobs);
	return pool;
}

void
sync_pool_free(SyncPool *pool)
{
	g_queue_clear_full(&pool->jobs, (GDestroyNotify)sync_job_free);
	g_clear_error(&pool->error);
	pthread_cond_destroy(&pool->changed);
	pthread_mutex_destroy(&pool->lock);
	g_free(pool);
}

/* Waits for a job; NULL when none comes any more.  @selected: preferred. */
static SyncJob *
take(SyncPool *pool, const char *selected)
{
	SyncJob *job = NULL;

	pthread_mutex_lock(&pool->lock);
	while (g_queue_is_empty(&pool->jobs) && !pool->closed && !pool->error)
		pthread_cond_wait(&pool->changed, &pool->lock);
	GList *link = pool->jobs.head;
	for (GList *l = link; selected && l; l = l->next) {
		if (strcmp(((SyncJob *)l->data)->server_name, selected) == 0) {
			link = l;
			break;
		}
	}
	if (link && !pool->error) {
		job = link->data;
		g_queue_delete_link(&pool->jobs, link);
		pool->waiting_bytes -= job->bytes;
		pool->waiting_messages -= job->wanted->len;
	}
	pthread_mutex_unlock(&pool->lock);
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

static void
work(SyncPool *pool, SyncWorker *worker)
{
	for (;;) {
		g_autoptr(SyncJob) job = take(pool, imap_session_selected(worker->session));
		GError *error = NULL;
		if (!job)
			return;
		if (sync_fetch(worker, job, &error))
			continue;
		if (core_error_scope(error) <= CORE_SCOPE_MAILBOX && imap_session_alive(worker->session)) {
			sync_warn(pool->run, job->path, 0, "%s", error->message);
			g_clear_error(&error);
			continue;
		}
		core_prefix(&error, "%s: ", job->path);
		fail(pool, error);
		return;
	}
}

static void *
worker_main(void *data)
{
	SyncPool *pool = data;
	SyncWorker worker = { .run = pool->run };
	g_autoptr(GError) error = NULL;

	if (sync_worker_open(&worker, &error)) {
		work(pool, &worker);
		sync_worker_close(&worker);
	} else {
		/* The account's own connection works, so the jobs do not depend on this one. */
		core_log(CORE_LOG_INFO, "sync", "%s: no further connection: %s", pool->run->account->name, error->message);
	}
	pthread_mutex_lock(&pool->lock);
	pool->shrunk |= error != NULL;
	pool->running--;
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* With the lock held. */
static void
grow(SyncPool *pool)
{
	unsigned limit = pool->run->account->connections ? pool->run->account->connections : SYNC_CONNECTIONS;
	uint64_t worth = MAX(pool->waiting_bytes / WORKER_PER_BYTES, pool->waiting_messages / WORKER_PER_MESSAGES);

	limit = MIN(limit, WORKERS_MAX) - 1; /* the account's thread is one of them */
	if (pool->shrunk || pool->running >= limit || pool->started == limit || worth <= pool->running)
		return;
	int failed = pthread_create(&pool->threads[pool->started], NULL, worker_main, pool);
	if (failed) {
		core_log(CORE_LOG_INFO, "sync", "no further thread: %s", g_strerror(failed));
		pool->shrunk = true;
		return;
	}
	pool->started++;
	pool->running++;
}

void
sync_pool_add(SyncPool *pool, SyncJob *job)
{
	pthread_mutex_lock(&pool->lock);
	g_queue_push_tail(&pool->jobs, job);
	pool->waiting_bytes += job->bytes;
	pool->waiting_messages += job->wanted->len;
	grow(pool);
	pthread_cond_signal(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
}

bool
sync_pool_finish(SyncPool *pool, SyncWorker *worker, GError **error)
{
	pthread_mutex_lock(&pool->lock);
	pool->closed = true;
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);

	if (worker)
		work(pool, worker);
	for (unsigned i = 0; i < pool->started; i++)
		pthread_join(pool->threads[i], NULL);
	pool->started = 0;
	/* No thread but ours is left. */
	if (pool->error) {
		g_propagate_error(error, g_steal_pointer(&pool->error));
		return false;
	}
	return g_queue_is_empty(&pool->jobs) ||
	       core_throw(error, CORE_ERROR_UNREACHABLE, "the connections were lost before everything was fetched");
}
