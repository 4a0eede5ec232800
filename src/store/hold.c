/* Too many irreversible removals within a minute wait for a person.  Those that a person confirmed (not_before 0) do not
 * count, nor those that were taken back. */
#include "store/change.h"

#include "core/clock.h"

static const char too_many[] = "more than " G_STRINGIFY(STORE_HOLD_ALWAYS) " messages removed for good within a minute";
static const char half[] = "more than half of a folder removed for good within a minute";

static void
bind_window(StoreQuery *query, const StoreOperation *removal)
{
	store_bind_int(query, ":account", removal->account_id);
	store_bind_int(query, ":after", core_clock_wall_s() - STORE_HOLD_WINDOW_S);
}

static bool
ask_count(StoreTxn *txn, StoreQuery *query, unsigned *count_r, GError **error)
{
	if (!store_query_row(txn->db, query, error))
		return false;
	*count_r = (unsigned)sqlite3_column_int64(query, 0);
	return true;
}

/* Within the window, in the account; counted to the second above what is too many. */
static bool
count_removed(StoreTxn *txn, const StoreOperation *removal, unsigned *count_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_HOLD_COUNT);

	bind_window(query, removal);
	store_bind_int(query, ":limit", STORE_HOLD_ALWAYS + 2);
	return ask_count(txn, query, count_r, error);
}

/* *half_r: more were removed from the mailbox than are left in it, and more than STORE_HOLD_HALF. */
static bool
ask_half(StoreTxn *txn, const StoreOperation *removal, bool *half_r, GError **error)
{
	g_autoptr(StoreQuery) there = store_db_query(txn->db, STORE_SQL_HOLD_COUNT_THERE);
	g_autoptr(StoreQuery) rest = store_db_query(txn->db, STORE_SQL_HOLD_COUNT_LEFT);
	unsigned removed, left = 0;

	bind_window(there, removal);
	store_bind_int(there, ":mailbox", removal->mailbox_id);
	if (!ask_count(txn, there, &removed, error))
		return false;
	store_bind_int(rest, ":mailbox", removal->mailbox_id);
	store_bind_int(rest, ":limit", removed);
	if (removed > STORE_HOLD_HALF && !ask_count(txn, rest, &left, error))
		return false;
	*half_r = removed > STORE_HOLD_HALF && removed > left;
	return true;
}

bool
store_hold_removals(StoreTxn *txn, const StoreOperation *removal, GError **error)
{
	unsigned removed;
	bool is_half;

	if (!count_removed(txn, removal, &removed, error))
		return false;
	if (removed > STORE_HOLD_ALWAYS + 1) /* the others are held since there was one too many */
		return store_operation_set_state(txn, removal->id, STORE_OPERATION_HELD, too_many, error);
	if (removed > STORE_HOLD_ALWAYS) {
		g_autoptr(StoreQuery) hold = store_db_query(txn->db, STORE_SQL_HOLD_ALL);
		bind_window(hold, removal);
		store_bind_text(hold, ":error", too_many);
		return store_query_run(txn->db, hold, error);
	}
	if (removed <= STORE_HOLD_HALF)
		return true;
	if (!ask_half(txn, removal, &is_half, error))
		return false;
	g_autoptr(StoreQuery) hold = store_db_query(txn->db, STORE_SQL_HOLD_ALL_THERE);
	bind_window(hold, removal);
	store_bind_int(hold, ":mailbox", removal->mailbox_id);
	store_bind_text(hold, ":error", half);
	return !is_half || store_query_run(txn->db, hold, error);
}
