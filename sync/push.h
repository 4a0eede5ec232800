/* What users did, brought to the server: operations of the store (store/operations.h) as commands.
 *
 * docs/architecture.md says what each file of it does; docs/sync.md tells the rules with the stories of crashes:
 *
 *   - "sent" is committed before the first byte of a command that cannot simply be repeated goes out, with UIDVALIDITY
 *     and UIDNEXT of its target, asked for right before; and before every other too, since what was sent is not altered.
 *   - A command names messages by UID in a mailbox that this connection has SELECTed with the UIDVALIDITY that the rows
 *     have; commands that change something are never pipelined behind a SELECT.
 *   - What is refused for good is failed with the server's words and blocks nothing else; where a set is refused, its
 *     members are tried one by one (halves), so that one bad message does not spoil the others.  "Busy" answers end the
 *     push (CORE_ERROR_BUSY): all stays queued.
 *   - What the connection has ended at more than once comes last, in ever smaller batches, and is held at last
 *     (SYNC_OPERATION_LOSSES): so one at which a server or something on the way breaks does not keep the others from
 *     being done.  Folder operations, too (sync_folder_lost()).  What a server puts off comes last, too, and is not held.
 *   - Everything is pipelined and in sets: a thousand of a kind cost a few flights.
 *
 * All on the account's thread, which alone writes what the server tells, so what a push learns and what a pull learns
 * never race.
 */
#pragma once

#include "imap/uidset.h"
#include "store/operations.h"
#include "sync/run.h"

/* One operation, as far as the commands need it.  Strings are the batch's. */
typedef struct {
	int64_t id;             /* of the operation */
	int64_t message_id;     /* its row */
	uint32_t uid;           /* in the batch's mailbox; 0 for APPEND */
	uint32_t target_uid;    /* StoreOperation.target_uid */
	unsigned losses, undone; /* StoreOperation's, so far */
	int64_t internaldate_s; /* from here on of the message (of COPY: the source) */
	uint64_t size_bytes;    /* of its body if that is here, else RFC822.SIZE */
	int64_t body_id;        /* 0: not here */
	const char *emailid;    /* NULL */
	const uint8_t *header_sha256; /* NULL: unknown */
	const char *add_flags;  /* APPEND: its flags */
	uint32_t target_uidvalidity, target_uidnext; /* of one that was sent */
} SyncItem;

/* Operations that one command, or a few in a row, can do. */
typedef struct {
	StoreOperationKind kind;
	StoreOperationState state; /* SENT: it is not sent once more, but settled */
	unsigned lateness;      /* it comes behind those with less; 0: it was not sent in vain more than once (batch.c) */
	bool was_sent;          /* before: REMOVE, and MOVE whose copy is there, were held then and confirmed */
	StoreMailbox mailbox;   /* where the messages are; zero for APPEND */
	StoreMailbox target;    /* zero where there is none */
	char *path, *target_path; /* for messages */
	char *add_flags, *remove_flags; /* FLAGS: one delta for all */
	bool is_removal;        /* MOVE: a user removed them */
	GArray *items;          /* of SyncItem, ascending by uid, each once; for APPEND in the order of operations */
	GStringChunk *strings;
} SyncBatch;

/* push.c.  With worker->list_again set afterwards it has stopped before its end: first LIST has to tell where the mailboxes
 * are.  Settles what was sent, then does what can be done now; with @barrier also what only waits to become quiet (but
 * irreversible removals wait for their time).  Ids (int64_t, owned) of mailboxes in which the server changed something
 * for us are added to @touched (NULL: nobody wants to know).  False: the session broke, or is to be left alone (BUSY), or the
 * store failed; what was done stays done. */
bool sync_push(SyncWorker *worker, bool barrier, GHashTable *touched, GError **error);

/* Throws CORE_ERROR_REFUSED: a mailbox is not the one that is stored.  That is no trouble: it is pulled, then pushed again. */
bool sync_push_outdated(SyncWorker *worker, const char *path, GError **error);

/* push-send.c, these three.
 *
 * SELECTs @mailbox read-write, or goes on with it if it is selected so.  CORE_ERROR_REFUSED (mailbox scope): the server
 * will not, or its UIDVALIDITY is not the stored one: nothing of it may be touched before it was pulled. */
bool sync_push_select(SyncWorker *worker, const StoreMailbox *mailbox, const char *path, GError **error);

/* UIDVALIDITY and UIDNEXT of @mailbox by STATUS; a server that does not tell them in STATUS of the selected mailbox is
 * asked all the same (RFC 9051 6.3.11 allows it).  0: not told. */
