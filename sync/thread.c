/* An account's thread: one run after the other as they are asked for; or, once accounts are followed, a connection that
 * stays, with runs ("passes") when they are asked for, when the connection is new, and now and then.
 *
 * A run that begins at ticket n answers all requests up to n.  It ends when its bodies are here; what is asked for
 * meanwhile begins at once, and both end together.
 */
#include "core/clock.h"
#include "core/log.h"
#include "mime/outline.h"
#include "store/operations.h"
#include "sync/bodies.h"
#include "sync/derive.h"
#include "sync/engine-private.h"
#include "sync/follow.h"
#include "sync/pool.h"
#include "sync/unsent.h"
#include "sync/retry.h"

#include <poll.h>
#include <unistd.h>

#define PUSH_AGAIN_MS (60 * 1000) /* what could not be sent is looked at again */
#define RESTS_MAX 3               /* times that a run's end is put off for what can be sent then */

typedef struct {
	SyncSlot *slot;
	int64_t account_id;    /* 0: not in the store yet */
	int64_t last_sync_s;
	SyncFollow follow;     /* valid while follows */
	bool is_following;     /* the engine follows; there may be no connection yet */
	bool follows;
	bool runs;             /* a run was begun and has not ended */
	uint64_t begun;        /* the ticket of the last one */
	bool asked;            /* somebody waits for that run: it is to send all */
	unsigned rests;        /* how often what it left was sent */
	bool pass;             /* everything is to be looked at */
	SyncRetry retry;
	unsigned troubles;     /* times in a row that the bodies did not come although there was a connection */
	int64_t pass_ms;       /* when they are asked for again; INT64_MAX: they are not missed */
	int64_t push_ms;       /* when something can be sent; INT64_MAX: nothing is queued */
	int64_t tried_s;       /* when what was due was sent last, by the wall clock */
} Thread;

/* Before the first run, so that grep finds what is here although derived.db was removed or is of an older version. */
static bool
derive_once(SyncEngine *engine, GError **error)
{
	pthread_mutex_lock(&engine->derive_lock);
	bool ok = engine->derived || sync_derive_missing(engine->store, engine->cancel, error);
	engine->derived = ok;
	pthread_mutex_unlock(&engine->derive_lock);
	return ok;
}

static bool
ensure_account(Thread *thread, GError **error)
{
	Store *store = thread->slot->engine->store;
	g_auto(StoreAccount) account = { 0 };
	GError *failure = NULL;

	if (thread->account_id)
		return true;
	if (store_account_find(store, thread->slot->account->name, &account, &failure)) {
		thread->account_id = account.id;
		thread->last_sync_s = account.last_sync_s;
		return true;
	}
	if (failure) {
		g_propagate_error(error, failure);
		return false;
	}
	g_autoptr(StoreTxn) txn = store_begin(store, error);
	return txn && store_account_ensure(txn, thread->slot->account->name, &thread->account_id, error) &&
	       store_commit(g_steal_pointer(&txn), error);
}

static bool
note_result(const Thread *thread, const char *message, GError **error)
{
	g_autoptr(StoreTxn) txn = store_begin(thread->slot->engine->store, error);

	return txn && store_account_set_result(txn, thread->account_id, thread->last_sync_s, message, error) &&
	       store_commit(g_steal_pointer(&txn), error);
}

static SyncRun
new_run(const Thread *thread)
{
	const SyncSlot *slot = thread->slot;

	return (SyncRun){
		.store = slot->engine->store,
		.account = slot->account,
		.account_id = thread->account_id,
		.cancel = slot->engine->cancel,
		.progress = slot->progress,
		.demand = slot->engine->demand,
	};
}

/* Gives back the space of what the server no longer has, and of what is not to be kept. */
static bool
tidy(const Thread *thread, GError **error)
{
	SyncEngine *engine = thread->slot->engine;
	SyncRun run = new_run(thread);
	bool due;

	if (!sync_bodies_shed(&run, error) || !store_compact_due(engine->store, &due, error) ||
	    !store_operation_prune(engine->store, error))
		return false;
	if (due && !store_compact(engine->store, engine->cancel, error))
		return false;
	if (!store_derived_prune(engine->store, MIME_DERIVE_VERSION, MIME_OUTLINE_VERSION, engine->cancel, error))
		return false;
	return sync_derive_note_complete(engine->store, error);
}

