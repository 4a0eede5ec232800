#include "sync/bodies.h"

#include "core/clock.h"
#include "core/log.h"
#include "mime/headers.h"
#include "sync/derive.h"

#define BATCH 500         /* messages in a transaction */
#define LOOK_BYTES 16384  /* most headers are shorter */

typedef struct {
	int64_t id, body_id;
} Kept;

typedef struct {
	int64_t id;
	StoreBody header;
} Shed;

int64_t
sync_bodies_since(const SyncAccount *account)
{
	switch (account->bodies) {
	case SYNC_BODIES_RECENT:
		return core_clock_wall_s() - (int64_t)account->bodies_days * 24 * 3600;
	case SYNC_BODIES_NONE:
		return INT64_MAX;
	case SYNC_BODIES_ALL:
		break;
	}
	return INT64_MIN;
}

static bool
note_kept(const StoreMessage *message, void *data)
{
	Kept kept = { message->id, message->body_id };

	g_array_append_val((GArray *)data, kept);
	return true;
}

/* The header block of the body with the empty line behind it.  NULL with *error unset: it has none that could be kept
 * apart. */
static GByteArray *
read_header(Store *store, const StoreBody *body, GError **error)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();

	for (gsize size = LOOK_BYTES;; size = MIME_HEADER_MAX_BYTES) {
		size_t n = 0;
		g_byte_array_set_size(bytes, (guint)size);
		if (!store_body_read(store, body, bytes->data, size, 0, &n, error))
			return NULL;
		gsize end = mime_headers_length((const char *)bytes->data, n);
		if (end == 0 && n == body->length)
			end = n;
		g_byte_array_set_size(bytes, (guint)end);
		if (end > 0)
			return g_steal_pointer(&bytes);
		if (size == MIME_HEADER_MAX_BYTES)
			return NULL;
	}
}

static bool
write_header(Store *store, StoreWriter *writer, const GByteArray *bytes, StoreBody *header_r, GError **error)
{
	g_auto(MimeDerived) derived = { 0 };

	if (!store_writer_begin(writer, bytes->len, error))
		return false;
	if (!store_writer_write(writer, bytes->data, bytes->len, error)) {
		store_writer_abort(writer);
		return false;
	}
	return store_writer_end(writer, header_r, error) &&
	       sync_derive(store, header_r, bytes->data, true, &derived, error);
}

/* A body that cannot be read, or that has gone meanwhile, is left to others. */
static bool
prepare(Store *store, StoreWriter *writer, const Kept *kept, GArray *sheds, GError **error)
{
	g_autoptr(GByteArray) bytes = NULL;
	Shed shed = { .id = kept->id };
	StoreBody body;
	GError *failure = NULL;

	if (store_body_get(store, kept->body_id, &body, &failure))
		bytes = read_header(store, &body, &failure);
	if (bytes && write_header(store, writer, bytes, &shed.header, &failure))
		g_array_append_val(sheds, shed);
	if (!failure || core_error_code(failure) == CORE_ERROR_CORRUPT || core_error_code(failure) == CORE_ERROR_NOT_FOUND) {
		g_clear_error(&failure);
		return true;
	}
	g_propagate_error(error, failure);
	return false;
}

static bool
shed_all(Store *store, const GArray *sheds, GError **error)
{
	g_autoptr(StoreTxn) txn = store_begin(store, error);

	if (!txn)
		return false;
	for (guint i = 0; i < sheds->len; i++) {
		const Shed *shed = &g_array_index(sheds, Shed, i);
		GError *failure = NULL;
		if (store_message_drop_body(txn, shed->id, &shed->header, &failure))
			continue;
		if (core_error_code(failure) != CORE_ERROR_NOT_FOUND) {
			g_propagate_error(error, failure);
			return false;
		}
		g_error_free(failure);
	}
	return store_commit(g_steal_pointer(&txn), error);
}

static bool
shed_batch(const SyncRun *run, StoreWriter *writer, const GArray *kept, guint from, GError **error)
{
	g_autoptr(GArray) sheds = g_array_new(FALSE, FALSE, sizeof(Shed));

	for (guint i = from; i < kept->len && i < from + BATCH; i++)
		if (!core_cancel_check(run->cancel, error) ||
		    !prepare(run->store, writer, &g_array_index(kept, Kept, i), sheds, error))
			return false;
	return store_derived_flush(run->store, error) && store_writer_sync(writer, error) &&
	       shed_all(run->store, sheds, error);
}

bool
sync_bodies_shed(const SyncRun *run, GError **error)
{
	g_autoptr(GArray) kept = g_array_new(FALSE, FALSE, sizeof(Kept));
	g_autoptr(StoreWriter) writer = NULL;
	int64_t since_s = sync_bodies_since(run->account);

	if (since_s == INT64_MIN)
		return true;
	if (!store_message_list_kept(run->store, run->account_id, since_s, core_clock_wall_s() - SYNC_BODIES_ASKED_S,
	                             note_kept, kept, error))
		return false;
	if (kept->len == 0)
		return true;
	core_log(CORE_LOG_INFO, "sync", "%s: of %u messages only the headers are kept from now on", run->account->name,
	         kept->len);
	if (!(writer = store_writer_new(run->store, error)))
		return false;
	for (guint from = 0; from < kept->len; from += BATCH)
		if (!shed_batch(run, writer, kept, from, error))
			return false;
	return true;
}
