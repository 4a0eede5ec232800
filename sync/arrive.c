#include "sync/arrive.h"

#include "core/clock.h"
#include "core/log.h"
#include "store/derived.h"

#define BATCH_MS 2000 /* a batch is committed when it is older, if not before */
#define IN_MEMORY_BYTES (1024 * 1024) /* messages up to this size are parsed without reading them back */

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
	arrival->memory = g_byte_array_new();
}

void
sync_arrival_clear(SyncArrival *arrival)
{
	g_free(arrival->empty);
	g_array_unref(arrival->batch);
	g_byte_array_unref(arrival->memory);
}

bool
sync_arrival_wants(const SyncArrival *arrival, guint index)
{
	return !arrival->done[index] && !arrival->empty[index];
}

static void
drop_current(SyncArrival *arrival)
{
	if (arrival->receiving)
		store_writer_abort(arrival->worker->writer);
	arrival->receiving = false;
	if (arrival->complete)
		mime_derived_clear(&arrival->derived);
	arrival->complete = false;
}

static bool
on_begin(void *data, uint32_t seq, uint32_t uid, const ImapFetchSection *section, GError **error)
{
	SyncArrival *arrival = data;

	drop_current(arrival);
	if (*section->section || section->has_origin || g_str_has_prefix(section->item, "RFC822."))
		return true; /* nothing that we asked for */
	arrival->receiving = true;
	arrival->uid = uid;
	g_byte_array_set_size(arrival->memory, 0);
	return store_writer_begin(arrival->worker->writer, section->size_bytes, error);
}

static bool
on_write(void *data, const void *bytes, size_t length, GError **error)
{
	SyncArrival *arrival = data;

	if (!arrival->receiving)
		return true;
	if (arrival->memory->len + length <= IN_MEMORY_BYTES)
		g_byte_array_append(arrival->memory, bytes, (guint)length);
	else
		g_byte_array_set_size(arrival->memory, IN_MEMORY_BYTES); /* full: what follows is too long as well */
	return store_writer_write(arrival->worker->writer, bytes, length, error);
}

static bool
on_end(void *data, GError **error)
{
	SyncArrival *arrival = data;
	Store *store = arrival->worker->run->store;

	if (!arrival->receiving)
		return true;
	arrival->receiving = false;
	if (!store_writer_end(arrival->worker->writer, &arrival->body, error))
		return false;
	const uint8_t *bytes = arrival->memory->len == arrival->body.length ? arrival->memory->data : NULL;
	bool is_known = arrival->body.id != 0; /* and so is its text */
	if (arrival->batch->len == 0)
		arrival->generation = store_derived_generation(store);
	if (!sync_derive(store, &arrival->body, bytes, !is_known, &arrival->derived, error))
		return false;
	arrival->complete = true;
	return true;
}

static const ImapSink body_sink = { .begin = on_begin, .write = on_write, .end = on_end };

static bool
on_response(const ImapResponse *response, void *data, GError **error)
{
	SyncArrival *arrival = data;
	uint32_t uid = response->kind == IMAP_RESPONSE_FETCH && response->fetch.fields & IMAP_FETCH_UID ? response->fetch.uid : 0;
	guint index = 0;

	if (response->kind != IMAP_RESPONSE_FETCH || !arrival->complete)
		return true;
	const SyncWanted *wanted = sync_job_find(arrival->job, uid, &index);
	if (!wanted || arrival->done[index]) {
		drop_current(arrival);
		return true;
	}
	arrival->behind_last = index + 1;
	arrival->worker->losses = 0;
	/* A server that cannot read a message just now may say that it is empty. */
	if (arrival->body.length == 0 && wanted->size_bytes > 0 && !arrival->accept_empty) {
		arrival->empty[index] = true;
		drop_current(arrival);
		return true;
	}
	Arrived arrived = { .wanted = wanted, .body = arrival->body, .derived = arrival->derived };
	if (arrival->batch->len == 0)
		arrival->begun_ms = core_clock_ms();
	g_array_append_val(arrival->batch, arrived);
	arrival->complete = false;
	arrival->done[index] = true;
	sync_progress_done(arrival->worker->run->progress, 1, wanted->size_bytes);
	return core_clock_ms() - arrival->begun_ms < BATCH_MS || sync_arrival_commit(arrival, error);
}

