/* Messages that take the place of others: what is replaced is not taken away on the server before its heir is there. */
#include "store/settle.h"

bool
store_heir_is_awaited(const StoreMessage *row)
{
	switch (row->state) {
	case STORE_MESSAGE_ON_SERVER:
	case STORE_MESSAGE_UNMATCHED:
	case STORE_MESSAGE_MOVING:
		return false;
	case STORE_MESSAGE_LOCAL:
	case STORE_MESSAGE_TO_APPEND:
	case STORE_MESSAGE_REFUSED:
	case STORE_MESSAGE_TO_COPY:
	case STORE_MESSAGE_FILE:
	case STORE_MESSAGE_TMP:
		return true;
	default:
		g_assert_not_reached();
	}
}

bool
store_heirs_hand_over(StoreTxn *txn, int64_t from, int64_t to, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_OPERATION_HAND_OVER_HEIR);

	store_bind_int(query, ":from", from);
	store_bind_int(query, ":to", to);
	return store_query_run(txn->db, query, error);
}

/* What was refused is seen already; what has begun goes on. */
static bool
can_come_back(const StoreOperation *operation)
{
	return operation->state != STORE_OPERATION_FAILED && !store_operation_is_begun(operation);
}

bool
store_heirs_bring_back(StoreTxn *txn, int64_t heir_id, GError **error)
{
	g_autoptr(GArray) operations = store_txn_operations_with_heir(txn, heir_id, error);

	for (guint i = operations ? operations->len : 0; i-- > 0;) {
		const StoreOperation *operation = &g_array_index(operations, StoreOperation, i);
		if (can_come_back(operation))
			return store_operation_undo_taking(txn, operation, error) &&
			       store_heirs_hand_over(txn, heir_id, operation->message_id, error);
	}
	return operations != NULL;
}
