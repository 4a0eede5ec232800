/* What people say about operations: go on, once more, or not at all. */
#include "store/settle.h"

#include "core/clock.h"

static const char taken_back[] = "taken back";

/* False with *error; *done_r: whether it was done. */
typedef bool (*Step)(StoreTxn *txn, const StoreOperation *operation, bool *done_r, GError **error);

static bool
collect_account(const StoreAccount *account, void *data)
{
	g_array_append_val((GArray *)data, account->id);
	return true;
}

static GArray *
collect(StoreTxn *txn, StoreStatement which, int64_t account_id, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, which);
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
	StoreStep step;

	store_bind_int(query, ":account", account_id);
	while ((step = store_query_step(txn->db, query, error)) == STORE_ROW) {
		int64_t id = sqlite3_column_int64(query, 0);
		g_array_append_val(ids, id);
	}
	return step == STORE_DONE ? g_steal_pointer(&ids) : NULL;
}

/* Of one account.  A step may end operations that come later. */
static bool
each_of(StoreTxn *txn, StoreStatement which, int64_t account_id, Step fn, unsigned *count, GError **error)
{
	g_autoptr(GArray) ids = collect(txn, which, account_id, error);

	for (guint i = 0; ids && i < ids->len; i++) {
		g_auto(StoreOperation) operation = { 0 };
		bool done = false;
		if (store_txn_operation(txn, g_array_index(ids, int64_t, i), &operation, error) != STORE_ROW)
			return false;
		if ((STORE_OPERATION_BIT(operation.state) & STORE_OPERATION_OPEN) == 0)
			continue;
		if (!fn(txn, &operation, &done, error))
			return false;
		*count += done;
	}
	return ids != NULL;
}

static bool
each(StoreTxn *txn, StoreStatement which, int64_t account_id, Step fn, unsigned *count_r, GError **error)
{
	g_autoptr(GArray) accounts = g_array_new(FALSE, FALSE, sizeof(int64_t));
	unsigned count = 0;

	if (account_id != 0)
		g_array_append_val(accounts, account_id);
	else if (!store_account_list(txn->store, collect_account, accounts, error))
		return false;
	for (guint i = 0; i < accounts->len; i++)
		if (!each_of(txn, which, g_array_index(accounts, int64_t, i), fn, &count, error))
			return false;
	*count_r = count;
	return true;
}

bool
store_operation_requeue(StoreTxn *txn, int64_t id, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_OPERATION_REQUEUE);

	store_bind_int(query, ":id", id);
	return store_query_run(txn->db, query, error);
}

/* What is to be sent has to be somewhere: where nobody but us has the message any more, it is uploaded. */
static bool
confirm_one(StoreTxn *txn, const StoreOperation *operation, bool *done_r, GError **error)
{
	bool is_copy = operation->kind == STORE_OPERATION_COPY;
	g_auto(StoreMessage) row = { 0 };

	*done_r = true;
	if (store_txn_message(txn, is_copy ? operation->source_id : operation->message_id, &row, error) == STORE_FAILED)
		return false;
	if ((is_copy && row.id == 0) || (operation->kind == STORE_OPERATION_MOVE && row.state == STORE_MESSAGE_MOVING))
		return store_operation_append_instead(txn, operation->id, error);
	return store_operation_requeue(txn, operation->id, error);
}

bool
store_operation_confirm(StoreTxn *txn, int64_t account_id, unsigned *count_r, GError **error)
{
	return each(txn, STORE_SQL_OPERATION_PICK_UNCONFIRMED, account_id, confirm_one, count_r, error);
}

bool
store_operation_retry(StoreTxn *txn, int64_t account_id, unsigned *count_r, GError **error)
{
	return each(txn, STORE_SQL_OPERATION_PICK_FAILED, account_id, store_operation_retry_one, count_r, error);
}

/* The row goes with what is open about it, and what it was to replace is back. */
static bool
drop(StoreTxn *txn, int64_t message_id, GError **error)
{
	return store_message_drop_operations(txn, message_id, taken_back, error) &&
	       store_message_remove(txn, message_id, error) && store_heirs_bring_back(txn, message_id, error);
}

static bool
set_flags(StoreTxn *txn, int64_t message_id, const char *flags, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_SET_FLAGS);

	store_bind_int(query, ":id", message_id);
	store_bind_text(query, ":base_flags", flags);
	return store_query_run(txn->db, query, error);
}

/* A message of which nobody can tell whether the server has it stays here, as it is seen, and goes nowhere. */
static bool
keep_here(StoreTxn *txn, int64_t message_id, GError **error)
{
	g_auto(StoreMessage) row = { 0 };
	g_autoptr(GArray) operations = store_txn_operations(txn, message_id, error);

	if (!operations || !store_txn_message_there(txn, message_id, &row, error))
		return false;
	if (row.body_id == 0)
		return drop(txn, message_id, error);
	g_autofree char *flags = store_flags_shown(&row, operations, UINT_MAX);
	int64_t place_id = row.place_id != 0 ? row.place_id : row.mailbox_id;
	return store_message_drop_operations(txn, message_id, taken_back, error) &&
	       set_flags(txn, message_id, flags, error) && store_message_settle(txn, &row, place_id, 0, error) &&
	       store_message_set_state(txn, message_id, STORE_MESSAGE_LOCAL, NULL, error) &&
	       store_message_show(txn, &row, place_id, NULL, false, error) &&
	       store_message_tell(txn, STORE_CHANGE_MESSAGE_FLAGS, &row, row.name, error);
}

