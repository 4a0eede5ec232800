/* Internal to src/store: rows of mailboxes inside a transaction. */
#pragma once

#include "store/internal.h"
#include "store/mailboxes.h"

#define STORE_MAILBOX_MAX_DEPTH 1000 /* of a path; only a damaged database is deeper */

/* To be cleared.  STORE_DONE: there is none. */
StoreStep store_txn_mailbox(StoreTxn *txn, int64_t id, StoreMailbox *mailbox_r, GError **error);
StoreStep store_txn_mailbox_child(StoreTxn *txn, int64_t account_id, int64_t parent_id, const char *name,
                                  StoreMailbox *mailbox_r, GError **error); /* one that people see */
char *store_txn_mailbox_path(StoreTxn *txn, int64_t id, GError **error);

/* The child of that name, made if there is none that people see. */
bool store_mailbox_ensure_child(StoreTxn *txn, int64_t account_id, int64_t parent_id, const char *name, int64_t *id_r,
                                GError **error);
/* The row at the first @count of @components, made with those above it where there is none; 0 for none of them. */
bool store_mailbox_ensure_path(StoreTxn *txn, int64_t account_id, char *const *components, size_t count, int64_t *id_r,
                               GError **error);

bool store_mailbox_write_listing(StoreTxn *txn, int64_t id, const char *server_name, char separator,
                                 uint32_t attributes, GError **error);
bool store_mailbox_write_state(StoreTxn *txn, int64_t id, StoreMailboxState state, GError **error);
bool store_mailbox_place(StoreTxn *txn, int64_t id, int64_t parent_id, const char *name, GError **error);

/* Whether the row is only a directory: nothing is on the server, and nothing is to be created there, or just being created
 * while a user has deleted it again. */
static inline bool
store_mailbox_is_directory(const StoreMailbox *mailbox)
{
	bool is_mailbox = mailbox->attributes & STORE_MAILBOX_SELECTABLE;

	return !mailbox->server_name &&
	       (mailbox->state == STORE_MAILBOX_THERE || (mailbox->state == STORE_MAILBOX_TO_DELETE && !is_mailbox));
}

/* @childless_r: no row has it as its parent. */
bool store_mailbox_ask_childless(StoreTxn *txn, int64_t id, bool *childless_r, GError **error);
/* @unused_r: no row of a message is in it, for the server or for people. */
bool store_mailbox_ask_unused(StoreTxn *txn, int64_t id, bool *unused_r, GError **error);
/* @empty_r: people see nothing in it. */
bool store_mailbox_ask_empty(StoreTxn *txn, int64_t id, bool *empty_r, GError **error);
/* Nothing may refer to it any more. */
bool store_mailbox_delete_row(StoreTxn *txn, const StoreMailbox *mailbox, GError **error);
/* Removes the row if it is an empty directory, and those above it that become empty so. */
bool store_mailbox_prune(StoreTxn *txn, int64_t id, GError **error);

/* Takes the mailbox, with all that is below it, to @path; directories that it leaves empty are pruned.
 * CORE_ERROR_REFUSED: into itself, or something is there; directories above @path may have been made. */
bool store_mailbox_carry(StoreTxn *txn, const StoreMailbox *mailbox, const char *path, GError **error);
/* @mailbox, which is to be created and with which nobody has begun, is where one was that is still to be deleted: it
 * becomes that one, as the server has it, with what is still to be removed from it.  So nothing has to wait for that.
 * *done_r false: it is still to be created, as the other was, or because somebody has begun to delete that. */
bool store_mailbox_take_place(StoreTxn *txn, const StoreMailbox *mailbox, int64_t deleted_id, bool *done_r,
                              GError **error);
/* One in state TO_DELETE is THERE again, under its name or a form of it that is free. */
bool store_mailbox_show_again(StoreTxn *txn, const StoreMailbox *mailbox, GError **error);

/* Queues the CREATE of a mailbox in state TO_CREATE, if none is open.  False also if it is in none. */
bool store_mailbox_queue_create(StoreTxn *txn, const StoreMailbox *mailbox, GError **error);
