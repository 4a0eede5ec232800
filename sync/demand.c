#include "sync/demand.h"

#include "core/clock.h"

#include <errno.h>
#include <pthread.h>

typedef struct {
	SyncFetchedFn fn;
	void *data;
	int64_t deadline_ms;
} Waiter;

typedef struct {
	Waiter waiter;
	GError *failure; /* NULL: it is here */
} Answer;

typedef struct {
	GError *error;
	int64_t until_ms;
} Failed;

struct SyncDemand {
	pthread_t thread;
	pthread_mutex_t lock; /* protects what follows; a leaf */
	pthread_cond_t changed;
	GHashTable *wanted;   /* id of a message -> GArray of Waiter */
	GHashTable *failed;   /* id of a message -> Failed */
	GArray *answers;      /* of Answer */
	bool stopping;
};

static void
failed_free(void *data)
{
	g_error_free(((Failed *)data)->error);
	g_free(data);
}

static void
waiters_free(void *data)
{
	g_array_unref(data);
}

/* With the lock held, as all up to tell(). */
static void
answer(SyncDemand *demand, const Waiter *waiter, const GError *failure)
{
	Answer one = { *waiter, failure ? g_error_copy(failure) : NULL };

	g_array_append_val(demand->answers, one);
}

static void
remember(SyncDemand *demand, int64_t message_id, const GError *failure)
{
	Failed *failed = g_new0(Failed, 1);

	failed->error = g_error_copy(failure);
	failed->until_ms = core_clock_ms() + SYNC_DEMAND_FAILED_MS;
	g_hash_table_replace(demand->failed, g_memdup2(&message_id, sizeof message_id), failed);
}

/* Takes out who has waited too long.  What he waits for goes on.  The next deadline of all. */
static int64_t
expire(SyncDemand *demand, int64_t now_ms)
{
	g_autoptr(GError) late = NULL;
	int64_t next_ms = INT64_MAX;
	GHashTableIter iter;
	void *id, *waiters;

	core_throw(&late, CORE_ERROR_UNREACHABLE, "the server did not give the message in time");
	g_hash_table_iter_init(&iter, demand->wanted);
	while (g_hash_table_iter_next(&iter, &id, &waiters)) {
		GArray *all = waiters;
		for (guint i = all->len; i-- > 0;) {
			const Waiter *waiter = &g_array_index(all, Waiter, i);
			if (waiter->deadline_ms > now_ms) {
				next_ms = MIN(next_ms, waiter->deadline_ms);
				continue;
			}
			answer(demand, waiter, late);
			remember(demand, *(int64_t *)id, late);
			g_array_remove_index_fast(all, i);
		}
	}
	return next_ms;
}

static gboolean
is_over(void *id, void *failed, void *now_ms)
{
	return ((Failed *)failed)->until_ms <= *(int64_t *)now_ms;
}

static void
give_up(SyncDemand *demand)
{
	g_autoptr(GError) cancelled = NULL;
	GHashTableIter iter;
	void *waiters;

	core_throw(&cancelled, CORE_ERROR_CANCELLED, "stopped before the message was here");
	g_hash_table_iter_init(&iter, demand->wanted);
	while (g_hash_table_iter_next(&iter, NULL, &waiters))
		for (guint i = 0; i < ((GArray *)waiters)->len; i++)
			answer(demand, &g_array_index((GArray *)waiters, Waiter, i), cancelled);
	g_hash_table_remove_all(demand->wanted);
}

/* Lets go of the lock meanwhile. */
static void
tell(SyncDemand *demand)
{
	g_autoptr(GArray) answers = demand->answers;

	demand->answers = g_array_new(FALSE, FALSE, sizeof(Answer));
	pthread_mutex_unlock(&demand->lock);
	for (guint i = 0; i < answers->len; i++) {
		Answer *one = &g_array_index(answers, Answer, i);
		one->waiter.fn(one->failure, one->waiter.data);
		g_clear_error(&one->failure);
	}
	pthread_mutex_lock(&demand->lock);
}

static void
wait_until(SyncDemand *demand, int64_t until_ms)
{
	if (until_ms == INT64_MAX) {
		pthread_cond_wait(&demand->changed, &demand->lock);
		return;
	}
	struct timespec until = { until_ms / 1000, until_ms % 1000 * 1000000 };
	pthread_cond_timedwait(&demand->changed, &demand->lock, &until);
}

