/* What can be done now: the rules are in SQL (statements-operations.c), each a look-up in an index, so that a list costs
 * as much as there are open operations. */
#include "store/operation-rows.h"

/* Behind an operation's columns come the message's and its own row's body. */
#define MESSAGE_COLUMN 24
#define BODY_COLUMN (MESSAGE_COLUMN + 20)

static bool
each(StoreDb *db, StoreQuery *query, StoreTaskFn fn, void *data, GError **error)
{
	StoreStep step;

	g_assert(sqlite3_column_count(query) == BODY_COLUMN + 1);
	while ((step = store_query_step(db, query, error)) == STORE_ROW) {
		StoreTask task = {
			.operation = store_operation_take_row(query, 0),
			.message = store_message_take_row(query, MESSAGE_COLUMN),
			.body_id = sqlite3_column_int64(query, BODY_COLUMN),
		};
		if (!fn(&task, data))
			return true;
	}
	return step == STORE_DONE;
}

bool
store_task_list(Store *store, int64_t account_id, int64_t now_s, int64_t irreversible_now_s, StoreTaskFn fn, void *data,
                GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_TASK_LIST);
	store_bind_int(query, ":account", account_id);
	store_bind_int(query, ":now", now_s);
	store_bind_int(query, ":irreversible_now", irreversible_now_s);
	return each(reader.db, query, fn, data, error);
}

bool
store_task_list_sent(Store *store, int64_t account_id, StoreTaskFn fn, void *data, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_TASK_LIST_SENT);
	store_bind_int(query, ":account", account_id);
	return each(reader.db, query, fn, data, error);
}
