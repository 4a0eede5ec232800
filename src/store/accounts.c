#include "store/internal.h"

void
store_account_clear(StoreAccount *account)
{
	g_free(account->name);
	g_free(account->last_error);
	g_free(account->capabilities);
	*account = (StoreAccount){ 0 };
}

/* The text is the query's: good for a callback, not to be cleared. */
static StoreAccount
take_row(StoreQuery *query)
{
	return (StoreAccount){
		.id = sqlite3_column_int64(query, 0),
		.name = (char *)(uintptr_t)store_column_text(query, 1),
		.last_sync_s = sqlite3_column_int64(query, 2),
		.last_error = (char *)(uintptr_t)store_column_text(query, 3),
		.capabilities = (char *)(uintptr_t)store_column_text(query, 4),
	};
}

bool
store_account_ensure(StoreTxn *txn, const char *name, int64_t *id_r, GError **error)
{
	g_autoptr(StoreQuery) insert = store_db_query(txn->db, STORE_SQL_ACCOUNT_INSERT);

	store_bind_text(insert, ":name", name);
	if (!store_query_run(txn->db, insert, error))
		return false;
	bool added = sqlite3_changes(txn->db->handle) > 0;

	g_autoptr(StoreQuery) find = store_db_query(txn->db, STORE_SQL_ACCOUNT_FIND);
	store_bind_text(find, ":name", name);
	if (!store_query_row(txn->db, find, error))
		return false;
	int64_t id = sqlite3_column_int64(find, 0);
	if (added && !store_txn_mailbox_change(txn, STORE_CHANGE_ACCOUNT_ADDED, id, 0, 0, name, error))
		return false;
	*id_r = id;
	return true;
}

bool
store_account_set_result(StoreTxn *txn, int64_t id, int64_t last_sync_s, const char *last_error, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_ACCOUNT_SET_RESULT);

	store_bind_int(query, ":id", id);
	store_bind_id(query, ":last_sync", last_sync_s);
	store_bind_text(query, ":last_error", last_error);
	return store_query_run(txn->db, query, error);
}

bool
store_account_set_capabilities(StoreTxn *txn, int64_t id, const char *line, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_ACCOUNT_SET_CAPABILITIES);

	store_bind_int(query, ":id", id);
	store_bind_text(query, ":capabilities", line);
	return store_query_run(txn->db, query, error);
}

bool
store_account_list(Store *store, StoreAccountFn fn, void *data, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);
	StoreStep step;

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_ACCOUNT_LIST);
	while ((step = store_query_step(reader.db, query, error)) == STORE_ROW) {
		StoreAccount account = take_row(query);
		if (!fn(&account, data))
			return true;
	}
	return step == STORE_DONE;
}

bool
store_account_find(Store *store, const char *name, StoreAccount *account_r, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_ACCOUNT_FIND);
	store_bind_text(query, ":name", name);
	if (!store_query_row(reader.db, query, error))
		return false;
	*account_r = take_row(query);
	account_r->name = g_strdup(account_r->name);
	account_r->last_error = g_strdup(account_r->last_error);
	account_r->capabilities = g_strdup(account_r->capabilities);
	return true;
}

char *
store_account_name(Store *store, int64_t id, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return NULL;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_ACCOUNT_NAME);
	store_bind_int(query, ":id", id);
	return store_query_row(reader.db, query, error) ? g_strdup(store_column_text(query, 0)) : NULL;
}

bool
store_account_counts(Store *store, int64_t account_id, StoreCounts *counts_r, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_ACCOUNT_COUNTS);
	store_bind_int(query, ":account", account_id);
	if (!store_query_row(reader.db, query, error))
		return false;
	*counts_r = (StoreCounts){
		.mailboxes = (uint64_t)sqlite3_column_int64(query, 0),
		.messages = (uint64_t)sqlite3_column_int64(query, 1),
		.bytes = (uint64_t)sqlite3_column_int64(query, 2),
		.missing = (uint64_t)sqlite3_column_int64(query, 3),
		.remote = (uint64_t)sqlite3_column_int64(query, 4),
		.files = (uint64_t)sqlite3_column_int64(query, 5),
	};
	return true;
}

bool
store_account_list_remote(Store *store, int64_t account_id, StoreRemoteFn fn, void *data, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);
	StoreStep step;

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_ACCOUNT_REMOTE);
	store_bind_int(query, ":account", account_id);
	while ((step = store_query_step(reader.db, query, error)) == STORE_ROW)
		if (!fn(sqlite3_column_int64(query, 0), (uint64_t)sqlite3_column_int64(query, 1), data))
			return true;
	return step == STORE_DONE;
}

bool
store_account_list_files(Store *store, int64_t account_id, StoreFileFn fn, void *data, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);
	StoreStep step;

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_ACCOUNT_FILES);
	store_bind_int(query, ":account", account_id);
	while ((step = store_query_step(reader.db, query, error)) == STORE_ROW)
		if (!fn(sqlite3_column_int64(query, 0), store_column_text(query, 1), sqlite3_column_int(query, 2) != 0, data))
			return true;
	return step == STORE_DONE;
}
