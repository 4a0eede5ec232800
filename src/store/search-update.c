/* Makes the index know all bodies, in batches: a transaction each, which also says how far it goes. */
#include "store/search-index.h"
#include "store/search-words.h"

#include <string.h>

#define BATCH_DOCUMENTS 1000
#define BATCH_BYTES (8 * 1024 * 1024)
#define PROGRESS_DOCUMENTS 50 /* between two calls */
#define DEAD_DOCUMENTS 1000   /* so many do not matter */

typedef struct {
	StoreBody body;
	StoreBody text; /* segment_id 0: there is none */
} Source;

typedef struct {
	Store *store;
	StoreDb *db;
	const StoreIndexing *how;
	CoreCancel *cancel;
	StoreIndexState state;
	uint64_t indexed, total; /* of this update */
	bool enough;    /* says who is told of the progress */
	bool has_made;  /* texts that are not kept yet */
	bool is_damaged; /* a statement of the index failed */
	GString *text;  /* of the body at hand */
} Update;

/* A document's columns; borrowed from the text, whose line ends become NULs. */
typedef struct {
	const char *from, *to, *cc, *subject, *body;
} Document;

/* In the transaction. */
static bool
put_state(Update *update, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(update->db, STORE_SQL_INDEX_SET_STATE);

	store_bind_blob(query, ":identity", update->state.identity, sizeof update->state.identity);
	store_bind_int(query, ":version", update->state.text_version);
	store_bind_int(query, ":done", update->state.done);
	store_bind_int(query, ":documents", update->state.documents);
	return store_query_run(update->db, query, error);
}

/* Of @statement, which has one number, and at most the parameter :after. */
static bool
ask(Store *store, StoreStatement statement, int64_t after, int64_t *number_r, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, statement);
	if (statement == STORE_SQL_INDEX_TO_DO)
		store_bind_int(query, ":after", after);
	StoreStep step = store_query_step(reader.db, query, error);
	*number_r = step == STORE_ROW ? sqlite3_column_int64(query, 0) : 0;
	return step != STORE_FAILED;
}

static bool
take_source(Store *store, StoreIndexSource *source_r, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	return reader.db && store_index_source(reader.db, source_r, error);
}

static bool
clear(Update *update, GError **error)
{
	if (!store_db_begin(update->db, error))
		return false;
	bool ok;
	{
		g_autoptr(StoreQuery) query = store_db_query(update->db, STORE_SQL_INDEX_CLEAR);
		ok = store_query_run(update->db, query, error) && put_state(update, error);
	}
	return store_db_end(update->db, ok, error);
}

/* An index of another mail.db, or of other texts, or one that is mostly about what has gone, begins anew. */
static bool
begin_anew(Update *update, GError **error)
{
	StoreIndexState fresh = { .text_version = update->how->text_version }, *state = &update->state;
	StoreIndexSource source;
	int64_t live = 0;

	if (!store_index_state(update->db, STORE_SQL_INDEX_STATE, state, error)) {
		update->is_damaged = true;
		return false;
	}
	if (!take_source(update->store, &source, error))
		return false;
	bool ours = store_index_is_of(state, &source) && state->text_version == fresh.text_version;
	/* Counting takes its time: once for each DEAD_DOCUMENTS that come. */
	if (ours && (state->documents + source.highest - state->done) / DEAD_DOCUMENTS == state->documents / DEAD_DOCUMENTS)
		return true;
	if (ours && !ask(update->store, STORE_SQL_INDEX_LIVE, 0, &live, error))
		return false;
	if (ours && state->documents <= live * 3 / 2 + DEAD_DOCUMENTS)
		return true;
	memcpy(fresh.identity, source.identity, sizeof fresh.identity);
	*state = fresh;
	update->is_damaged = !clear(update, error);
	return !update->is_damaged;
}

static bool
list(Update *update, GArray *sources, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(update->store, error);
	StoreStep step;

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_INDEX_BODIES);
	store_bind_int(query, ":version", update->how->text_version);
	store_bind_int(query, ":after", update->state.done);
	store_bind_int(query, ":limit", BATCH_DOCUMENTS);
	while ((step = store_query_step(reader.db, query, error)) == STORE_ROW) {
		Source source = { .body = store_body_take_row(query) };
		source.text = (StoreBody){ .segment_id = sqlite3_column_int64(query, 5),
			                       .offset = (uint64_t)sqlite3_column_int64(query, 6),
			                       .length = (uint64_t)sqlite3_column_int64(query, 7) };
		memcpy(source.text.sha256, source.body.sha256, sizeof source.text.sha256);
		g_array_append_val(sources, source);
	}
	return step == STORE_DONE;
}

/* At most STORE_SEARCH_TEXT_MAX_BYTES of the text; one that cannot be read is made again. */
static bool
take_text(Update *update, const Source *source, GError **error)
{
	size_t size = MIN(source->text.length, STORE_SEARCH_TEXT_MAX_BYTES), n = 0;
	const char *end;

	g_string_set_size(update->text, size);
	if (source->text.segment_id == 0 ||
	    !store_derived_read(update->store, &source->text, update->text->str, size, 0, &n, NULL)) {
		g_string_truncate(update->text, 0);
		update->has_made = true;
		if (!update->how->make_text(update->store, &source->body, update->text, update->how->data, error))
			return false;
		n = MIN(update->text->len, STORE_SEARCH_TEXT_MAX_BYTES);
	}
	g_string_truncate(update->text, n);
	if (!g_utf8_validate(update->text->str, (gssize)n, &end)) /* cut inside a character */
		g_string_truncate(update->text, (gsize)(end - update->text->str));
	return true;
}