/* The log has named each of them. */
static bool
nothing_was_left_out(const Thread *thread, GError **error)
{
	SyncStatus status = { 0 };

	sync_progress_snapshot(thread->slot->progress, &status);
	unsigned count = status.warnings;
	sync_status_clear(&status);
	if (count == 0)
		return true;
	if (count == 1)
		return core_throw(error, CORE_ERROR_BUSY, "1 folder or message could not be brought here; it is tried again next time");
	return core_throw(error, CORE_ERROR_BUSY, "%u folders or messages could not be brought here; they are tried again next time",
	                  count);
}

static void
log_unsent(const char *words, void *data)
{
	const Thread *thread = data;

	core_log(CORE_LOG_WARNING, "sync", "%s: %s", thread->slot->account->name, words);
}

/* Takes @failure: what the run failed with; NULL: nothing. */
static void
end_run(Thread *thread, uint64_t ticket, GError *failure)
{
	SyncSlot *slot = thread->slot;
	SyncEngine *engine = slot->engine;
	g_autoptr(GError) unsaved = NULL, unsent = NULL;
	g_autofree char *lasting = NULL;
	bool ended = failure == NULL;
	StoreOperationCounts counts = { 0 };

	if (ended && nothing_was_left_out(thread, &failure)) {
		thread->last_sync_s = core_clock_wall_s();
		/* What was put off has been logged with the server's words when it was. */
		sync_unsent_check(engine->store, thread->account_id, false, log_unsent, thread, &unsent);
		store_operation_counts(engine->store, thread->account_id, &counts, NULL);
	}
	if (ended)
		tidy(thread, failure ? NULL : &failure);
	/* That somebody stopped it is nothing to mend; what is unsent is seen by its operations, as long as it is that. */
	const char *why = failure && core_error_code(failure) != CORE_ERROR_CANCELLED ? failure->message : NULL;
	if (why && thread->is_following && core_error_retry(failure) == CORE_RETRY_NEVER)
		why = lasting = g_strconcat(why, "; nothing more is tried until \"mailtree sync\"", NULL);
	if (thread->account_id && !note_result(thread, why, &unsaved))
		core_log(CORE_LOG_INFO, "sync", "%s: %s", slot->account->name, unsaved->message); /* the run's own error says more */
	sync_progress_end(slot->progress, thread->last_sync_s, why);
	thread->runs = false;
	if (!failure)
		failure = g_steal_pointer(&unsent);

	pthread_mutex_lock(&engine->lock);
	if (ticket > slot->ended) { /* else nobody asked for this run: how theirs ended stays */
		g_clear_error(&slot->error);
		slot->error = g_steal_pointer(&failure);
		slot->has_unsent = counts.pending > 0;
		slot->ended = ticket;
	}
	pthread_cond_broadcast(&engine->changed);
	pthread_mutex_unlock(&engine->lock);
	g_clear_error(&failure);
}

static void
begin_run(Thread *thread)
{
	if (!thread->runs) {
		sync_progress_begin(thread->slot->progress);
		thread->asked = false;
		thread->rests = 0;
	}
	thread->runs = true;
}

/* All at once, and then the connection is closed. */
static void
run_once(Thread *thread, uint64_t ticket)
{
	GError *failure = NULL;

	begin_run(thread);
	if (ensure_account(thread, &failure) && derive_once(thread->slot->engine, &failure)) {
		SyncRun run = new_run(thread);
		sync_account_run(&run, &failure);
	}
	end_run(thread, ticket, failure);
}

/* Following. */

