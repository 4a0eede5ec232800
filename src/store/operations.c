/* Reading operations; tasks.c tells which can be done, settle.c, refuse.c and people.c end them. */
#include "store/operation-rows.h"

#include "core/clock.h"

#include <string.h>

static bool
each(StoreDb *db, StoreQuery *query, StoreOperationFn fn, void *data, GError **error)
{
	StoreStep step;

	while ((step = store_query_step(db, query, error)) == STORE_ROW) {
		StoreOperation operation = store_operation_take_row(query, 0);
		if (!fn(&operation, data))
			return true;
	}
	return step == STORE_DONE;
}

bool
store_operation_list(Store *store, int64_t account_id, StoreOperationFn fn, void *data, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_OPERATION_LIST);
	store_bind_int(query, ":account", account_id);
	return each(reader.db, query, fn, data, error);
}

bool
store_operation_log(Store *store, int64_t account_id, int64_t message_id, unsigned limit, StoreOperationFn fn,
                    void *data, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, message_id != 0 ? STORE_SQL_OPERATION_LOG_MESSAGE
	                                                                        : STORE_SQL_OPERATION_LOG);
	store_bind_int(query, ":account", account_id);
	store_bind_int(query, ":limit", limit);
	if (message_id != 0)
		store_bind_int(query, ":message", message_id);
	return each(reader.db, query, fn, data, error);
}

bool
store_operation_counts(Store *store, int64_t account_id, StoreOperationCounts *counts_r, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_OPERATION_COUNTS);
	store_bind_int(query, ":account", account_id);
	store_bind_int(query, ":now", core_clock_wall_s());
	if (!store_query_row(reader.db, query, error))
		return false;
	unsigned waiting = (unsigned)sqlite3_column_int64(query, 1);
	*counts_r = (StoreOperationCounts){
		.pending = (unsigned)sqlite3_column_int64(query, 0) - waiting,
		.waiting = waiting,
		.held = (unsigned)sqlite3_column_int64(query, 2),
		.failed = (unsigned)sqlite3_column_int64(query, 3),
		.next_s = sqlite3_column_int64(query, 4),
	};
	return true;
}

char *
store_operation_outlook(Store *store, int64_t message_id, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return NULL;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_OPERATION_OUTLOOK);
	store_bind_int(query, ":id", message_id);
	if (!store_query_row(reader.db, query, error))
		return NULL;
	const char *state = store_column_text(query, 0), *words = store_column_text(query, 1);
	bool is_failed = strcmp(state, store_operation_states[STORE_OPERATION_FAILED]) == 0;
	if (!is_failed && strcmp(state, store_operation_states[STORE_OPERATION_HELD]) != 0)
		return g_strdup("pending");
	return g_strdup_printf("%s: %s", is_failed ? "error" : "held", words ? words : "");
}
