/* What users do to mailboxes.  Operations on folders are done in the order in which they were asked for, so one is only
 * altered as long as nothing came after it. */
#include "store/change.h"
#include "store/settle.h"

#include <string.h>

#define SPECIAL_USES 0xff00u /* the bits of attributes that name one */

static const char taken_back[] = "taken back";

/* A mailbox that people see. */
static bool
find_seen(StoreTxn *txn, int64_t id, StoreMailbox *mailbox_r, GError **error)
{
	StoreStep step = store_txn_mailbox(txn, id, mailbox_r, error);

	if (step == STORE_FAILED)
		return false;
	return (step == STORE_ROW && mailbox_r->state != STORE_MAILBOX_TO_DELETE) ||
	       core_throw(error, CORE_ERROR_NOT_FOUND, "there is no mailbox %" G_GINT64_FORMAT " any more", id);
}

static bool
is_inbox(const StoreMailbox *mailbox)
{
	return mailbox->parent_id == 0 && strcmp(mailbox->name, "INBOX") == 0;
}

/* The last one of that path that is to be deleted; *id_r 0: there is none. */
static bool
find_deleted(StoreTxn *txn, int64_t account_id, int64_t parent_id, const char *name, int64_t *id_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MAILBOX_FIND_DELETED);

	store_bind_int(query, ":account", account_id);
	store_bind_int(query, ":parent", parent_id);
	store_bind_text(query, ":name", name);
	StoreStep step = store_query_step(txn->db, query, error);
	*id_r = step == STORE_ROW ? sqlite3_column_int64(query, 0) : 0;
	return step != STORE_FAILED;
}

/* What was to be deleted, and with which nobody has begun, need not be deleted first to be created then: what would be
 * put into it might even have to wait for that, and that for what is in it still.  *id_r: the row that is seen again at
 * @components; 0: there is none. */
static bool
take_back_delete(StoreTxn *txn, int64_t account_id, char *const *components, int64_t *id_r, GError **error)
{
	int64_t parent_id = 0;

	*id_r = 0;
	for (; *components; components++) {
		g_auto(StoreMailbox) seen = { 0 }, again = { 0 };
		int64_t id = 0;
		StoreStep step = store_txn_mailbox_child(txn, account_id, parent_id, *components, &seen, error);
		if (step == STORE_FAILED ||
		    (step == STORE_DONE && !find_deleted(txn, account_id, parent_id, *components, &id, error)))
			return false;
		if (step == STORE_DONE && id == 0)
			return true;
		if (id != 0 && (!store_mailbox_reveal(txn, id, "created again", error) ||
		                store_txn_mailbox(txn, id, &again, error) != STORE_ROW))
			return false;
		if (id != 0 && again.state == STORE_MAILBOX_TO_DELETE)
			return true;
		parent_id = id != 0 ? id : seen.id;
		if (!components[1])
			*id_r = id;
	}
	return true;
}

/* The same for what is above @path. */
static bool
take_back_above(StoreTxn *txn, int64_t account_id, const char *path, GError **error)
{
	g_auto(GStrv) components = g_strsplit(path, "/", -1);
	char **last = components + g_strv_length(components) - 1;
	int64_t id;

	g_free(g_steal_pointer(last));
	return take_back_delete(txn, account_id, components, &id, error);
}

bool
store_change_create(StoreTxn *txn, int64_t account_id, char *const *components, uint32_t special_use, int64_t *id_r,
                    GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	int64_t id, again_id;

	if (!take_back_delete(txn, account_id, components, &again_id, error) ||
	    !store_mailbox_ensure(txn, account_id, components, &id, error) || !find_seen(txn, id, &mailbox, error))
		return false;
	if (!store_mailbox_is_directory(&mailbox)) {
		*id_r = id;
		return id == again_id ? store_mailbox_write_listing(txn, id, mailbox.server_name, mailbox.separator,
		                                                    mailbox.attributes | special_use, error)
		                      : core_throw(error, CORE_ERROR_REFUSED, "there is a folder of that name already");
	}
	if (!store_mailbox_write_listing(txn, id, NULL, 0, STORE_MAILBOX_SELECTABLE | special_use, error) ||
	    !store_mailbox_write_state(txn, id, STORE_MAILBOX_TO_CREATE, error) ||
	    !store_mailbox_queue_create(txn, &mailbox, error))
		return false;
	*id_r = id;
	return true;
}

