#include "sync/arrive.h"

#include "core/clock.h"
#include "core/log.h"

#define BATCH_MS 2000 /* a batch is committed when it is older, if not before */

/* A body that is here, but not committed. */
typedef struct {
	const SyncWanted *wanted;
	StoreBody body;
	MimeDerived derived;
} Arrived;

static void
arrived_clear(void *data)
{
	mime_derived_clear(&((Arrived *)data)->derived);
}

void
sync_arrival_init(SyncArrival *arrival, SyncWorker *worker, const SyncJob *job, bool *done)
{
	*arrival = (SyncArrival){ .worker = worker, .job = job, .done = done };
	arrival->empty = g_new0(bool, job->wanted->len);
	arrival->batch = g_array_new(FALSE, FALSE, sizeof(Arrived));
	g_array_set_clear_func(arrival->batch, arrived_clear);
	sync_receiver_init(&arrival->receiver, worker, 0, job->headers);
}

void
sync_arrival_clear(SyncArrival *arrival)
{
	g_free(arrival->empty);
	g_array_unref(arrival->batch);
	sync_receiver_clear(&arrival->receiver);
}

bool
sync_arrival_wants(const SyncArrival *arrival, guint index)
{
	return !arrival->done[index] && !arrival->empty[index];
}

static bool
on_response(const ImapResponse *response, void *data, GError **error)
{
	SyncArrival *arrival = data;
	uint32_t uid = response->kind == IMAP_RESPONSE_FETCH && response->fetch.fields & IMAP_FETCH_UID ? response->fetch.uid : 0;
	guint index = 0;

	if (response->kind != IMAP_RESPONSE_FETCH || !arrival->receiver.complete)
		return true;
	const SyncWanted *wanted = sync_job_find(arrival->job, uid, &index);
	if (!wanted || arrival->done[index]) {
		sync_receiver_drop(&arrival->receiver);
		return true;
	}
	arrival->behind_last = index + 1;
	arrival->worker->losses = 0;
	/* A server that cannot read a message just now may say that it is empty. */
	if (arrival->receiver.body.length == 0 && wanted->size_bytes > 0 && !arrival->accept_empty) {
		arrival->empty[index] = true;
		sync_receiver_drop(&arrival->receiver);
		return true;
	}
	Arrived arrived = { .wanted = wanted };
	sync_receiver_take(&arrival->receiver, &arrived.body, &arrived.derived);
	if (arrival->batch->len == 0)
		arrival->begun_ms = core_clock_ms();
	g_array_append_val(arrival->batch, arrived);
	arrival->done[index] = true;
	sync_progress_done(arrival->worker->run->progress, 1, sync_job_bytes(arrival->job, wanted));
	return core_clock_ms() - arrival->begun_ms < BATCH_MS || sync_arrival_commit(arrival, error);
}

void
sync_arrival_begin(SyncArrival *arrival)
{
	sync_receiver_begin(&arrival->receiver, on_response, arrival);
}

void
sync_arrival_end(SyncArrival *arrival)
{
	sync_receiver_end(&arrival->receiver);
}

uint32_t
sync_arrival_suspect(const SyncArrival *arrival)
{
	guint count = arrival->job->wanted->len, index;

	if (arrival->receiver.receiving && sync_job_find(arrival->job, arrival->receiver.uid, &index) && !arrival->done[index])
		return arrival->receiver.uid;
	/* Servers answer in the order of UIDs, so what they left out before is not what they are at. */
	for (guint i = 0; i < count; i++) {
		index = (arrival->behind_last + i) % count;
		if (arrival->accept_empty ? !arrival->done[index] && arrival->empty[index] : sync_arrival_wants(arrival, index))
			return g_array_index(arrival->job->wanted, SyncWanted, index).uid;
	}
	return 0;
}

static bool
keep(SyncRun *run, StoreTxn *txn, const SyncJob *job, const SyncWanted *wanted, const StoreBody *body,
     const MimeDerived *derived, GError **error)
{
	int64_t id, place_id;

	if (!sync_match_arrived(run, txn, job, wanted, job->headers ? NULL : body->sha256, derived->header_sha256, &id, error))
		return false;
	if (!store_message_place(txn, id, &place_id, error))
		return false;
	g_autofree char *name = sync_derive_name(txn, place_id, id, wanted->uid, wanted->internaldate_s, derived,
	                                         error);
	if (!name)
		return false;
	bool ok = job->headers ? store_message_set_header(txn, id, body, name, derived->header_sha256, error)
	                       : store_message_set_body(txn, id, body, name, derived->header_sha256, error);
	return ok && (!job->urgent || store_message_note_asked(txn, id, core_clock_wall_s(), error));
}

bool
sync_arrival_keep(SyncRun *run, StoreTxn *txn, const SyncJob *job, const SyncWanted *wanted, const StoreBody *body,
                  const MimeDerived *derived, GError **error)
{
	g_auto(StoreMessage) row = { 0 };
	GError *failure = NULL;

	if (keep(run, txn, job, wanted, body, derived, &failure))
		return true;
	if (core_error_code(failure) != CORE_ERROR_NOT_FOUND) {
		g_propagate_error(error, failure);
		return false;
	}
	if (store_message_get(run->store, wanted->id, &row, NULL))
		sync_warn(run, job->path, wanted->uid, "%s; it is asked for again next time", failure->message);
	g_error_free(failure);
	return true;
}

static bool
keep_one(const SyncArrival *arrival, StoreTxn *txn, const Arrived *arrived, GError **error)
{
	return sync_arrival_keep(arrival->worker->run, txn, arrival->job, arrived->wanted, &arrived->body,
	                         &arrived->derived, error);
}

/* The writer has given up what is in the batch: it has to come again. */
static void
give_up(SyncArrival *arrival)
{
	guint index;

	for (guint i = 0; i < arrival->batch->len; i++)
		if (sync_job_find(arrival->job, g_array_index(arrival->batch, Arrived, i).wanted->uid, &index))
			arrival->done[index] = false;
	g_array_set_size(arrival->batch, 0);
}

/* Texts, then bodies, then rows: whatever a crash leaves, no row points to what is not there. */
bool
sync_arrival_commit(SyncArrival *arrival, GError **error)
{
	Store *store = arrival->worker->run->store;

	if (arrival->batch->len == 0)
		return true;
	if (!sync_receiver_settle(&arrival->receiver, error)) {
		give_up(arrival);
		return false;
	}
	g_autoptr(StoreTxn) txn = store_begin(store, error);
	if (!txn)
		return false;
	for (guint i = 0; i < arrival->batch->len; i++)
		if (!keep_one(arrival, txn, &g_array_index(arrival->batch, Arrived, i), error))
			return false;
	if (!store_commit(g_steal_pointer(&txn), error))
		return false;
	g_array_set_size(arrival->batch, 0);
	return true;
}
