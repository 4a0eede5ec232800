/* The ends of folder operations. */
#include "store/settle.h"

#include <string.h>

bool
store_mailbox_reveal(StoreTxn *txn, int64_t mailbox_id, const char *why, GError **error)
{
	while (mailbox_id != 0) {
		g_auto(StoreMailbox) mailbox = { 0 };
		g_autoptr(GArray) operations = store_txn_mailbox_operations(txn, mailbox_id, error);
		StoreStep step = store_txn_mailbox(txn, mailbox_id, &mailbox, error);
		if (!operations || step != STORE_ROW)
			return operations && step == STORE_DONE;
		for (guint i = 0; mailbox.state == STORE_MAILBOX_TO_DELETE && i < operations->len; i++) {
			const StoreOperation *operation = &g_array_index(operations, StoreOperation, i);
			if (operation->kind != STORE_OPERATION_DELETE || operation->state == STORE_OPERATION_FAILED)
				continue;
			if (operation->state == STORE_OPERATION_SENT || operation->arguments)
				return true;
			if (!store_operation_set_state(txn, operation->id, STORE_OPERATION_CANCELLED, why, error))
				return false;
		}
		if (mailbox.state == STORE_MAILBOX_TO_DELETE && !store_mailbox_show_again(txn, &mailbox, error))
			return false;
		mailbox_id = mailbox.parent_id;
	}
	return true;
}

bool
store_mailbox_put_back(StoreTxn *txn, const StoreOperation *operation, bool *done_r, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	g_autoptr(GError) refusal = NULL;
	StoreStep step = store_txn_mailbox(txn, operation->mailbox_id, &mailbox, error);

	*done_r = true;
	if (step != STORE_ROW || !operation->former)
		return step != STORE_FAILED;
	*done_r = mailbox.state != STORE_MAILBOX_TO_DELETE;
	if (!*done_r) /* nobody sees it, and something else is where it was */
		return true;
	if (store_mailbox_carry(txn, &mailbox, operation->former, &refusal))
		return true;
	*done_r = false;
	if (core_error_code(refusal) == CORE_ERROR_REFUSED)
		return true;
	g_propagate_error(error, g_steal_pointer(&refusal));
	return false;
}

bool
store_mailbox_uncreate(StoreTxn *txn, int64_t mailbox_id, bool *done_r, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 }, after = { 0 };
	StoreStep step = store_txn_mailbox(txn, mailbox_id, &mailbox, error);

	*done_r = true;
	if (step != STORE_ROW || mailbox.state != STORE_MAILBOX_TO_CREATE)
		return step != STORE_FAILED;
	if (!store_mailbox_write_state(txn, mailbox_id, STORE_MAILBOX_THERE, error) ||
	    !store_mailbox_prune(txn, mailbox_id, error))
		return false;
	step = store_txn_mailbox(txn, mailbox_id, &after, error);
	*done_r = step == STORE_DONE;
	return step == STORE_DONE ||
	       (step == STORE_ROW && store_mailbox_write_state(txn, mailbox_id, STORE_MAILBOX_TO_CREATE, error));
}

static StoreStep
find_server(StoreTxn *txn, int64_t account_id, const char *server_name, int64_t *id_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MAILBOX_FIND_SERVER);

	store_bind_int(query, ":account", account_id);
	store_bind_text(query, ":server_name", server_name);
	StoreStep step = store_query_step(txn->db, query, error);
	*id_r = step == STORE_ROW ? sqlite3_column_int64(query, 0) : 0;
	return step;
}

/* A listing may have made a row for it meanwhile: that one takes the place, with what was put into ours. */
static bool
created(StoreTxn *txn, const StoreMailbox *mailbox, const char *server_name, char separator, GError **error)
{
	int64_t other;

	if (find_server(txn, mailbox->account_id, server_name, &other, error) == STORE_FAILED)
		return false;
	if (other != 0 && other != mailbox->id) {
		g_autofree char *path = store_txn_mailbox_path(txn, mailbox->id, error);
		StoreMailboxMove move = { .id = other, .path = path };
		return path && store_mailboxes_move(txn, &move, 1, error);
	}
	return store_mailbox_write_listing(txn, mailbox->id, server_name, separator,
	                                   mailbox->attributes | STORE_MAILBOX_SELECTABLE, error) &&
	       (mailbox->state != STORE_MAILBOX_TO_CREATE ||
	        store_mailbox_write_state(txn, mailbox->id, STORE_MAILBOX_THERE, error));
}

