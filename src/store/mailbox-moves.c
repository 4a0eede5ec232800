/* Mailboxes that go to other paths: by the server's word one by one (what is below them stays), by a user's with all that
 * is below them. */
#include "store/mailbox-rows.h"

#include "store/operation-rows.h"

#include <string.h>

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

/* The row goes, and what is below it comes below @to. */
static bool
take_over(StoreTxn *txn, const StoreMailbox *there, int64_t to, GError **error)
{
	return hand_over(txn, there->account_id, there->id, to, error) && store_mailbox_delete_row(txn, there, error);
}

/* Takes the mailbox out of the tree, to nowhere: no component of a path holds a '/'. */
static bool
detach(StoreTxn *txn, const StoreMailbox *mailbox, GError **error)
{
	g_autofree char *nowhere = g_strdup_printf("/%" G_GINT64_FORMAT, mailbox->id);
	int64_t account_id = mailbox->account_id, directory;
	bool childless;

	if (!store_mailbox_ask_childless(txn, mailbox->id, &childless, error) ||
	    !store_mailbox_place(txn, mailbox->id, 0, nowhere, error) ||
	    !store_txn_mailbox_change(txn, STORE_CHANGE_MAILBOX_REMOVED, account_id, mailbox->parent_id, mailbox->id,
	                              mailbox->name, error))
		return false;
	return childless || (store_mailbox_ensure_child(txn, account_id, mailbox->parent_id, mailbox->name, &directory, error) &&
	                     hand_over(txn, account_id, mailbox->id, directory, error));
}

/* What messages and operations have @from, have @to. */
static bool
refer_to(StoreTxn *txn, int64_t from, int64_t to, GError **error)
{
	static const StoreStatement statements[] = {
		STORE_SQL_MESSAGE_HAND_OVER, STORE_SQL_OPERATION_HAND_OVER_MAILBOX, STORE_SQL_OPERATION_HAND_OVER_TARGET,
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(statements); i++) {
		g_autoptr(StoreQuery) query = store_db_query(txn->db, statements[i]);
		store_bind_int(query, ":from", from);
		store_bind_int(query, ":to", to);
		if (!store_query_run(txn->db, query, error))
			return false;
	}
	return true;
}

/* The server has a mailbox now where a user made one that was to be created: they become one, @to. */
static bool
merge(StoreTxn *txn, const StoreMailbox *from, int64_t to, GError **error)
{
	g_autoptr(GArray) operations = store_txn_mailbox_operations(txn, from->id, error);

	for (guint i = 0; operations && i < operations->len; i++)
		if (!store_operation_set_state(txn, g_array_index(operations, StoreOperation, i).id, STORE_OPERATION_DONE,
		                               "the folder is there already", error))
			return false;
	return operations && store_messages_show_all(txn, from->id, to, error) && refer_to(txn, from->id, to, error);
}

/* The path "a/b", or the first of "a/b (2)" and so on, at which nothing is. */
static bool
carry_near(StoreTxn *txn, const StoreMailbox *mailbox, const char *path, GError **error)
{
	for (unsigned number = 1;; number++) {
		g_autofree char *other = number == 1 ? g_strdup(path) : g_strdup_printf("%s (%u)", path, number);
		GError *failure = NULL;
		if (store_mailbox_carry(txn, mailbox, other, &failure))
			return true;
		if (core_error_code(failure) != CORE_ERROR_REFUSED) {
			g_propagate_error(error, failure);
			return false;
		}
		g_error_free(failure);
	}
}

/* A mailbox is only here called as the server now calls another one: it goes back to where it was. */
static bool
make_way(StoreTxn *txn, const StoreMailbox *there, const char *path, GError **error)
{
	g_autoptr(GArray) operations = store_txn_mailbox_operations(txn, there->id, error);

	for (guint i = 0; operations && i < operations->len; i++) {
		const StoreOperation *operation = &g_array_index(operations, StoreOperation, i);
		if (operation->kind == STORE_OPERATION_RENAME && operation->former && strcmp(operation->former, path) != 0)
			return store_operation_set_state(txn, operation->id, STORE_OPERATION_FAILED,
			                                 "the server has another folder of that name", error) &&
			       carry_near(txn, there, operation->former, error);
	}
	return operations && core_throw(error, CORE_ERROR_CORRUPT, "there is another mailbox at %s", path);
}

