/* Internal to src/store: what the ends of operations share. */
#pragma once

#include "store/mailbox-rows.h"
#include "store/operation-rows.h"

/* Bits of the states that an operation may be in. */
#define STORE_OPERATION_BIT(state) (1u << (state))
#define STORE_OPERATION_UNSENT (STORE_OPERATION_BIT(STORE_OPERATION_QUEUED) | STORE_OPERATION_BIT(STORE_OPERATION_HELD))
#define STORE_OPERATION_ALIVE (STORE_OPERATION_UNSENT | STORE_OPERATION_BIT(STORE_OPERATION_SENT))
#define STORE_OPERATION_OPEN (STORE_OPERATION_ALIVE | STORE_OPERATION_BIT(STORE_OPERATION_FAILED))

/* To be cleared.  CORE_ERROR_NOT_FOUND: there is none, or it is in none of @states. */
bool store_txn_operation_in(StoreTxn *txn, int64_t id, unsigned states, StoreOperation *operation_r, GError **error);

/* MOVE or REMOVE @operation has ended with nothing done: the message is seen where what else is open leads it; where it
 * began, by its former name.  A mailbox that was to be deleted is there again for it. */
bool store_operation_put_back(StoreTxn *txn, const StoreOperation *operation, GError **error);

/* MOVE or REMOVE @operation is taken back, and the server may have been told to mark the message with \Deleted for it: it
 * is to be unmarked, or the next client's EXPUNGE removes it. */
bool store_operation_unmark(StoreTxn *txn, const StoreOperation *operation, GError **error);

/* MOVE or REMOVE @operation, which is not under way, is taken back. */
bool store_operation_undo_taking(StoreTxn *txn, const StoreOperation *operation, GError **error);

/* Queued, with no time to wait for. */
bool store_operation_requeue(StoreTxn *txn, int64_t id, GError **error);
/* Of one that failed.  *done_r false: it is not to be tried again. */
bool store_operation_retry_one(StoreTxn *txn, const StoreOperation *operation, bool *done_r, GError **error);

/* settle-folders.c */

/* A mailbox that was to be deleted is seen again, with those above it.  Their deletions are cancelled because of @why; one
 * that was begun goes on: it will find the mailbox in use. */
bool store_mailbox_reveal(StoreTxn *txn, int64_t mailbox_id, const char *why, GError **error);

/* RENAME @operation has ended with nothing done.  *done_r false: something else is at the path, it stays where it is. */
bool store_mailbox_put_back(StoreTxn *txn, const StoreOperation *operation, bool *done_r, GError **error);

/* A mailbox that was to be created goes again.  *done_r false: something is in it. */
bool store_mailbox_uncreate(StoreTxn *txn, int64_t mailbox_id, bool *done_r, GError **error);