/* The last operation on a folder of the account, whatever it is about; id 0: there is none. */
static bool
find_last(StoreTxn *txn, int64_t account_id, int64_t *id_r, GError **error)
{
	g_autoptr(GArray) operations = store_txn_folder_operations(txn, account_id, error);

	if (!operations)
		return false;
	*id_r = operations->len > 0 ? g_array_index(operations, StoreOperation, operations->len - 1).id : 0;
	return true;
}

static bool
queue_rename(StoreTxn *txn, const StoreMailbox *mailbox, const char *former, const char *path, GError **error)
{
	StoreOperation rename = {
		.account_id = mailbox->account_id,
		.kind = STORE_OPERATION_RENAME,
		.mailbox_id = mailbox->id,
		.arguments = path,
		.former = former,
	};

	return store_operation_insert(txn, &rename, &rename.id, error);
}

/* The mailbox's rename that was the last thing to be asked for becomes one to @path, or none. */
static bool
alter_rename(StoreTxn *txn, const StoreOperation *queued, const char *path, GError **error)
{
	StoreOperation rename = *queued;

	if (g_strcmp0(rename.former, path) == 0)
		return store_operation_set_state(txn, rename.id, STORE_OPERATION_CANCELLED, taken_back, error);
	rename.arguments = path;
	return store_operation_write(txn, &rename, error);
}

/* The server is to rename @mailbox, which it has or is just making. */
static bool
rename_there(StoreTxn *txn, const StoreMailbox *mailbox, const GArray *operations, const char *former, const char *path,
             GError **error)
{
	int64_t last_id;

	if (!find_last(txn, mailbox->account_id, &last_id, error))
		return false;
	for (guint i = 0; i < operations->len; i++) {
		const StoreOperation *operation = &g_array_index(operations, StoreOperation, i);
		if (operation->kind != STORE_OPERATION_RENAME)
			continue;
		if (operation->state == STORE_OPERATION_QUEUED && operation->id == last_id)
			return alter_rename(txn, operation, path, error);
		if (operation->state == STORE_OPERATION_FAILED &&
		    !store_operation_set_state(txn, operation->id, STORE_OPERATION_CANCELLED, "replaced by a later change", error))
			return false;
	}
	return queue_rename(txn, mailbox, former, path, error);
}

/* Its CREATE, if that has not begun; it is tried again if it was refused, under the new name. */
static bool
find_create(StoreTxn *txn, const GArray *operations, bool *found_r, GError **error)
{
	*found_r = false;
	for (guint i = 0; i < operations->len && !*found_r; i++) {
		const StoreOperation *operation = &g_array_index(operations, StoreOperation, i);
		*found_r = operation->kind == STORE_OPERATION_CREATE && !store_operation_is_begun(operation);
		if (*found_r && operation->state == STORE_OPERATION_FAILED &&
		    !store_operation_set_state(txn, operation->id, STORE_OPERATION_QUEUED, NULL, error))
			return false;
	}
	return true;
}

/* Whether something that was asked for after @create has to be done before it, now that it is about @path: what makes
 * way for it, or brings what is above it there.  What goes into it does not. */
static bool
is_late(const GArray *folder_operations, const StoreOperation *create, const char *path)
{
	g_autofree char *below = g_strconcat(path, "/", NULL);

	for (guint i = 0; i < folder_operations->len; i++) {
		const StoreOperation *other = &g_array_index(folder_operations, StoreOperation, i);
		if (other->id < create->id || other->state == STORE_OPERATION_FAILED)
			continue;
		if (other->kind == STORE_OPERATION_DELETE ||
		    (other->kind == STORE_OPERATION_RENAME && !g_str_has_prefix(other->arguments, below)))
			return true;
	}
	return false;
}

