#include "store/derived.h"

#include "store/appender.h"
#include "store/internal.h"

#include "core/clock.h"

#include <string.h>

#define MAX_PENDING 1000 /* texts that are not committed yet */
#define ROWS 500         /* of one transaction of pruning */
#define LOOK_S (30 * 24 * 3600)
#define GRACE_S 3600     /* a text without a body is kept so long: its body's row may be on its way */

typedef struct {
	uint8_t sha256[32];
	unsigned version;
	StoreExtent extent;
} Pending;

struct StoreDerived {
	Store *store;
	pthread_mutex_t lock; /* protects all; before the lock of store->derived */
	StoreAppender appender;
	GArray *pending;
	uint64_t generation; /* see store_derived_generation() */
};

StoreDerived *
store_derived_new(Store *store)
{
	StoreDerived *derived = g_new0(StoreDerived, 1);

	derived->store = store;
	pthread_mutex_init(&derived->lock, NULL);
	store_appender_init(&derived->appender, store->texts);
	derived->pending = g_array_new(FALSE, FALSE, sizeof(Pending));
	return derived;
}

void
store_derived_free(StoreDerived *derived)
{
	if (!derived)
		return;
	store_appender_clear(&derived->appender);
	g_array_free(derived->pending, TRUE);
	pthread_mutex_destroy(&derived->lock);
	g_free(derived);
}

static bool
find_text(Store *store, const uint8_t sha256[32], unsigned *version_r, StoreExtent *extent_r, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_TEXT_FIND);
	store_bind_sha256(query, ":sha256", sha256);
	if (!store_query_row(reader.db, query, error))
		return false;
	*version_r = (unsigned)sqlite3_column_int64(query, 0);
	*extent_r = (StoreExtent){ sqlite3_column_int64(query, 1), (uint64_t)sqlite3_column_int64(query, 2),
		                       (uint64_t)sqlite3_column_int64(query, 3) };
	return true;
}

/* With the lock held: committed or pending in this version. */
static bool
is_known(StoreDerived *derived, const StoreBody *body, unsigned version)
{
	StoreExtent ignored;
	unsigned found;

	for (unsigned i = 0; i < derived->pending->len; i++) {
		const Pending *pending = &g_array_index(derived->pending, Pending, i);
		if (pending->version == version && memcmp(pending->sha256, body->sha256, 32) == 0)
			return true;
	}
	return body->id != 0 && find_text(derived->store, body->sha256, &found, &ignored, NULL) && found == version;
}

static bool
append(StoreDerived *derived, const char *text, size_t length, StoreExtent *extent_r, GError **error)
{
	if (!store_appender_begin(&derived->appender, length, error))
		return false;
	if (!store_appender_write(&derived->appender, text, length, error)) {
		store_appender_abort(&derived->appender);
		return false;
	}
	store_appender_end(&derived->appender, extent_r);
	return true;
}

static bool
insert(StoreDb *db, const Pending *pending, int64_t now, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(db, STORE_SQL_TEXT_PUT);

	store_bind_sha256(query, ":sha256", pending->sha256);
	store_bind_int(query, ":version", pending->version);
	store_bind_int(query, ":segment", pending->extent.segment_id);
	store_bind_int(query, ":offset", (int64_t)pending->extent.offset);
	store_bind_int(query, ":length", (int64_t)pending->extent.length);
	store_bind_int(query, ":now", now);
	return store_query_run(db, query, error);
}

static bool
commit(StoreDerived *derived, GError **error)
{
	StoreDb *db = derived->store->derived;
	int64_t now = core_clock_wall_s();
	bool ok = true;

	if (!store_db_begin(db, error))
		return false;
	for (unsigned i = 0; i < derived->pending->len && ok; i++)
		ok = insert(db, &g_array_index(derived->pending, Pending, i), now, error);
	return store_db_end(db, ok, error);
}

/* With the lock held.  What could not be kept is forgotten, whoever gave it: store_derived_missing() asks for it again. */
static bool
flush(StoreDerived *derived, GError **error)
{
	if (derived->pending->len == 0)
		return true;
	bool ok = store_appender_sync(&derived->appender, error) && commit(derived, error);
	g_array_set_size(derived->pending, 0);
	if (!ok)
		derived->generation++;
	return ok;
}

bool
store_derived_put(Store *store, const StoreBody *body, unsigned version, const char *text, size_t length, GError **error)
{
	StoreDerived *derived = store->pending_texts;
	Pending pending = { .version = version };
	bool ok = true;

	memcpy(pending.sha256, body->sha256, 32);
	pthread_mutex_lock(&derived->lock);
	if (!is_known(derived, body, version)) {
		ok = append(derived, text, length, &pending.extent, error);
		if (ok)
			g_array_append_val(derived->pending, pending);
		if (ok && derived->pending->len >= MAX_PENDING)
			ok = flush(derived, error);
	}
	pthread_mutex_unlock(&derived->lock);
	return ok;
}