/* The headers in front, an empty line, the rest. */
static Document
split(char *text)
{
	Document document = { .body = "" };
	const struct {
		const char *name;
		const char **value;
	} fields[] = { { "From: ", &document.from }, { "To: ", &document.to }, { "Cc: ", &document.cc },
		           { "Subject: ", &document.subject } };

	while (*text) {
		char *end = strchr(text, '\n');
		if (end == text) {
			document.body = text + 1;
			break;
		}
		for (gsize i = 0; i < G_N_ELEMENTS(fields); i++) {
			if (g_str_has_prefix(text, fields[i].name))
				*fields[i].value = text + strlen(fields[i].name);
		}
		if (!end)
			break;
		*end = '\0';
		text = end + 1;
	}
	return document;
}

static bool
has_attachment(const char *body)
{
	static const char line[] = "\n[attachment: ";

	return g_str_has_prefix(body, line + 1) || strstr(body, line);
}

static bool
add(Update *update, const Source *source, GError **error)
{
	if (!take_text(update, source, error))
		return false;
	Document document = split(update->text->str);
	g_autofree char *recipients =
		document.cc ? g_strjoin("\n", document.to ? document.to : "", document.cc, NULL) : NULL;
	g_autoptr(StoreQuery) query = store_db_query(update->db, STORE_SQL_INDEX_ADD);
	store_bind_int(query, ":id", source->body.id);
	store_bind_text(query, ":sender", document.from);
	store_bind_text(query, ":recipients", recipients ? recipients : document.to);
	store_bind_text(query, ":subject", document.subject);
	store_bind_text(query, ":body", document.body);
	store_bind_text(query, ":marks", has_attachment(document.body) ? STORE_MARK_ATTACHMENT : NULL);
	bool ok = store_query_run(update->db, query, error);
	update->is_damaged |= !ok;
	return ok;
}

/* In the transaction: as many as make a batch. */
static bool
add_some(Update *update, const GArray *sources, GError **error)
{
	size_t bytes = 0;

	for (guint i = 0; i < sources->len && bytes < BATCH_BYTES && !update->enough; i++) {
		const Source *source = &g_array_index(sources, Source, i);
		if (core_cancel_triggered(update->cancel))
			break; /* what is there stays */
		if (!add(update, source, error))
			return false;
		bytes += update->text->len;
		update->state.done = source->body.id;
		update->state.documents++;
		if (++update->indexed % PROGRESS_DOCUMENTS == 0 && update->how->progress) {
			uint64_t total = MAX(update->total, update->indexed); /* more may have come */
			update->enough = !update->how->progress(update->indexed, total, update->how->data);
		}
	}
	return put_state(update, error);
}

/* *any_r: there may be more. */
static bool
do_batch(Update *update, bool *any_r, GError **error)
{
	g_autoptr(GArray) sources = g_array_new(FALSE, FALSE, sizeof(Source));

	if (!core_cancel_check(update->cancel, error) || !list(update, sources, error))
		return false;
	*any_r = sources->len > 0;
	if (sources->len == 0)
		return true;
	if (!store_db_begin(update->db, error))
		return false;
	bool ok = store_db_end(update->db, add_some(update, sources, error), error);
	if (ok)
		core_step("index");
	if (update->has_made)
		ok = store_derived_flush(update->store, ok ? error : NULL) && ok;
	update->has_made = false;
	return ok;
}

static bool
run(Update *update, GError **error)
{
	int64_t to_do;
	bool any = true;

	update->db = store_index_writer(update->store->index, error);
	if (!update->db || !begin_anew(update, error) ||
	    !ask(update->store, STORE_SQL_INDEX_TO_DO, update->state.done, &to_do, error))
		return false;
	update->total = (uint64_t)to_do;
	while (any && !update->enough) {
		if (!do_batch(update, &any, error))
			return false;
	}
	return true;
}

bool
store_search_update(Store *store, const StoreIndexing *how, CoreCancel *cancel, GError **error)
{
	g_autoptr(GString) text = g_string_new(NULL);
	Update update = { .store = store, .how = how, .cancel = cancel, .text = text };
	g_autoptr(GError) failure = NULL;

	store_txn_assert_none();
	store_index_lock(store->index);
	bool ok = run(&update, &failure);
	if (!ok && update.is_damaged && core_error_code(failure) == CORE_ERROR_CORRUPT) {
		store_index_discard(store->index);
		g_clear_error(&failure);
		update = (Update){ .store = store, .how = how, .cancel = cancel, .text = text };
		ok = run(&update, &failure);
	}
	store_index_unlock(store->index);
	if (failure)
		g_propagate_error(error, g_steal_pointer(&failure));
	return ok;
}

bool
store_search_state(Store *store, unsigned text_version, StoreSearchState *state_r, GError **error)
{
	g_auto(StoreIndexReader) reader = store_index_reader_get(store->index, error);
	StoreIndexState state;
	StoreIndexSource source;
	int64_t to_do;

	if (!reader.db || !store_index_state(reader.db, STORE_SQL_SEARCH_STATE, &state, error) ||
	    !store_index_source(reader.db, &source, error))
		return false;
	if (!store_index_is_of(&state, &source) || state.text_version != text_version)
		state = (StoreIndexState){ 0 };
	if (!ask(store, STORE_SQL_INDEX_TO_DO, state.done, &to_do, error))
		return false;
	*state_r = (StoreSearchState){ .indexed = (uint64_t)state.documents, .to_do = (uint64_t)to_do };
	return true;
}
