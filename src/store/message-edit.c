/* Writing messages. */
#include "store/internal.h"

#include "store/messages.h"

#include <string.h>

static void
bind_described(StoreQuery *query, const StoreMessage *message)
{
	store_bind_id(query, ":uid", message->uid);
	store_bind_int(query, ":internaldate", message->internaldate_s);
	store_bind_int(query, ":rfc822_size", (int64_t)message->rfc822_size);
	store_bind_text(query, ":base_flags", message->base_flags ? message->base_flags : "");
	store_bind_int(query, ":modseq", (int64_t)message->modseq);
	store_bind_text(query, ":emailid", message->emailid);
	store_bind_id(query, ":gm_msgid", (int64_t)message->gm_msgid);
}

static bool
note_flags(StoreTxn *txn, const StoreMessage *row, GError **error)
{
	return store_txn_change(txn, STORE_CHANGE_MESSAGE_FLAGS, row->mailbox_id, row->id, row->name, error);
}

/* The row's flags become @base_flags; the listener hears of it if they differ and people see the message. */
static bool
update_flags(StoreTxn *txn, const StoreMessage *row, const char *base_flags, uint64_t modseq, GError **error)
{
	bool differ = strcmp(row->base_flags, base_flags) != 0;

	if (!differ && (modseq == 0 || modseq == row->modseq))
		return true;
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_SET_FLAGS);
	store_bind_int(query, ":id", row->id);
	store_bind_text(query, ":base_flags", base_flags);
	store_bind_id(query, ":modseq", (int64_t)modseq);
	if (!store_query_run(txn->db, query, error))
		return false;
	return !differ || !row->name || note_flags(txn, row, error);
}

bool
store_message_set_flags(StoreTxn *txn, int64_t mailbox_id, uint32_t uid, const char *base_flags, uint64_t modseq,
                        GError **error)
{
	g_auto(StoreMessage) row = { 0 };
	StoreStep step = store_txn_message_uid(txn, mailbox_id, uid, &row, error);

	return step == STORE_ROW ? update_flags(txn, &row, base_flags, modseq, error) : step == STORE_DONE;
}

bool
store_message_insert(StoreTxn *txn, const StoreMessage *message, int64_t *id_r, GError **error)
{
	if (message->uid == 0)
		return core_throw(error, CORE_ERROR_PROTOCOL, "a message without a UID");

	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_INSERT);
	store_bind_int(query, ":mailbox", message->mailbox_id);
	bind_described(query, message);
	if (!store_query_run(txn->db, query, error))
		return false;
	if (sqlite3_changes(txn->db->handle) > 0) {
		*id_r = sqlite3_last_insert_rowid(txn->db->handle);
		return true;
	}

	g_auto(StoreMessage) row = { 0 };
	if (store_txn_message_uid(txn, message->mailbox_id, message->uid, &row, error) != STORE_ROW)
		return false;
	*id_r = row.id;
	return update_flags(txn, &row, message->base_flags ? message->base_flags : "", message->modseq, error);
}

/* Runs a statement that returns the id, mailbox and name of what it deleted. */
static bool
remove_returning(StoreTxn *txn, StoreQuery *query, GError **error)
{
	StoreStep step;

	while ((step = store_query_step(txn->db, query, error)) == STORE_ROW) {
		const char *name = store_column_text(query, 2);
		if (name && !store_txn_change(txn, STORE_CHANGE_MESSAGE_REMOVED, sqlite3_column_int64(query, 1),
		                              sqlite3_column_int64(query, 0), name, error))
			return false;
	}
	return step == STORE_DONE;
}

bool
store_message_remove_uids(StoreTxn *txn, int64_t mailbox_id, uint32_t first, uint32_t last, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_REMOVE_UIDS);

	store_bind_int(query, ":mailbox", mailbox_id);
	store_bind_int(query, ":first", first);
	store_bind_int(query, ":last", last);
	return remove_returning(txn, query, error);
}

