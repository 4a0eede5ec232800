/* One job: the bodies of some messages of one mailbox.
 *
 * UID sets are pipelined; every body streams from the parser into the worker's segment, is parsed once for its name and
 * text (from memory when it is small, else from the segment), and waits in a batch until the segment is durable and the
 * rows can be committed.  What a connection that breaks has brought is kept.
 */
#include "sync/derive.h"
#include "sync/run.h"

#include "imap/uidset.h"

#include <string.h>

#define IN_MEMORY_BYTES (1024 * 1024) /* messages up to this size are parsed without reading them back */

/* A body that is here, but not committed. */
typedef struct {
	const SyncWanted *wanted;
	StoreBody body;
	MimeDerived derived;
} Arrived;

typedef struct {
	SyncWorker *worker;
	const SyncJob *job;
	bool *done;      /* one for each of job->wanted */
	GArray *batch;   /* of Arrived */
	/* The message that streams in. */
	bool receiving, complete;
	GByteArray *memory; /* its bytes, unless there are too many */
	StoreBody body;
	MimeDerived derived;
} Fetch;

static void
arrived_clear(void *data)
{
	mime_derived_clear(&((Arrived *)data)->derived);
}

static void
drop_current(Fetch *fetch)
{
	if (fetch->receiving)
		store_writer_abort(fetch->worker->writer);
	fetch->receiving = false;
	if (fetch->complete)
		mime_derived_clear(&fetch->derived);
	fetch->complete = false;
}

static bool
on_begin(void *data, uint32_t seq, uint32_t uid, const ImapFetchSection *section, GError **error)
{
	Fetch *fetch = data;

	drop_current(fetch);
	if (*section->section || section->has_origin || g_str_has_prefix(section->item, "RFC822."))
		return true; /* nothing that we asked for */
	fetch->receiving = true;
	g_byte_array_set_size(fetch->memory, 0);
	return store_writer_begin(fetch->worker->writer, section->size_bytes, error);
}

static bool
on_write(void *data, const void *bytes, size_t length, GError **error)
{
	Fetch *fetch = data;

	if (!fetch->receiving)
		return true;
	if (fetch->memory->len + length <= IN_MEMORY_BYTES)
		g_byte_array_append(fetch->memory, bytes, (guint)length);
	else
		g_byte_array_set_size(fetch->memory, IN_MEMORY_BYTES); /* full: what follows is too long as well */
	return store_writer_write(fetch->worker->writer, bytes, length, error);
}

static bool
on_end(void *data, GError **error)
{
	Fetch *fetch = data;

	if (!fetch->receiving)
		return true;
	fetch->receiving = false;
	if (!store_writer_end(fetch->worker->writer, &fetch->body, error))
		return false;
	const uint8_t *bytes = fetch->memory->len == fetch->body.length ? fetch->memory->data : NULL;
	bool is_known = fetch->body.id != 0; /* and so is its text */
	if (!sync_derive(fetch->worker->run->store, &fetch->body, bytes, !is_known, &fetch->derived, error))
		return false;
	fetch->complete = true;
	return true;
}

static const ImapSink body_sink = { .begin = on_begin, .write = on_write, .end = on_end };

static int
compare_uid(const void *key, const void *row)
{
	uint32_t uid = *(const uint32_t *)key, other = ((const SyncWanted *)row)->uid;

	return uid < other ? -1 : uid > other;
}

static bool
on_response(const ImapResponse *response, void *data, GError **error)
{
	Fetch *fetch = data;

	if (response->kind != IMAP_RESPONSE_FETCH || !fetch->complete)
		return true;
	const GArray *all = fetch->job->wanted;
	uint32_t uid = response->fetch.fields & IMAP_FETCH_UID ? response->fetch.uid : 0;
	const SyncWanted *wanted = bsearch(&uid, all->data, all->len, sizeof *wanted, compare_uid);
	size_t index = wanted ? (size_t)(wanted - (const SyncWanted *)(void *)all->data) : 0;
	if (!wanted || fetch->done[index]) {
		drop_current(fetch);
		return true;
	}
	Arrived arrived = { .wanted = wanted, .body = fetch->body, .derived = fetch->derived };
	g_array_append_val(fetch->batch, arrived);
	fetch->complete = false;
	fetch->done[index] = true;
	sync_progress_done(fetch->worker->run->progress, 1, wanted->size_bytes);
	return true;
}

/* Texts, then bodies, then rows: whatever a crash leaves, no row points to what is not there. */
static bool
commit(Fetch *fetch, GError **error)
{
	Store *store = fetch->worker->run->store;

	if (fetch->batch->len == 0)
		return true;
	if (!store_derived_flush(store, error) || !store_writer_sync(fetch->worker->writer, error))
		return false;
	g_autoptr(StoreTxn) txn = store_begin(store, error);
	if (!txn)
		return false;
	for (guint i = 0; i < fetch->batch->len; i++) {
		const Arrived *arrived = &g_array_index(fetch->batch, Arrived, i);
		const SyncWanted *wanted = arrived->wanted;
		g_autofree char *name = sync_derive_name(txn, fetch->job->mailbox_id, wanted->id, wanted->uid,
		                                         wanted->internaldate_s, &arrived->derived, error);
		if (!name || !store_message_set_body(txn, wanted->id, &arrived->body, name, arrived->derived.header_sha256, error))
			return false;
	}
	if (!store_commit(g_steal_pointer(&txn), error))
		return false;
	g_array_set_size(fetch->batch, 0);
	return true;
}