bool
store_derived_flush(Store *store, GError **error)
{
	StoreDerived *derived = store->pending_texts;

	pthread_mutex_lock(&derived->lock);
	bool ok = flush(derived, error);
	pthread_mutex_unlock(&derived->lock);
	return ok;
}

uint64_t
store_derived_generation(Store *store)
{
	StoreDerived *derived = store->pending_texts;

	pthread_mutex_lock(&derived->lock);
	uint64_t generation = derived->generation;
	pthread_mutex_unlock(&derived->lock);
	return generation;
}

static bool
get(Store *store, StoreStatement which, int64_t id, unsigned version, StoreBody *text_r, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, which);
	store_bind_int(query, ":id", id);
	store_bind_int(query, ":version", version);
	if (!store_query_row(reader.db, query, error))
		return false;
	*text_r = store_body_take_row(query);
	return true;
}

bool
store_derived_get(Store *store, int64_t body_id, unsigned version, StoreBody *text_r, GError **error)
{
	return get(store, STORE_SQL_TEXT_GET, body_id, version, text_r, error);
}

bool
store_derived_of_message(Store *store, int64_t message_id, unsigned version, StoreBody *text_r, GError **error)
{
	return get(store, STORE_SQL_TEXT_OF_MESSAGE, message_id, version, text_r, error);
}

bool
store_derived_read(Store *store, const StoreBody *text, void *buffer, size_t size, uint64_t offset, size_t *n_r,
                   GError **error)
{
	g_autoptr(GError) failure = NULL;
	StoreBody moved = *text;
	StoreExtent extent;
	unsigned version;

	if (store_segment_set_read(store->texts, text, buffer, size, offset, n_r, &failure))
		return true;
	/* Pruning may have moved it since *text was filled; another length is another version. */
	if (core_error_code(failure) == CORE_ERROR_NOT_FOUND &&
	    find_text(store, text->sha256, &version, &extent, NULL) && extent.length == text->length) {
		moved.segment_id = extent.segment_id;
		moved.offset = extent.offset;
		return store_segment_set_read(store->texts, &moved, buffer, size, offset, n_r, error);
	}
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

bool
store_derived_missing(Store *store, unsigned version, int64_t after, unsigned limit, StoreBodyFn fn, void *data,
                      GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);
	StoreStep step;

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_TEXT_MISSING);
	store_bind_int(query, ":version", version);
	store_bind_int(query, ":after", after);
	store_bind_int(query, ":limit", limit);
	while ((step = store_query_step(reader.db, query, error)) == STORE_ROW) {
		StoreBody body = store_body_take_row(query);
		if (!fn(&body, data))
			return true;
	}
	return step == STORE_DONE;
}

bool
store_derived_complete(Store *store, unsigned version, int64_t *body_id_r, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_TEXT_COMPLETE);
	store_bind_int(query, ":version", version);
	StoreStep step = store_query_step(reader.db, query, error);
	*body_id_r = step == STORE_ROW ? sqlite3_column_int64(query, 0) : 0;
	return step != STORE_FAILED;
}

bool
store_body_last(Store *store, StoreBody *body_r, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_BODY_LAST);
	if (!store_query_row(reader.db, query, error))
		return false;
	*body_r = store_body_take_row(query);
	return true;
}

bool
store_derived_set_complete(Store *store, unsigned version, const StoreBody *last, GError **error)
{
	StoreDb *db = store->derived;

	if (!store_db_begin(db, error))
		return false;
	bool ok;
	{
		g_autoptr(StoreQuery) query = store_db_query(db, STORE_SQL_TEXT_SET_COMPLETE);
		store_bind_int(query, ":version", version);
		store_bind_int(query, ":body", last->id);
		store_bind_sha256(query, ":sha256", last->sha256);
		ok = store_query_run(db, query, error);
	}
	return store_db_end(db, ok, error);
}

/* The hashes of at most ROWS stale rows behind @after that @statement gives, one after the other. */
static bool
list_stale(Store *store, StoreStatement statement, unsigned version, const uint8_t after[32], GByteArray *hashes,
           GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);
	StoreStep step;

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, statement);
	store_bind_sha256(query, ":after", after);
	store_bind_int(query, ":version", version);
	store_bind_int(query, ":before", core_clock_wall_s() - GRACE_S);
	store_bind_int(query, ":limit", ROWS);
	while ((step = store_query_step(reader.db, query, error)) == STORE_ROW)
		g_byte_array_append(hashes, store_column_sha256(query, 0), 32);
	return step == STORE_DONE;
}