bool
store_message_remove(StoreTxn *txn, int64_t id, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_REMOVE);

	store_bind_int(query, ":id", id);
	return remove_returning(txn, query, error);
}

bool
store_message_remove_unmatched(StoreTxn *txn, int64_t mailbox_id, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_REMOVE_UNMATCHED);

	store_bind_int(query, ":mailbox", mailbox_id);
	return remove_returning(txn, query, error);
}

bool
store_messages_remove_all(StoreTxn *txn, int64_t mailbox_id, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_REMOVE_ALL);

	store_bind_int(query, ":mailbox", mailbox_id);
	return remove_returning(txn, query, error);
}

bool
store_messages_forget_uids(StoreTxn *txn, int64_t mailbox_id, GError **error)
{
	static const StoreStatement steps[] = { STORE_SQL_MESSAGE_FORGET_INVISIBLE, STORE_SQL_MESSAGE_FORGET_UIDS };

	for (unsigned i = 0; i < G_N_ELEMENTS(steps); i++) {
		g_autoptr(StoreQuery) query = store_db_query(txn->db, steps[i]);
		store_bind_int(query, ":mailbox", mailbox_id);
		if (!store_query_run(txn->db, query, error))
			return false;
	}
	return true;
}

/* The row, which another thread may have removed meanwhile. */
static bool
find_row(StoreTxn *txn, int64_t id, StoreMessage *row_r, GError **error)
{
	StoreStep step = store_txn_message(txn, id, row_r, error);

	if (step == STORE_DONE)
		return core_throw(error, CORE_ERROR_NOT_FOUND, "message %" G_GINT64_FORMAT " has gone meanwhile", id);
	return step == STORE_ROW;
}

static bool
note_rename(StoreTxn *txn, const StoreMessage *row, const char *name, GError **error)
{
	if (!name || g_strcmp0(row->name, name) == 0)
		return true;
	return store_txn_change(txn, row->name ? STORE_CHANGE_MESSAGE_RENAMED : STORE_CHANGE_MESSAGE_ADDED,
	                        row->mailbox_id, row->id, row->name ? row->name : name, error);
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
store_message_find_unmatched_name(StoreTxn *txn, int64_t mailbox_id, const char *name, int64_t *id_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_UNMATCHED_NAME);

	store_bind_int(query, ":mailbox", mailbox_id);
	store_bind_text(query, ":name", name);
	return ask_id(txn, query, id_r, error);
}

bool
store_message_rename(StoreTxn *txn, int64_t id, const char *name, GError **error)
{
	g_auto(StoreMessage) row = { 0 };

	if (!find_row(txn, id, &row, error))
		return false;
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_RENAME);
	store_bind_int(query, ":id", id);
	store_bind_text(query, ":name", name);
	return store_query_run(txn->db, query, error) && note_rename(txn, &row, name, error);
}

bool
store_message_match(StoreTxn *txn, int64_t id, const StoreMessage *message, const char *name, GError **error)
{
	g_auto(StoreMessage) row = { 0 };

	if (message->uid == 0)
		return core_throw(error, CORE_ERROR_PROTOCOL, "a message without a UID");
	if (!find_row(txn, id, &row, error))
		return false;
	if (row.state != STORE_MESSAGE_UNMATCHED)
		return core_throw(error, CORE_ERROR_NOT_FOUND, "message %" G_GINT64_FORMAT " was matched meanwhile", id);
	if (!remove_rival(txn, &row, message->uid, error))
		return false;

	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_MATCH);
	store_bind_int(query, ":id", id);
	store_bind_text(query, ":name", name);
	bind_described(query, message);
	if (!store_query_run(txn->db, query, error) || !note_rename(txn, &row, name, error))
		return false;
	if (!row.name || strcmp(row.base_flags, message->base_flags ? message->base_flags : "") == 0)
		return true;
	return note_flags(txn, &row, error);
}