bool sync_push_status(SyncWorker *worker, const StoreMailbox *mailbox, uint32_t *uidvalidity_r, uint32_t *uidnext_r,
                      GError **error);

/* To be called right before the first command: commits that the operations of @batch are sent, with what STATUS told of
 * the target, which becomes the items' too.  What was taken back or altered since it was listed goes out of
 * batch->items (none may be left).  Does nothing if batch->state is SENT.  CORE_ERROR_REFUSED: the target's UIDVALIDITY
 * is not the stored one; nothing was committed. */
bool sync_push_send(SyncWorker *worker, const SyncBatch *batch, uint32_t uidvalidity, uint32_t uidnext, GError **error);

#define SYNC_OPERATION_LOSSES 5 /* what the connection has ended at so many times is held */
extern const char sync_push_lost[]; /* why it is to be sent again until then, for the store */
char *sync_push_why_held(unsigned losses); /* and then; g_free() */

/* What became of an operation. */
typedef enum {
	SYNC_END_LEFT,   /* it cannot be told: it stays as it is, so that one that was sent is settled by the next push */
	SYNC_END_FLAGS,  /* done: .words are the flags that the server told (NULL: none), .modseq theirs */
	SYNC_END_UID,    /* done: .uid in the target */
	SYNC_END_COPIED, /* a MOVE's copy is there as .uid */
	SYNC_END_GONE,   /* done: the message is no more */
	SYNC_END_AGAIN,  /* the server answered, and has not done it; .words may say why */
	SYNC_END_LOST,   /* the connection ended, and it was not done: again, or held (SYNC_OPERATION_LOSSES) */
	SYNC_END_UNTRIED, /* again, as if it had not been sent */
	SYNC_END_HOLD,   /* .words say why */
	SYNC_END_UNCOPIED, /* a MOVE's copy has gone: HOLD, and it is to be made again */
	SYNC_END_FAIL,   /* in the server's .words */
} SyncEndKind;
typedef struct {
	SyncEndKind kind;
	uint32_t uid;
	uint64_t modseq;
	int64_t not_before_s; /* of AGAIN; 0: at once */
	char *words;
} SyncEnd;

/* push-end.c, up to sync_push_warn().  One for each of batch->items, all LEFT: g_array_unref(). */
GArray *sync_ends_new(const SyncBatch *batch);
SyncEnd *sync_ends_at(GArray *ends, guint index);
void sync_end_set(SyncEnd *end, SyncEndKind kind, uint32_t uid, const char *words); /* copies @words */
/* Of what turns out not to be done: LOST in a batch that was SENT, else UNTRIED. */
SyncEndKind sync_end_not_done(const SyncBatch *batch);
/* Commits them, with the names of messages that got a new UID.  What ended otherwise meanwhile is left alone. */
bool sync_push_end(SyncWorker *worker, const SyncBatch *batch, GArray *ends, GError **error);

/* A line in the log.  It is no warning of what could not be brought here (sync_warn()): the store has what became of it. */
void sync_push_warn(const SyncRun *run, StoreOperationKind kind, const char *path, uint32_t uid, const char *words);

/* Each does its batch: sends, waits, commits what came of each item.  False as sync_push(). */
bool sync_push_flags(SyncWorker *worker, const SyncBatch *batch, GError **error);
bool sync_push_move(SyncWorker *worker, const SyncBatch *batch, GError **error); /* MOVE and COPY */
bool sync_push_finish(SyncWorker *worker, const SyncBatch *batch, GError **error); /* MOVEs whose copies are there */
bool sync_push_remove(SyncWorker *worker, const SyncBatch *batch, GError **error);
bool sync_push_append(SyncWorker *worker, const SyncBatch *batch, GError **error);
bool sync_push_folder(SyncWorker *worker, const StoreOperation *operation, GError **error);

/* push-remove.c.  Removes the batch's messages, which were sent, from the mailbox that is selected for writing, and commits
 * what came of each: those that are gone end as @gone. */
bool sync_push_take_away(SyncWorker *worker, const SyncBatch *batch, SyncEndKind gone, GError **error);
/* What became of removals (REMOVE, and MOVE whose copies are there) that were sent when a connection ended. */
bool sync_push_removal_outcome(SyncWorker *worker, const SyncBatch *batch, GError **error);

/* outcome.c.  Operations of kind APPEND, MOVE or COPY that were sent, of one target (and one source): finds out what
 * became of each and settles it: done with its UID, again, or held where that cannot be told. */
bool sync_outcome(SyncWorker *worker, const SyncBatch *batch, GError **error);
