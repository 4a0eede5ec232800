/* Reading messages; message-edit.c writes them, entries.c lists them for views, alike.c compares them. */
#include "store/messages.h"

#include "store/internal.h"

StoreMessage
store_message_take_row(StoreQuery *query, int column)
{
	return (StoreMessage){
		.id = sqlite3_column_int64(query, column),
		.mailbox_id = sqlite3_column_int64(query, column + 1),
		.uid = (uint32_t)sqlite3_column_int64(query, column + 2),
		.name = store_column_text(query, column + 3),
		.internaldate_s = sqlite3_column_int64(query, column + 4),
		.rfc822_size = (uint64_t)sqlite3_column_int64(query, column + 5),
		.base_flags = store_column_text(query, column + 6),
		.modseq = (uint64_t)sqlite3_column_int64(query, column + 7),
		.emailid = store_column_text(query, column + 8),
		.gm_msgid = (uint64_t)sqlite3_column_int64(query, column + 9),
		.header_sha256 = store_column_sha256(query, column + 10),
		.body_id = sqlite3_column_int64(query, column + 11),
		.length = (uint64_t)sqlite3_column_int64(query, column + 12),
		.place_id = sqlite3_column_int64(query, column + 13),
		.since_s = sqlite3_column_int64(query, column + 14),
		.header_id = sqlite3_column_int64(query, column + 15),
		.state = (StoreMessageState)sqlite3_column_int(query, column + 16),
		.error = store_column_text(query, column + 17),
		.name_is_users = sqlite3_column_int(query, column + 18) != 0,
		.dated = (StoreDated)sqlite3_column_int(query, column + 19),
	};
}

static StoreStep
take_one(StoreDb *db, StoreQuery *query, StoreMessage *message_r, GError **error)
{
	StoreStep step = store_query_step(db, query, error);

	if (step != STORE_ROW)
		return step;
	*message_r = store_message_take_row(query, 0);
	message_r->name = g_strdup(message_r->name);
	message_r->base_flags = g_strdup(message_r->base_flags);
	message_r->emailid = g_strdup(message_r->emailid);
	message_r->error = g_strdup(message_r->error);
	message_r->header_sha256 = g_memdup2(message_r->header_sha256, message_r->header_sha256 ? 32 : 0);
	return STORE_ROW;
}

void
store_message_clear(StoreMessage *message)
{
	g_free((void *)(uintptr_t)message->name);
	g_free((void *)(uintptr_t)message->base_flags);
	g_free((void *)(uintptr_t)message->emailid);
	g_free((void *)(uintptr_t)message->error);
	g_free((void *)(uintptr_t)message->header_sha256);
	*message = (StoreMessage){ 0 };
}

StoreStep
store_txn_message(StoreTxn *txn, int64_t id, StoreMessage *message_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_GET);

	store_bind_int(query, ":id", id);
	return take_one(txn->db, query, message_r, error);
}

StoreStep
store_txn_message_uid(StoreTxn *txn, int64_t mailbox_id, uint32_t uid, StoreMessage *message_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_FIND_UID);

	store_bind_int(query, ":mailbox", mailbox_id);
	store_bind_int(query, ":uid", uid);
	return take_one(txn->db, query, message_r, error);
}

bool
store_message_get(Store *store, int64_t id, StoreMessage *message_r, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_MESSAGE_GET);
	store_bind_int(query, ":id", id);
	return take_one(reader.db, query, message_r, error) == STORE_ROW;
}

bool
store_message_find(Store *store, int64_t place_id, const char *name, StoreMessage *message_r, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_MESSAGE_FIND);
	store_bind_int(query, ":mailbox", place_id);
	store_bind_text(query, ":name", name);
	return take_one(reader.db, query, message_r, error) == STORE_ROW;
}

bool
store_message_find_uid(Store *store, int64_t mailbox_id, uint32_t uid, StoreMessage *message_r, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_MESSAGE_FIND_UID);
	store_bind_int(query, ":mailbox", mailbox_id);
	store_bind_int(query, ":uid", uid);
	return take_one(reader.db, query, message_r, error) == STORE_ROW;
}

