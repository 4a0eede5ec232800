/* A message that the server has, saved over: its row is split.  People keep the row that they see, with its id and name;
 * what the server has goes on under another. */
#include "store/file.h"

/* *id_r: a row with all that the server told, but for the UID, which is unique. */
static bool
split(StoreTxn *txn, int64_t id, int64_t *id_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_FILE_SPLIT);

	store_bind_int(query, ":id", id);
	if (!store_query_run(txn->db, query, error))
		return false;
	*id_r = sqlite3_last_insert_rowid(txn->db->handle);
	return true;
}

static bool
set_uid(StoreTxn *txn, int64_t id, uint32_t uid, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_FILE_SET_UID);

	store_bind_int(query, ":id", id);
	store_bind_id(query, ":uid", uid);
	return store_query_run(txn->db, query, error);
}

/* The new row, as a message that people saw where they see the old one, with what was under way for that. */
static bool
load(StoreSubject *subject_r, const StoreSubject *from, int64_t id, GError **error)
{
	g_auto(StoreSubject) subject = {
		.txn = from->txn,
		.account_id = from->account_id,
		.from_id = from->from_id,
		.copied_id = from->copied_id,
	};

	if (!store_txn_message_there(from->txn, id, &subject.row, error) ||
	    !(subject.operations = store_txn_operations(from->txn, id, error)))
		return false;
	*subject_r = subject;
	subject = (StoreSubject){ 0 };
	return true;
}

/* What is done tells where a message of the server's came from (sync/outcome-match.c). */
static bool
hand_over_log(StoreTxn *txn, int64_t from, int64_t to, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_OPERATION_HAND_OVER_LOG);

	store_bind_int(query, ":from", from);
	store_bind_int(query, ":to", to);
	return store_query_run(txn->db, query, error);
}

bool
store_file_check_trash(StoreTxn *txn, const StoreRemoval *how, GError **error)
{
	int64_t account_id;

	return how->trash_id == 0 || store_txn_mailbox_holds(txn, how->trash_id, &account_id, error);
}

bool
store_file_displace(StoreSubject *subject, int64_t heir_id, const StoreRemoval *how, GError **error)
{
	g_auto(StoreSubject) displaced = { 0 };
	StoreTxn *txn = subject->txn;
	StoreRemoval removal = *how;
	int64_t id = subject->row.id, other;

	removal.heir_id = heir_id;
	return store_file_check_trash(txn, how, error) && split(txn, id, &other, error) && set_uid(txn, id, 0, error) &&
	       set_uid(txn, other, subject->row.uid, error) && store_operations_hand_over(txn, id, other, error) &&
	       hand_over_log(txn, id, other, error) &&
	       load(&displaced, subject, other, error) && store_subject_remove(&displaced, &removal, error);
}

bool
store_file_tell_apart(StoreTxn *txn, int64_t id, int64_t other_id, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_FILE_TELL_APART);

	store_bind_int(query, ":id", id);
	store_bind_int(query, ":other", other_id);
	return store_query_run(txn->db, query, error);
}