/* @failure has ended the connection or kept it from coming about. */
static void
lose(Thread *thread, GError *failure)
{
	sync_slot_lose(thread->slot, failure);
	/* What is tried again may come to a line each five minutes, for days; and who has asked is told. */
	bool is_news = core_error_retry(failure) == CORE_RETRY_NEVER && !(thread->runs && thread->asked);
	core_log(is_news ? CORE_LOG_WARNING : CORE_LOG_INFO, "sync", "%s: %s", thread->slot->account->name, failure->message);
	sync_retry_lost(&thread->retry, failure, core_clock_ms());
	if (thread->runs)
		end_run(thread, thread->begun, failure);
	else
		g_error_free(failure);
}

typedef struct {
	int64_t tried_s, next_s;
} Untried;

static bool
note_untried(const StoreOperation *operation, void *data)
{
	Untried *untried = data;
	int64_t due_s = MAX(operation->created_s, operation->not_before_s);

	if (operation->state == STORE_OPERATION_QUEUED && due_s > untried->tried_s)
		untried->next_s = MIN(untried->next_s, due_s);
	return true;
}

/* When something can be sent next.  What was due by @tried_s (wall clock; 0: nothing) has been tried, and keeps what was
 * not from having its time. */
static void
plan_push(Thread *thread, int64_t tried_s)
{
	Store *store = thread->slot->engine->store;
	Untried untried = { tried_s, INT64_MAX };
	StoreOperationCounts counts;
	int64_t now_s = core_clock_wall_s(), now_ms = core_clock_ms();

	thread->push_ms = INT64_MAX;
	if (!store_operation_counts(store, thread->account_id, &counts, NULL) || counts.next_s == 0)
		return;
	if (counts.next_s > tried_s)
		untried.next_s = counts.next_s;
	else if (!store_operation_list(store, thread->account_id, note_untried, &untried, NULL))
		untried.next_s = INT64_MAX;
	if (untried.next_s != INT64_MAX)
		thread->push_ms = now_ms + MIN(MAX(untried.next_s - now_s, 0), G_MAXINT / 1000) * 1000;
	if (counts.next_s <= tried_s)
		thread->push_ms = MIN(thread->push_ms, now_ms + PUSH_AGAIN_MS);
}

static bool
start_following(Thread *thread, GError **error)
{
	if (thread->follows)
		return true;
	if (!ensure_account(thread, error) || !derive_once(thread->slot->engine, error))
		return false;
	SyncRun run = new_run(thread);
	sync_follow_init(&thread->follow, &run, thread->slot->wake_fd);
	thread->follows = true;
	sync_slot_set_pool(thread->slot, thread->follow.run.pool);
	return true;
}

static void
pass(Thread *thread, bool asked)
{
	GError *failure = NULL;

	begin_run(thread);
	thread->pass = false;
	thread->pass_ms = INT64_MAX;
	thread->asked |= asked;
	thread->tried_s = core_clock_wall_s();
	if (!start_following(thread, &failure) || !sync_follow_pass(&thread->follow, asked, &failure)) {
		lose(thread, failure);
		return;
	}
	sync_retry_connected(&thread->retry, core_clock_ms());
	sync_slot_lose(thread->slot, NULL);
	plan_push(thread, thread->tried_s);
}

static bool
is_connected(const Thread *thread)
{
	return thread->follows && thread->follow.worker.session;
}

/* What is possible only now that all is here is sent, before the run ends.  True: there was something. */
static bool
push_rest(Thread *thread)
{
	GError *failure = NULL;
	bool any = false;

	if (++thread->rests > RESTS_MAX)
		return false;
	thread->tried_s = core_clock_wall_s();
	if (!sync_follow_push(&thread->follow, thread->asked, &any, &failure)) {
		lose(thread, failure);
		return true;
	}
	return any;
}

/* Also without a connection: what the pool's own have come to is not to stand in the way of the next. */
static void
settle(Thread *thread)
{
	GError *failure = NULL;
	bool settled = false;

	if (!thread->follows)
		return;
	bool ok = sync_follow_settle(&thread->follow, &settled, &failure);
	if (!ok)
		thread->pass_ms = core_clock_ms() + sync_retry_pause_ms(thread->troubles++, failure);
	else if (settled && thread->pass_ms == INT64_MAX)
		thread->troubles = 0;
	if (thread->runs && settled && (!ok || !push_rest(thread))) {
		end_run(thread, thread->begun, failure);
		plan_push(thread, thread->tried_s);
	} else if (!ok) {
		core_log(CORE_LOG_WARNING, "sync", "%s: %s", thread->slot->account->name, failure->message);
		g_error_free(failure);
	}
}

