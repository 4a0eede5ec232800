/* Reading mailboxes; mailbox-edit.c writes them, mailbox-moves.c takes them elsewhere. */
#include "store/mailbox-rows.h"

void
store_mailbox_clear(StoreMailbox *mailbox)
{
	g_free(mailbox->name);
	g_free(mailbox->server_name);
	g_free(mailbox->mailboxid);
	g_free(mailbox->rights);
	*mailbox = (StoreMailbox){ 0 };
}

/* The strings are the query's: good for a callback, not to be cleared. */
static StoreMailbox
take_row(StoreQuery *query)
{
	return (StoreMailbox){
		.id = sqlite3_column_int64(query, 0),
		.account_id = sqlite3_column_int64(query, 1),
		.parent_id = sqlite3_column_int64(query, 2),
		.name = (char *)(uintptr_t)store_column_text(query, 3),
		.server_name = (char *)(uintptr_t)store_column_text(query, 4),
		.separator = (char)sqlite3_column_int(query, 5),
		.attributes = (uint32_t)sqlite3_column_int64(query, 6),
		.uidvalidity = (uint32_t)sqlite3_column_int64(query, 7),
		.uidnext = (uint32_t)sqlite3_column_int64(query, 8),
		.highestmodseq = (uint64_t)sqlite3_column_int64(query, 9),
		.mailboxid = (char *)(uintptr_t)store_column_text(query, 10),
		.changed_s = sqlite3_column_int64(query, 11),
		.state = (StoreMailboxState)sqlite3_column_int(query, 12),
		.messages = (uint32_t)sqlite3_column_int64(query, 13),
		.rights = (char *)(uintptr_t)store_column_text(query, 14),
		.stirred_ms = sqlite3_column_int64(query, 15),
	};
}

static StoreStep
take_one(StoreDb *db, StoreQuery *query, StoreMailbox *mailbox_r, GError **error)
{
	StoreStep step = store_query_step(db, query, error);

	if (step != STORE_ROW)
		return step;
	*mailbox_r = take_row(query);
	mailbox_r->name = g_strdup(mailbox_r->name);
	mailbox_r->server_name = g_strdup(mailbox_r->server_name);
	mailbox_r->mailboxid = g_strdup(mailbox_r->mailboxid);
	mailbox_r->rights = g_strdup(mailbox_r->rights);
	return STORE_ROW;
}

static StoreStep
get(StoreDb *db, int64_t id, StoreMailbox *mailbox_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(db, STORE_SQL_MAILBOX_GET);

	store_bind_int(query, ":id", id);
	return take_one(db, query, mailbox_r, error);
}

StoreStep
store_txn_mailbox(StoreTxn *txn, int64_t id, StoreMailbox *mailbox_r, GError **error)
{
	return get(txn->db, id, mailbox_r, error);
}

bool
store_mailbox_get(Store *store, int64_t id, StoreMailbox *mailbox_r, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	return reader.db && get(reader.db, id, mailbox_r, error) == STORE_ROW;
}

static StoreStep
find(StoreDb *db, int64_t account_id, int64_t parent_id, const char *name, StoreMailbox *mailbox_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(db, STORE_SQL_MAILBOX_FIND);

	store_bind_int(query, ":account", account_id);
	store_bind_int(query, ":parent", parent_id);
	store_bind_text(query, ":name", name);
	return take_one(db, query, mailbox_r, error);
}

StoreStep
store_txn_mailbox_child(StoreTxn *txn, int64_t account_id, int64_t parent_id, const char *name, StoreMailbox *mailbox_r,
                        GError **error)
{
	return find(txn->db, account_id, parent_id, name, mailbox_r, error);
}

bool
store_mailbox_find(Store *store, int64_t account_id, int64_t parent_id, const char *name, StoreMailbox *mailbox_r,
                   GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	return reader.db && find(reader.db, account_id, parent_id, name, mailbox_r, error) == STORE_ROW;
}

bool
store_mailbox_child(Store *store, int64_t parent_id, const char *name, StoreMailbox *mailbox_r, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_MAILBOX_CHILD);
	store_bind_int(query, ":parent", parent_id);
	store_bind_text(query, ":name", name);
	return take_one(reader.db, query, mailbox_r, error) == STORE_ROW;
}

bool
store_mailbox_find_server(Store *store, int64_t account_id, const char *server_name, StoreMailbox *mailbox_r,
                          GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_MAILBOX_FIND_SERVER);
	store_bind_int(query, ":account", account_id);
	store_bind_text(query, ":server_name", server_name);
	return take_one(reader.db, query, mailbox_r, error) == STORE_ROW;
}

static bool
each(StoreDb *db, StoreQuery *query, StoreMailboxFn fn, void *data, GError **error)
{
	StoreStep step;

	while ((step = store_query_step(db, query, error)) == STORE_ROW) {
		StoreMailbox mailbox = take_row(query);
		if (!fn(&mailbox, data))
			return true;
	}
	return step == STORE_DONE;
}

bool
store_mailbox_list(Store *store, int64_t account_id, StoreMailboxFn fn, void *data, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_MAILBOX_LIST);
	store_bind_int(query, ":account", account_id);
	return each(reader.db, query, fn, data, error);
}

bool
store_mailbox_children(Store *store, int64_t account_id, int64_t parent_id, int64_t after, StoreMailboxFn fn,
                       void *data, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_MAILBOX_CHILDREN);
	store_bind_int(query, ":account", account_id);
	store_bind_int(query, ":parent", parent_id);
	store_bind_int(query, ":after", after);
	return each(reader.db, query, fn, data, error);
}

bool
store_mailbox_list_holding(Store *store, int64_t account_id, int64_t after, StoreMailboxFn fn, void *data, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_MAILDIR_FOLDERS);
	store_bind_int(query, ":account", account_id);
	store_bind_int(query, ":after", after);
	return each(reader.db, query, fn, data, error);
}

/* NULL without an error: there is none, or the way up breaks. */
static char *
path_of(StoreDb *db, int64_t id, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(db, STORE_SQL_MAILBOX_UP);
	g_autoptr(GString) path = g_string_new(NULL);
	StoreStep step;
	int depth = 0;

	store_bind_int(query, ":id", id);
	store_bind_int(query, ":most", STORE_MAILBOX_MAX_DEPTH);
	while ((step = store_query_step(db, query, error)) == STORE_ROW) {
		if (++depth > STORE_MAILBOX_MAX_DEPTH) {
			core_throw(error, CORE_ERROR_CORRUPT, "mailbox %" G_GINT64_FORMAT " is inside itself", id);
			return NULL;
		}
		if (depth > 1)
			g_string_prepend_c(path, '/');
		g_string_prepend(path, store_column_text(query, 0));
		id = sqlite3_column_int64(query, 1);
	}
	return step == STORE_DONE && depth > 0 && id == 0 ? g_strdup(path->str) : NULL;
}

char *
store_mailbox_path(Store *store, int64_t id, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	return reader.db ? path_of(reader.db, id, error) : NULL;
}

char *
store_txn_mailbox_path(StoreTxn *txn, int64_t id, GError **error)
{
	return path_of(txn->db, id, error);
}
