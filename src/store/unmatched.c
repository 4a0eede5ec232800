/* Messages that lost their UIDs by a UIDVALIDITY change, until their content shows which of the new UIDs is theirs. */
#include "store/operation-rows.h"

#include <string.h>

bool
store_messages_forget_uids(StoreTxn *txn, int64_t mailbox_id, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_FORGET_UIDS);

	store_bind_int(query, ":mailbox", mailbox_id);
	return store_messages_remove_invisible(txn, mailbox_id, error) && store_query_run(txn->db, query, error);
}

/* The first column of the only row; 0 if there is none. */
static bool
ask_id(StoreTxn *txn, StoreQuery *query, int64_t *id_r, GError **error)
{
	StoreStep step = store_query_step(txn->db, query, error);

	*id_r = step == STORE_ROW ? sqlite3_column_int64(query, 0) : 0;
	return step != STORE_FAILED;
}

static bool
find_unmatched(StoreTxn *txn, int64_t mailbox_id, const uint8_t sha256[32], int64_t first_s, int64_t last_s,
               int64_t *id_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_UNMATCHED_CONTENT);

	store_bind_int(query, ":mailbox", mailbox_id);
	store_bind_sha256(query, ":sha256", sha256);
	store_bind_int(query, ":first", first_s);
	store_bind_int(query, ":last", last_s);
	return ask_id(txn, query, id_r, error);
}

bool
store_message_find_unmatched(StoreTxn *txn, int64_t mailbox_id, const uint8_t sha256[32], int64_t internaldate_s,
                             int64_t *id_r, GError **error)
{
	return find_unmatched(txn, mailbox_id, sha256, internaldate_s, internaldate_s, id_r, error) &&
	       (*id_r != 0 || find_unmatched(txn, mailbox_id, sha256, INT64_MIN, INT64_MAX, id_r, error));
}

bool
store_message_find_unmatched_header(StoreTxn *txn, int64_t mailbox_id, const uint8_t header_sha256[32],
                                    uint64_t rfc822_size, int64_t internaldate_s, bool with_body, int64_t *id_r,
                                    GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_UNMATCHED_HEADER);

	store_bind_int(query, ":mailbox", mailbox_id);
	store_bind_sha256(query, ":header_sha256", header_sha256);
	store_bind_int(query, ":rfc822_size", (int64_t)rfc822_size);
	store_bind_int(query, ":internaldate", internaldate_s);
	store_bind_int(query, ":with_body", with_body);
	return ask_id(txn, query, id_r, error);
}

bool
store_message_find_unmatched_name(StoreTxn *txn, int64_t mailbox_id, const char *name, int64_t *id_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_UNMATCHED_NAME);

	store_bind_int(query, ":mailbox", mailbox_id);
	store_bind_text(query, ":name", name);
	return ask_id(txn, query, id_r, error);
}

/* The server may have told of the same UID before the match was known: that row is of no use any more. */
static bool
remove_rival(StoreTxn *txn, const StoreMessage *row, uint32_t uid, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_REMOVE_INVISIBLE_UID);

	store_bind_int(query, ":mailbox", row->mailbox_id);
	store_bind_int(query, ":uid", uid);
	store_bind_int(query, ":id", row->id);
	return store_query_run(txn->db, query, error);
}

bool
store_message_match(StoreTxn *txn, int64_t id, const StoreMessage *message, const char *name, GError **error)
{
	g_auto(StoreMessage) row = { 0 };

	if (message->uid == 0)
		return core_throw(error, CORE_ERROR_PROTOCOL, "a message without a UID");
	if (!store_txn_message_there(txn, id, &row, error))
		return false;
	if (row.state != STORE_MESSAGE_UNMATCHED)
		return core_throw(error, CORE_ERROR_NOT_FOUND, "message %" G_GINT64_FORMAT " was matched meanwhile", id);
	if (!remove_rival(txn, &row, message->uid, error))
		return false;

	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_MATCH);
	store_bind_int(query, ":id", id);
	store_bind_text(query, ":name", name);
	store_bind_described(query, message);
	if (!store_query_run(txn->db, query, error) || !store_message_tell_name(txn, &row, name, error))
		return false;
	const char *now = name && !row.name_is_users ? name : row.name;
	if (row.internaldate_s != message->internaldate_s &&
	    !store_message_tell(txn, STORE_CHANGE_MESSAGE_CONTENT, &row, now, error))
		return false;
	return strcmp(row.base_flags, message->base_flags ? message->base_flags : "") == 0 ||
	       store_message_tell(txn, STORE_CHANGE_MESSAGE_FLAGS, &row, row.name, error);
}
