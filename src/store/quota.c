/* The room that a server says an account has (RFC 9208). */
#include "store/internal.h"

bool
store_account_set_quota(StoreTxn *txn, int64_t id, uint64_t used_bytes, uint64_t limit_bytes, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_ACCOUNT_SET_QUOTA);

	store_bind_int(query, ":id", id);
	store_bind_int(query, ":used", (int64_t)MIN(used_bytes, INT64_MAX));
	store_bind_int(query, ":limit", (int64_t)MIN(limit_bytes, INT64_MAX));
	return store_query_run(txn->db, query, error);
}

bool
store_account_forget_quota(StoreTxn *txn, int64_t id, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_ACCOUNT_SET_QUOTA);

	store_bind_int(query, ":id", id); /* what is not bound is NULL */
	return store_query_run(txn->db, query, error);
}

/* Neither is beyond INT64_MAX. */
static uint64_t
add(uint64_t sum, int64_t more)
{
	return MIN(sum + (uint64_t)MAX(more, 0), INT64_MAX);
}

bool
store_account_quota(Store *store, int64_t account_id, uint64_t *used_r, uint64_t *limit_r, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);
	uint64_t used = 0, limit = 0;
	bool is_told = false;
	StoreStep step;

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_ACCOUNT_QUOTA);
	store_bind_int(query, ":first", account_id);
	store_bind_int(query, ":last", account_id ? account_id : INT64_MAX);
	while ((step = store_query_step(reader.db, query, error)) == STORE_ROW) {
		used = add(used, sqlite3_column_int64(query, 0));
		limit = add(limit, sqlite3_column_int64(query, 1));
		is_told = true;
	}
	if (step != STORE_DONE || !is_told)
		return false;
	*used_r = used;
	*limit_r = limit;
	return true;
}
