/* Operations: what users did and the server has not acknowledged yet, with what became of the others.
 *
 *   queued ──> sent ──> done          the server did it; its effect is in the rows, in the same transaction
 *     ^  │      │ └───> failed        the server refuses it for good, in its own words; shown, blocks no other
 *     │  │      └─────> queued        it was not done, or may be done again
 *     │  └────────────> held          irreversible and too many, or the outcome cannot be told: waits for a person
 *     └── confirm, retry ──┘
 *
 * "sent" is written before the first byte of a command goes out, with what is needed to find out what became of it
 * (target_uidvalidity, target_uidnext).  After a crash or a broken connection it is settled before anything else is
 * sent (sync/push.h).
 *
 * Operations of one message are done in the order of their ids.  Done and cancelled ones stay as the log, for
 * STORE_LOG_DAYS.
 */
#pragma once

#include "store/changes.h"

#define STORE_LOG_DAYS 30

typedef enum {
	STORE_OPERATION_FLAGS,  /* add_flags, remove_flags */
	STORE_OPERATION_APPEND, /* the message's body into target_id, with add_flags */
	STORE_OPERATION_MOVE,   /* from where the server has the message to target_id */
	STORE_OPERATION_COPY,   /* from source_id's message to target_id; message_id is the row of the copy */
	STORE_OPERATION_REMOVE, /* expunged where the server has it */
	STORE_OPERATION_CREATE, /* mailbox_id */
	STORE_OPERATION_RENAME, /* mailbox_id, to the path in arguments */
	STORE_OPERATION_DELETE, /* mailbox_id; arguments: the private name it has got for it; NULL: none yet */
} StoreOperationKind;
extern const char *const store_operation_kinds[]; /* "flags", "append", … as in the table */

typedef enum {
	STORE_OPERATION_QUEUED,
	STORE_OPERATION_SENT,
	STORE_OPERATION_HELD,
	STORE_OPERATION_FAILED,
	STORE_OPERATION_DONE,
	STORE_OPERATION_CANCELLED, /* taken back, or without an object: error says why */
} StoreOperationState;
extern const char *const store_operation_states[];

typedef struct {
	int64_t id, account_id;
	StoreOperationKind kind;
	StoreOperationState state;
	int64_t message_id;     /* 0: none */
	int64_t mailbox_id;     /* where it began; for folder operations the mailbox itself */
	int64_t target_id;      /* 0: none */
	int64_t heir_id;        /* of MOVE and REMOVE: the message that takes the place of this one, which is not taken away before
	                           the server has that; 0: none */
	int64_t source_id;      /* of COPY: the message that is copied; 0 when that has gone: then it is appended */
	const char *add_flags, *remove_flags;
	const char *arguments;  /* NULL: none */
	const char *former;     /* to put it back: of MOVE and REMOVE what the message was called where it began; of RENAME the
	                           mailbox's path before; NULL: as now */
	bool former_is_users;   /* the user had chosen that name */
	const char *error;      /* the last refusal, or why it is held; NULL */
	unsigned attempts;      /* how often it was sent */
	unsigned losses, undone; /* how often of these store_operation_lost() and store_operation_undone() were told */
	bool is_removal;        /* a user removed the message: it waits until no upload of the same content is open */
	int64_t created_s, not_before_s;
	uint32_t target_uidvalidity, target_uidnext; /* of the target before it was sent */
	uint32_t target_uid;    /* the copy is there, under this UID: what is left is to remove the source; 0 */
} StoreOperation;           /* the strings live for the callback */

typedef bool (*StoreOperationFn)(const StoreOperation *operation, void *data); /* false: enough */

/* All that are not done or cancelled, in the order of ids; and the log's end, what ended last first (@message_id 0: of
 * all). */
bool store_operation_list(Store *store, int64_t account_id, StoreOperationFn fn, void *data, GError **error);
bool store_operation_log(Store *store, int64_t account_id, int64_t message_id, unsigned limit, StoreOperationFn fn,
                         void *data, GError **error);