static void
send_one(Fetch *fetch, GPtrArray *replies, const char *set)
{
	ImapReply *reply = g_new0(ImapReply, 1);

	g_ptr_array_add(replies, reply);
	imap_session_send(fetch->worker->session, imap_command_new("UID FETCH %s (UID BODY.PEEK[])", set), reply);
}

/* Sends the commands for what is not done yet. */
static void
send_all(Fetch *fetch, GPtrArray *replies, bool one_by_one)
{
	const GArray *wanted = fetch->job->wanted;
	g_auto(ImapUidSet) set = { 0 };
	size_t position = 0;

	for (guint i = 0; i < wanted->len; i++) {
		uint32_t uid = g_array_index(wanted, SyncWanted, i).uid;
		if (fetch->done[i])
			continue;
		if (one_by_one) {
			char text[16];
			g_snprintf(text, sizeof text, "%u", uid);
			send_one(fetch, replies, text);
		} else {
			imap_uidset_add(&set, uid);
		}
	}
	for (char *text; (text = imap_uidset_format(&set, &position, SYNC_SET_BYTES)); g_free(text))
		send_one(fetch, replies, text);
}

static void
reply_free(void *data)
{
	imap_reply_clear(data);
	g_free(data);
}

/* True when all commands were answered; *refused_r: one of them with NO or BAD. */
static bool
ask(Fetch *fetch, bool one_by_one, bool *refused_r, GError **error)
{
	g_autoptr(GPtrArray) replies = g_ptr_array_new_with_free_func(reply_free);

	send_all(fetch, replies, one_by_one);
	if (!imap_session_wait(fetch->worker->session, NULL, error))
		return false;
	*refused_r = false;
	for (guint i = 0; i < replies->len; i++)
		*refused_r |= ((const ImapReply *)g_ptr_array_index(replies, i))->kind != IMAP_RESPONSE_OK;
	return true;
}

static void
warn_of_missing(const Fetch *fetch)
{
	for (guint i = 0; i < fetch->job->wanted->len; i++)
		if (!fetch->done[i])
			sync_warn(fetch->worker->run, fetch->job->path, g_array_index(fetch->job->wanted, SyncWanted, i).uid,
			          "the server did not give this message; it is asked for again next time");
}

/* A server that refuses a set because of one message (Exchange) is asked for each of them. */
static bool
fetch_bodies(Fetch *fetch, GError **error)
{
	SyncWorker *worker = fetch->worker;
	GError *late = NULL;
	bool refused;

	imap_session_listen(worker->session, on_response, fetch);
	worker->sink = &body_sink;
	worker->sink_data = fetch;
	bool ok = ask(fetch, false, &refused, error);
	if (ok && refused)
		ok = ask(fetch, true, &refused, error);
	worker->sink = NULL;
	imap_session_listen(worker->session, NULL, NULL);
	drop_current(fetch);

	/* What came before a connection broke is kept. */
	if (!commit(fetch, ok ? error : &late)) {
		g_clear_error(&late);
		return false;
	}
	if (ok)
		warn_of_missing(fetch);
	return ok;
}

/* Bulk only, and not where a byte costs less than deflating it. */
static bool
compress(SyncWorker *worker, GError **error)
{
	if (worker->asked_to_compress || imap_session_is_local(worker->session))
		return true;
	worker->asked_to_compress = true;
	return imap_session_compress(worker->session, error);
}

static bool
select_mailbox(SyncWorker *worker, const SyncJob *job, GError **error)
{
	const char *selected = imap_session_selected(worker->session);
	g_auto(ImapSelected) told = { 0 };

	return (selected && strcmp(selected, job->server_name) == 0) ||
	       sync_worker_select(worker, job->server_name, NULL, &told, error);
}

bool
sync_fetch(SyncWorker *worker, const SyncJob *job, GError **error)
{
	g_autofree bool *done = g_new0(bool, job->wanted->len);
	Fetch fetch = { .worker = worker, .job = job, .done = done };

	if (!compress(worker, error) || !select_mailbox(worker, job, error))
		return false;
	if (worker->uidvalidity != job->uidvalidity)
		return core_throw(error, CORE_ERROR_REFUSED, "the UIDVALIDITY changed meanwhile");
	if (!worker->writer && !(worker->writer = store_writer_new(worker->run->store, error)))
		return false;
	if (!sync_match(worker, job, done, error))
		return false;

	fetch.batch = g_array_new(FALSE, FALSE, sizeof(Arrived));
	g_array_set_clear_func(fetch.batch, arrived_clear);
	fetch.memory = g_byte_array_new();
	bool ok = fetch_bodies(&fetch, error);
	g_array_unref(fetch.batch);
	g_byte_array_unref(fetch.memory);
	return ok;
}
