/* Messages as directory entries. */
#include "store/internal.h"

#include "store/messages.h"

StoreEntry
store_entry_take_row(StoreQuery *query)
{
	bool derived = sqlite3_column_type(query, 4) != SQLITE_NULL;

	return (StoreEntry){
		.id = sqlite3_column_int64(query, 0),
		.name = store_column_text(query, 1),
		.internaldate_s = sqlite3_column_int64(query, 2),
		.length = (uint64_t)sqlite3_column_int64(query, 3),
		.text_length = derived ? (uint64_t)sqlite3_column_int64(query, 4) : UINT64_MAX,
		.body_id = sqlite3_column_int64(query, 5),
		.header_id = sqlite3_column_int64(query, 6),
		.state = (StoreMessageState)sqlite3_column_int(query, 7),
	};
}

static bool
each(StoreDb *db, StoreQuery *query, StoreEntryFn fn, void *data, GError **error)
{
	StoreStep step;

	while ((step = store_query_step(db, query, error)) == STORE_ROW) {
		StoreEntry entry = store_entry_take_row(query);
		if (!fn(&entry, data))
			return true;
	}
	return step == STORE_DONE;
}

bool
store_entry_list(Store *store, int64_t place_id, int64_t after, unsigned text_version, StoreEntryFn fn, void *data,
                 GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_ENTRY_LIST);
	store_bind_int(query, ":mailbox", place_id);
	store_bind_int(query, ":after", after);
	store_bind_int(query, ":version", text_version);
	return each(reader.db, query, fn, data, error);
}

bool
store_entry_list_tmp(Store *store, int64_t place_id, const char *directory, int64_t after, StoreEntryFn fn, void *data,
                     GError **error)
{
	g_autofree char *first = g_strconcat(directory, "/", NULL), *end = g_strconcat(directory, "0", NULL); /* behind '/' */
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_ENTRY_LIST_TMP);
	store_bind_int(query, ":mailbox", place_id);
	store_bind_text(query, ":directory", first);
	store_bind_text(query, ":end", end);
	store_bind_int(query, ":after", after);
	return each(reader.db, query, fn, data, error);
}

static bool
take_one(StoreDb *db, StoreQuery *query, unsigned text_version, StoreEntry *entry_r, GError **error)
{
	store_bind_int(query, ":version", text_version);
	if (!store_query_row(db, query, error))
		return false;
	*entry_r = store_entry_take_row(query);
	entry_r->name = g_strdup(entry_r->name);
	return true;
}

bool
store_entry_find(Store *store, int64_t place_id, const char *name, unsigned text_version, StoreEntry *entry_r,
                 GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_ENTRY_FIND);
	store_bind_int(query, ":mailbox", place_id);
	store_bind_text(query, ":name", name);
	return take_one(reader.db, query, text_version, entry_r, error);
}

bool
store_entry_get(Store *store, int64_t id, unsigned text_version, StoreEntry *entry_r, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_ENTRY_GET);
	store_bind_int(query, ":id", id);
	return take_one(reader.db, query, text_version, entry_r, error);
}
