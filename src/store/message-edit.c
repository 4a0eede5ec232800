/* Writing messages: what the server tells of them, what users write, and their bodies.  vanish.c: what the server no longer
 * has; unmatched.c: rows that lost their UIDs; places.c: where people see them. */
#include "store/operation-rows.h"

#include <string.h>

void
store_bind_described(StoreQuery *query, const StoreMessage *message)
{
	store_bind_id(query, ":uid", message->uid);
	store_bind_int(query, ":internaldate", message->internaldate_s);
	store_bind_int(query, ":rfc822_size", (int64_t)message->rfc822_size);
	store_bind_text(query, ":base_flags", message->base_flags ? message->base_flags : "");
	store_bind_int(query, ":modseq", (int64_t)message->modseq);
	store_bind_text(query, ":emailid", message->emailid);
	store_bind_id(query, ":gm_msgid", (int64_t)message->gm_msgid);
}

void
store_bind_content(StoreQuery *query, const StoreMessage *row)
{
	store_bind_int(query, ":internaldate", row->internaldate_s);
	store_bind_int(query, ":rfc822_size", (int64_t)row->rfc822_size);
	store_bind_text(query, ":base_flags", row->base_flags);
	store_bind_sha256(query, ":header_sha256", row->header_sha256);
	store_bind_id(query, ":body", row->body_id);
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
	return !differ || store_message_tell(txn, STORE_CHANGE_MESSAGE_FLAGS, row, row->name, error);
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
	store_bind_described(query, message);
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

bool
store_message_place(StoreTxn *txn, int64_t id, int64_t *place_id_r, GError **error)
{
	g_auto(StoreMessage) row = { 0 };

	if (!store_txn_message_there(txn, id, &row, error))
		return false;
	*place_id_r = row.place_id;
	return true;
}

bool
store_message_rename(StoreTxn *txn, int64_t id, const char *name, GError **error)
{
	g_auto(StoreMessage) row = { 0 };

	if (!store_txn_message_there(txn, id, &row, error))
		return false;
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_RENAME);
	store_bind_int(query, ":id", id);
	store_bind_text(query, ":name", name);
	return store_query_run(txn->db, query, error) && store_message_tell_name(txn, &row, name, error);
}

bool
store_name_taken(StoreTxn *txn, int64_t place_id, const char *name, int64_t but_id, bool *taken_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_NAME_TAKEN);

	store_bind_int(query, ":mailbox", place_id);
	store_bind_text(query, ":name", name);
	store_bind_int(query, ":id", but_id);
	StoreStep step = store_query_step(txn->db, query, error);
	if (step != STORE_FAILED)
		*taken_r = step == STORE_ROW;
	return step != STORE_FAILED;
}

static bool
tell_body(StoreTxn *txn, const StoreMessage *row, int64_t body_id, const char *name, GError **error)
{
	StoreMessage now = *row;

	if (!row->name || row->body_id == body_id)
		return store_message_tell_name(txn, row, name, error);
	/* Other bytes: for whoever looks at it, another file. */
	now.name = name;
	return store_message_tell(txn, STORE_CHANGE_MESSAGE_REMOVED, row, row->name, error) &&
	       store_message_tell(txn, STORE_CHANGE_MESSAGE_ADDED, &now, name, error);
}

static bool
set_body(StoreTxn *txn, const StoreMessage *row, int64_t body_id, const char *name, const uint8_t header_sha256[32],
         GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_SET_BODY);

	if (row->name_is_users)
		name = row->name;
	store_bind_int(query, ":id", row->id);
	store_bind_int(query, ":body", body_id);
	store_bind_text(query, ":name", name);
	store_bind_sha256(query, ":header_sha256", header_sha256);
	return store_query_run(txn->db, query, error) && tell_body(txn, row, body_id, name, error);
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
	bool is_given_up = store_segment_set_is_damaged(txn->store->bodies, body->segment_id);
	if (!is_given_up && !store_query_run(txn->db, query, error))
		return false;
	if (is_given_up || sqlite3_changes(txn->db->handle) == 0)
		return core_throw(error, CORE_ERROR_NOT_FOUND, "the body could not be kept, or was written too long ago");
	if (*id == 0)
		*id = sqlite3_last_insert_rowid(txn->db->handle);
	return true;
}

