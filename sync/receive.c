#include "sync/receive.h"

#include "store/derived.h"

#include <string.h>

#define IN_MEMORY_BYTES (1024 * 1024) /* messages up to this size are parsed without reading them back */

void
sync_receiver_init(SyncReceiver *receiver, SyncWorker *worker, uint64_t origin_limit, bool headers)
{
	*receiver = (SyncReceiver){
		.worker = worker,
		.origin_limit = origin_limit,
		.headers = headers,
		.memory = g_byte_array_new(),
	};
}

void
sync_receiver_clear(SyncReceiver *receiver)
{
	sync_receiver_drop(receiver);
	g_byte_array_unref(receiver->memory);
}

void
sync_receiver_drop(SyncReceiver *receiver)
{
	if (receiver->receiving)
		store_writer_abort(receiver->worker->writer);
	receiver->receiving = false;
	if (receiver->complete)
		mime_derived_clear(&receiver->derived);
	receiver->complete = false;
}

void
sync_receiver_take(SyncReceiver *receiver, StoreBody *body_r, MimeDerived *derived_r)
{
	*body_r = receiver->body;
	*derived_r = receiver->derived;
	receiver->complete = false;
}

/* Whether the section is what was asked for. */
static bool
is_body(const SyncReceiver *receiver, const ImapFetchSection *section)
{
	bool is_header = strcmp(section->section, "HEADER") == 0 || strcmp(section->item, "RFC822.HEADER") == 0;
	bool is_whole = !*section->section && !g_str_has_prefix(section->item, "RFC822.");

	return (receiver->headers ? is_header : is_whole) &&
	       (receiver->origin_limit ? section->has_origin && section->origin == 0 : !section->has_origin);
}

static bool
on_begin(void *data, uint32_t seq, uint32_t uid, const ImapFetchSection *section, GError **error)
{
	SyncReceiver *receiver = data;

	sync_receiver_drop(receiver);
	if (!is_body(receiver, section) || (receiver->origin_limit && section->size_bytes >= receiver->origin_limit))
		return true;
	receiver->receiving = true;
	receiver->uid = uid;
	g_byte_array_set_size(receiver->memory, 0);
	return store_writer_begin(receiver->worker->writer, section->size_bytes, error);
}

static bool
on_write(void *data, const void *bytes, size_t length, GError **error)
{
	SyncReceiver *receiver = data;

	if (!receiver->receiving)
		return true;
	if (receiver->memory->len + length <= IN_MEMORY_BYTES)
		g_byte_array_append(receiver->memory, bytes, (guint)length);
	else
		g_byte_array_set_size(receiver->memory, IN_MEMORY_BYTES); /* full: what follows is too long as well */
	return store_writer_write(receiver->worker->writer, bytes, length, error);
}

static bool
on_end(void *data, GError **error)
{
	SyncReceiver *receiver = data;
	Store *store = receiver->worker->run->store;

	if (!receiver->receiving)
		return true;
	receiver->receiving = false;
	if (!store_writer_end(receiver->worker->writer, &receiver->body, error))
		return false;
	const uint8_t *bytes = receiver->memory->len == receiver->body.length ? receiver->memory->data : NULL;
	bool is_known = receiver->body.id != 0; /* and so is its text */
	if (!bytes && !store_writer_flush(receiver->worker->writer, error))
		return false;
	if (!receiver->has_generation)
		receiver->generation = store_derived_generation(store);
	receiver->has_generation = true;
	if (!sync_derive(store, &receiver->body, bytes, !is_known, &receiver->derived, error))
		return false;
	receiver->complete = true;
	return true;
}

static const ImapSink body_sink = { .begin = on_begin, .write = on_write, .end = on_end };

void
sync_receiver_begin(SyncReceiver *receiver, ImapResponseFn listen, void *data)
{
	imap_session_listen(receiver->worker->session, listen, data);
	receiver->worker->sink = &body_sink;
	receiver->worker->sink_data = receiver;
}

void
sync_receiver_end(SyncReceiver *receiver)
{
	receiver->worker->sink = NULL;
	imap_session_listen(receiver->worker->session, NULL, NULL);
	sync_receiver_drop(receiver);
}

bool
sync_receiver_settle(SyncReceiver *receiver, GError **error)
{
	Store *store = receiver->worker->run->store;

	if (!store_derived_flush(store, error))
		return false;
	if (receiver->has_generation && store_derived_generation(store) != receiver->generation)
		return core_throw(error, CORE_ERROR_IO, "the texts of messages that have just come could not be stored");
	receiver->has_generation = false;
	return store_writer_sync(receiver->worker->writer, error);
}
