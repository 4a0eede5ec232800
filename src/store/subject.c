/* A message that is about to be changed: what is open of it, and what of that can still be altered. */
#include "store/change.h"

#include "store/mailbox-rows.h"

static const char taken_back[] = "taken back";
static const char replaced[] = "replaced by a later change";

static bool
find_copies(StoreSubject *subject, GError **error)
{
	g_autoptr(GArray) copies = store_txn_operations_from(subject->txn, subject->row.id, error);

	if (copies && copies->len > 0)
		subject->copied_id = g_array_index(copies, StoreOperation, copies->len - 1).id;
	return copies != NULL;
}

bool
store_subject_init(StoreSubject *subject_r, StoreTxn *txn, int64_t message_id, GError **error)
{
	g_auto(StoreSubject) subject = { .txn = txn };
	g_auto(StoreMailbox) mailbox = { 0 };

	if (!store_txn_message_there(txn, message_id, &subject.row, error))
		return false;
	if (subject.row.place_id == 0)
		return core_throw(error, CORE_ERROR_NOT_FOUND, "message %" G_GINT64_FORMAT " was removed", message_id);
	subject.operations = store_txn_operations(txn, message_id, error);
	if (!subject.operations || !find_copies(&subject, error) ||
	    store_txn_mailbox(txn, subject.row.place_id, &mailbox, error) != STORE_ROW)
		return false;
	subject.account_id = mailbox.account_id;
	subject.from_id = subject.row.place_id;
	*subject_r = subject;
	subject = (StoreSubject){ 0 };
	return true;
}

void
store_subject_clear(StoreSubject *subject)
{
	store_message_clear(&subject->row);
	g_clear_pointer(&subject->operations, g_array_unref);
	*subject = (StoreSubject){ 0 };
}

StoreOperation *
store_subject_birth(const StoreSubject *subject)
{
	for (guint i = 0; i < subject->operations->len; i++) {
		StoreOperation *operation = &g_array_index(subject->operations, StoreOperation, i);
		if (operation->kind == STORE_OPERATION_APPEND || operation->kind == STORE_OPERATION_COPY)
			return store_operation_is_begun(operation) ? NULL : operation;
	}
	return NULL;
}

int64_t
store_subject_origin(const StoreSubject *subject, const StoreOperation *operation)
{
	GArray earlier = *subject->operations; /* borrows the elements */

	if (!operation)
		return subject->row.place_id;
	earlier.len = (guint)(operation - (const StoreOperation *)(const void *)earlier.data);
	return store_message_destination(&subject->row, &earlier);
}

bool
store_subject_take_back(StoreSubject *subject, StoreOperationKind kind, StoreOperationState state, GError **error)
{
	for (guint i = 0; i < subject->operations->len; i++) {
		StoreOperation *operation = &g_array_index(subject->operations, StoreOperation, i);
		if (operation->kind != kind || operation->state != state || operation->target_uid != 0)
			continue;
		operation->state = STORE_OPERATION_CANCELLED;
		if (!store_operation_set_state(subject->txn, operation->id, STORE_OPERATION_CANCELLED, replaced, error))
			return false;
	}
	return true;
}

/* The move that waits in the queue; NULL: none. */
static StoreOperation *
find_move(const StoreSubject *subject)
{
	for (guint i = subject->operations->len; i-- > 0;) {
		StoreOperation *operation = &g_array_index(subject->operations, StoreOperation, i);
		if (operation->kind == STORE_OPERATION_MOVE && operation->state != STORE_OPERATION_CANCELLED)
			return operation->state == STORE_OPERATION_QUEUED && operation->target_uid == 0 ? operation : NULL;
	}
	return NULL;
}