bool
store_body_adopt(StoreTxn *txn, const StoreBody *body, int64_t *id_r, GError **error)
{
	StoreBody known;

	if (!find_body(txn, body->sha256, &known, error))
		return false;
	bool keep = known.id != 0 && (known.id == body->id || store_body_is_whole(txn->store, &known));
	if (!keep && !place_body(txn, body, &known.id, error))
		return false;
	txn->has_bodies |= !keep;
	*id_r = known.id;
	return true;
}

bool
store_message_set_body(StoreTxn *txn, int64_t id, const StoreBody *body, const char *name,
                       const uint8_t header_sha256[32], GError **error)
{
	g_auto(StoreMessage) row = { 0 };
	int64_t body_id;

	return store_txn_message_there(txn, id, &row, error) && store_body_adopt(txn, body, &body_id, error) &&
	       set_body(txn, &row, body_id, name, header_sha256, error);
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
	return step == STORE_ROW && store_txn_message_there(txn, id, &row, error) &&
	       set_body(txn, &row, body_id, name, header_sha256, error);
}

bool
store_message_set_header(StoreTxn *txn, int64_t id, const StoreBody *header, const char *name,
                         const uint8_t header_sha256[32], GError **error)
{
	g_auto(StoreMessage) row = { 0 };
	int64_t header_id;

	if (!store_txn_message_there(txn, id, &row, error))
		return false;
	if (row.body_id != 0)
		return row.name_is_users || store_message_rename(txn, id, name, error);
	if (!store_body_adopt(txn, header, &header_id, error))
		return false;
	if (row.name_is_users)
		name = row.name;
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_SET_HEADER);
	store_bind_int(query, ":id", id);
	store_bind_int(query, ":header", header_id);
	store_bind_text(query, ":name", name);
	store_bind_sha256(query, ":header_sha256", header_sha256);
	return store_query_run(txn->db, query, error) && store_message_tell_name(txn, &row, name, error);
}

/* It may have been adopted for nothing. */
static bool
loosen(StoreTxn *txn, int64_t body_id, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_BODY_LOOSEN);

	store_bind_int(query, ":id", body_id);
	return store_query_run(txn->db, query, error);
}

bool
store_message_drop_body(StoreTxn *txn, int64_t id, const StoreBody *header, GError **error)
{
	g_auto(StoreMessage) row = { 0 };
	int64_t header_id;

	if (!store_txn_message_there(txn, id, &row, error) || !store_body_adopt(txn, header, &header_id, error))
		return false;
	g_autoptr(StoreQuery) drop = store_db_query(txn->db, STORE_SQL_MESSAGE_DROP_BODY);
	store_bind_int(drop, ":id", id);
	store_bind_int(drop, ":header", header_id);
	if (!store_query_run(txn->db, drop, error))
		return false;
	if (sqlite3_changes(txn->db->handle) == 0)
		return loosen(txn, header_id, error) &&
		       core_throw(error, CORE_ERROR_NOT_FOUND, "message %" G_GINT64_FORMAT " needs its body just now", id);
	g_autoptr(StoreQuery) note = store_db_query(txn->db, STORE_SQL_DEPARTED_NOTE);
	store_bind_int(note, ":id", id);
	store_bind_int(note, ":body", row.body_id);
	return store_query_run(txn->db, note, error) && tell_body(txn, &row, 0, row.name, error);
}

bool
store_message_note_asked(StoreTxn *txn, int64_t id, int64_t now_s, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_SET_ASKED);

	store_bind_int(query, ":id", id);
	store_bind_int(query, ":now", now_s);
	return store_query_run(txn->db, query, error);
}