bool
store_name_taken(StoreTxn *txn, int64_t mailbox_id, const char *name, int64_t but_id, bool *taken_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_NAME_TAKEN);

	store_bind_int(query, ":mailbox", mailbox_id);
	store_bind_text(query, ":name", name);
	store_bind_int(query, ":id", but_id);
	StoreStep step = store_query_step(txn->db, query, error);
	if (step != STORE_FAILED)
		*taken_r = step == STORE_ROW;
	return step != STORE_FAILED;
}

static bool
note_body(StoreTxn *txn, const StoreMessage *row, int64_t body_id, const char *name, GError **error)
{
	if (!row->name || row->body_id == body_id)
		return note_rename(txn, row, name, error);
	/* Other bytes: for whoever looks at it, another file. */
	return store_txn_change(txn, STORE_CHANGE_MESSAGE_REMOVED, row->mailbox_id, row->id, row->name, error) &&
	       store_txn_change(txn, STORE_CHANGE_MESSAGE_ADDED, row->mailbox_id, row->id, name, error);
}

static bool
set_body(StoreTxn *txn, const StoreMessage *row, int64_t body_id, const char *name, const uint8_t header_sha256[32],
         GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_SET_BODY);

	store_bind_int(query, ":id", row->id);
	store_bind_int(query, ":body", body_id);
	store_bind_text(query, ":name", name);
	store_bind_sha256(query, ":header_sha256", header_sha256);
	return store_query_run(txn->db, query, error) && note_body(txn, row, body_id, name, error);
}

/* The row of bytes with that hash; id 0 if there is none. */
static bool
find_body(StoreTxn *txn, const uint8_t sha256[32], StoreBody *body_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_BODY_KNOWN);

	store_bind_sha256(query, ":sha256", sha256);
	StoreStep step = store_query_step(txn->db, query, error);
	*body_r = step == STORE_ROW ? store_body_take_row(query) : (StoreBody){ 0 };
	return step != STORE_FAILED;
}

/* A new row for @body, or its place for the row that has lost its bytes. */
static bool
place_body(StoreTxn *txn, const StoreBody *body, int64_t *id, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_BODY_PLACE);

	store_bind_sha256(query, ":sha256", body->sha256);
	store_bind_int(query, ":segment", body->segment_id);
	store_bind_int(query, ":offset", (int64_t)body->offset);
	store_bind_int(query, ":length", (int64_t)body->length);
	if (!store_query_run(txn->db, query, error))
		return false;
	if (sqlite3_changes(txn->db->handle) == 0)
		return core_throw(error, CORE_ERROR_NOT_FOUND, "the body was written too long ago and has been given up");
	if (*id == 0)
		*id = sqlite3_last_insert_rowid(txn->db->handle);
	return true;
}

bool
store_message_set_body(StoreTxn *txn, int64_t id, const StoreBody *body, const char *name,
                       const uint8_t header_sha256[32], GError **error)
{
	g_auto(StoreMessage) row = { 0 };
	StoreBody known;

	if (!find_row(txn, id, &row, error) || !find_body(txn, body->sha256, &known, error))
		return false;
	bool keep = known.id != 0 && (known.id == body->id || store_body_is_whole(txn->store, &known));
	if (!keep && !place_body(txn, body, &known.id, error))
		return false;
	return set_body(txn, &row, known.id, name, header_sha256, error);
}

bool
store_message_share_body(StoreTxn *txn, int64_t id, int64_t body_id, const char *name,
                         const uint8_t header_sha256[32], GError **error)
{
	g_auto(StoreMessage) row = { 0 };
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_BODY_GET);

	store_bind_int(query, ":id", body_id);
	StoreStep step = store_query_step(txn->db, query, error);
	if (step == STORE_DONE)
		return core_throw(error, CORE_ERROR_NOT_FOUND, "body %" G_GINT64_FORMAT " has gone meanwhile", body_id);
	return step == STORE_ROW && find_row(txn, id, &row, error) &&
	       set_body(txn, &row, body_id, name, header_sha256, error);
}
