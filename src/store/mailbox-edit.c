/* Writing mailboxes: what LIST tells of them, their states, and their end. */
#include "store/mailbox-rows.h"

#include "store/operation-rows.h"

#include "core/clock.h"

static const char folder_gone[] = "the server no longer has the folder";
static const char folder_there[] = "the folder is there already";

bool
store_mailbox_ensure_child(StoreTxn *txn, int64_t account_id, int64_t parent_id, const char *name, int64_t *id_r,
                           GError **error)
{
	g_auto(StoreMailbox) there = { 0 };
	StoreStep step = store_txn_mailbox_child(txn, account_id, parent_id, name, &there, error);

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

bool
store_mailbox_ensure_path(StoreTxn *txn, int64_t account_id, char *const *components, size_t count, int64_t *id_r,
                          GError **error)
{
	int64_t id = 0;

	if (count > STORE_MAILBOX_MAX_DEPTH)
		return core_throw(error, CORE_ERROR_PROTOCOL, "a mailbox more than %d levels deep", STORE_MAILBOX_MAX_DEPTH);
	for (size_t i = 0; i < count; i++) {
		if (!store_mailbox_ensure_child(txn, account_id, id, components[i], &id, error))
			return false;
	}
	*id_r = id;
	return true;
}

bool
store_mailbox_ensure(StoreTxn *txn, int64_t account_id, char *const *components, int64_t *id_r, GError **error)
{
	g_assert(components[0]);
	return store_mailbox_ensure_path(txn, account_id, components, g_strv_length((char **)(uintptr_t)components), id_r,
	                                 error);
}

/* Before it has @attributes.  Nobody sees one that is to be deleted. */
static bool
tell_kind(StoreTxn *txn, int64_t id, uint32_t attributes, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	StoreStep step = store_txn_mailbox(txn, id, &mailbox, error);

	if (step != STORE_ROW || mailbox.state == STORE_MAILBOX_TO_DELETE ||
	    ((mailbox.attributes ^ attributes) & STORE_MAILBOX_SELECTABLE) == 0)
		return step != STORE_FAILED;
	return store_txn_mailbox_change(txn, STORE_CHANGE_MAILBOX_KIND, mailbox.account_id, mailbox.parent_id, id, mailbox.name,
	                                error);
}

bool
store_mailbox_write_listing(StoreTxn *txn, int64_t id, const char *server_name, char separator, uint32_t attributes,
                            GError **error)
{
	if (!tell_kind(txn, id, attributes, error))
		return false;
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MAILBOX_SET_LISTING);
	store_bind_int(query, ":id", id);
	store_bind_text(query, ":server_name", server_name);
	store_bind_int(query, ":separator", (unsigned char)separator);
	store_bind_int(query, ":attributes", attributes);
	return store_query_run(txn->db, query, error);
}

bool
store_mailbox_write_state(StoreTxn *txn, int64_t id, StoreMailboxState state, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MAILBOX_WRITE_STATE);

	store_bind_int(query, ":id", id);
	store_bind_int(query, ":state", state);
	return store_query_run(txn->db, query, error);
}

bool
store_mailbox_place(StoreTxn *txn, int64_t id, int64_t parent_id, const char *name, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MAILBOX_PLACE);

	store_bind_int(query, ":id", id);
	store_bind_id(query, ":parent", parent_id);
	store_bind_text(query, ":name", name);
	return store_query_run(txn->db, query, error);
}

bool
store_mailbox_queue_create(StoreTxn *txn, const StoreMailbox *mailbox, GError **error)
{
	g_autoptr(GArray) operations = store_txn_mailbox_operations(txn, mailbox->id, error);
	StoreOperation create = {
		.account_id = mailbox->account_id,
		.kind = STORE_OPERATION_CREATE,
		.mailbox_id = mailbox->id,
	};
	int64_t id;

	for (guint i = 0; operations && i < operations->len; i++)
		if (g_array_index(operations, StoreOperation, i).kind == STORE_OPERATION_CREATE)
			return true;
	return operations && store_operation_insert(txn, &create, &id, error);
}

/* What was wanted of the mailbox itself, once the server has it (@there) or no longer has it. */
static bool
end_operations(StoreTxn *txn, int64_t id, bool there, GError **error)
{
	g_autoptr(GArray) operations = store_txn_mailbox_operations(txn, id, error);

	for (guint i = 0; operations && i < operations->len; i++) {
		const StoreOperation *operation = &g_array_index(operations, StoreOperation, i);
		bool reached = operation->kind == (there ? STORE_OPERATION_CREATE : STORE_OPERATION_DELETE);
		if (there && !reached)
			continue;
		if (!store_operation_set_state(txn, operation->id, reached ? STORE_OPERATION_DONE : STORE_OPERATION_CANCELLED,
		                               there ? folder_there : folder_gone, error))
			return false;
	}
	return operations != NULL;
}

