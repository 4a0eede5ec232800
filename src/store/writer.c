/* Writing bodies: an appender that knows what the store already has. */
#include "store/appender.h"
#include "store/departed.h"
#include "store/internal.h"

#include "core/sha256.h"

#include <string.h>

/* Ids of bodies that were given to a caller who has not committed a message with them yet: compaction must not drop
 * them, though they may have lost their last message meanwhile.  They are kept over one sync, behind which the caller
 * commits, until the next. */
struct StoreWriter {
	Store *store;
	StoreAppender appender;
	CoreSha256 hash;
	GArray *pins, *synced_pins; /* int64_t; under store->pins_lock */
	StoreWriter *next;          /* in store->writers; under store->pins_lock */
};

StoreWriter *
store_writer_new(Store *store, GError **error)
{
	StoreWriter *writer = g_new0(StoreWriter, 1);

	writer->store = store;
	store_appender_init(&writer->appender, store->bodies);
	writer->pins = g_array_new(FALSE, FALSE, sizeof(int64_t));
	writer->synced_pins = g_array_new(FALSE, FALSE, sizeof(int64_t));
	pthread_mutex_lock(&store->pins_lock);
	writer->next = store->writers;
	store->writers = writer;
	pthread_mutex_unlock(&store->pins_lock);
	return writer;
}

void
store_writer_free(StoreWriter *writer)
{
	if (!writer)
		return;
	Store *store = writer->store;
	StoreWriter **link = &store->writers;

	pthread_mutex_lock(&store->pins_lock);
	while (*link != writer)
		link = &(*link)->next;
	*link = writer->next;
	pthread_mutex_unlock(&store->pins_lock);
	store_appender_clear(&writer->appender);
	g_array_free(writer->pins, TRUE);
	g_array_free(writer->synced_pins, TRUE);
	g_free(writer);
}

bool
store_writer_begin(StoreWriter *writer, uint64_t size_hint, GError **error)
{
	store_txn_assert_none();
	if (!store_appender_begin(&writer->appender, size_hint, error))
		return false;
	core_sha256_init(&writer->hash);
	return true;
}

bool
store_writer_write(StoreWriter *writer, const void *bytes, size_t length, GError **error)
{
	core_sha256_feed(&writer->hash, bytes, length);
	return store_appender_write(&writer->appender, bytes, length, error);
}

/* True and pinned if the store has these bytes.  A row whose bytes were lost does not count, so that they come back. */
static bool
find_known(StoreWriter *writer, const uint8_t sha256[32], StoreBody *body_r, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(writer->store, error);
	bool known;

	if (!reader.db)
		return false;
	pthread_mutex_lock(&writer->store->pins_lock); /* between finding and pinning nobody drops it */
	{
		g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_BODY_KNOWN);
		store_bind_sha256(query, ":sha256", sha256);
		known = store_query_row(reader.db, query, error);
		StoreBody body = known ? store_body_take_row(query) : (StoreBody){ 0 };
		known = known && store_body_is_whole(writer->store, &body);
		if (known) {
			g_array_append_val(writer->pins, body.id);
			*body_r = body;
		}
	}
	pthread_mutex_unlock(&writer->store->pins_lock);
	return known;
}

bool
store_writer_end(StoreWriter *writer, StoreBody *body_r, GError **error)
{
	g_autoptr(GError) failure = NULL;
	StoreBody body = { 0 };
	StoreExtent extent;

	core_sha256_end(&writer->hash, body.sha256);
	if (find_known(writer, body.sha256, body_r, &failure)) {
		store_appender_abort(&writer->appender);
		return true;
	}
	if (failure) {
		store_appender_abort(&writer->appender);
		g_propagate_error(error, g_steal_pointer(&failure));
		return false;
	}
	store_appender_end(&writer->appender, &extent);
	body.segment_id = extent.segment_id;
	body.offset = extent.offset;
	body.length = extent.length;
	*body_r = body;
	return true;
}

void
store_writer_abort(StoreWriter *writer)
{
	store_appender_abort(&writer->appender);
}

bool
store_writer_flush(StoreWriter *writer, GError **error)
{
	return store_appender_flush(&writer->appender, error);
}

bool
store_writer_sync(StoreWriter *writer, GError **error)
{
	if (!store_appender_sync(&writer->appender, error))
		return false;

	pthread_mutex_lock(&writer->store->pins_lock);
	GArray *old = writer->synced_pins;
	writer->synced_pins = writer->pins;
	writer->pins = g_array_set_size(old, 0);
	pthread_mutex_unlock(&writer->store->pins_lock);
	return true;
}

GHashTable *
store_pins(Store *store)
{
	GHashTable *pins = g_hash_table_new(g_int64_hash, g_int64_equal);

	for (StoreWriter *writer = store->writers; writer; writer = writer->next) {
		GArray *const both[] = { writer->pins, writer->synced_pins };
		for (unsigned k = 0; k < 2; k++) {
			for (unsigned i = 0; i < both[k]->len; i++)
				g_hash_table_add(pins, &g_array_index(both[k], int64_t, i));
		}
	}
	store_departed_pin(store, pins);
	return pins;
}
