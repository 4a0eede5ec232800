/* What users remove: into the Trash, or for good. */
#include "store/change.h"

#include "core/clock.h"

bool
store_subject_forget(StoreSubject *subject, GError **error)
{
	return store_message_drop_operations(subject->txn, subject->row.id, "taken back", error) &&
	       store_message_remove(subject->txn, subject->row.id, error);
}

/* Whether nothing is lost, or nobody wants to keep it, when a message that the server has not got is forgotten at once. */
static bool
may_forget(const StoreSubject *subject, const StoreRemoval *how)
{
	const StoreOperation *birth = store_subject_birth(subject);

	if (store_message_is_here(subject->row.state))
		return true;
	return birth && subject->copied_id == 0 && (how->trash_id == 0 || birth->state == STORE_OPERATION_FAILED);
}

/* Not shown from now on, and expunged later, where the server has it then. */
static bool
expunge(StoreSubject *subject, const StoreRemoval *how, GError **error)
{
	/* The clock may have been put back since it came there. */
	int64_t from_s = MAX(subject->row.since_s, core_clock_wall_s());
	StoreOperation removal = {
		.account_id = subject->account_id,
		.kind = STORE_OPERATION_REMOVE,
		.message_id = subject->row.id,
		.mailbox_id = subject->from_id,
		.is_removal = true,
		.heir_id = how->heir_id,
		.not_before_s = MAX(from_s + how->undo_s, 1),
		.former = subject->row.name,
		.former_is_users = subject->row.name_is_users,
	};

	if (!store_subject_take_back(subject, STORE_OPERATION_MOVE, STORE_OPERATION_FAILED, error) ||
	    !store_subject_take_back(subject, STORE_OPERATION_REMOVE, STORE_OPERATION_FAILED, error))
		return false;
	/* Out of the Trash it goes only after it came there on the server, too: others may look for it there meanwhile. */
	if (how->trash_id == 0 && !store_subject_take_back(subject, STORE_OPERATION_MOVE, STORE_OPERATION_QUEUED, error))
		return false;
	return store_operation_insert(subject->txn, &removal, &removal.id, error) &&
	       store_message_show(subject->txn, &subject->row, 0, NULL, false, error) &&
	       store_hold_removals(subject->txn, &removal, error);
}

bool
store_subject_remove(StoreSubject *subject, const StoreRemoval *how, GError **error)
{
	bool to_trash = how->trash_id != 0 && how->trash_id != subject->from_id && !store_message_is_here(subject->row.state);
	int64_t account_id;

	if (to_trash)
		return store_txn_mailbox_holds(subject->txn, how->trash_id, &account_id, error) &&
		       store_subject_move(subject, how->trash_id, how, error) &&
		       store_message_show(subject->txn, &subject->row, how->trash_id, NULL, false, error);
	return may_forget(subject, how) ? store_subject_forget(subject, error) : expunge(subject, how, error);
}

bool
store_change_remove(StoreTxn *txn, int64_t message_id, const StoreRemoval *how, GError **error)
{
	g_auto(StoreSubject) subject = { 0 };

	return store_subject_init(&subject, txn, message_id, error) && store_subject_remove(&subject, how, error);
}