/* Messages in it are only here: it is to be created again, and seen again if a user had deleted it. */
static bool
create_again(StoreTxn *txn, const StoreMailbox *mailbox, GError **error)
{
	uint32_t attributes = mailbox->attributes | STORE_MAILBOX_SELECTABLE;

	if (!store_mailbox_write_listing(txn, mailbox->id, NULL, 0, attributes, error))
		return false;
	if (mailbox->state == STORE_MAILBOX_TO_DELETE && !store_mailbox_show_again(txn, mailbox, error))
		return false;
	return store_mailbox_write_state(txn, mailbox->id, STORE_MAILBOX_TO_CREATE, error) &&
	       store_mailbox_queue_create(txn, mailbox, error);
}

/* It holds no messages (any more), whether there is one of that name or not. */
static bool
empty(StoreTxn *txn, const StoreMailbox *mailbox, const char *server_name, char separator, uint32_t attributes,
      GError **error)
{
	bool kept;

	if (mailbox->state == STORE_MAILBOX_TO_CREATE)
		return true; /* it never was there */
	if (!store_messages_leave_mailbox(txn, mailbox->id, &kept, error) ||
	    !store_mailbox_set_state(txn, mailbox->id, 0, 0, 0, NULL, error) ||
	    !end_operations(txn, mailbox->id, false, error))
		return false;
	return kept ? create_again(txn, mailbox, error)
	            : store_mailbox_write_listing(txn, mailbox->id, server_name, separator, attributes, error);
}

bool
store_mailbox_set_listing(StoreTxn *txn, int64_t id, const char *server_name, char separator, uint32_t attributes,
                          GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	StoreStep step = store_txn_mailbox(txn, id, &mailbox, error);

	if (step != STORE_ROW)
		return step == STORE_DONE;
	if (!server_name || !(attributes & STORE_MAILBOX_SELECTABLE))
		return empty(txn, &mailbox, server_name, separator, attributes, error);
	if (mailbox.state == STORE_MAILBOX_TO_CREATE &&
	    (!store_mailbox_write_state(txn, id, STORE_MAILBOX_THERE, error) || !end_operations(txn, id, true, error)))
		return false;
	return store_mailbox_write_listing(txn, id, server_name, separator, attributes, error);
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

static bool
ask_none(StoreTxn *txn, StoreStatement statement, int64_t id, bool *none_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, statement);

	store_bind_int(query, ":id", id);
	StoreStep step = store_query_step(txn->db, query, error);
	*none_r = step == STORE_DONE;
	return step != STORE_FAILED;
}

bool
store_mailbox_ask_childless(StoreTxn *txn, int64_t id, bool *childless_r, GError **error)
{
	return ask_none(txn, STORE_SQL_MAILBOX_HAS_CHILDREN, id, childless_r, error);
}

bool
store_mailbox_ask_empty(StoreTxn *txn, int64_t id, bool *empty_r, GError **error)
{
	return ask_none(txn, STORE_SQL_MAILBOX_HOLDS_ANY, id, empty_r, error);
}

bool
store_mailbox_ask_unused(StoreTxn *txn, int64_t id, bool *unused_r, GError **error)
{
	return ask_none(txn, STORE_SQL_MAILBOX_IS_USED, id, unused_r, error);
}

bool
store_mailbox_delete_row(StoreTxn *txn, const StoreMailbox *mailbox, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MAILBOX_DELETE);

	store_bind_int(query, ":id", mailbox->id);
	if (!store_query_run(txn->db, query, error))
		return false;
	return mailbox->state == STORE_MAILBOX_TO_DELETE || /* which nobody saw */
	       store_txn_mailbox_change(txn, STORE_CHANGE_MAILBOX_REMOVED, mailbox->account_id, mailbox->parent_id,
	                                mailbox->id, mailbox->name, error);
}

bool
store_mailbox_prune(StoreTxn *txn, int64_t id, GError **error)
{
	while (id != 0) {
		g_auto(StoreMailbox) mailbox = { 0 };
		StoreStep step = store_txn_mailbox(txn, id, &mailbox, error);
		bool childless, unused;

		if (step != STORE_ROW)
			return step == STORE_DONE;
		if (!store_mailbox_ask_childless(txn, id, &childless, error) ||
		    !store_mailbox_ask_unused(txn, id, &unused, error))
			return false;
		if (!store_mailbox_is_directory(&mailbox) || !childless || !unused)
			return true;
		if (!store_mailbox_delete_row(txn, &mailbox, error))
			return false;
		id = mailbox.parent_id;
	}
	return true;
}

bool
store_mailbox_remove(StoreTxn *txn, int64_t id, GError **error)
{
	return store_mailbox_set_listing(txn, id, NULL, 0, 0, error) && store_mailbox_prune(txn, id, error);
}

bool
store_mailbox_forget_uids(StoreTxn *txn, int64_t id, uint32_t uidvalidity, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	StoreStep step = store_txn_mailbox(txn, id, &mailbox, error);

	if (step == STORE_DONE)
		return core_throw(error, CORE_ERROR_NOT_FOUND, "there is no mailbox %" G_GINT64_FORMAT, id);
	return step == STORE_ROW && store_messages_forget_uids(txn, id, error) &&
	       store_mailbox_set_state(txn, id, uidvalidity, 0, 0, mailbox.mailboxid, error);
}