static bool
each(StoreDb *db, StoreQuery *query, StoreMessageFn fn, void *data, GError **error)
{
	StoreStep step;

	while ((step = store_query_step(db, query, error)) == STORE_ROW) {
		StoreMessage message = store_message_take_row(query, 0);
		if (!fn(&message, data))
			return true;
	}
	return step == STORE_DONE;
}

static bool
each_of_mailbox(Store *store, StoreStatement statement, int64_t mailbox_id, StoreMessageFn fn, void *data,
                GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, statement);
	store_bind_int(query, ":mailbox", mailbox_id);
	return each(reader.db, query, fn, data, error);
}

bool
store_message_list_uids(Store *store, int64_t mailbox_id, StoreMessageFn fn, void *data, GError **error)
{
	return each_of_mailbox(store, STORE_SQL_MESSAGE_LIST_UIDS, mailbox_id, fn, data, error);
}

static bool
count(StoreDb *db, int64_t mailbox_id, uint32_t *count_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(db, STORE_SQL_MESSAGE_COUNT);

	store_bind_int(query, ":mailbox", mailbox_id);
	StoreStep step = store_query_step(db, query, error);
	if (step != STORE_FAILED)
		*count_r = step == STORE_ROW ? (uint32_t)sqlite3_column_int64(query, 0) : 0;
	return step != STORE_FAILED;
}

bool
store_message_count(Store *store, StoreTxn *txn, int64_t mailbox_id, uint32_t *count_r, GError **error)
{
	g_auto(StoreReader) reader = { 0 };

	if (!txn)
		reader = store_reader_get(store, error);
	StoreDb *db = txn ? txn->db : reader.db;
	return db && count(db, mailbox_id, count_r, error);
}

bool
store_message_list_missing(Store *store, int64_t mailbox_id, uint32_t upto, StoreMessageFn fn, void *data, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_MESSAGE_LIST_MISSING);
	store_bind_int(query, ":mailbox", mailbox_id);
	store_bind_int(query, ":upto", upto);
	return each(reader.db, query, fn, data, error);
}

bool
store_message_list_remote(Store *store, int64_t mailbox_id, int64_t since_s, int64_t upto_s, int64_t upto_id,
                          StoreMessageFn fn, void *data, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_MESSAGE_LIST_REMOTE);
	store_bind_int(query, ":mailbox", mailbox_id);
	store_bind_int(query, ":since", since_s);
	store_bind_int(query, ":upto", upto_s);
	store_bind_int(query, ":upto_id", upto_id);
	return each(reader.db, query, fn, data, error);
}

bool
store_message_list_kept(Store *store, int64_t account_id, int64_t before_s, int64_t asked_before_s, StoreMessageFn fn,
                        void *data, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_MESSAGE_LIST_KEPT);
	store_bind_int(query, ":account", account_id);
	store_bind_int(query, ":before", before_s);
	store_bind_int(query, ":asked_before", asked_before_s);
	return each(reader.db, query, fn, data, error);
}

bool
store_message_list_unmatched(Store *store, int64_t mailbox_id, StoreMessageFn fn, void *data, GError **error)
{
	return each_of_mailbox(store, STORE_SQL_MESSAGE_LIST_UNMATCHED, mailbox_id, fn, data, error);
}

char *
store_message_flags(Store *store, int64_t id, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);
	StoreStep step;

	if (!reader.db)
		return NULL;
	g_autoptr(StoreQuery) base = store_db_query(reader.db, STORE_SQL_MESSAGE_FLAGS);
	store_bind_int(base, ":id", id);
	if (!store_query_row(reader.db, base, error)) /* borrowed to the end: both queries see one snapshot */
		return NULL;
	g_autofree char *flags = g_strdup(store_column_text(base, 0));

	g_autoptr(StoreQuery) deltas = store_db_query(reader.db, STORE_SQL_MESSAGE_FLAG_DELTAS);
	store_bind_int(deltas, ":id", id);
	while ((step = store_query_step(reader.db, deltas, error)) == STORE_ROW) {
		char *after = store_flags_apply(flags, store_column_text(deltas, 0), store_column_text(deltas, 1));
		g_free(flags);
		flags = after;
	}
	return step == STORE_DONE ? g_steal_pointer(&flags) : NULL;
}
