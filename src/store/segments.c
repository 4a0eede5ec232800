/* Finding and reading bodies. */
#include "store/segments.h"

#include "store/internal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define EXPECTED_BYTES (8ull * 1024 * 1024) /* brought at a time */

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

static void
expect(Store *store, int64_t segment_id, uint64_t offset, uint64_t length)
{
	g_autoptr(StoreSegment) segment = store_segment_set_get(store->bodies, segment_id, NULL);

	if (segment)
		posix_fadvise(segment->fd, (off_t)offset, (off_t)length, POSIX_FADV_WILLNEED);
}

bool
store_body_expect(Store *store, int64_t message_id, unsigned count, int64_t *middle_r, int64_t *last_r,
                  GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);
	StoreStep step = STORE_DONE;
	uint64_t bytes = 0;

	*middle_r = *last_r = INT64_MAX;
	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_BODY_AHEAD);
	store_bind_int(query, ":id", message_id);
	store_bind_int(query, ":limit", count);
	for (unsigned n = 0; bytes < EXPECTED_BYTES && (step = store_query_step(reader.db, query, error)) == STORE_ROW; n++) {
		uint64_t length = MIN((uint64_t)sqlite3_column_int64(query, 3), EXPECTED_BYTES - bytes);
		*last_r = sqlite3_column_int64(query, 0);
		if (n <= count / 2)
			*middle_r = *last_r;
		expect(store, sqlite3_column_int64(query, 1), (uint64_t)sqlite3_column_int64(query, 2), length);
		bytes += length;
	}
	return step == STORE_DONE || step == STORE_ROW;
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
