#include "store/mailboxes.h"

#include "store/internal.h"

#include "core/clock.h"

#define MAX_DEPTH 1000 /* of a path; only a damaged database is deeper */

void
store_mailbox_clear(StoreMailbox *mailbox)
{
	g_free(mailbox->name);
	g_free(mailbox->server_name);
	g_free(mailbox->mailboxid);
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
	return STORE_ROW;
}

static StoreStep
get(StoreDb *db, int64_t id, StoreMailbox *mailbox_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(db, STORE_SQL_MAILBOX_GET);

	store_bind_int(query, ":id", id);
	return take_one(db, query, mailbox_r, error);
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

bool
store_mailbox_find(Store *store, int64_t account_id, int64_t parent_id, const char *name, StoreMailbox *mailbox_r,
                   GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	return reader.db && find(reader.db, account_id, parent_id, name, mailbox_r, error) == STORE_ROW;
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

char *
store_mailbox_path(Store *store, int64_t id, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);
	GString *path = NULL;
	int depth = 0;

	if (!reader.db)
		return NULL;
	while (id != 0) {
		g_auto(StoreMailbox) mailbox = { 0 };
		if (get(reader.db, id, &mailbox, error) != STORE_ROW)
			break;
		if (++depth > MAX_DEPTH) {
			core_throw(error, CORE_ERROR_CORRUPT, "mailbox %" G_GINT64_FORMAT " is inside itself", id);
			break;
		}
		if (path)
			g_string_prepend_c(path, '/');
		else
			path = g_string_new(NULL);
		g_string_prepend(path, mailbox.name);
		id = mailbox.parent_id;
	}
	if (id != 0 && path) { /* the way up broke */
		g_string_free(path, TRUE);
		return NULL;
	}
	return path ? g_string_free(path, FALSE) : NULL;
}

/* The child of that name, made if there is none. */
static bool
ensure_child(StoreTxn *txn, int64_t account_id, int64_t parent_id, const char *name, int64_t *id_r, GError **error)
{
	g_auto(StoreMailbox) there = { 0 };
	StoreStep step = find(txn->db, account_id, parent_id, name, &there, error);

	if (step == STORE_ROW)
		*id_r = there.id;
	if (step != STORE_DONE)
		return step == STORE_ROW;

	g_autoptr(StoreQuery) insert = store_db_query(txn->db, STORE_SQL_MAILBOX_INSERT);
	store_bind_int(insert, ":account", account_id);
	store_bind_id(insert, ":parent", parent_id);
	store_bind_text(insert, ":name", name);
	store_bind_int(insert, ":now", core_clock_wall_s());
	if (!store_query_run(txn->db, insert, error))
		return false;
	*id_r = sqlite3_last_insert_rowid(txn->db->handle);
	return store_txn_mailbox_change(txn, STORE_CHANGE_MAILBOX_ADDED, account_id, parent_id, *id_r, name, error);
}

/* The row at the first @count of @components; 0 for none of them. */
static bool
ensure_path(StoreTxn *txn, int64_t account_id, char *const *components, size_t count, int64_t *id_r, GError **error)
{
	int64_t id = 0;

	if (count > MAX_DEPTH)
		return core_throw(error, CORE_ERROR_PROTOCOL, "a mailbox more than %d levels deep", MAX_DEPTH);
	for (size_t i = 0; i < count; i++) {
		if (!ensure_child(txn, account_id, id, components[i], &id, error))
			return false;
	}
	*id_r = id;
	return true;
}

bool
store_mailbox_ensure(StoreTxn *txn, int64_t account_id, char *const *components, int64_t *id_r, GError **error)
{
	g_assert(components[0]);
	return ensure_path(txn, account_id, components, g_strv_length((char **)(uintptr_t)components), id_r, error);
}

static bool
set_listing(StoreTxn *txn, int64_t id, const char *server_name, char separator, uint32_t attributes, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MAILBOX_SET_LISTING);

	store_bind_int(query, ":id", id);
	store_bind_text(query, ":server_name", server_name);
	store_bind_int(query, ":separator", (unsigned char)separator);
	store_bind_int(query, ":attributes", attributes);
	return store_query_run(txn->db, query, error);
}