/* @statement of each of @hashes, in a transaction. */
static bool
drop(StoreDb *db, StoreStatement statement, const GByteArray *hashes, int64_t before_s, GError **error)
{
	bool ok = true;

	if (!store_db_begin(db, error))
		return false;
	for (unsigned i = 0; i < hashes->len && ok; i += 32) {
		g_autoptr(StoreQuery) query = store_db_query(db, statement);
		store_bind_sha256(query, ":sha256", hashes->data + i);
		store_bind_int(query, ":before", before_s);
		ok = store_query_run(db, query, error);
	}
	return store_db_end(db, ok, error);
}

static bool
drop_all_stale(Store *store, StoreStatement stale, StoreStatement drop_one, unsigned version, CoreCancel *cancel,
               GError **error)
{
	g_autoptr(GByteArray) hashes = g_byte_array_new();
	uint8_t after[32] = { 0 };

	for (;;) {
		g_byte_array_set_size(hashes, 0);
		if (!core_cancel_check(cancel, error) || !list_stale(store, stale, version, after, hashes, error))
			return false;
		if (hashes->len == 0)
			return true;
		memcpy(after, hashes->data + hashes->len - 32, 32);
		if (!drop(store->derived, drop_one, hashes, INT64_MAX, error))
			return false;
	}
}

/* When all were last looked at. */
static bool
ask_pruned(Store *store, int64_t *at_s_r, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_TEXT_PRUNED);
	StoreStep step = store_query_step(reader.db, query, error);
	*at_s_r = step == STORE_ROW ? sqlite3_column_int64(query, 0) : 0;
	return step != STORE_FAILED;
}

static bool
set_pruned(StoreDb *db, int64_t now_s, GError **error)
{
	if (!store_db_begin(db, error))
		return false;
	bool ok;
	{
		g_autoptr(StoreQuery) query = store_db_query(db, STORE_SQL_TEXT_SET_PRUNED);
		store_bind_int(query, ":now", now_s);
		ok = store_query_run(db, query, error);
	}
	return store_db_end(db, ok, error);
}

/* Now and then, for what no row of mail.db tells of: a crash kept a text from getting its body, or nobody could make
 * one of this version. */
static bool
look_at_all(Store *store, unsigned text_version, unsigned parts_version, CoreCancel *cancel, GError **error)
{
	int64_t at_s, now_s = core_clock_wall_s();

	if (!ask_pruned(store, &at_s, error))
		return false;
	if (at_s <= now_s && now_s - at_s < LOOK_S)
		return true;
	return drop_all_stale(store, STORE_SQL_TEXT_STALE, STORE_SQL_TEXT_DROP, text_version, cancel, error) &&
	       drop_all_stale(store, STORE_SQL_PARTS_STALE, STORE_SQL_PARTS_DROP, parts_version, cancel, error) &&
	       set_pruned(store->derived, now_s, error);
}

/* The hashes of at most ROWS bodies that have been gone since before @before_s; of those that have not come back also in
 * @still. */
static bool
list_gone(Store *store, int64_t before_s, GByteArray *hashes, GByteArray *still, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);
	StoreStep step;

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_BODY_GONE);
	store_bind_int(query, ":before", before_s);
	store_bind_int(query, ":limit", ROWS);
	while ((step = store_query_step(reader.db, query, error)) == STORE_ROW) {
		g_byte_array_append(hashes, store_column_sha256(query, 0), 32);
		if (!sqlite3_column_int(query, 1))
			g_byte_array_append(still, store_column_sha256(query, 0), 32);
	}
	return step == STORE_DONE;
}

/* First what was derived: a crash in between forgets nothing. */
static bool
drop_all_gone(Store *store, CoreCancel *cancel, GError **error)
{
	g_autoptr(GByteArray) hashes = g_byte_array_new(), still = g_byte_array_new();
	int64_t before_s = core_clock_wall_s() - GRACE_S;

	for (;;) {
		g_byte_array_set_size(hashes, 0);
		g_byte_array_set_size(still, 0);
		if (!core_cancel_check(cancel, error) || !list_gone(store, before_s, hashes, still, error))
			return false;
		if (hashes->len == 0)
			return true;
		if (!drop(store->derived, STORE_SQL_TEXT_DROP, still, before_s, error) ||
		    !drop(store->derived, STORE_SQL_PARTS_DROP, still, before_s, error))
			return false;
		core_step("prune-texts");
		if (!drop(store->mail, STORE_SQL_BODY_FORGET, hashes, before_s, error))
			return false;
	}
}

bool
store_derived_prune(Store *store, unsigned text_version, unsigned parts_version, CoreCancel *cancel, GError **error)
{
	pthread_mutex_lock(&store->compact_lock);
	bool ok = look_at_all(store, text_version, parts_version, cancel, error) && drop_all_gone(store, cancel, error) &&
	          store_segment_set_compact(store->texts, cancel, error);
	pthread_mutex_unlock(&store->compact_lock);
	return ok;
}