/* Without a connection: until it is time to connect again, or somebody asks, or the network has changed. */
static void
wait_disconnected(Thread *thread)
{
	int64_t due_ms = thread->retry.due_ms, left_ms = due_ms == INT64_MAX ? -1 : MAX(due_ms - core_clock_ms(), 0);
	struct pollfd fds[1 + SYNC_ALARM_FDS] = { { .fd = thread->slot->wake_fd, .events = POLLIN } };
	bool network = false;

	for (int i = 0; i < SYNC_ALARM_FDS; i++)
		fds[i + 1] = (struct pollfd){ .fd = thread->follows ? thread->follow.watch.alarm.fds[i] : -1, .events = POLLIN };
	poll(fds, G_N_ELEMENTS(fds), (int)MIN(left_ms, G_MAXINT));
	if (thread->follows && sync_alarm_take(&thread->follow.watch.alarm, &network) && network)
		sync_retry_network_changed(&thread->retry, core_clock_ms());
}

static void
wait_connected(Thread *thread)
{
	int64_t due_ms = MIN(thread->push_ms, thread->pass_ms);
	int64_t left_ms = due_ms == INT64_MAX ? -1 : MAX(due_ms - core_clock_ms(), 0);
	GError *failure = NULL;

	if (!sync_follow_wait(&thread->follow, (int)MIN(left_ms, G_MAXINT), &thread->pass, &failure))
		lose(thread, failure);
}

static void
push(Thread *thread)
{
	GError *failure = NULL;
	bool any;

	thread->tried_s = core_clock_wall_s();
	if (!sync_follow_push(&thread->follow, false, &any, &failure))
		lose(thread, failure);
	else
		plan_push(thread, thread->tried_s);
}

/* What is asked for is done at once; the rest waits. */
static void
follow(Thread *thread, uint64_t wanted, bool poked)
{
	thread->is_following = true;
	bool asked = wanted > thread->begun;
	bool due = core_clock_ms() >= (is_connected(thread) ? thread->pass_ms : thread->retry.due_ms);

	if (asked)
		thread->begun = wanted;
	if (poked && is_connected(thread))
		plan_push(thread, 0);
	if (asked || thread->pass || due)
		pass(thread, asked);
	else if (is_connected(thread) && core_clock_ms() >= thread->push_ms)
		push(thread);
	settle(thread);
	if ((thread->pass || thread->runs) && is_connected(thread) && sync_pool_is_idle(thread->follow.run.pool))
		return;
	if (is_connected(thread))
		wait_connected(thread);
	else
		wait_disconnected(thread);
}

/* Sleeps until there is something to do, where nothing is followed. */
static void
wait_idle(const SyncSlot *slot)
{
	struct pollfd fd = { .fd = slot->wake_fd, .events = POLLIN };

	poll(&fd, 1, -1);
}

void *
sync_thread_main(void *data)
{
	SyncSlot *slot = data;
	SyncEngine *engine = slot->engine;
	Thread thread = { .slot = slot, .push_ms = INT64_MAX, .pass_ms = INT64_MAX, .retry.due_ms = INT64_MAX };
	uint64_t count;

	for (;;) {
		if (read(slot->wake_fd, &count, sizeof count) < 0)
			count = 0; /* nobody has written */
		pthread_mutex_lock(&engine->lock);
		bool stopping = engine->stopping, following = engine->following, poked = slot->poked;
		uint64_t wanted = slot->wanted, ended = slot->ended;
		slot->poked = false;
		pthread_mutex_unlock(&engine->lock);

		if (stopping)
			break;
		if (following)
			follow(&thread, wanted, poked);
		else if (wanted > ended)
			run_once(&thread, wanted);
		else
			wait_idle(slot);
	}
	if (thread.follows) {
		sync_slot_set_pool(slot, NULL);
		sync_follow_clear(&thread.follow);
	}
	return NULL;
}