bool
store_mailbox_set_listing(StoreTxn *txn, int64_t id, const char *server_name, char separator, uint32_t attributes,
                          GError **error)
{
	bool holds_messages = server_name && (attributes & STORE_MAILBOX_SELECTABLE);

	if (!holds_messages && (!store_messages_remove_all(txn, id, error) ||
	                        !store_mailbox_set_state(txn, id, 0, 0, 0, NULL, error)))
		return false;
	return set_listing(txn, id, server_name, separator, attributes, error);
}

bool
store_mailbox_set_state(StoreTxn *txn, int64_t id, uint32_t uidvalidity, uint32_t uidnext, uint64_t highestmodseq,
                        const char *mailboxid, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MAILBOX_SET_STATE);

	store_bind_int(query, ":id", id);
	store_bind_int(query, ":uidvalidity", uidvalidity);
	store_bind_int(query, ":uidnext", uidnext);
	store_bind_int(query, ":highestmodseq", (int64_t)highestmodseq);
	store_bind_text(query, ":mailboxid", mailboxid);
	return store_query_run(txn->db, query, error);
}

/* @childless_r: no row has it as its parent. */
static bool
ask_childless(StoreTxn *txn, int64_t id, bool *childless_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MAILBOX_HAS_CHILDREN);

	store_bind_int(query, ":id", id);
	StoreStep step = store_query_step(txn->db, query, error);
	*childless_r = step == STORE_DONE;
	return step != STORE_FAILED;
}

static bool
delete_row(StoreTxn *txn, const StoreMailbox *mailbox, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MAILBOX_DELETE);

	store_bind_int(query, ":id", mailbox->id);
	return store_query_run(txn->db, query, error) &&
	       store_txn_mailbox_change(txn, STORE_CHANGE_MAILBOX_REMOVED, mailbox->account_id, mailbox->parent_id,
	                                mailbox->id, mailbox->name, error);
}

/* Removes the row if it is an empty directory, and those above it that become empty so. */
static bool
prune(StoreTxn *txn, int64_t id, GError **error)
{
	while (id != 0) {
		g_auto(StoreMailbox) mailbox = { 0 };
		StoreStep step = get(txn->db, id, &mailbox, error);
		bool childless;

		if (step != STORE_ROW)
			return step == STORE_DONE;
		if (!ask_childless(txn, id, &childless, error))
			return false;
		if (mailbox.server_name || !childless)
			return true;
		if (!delete_row(txn, &mailbox, error))
			return false;
		id = mailbox.parent_id;
	}
	return true;
}

bool
store_mailbox_remove(StoreTxn *txn, int64_t id, GError **error)
{
	return store_mailbox_set_listing(txn, id, NULL, 0, 0, error) && prune(txn, id, error);
}

static bool
place(StoreTxn *txn, int64_t id, int64_t parent_id, const char *name, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MAILBOX_PLACE);

	store_bind_int(query, ":id", id);
	store_bind_id(query, ":parent", parent_id);
	store_bind_text(query, ":name", name);
	return store_query_run(txn->db, query, error);
}

/* What is below @from comes below @to. */
static bool
hand_over(StoreTxn *txn, int64_t account_id, int64_t from, int64_t to, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MAILBOX_HAND_OVER);
	StoreStep step;

	store_bind_int(query, ":from", from);
	store_bind_int(query, ":to", to);
	while ((step = store_query_step(txn->db, query, error)) == STORE_ROW) {
		int64_t id = sqlite3_column_int64(query, 0);
		const char *name = store_column_text(query, 1);
		if (!store_txn_mailbox_change(txn, STORE_CHANGE_MAILBOX_REMOVED, account_id, from, id, name, error) ||
		    !store_txn_mailbox_change(txn, STORE_CHANGE_MAILBOX_ADDED, account_id, to, id, name, error))
			return false;
	}
	return step == STORE_DONE;
}

