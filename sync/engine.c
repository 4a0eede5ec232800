/* The accounts' threads, and who waits for them.
 *
 * Every account has one thread, which sleeps until a request is newer than what it began last.  Requests are numbered by
 * tickets over the whole engine: a run that begins at ticket n answers all requests up to n.
 */
#include "sync/engine.h"

#include "core/clock.h"
#include "core/log.h"
#include "sync/derive.h"
#include "sync/progress.h"
#include "sync/run.h"

#include <pthread.h>
#include <string.h>

typedef struct {
	SyncEngine *engine;
	const SyncAccount *account;
	SyncProgress *progress;
	pthread_t thread;
	/* Protected by the engine's lock: */
	uint64_t wanted, ended; /* tickets */
	GError *error;          /* of the run that ended last; NULL: it went well */
} Slot;

struct SyncEngine {
	Store *store;
	CoreCancel *cancel;
	pthread_mutex_t lock; /* a leaf */
	pthread_cond_t changed;
	uint64_t tickets;     /* protected by lock, as is the next */
	bool stopping;
	pthread_mutex_t derive_lock; /* before lock; held while missing texts are made: who needs them waits */
	bool derived;         /* they were; protected by derive_lock */
	size_t count;
	Slot *slots;
};

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
ensure_account(Store *store, const char *name, int64_t *id_r, int64_t *last_sync_r, GError **error)
{
	g_auto(StoreAccount) account = { 0 };
	GError *failure = NULL;

	if (store_account_find(store, name, &account, &failure)) {
		*id_r = account.id;
		*last_sync_r = account.last_sync_s;
		return true;
	}
	if (failure) {
		g_propagate_error(error, failure);
		return false;
	}
	g_autoptr(StoreTxn) txn = store_begin(store, error);
	return txn && store_account_ensure(txn, name, id_r, error) && store_commit(g_steal_pointer(&txn), error);
}

static bool
note_result(Store *store, int64_t account_id, int64_t last_sync_s, const char *message, GError **error)
{
	g_autoptr(StoreTxn) txn = store_begin(store, error);

	return txn && store_account_set_result(txn, account_id, last_sync_s, message, error) &&
	       store_commit(g_steal_pointer(&txn), error);
}

/* Gives back the space of what the server no longer has. */
static bool
tidy(SyncEngine *engine, GError **error)
{
	bool due;

	if (!store_compact_due(engine->store, &due, error))
		return false;
	return !due || (store_compact(engine->store, engine->cancel, error) &&
	                store_derived_prune(engine->store, MIME_DERIVE_VERSION, engine->cancel, error));
}

/* The log has named each of them. */
static bool
nothing_was_left_out(Slot *slot, GError **error)
{
	SyncStatus status = { 0 };

	sync_progress_snapshot(slot->progress, &status);
	unsigned count = status.warnings;
	sync_status_clear(&status);
	if (count == 0)
		return true;
	if (count == 1)
		return core_throw(error, CORE_ERROR_BUSY, "1 folder or message could not be brought here; it is tried again next time");
	return core_throw(error, CORE_ERROR_BUSY, "%u folders or messages could not be brought here; they are tried again next time",
	                  count);
}

static bool
run_account(Slot *slot, GError **error)
{
	SyncEngine *engine = slot->engine;
	SyncRun run = { .store = engine->store, .account = slot->account, .cancel = engine->cancel, .progress = slot->progress };
	g_autoptr(GError) unsaved = NULL;
	GError *failure = NULL;
	int64_t last_sync_s = 0;

	sync_progress_begin(slot->progress);
	bool ended = ensure_account(engine->store, slot->account->name, &run.account_id, &last_sync_s, &failure) &&
	             derive_once(engine, &failure) && sync_account_run(&run, &failure);
	bool ok = ended && nothing_was_left_out(slot, &failure);
	if (ok)
		last_sync_s = core_clock_wall_s();
	if (ended && !tidy(engine, ok ? &failure : NULL))
		ok = false;
	/* That somebody stopped it is nothing to mend. */
	const char *why = failure && core_error_code(failure) != CORE_ERROR_CANCELLED ? failure->message : NULL;
	if (run.account_id && !note_result(engine->store, run.account_id, last_sync_s, why, &unsaved))
		core_log(CORE_LOG_INFO, "sync", "%s: %s", slot->account->name, unsaved->message); /* the run's own error says more */
	sync_progress_end(slot->progress, last_sync_s, why);
	if (failure)
		g_propagate_error(error, failure);
	return ok;
}

static void *
account_main(void *data)
{
	Slot *slot = data;
	SyncEngine *engine = slot->engine;

	pthread_mutex_lock(&engine->lock);
	for (;;) {
		while (!engine->stopping && slot->wanted <= slot->ended)
			pthread_cond_wait(&engine->changed, &engine->lock);
		if (engine->stopping)
			break;
		uint64_t ticket = slot->wanted;
		pthread_mutex_unlock(&engine->lock);

		GError *error = NULL;
		run_account(slot, &error);

		pthread_mutex_lock(&engine->lock);
		g_clear_error(&slot->error);
		slot->error = error;
		slot->ended = ticket;
		pthread_cond_broadcast(&engine->changed);
	}
	pthread_mutex_unlock(&engine->lock);
	return NULL;
}

