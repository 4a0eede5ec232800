/* Who asks the accounts' threads (thread.c) for something, and who waits for them.  Requests are numbered by tickets over
 * the whole engine. */
#include "sync/engine-private.h"

#include "core/clock.h"
#include "core/log.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

void
sync_slot_wake(SyncSlot *slot)
{
	uint64_t one = 1;

	if (write(slot->wake_fd, &one, sizeof one) < 0)
		core_log(CORE_LOG_WARNING, "sync", "cannot wake the thread of %s: %s", slot->account->name, g_strerror(errno));
}

/* The next slot counts once its thread runs. */
static bool
start(SyncEngine *engine, const SyncAccount *account, GError **error)
{
	SyncSlot *slot = &engine->slots[engine->count];
	g_auto(StoreAccount) known = { 0 };

	slot->engine = engine;
	slot->account = account;
	slot->progress = sync_progress_new(account->name);
	g_queue_init(&slot->early);
	if (store_account_find(engine->store, account->name, &known, NULL))
		sync_progress_end(slot->progress, known.last_sync_s, known.last_error);
	slot->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int failed = slot->wake_fd < 0 ? errno : pthread_create(&slot->thread, NULL, sync_thread_main, slot);
	if (failed) {
		if (slot->wake_fd >= 0)
			close(slot->wake_fd);
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
	engine->slots = g_new0(SyncSlot, count);
	engine->demand = sync_demand_new(error);
	pthread_mutex_init(&engine->lock, NULL);
	pthread_mutex_init(&engine->derive_lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&engine->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	if (!engine->demand)
		return NULL;
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
	for (size_t i = 0; i < engine->count; i++)
		sync_slot_wake(&engine->slots[i]);
	for (size_t i = 0; i < engine->count; i++) {
		pthread_join(engine->slots[i].thread, NULL);
		close(engine->slots[i].wake_fd);
		sync_progress_free(engine->slots[i].progress);
		g_clear_error(&engine->slots[i].error);
		g_queue_clear_full(&engine->slots[i].early, (GDestroyNotify)sync_job_free);
	}
	sync_demand_free(engine->demand);
	core_cancel_unref(engine->cancel);
	pthread_cond_destroy(&engine->changed);
	pthread_mutex_destroy(&engine->derive_lock);
	pthread_mutex_destroy(&engine->lock);
	g_free(engine->slots);
	g_free(engine);
}

static bool
is_asked(const SyncSlot *slot, const char *account)
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
			sync_slot_wake(&engine->slots[i]);
			any = true;
		}
	}
	pthread_mutex_unlock(&engine->lock);
	if (!any) {
		core_throw(error, CORE_ERROR_USAGE, "there is no account called %s", account ? account : "anything");
		return 0;
	}
	return ticket;
}

void
sync_engine_follow(SyncEngine *engine)
{
	pthread_mutex_lock(&engine->lock);
	engine->following = true;
	for (size_t i = 0; i < engine->count; i++)
		sync_slot_wake(&engine->slots[i]);
	pthread_mutex_unlock(&engine->lock);
}

void
sync_engine_poke(SyncEngine *engine)
{
	pthread_mutex_lock(&engine->lock);
	for (size_t i = 0; i < engine->count; i++) {
		engine->slots[i].poked = true;
		sync_slot_wake(&engine->slots[i]);
	}
	pthread_mutex_unlock(&engine->lock);
}

/* With the lock held: until what that ticket asked for has ended. */
static bool
wait_for(SyncEngine *engine, uint64_t ticket, const char *account, CoreCancel *cancel, GError **error)
{
	for (size_t i = 0; i < engine->count; i++) {
		SyncSlot *slot = &engine->slots[i];
		if (!is_asked(slot, account) || slot->wanted < ticket)
			continue;
		while (slot->ended < ticket && !core_cancel_triggered(cancel) && !engine->stopping) {
			struct timespec until; /* the switch has a descriptor and no condition, so it is looked at now and then */
			int64_t wake_ms = core_clock_ms() + 100;
			until.tv_sec = wake_ms / 1000;
			until.tv_nsec = wake_ms % 1000 * 1000000;
			pthread_cond_timedwait(&engine->changed, &engine->lock, &until);
		}
		if (slot->ended < ticket)
			return core_throw(error, CORE_ERROR_CANCELLED, "stopped before the synchronisation had ended");
	}
	return true;
}

/* With the lock held: of several accounts one may have waited for what another has uploaded since (a removal does, of what
 * was moved there).  It is asked once more: a ticket; 0: there is no need. */
static uint64_t
ask_again(SyncEngine *engine, const char *account)
{
	bool any = false;

	for (size_t i = 0; i < engine->count && engine->count > 1; i++) {
		SyncSlot *slot = &engine->slots[i];
		if (!is_asked(slot, account) || !slot->has_unsent)
			continue;
		slot->wanted = engine->tickets + 1;
		sync_slot_wake(slot);
		any = true;
	}
	return any ? ++engine->tickets : 0;
}

bool
sync_engine_wait(SyncEngine *engine, uint64_t ticket, const char *account, CoreCancel *cancel, GError **error)
{
	pthread_mutex_lock(&engine->lock);
	bool ok = wait_for(engine, ticket, account, cancel, error);
	uint64_t again = ok ? ask_again(engine, account) : 0;
	if (again != 0)
		ok = wait_for(engine, again, account, cancel, error);
	for (size_t i = 0; i < engine->count && ok; i++) {
		SyncSlot *slot = &engine->slots[i];
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