/* Takes away what is at @path, where @move is to be put. */
static bool
clear_place(StoreTxn *txn, const StoreMailboxMove *move, const StoreMailbox *there, GError **error)
{
	if (there->server_name)
		return make_way(txn, there, move->path, error);
	return (there->state != STORE_MAILBOX_TO_CREATE || merge(txn, there, move->id, error)) &&
	       take_over(txn, there, move->id, error);
}

/* Puts what detach() took out where it is to be. */
static bool
attach(StoreTxn *txn, int64_t account_id, const StoreMailboxMove *move, GError **error)
{
	g_auto(GStrv) components = g_strsplit(move->path, "/", -1);
	g_auto(StoreMailbox) there = { 0 };
	size_t last = g_strv_length(components) - 1;
	int64_t parent_id = 0;

	if (!store_mailbox_ensure_path(txn, account_id, components, last, &parent_id, error))
		return false;
	StoreStep step = store_txn_mailbox_child(txn, account_id, parent_id, components[last], &there, error);
	if (step == STORE_FAILED || (step == STORE_ROW && !clear_place(txn, move, &there, error)))
		return false;
	return store_mailbox_place(txn, move->id, parent_id, components[last], error) &&
	       store_txn_mailbox_change(txn, STORE_CHANGE_MAILBOX_ADDED, account_id, parent_id, move->id, components[last],
	                                error);
}

bool
store_mailboxes_move(StoreTxn *txn, const StoreMailboxMove *moves, size_t count, GError **error)
{
	g_autofree int64_t *parents = g_new(int64_t, count), *accounts = g_new(int64_t, count);

	for (size_t i = 0; i < count; i++) {
		g_auto(StoreMailbox) mailbox = { 0 };
		StoreStep step = store_txn_mailbox(txn, moves[i].id, &mailbox, error);
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
		if (!store_mailbox_prune(txn, parents[i], error))
			return false;
	}
	return true;
}

bool
store_mailbox_carry(StoreTxn *txn, const StoreMailbox *mailbox, const char *path, GError **error)
{
	g_auto(GStrv) components = g_strsplit(path, "/", -1);
	g_auto(StoreMailbox) there = { 0 };
	g_autofree char *own = store_txn_mailbox_path(txn, mailbox->id, error);
	int64_t account_id = mailbox->account_id, parent_id = 0;
	size_t last = g_strv_length(components) - 1;

	if (!own)
		return false;
	if (g_str_has_prefix(path, own) && path[strlen(own)] == '/')
		return core_throw(error, CORE_ERROR_REFUSED, "a folder cannot go into itself");
	if (!store_mailbox_ensure_path(txn, account_id, components, last, &parent_id, error))
		return false;
	StoreStep step = store_txn_mailbox_child(txn, account_id, parent_id, components[last], &there, error);
	if (step == STORE_ROW)
		return there.id == mailbox->id || core_throw(error, CORE_ERROR_REFUSED, "there is a folder %s already", path);
	return step == STORE_DONE && store_mailbox_place(txn, mailbox->id, parent_id, components[last], error) &&
	       store_txn_mailbox_change(txn, STORE_CHANGE_MAILBOX_REMOVED, account_id, mailbox->parent_id, mailbox->id,
	                                mailbox->name, error) &&
	       store_txn_mailbox_change(txn, STORE_CHANGE_MAILBOX_ADDED, account_id, parent_id, mailbox->id, components[last],
	                                error) &&
	       store_mailbox_prune(txn, mailbox->parent_id, error);
}

