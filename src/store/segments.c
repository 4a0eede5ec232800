/* Finding and reading bodies. */
#include "store/segments.h"

#include "store/internal.h"

#include <string.h>
#include <sys/stat.h>

StoreBody
store_body_take_row(StoreQuery *query)
{
	StoreBody body = {
		.id = sqlite3_column_int64(query, 0),
		.segment_id = sqlite3_column_int64(query, 1),
		.offset = (uint64_t)sqlite3_column_int64(query, 2),
		.length = (uint64_t)sqlite3_column_int64(query, 3),
	};
	const uint8_t *sha256 = store_column_sha256(query, 4);

	if (sha256)
		memcpy(body.sha256, sha256, sizeof body.sha256);
	return body;
}

static bool
get(Store *store, StoreStatement which, int64_t id, StoreBody *body_r, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, which);
	store_bind_int(query, ":id", id);
	if (!store_query_row(reader.db, query, error))
		return false;
	*body_r = store_body_take_row(query);
	return true;
}

bool
store_body_get(Store *store, int64_t body_id, StoreBody *body_r, GError **error)
{
	return get(store, STORE_SQL_BODY_GET, body_id, body_r, error);
}

bool
store_body_of_message(Store *store, int64_t message_id, StoreBody *body_r, GError **error)
{
	return get(store, STORE_SQL_BODY_OF_MESSAGE, message_id, body_r, error);
}

bool
store_body_is_whole(Store *store, const StoreBody *body)
{
	g_autoptr(StoreSegment) segment = store_segment_set_get(store->bodies, body->segment_id, NULL);
	struct stat st;

	return segment && fstat(segment->fd, &st) == 0 && (uint64_t)st.st_size >= body->offset + body->length;
}

StoreSegment *
store_body_segment(Store *store, const StoreBody *body, GError **error)
{
	return store_segment_set_get(store->bodies, body->segment_id, error);
}

bool
store_segment_set_read(StoreSegmentSet *set, const StoreBody *body, void *buffer, size_t size, uint64_t offset,
                       size_t *n_r, GError **error)
{
	size_t n = offset < body->length ? MIN(size, body->length - offset) : 0;

	if (n > 0) {
		g_autoptr(StoreSegment) segment = store_segment_set_get(set, body->segment_id, error);
		if (!segment || !store_segment_read(segment, buffer, n, body->offset + offset, error))
			return false;
	}
	*n_r = n;
	return true;
}

bool
store_body_read(Store *store, const StoreBody *body, void *buffer, size_t size, uint64_t offset, size_t *n_r,
                GError **error)
{
	g_autoptr(GError) failure = NULL;
	StoreBody moved;

	if (store_segment_set_read(store->bodies, body, buffer, size, offset, n_r, &failure))
		return true;
	/* Compaction may have moved it since *body was filled. */
	if (core_error_code(failure) == CORE_ERROR_NOT_FOUND && body->id != 0 &&
	    store_body_get(store, body->id, &moved, NULL))
		return store_segment_set_read(store->bodies, &moved, buffer, size, offset, n_r, error);
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}
