/* Giving space back.
 *
 * A crash is harmless at every step: copies are synced before a transaction makes them the bodies' place, and the old
 * file goes after the transaction that removed its row; whatever is left over has no row and goes at the next open. */
#include "store/appender.h"
#include "store/internal.h"

#include "core/log.h"

#define ROWS 500                           /* of one transaction */
#define BATCH_BYTES (16ull * 1024 * 1024)  /* copied for it, at most about */
#define COPY_BYTES (256 * 1024)

typedef struct {
	StoreExtent from, to;
} Move;

static void
release(void *segment)
{
	store_segment_release(segment);
}

/* Whether less than half of what the segment has is in use, as far as that is committed. */
static bool
is_sparse(StoreSegmentSet *set, int64_t id, uint64_t used)
{
	pthread_mutex_lock(&set->lock);
	const StoreSegment *segment = g_hash_table_lookup(set->table, &id);
	bool sparse = segment && segment->holders == 0 && used * 2 < segment->end;
	pthread_mutex_unlock(&set->lock);
	return sparse;
}

static bool
list_sparse(StoreSegmentSet *set, GArray *ids, GError **error)
{
	StoreStep step;

	if (!store_db_begin(set->db, error))
		return false;
	{
		g_autoptr(StoreQuery) query = store_db_query(set->db, set->statements + STORE_SEGMENT_USED);
		while ((step = store_query_step(set->db, query, error)) == STORE_ROW) {
			int64_t id = sqlite3_column_int64(query, 0);
			if (is_sparse(set, id, (uint64_t)sqlite3_column_int64(query, 1)))
				g_array_append_val(ids, id);
		}
	}
	store_db_rollback(set->db);
	store_db_unlock(set->db);
	return step == STORE_DONE;
}

/* The segment, held, unless a writer has it. */
static StoreSegment *
hold_idle(StoreSegmentSet *set, int64_t id)
{
	pthread_mutex_lock(&set->lock);
	StoreSegment *segment = g_hash_table_lookup(set->table, &id);
	if (segment && (segment->holders > 0 || segment->damaged))
		segment = NULL;
	if (segment) {
		segment->refs++;
		segment->holders++;
	}
	pthread_mutex_unlock(&set->lock);
	return segment;
}

/* The first rows that are still in the segment. */
static bool
list_rows(StoreSegment *segment, GArray *moves, GError **error)
{
	StoreSegmentSet *set = segment->set;
	StoreStep step;
	uint64_t bytes = 0;

	g_array_set_size(moves, 0);
	if (!store_db_begin(set->db, error))
		return false;
	{
		g_autoptr(StoreQuery) query = store_db_query(set->db, set->statements + STORE_SEGMENT_EXTENTS);
		store_bind_int(query, ":segment", segment->id);
		store_bind_int(query, ":limit", ROWS);
		while ((step = store_query_step(set->db, query, error)) == STORE_ROW && bytes < BATCH_BYTES) {
			Move move = { .from = { segment->id, (uint64_t)sqlite3_column_int64(query, 0),
				                    (uint64_t)sqlite3_column_int64(query, 1) } };
			bytes += move.from.length;
			g_array_append_val(moves, move);
		}
	}
	store_db_rollback(set->db);
	store_db_unlock(set->db);
	return step != STORE_FAILED;
}

static bool
copy(StoreAppender *to, const StoreSegment *segment, Move *move, GError **error)
{
	g_autofree uint8_t *buffer = g_malloc(COPY_BYTES);
	uint64_t offset = 0;

	if (!store_appender_begin(to, move->from.length, error))
		return false;
	while (offset < move->from.length) {
		size_t n = MIN(COPY_BYTES, move->from.length - offset);
		if (!store_segment_read(segment, buffer, n, move->from.offset + offset, error) ||
		    !store_appender_write(to, buffer, n, error)) {
			store_appender_abort(to);
			return false;
		}
		offset += n;
	}
	store_appender_end(to, &move->to);
	return true;
}

