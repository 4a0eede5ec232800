/* Searching: either the messages of few candidates are looked up, or all messages are gone through in the order that is
 * asked for, until there are enough. */
#include "store/search-index.h"
#include "store/search-match.h"

#include "core/clock.h"

#include <errno.h>
#include <unistd.h>

#define LOOKUP_COST 3 /* of a candidate, in rows that are gone through */

typedef struct {
	StoreDb *db;
	const StoreMatch *match;
	const StoreSearchRange *range;
	StoreFoundFn fn;
	void *data;
	uint64_t found;
} Find;

typedef struct {
	int64_t internaldate_s, id;
} Key;

static StoreRow
take_row(StoreQuery *query)
{
	return (StoreRow){
		.id = sqlite3_column_int64(query, 0),
		.place_id = sqlite3_column_int64(query, 1),
		.internaldate_s = sqlite3_column_int64(query, 2),
		.flags = store_column_text(query, 3),
		.document = sqlite3_column_int64(query, 4),
		.name = store_column_text(query, 5),
	};
}

/* False: enough. */
static bool
tell(Find *find, const StoreRow *row, const StorePlace *place)
{
	StoreFound found = { .id = row->id, .place_id = row->place_id, .internaldate_s = row->internaldate_s,
		                 .account = place->account, .folder = place->path, .name = row->name };

	find->found++;
	return find->fn(&found, find->data) && find->found != find->range->limit;
}

/* All rows of @query. */
static bool
go_through(Find *find, StoreQuery *query, GError **error)
{
	StoreStep step;

	while ((step = store_query_step(find->db, query, error)) == STORE_ROW) {
		StoreRow row = take_row(query);
		const StorePlace *place = store_match_row(find->match, &row);
		if (place && !tell(find, &row, place))
			return true;
	}
	return step == STORE_DONE;
}

static bool
go_through_all(Find *find, GError **error)
{
	bool newest = find->range->newest_first;
	g_autoptr(StoreQuery) query = store_db_query(find->db, newest ? STORE_SQL_SEARCH_NEWEST : STORE_SQL_SEARCH_IDS);
	int64_t first, last;

	store_match_dates(find->match, &first, &last);
	if (newest) {
		store_bind_int(query, ":first", first);
		store_bind_int(query, ":last", last);
	} else {
		store_bind_int(query, ":after", find->range->after);
	}
	return go_through(find, query, error);
}

static bool
look_up_document(Find *find, int64_t document, GArray *keys, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(find->db, STORE_SQL_SEARCH_BODY);
	StoreStep step;

	store_bind_int(query, ":body", document);
	while ((step = store_query_step(find->db, query, error)) == STORE_ROW) {
		StoreRow row = take_row(query);
		Key key = { row.internaldate_s, row.id };
		if ((find->range->newest_first || row.id > find->range->after) && store_match_row(find->match, &row))
			g_array_append_val(keys, key);
	}
	return step == STORE_DONE;
}

static int
compare_newest(const void *a, const void *b)
{
	const Key *x = a, *y = b;

	if (x->internaldate_s != y->internaldate_s)
		return x->internaldate_s > y->internaldate_s ? -1 : 1;
	return x->id > y->id ? -1 : x->id < y->id;
}

