/* Operations that the server refused: what people saw in advance is shown as it is again; and their second try. */
#include "store/settle.h"

#include "store/changes.h"

static const char overtaken[] = "something later was done with the message";
static const char folder_gone[] = "the folder is gone";

static bool
is_taking(const StoreOperation *operation)
{
	return operation->kind == STORE_OPERATION_MOVE || operation->kind == STORE_OPERATION_REMOVE;
}

/* The next one that takes the message elsewhere begins where @operation would have, if there is one. */
static bool
begin_instead(StoreTxn *txn, const StoreOperation *operation, GArray *operations, bool *any_r, GError **error)
{
	*any_r = false;
	for (guint i = 0; i < operations->len; i++) {
		StoreOperation *next = &g_array_index(operations, StoreOperation, i);
		if (next->id < operation->id || next->state == STORE_OPERATION_FAILED || !is_taking(next))
			continue;
		*any_r = true;
		next->mailbox_id = operation->mailbox_id;
		if (operation->former) {
			g_free((void *)(uintptr_t)next->former);
			next->former = g_strdup(operation->former);
			next->former_is_users = operation->former_is_users;
		}
		return store_operation_write(txn, next, error);
	}
	return true;
}

bool
store_operation_put_back(StoreTxn *txn, const StoreOperation *operation, GError **error)
{
	g_auto(StoreMessage) row = { 0 };
	g_autoptr(GArray) operations = store_txn_operations(txn, operation->message_id, error);
	g_autofree char *name = NULL;
	bool replaced;

	if (!operations)
		return false;
	StoreStep step = store_txn_message(txn, operation->message_id, &row, error);
	if (step != STORE_ROW)
		return step == STORE_DONE;
	if (!begin_instead(txn, operation, operations, &replaced, error) || replaced)
		return replaced;
	int64_t place_id = store_message_destination(&row, operations);
	if (operation->former && !(name = store_free_name(txn, place_id, operation->former, row.id, error)))
		return false;
	return store_mailbox_reveal(txn, place_id, "a message is shown in it again", error) &&
	       store_message_show(txn, &row, place_id, name, operation->former_is_users, error);
}

/* The message, as far as it is still there, is shown as one that the server does not take; one that was removed meanwhile
 * is nobody's any more. */
static bool
refuse_upload(StoreTxn *txn, const StoreOperation *operation, const char *words, GError **error)
{
	g_auto(StoreMessage) row = { 0 };
	StoreStep step = store_txn_message(txn, operation->message_id, &row, error);

	if (step != STORE_ROW)
		return step == STORE_DONE;
	if (row.place_id == 0)
		return store_message_drop_operations(txn, row.id, words, error) && store_message_remove(txn, row.id, error);
	return store_message_set_state(txn, row.id, STORE_MESSAGE_REFUSED, words, error) &&
	       store_message_tell(txn, STORE_CHANGE_MESSAGE_FLAGS, &row, row.name, error);
}

static bool
tell_flags(StoreTxn *txn, const StoreOperation *operation, GError **error)
{
	g_auto(StoreMessage) row = { 0 };
	StoreStep step = store_txn_message(txn, operation->message_id, &row, error);

	return step == STORE_ROW ? store_message_tell(txn, STORE_CHANGE_MESSAGE_FLAGS, &row, row.name, error)
	                         : step == STORE_DONE;
}

/* A mailbox that could not be created is not to be deleted any more. */
static bool
forget_deleted(StoreTxn *txn, int64_t mailbox_id, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	StoreStep step = store_txn_mailbox(txn, mailbox_id, &mailbox, error);

	if (step == STORE_FAILED)
		return false;
	return mailbox.state != STORE_MAILBOX_TO_DELETE || store_mailbox_remove(txn, mailbox_id, error);
}

static bool
show_as_it_is(StoreTxn *txn, const StoreOperation *operation, const char *words, GError **error)
{
	bool done;

	switch (operation->kind) {
	case STORE_OPERATION_FLAGS:
		return tell_flags(txn, operation, error);
	case STORE_OPERATION_APPEND:
	case STORE_OPERATION_COPY:
		return refuse_upload(txn, operation, words, error);
	case STORE_OPERATION_MOVE:
	case STORE_OPERATION_REMOVE:
		return store_operation_put_back(txn, operation, error);
	case STORE_OPERATION_CREATE:
		return forget_deleted(txn, operation->mailbox_id, error);
	case STORE_OPERATION_RENAME: /* where it cannot go back, the next listing tells where it is */
		return store_mailbox_put_back(txn, operation, &done, error);
	case STORE_OPERATION_DELETE:
		return store_mailbox_reveal(txn, operation->mailbox_id, words, error);
	default:
		g_assert_not_reached();
	}
}

