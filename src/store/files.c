/* Files that users write, as rows: what can become of one, and its time.  file-save.c has new bytes for it, file-rename.c
 * another name, file-displace.c what the server has of it. */
#include "store/file.h"

bool
store_file_reserve(StoreTxn *txn, unsigned count, int64_t *first_r, GError **error)
{
	g_autoptr(StoreQuery) first = store_db_query(txn->db, STORE_SQL_MESSAGE_RESERVE_FIRST);
	g_autoptr(StoreQuery) reserve = store_db_query(txn->db, STORE_SQL_MESSAGE_RESERVE);

	if (!store_query_run(txn->db, first, error))
		return false;
	store_bind_int(reserve, ":count", count);
	if (store_query_step(txn->db, reserve, error) != STORE_ROW)
		return false;
	*first_r = sqlite3_column_int64(reserve, 0) - count + 1;
	return store_query_step(txn->db, reserve, error) == STORE_DONE;
}

StoreFileWay
store_file_way(const StoreSubject *subject)
{
	if (store_message_is_here(subject->row.state))
		return STORE_FILE_STAYS;
	return store_subject_birth(subject) && subject->copied_id == 0 ? STORE_FILE_UPLOADS : STORE_FILE_DISPLACES;
}

bool
store_file_write(StoreTxn *txn, const StoreMessage *row, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_FILE_WRITE);

	store_bind_int(query, ":id", row->id);
	store_bind_int(query, ":mailbox", row->mailbox_id);
	store_bind_int(query, ":state", row->state);
	store_bind_content(query, row);
	store_bind_int(query, ":dated", row->dated);
	return store_query_run(txn->db, query, error);
}

bool
store_file_tell(StoreTxn *txn, const StoreMessage *row, StoreMessageState was, GError **error)
{
	if (store_message_is_file(was) != store_message_is_file(row->state) && !store_txn_touch(txn, row->place_id, error))
		return false;
	return store_message_tell(txn, STORE_CHANGE_MESSAGE_CONTENT, row, row->name, error);
}

bool
store_file_queue(StoreTxn *txn, int64_t account_id, const StoreMessage *row, int64_t not_before_s, GError **error)
{
	StoreOperation append = {
		.account_id = account_id,
		.kind = STORE_OPERATION_APPEND,
		.message_id = row->id,
		.mailbox_id = row->mailbox_id,
		.target_id = row->mailbox_id,
		.add_flags = row->base_flags,
		.not_before_s = not_before_s,
	};

	return store_operation_insert(txn, &append, &append.id, error);
}

static bool
postpone(StoreSubject *subject, int64_t not_before_s, GError **error)
{
	StoreOperation *birth = store_subject_birth(subject);

	if (!birth)
		return true;
	birth->not_before_s = not_before_s;
	return store_operation_write(subject->txn, birth, error);
}

bool
store_file_set_time(StoreTxn *txn, int64_t id, int64_t time_s, int64_t not_before_s, GError **error)
{
	g_auto(StoreSubject) subject = { 0 };

	if (!store_subject_init(&subject, txn, id, error))
		return false;
	const StoreOperation *birth = store_subject_birth(&subject);
	bool is_same = subject.row.internaldate_s == time_s, is_copy = birth && birth->kind == STORE_OPERATION_COPY;
	if (store_file_way(&subject) == STORE_FILE_DISPLACES || is_copy)
		return is_same || core_throw(error, CORE_ERROR_REFUSED, "the server has the message, or may have it, with its date");
	subject.row.internaldate_s = time_s;
	subject.row.dated = STORE_DATED_BY_USER;
	return store_file_write(txn, &subject.row, error) && postpone(&subject, not_before_s, error) &&
	       (is_same || store_file_tell(txn, &subject.row, subject.row.state, error));
}

bool
store_file_postpone(StoreTxn *txn, int64_t id, int64_t not_before_s, GError **error)
{
	g_auto(StoreSubject) subject = { 0 };

	return store_subject_init(&subject, txn, id, error) && postpone(&subject, not_before_s, error);
}