static void *
run(void *data)
{
	SyncDemand *demand = data;

	pthread_mutex_lock(&demand->lock);
	while (!demand->stopping) {
		int64_t next_ms = expire(demand, core_clock_ms());
		if (demand->answers->len > 0)
			tell(demand);
		else
			wait_until(demand, next_ms);
	}
	give_up(demand);
	tell(demand);
	pthread_mutex_unlock(&demand->lock);
	return NULL;
}

static void
release(SyncDemand *demand)
{
	g_hash_table_unref(demand->wanted);
	g_hash_table_unref(demand->failed);
	g_array_unref(demand->answers);
	pthread_cond_destroy(&demand->changed);
	pthread_mutex_destroy(&demand->lock);
	g_free(demand);
}

SyncDemand *
sync_demand_new(GError **error)
{
	SyncDemand *demand = g_new0(SyncDemand, 1);
	pthread_condattr_t attributes;

	demand->wanted = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, waiters_free);
	demand->failed = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, failed_free);
	demand->answers = g_array_new(FALSE, FALSE, sizeof(Answer));
	pthread_mutex_init(&demand->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&demand->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	int failed = pthread_create(&demand->thread, NULL, run, demand);
	if (!failed)
		return demand;
	release(demand);
	core_throw(error, CORE_ERROR_IO, "cannot start a thread: %s", g_strerror(failed));
	return NULL;
}

void
sync_demand_free(SyncDemand *demand)
{
	if (!demand)
		return;
	pthread_mutex_lock(&demand->lock);
	demand->stopping = true;
	pthread_cond_broadcast(&demand->changed);
	pthread_mutex_unlock(&demand->lock);
	pthread_join(demand->thread, NULL);
	release(demand);
}

bool
sync_demand_add(SyncDemand *demand, int64_t message_id, int64_t deadline_ms, SyncFetchedFn fn, void *data,
                bool *first_r, GError **error)
{
	Waiter waiter = { fn, data, deadline_ms };
	int64_t now_ms = core_clock_ms();

	pthread_mutex_lock(&demand->lock);
	g_hash_table_foreach_remove(demand->failed, is_over, &now_ms);
	const Failed *failed = g_hash_table_lookup(demand->failed, &message_id);
	if (failed) {
		g_propagate_error(error, g_error_copy(failed->error));
		pthread_mutex_unlock(&demand->lock);
		return false;
	}
	GArray *waiters = g_hash_table_lookup(demand->wanted, &message_id);
	*first_r = !waiters;
	if (!waiters) {
		waiters = g_array_new(FALSE, FALSE, sizeof(Waiter));
		g_hash_table_insert(demand->wanted, g_memdup2(&message_id, sizeof message_id), waiters);
	}
	g_array_append_val(waiters, waiter);
	pthread_cond_broadcast(&demand->changed);
	pthread_mutex_unlock(&demand->lock);
	return true;
}

void
sync_demand_abandon(SyncDemand *demand, int64_t message_id, const void *fn_data)
{
	g_autoptr(GError) abandoned = NULL;

	core_throw(&abandoned, CORE_ERROR_CANCELLED, "nobody waits any more");
	pthread_mutex_lock(&demand->lock);
	GArray *waiters = g_hash_table_lookup(demand->wanted, &message_id);
	for (guint i = waiters ? waiters->len : 0; i-- > 0;) {
		const Waiter *waiter = &g_array_index(waiters, Waiter, i);
		if (waiter->data != fn_data)
			continue;
		answer(demand, waiter, abandoned);
		g_array_remove_index_fast(waiters, i);
	}
	pthread_cond_broadcast(&demand->changed);
	pthread_mutex_unlock(&demand->lock);
}

void
sync_demand_end(SyncDemand *demand, int64_t message_id, GError *failure)
{
	pthread_mutex_lock(&demand->lock);
	const GArray *waiters = g_hash_table_lookup(demand->wanted, &message_id);
	for (guint i = 0; waiters && i < waiters->len; i++)
		answer(demand, &g_array_index(waiters, Waiter, i), failure);
	g_hash_table_remove(demand->wanted, &message_id);
	if (failure)
		remember(demand, message_id, failure);
	else
		g_hash_table_remove(demand->failed, &message_id);
	pthread_cond_broadcast(&demand->changed);
	pthread_mutex_unlock(&demand->lock);
	g_clear_error(&failure);
}
