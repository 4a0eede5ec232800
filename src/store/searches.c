#include "store/searches.h"

#include "store/internal.h"

bool
store_saved_search_add(StoreTxn *txn, int64_t account_id, const char *query, int64_t *id_r, GError **error)
{
	g_autoptr(StoreQuery) insert = store_db_query(txn->db, STORE_SQL_SEARCH_INSERT);

	store_bind_int(insert, ":account", account_id);
	store_bind_text(insert, ":query", query);
	if (!store_query_run(txn->db, insert, error))
		return false;
	if (sqlite3_changes(txn->db->handle) == 0)
		return core_throw(error, CORE_ERROR_REFUSED, "the search is kept already");
	*id_r = sqlite3_last_insert_rowid(txn->db->handle);
	return true;
}

bool
store_saved_search_remove(StoreTxn *txn, int64_t id, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_SEARCH_DELETE);

	store_bind_int(query, ":id", id);
	if (!store_query_run(txn->db, query, error))
		return false;
	return sqlite3_changes(txn->db->handle) > 0 || core_throw(error, CORE_ERROR_NOT_FOUND, "no such search is kept");
}

static StoreSavedSearch
take_row(StoreQuery *query)
{
	return (StoreSavedSearch){ sqlite3_column_int64(query, 0), sqlite3_column_int64(query, 1),
		                       store_column_text(query, 2) };
}

bool
store_saved_search_find(Store *store, int64_t account_id, const char *query, StoreSavedSearch *search_r, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) find = store_db_query(reader.db, STORE_SQL_SEARCH_FIND);
	store_bind_int(find, ":account", account_id);
	store_bind_text(find, ":query", query);
	if (!store_query_row(reader.db, find, error))
		return false;
	*search_r = take_row(find);
	search_r->query = g_strdup(search_r->query);
	return true;
}

bool
store_saved_search_list(Store *store, int64_t account_id, int64_t after, StoreSavedSearchFn fn, void *data,
                        GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);
	StoreStep step;

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) list = store_db_query(reader.db, STORE_SQL_SEARCH_LIST);
	store_bind_int(list, ":account", account_id);
	store_bind_int(list, ":after", after);
	while ((step = store_query_step(reader.db, list, error)) == STORE_ROW) {
		StoreSavedSearch search = take_row(list);
		if (!fn(&search, data))
			return true;
	}
	return step == STORE_DONE;
}
