/* What the server no longer has.  Rows go, and what users still wanted of them is cancelled; but a row that an operation is
 * just taking elsewhere stays until that operation's end tells where the message is. */
#include "store/settle.h"

static const char gone[] = "the server no longer has the message";
static const char folder_gone[] = "the folder is gone";

/* Runs a statement that returns id, place, name, body, header and INTERNALDATE of what it deleted. */
static bool
remove_returning(StoreTxn *txn, StoreQuery *query, GError **error)
{
	StoreStep step;

	while ((step = store_query_step(txn->db, query, error)) == STORE_ROW) {
		StoreMessage row = {
			.id = sqlite3_column_int64(query, 0),
			.place_id = sqlite3_column_int64(query, 1),
			.name = store_column_text(query, 2),
		};
		StoreGone removed = {
			.message_id = row.id,
			.body_id = sqlite3_column_int64(query, 3),
			.header_id = sqlite3_column_int64(query, 4),
			.internaldate_s = sqlite3_column_int64(query, 5),
		};
		if (!store_message_tell(txn, STORE_CHANGE_MESSAGE_REMOVED, &row, row.name, error))
			return false;
		if (txn->store->listen && row.name)
			g_array_append_val(txn->gone, removed);
	}
	return step == STORE_DONE;
}

static bool
remove_row(StoreTxn *txn, int64_t id, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_REMOVE);

	store_bind_int(query, ":id", id);
	return remove_returning(txn, query, error);
}

bool
store_message_remove(StoreTxn *txn, int64_t id, GError **error)
{
	return store_message_drop_operations(txn, id, gone, error) && remove_row(txn, id, error);
}

/* The operation that was under way with a message when it left; NULL: none. */
static StoreOperation *
find_taking(const GArray *operations)
{
	for (guint i = 0; i < operations->len; i++) {
		StoreOperation *operation = &g_array_index(operations, StoreOperation, i);
		if ((operation->kind == STORE_OPERATION_MOVE || operation->kind == STORE_OPERATION_REMOVE) &&
		    store_operation_is_begun(operation))
			return operation;
	}
	return NULL;
}

/* It has left its mailbox, and the operation's end is to tell where it is. */
static bool
let_go(StoreTxn *txn, int64_t id, const StoreOperation *taking, int64_t mailbox_id, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_LET_GO);

	store_bind_int(query, ":id", id);
	store_bind_int(query, ":mailbox", mailbox_id);
	/* One whose copy is made waits in the queue for the removal of the source, which nobody needs to do any more. */
	return store_query_run(txn->db, query, error) &&
	       (taking->state != STORE_OPERATION_QUEUED ||
	        store_operation_set_state(txn, taking->id, STORE_OPERATION_SENT, taking->error, error));
}

/* A message with open operations that left @mailbox_id, whose mailbox may have gone with it. */
static bool
leave(StoreTxn *txn, int64_t id, bool mailbox_gone, GError **error)
{
	g_auto(StoreMessage) row = { 0 };
	g_autoptr(GArray) operations = NULL;

	if (!store_txn_message_there(txn, id, &row, error) || !(operations = store_txn_operations(txn, id, error)))
		return false;
	const StoreOperation *taking = find_taking(operations);
	if (taking && !mailbox_gone)
		return let_go(txn, id, taking, row.mailbox_id, error);
	if (taking && taking->kind == STORE_OPERATION_MOVE)
		return let_go(txn, id, taking, taking->target_id, error);
	return store_message_remove(txn, id, error);
}

static bool
leave_all(StoreTxn *txn, const GArray *ids, bool mailbox_gone, GError **error)
{
	for (guint i = 0; i < ids->len; i++)
		if (!leave(txn, g_array_index(ids, int64_t, i), mailbox_gone, error))
			return false;
	return true;
}

static void
bind_range(StoreQuery *query, int64_t mailbox_id, uint32_t first, uint32_t last)
{
	store_bind_int(query, ":mailbox", mailbox_id);
	store_bind_int(query, ":first", first);
	store_bind_int(query, ":last", last);
}

bool
store_message_remove_uids(StoreTxn *txn, int64_t mailbox_id, uint32_t first, uint32_t last, GError **error)
{
	g_autoptr(StoreQuery) busy = store_db_query(txn->db, STORE_SQL_MESSAGE_BUSY_UIDS);
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_REMOVE_UIDS);
	g_autoptr(GArray) ids = NULL;

	bind_range(busy, mailbox_id, first, last);
	bind_range(query, mailbox_id, first, last);
	return (ids = store_collect_ids(txn, busy, error)) && leave_all(txn, ids, false, error) &&
	       remove_returning(txn, query, error);
}