/* A CREATE that has not begun is asked for again, behind all others, if it is late for @path. */
static bool
postpone_create(StoreTxn *txn, const StoreMailbox *mailbox, const char *path, GError **error)
{
	g_autoptr(GArray) operations = store_txn_folder_operations(txn, mailbox->account_id, error);

	for (guint i = 0; operations && i < operations->len; i++) {
		const StoreOperation *create = &g_array_index(operations, StoreOperation, i);
		if (create->mailbox_id != mailbox->id || create->kind != STORE_OPERATION_CREATE ||
		    store_operation_is_begun(create) || !is_late(operations, create, path))
			continue;
		return store_operation_set_state(txn, create->id, STORE_OPERATION_CANCELLED, "replaced by a later change", error) &&
		       store_mailbox_queue_create(txn, mailbox, error);
	}
	return operations != NULL;
}

/* If it came to where one is still to be deleted. */
static bool
take_place(StoreTxn *txn, const StoreMailbox *mailbox, bool *done_r, GError **error)
{
	int64_t deleted_id;

	return find_deleted(txn, mailbox->account_id, mailbox->parent_id, mailbox->name, &deleted_id, error) &&
	       (deleted_id == 0 || store_mailbox_take_place(txn, mailbox, deleted_id, done_r, error));
}

static bool
is_delete_begun(const GArray *operations)
{
	for (guint i = 0; i < operations->len; i++) {
		const StoreOperation *operation = &g_array_index(operations, StoreOperation, i);
		if (operation->kind == STORE_OPERATION_DELETE &&
		    (operation->state == STORE_OPERATION_SENT || operation->arguments))
			return true;
	}
	return false;
}

static GArray *
list_below(StoreTxn *txn, int64_t id, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MAILBOX_CHILD_IDS);

	store_bind_int(query, ":id", id);
	return store_collect_ids(txn, query, error);
}

static bool hide_below(StoreTxn *txn, int64_t id, const char *former, int64_t parent_id, const char *name, GError **error);

/* What is to be deleted, and is or will be at @former on the server, gets a private name below @parent_id, with all that is
 * below it: out of the way of what comes to its path, since its deletion may have to wait for uploads that wait for that
 * in turn.  A deletion that has begun comes to its end. */
static bool
hide(StoreTxn *txn, int64_t id, const char *former, int64_t parent_id, const char *name, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	g_autoptr(GArray) operations = store_txn_mailbox_operations(txn, id, error);
	g_autofree char *private_name = g_strdup_printf("%s-removed-%08x", name, g_random_int());
	bool to_create;

	if (!operations || store_txn_mailbox(txn, id, &mailbox, error) != STORE_ROW)
		return false;
	if (is_delete_begun(operations))
		return true;
	if (store_mailbox_is_directory(&mailbox))
		return hide_below(txn, id, former, parent_id, name, error) && store_mailbox_prune(txn, id, error);
	if (!find_create(txn, operations, &to_create, error) ||
	    !store_mailbox_place(txn, id, parent_id, private_name, error))
		return false;
	g_autofree char *path = store_txn_mailbox_path(txn, id, error);
	return path && (to_create || rename_there(txn, &mailbox, operations, former, path, error));
}

static bool
hide_below(StoreTxn *txn, int64_t id, const char *former, int64_t parent_id, const char *name, GError **error)
{
	g_autoptr(GArray) ids = list_below(txn, id, error);

	for (guint i = 0; ids && i < ids->len; i++) {
		g_auto(StoreMailbox) child = { 0 };
		if (store_txn_mailbox(txn, g_array_index(ids, int64_t, i), &child, error) != STORE_ROW)
			return false;
		g_autofree char *child_former = g_strconcat(former, "/", child.name, NULL);
		if (!hide(txn, child.id, child_former, parent_id, name, error))
			return false;
	}
	return ids != NULL;
}