/* It cannot go back, as it has left where it was: nobody has it. */
static bool
ask_lost(StoreTxn *txn, const StoreOperation *operation, bool *lost_r, GError **error)
{
	g_auto(StoreMessage) row = { 0 };
	StoreStep step = store_txn_message(txn, operation->message_id, &row, error);

	*lost_r = is_taking(operation) && row.state == STORE_MESSAGE_MOVING;
	return step != STORE_FAILED;
}

bool
store_operation_fail(StoreTxn *txn, int64_t id, const char *words, GError **error)
{
	g_auto(StoreOperation) operation = { 0 };
	bool lost;

	if (!store_txn_operation_in(txn, id, STORE_OPERATION_ALIVE, &operation, error) ||
	    !ask_lost(txn, &operation, &lost, error))
		return false;
	if (lost)
		return store_operation_set_state(txn, id, STORE_OPERATION_CANCELLED, words, error) &&
		       store_message_remove(txn, operation.message_id, error);
	return store_operation_set_state(txn, id, STORE_OPERATION_FAILED, words, error) &&
	       show_as_it_is(txn, &operation, words, error);
}

/* An upload that is tried again: from its own bytes, where the message to be copied has gone. */
static bool
retry_upload(StoreTxn *txn, const StoreOperation *operation, GError **error)
{
	bool is_copy = operation->kind == STORE_OPERATION_COPY;
	g_auto(StoreMessage) source = { 0 };

	if (is_copy && store_txn_message(txn, operation->source_id, &source, error) == STORE_FAILED)
		return false;
	if (!store_message_set_state(txn, operation->message_id, is_copy ? STORE_MESSAGE_TO_COPY : STORE_MESSAGE_TO_APPEND,
	                             NULL, error))
		return false;
	return (!is_copy || source.id != 0 || store_operation_append_instead(txn, operation->id, error)) &&
	       tell_flags(txn, operation, error);
}

/* Whether a move or removal that failed still makes sense; *why_r NULL: it does. */
static bool
ask_sense(StoreTxn *txn, const StoreOperation *operation, const char **why_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_OPERATION_OVERTAKEN);
	g_auto(StoreMailbox) target = { 0 };

	store_bind_int(query, ":message", operation->message_id);
	store_bind_int(query, ":id", operation->id);
	StoreStep step = store_query_step(txn->db, query, error);
	*why_r = step == STORE_ROW ? overtaken : NULL;
	if (step != STORE_DONE || operation->kind == STORE_OPERATION_REMOVE)
		return step != STORE_FAILED;
	step = store_txn_mailbox(txn, operation->target_id, &target, error);
	if (step == STORE_DONE || target.state == STORE_MAILBOX_TO_DELETE)
		*why_r = folder_gone;
	return step != STORE_FAILED;
}

/* A folder operation is asked for once more, by the rules for people; what they do not allow stays failed. */
static bool
retry_folder(StoreTxn *txn, const StoreOperation *operation, bool *done_r, GError **error)
{
	g_autoptr(GError) refusal = NULL;

	*done_r = operation->kind == STORE_OPERATION_RENAME
	              ? store_change_rename(txn, operation->mailbox_id, operation->arguments, &refusal)
	              : store_change_delete(txn, operation->mailbox_id, &refusal);
	if (*done_r)
		return store_operation_set_state(txn, operation->id, STORE_OPERATION_CANCELLED, "asked for again", error);
	if (core_error_code(refusal) == CORE_ERROR_REFUSED || core_error_code(refusal) == CORE_ERROR_NOT_FOUND)
		return true;
	g_propagate_error(error, g_steal_pointer(&refusal));
	return false;
}

bool
store_operation_retry_one(StoreTxn *txn, const StoreOperation *operation, bool *done_r, GError **error)
{
	const char *why = NULL;

	if (operation->kind == STORE_OPERATION_RENAME || operation->kind == STORE_OPERATION_DELETE)
		return retry_folder(txn, operation, done_r, error);
	if (is_taking(operation) && !ask_sense(txn, operation, &why, error))
		return false;
	*done_r = !why;
	if (why)
		return store_operation_set_state(txn, operation->id, STORE_OPERATION_CANCELLED, why, error);
	if (!store_operation_requeue(txn, operation->id, error))
		return false;
	if (is_taking(operation))
		return store_message_show_by_operations(txn, operation->message_id, error);
	if (operation->kind == STORE_OPERATION_FLAGS)
		return tell_flags(txn, operation, error);
	return operation->kind == STORE_OPERATION_CREATE || retry_upload(txn, operation, error);
}
