/* Internal to src/store: operations as rows, for what queues them (changes.h) and what ends them (operations.h), and what
 * both do to the rows of messages. */
#pragma once

#include "store/internal.h"
#include "store/operations.h"

/* Of the columns OPERATION_FIELDS (statements-operations.c) from the @column-th on; the strings are the query's. */
StoreOperation store_operation_take_row(StoreQuery *query, int column);
void store_operation_clear(StoreOperation *operation); /* of those that own their strings */
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StoreOperation, store_operation_clear)

/* To be cleared.  STORE_DONE: there is none. */
StoreStep store_txn_operation(StoreTxn *txn, int64_t id, StoreOperation *operation_r, GError **error);

/* Open ones (queued, sent, held, failed) in the order of ids, of a message, with it as their source, with it as their
 * heir, and of an account's folders: g_array_unref(), which clears them.  NULL on failure. */
GArray *store_txn_operations(StoreTxn *txn, int64_t message_id, GError **error);
GArray *store_txn_operations_from(StoreTxn *txn, int64_t message_id, GError **error);
GArray *store_txn_operations_with_heir(StoreTxn *txn, int64_t message_id, GError **error);
GArray *store_txn_operations_into(StoreTxn *txn, int64_t mailbox_id, GError **error); /* MOVEs to it */
GArray *store_txn_mailbox_operations(StoreTxn *txn, int64_t mailbox_id, GError **error); /* about itself */
GArray *store_txn_folder_operations(StoreTxn *txn, int64_t account_id, GError **error);

/* Takes all but id, attempts, losses, undone, created_s (now) and target_uid*; NULL flags are empty. */
bool store_operation_insert(StoreTxn *txn, const StoreOperation *operation, int64_t *id_r, GError **error);
/* Writes the same of one that is there; when it ended becomes now, or 0, as its state says. */
bool store_operation_write(StoreTxn *txn, const StoreOperation *operation, GError **error);
/* Only its state, and why (NULL: nothing to say). */
bool store_operation_set_state(StoreTxn *txn, int64_t id, StoreOperationState state, const char *why, GError **error);

/* Whether something of it may have reached the server: then it is not altered any more. */
static inline bool
store_operation_is_begun(const StoreOperation *operation)
{
	return operation->state == STORE_OPERATION_SENT || operation->target_uid != 0 ||
	       (operation->state == STORE_OPERATION_HELD && operation->attempts > 0);
}

/* What users want of @from, or copies of it, they want of @to. */
bool store_operations_hand_over(StoreTxn *txn, int64_t from, int64_t to, GError **error);

/* COPY becomes APPEND, its row TO_APPEND.  The body must be here. */
bool store_operation_make_append(StoreTxn *txn, StoreOperation *operation, GError **error);

/* The message is gone: its open operations are cancelled; COPYs from it become appends, or go with their rows if the body
 * is not here. */
bool store_message_drop_operations(StoreTxn *txn, int64_t message_id, const char *why, GError **error);

/* Flags as people see them after the first @count of its open @operations (UINT_MAX: all).  g_free(). */
char *store_flags_shown(const StoreMessage *row, const GArray *operations, guint count);

/* heirs.c: who takes the place of whom (StoreOperation.heir_id). */

/* Whether what it replaces has to wait for it: the server has not got it.  The same states are in IS_WITHOUT_HEIR
 * (statements-operations.c). */
bool store_heir_is_awaited(const StoreMessage *row);
/* What @from was to replace, @to is. */
bool store_heirs_hand_over(StoreTxn *txn, int64_t from, int64_t to, GError **error);
/* The row of the heir has gone, and no user removed it: what it was to replace last is seen again in its place, as that
 * which replaces the others. */
bool store_heirs_bring_back(StoreTxn *txn, int64_t heir_id, GError **error);

/* places.c */

/* The first column (int64_t) of all rows; NULL on failure. */
GArray *store_collect_ids(StoreTxn *txn, StoreQuery *query, GError **error);

/* CORE_ERROR_NOT_FOUND: it has gone. */
bool store_txn_message_there(StoreTxn *txn, int64_t id, StoreMessage *message_r, GError **error);

/* What the listener hears of a message that people see; nothing if they do not. */
bool store_message_tell(StoreTxn *txn, StoreChangeKind kind, const StoreMessage *row, const char *name, GError **error);

/* It is called @name now, before what @row says; NULL: it still is. */
bool store_message_tell_name(StoreTxn *txn, const StoreMessage *row, const char *name, GError **error);

/* @words: of REFUSED; NULL. */
bool store_message_set_state(StoreTxn *txn, int64_t id, StoreMessageState state, const char *words, GError **error);

/* Where a message that is only here is to go. */
bool store_message_set_mailbox(StoreTxn *txn, int64_t id, int64_t mailbox_id, GError **error);

/* Shows the message in @place_id (0: nowhere) from now on.  @name NULL: its name, or a form of it that is free there. */
bool store_message_show(StoreTxn *txn, const StoreMessage *row, int64_t place_id, const char *name, bool name_is_users,
                        GError **error);
/* Where its open @operations (but for failed ones) lead it; without any, where the server has it.  0: nowhere. */
int64_t store_message_destination(const StoreMessage *row, const GArray *operations);
/* Shows it there. */
bool store_message_show_by_operations(StoreTxn *txn, int64_t message_id, GError **error);
/* @name, or a form of it that no message but @but_id and no mailbox in @place_id has.  g_free(); NULL on failure. */
char *store_free_name(StoreTxn *txn, int64_t place_id, const char *name, int64_t but_id, GError **error);

/* The server has the message in @mailbox_id as @uid (0: that is not known).  Another row that a pull has made for that
 * UID goes; what the server told of it, and its open operations, become @row's.  Where people see @row stays. */
bool store_message_settle(StoreTxn *txn, const StoreMessage *row, int64_t mailbox_id, uint32_t uid, GError **error);