/* Takes the mailbox out of the tree, to nowhere: no component of a path holds a '/'. */
static bool
detach(StoreTxn *txn, const StoreMailbox *mailbox, GError **error)
{
	g_autofree char *nowhere = g_strdup_printf("/%" G_GINT64_FORMAT, mailbox->id);
	int64_t account_id = mailbox->account_id, directory;
	bool childless;

	if (!ask_childless(txn, mailbox->id, &childless, error) || !place(txn, mailbox->id, 0, nowhere, error) ||
	    !store_txn_mailbox_change(txn, STORE_CHANGE_MAILBOX_REMOVED, account_id, mailbox->parent_id, mailbox->id,
	                              mailbox->name, error))
		return false;
	return childless || (ensure_child(txn, account_id, mailbox->parent_id, mailbox->name, &directory, error) &&
	                     hand_over(txn, account_id, mailbox->id, directory, error));
}

/* Puts what detach() took out where it is to be. */
static bool
attach(StoreTxn *txn, int64_t account_id, const StoreMailboxMove *move, GError **error)
{
	g_auto(GStrv) components = g_strsplit(move->path, "/", -1);
	g_auto(StoreMailbox) there = { 0 };
	size_t last = g_strv_length(components) - 1;
	int64_t parent_id = 0;

	if (!ensure_path(txn, account_id, components, last, &parent_id, error))
		return false;
	StoreStep step = find(txn->db, account_id, parent_id, components[last], &there, error);
	if (step == STORE_FAILED)
		return false;
	if (step == STORE_ROW && there.server_name)
		return core_throw(error, CORE_ERROR_CORRUPT, "there is another mailbox at %s", move->path);
	if (step == STORE_ROW &&
	    (!hand_over(txn, account_id, there.id, move->id, error) || !delete_row(txn, &there, error)))
		return false;
	return place(txn, move->id, parent_id, components[last], error) &&
	       store_txn_mailbox_change(txn, STORE_CHANGE_MAILBOX_ADDED, account_id, parent_id, move->id, components[last],
	                                error);
}

bool
store_mailboxes_move(StoreTxn *txn, const StoreMailboxMove *moves, size_t count, GError **error)
{
	g_autofree int64_t *parents = g_new(int64_t, count), *accounts = g_new(int64_t, count);

	for (size_t i = 0; i < count; i++) {
		g_auto(StoreMailbox) mailbox = { 0 };
		StoreStep step = get(txn->db, moves[i].id, &mailbox, error);
		g_assert(*moves[i].path);
		if (step == STORE_DONE)
			return core_throw(error, CORE_ERROR_NOT_FOUND, "there is no mailbox %" G_GINT64_FORMAT, moves[i].id);
		if (step != STORE_ROW || !detach(txn, &mailbox, error))
			return false;
		parents[i] = mailbox.parent_id;
		accounts[i] = mailbox.account_id;
	}
	for (size_t i = 0; i < count; i++) {
		if (!attach(txn, accounts[i], &moves[i], error))
			return false;
	}
	for (size_t i = 0; i < count; i++) {
		if (!prune(txn, parents[i], error))
			return false;
	}
	return true;
}

bool
store_mailbox_forget_uids(StoreTxn *txn, int64_t id, uint32_t uidvalidity, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	StoreStep step = get(txn->db, id, &mailbox, error);

	if (step == STORE_DONE)
		return core_throw(error, CORE_ERROR_NOT_FOUND, "there is no mailbox %" G_GINT64_FORMAT, id);
	return step == STORE_ROW && store_messages_forget_uids(txn, id, error) &&
	       store_mailbox_set_state(txn, id, uidvalidity, 0, 0, mailbox.mailboxid, error);
}