typedef struct {
	unsigned pending;   /* queued and sent, but for those that are waiting */
	unsigned waiting;   /* queued, irreversible, not before a time that is yet to come; or the removal of a folder behind such; or
	                       behind an heir that is no message, or that is to stay here */
	unsigned held, failed;
	int64_t next_s;     /* when the next of the queued ones may be sent; 0: none is queued */
} StoreOperationCounts;
bool store_operation_counts(Store *store, int64_t account_id, StoreOperationCounts *counts_r, GError **error);

/* What is still to happen with a message: "pending", "held: WHY", "error: WORDS" (the worst of it); g_free().  NULL with
 * *error unset: nothing. */
char *store_operation_outlook(Store *store, int64_t message_id, GError **error);

/* An operation together with what is needed to do it: of the message where the server has it. */
typedef struct {
	StoreOperation operation;
	StoreMessage message;   /* of message_id; of COPY with a source: of source_id.  Zero: none */
	int64_t body_id;        /* of message_id's row; 0: not here */
} StoreTask;

/* Operations that can be done now, in the order of ids: queued, their time come (@now_s; INT64_MAX for a barrier does not
 * hurry irreversible ones: @irreversible_now_s is theirs), no earlier one open (queued, sent or held) of the same
 * message, a copy from it being one of them; the message known to the server (uid) unless it is to be appended; the
 * mailboxes they need there on the server; the source of a copy without an earlier open operation of its own; a removal
 * (is_removal, REMOVE) only when no append of the same body, nor a copy from this message that was asked for before, is
 * queued, sent, held or failed (a copy asked for later waits for the removal); and none
 * whose heir (heir_id) is only here: an upload or a copy that is not done, a file.  One whose row has gone is no heir.
 *
 * Folder operations are done in their order, too, but CREATEs may go together, and pass RENAMEs of other paths and
 * DELETEs, which may have to wait for long: a DELETE can be done when no open message operation begins or ends in the
 * mailbox and no mailbox below it is still to be deleted.  Nothing waits for one that has not begun: a mailbox that is
 * renamed to its path has put a RENAME to a private name before its own (store_change_rename()).  What is to be created
 * or renamed at the path of one that has begun waits for it. */
typedef bool (*StoreTaskFn)(const StoreTask *task, void *data); /* false: enough */
bool store_task_list(Store *store, int64_t account_id, int64_t now_s, int64_t irreversible_now_s, StoreTaskFn fn,
                     void *data, GError **error);

/* Those that were sent and not settled, with the same. */
bool store_task_list_sent(Store *store, int64_t account_id, StoreTaskFn fn, void *data, GError **error);

/* For all below, CORE_ERROR_NOT_FOUND: there is no such operation, or it is not in a state that allows it; nothing was
 * changed and the transaction can go on. */

/* Before the first byte: state sent, attempts counted.  @uidvalidity, @uidnext: of the target; 0 where there is none.  A
 * copy that is known by its UID is not known any more if it was made under another UIDVALIDITY. */
bool store_operation_send(StoreTxn *txn, int64_t id, uint32_t uidvalidity, uint32_t uidnext, GError **error);
/* DELETE: the private name it is about to get; also of RENAME and CREATE what is needed to settle it. */
bool store_operation_set_arguments(StoreTxn *txn, int64_t id, const char *arguments, GError **error);
/* MOVE in two steps: the copy is there; the removal of the source is left.  @target_uid 0: it is not there any more. */
bool store_operation_copied(StoreTxn *txn, int64_t id, uint32_t target_uid, GError **error);
/* Of one that was sent, and stays so for now: why it will have to be sent once more, which is counted.  The connection ended
 * before the server answered; or the server answered, and has neither done nor refused it. */
bool store_operation_lost(StoreTxn *txn, int64_t id, const char *words, GError **error);
bool store_operation_undone(StoreTxn *txn, int64_t id, const char *words, GError **error);
/* Not done: again, no sooner than @not_before_s.  @error_words NULL: those it has.  NOT_FOUND also for a message in state
 * MOVING, which nothing can be done with again: it is to be done, held or failed. */