bool
store_mailbox_show_again(StoreTxn *txn, const StoreMailbox *mailbox, GError **error)
{
	for (unsigned number = 1;; number++) {
		g_autofree char *name = number == 1 ? g_strdup(mailbox->name) : g_strdup_printf("%s (%u)", mailbox->name, number);
		g_auto(StoreMailbox) there = { 0 };
		StoreStep step = store_txn_mailbox_child(txn, mailbox->account_id, mailbox->parent_id, name, &there, error);
		bool is_directory = step == STORE_ROW && store_mailbox_is_directory(&there); /* of what others made below it */
		if (step == STORE_FAILED || (is_directory && !take_over(txn, &there, mailbox->id, error)))
			return false;
		if (step == STORE_DONE || is_directory)
			return store_mailbox_place(txn, mailbox->id, mailbox->parent_id, name, error) &&
			       store_mailbox_write_state(txn, mailbox->id, STORE_MAILBOX_THERE, error) &&
			       store_txn_mailbox_change(txn, STORE_CHANGE_MAILBOX_ADDED, mailbox->account_id, mailbox->parent_id,
			                                mailbox->id, name, error);
	}
}

/* Ends CREATE and DELETE of a mailbox; if @only_ask, only asks whether nobody has begun with one of them. */
static bool
cancel(StoreTxn *txn, int64_t mailbox_id, bool only_ask, bool *free_r, GError **error)
{
	g_autoptr(GArray) operations = store_txn_mailbox_operations(txn, mailbox_id, error);

	for (guint i = 0; operations && i < operations->len; i++) {
		const StoreOperation *operation = &g_array_index(operations, StoreOperation, i);
		if (operation->kind == STORE_OPERATION_RENAME)
			continue;
		*free_r &= operation->state != STORE_OPERATION_SENT && !operation->arguments;
		if (!only_ask && !store_operation_set_state(txn, operation->id, STORE_OPERATION_CANCELLED,
		                                            "replaced by a later change", error))
			return false;
	}
	return operations != NULL;
}

/* What is below @from is to be deleted, too: nobody sees it go. */
static bool
hand_over_deleted(StoreTxn *txn, int64_t from, int64_t to, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MAILBOX_HAND_OVER);

	store_bind_int(query, ":from", from);
	store_bind_int(query, ":to", to);
	return store_query_run(txn->db, query, error);
}

static bool
take_listing(StoreTxn *txn, const StoreMailbox *mailbox, const StoreMailbox *from, GError **error)
{
	return store_mailbox_write_listing(txn, mailbox->id, from->server_name, from->separator,
	                                   from->attributes | mailbox->attributes, error) &&
	       store_mailbox_set_state(txn, mailbox->id, from->uidvalidity, from->uidnext, from->highestmodseq,
	                               from->mailboxid, error) &&
	       store_mailbox_write_state(txn, mailbox->id, STORE_MAILBOX_THERE, error);
}

bool
store_mailbox_take_place(StoreTxn *txn, const StoreMailbox *mailbox, int64_t deleted_id, bool *done_r, GError **error)
{
	g_auto(StoreMailbox) deleted = { 0 };
	bool is_free;

	*done_r = false;
	if (store_txn_mailbox(txn, deleted_id, &deleted, error) != STORE_ROW ||
	    !store_mailbox_ask_empty(txn, deleted_id, &is_free, error) || !cancel(txn, deleted_id, true, &is_free, error) ||
	    !cancel(txn, mailbox->id, true, &is_free, error))
		return false;
	if (!is_free)
		return true;
	if (!cancel(txn, deleted_id, false, &is_free, error) || !refer_to(txn, deleted_id, mailbox->id, error) ||
	    !hand_over_deleted(txn, deleted_id, mailbox->id, error) || !store_mailbox_delete_row(txn, &deleted, error))
		return false;
	*done_r = deleted.server_name;
	return !*done_r ||
	       (cancel(txn, mailbox->id, false, &is_free, error) && take_listing(txn, mailbox, &deleted, error));
}