/* What is to be deleted at @path, where @mailbox is now. */
static bool
hide_deleted(StoreTxn *txn, const StoreMailbox *mailbox, const char *path, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MAILBOX_FIND_DELETED);
	g_autoptr(GArray) ids = NULL;

	store_bind_int(query, ":account", mailbox->account_id);
	store_bind_int(query, ":parent", mailbox->parent_id);
	store_bind_text(query, ":name", mailbox->name);
	ids = store_collect_ids(txn, query, error);
	for (guint i = 0; ids && i < ids->len; i++)
		if (!hide(txn, g_array_index(ids, int64_t, i), path, mailbox->parent_id, mailbox->name, error))
			return false;
	return ids != NULL;
}

static bool rename_tree(StoreTxn *txn, int64_t id, const char *former, const char *path, bool goes_along, GError **error);

/* @ids: what was below it at @former.  What is to be deleted there, and does not go along, is not left behind on the server
 * at a path that it has not here. */
static bool
rename_children(StoreTxn *txn, const GArray *ids, const char *former, const char *path, bool goes_along, GError **error)
{
	for (guint i = 0; i < ids->len; i++) {
		g_auto(StoreMailbox) child = { 0 };
		if (store_txn_mailbox(txn, g_array_index(ids, int64_t, i), &child, error) != STORE_ROW)
			return false;
		g_autofree char *child_former = g_strconcat(former, "/", child.name, NULL);
		g_autofree char *child_path = g_strconcat(path, "/", child.name, NULL);
		bool is_deleted = child.state == STORE_MAILBOX_TO_DELETE;
		if (is_deleted && !goes_along && !hide(txn, child.id, child_former, child.parent_id, child.name, error))
			return false;
		if (!is_deleted && !rename_tree(txn, child.id, child_former, child_path, goes_along, error))
			return false;
	}
	return true;
}

/* What the server is to rename: the mailbox, with which goes what is below it (@goes_along), or the uppermost ones below
 * a mere directory, or below what is not there yet. */
static bool
rename_tree(StoreTxn *txn, int64_t id, const char *former, const char *path, bool goes_along, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	g_autoptr(GArray) operations = store_txn_mailbox_operations(txn, id, error);
	g_autoptr(GArray) below = operations ? list_below(txn, id, error) : NULL;
	bool to_create;

	if (!operations || !below || store_txn_mailbox(txn, id, &mailbox, error) != STORE_ROW ||
	    !find_create(txn, operations, &to_create, error))
		return false;
	bool is_there = !store_mailbox_is_directory(&mailbox) && !to_create, took_place = false;
	if (to_create && !take_place(txn, &mailbox, &took_place, error))
		return false;
	if (!to_create && !goes_along && !hide_deleted(txn, &mailbox, path, error))
		return false;
	if (is_there && !goes_along && !rename_there(txn, &mailbox, operations, former, path, error))
		return false;
	return rename_children(txn, below, former, path, goes_along || is_there, error) &&
	       (!to_create || took_place || postpone_create(txn, &mailbox, path, error));
}

bool
store_change_rename(StoreTxn *txn, int64_t mailbox_id, const char *path, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	g_autofree char *former = NULL;

	if (!find_seen(txn, mailbox_id, &mailbox, error) || !(former = store_txn_mailbox_path(txn, mailbox_id, error)))
		return false;
	if (is_inbox(&mailbox))
		return core_throw(error, CORE_ERROR_REFUSED, "INBOX cannot be renamed");
	if (strcmp(former, path) == 0)
		return true;
	return take_back_above(txn, mailbox.account_id, path, error) && store_mailbox_carry(txn, &mailbox, path, error) &&
	       rename_tree(txn, mailbox_id, former, path, false, error);
}

