/* A body for which somebody waits: from the engine's door to the row. */
#include "sync/engine-private.h"

#include "sync/pool.h"

#include <string.h>

/* Where the message is, as a job; NULL with *error unset: its body is here. */
static SyncJob *
make_job(Store *store, int64_t message_id, int64_t *account_id_r, GError **error)
{
	g_auto(StoreMessage) message = { 0 };
	g_auto(StoreMailbox) mailbox = { 0 };
	GError *failure = NULL;

	bool found = store_message_get(store, message_id, &message, &failure) &&
	             (message.body_id != 0 || store_mailbox_get(store, message.mailbox_id, &mailbox, &failure));
	if (!found) {
		if (failure)
			g_propagate_error(error, failure);
		else
			core_throw(error, CORE_ERROR_NOT_FOUND, "the message has gone");
		return NULL;
	}
	if (message.body_id != 0)
		return NULL;
	if (message.uid == 0 || !mailbox.server_name) {
		core_throw(error, CORE_ERROR_BUSY, "the message is on its way to another folder");
		return NULL;
	}
	g_autofree char *path = store_mailbox_path(store, mailbox.id, error);
	if (!path)
		return NULL;
	SyncWanted wanted = {
		.id = message.id,
		.uid = message.uid,
		.internaldate_s = message.internaldate_s,
		.size_bytes = message.rfc822_size,
		.gm_msgid = message.gm_msgid,
		.emailid = message.emailid,
	};
	SyncJob *job = sync_job_new(mailbox.id, mailbox.server_name, path, mailbox.uidvalidity);
	job->urgent = true;
	sync_job_want(job, &wanted);
	*account_id_r = mailbox.account_id;
	return job;
}

typedef struct {
	int64_t id;
	char *name;
} Account;

static bool
note_name(const StoreAccount *account, void *data)
{
	Account *wanted = data;

	if (account->id == wanted->id)
		wanted->name = g_strdup(account->name);
	return !wanted->name;
}

static SyncSlot *
find_slot(SyncEngine *engine, int64_t account_id, GError **error)
{
	Account account = { .id = account_id };

	if (!store_account_list(engine->store, note_name, &account, error))
		return NULL;
	g_autofree char *name = account.name;
	for (size_t i = 0; i < engine->count; i++)
		if (g_strcmp0(engine->slots[i].account->name, name) == 0)
			return &engine->slots[i];
	core_throw(error, CORE_ERROR_UNREACHABLE, "the account of the message is not in the configuration");
	return NULL;
}

/* With the engine's lock held.  Takes @job. */
static void
order(SyncSlot *slot, SyncJob *job)
{
	if (slot->pool)
		sync_pool_add_urgent(slot->pool, job);
	else
		g_queue_push_tail(&slot->early, job);
}

bool
sync_engine_fetch(SyncEngine *engine, int64_t message_id, int64_t deadline_ms, SyncFetchedFn fn, void *data,
                  GError **error)
{
	int64_t account_id;
	bool first = false;
	g_autoptr(SyncJob) job = make_job(engine->store, message_id, &account_id, error);
	SyncSlot *slot = job ? find_slot(engine, account_id, error) : NULL;

	if (!slot)
		return false;
	pthread_mutex_lock(&engine->lock);
	bool ok = !slot->offline || core_throw(error, CORE_ERROR_UNREACHABLE, "%s has no connection just now",
	                                       slot->account->name);
	ok = ok && sync_demand_add(engine->demand, message_id, deadline_ms, fn, data, &first, error);
	if (first)
		order(slot, g_steal_pointer(&job));
	pthread_mutex_unlock(&engine->lock);
	return ok;
}

void
sync_engine_abandon(SyncEngine *engine, int64_t message_id, const void *fn_data)
{
	sync_demand_abandon(engine->demand, message_id, fn_data);
}

/* Takes @job. */
static void
fail(SyncDemand *demand, SyncJob *job, const GError *failure)
{
	sync_demand_end(demand, g_array_index(job->wanted, SyncWanted, 0).id, g_error_copy(failure));
	sync_job_free(job);
}

void
sync_slot_lose(SyncSlot *slot, const GError *failure)
{
	SyncEngine *engine = slot->engine;
	SyncJob *job;

	pthread_mutex_lock(&engine->lock);
	slot->offline = failure != NULL;
	while (failure && (job = slot->pool ? sync_pool_take_urgent(slot->pool) : g_queue_pop_head(&slot->early)))
		fail(engine->demand, job, failure);
	pthread_mutex_unlock(&engine->lock);
}

void
sync_slot_set_pool(SyncSlot *slot, SyncPool *pool)
{
	SyncJob *job;

	pthread_mutex_lock(&slot->engine->lock);
	slot->pool = pool;
	while (pool && (job = g_queue_pop_head(&slot->early)))
		sync_pool_add_urgent(pool, job);
	pthread_mutex_unlock(&slot->engine->lock);
}

static bool
check(const SyncRun *run, int64_t message_id, GError **error)
{
	g_auto(StoreMessage) message = { 0 };
	GError *failure = NULL;

	if (!store_message_get(run->store, message_id, &message, &failure)) {
		if (!failure)
			return core_throw(error, CORE_ERROR_NOT_FOUND, "the server no longer has the message");
		g_propagate_error(error, failure);
		return false;
	}
	return message.body_id != 0 || core_throw(error, CORE_ERROR_PROTOCOL, "the server did not give the message");
}

bool
sync_urgent_work(SyncWorker *worker, SyncJob *job, GError **error)
{
	SyncRun *run = worker->run;
	int64_t id = g_array_index(job->wanted, SyncWanted, 0).id;
	GError *failure = NULL;

	bool ok = sync_fetch(worker, job, &failure) && check(run, id, &failure);
	bool is_broken = !imap_session_alive(worker->session);
	GError *broken = !ok && is_broken ? g_error_copy(failure) : NULL;
	if (broken && !job->tried) { /* it may have been dead for long */
		job->tried = true;
		g_error_free(failure);
		sync_pool_add_urgent(run->pool, job);
	} else {
		if (worker->waits_soon)
			sync_pool_owner_waits(run->pool, true); /* before anybody can ask for the next */
		sync_demand_end(run->demand, id, failure);
		sync_job_free(job);
	}
	if (broken)
		g_propagate_error(error, broken);
	return !broken;
}