/* A row that has the name already was made by a listing, and knows nothing that the server would not tell again. */
static bool
call(StoreTxn *txn, int64_t account_id, int64_t id, const char *server_name, GError **error)
{
	int64_t other;

	if (find_server(txn, account_id, server_name, &other, error) == STORE_FAILED ||
	    (other != 0 && other != id && !store_mailbox_remove(txn, other, error)))
		return false;
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MAILBOX_CALL);
	store_bind_int(query, ":id", id);
	store_bind_text(query, ":server_name", server_name);
	return store_query_run(txn->db, query, error);
}

typedef struct {
	int64_t id;
	char *rest; /* of the name, behind that of the mailbox above */
} Below;

static void
below_clear(void *data)
{
	g_free(((Below *)data)->rest);
}

/* What the server has below a mailbox, wherever people see it. */
static GArray *
list_below(StoreTxn *txn, const StoreMailbox *mailbox, GError **error)
{
	g_autofree char *first = g_strdup_printf("%s%c", mailbox->server_name, mailbox->separator);
	g_autofree char *end = g_strdup_printf("%s%c", mailbox->server_name, mailbox->separator + 1);
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MAILBOX_LIST_SERVER);
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(Below));
	StoreStep step = STORE_DONE;

	g_array_set_clear_func(found, below_clear);
	if (mailbox->separator == 0)
		return g_steal_pointer(&found);
	store_bind_int(query, ":account", mailbox->account_id);
	store_bind_text(query, ":first", first);
	store_bind_text(query, ":end", end);
	while ((step = store_query_step(txn->db, query, error)) == STORE_ROW) {
		Below below = {
			.id = sqlite3_column_int64(query, 0),
			.rest = g_strdup(store_column_text(query, 1) + strlen(mailbox->server_name)),
		};
		g_array_append_val(found, below);
	}
	return step == STORE_DONE ? g_steal_pointer(&found) : NULL;
}

static bool
renamed(StoreTxn *txn, const StoreMailbox *mailbox, const char *server_name, GError **error)
{
	g_autoptr(GArray) found = NULL;

	if (!mailbox->server_name || strcmp(mailbox->server_name, server_name) == 0)
		return mailbox->server_name || call(txn, mailbox->account_id, mailbox->id, server_name, error);
	if (!(found = list_below(txn, mailbox, error)) ||
	    !call(txn, mailbox->account_id, mailbox->id, server_name, error))
		return false;
	for (guint i = 0; i < found->len; i++) {
		const Below *below = &g_array_index(found, Below, i);
		g_autofree char *name = g_strconcat(server_name, below->rest, NULL);
		if (!call(txn, mailbox->account_id, below->id, name, error))
			return false;
	}
	return true;
}

bool
store_operation_done_mailbox(StoreTxn *txn, int64_t id, const char *server_name, char separator, GError **error)
{
	g_auto(StoreOperation) operation = { 0 };
	g_auto(StoreMailbox) mailbox = { 0 };

	if (!store_txn_operation_in(txn, id, STORE_OPERATION_ALIVE, &operation, error) ||
	    !store_operation_set_state(txn, id, STORE_OPERATION_DONE, NULL, error))
		return false;
	StoreStep step = store_txn_mailbox(txn, operation.mailbox_id, &mailbox, error);
	if (step != STORE_ROW)
		return step == STORE_DONE;
	return operation.kind == STORE_OPERATION_CREATE ? created(txn, &mailbox, server_name, separator, error)
	                                                : renamed(txn, &mailbox, server_name, error);
}

bool
store_operation_overtaken(StoreTxn *txn, int64_t id, GError **error)
{
	g_auto(StoreOperation) operation = { 0 };

	return store_txn_operation_in(txn, id, STORE_OPERATION_ALIVE, &operation, error) &&
	       store_operation_set_state(txn, id, STORE_OPERATION_CANCELLED, "others renamed or removed it first", error);
}

bool
store_operation_done_deleted(StoreTxn *txn, int64_t id, GError **error)
{
	g_auto(StoreOperation) operation = { 0 };

	return store_txn_operation_in(txn, id, STORE_OPERATION_ALIVE, &operation, error) &&
	       store_operation_set_state(txn, id, STORE_OPERATION_DONE, NULL, error) &&
	       store_mailbox_remove(txn, operation.mailbox_id, error);
}
