/* What parts/ shows of bodies (derived.h). */
#include "store/derived.h"

#include "store/internal.h"

#include "core/clock.h"

bool
store_parts_put(Store *store, const StoreBody *body, unsigned version, const void *bytes, size_t length, GError **error)
{
	StoreDb *db = store->derived;

	if (!store_db_begin(db, error))
		return false;
	bool ok;
	{
		g_autoptr(StoreQuery) query = store_db_query(db, STORE_SQL_PARTS_PUT);
		store_bind_sha256(query, ":sha256", body->sha256);
		store_bind_int(query, ":version", version);
		store_bind_blob(query, ":outline", bytes, length);
		store_bind_int(query, ":now", core_clock_wall_s());
		ok = store_query_run(db, query, error);
	}
	return store_db_end(db, ok, error);
}

GBytes *
store_parts_get(Store *store, const StoreBody *body, unsigned version, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return NULL;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_PARTS_GET);
	store_bind_sha256(query, ":sha256", body->sha256);
	store_bind_int(query, ":version", version);
	if (!store_query_row(reader.db, query, error))
		return NULL;

	const void *bytes = sqlite3_column_blob(query, 0);
	return g_bytes_new(bytes, (gsize)sqlite3_column_bytes(query, 0));
}