static int
compare_ids(const void *a, const void *b)
{
	const Key *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static bool
look_up(Find *find, const StoreSet *candidates, GError **error)
{
	g_autoptr(GArray) keys = g_array_new(FALSE, FALSE, sizeof(Key));

	for (int64_t byte = 0; byte < candidates->size / 8; byte++) {
		for (unsigned bits = candidates->bits[byte]; bits; bits &= bits - 1) {
			if (!look_up_document(find, byte * 8 + __builtin_ctz(bits), keys, error))
				return false;
		}
	}
	g_array_sort(keys, find->range->newest_first ? compare_newest : compare_ids);
	for (guint i = 0; i < keys->len; i++) {
		g_autoptr(StoreQuery) query = store_db_query(find->db, STORE_SQL_SEARCH_GET);
		store_bind_int(query, ":id", g_array_index(keys, Key, i).id);
		StoreStep step = store_query_step(find->db, query, error);
		StoreRow row = step == STORE_ROW ? take_row(query) : (StoreRow){ 0 };
		const StorePlace *place = step == STORE_ROW ? store_match_row(find->match, &row) : NULL;
		if (step == STORE_FAILED)
			return false;
		if (place && !tell(find, &row, place))
			break;
	}
	return true;
}

/* @documents: how many there are.  What is gone through holds candidates evenly, as far as anybody knows. */
static bool
is_look_up_cheaper(const StoreSet *candidates, uint64_t documents, uint64_t limit)
{
	uint64_t rows = documents;

	if (limit > 0 && candidates->count > limit)
		rows = MIN(rows, (uint64_t)((double)limit * (double)documents / (double)candidates->count));
	return candidates->count * LOOKUP_COST <= rows;
}

static bool
run_statement(StoreDb *db, StoreStatement statement, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(db, statement);

	return store_query_run(db, query, error);
}

static bool
find_all(Find *find, const StoreSearch *search, const StoreIndexState *state, bool *is_index_r, GError **error)
{
	g_autoptr(StoreMatch) match = store_match_new(find->db, search, find->range->account, state->done,
	                                              core_clock_wall_s(), is_index_r, error);

	if (!match)
		return false;
	find->match = match;
	g_auto(StoreSet) candidates = { 0 };
	if (store_match_candidates(match, &candidates) &&
	    is_look_up_cheaper(&candidates, (uint64_t)state->documents, find->range->limit))
		return look_up(find, &candidates, error);
	return go_through_all(find, error);
}

/* *current_r: the index knows all bodies, by their texts of @text_version. */
static bool
take_state(StoreDb *db, unsigned text_version, StoreIndexState *state_r, bool *current_r, bool *is_index_r,
           GError **error)
{
	StoreIndexSource source;

	*is_index_r = !store_index_state(db, STORE_SQL_SEARCH_STATE, state_r, error);
	if (*is_index_r || !store_index_source(db, &source, error))
		return false;
	if (!store_index_is_of(state_r, &source))
		*state_r = (StoreIndexState){ 0 };
	*current_r = state_r->text_version == text_version && state_r->done >= source.last;
	return true;
}

/* In one transaction: it is one look, and the locks are taken once.  @must: only if the index knows all. */
static bool
search_in(Find *find, const StoreSearch *search, unsigned text_version, bool must, bool *current_r, bool *is_index_r,
          GError **error)
{
	StoreIndexState state;

	*current_r = false;
	if (!run_statement(find->db, STORE_SQL_SEARCH_BEGIN, error))
		return false;
	bool ok = take_state(find->db, text_version, &state, current_r, is_index_r, error);
	if (ok && (!must || *current_r))
		ok = find_all(find, search, &state, is_index_r, error);
	return run_statement(find->db, STORE_SQL_SEARCH_END, ok ? error : NULL) && ok;
}

bool
store_search_run(Store *store, const StoreSearch *search, const StoreSearchRange *range, StoreFoundFn fn, void *data,
                 GError **error)
{
	g_auto(StoreIndexReader) reader = store_index_reader_get(store->index, error);
	Find find = { .db = reader.db, .range = range, .fn = fn, .data = data };
	GError *failure = NULL;
	bool is_index = false, ignored;

	if (!reader.db)
		return false;
	bool ok = search_in(&find, search, 0, false, &ignored, &is_index, &failure);
	if (!ok && is_index && core_error_code(failure) == CORE_ERROR_CORRUPT)
		store_index_note_damage(store->index);
	if (failure)
		g_propagate_error(error, failure);
	return ok;
}

bool
store_search_peek(const char *dir, unsigned text_version, const StoreSearch *search, const StoreSearchRange *range,
                  StoreFoundFn fn, void *data, bool *current_r, GError **error)
{
	g_autofree char *mail = g_build_filename(dir, "mail.db", NULL);
	g_autofree char *words = g_build_filename(dir, STORE_SEARCH_FILE, NULL);
	GError *failure = NULL;
	bool is_index = false;

	*current_r = access(mail, F_OK) < 0 && errno == ENOENT;
	if (*current_r)
		return true;
	g_autoptr(StoreDb) db = store_db_open_search(mail, words, &failure);
	Find find = { .db = db, .range = range, .fn = fn, .data = data };
	if (db)
		return search_in(&find, search, text_version, true, current_r, &is_index, error);
	bool is_missing = core_error_code(failure) == CORE_ERROR_NOT_FOUND;
	if (is_missing)
		g_error_free(failure);
	else
		g_propagate_error(error, failure);
	return is_missing;
}