/* The next slot counts once its thread runs. */
static bool
start(SyncEngine *engine, const SyncAccount *account, GError **error)
{
	Slot *slot = &engine->slots[engine->count];
	g_auto(StoreAccount) known = { 0 };

	slot->engine = engine;
	slot->account = account;
	slot->progress = sync_progress_new(account->name);
	if (store_account_find(engine->store, account->name, &known, NULL))
		sync_progress_end(slot->progress, known.last_sync_s, known.last_error);
	int failed = pthread_create(&slot->thread, NULL, account_main, slot);
	if (failed) {
		sync_progress_free(slot->progress);
		return core_throw(error, CORE_ERROR_IO, "cannot start a thread: %s", g_strerror(failed));
	}
	engine->count++;
	return true;
}

SyncEngine *
sync_engine_new(Store *store, const SyncAccount *accounts, size_t count, GError **error)
{
	CoreCancel *cancel = core_cancel_try(error);
	pthread_condattr_t attributes;

	if (!cancel)
		return NULL;
	g_autoptr(SyncEngine) engine = g_new0(SyncEngine, 1);
	engine->store = store;
	engine->cancel = cancel;
	engine->slots = g_new0(Slot, count);
	pthread_mutex_init(&engine->lock, NULL);
	pthread_mutex_init(&engine->derive_lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&engine->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	for (size_t i = 0; i < count; i++)
		if (!start(engine, &accounts[i], error))
			return NULL;
	return g_steal_pointer(&engine);
}

void
sync_engine_free(SyncEngine *engine)
{
	if (!engine)
		return;
	core_cancel_trigger(engine->cancel);
	pthread_mutex_lock(&engine->lock);
	engine->stopping = true;
	pthread_cond_broadcast(&engine->changed);
	pthread_mutex_unlock(&engine->lock);
	for (size_t i = 0; i < engine->count; i++) {
		pthread_join(engine->slots[i].thread, NULL);
		sync_progress_free(engine->slots[i].progress);
		g_clear_error(&engine->slots[i].error);
	}
	core_cancel_unref(engine->cancel);
	pthread_cond_destroy(&engine->changed);
	pthread_mutex_destroy(&engine->derive_lock);
	pthread_mutex_destroy(&engine->lock);
	g_free(engine->slots);
	g_free(engine);
}

static bool
is_asked(const Slot *slot, const char *account)
{
	return !account || !*account || strcmp(slot->account->name, account) == 0;
}

uint64_t
sync_engine_request(SyncEngine *engine, const char *account, GError **error)
{
	bool any = false;

	pthread_mutex_lock(&engine->lock);
	uint64_t ticket = ++engine->tickets;
	for (size_t i = 0; i < engine->count; i++) {
		if (is_asked(&engine->slots[i], account)) {
			engine->slots[i].wanted = ticket;
			any = true;
		}
	}
	pthread_cond_broadcast(&engine->changed);
	pthread_mutex_unlock(&engine->lock);
	if (!any) {
		core_throw(error, CORE_ERROR_USAGE, "there is no account called %s", account ? account : "anything");
		return 0;
	}
	return ticket;
}

bool
sync_engine_wait(SyncEngine *engine, uint64_t ticket, const char *account, CoreCancel *cancel, GError **error)
{
	bool ok = true;

	pthread_mutex_lock(&engine->lock);
	for (size_t i = 0; i < engine->count && ok; i++) {
		Slot *slot = &engine->slots[i];
		while (is_asked(slot, account) && slot->ended < ticket && !core_cancel_triggered(cancel) && !engine->stopping) {
			struct timespec until; /* the switch has a descriptor and no condition, so it is looked at now and then */
			int64_t wake_ms = core_clock_ms() + 100;
			until.tv_sec = wake_ms / 1000;
			until.tv_nsec = wake_ms % 1000 * 1000000;
			pthread_cond_timedwait(&engine->changed, &engine->lock, &until);
		}
		if (is_asked(slot, account) && slot->ended < ticket)
			ok = core_throw(error, CORE_ERROR_CANCELLED, "stopped before the synchronisation had ended");
	}
	for (size_t i = 0; i < engine->count && ok; i++) {
		Slot *slot = &engine->slots[i];
		if (is_asked(slot, account) && slot->error) {
			g_propagate_error(error, g_error_copy(slot->error));
			ok = core_prefix(error, "%s: ", slot->account->name);
		}
	}
	pthread_mutex_unlock(&engine->lock);
	return ok;
}

size_t
sync_engine_accounts(const SyncEngine *engine)
{
	return engine->count;
}

void
sync_engine_status(SyncEngine *engine, size_t index, SyncStatus *status_r)
{
	sync_progress_snapshot(engine->slots[index].progress, status_r);
}
