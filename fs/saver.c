#include "fs/saver.h"

#include "core/clock.h"
#include "core/log.h"
#include "fs/error.h"
#include "fs/thread.h"

#include <errno.h>
#include <time.h>

#define GROUP_MAX 256 /* jobs of one transaction: others wait for the database meanwhile */

int fs_saver_look_ms = 15000;

struct FsSaver {
	Store *store;
	void (*committed)(void *data);
	void (*look)(void *data);
	void *data;
	StoreWriter *writer; /* the thread's; NULL: it could not be made yet */
	pthread_t thread;
	bool running;
	pthread_mutex_t lock; /* protects what follows; a leaf */
	pthread_cond_t changed;
	GQueue waiting; /* of FsJob */
	bool stopping;
};

static void
fail(GPtrArray *group, const GError *error)
{
	for (guint i = 0; i < group->len; i++) {
		FsJob *job = group->pdata[i];
		if (!job->error)
			job->error = g_error_copy(error);
	}
}

static void
prepare(FsSaver *saver, GPtrArray *group)
{
	g_autoptr(GError) error = NULL;
	bool any = false;

	for (guint i = 0; i < group->len; i++) {
		FsJob *job = group->pdata[i];
		if (!job->prepare)
			continue;
		if (!saver->writer && !(saver->writer = store_writer_new(saver->store, &job->error)))
			continue;
		if (job->prepare(job, saver->writer, &job->error))
			any = true;
	}
	if (any && !store_writer_sync(saver->writer, &error))
		fail(group, error);
}

static bool
is_own(const GError *error)
{
	return error->domain == FS_ERROR || core_error_code(error) == CORE_ERROR_NOT_FOUND ||
	       core_error_code(error) == CORE_ERROR_REFUSED;
}

typedef enum { APPLIED, REFUSED, FAILED } Outcome;

/* REFUSED: by the job that has an error now, which may have changed something before.  FAILED: the transaction has. */
static Outcome
apply(GPtrArray *group, StoreTxn *txn, bool *any_r, GError **error)
{
	*any_r = false;
	for (guint i = 0; i < group->len; i++) {
		FsJob *job = group->pdata[i];
		g_autoptr(GError) failure = NULL;
		if (job->error || !job->apply)
			continue;
		*any_r = true;
		if (job->apply(job, txn, &failure))
			continue;
		if (is_own(failure)) {
			job->error = g_steal_pointer(&failure);
			return REFUSED;
		}
		g_propagate_error(error, g_steal_pointer(&failure));
		return FAILED;
	}
	return APPLIED;
}

/* What is refused is taken back with all the rest, which is then done without it. */
static bool
commit(FsSaver *saver, GPtrArray *group, GError **error)
{
	Outcome outcome;

	do {
		g_autoptr(StoreTxn) txn = store_begin(saver->store, error);
		bool any;
		if (!txn)
			return false;
		outcome = apply(group, txn, &any, error);
		if (outcome == APPLIED && any) {
			if (!store_commit(g_steal_pointer(&txn), error))
				return false;
			saver->committed(saver->data);
		}
	} while (outcome == REFUSED);
	return outcome == APPLIED;
}

static bool
needs_transaction(GPtrArray *group)
{
	for (guint i = 0; i < group->len; i++) {
		const FsJob *job = group->pdata[i];
		if (job->apply && !job->error)
			return true;
	}
	return false;
}

/* All together; if that fails, each by itself, so that one spoils no other. */
static void
commit_group(FsSaver *saver, GPtrArray *group)
{
	g_autoptr(GError) error = NULL;

	if (!needs_transaction(group) || commit(saver, group, &error))
		return;
	if (group->len == 1) {
		fail(group, error);
		return;
	}
	for (guint i = 0; i < group->len; i++) {
		g_autoptr(GPtrArray) alone = g_ptr_array_new();
		g_autoptr(GError) failure = NULL;
		g_ptr_array_add(alone, group->pdata[i]);
		if (needs_transaction(alone) && !commit(saver, alone, &failure))
			fail(alone, failure);
	}
}

static void
save(FsSaver *saver, GPtrArray *group)
{
	prepare(saver, group);
	commit_group(saver, group);
	for (guint i = 0; i < group->len; i++) {
		FsJob *job = group->pdata[i];
		g_autoptr(GError) error = g_steal_pointer(&job->error);
		job->done(job, error);
	}
}

/* With the lock held: until something is submitted, or it is @until_ms. */
static void
wait(FsSaver *saver, int64_t until_ms)
{
	struct timespec until = { .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000L };

	pthread_cond_timedwait(&saver->changed, &saver->lock, &until);
}

static void *
run(void *data)
{
	FsSaver *saver = data;
	int64_t look_ms = core_clock_ms() + fs_saver_look_ms; /* however much there is to save */

	pthread_mutex_lock(&saver->lock);
	for (;;) {
		g_autoptr(GPtrArray) group = g_ptr_array_new();
		while (group->len < GROUP_MAX && !g_queue_is_empty(&saver->waiting))
			g_ptr_array_add(group, g_queue_pop_head(&saver->waiting));
		if (group->len == 0 && saver->stopping)
			break;
		bool is_due = core_clock_ms() >= look_ms;
		if (group->len == 0 && !is_due) {
			wait(saver, look_ms);
			continue;
		}
		pthread_mutex_unlock(&saver->lock);
		if (group->len > 0)
			save(saver, group);
		if (is_due) {
			saver->look(saver->data);
			look_ms = core_clock_ms() + fs_saver_look_ms;
		}
		pthread_mutex_lock(&saver->lock);
	}
	pthread_mutex_unlock(&saver->lock);
	store_writer_free(saver->writer);
	return NULL;
}

FsSaver *
fs_saver_new(Store *store, void (*committed)(void *data), void (*look)(void *data), void *data)
{
	FsSaver *saver = g_new0(FsSaver, 1);
	pthread_condattr_t attributes;

	saver->store = store;
	saver->committed = committed;
	saver->look = look;
	saver->data = data;
	g_queue_init(&saver->waiting);
	pthread_mutex_init(&saver->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&saver->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	return saver;
}

bool
fs_saver_start(FsSaver *saver, GError **error)
{
	errno = fs_thread_start(&saver->thread, run, saver);
	saver->running = errno == 0;
	return saver->running || core_throw_errno(error, "cannot start a thread");
}

void
fs_saver_submit(FsSaver *saver, FsJob *job)
{
	pthread_mutex_lock(&saver->lock);
	g_queue_push_tail(&saver->waiting, job);
	pthread_cond_signal(&saver->changed);
	pthread_mutex_unlock(&saver->lock);
}

bool
fs_saver_is_current(const FsSaver *saver)
{
	return pthread_equal(pthread_self(), saver->thread);
}

void
fs_saver_free(FsSaver *saver)
{
	if (!saver)
		return;
	pthread_mutex_lock(&saver->lock);
	saver->stopping = true;
	pthread_cond_signal(&saver->changed);
	pthread_mutex_unlock(&saver->lock);
	if (saver->running)
		pthread_join(saver->thread, NULL);
	else
		run(saver); /* who has asked already hears something */
	pthread_cond_destroy(&saver->changed);
	pthread_mutex_destroy(&saver->lock);
	g_free(saver);
}