static bool
update_row(StoreSegmentSet *set, const Move *move, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(set->db, set->statements + STORE_SEGMENT_MOVE);

	store_bind_int(query, ":segment", move->from.segment_id);
	store_bind_int(query, ":offset", (int64_t)move->from.offset);
	store_bind_int(query, ":length", (int64_t)move->from.length);
	store_bind_int(query, ":to_segment", move->to.segment_id);
	store_bind_int(query, ":to_offset", (int64_t)move->to.offset);
	return store_query_run(set->db, query, error);
}

static bool
update_rows(StoreSegmentSet *set, const GArray *moves, GError **error)
{
	bool ok = true;

	if (!store_db_begin(set->db, error))
		return false;
	for (unsigned i = 0; i < moves->len && ok; i++)
		ok = update_row(set, &g_array_index(moves, Move, i), error);
	return store_db_end(set->db, ok, error);
}

/* *dropped_r stays false when a row has appeared in the segment meanwhile. */
static bool
drop_segment(StoreSegment *segment, bool *dropped_r, GError **error)
{
	StoreSegmentSet *set = segment->set;
	bool ok, dropped;

	if (!store_db_begin(set->db, error))
		return false;
	{
		g_autoptr(StoreQuery) query = store_db_query(set->db, set->statements + STORE_SEGMENT_DROP);
		store_bind_int(query, ":segment", segment->id);
		ok = store_query_run(set->db, query, error);
		dropped = sqlite3_changes(set->db->handle) > 0;
	}
	ok = store_db_end(set->db, ok, error);
	if (!ok || !dropped)
		return ok;
	core_step("compact-dropped");
	store_segment_set_remove(set, segment->id);
	*dropped_r = true;
	return true;
}

static bool
empty_segment(StoreSegment *segment, StoreAppender *to, CoreCancel *cancel, GError **error)
{
	g_autoptr(GArray) moves = g_array_new(FALSE, FALSE, sizeof(Move));
	bool dropped = false;

	while (!dropped) {
		if (!core_cancel_check(cancel, error) || !list_rows(segment, moves, error))
			return false;
		for (unsigned i = 0; i < moves->len; i++) {
			if (!copy(to, segment, &g_array_index(moves, Move, i), error))
				return false;
		}
		if (moves->len == 0) {
			if (!drop_segment(segment, &dropped, error))
				return false;
			continue;
		}
		if (!store_appender_sync(to, error))
			return false;
		core_step("compact-copied");
		if (!update_rows(segment->set, moves, error))
			return false;
		core_step("compact-moved");
	}
	return true;
}

/* One segment that cannot be read is left as it is and stops nothing. */
static bool
empty_segments(StoreSegmentSet *set, GPtrArray *sparse, CoreCancel *cancel, GError **error)
{
	StoreAppender to;
	bool ok = true;

	store_appender_init(&to, set);
	for (unsigned i = 0; i < sparse->len && ok; i++) {
		StoreSegment *segment = sparse->pdata[i];
		g_autoptr(GError) failure = NULL;
		/* Opened once more for reading: holding does not open. */
		g_autoptr(StoreSegment) open = store_segment_set_get(set, segment->id, &failure);
		if (open && empty_segment(open, &to, cancel, &failure))
			continue;
		if (core_error_code(failure) == CORE_ERROR_CORRUPT) {
			core_log(CORE_LOG_WARNING, "store", "%s; it stays as it is", failure->message);
			store_segment_mark_damaged(segment);
			continue;
		}
		g_propagate_error(error, g_steal_pointer(&failure));
		ok = false;
	}
	store_appender_clear(&to);
	return ok;
}

bool
store_segment_set_compact(StoreSegmentSet *set, CoreCancel *cancel, GError **error)
{
	g_autoptr(GPtrArray) sparse = g_ptr_array_new_with_free_func(release);
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));

	if (!list_sparse(set, ids, error))
		return false;
	for (unsigned i = 0; i < ids->len; i++) { /* all of them held first: none is copied into another */
		StoreSegment *segment = hold_idle(set, g_array_index(ids, int64_t, i));
		if (segment)
			g_ptr_array_add(sparse, segment);
	}
	return sparse->len == 0 || empty_segments(set, sparse, cancel, error);
}