/* Those of the mailbox that @statement deletes; before that those with open operations, which @busy lists. */
static bool
remove_state(StoreTxn *txn, int64_t mailbox_id, StoreStatement busy, StoreStatement statement, bool mailbox_gone,
             GError **error)
{
	g_autoptr(StoreQuery) list = store_db_query(txn->db, busy), query = store_db_query(txn->db, statement);
	g_autoptr(GArray) ids = NULL;

	store_bind_int(list, ":mailbox", mailbox_id);
	store_bind_int(query, ":mailbox", mailbox_id);
	return (ids = store_collect_ids(txn, list, error)) && leave_all(txn, ids, mailbox_gone, error) &&
	       remove_returning(txn, query, error);
}

bool
store_message_remove_unmatched(StoreTxn *txn, int64_t mailbox_id, GError **error)
{
	return remove_state(txn, mailbox_id, STORE_SQL_MESSAGE_BUSY_UNMATCHED, STORE_SQL_MESSAGE_REMOVE_UNMATCHED, false,
	                    error);
}

bool
store_messages_remove_invisible(StoreTxn *txn, int64_t mailbox_id, GError **error)
{
	return remove_state(txn, mailbox_id, STORE_SQL_MESSAGE_BUSY_INVISIBLE, STORE_SQL_MESSAGE_FORGET_INVISIBLE, false,
	                    error);
}

/* A move into a mailbox that is gone: the message is seen again where the server has it, if it has it. */
static bool
turn_back(StoreTxn *txn, const StoreOperation *move, GError **error)
{
	g_auto(StoreMessage) row = { 0 };
	StoreStep step = store_txn_message(txn, move->message_id, &row, error);

	if (step == STORE_FAILED ||
	    !store_operation_set_state(txn, move->id, STORE_OPERATION_CANCELLED, folder_gone, error))
		return false;
	if (step == STORE_DONE)
		return true;
	if (row.state == STORE_MESSAGE_MOVING)
		return store_message_remove(txn, row.id, error);
	return store_operation_unmark(txn, move, error) && store_message_show_by_operations(txn, row.id, error);
}

static bool
turn_back_all(StoreTxn *txn, int64_t mailbox_id, GError **error)
{
	g_autoptr(GArray) moves = store_txn_operations_into(txn, mailbox_id, error);

	for (guint i = 0; moves && i < moves->len; i++)
		if (!turn_back(txn, &g_array_index(moves, StoreOperation, i), error))
			return false;
	return moves != NULL;
}

/* An upload or copy into a mailbox that is gone, whose message people see elsewhere: it goes there at once. */
static bool
redirect(StoreTxn *txn, StoreOperation *operation, int64_t place_id, GError **error)
{
	if (operation->kind == STORE_OPERATION_MOVE)
		return store_operation_set_state(txn, operation->id, STORE_OPERATION_CANCELLED, folder_gone, error);
	if (operation->kind != STORE_OPERATION_APPEND && operation->kind != STORE_OPERATION_COPY)
		return true;
	operation->state = operation->state == STORE_OPERATION_FAILED ? STORE_OPERATION_FAILED : STORE_OPERATION_QUEUED;
	operation->mailbox_id = operation->target_id = place_id;
	return store_operation_write(txn, operation, error);
}

static bool
follow_place(StoreTxn *txn, int64_t id, GError **error)
{
	g_auto(StoreMessage) row = { 0 };
	g_autoptr(GArray) operations = NULL;

	if (!store_txn_message_there(txn, id, &row, error))
		return false;
	if (row.place_id == 0)
		return store_message_remove(txn, id, error);
	if (!(operations = store_txn_operations(txn, id, error)))
		return false;
	for (guint i = 0; i < operations->len; i++)
		if (!redirect(txn, &g_array_index(operations, StoreOperation, i), row.place_id, error))
			return false;
	return store_message_set_mailbox(txn, id, row.place_id, error);
}

/* Messages that are only here, and that people do not see in the mailbox that is gone. */
static bool
follow_places(StoreTxn *txn, int64_t mailbox_id, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_SEEN_ELSEWHERE);
	g_autoptr(GArray) ids = NULL;

	store_bind_int(query, ":mailbox", mailbox_id);
	ids = store_collect_ids(txn, query, error);
	for (guint i = 0; ids && i < ids->len; i++)
		if (!follow_place(txn, g_array_index(ids, int64_t, i), error))
			return false;
	return ids != NULL;
}

bool
store_messages_leave_mailbox(StoreTxn *txn, int64_t mailbox_id, bool *kept_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_ANY_OF);

	if (!turn_back_all(txn, mailbox_id, error) ||
	    !remove_state(txn, mailbox_id, STORE_SQL_MESSAGE_BUSY_ALL, STORE_SQL_MESSAGE_REMOVE_ALL, true, error) ||
	    !follow_places(txn, mailbox_id, error))
		return false;
	store_bind_int(query, ":mailbox", mailbox_id);
	StoreStep step = store_query_step(txn->db, query, error);
	*kept_r = step == STORE_ROW;
	return step != STORE_FAILED;
}