bool store_operation_again(StoreTxn *txn, int64_t id, int64_t not_before_s, const char *error_words, GError **error);
bool store_operation_hold(StoreTxn *txn, int64_t id, const char *why, GError **error);
/* Refused for good.  What was not done is shown as it is: flags as the server has them, a move back in its mailbox, a
 * removal visible again; an append or copy stays where it is with its error, and what waits behind it waits; a mailbox
 * that could not be created stays with what is in it, a renamed one goes back if its path is free, a deleted one is shown
 * again.  A message in state MOVING has nowhere to go back to: its row goes, and the operation is cancelled. */
bool store_operation_fail(StoreTxn *txn, int64_t id, const char *words, GError **error);

/* Done, each with its effect on the rows.  A row that a pull has made meanwhile for the same UID goes in favour of the
 * operation's own (whose id people have seen). */

/* @told: all flags as the server told them since the command was sent; NULL: it told none, the delta is applied. */
bool store_operation_done_flags(StoreTxn *txn, int64_t id, const char *told, uint64_t modseq, GError **error);
/* Whose it is by now: one that was saved over has got a row of its own (files.h). */
bool store_operation_message(StoreTxn *txn, int64_t id, int64_t *message_id_r, GError **error);
/* APPEND, MOVE, COPY: now @uid in the target.  @name: the canonical name with that UID (must not be taken); NULL keeps
 * the one it has.  A MOVE whose source was removed by the server before its answer came finds its row again. */
bool store_operation_done_uid(StoreTxn *txn, int64_t id, uint32_t uid, const char *name, GError **error);
/* REMOVE, and MOVE of a message that is neither at its source nor in its target any more: its row goes. */
bool store_operation_done_gone(StoreTxn *txn, int64_t id, GError **error);
/* CREATE and RENAME: the mailbox, and what is below it, is now called @server_name on the server. */
bool store_operation_done_mailbox(StoreTxn *txn, int64_t id, const char *server_name, char separator, GError **error);
/* RENAME of a mailbox that others renamed or removed meanwhile: cancelled.  It is for the next listing to tell what became
 * of the mailbox; until then it stays where people see it. */
bool store_operation_overtaken(StoreTxn *txn, int64_t id, GError **error);
/* DELETE: its row goes; with messages in it that are only here it is to be created again instead. */
bool store_operation_done_deleted(StoreTxn *txn, int64_t id, GError **error);

/* A copy whose source is gone, or in another account: is appended instead (COPY becomes APPEND).  If the body is not here
 * and the source is gone, it is cancelled with its row; CORE_ERROR_NOT_FOUND also if only the body is not here (yet). */
bool store_operation_append_instead(StoreTxn *txn, int64_t id, GError **error);

/* What people say about them.  @account_id 0: all.  *count_r: how many it was about. */
/* Held ones, and irreversible ones that wait for their time, may be sent now. */
bool store_operation_confirm(StoreTxn *txn, int64_t account_id, unsigned *count_r, GError **error);
/* Failed ones are tried again. */
bool store_operation_retry(StoreTxn *txn, int64_t account_id, unsigned *count_r, GError **error);
/* Removals that were not sent, and what is held, are taken back: the messages are shown again where the server has them;
 * of an upload that is held the message stays, in state LOCAL.  @id: only that one, of whatever kind, as long as it was
 * not sent; of an append or copy the message goes with it, and the last that it was to replace is back in its place; 0: as
 * said.  CORE_ERROR_REFUSED: a folder that has something
 * in it by now, or whose former path has. */
bool store_operation_undo(StoreTxn *txn, int64_t account_id, int64_t id, unsigned *count_r, GError **error);

/* Drops what ended more than STORE_LOG_DAYS ago. */
bool store_operation_prune(Store *store, GError **error);
