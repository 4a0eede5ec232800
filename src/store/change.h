/* Internal to src/store: what the changes of messages share (changes.h). */
#pragma once

#include "store/changes.h"
#include "store/operation-rows.h"

/* A message that is about to be changed, with what is open of it. */
typedef struct {
	StoreTxn *txn;
	int64_t account_id;
	StoreMessage row;
	int64_t from_id;    /* where people have seen it up to this change: row.place_id, if that is any */
	GArray *operations; /* of StoreOperation */
	int64_t copied_id;  /* the last open COPY from it; 0: none */
} StoreSubject;
/* CORE_ERROR_NOT_FOUND: there is no such message, or people do not see it any more.  To be cleared. */
bool store_subject_init(StoreSubject *subject_r, StoreTxn *txn, int64_t message_id, GError **error);
void store_subject_clear(StoreSubject *subject);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StoreSubject, store_subject_clear)

/* The upload or copy that has not begun, with which the message is to come into being; NULL: it is on the server, or may
 * be, or is never to be there. */
StoreOperation *store_subject_birth(const StoreSubject *subject);

/* Where it would be seen without @operation and those after it; of none (NULL) it is where it is seen. */
int64_t store_subject_origin(const StoreSubject *subject, const StoreOperation *operation);

/* Operations that were refused, or that nobody has begun with: they give way to a later change of the same kind. */
bool store_subject_take_back(StoreSubject *subject, StoreOperationKind kind, StoreOperationState state, GError **error);

/* To another mailbox of its account: alters what has not begun, or queues a move; the caller shows it there.
 * @removal NULL: no user removed it. */
bool store_subject_move(StoreSubject *subject, int64_t mailbox_id, const StoreRemoval *removal, GError **error);

/* change-remove.c: as store_change_remove(). */
bool store_subject_remove(StoreSubject *subject, const StoreRemoval *how, GError **error);
/* It is only here, and is not to be anywhere: its row goes. */
bool store_subject_forget(StoreSubject *subject, GError **error);

/* Only here, and not to be uploaded. */
static inline bool
store_message_is_here(StoreMessageState state)
{
	return state == STORE_MESSAGE_LOCAL || store_message_is_file(state);
}

/* A mailbox where messages can be.  CORE_ERROR_NOT_FOUND: there is none (any more); CORE_ERROR_REFUSED: it is only a
 * directory. */
bool store_txn_mailbox_holds(StoreTxn *txn, int64_t mailbox_id, int64_t *account_id_r, GError **error);

/* hold.c: too many irreversible removals within a minute.  @removal was just queued. */
bool store_hold_removals(StoreTxn *txn, const StoreOperation *removal, GError **error);