bool
store_operation_undo_taking(StoreTxn *txn, const StoreOperation *operation, GError **error)
{
	g_auto(StoreMessage) row = { 0 };

	if (store_txn_message(txn, operation->message_id, &row, error) == STORE_FAILED)
		return false;
	if (row.state == STORE_MESSAGE_MOVING)
		return keep_here(txn, row.id, error);
	return store_operation_set_state(txn, operation->id, STORE_OPERATION_CANCELLED, taken_back, error) &&
	       store_operation_unmark(txn, operation, error) && store_operation_put_back(txn, operation, error);
}

static bool
undo_flags(StoreTxn *txn, const StoreOperation *operation, GError **error)
{
	g_auto(StoreMessage) row = { 0 };
	StoreStep step = store_txn_message(txn, operation->message_id, &row, error);

	return step != STORE_FAILED &&
	       store_operation_set_state(txn, operation->id, STORE_OPERATION_CANCELLED, taken_back, error) &&
	       (step == STORE_DONE || store_message_tell(txn, STORE_CHANGE_MESSAGE_FLAGS, &row, row.name, error));
}

/* What is in the way stays: *done_r false, and the operation as it is. */
static bool
undo_folder(StoreTxn *txn, const StoreOperation *operation, bool *done_r, GError **error)
{
	bool failed = operation->state == STORE_OPERATION_FAILED;

	*done_r = true;
	if (operation->kind == STORE_OPERATION_CREATE && !store_mailbox_uncreate(txn, operation->mailbox_id, done_r, error))
		return false;
	if (operation->kind == STORE_OPERATION_RENAME && !failed && !store_mailbox_put_back(txn, operation, done_r, error))
		return false;
	if (*done_r && !store_operation_set_state(txn, operation->id, STORE_OPERATION_CANCELLED, taken_back, error))
		return false;
	return operation->kind != STORE_OPERATION_DELETE || failed ||
	       store_mailbox_reveal(txn, operation->mailbox_id, taken_back, error);
}

/* Of all that is held, uploads included: what was written here is not to be lost by that. */
static bool
undo_any(StoreTxn *txn, const StoreOperation *operation, bool *done_r, GError **error)
{
	*done_r = true;
	switch (operation->kind) {
	case STORE_OPERATION_FLAGS:
		return undo_flags(txn, operation, error);
	case STORE_OPERATION_APPEND:
	case STORE_OPERATION_COPY:
		return keep_here(txn, operation->message_id, error);
	case STORE_OPERATION_MOVE:
	case STORE_OPERATION_REMOVE:
		return store_operation_undo_taking(txn, operation, error);
	case STORE_OPERATION_CREATE:
	case STORE_OPERATION_RENAME:
	case STORE_OPERATION_DELETE:
		return undo_folder(txn, operation, done_r, error);
	default:
		g_assert_not_reached();
	}
}

static bool
undo_one(StoreTxn *txn, int64_t account_id, int64_t id, GError **error)
{
	g_auto(StoreOperation) operation = { 0 };
	bool done;

	if (!store_txn_operation_in(txn, id, STORE_OPERATION_OPEN & ~STORE_OPERATION_BIT(STORE_OPERATION_SENT), &operation,
	                            error))
		return false;
	if (account_id != 0 && operation.account_id != account_id)
		return core_throw(error, CORE_ERROR_NOT_FOUND, "operation %" G_GINT64_FORMAT " is another account's", id);
	if (operation.state == STORE_OPERATION_QUEUED && store_operation_is_begun(&operation))
		return core_throw(error, CORE_ERROR_NOT_FOUND, "operation %" G_GINT64_FORMAT " is under way", id);
	if (operation.kind == STORE_OPERATION_APPEND || operation.kind == STORE_OPERATION_COPY)
		return drop(txn, operation.message_id, error);
	return undo_any(txn, &operation, &done, error) &&
	       (done || core_throw(error, CORE_ERROR_REFUSED, "the folder cannot be put back: something else is there"));
}

bool
store_operation_undo(StoreTxn *txn, int64_t account_id, int64_t id, unsigned *count_r, GError **error)
{
	if (id == 0)
		return each(txn, STORE_SQL_OPERATION_PICK_UNDONE, account_id, undo_any, count_r, error);
	if (!undo_one(txn, account_id, id, error))
		return false;
	*count_r = 1;
	return true;
}

bool
store_operation_prune(Store *store, GError **error)
{
	g_autoptr(StoreTxn) txn = store_begin(store, error);

	if (!txn)
		return false;
	{
		g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_OPERATION_PRUNE);
		store_bind_int(query, ":before", core_clock_wall_s() - STORE_LOG_DAYS * INT64_C(86400));
		if (!store_query_run(txn->db, query, error))
			return false;
	}
	return store_commit(g_steal_pointer(&txn), error);
}