/* The message goes from the start to where it is moved; one that was refused is tried there. */
static bool
redirect_birth(StoreSubject *subject, StoreOperation *birth, int64_t mailbox_id, GError **error)
{
	bool is_append = birth->kind == STORE_OPERATION_APPEND;

	if (birth->state == STORE_OPERATION_FAILED &&
	    !store_message_set_state(subject->txn, subject->row.id,
	                             is_append ? STORE_MESSAGE_TO_APPEND : STORE_MESSAGE_TO_COPY, NULL, error))
		return false;
	g_free((void *)(uintptr_t)birth->error);
	birth->error = NULL;
	birth->state = STORE_OPERATION_QUEUED;
	birth->target_id = mailbox_id;
	if (is_append)
		birth->mailbox_id = mailbox_id;
	return store_operation_write(subject->txn, birth, error) &&
	       store_message_set_mailbox(subject->txn, subject->row.id, mailbox_id, error);
}

static bool
queue_move(StoreSubject *subject, int64_t mailbox_id, const StoreRemoval *removal, GError **error)
{
	StoreOperation move = {
		.account_id = subject->account_id,
		.kind = STORE_OPERATION_MOVE,
		.message_id = subject->row.id,
		.mailbox_id = subject->from_id,
		.target_id = mailbox_id,
		.is_removal = removal != NULL,
		.heir_id = removal ? removal->heir_id : 0,
		.former = subject->row.name,
		.former_is_users = subject->row.name_is_users,
	};

	return store_operation_insert(subject->txn, &move, &move.id, error);
}

/* A removal waits for copies that were asked for before, so it must not take the place of a move before them. */
static bool
alter_move(StoreSubject *subject, StoreOperation *move, int64_t mailbox_id, const StoreRemoval *removal, GError **error)
{
	bool back = mailbox_id == store_subject_origin(subject, move);

	if (back || (removal && subject->copied_id > move->id)) {
		if (!store_operation_set_state(subject->txn, move->id, STORE_OPERATION_CANCELLED, back ? taken_back : replaced,
		                               error))
			return false;
		return back || queue_move(subject, mailbox_id, removal, error);
	}
	move->target_id = mailbox_id;
	move->is_removal = removal != NULL;
	move->heir_id = removal ? removal->heir_id : 0;
	return store_operation_write(subject->txn, move, error);
}

bool
store_subject_move(StoreSubject *subject, int64_t mailbox_id, const StoreRemoval *removal, GError **error)
{
	StoreOperation *birth = store_subject_birth(subject), *move;

	if (store_message_is_here(subject->row.state))
		return store_message_set_mailbox(subject->txn, subject->row.id, mailbox_id, error);
	if (birth) /* moves behind it are left from when it was on its way */
		return store_subject_take_back(subject, STORE_OPERATION_MOVE, STORE_OPERATION_QUEUED, error) &&
		       redirect_birth(subject, birth, mailbox_id, error);
	if (!store_subject_take_back(subject, STORE_OPERATION_MOVE, STORE_OPERATION_FAILED, error) ||
	    !store_subject_take_back(subject, STORE_OPERATION_REMOVE, STORE_OPERATION_FAILED, error))
		return false;
	if ((move = find_move(subject)))
		return alter_move(subject, move, mailbox_id, removal, error);
	return queue_move(subject, mailbox_id, removal, error);
}

bool
store_txn_mailbox_holds(StoreTxn *txn, int64_t mailbox_id, int64_t *account_id_r, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	StoreStep step = store_txn_mailbox(txn, mailbox_id, &mailbox, error);

	if (step == STORE_FAILED)
		return false;
	if (step == STORE_DONE || mailbox.state == STORE_MAILBOX_TO_DELETE)
		return core_throw(error, CORE_ERROR_NOT_FOUND, "there is no mailbox %" G_GINT64_FORMAT " any more", mailbox_id);
	if (!(mailbox.attributes & STORE_MAILBOX_SELECTABLE))
		return core_throw(error, CORE_ERROR_REFUSED, "%s is only a directory on the server", mailbox.name);
	*account_id_r = mailbox.account_id;
	return true;
}