void
sync_arrival_begin(SyncArrival *arrival)
{
	imap_session_listen(arrival->worker->session, on_response, arrival);
	arrival->worker->sink = &body_sink;
	arrival->worker->sink_data = arrival;
}

void
sync_arrival_end(SyncArrival *arrival)
{
	arrival->worker->sink = NULL;
	imap_session_listen(arrival->worker->session, NULL, NULL);
	drop_current(arrival);
}

uint32_t
sync_arrival_suspect(const SyncArrival *arrival)
{
	guint count = arrival->job->wanted->len, index;

	if (arrival->receiving && sync_job_find(arrival->job, arrival->uid, &index) && !arrival->done[index])
		return arrival->uid;
	/* Servers answer in the order of UIDs, so what they left out before is not what they are at. */
	for (guint i = 0; i < count; i++) {
		index = (arrival->behind_last + i) % count;
		if (arrival->accept_empty ? !arrival->done[index] && arrival->empty[index] : sync_arrival_wants(arrival, index))
			return g_array_index(arrival->job->wanted, SyncWanted, index).uid;
	}
	return 0;
}

static bool
keep(SyncArrival *arrival, StoreTxn *txn, const Arrived *arrived, GError **error)
{
	const SyncJob *job = arrival->job;
	const SyncWanted *wanted = arrived->wanted;
	int64_t id;

	if (!sync_match_arrived(arrival->worker->run, txn, job, wanted, arrived->body.sha256, &id, error))
		return false;
	g_autofree char *name = sync_derive_name(txn, job->mailbox_id, id, wanted->uid, wanted->internaldate_s,
	                                         &arrived->derived, error);
	return name && store_message_set_body(txn, id, &arrived->body, name, arrived->derived.header_sha256, error);
}

/* A message whose row has gone meanwhile needs no body, and is no trouble for the others. */
static bool
keep_if_there(SyncArrival *arrival, StoreTxn *txn, const Arrived *arrived, GError **error)
{
	SyncRun *run = arrival->worker->run;
	g_auto(StoreMessage) row = { 0 };
	GError *failure = NULL;

	if (keep(arrival, txn, arrived, &failure))
		return true;
	if (core_error_code(failure) != CORE_ERROR_NOT_FOUND) {
		g_propagate_error(error, failure);
		return false;
	}
	if (store_message_get(run->store, arrived->wanted->id, &row, NULL))
		sync_warn(run, arrival->job->path, arrived->wanted->uid, "%s; it is asked for again next time", failure->message);
	g_error_free(failure);
	return true;
}

/* Texts, then bodies, then rows: whatever a crash leaves, no row points to what is not there. */
bool
sync_arrival_commit(SyncArrival *arrival, GError **error)
{
	Store *store = arrival->worker->run->store;

	if (arrival->batch->len == 0)
		return true;
	if (!store_derived_flush(store, error))
		return false;
	if (store_derived_generation(store) != arrival->generation)
		return core_throw(error, CORE_ERROR_IO, "the texts of messages that have just come could not be stored");
	if (!store_writer_sync(arrival->worker->writer, error))
		return false;
	g_autoptr(StoreTxn) txn = store_begin(store, error);
	if (!txn)
		return false;
	for (guint i = 0; i < arrival->batch->len; i++)
		if (!keep_if_there(arrival, txn, &g_array_index(arrival->batch, Arrived, i), error))
			return false;
	if (!store_commit(g_steal_pointer(&txn), error))
		return false;
	g_array_set_size(arrival->batch, 0);
	return true;
}
