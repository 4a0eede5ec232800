/* What a user does to messages and mailboxes: shown at once, and queued for the server as operations (operations.h).
 *
 * A row keeps two places: where the server has the message (mailbox_id, uid) and where people see it (place_id).  A
 * change moves the second; the first follows when the server has answered.  So what other clients do meanwhile applies
 * to the same row, and a UIDVALIDITY change loses nothing.
 *
 * All of it happens in the caller's transaction and is durable with its commit.  Changes of one message are kept in
 * their order; what was not sent yet is put together:
 *
 *   flags + flags          one delta: what came last wins for each flag; nothing is left of +x -x if x was not set
 *   flags + copy + flags   two: the copy has the flags that were shown when it was made
 *   move + move            one move to the last target; back to where the server has it: none
 *   append + move          the append goes to the other mailbox
 *   append + flags         the append carries the flags
 *   append + remove        the append goes to the Trash, or is taken back where there is none (@trash_id 0)
 *   copy + move, remove    as with append
 *   copy + flags           the flags go behind
 *   move or flags + remove the removal takes the move's place; the flags go before
 *   into the Trash + remove both: others may look for it in the Trash until it is time to expunge it
 *   create + rename        the create has the other name
 *   create + delete        none, if nothing was put into it
 *   rename + rename        one to the last path, if no other operation on a folder came between; back again: none
 *   delete + create        none, if the deletion has not begun
 *   delete + another is    the deleted one is renamed to a private name first, if its deletion has not begun
 *     renamed to its path
 *
 * An operation that was sent is never altered: the next one waits behind it.  One that was refused gives way to a later
 * change of the same kind; an append that was refused is tried again where the message is moved.
 *
 * CORE_ERROR_NOT_FOUND: there is no such message or mailbox (any more, or people do not see it), CORE_ERROR_REFUSED: it
 * cannot be (as each says); nothing was changed, the transaction can go on.
 */
#pragma once

#include "store/messages.h"

/* Adds and removes flags, both in the form of store_flags_normalise(); what is set already, or not set, is left out.
 * Nothing is queued if nothing differs.  CORE_ERROR_REFUSED: a file (files.h), here and in store_change_copy(). */
bool store_change_flags(StoreTxn *txn, int64_t message_id, const char *add, const char *remove, GError **error);

/* To another mailbox of its account (CORE_ERROR_REFUSED: another account, or only a directory), or to another name in its
 * own.  @name: what it is called there (must not be taken, store_name_taken()); NULL: its name, or a form of it that is
 * free there.  @is_users: the user chose the name. */
bool store_change_move(StoreTxn *txn, int64_t message_id, int64_t mailbox_id, const char *name, bool is_users,
                       GError **error);

/* A second message with the same bytes, flags and date, also in another account (CORE_ERROR_REFUSED: its body is not here).
 * What the server has not got yet is appended twice rather than copied.  *id_r is its row; it begins as the id that the row
 * is to have (store_file_reserve()), or as 0.  If there is such a row, the copy was made before, and nothing is done. */
bool store_change_copy(StoreTxn *txn, int64_t message_id, int64_t mailbox_id, const char *name, bool is_users,
                       int64_t *id_r, GError **error);

/* How messages are removed in an account. */
typedef struct {
	int64_t trash_id; /* the mailbox they go to; 0: none, they are expunged */
	int64_t undo_s;   /* an expunge is sent no sooner than this after it was asked for, however long the message has been
	                     in the Trash: whoever removes a whole tree has that long to take it back */
	int64_t heir_id;  /* the message that takes its place: nothing is sent before the server has that one; 0: none */
} StoreRemoval;

#define STORE_HOLD_ALWAYS 1000 /* more irreversible removals of an account than this within STORE_HOLD_WINDOW_S are held */
#define STORE_HOLD_HALF 50     /* as are more than this, if they are more than half of a mailbox */
#define STORE_HOLD_WINDOW_S 60

/* Into the Trash, which is a move that waits for uploads of the same content; or, for what is there already or with
 * trash_id 0, away for good: not shown from now on, expunged later, or held when they are too many (then all of them
 * of that minute that were not sent yet are).  A message that is only here and that the server refuses, or for which
 * there is no Trash, goes at once, and a file (files.h) always does. */
bool store_change_remove(StoreTxn *txn, int64_t message_id, const StoreRemoval *how, GError **error);

/* A new message, which is to be uploaded no sooner than @not_before_s.  @body was written and synced by a writer.
 * @name must not be taken.  @flags: in the form of store_flags_normalise(). */
typedef struct {
	int64_t mailbox_id;
	const StoreBody *body;
	const char *name;
	bool name_is_users;
	const char *flags;
	int64_t internaldate_s;
	int64_t not_before_s;
	const uint8_t *header_sha256;
} StoreAppend;
bool store_change_append(StoreTxn *txn, const StoreAppend *append, int64_t *id_r, GError **error);

/* A new mailbox at @components, with the directories above it, which the server makes by itself.  CORE_ERROR_REFUSED:
 * it is there already. */
bool store_change_create(StoreTxn *txn, int64_t account_id, char *const *components, uint32_t special_use, int64_t *id_r,
                         GError **error);

/* To another path, with all that is below it.  CORE_ERROR_REFUSED: INBOX, into itself, or something is at that path. */
bool store_change_rename(StoreTxn *txn, int64_t mailbox_id, const char *path, GError **error);

/* CORE_ERROR_REFUSED: INBOX, a special mailbox, or it is not empty here (messages or files shown in it, or mailboxes
 * below).  It is not shown any more, and what is in its tmp/ (STORE_MESSAGE_TMP) goes. */
bool store_change_delete(StoreTxn *txn, int64_t mailbox_id, GError **error);

/* The account's mailbox of that special use (STORE_MAILBOX_TRASH, …), also one that is yet to be created; *id_r 0: none. */
bool store_mailbox_special(StoreTxn *txn, int64_t account_id, uint32_t special_use, int64_t *id_r, GError **error);