/* One that never was on the server, and whose creation has not begun: its row goes at once. */
static bool
take_back_create(StoreTxn *txn, const StoreMailbox *mailbox, const GArray *operations, GError **error)
{
	bool kept;

	for (guint i = 0; i < operations->len; i++)
		if (!store_operation_set_state(txn, g_array_index(operations, StoreOperation, i).id, STORE_OPERATION_CANCELLED,
		                               taken_back, error))
			return false;
	/* Refused moves into it cannot be tried again. */
	return store_messages_leave_mailbox(txn, mailbox->id, &kept, error) &&
	       store_mailbox_write_state(txn, mailbox->id, STORE_MAILBOX_THERE, error) &&
	       store_mailbox_prune(txn, mailbox->id, error);
}

/* A mere directory has nothing to delete on the server, but may have to wait for what is to be deleted below it. */
static bool
queue_delete(StoreTxn *txn, const StoreMailbox *mailbox, GError **error)
{
	StoreOperation operation = {
		.account_id = mailbox->account_id,
		.kind = STORE_OPERATION_DELETE,
		.mailbox_id = mailbox->id,
	};

	return store_mailbox_write_state(txn, mailbox->id, STORE_MAILBOX_TO_DELETE, error) &&
	       (store_mailbox_is_directory(mailbox) || store_operation_insert(txn, &operation, &operation.id, error)) &&
	       store_txn_mailbox_change(txn, STORE_CHANGE_MAILBOX_REMOVED, mailbox->account_id, mailbox->parent_id,
	                                mailbox->id, mailbox->name, error) &&
	       store_mailbox_prune(txn, mailbox->id, error);
}

/* Whether nothing but a CREATE that has not begun speaks of the mailbox, and no row of a message. */
static bool
ask_untouched(StoreTxn *txn, int64_t id, const GArray *operations, bool *untouched_r, GError **error)
{
	const StoreOperation *first = operations->len == 1 ? &g_array_index(operations, StoreOperation, 0) : NULL;
	bool unused, childless;

	if (!store_mailbox_ask_unused(txn, id, &unused, error) || !store_mailbox_ask_childless(txn, id, &childless, error))
		return false;
	*untouched_r = unused && childless && first && first->kind == STORE_OPERATION_CREATE &&
	               !store_operation_is_begun(first);
	return true;
}

/* What is in its tmp/ is nothing that a folder is kept for. */
static bool
clear_tmp(StoreTxn *txn, int64_t mailbox_id, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_FILE_LIST_TMP);
	g_autoptr(GArray) ids = NULL;

	store_bind_int(query, ":mailbox", mailbox_id);
	ids = store_collect_ids(txn, query, error);
	for (guint i = 0; ids && i < ids->len; i++)
		if (!store_message_remove(txn, g_array_index(ids, int64_t, i), error))
			return false;
	return ids != NULL;
}

bool
store_change_delete(StoreTxn *txn, int64_t mailbox_id, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	g_autoptr(GArray) operations = NULL;
	bool empty, untouched;

	if (!find_seen(txn, mailbox_id, &mailbox, error) || !store_mailbox_ask_empty(txn, mailbox_id, &empty, error) ||
	    !(operations = store_txn_mailbox_operations(txn, mailbox_id, error)))
		return false;
	if (is_inbox(&mailbox) || (mailbox.attributes & SPECIAL_USES))
		return core_throw(error, CORE_ERROR_REFUSED, "%s is a special folder, and stays", mailbox.name);
	if (!empty)
		return core_throw(error, CORE_ERROR_REFUSED, "%s is not empty", mailbox.name);
	if (!clear_tmp(txn, mailbox_id, error) || !ask_untouched(txn, mailbox_id, operations, &untouched, error))
		return false;
	if (untouched)
		return take_back_create(txn, &mailbox, operations, error);
	return queue_delete(txn, &mailbox, error);
}

bool
store_mailbox_special(StoreTxn *txn, int64_t account_id, uint32_t special_use, int64_t *id_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MAILBOX_SPECIAL);

	store_bind_int(query, ":account", account_id);
	store_bind_int(query, ":use", special_use);
	StoreStep step = store_query_step(txn->db, query, error);
	*id_r = step == STORE_ROW ? sqlite3_column_int64(query, 0) : 0;
	return step != STORE_FAILED;
}