static bool
list_loose(Store *store, int64_t after, GArray *ids, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);
	StoreStep step;

	if (!reader.db)
		return false;
	g_array_set_size(ids, 0);
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_BODY_LOOSE);
	store_bind_int(query, ":after", after);
	store_bind_int(query, ":limit", ROWS);
	while ((step = store_query_step(reader.db, query, error)) == STORE_ROW) {
		int64_t id = sqlite3_column_int64(query, 0);
		g_array_append_val(ids, id);
	}
	return step == STORE_DONE;
}

static bool
run_on_body(StoreDb *db, StoreStatement statement, int64_t id, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(db, statement);

	store_bind_int(query, ":id", id);
	return store_query_run(db, query, error);
}

/* Those of the bodies that no message uses; the others are not looked at again until they have lost one more.  With the
 * pins locked until it is committed: a writer either pinned a body before, then it is for the next time, or does not
 * find it afterwards. */
static bool
drop_dead(Store *store, const GArray *ids, GError **error)
{
	bool ok = true;

	if (!store_db_begin(store->mail, error))
		return false;
	pthread_mutex_lock(&store->pins_lock);
	g_autoptr(GHashTable) pins = store_pins(store);
	for (unsigned i = 0; i < ids->len && ok; i++) {
		const int64_t *id = &g_array_index(ids, int64_t, i);
		if (g_hash_table_contains(pins, id))
			continue;
		ok = run_on_body(store->mail, STORE_SQL_BODY_DROP, *id, error) &&
		     run_on_body(store->mail, STORE_SQL_BODY_LOOKED_AT, *id, error);
	}
	ok = store_db_end(store->mail, ok, error);
	pthread_mutex_unlock(&store->pins_lock);
	return ok;
}

static bool
drop_all_dead(Store *store, CoreCancel *cancel, GError **error)
{
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
	int64_t after = 0;

	for (;;) {
		if (!core_cancel_check(cancel, error) || !list_loose(store, after, ids, error))
			return false;
		if (ids->len == 0)
			return true;
		after = g_array_index(ids, int64_t, ids->len - 1);
		if (!drop_dead(store, ids, error))
			return false;
		core_step("compact-dead");
	}
}

/* What is removed from now on makes the next compaction due. */
static bool
forget_departed(Store *store, GError **error)
{
	if (!store_db_begin(store->mail, error))
		return false;
	bool ok;
	{
		g_autoptr(StoreQuery) query = store_db_query(store->mail, STORE_SQL_DEPARTED_FORGET);
		ok = store_query_run(store->mail, query, error);
	}
	return store_db_end(store->mail, ok, error);
}

bool
store_compact_due(Store *store, bool *due_r, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);
	int64_t id;
	bool ok;

	if (!reader.db)
		return false;
	pthread_mutex_lock(&store->pins_lock);
	g_autoptr(GHashTable) pins = store_pins(store);
	{
		g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_COMPACT_DUE);
		StoreStep step;
		do {
			step = store_query_step(reader.db, query, error);
			id = step == STORE_ROW ? sqlite3_column_int64(query, 0) : 0;
		} while (step == STORE_ROW && g_hash_table_contains(pins, &id));
		*due_r = step == STORE_ROW;
		ok = step != STORE_FAILED;
	}
	pthread_mutex_unlock(&store->pins_lock);
	return ok;
}

bool
store_compact(Store *store, CoreCancel *cancel, GError **error)
{
	store_txn_assert_none();
	pthread_mutex_lock(&store->compact_lock);
	bool ok = forget_departed(store, error) && drop_all_dead(store, cancel, error) &&
	          store_segment_set_compact(store->bodies, cancel, error);
	pthread_mutex_unlock(&store->compact_lock);
	return ok;
}
