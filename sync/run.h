/* One synchronisation of one account: what its parts share.  docs/architecture.md says what each file of the engine does.
 *
 * Threads: the account's thread is worker 0; the others are started by the pool when there is enough to fetch.  A
 * SyncWorker belongs to its thread.  The SyncRun is shared; its fields are constant but for the pool, which has a lock.
 */
#pragma once

#include "imap/session.h"
#include "imap/uidset.h"
#include "store/mailboxes.h"
#include "store/messages.h"
#include "store/segments.h"
#include "store/store.h"
#include "sync/engine.h"
#include "sync/progress.h"
#include "sync/quiet.h"
#include "sync/recall.h"
#include "sync/rest.h"

typedef struct SyncPool SyncPool;
typedef struct SyncDemand SyncDemand;

typedef struct {
	Store *store;
	const SyncAccount *account;
	int64_t account_id;
	CoreCancel *cancel;
	SyncProgress *progress;
	SyncRecall *recall; /* of the server */
	SyncPool *pool;
	SyncDemand *demand;
} SyncRun;

typedef struct {
	SyncRun *run;
	ImapSession *session;
	uint32_t uidvalidity; /* of the mailbox that is selected, as is the next */
	uint32_t uidnext;     /* when it was selected: of what came later this connection may not know yet; 0: not told */
	bool waits_soon;      /* the account's thread: it waits for the next job behind this one */
	bool writable;        /* it was SELECTed so */
	bool is_outdated;     /* the last push found a mailbox whose UIDVALIDITY is not the stored one */
	bool is_read_only;    /* sync_push_select() could not, because the server opens it only for reading */
	bool new_keywords;    /* if writable: the server keeps keywords that it does not have yet */
	bool never_closes;    /* the server does not tell where what it says begins to be of another mailbox */
	bool never_moves;     /* the server did not understand UID MOVE although it says that it can */
	bool list_again;      /* a change of a folder ended otherwise than as asked for: LIST may tell more now */
	bool list_after;      /* folders were renamed with whatever is below them: LIST tells what that is */
	GHashTable *unopened; /* ids (int64_t, owned) of mailboxes that LIST named and could not be opened; NULL: not kept */
	bool is_old;          /* what LIST tells on this connection may be outdated */
	unsigned doubts;      /* mailboxes that it named, while is_old, and that could not be opened for the first time */
	GHashTable *put_off;  /* ids (int64_t, owned) of operations that this pass put off, for a barrier too; NULL: none */
	SyncQuiet quiet;      /* when absence of what was sent on an earlier connection is believed */
	GHashTable *awaited;  /* ids (int64_t, owned) of operations that the server may still be doing; NULL: none */
	bool asked_to_compress;
	bool used;            /* a mailbox was selected on this connection */
	unsigned sessions;    /* that were opened so far */
	unsigned losses;      /* connections in a row that ended before a body came; counted on the account's thread */
	bool tries_suspects;  /* nothing is left but messages at which connections ended */
	StoreWriter *writer;  /* made when the first body comes */
	/* Where message data goes just now; NULL: it is dropped.  The session's own sink forwards to it. */
	const ImapSink *sink;
	void *sink_data;
} SyncWorker;

/* A message whose body, or header, is not here. */
typedef struct {
	int64_t id; /* of its row */
	uint32_t uid;
	int64_t internaldate_s;
	uint64_t size_bytes; /* RFC822.SIZE: a hint */
	uint64_t gm_msgid;   /* X-GM-MSGID; 0 */
	const char *emailid; /* OBJECTID; NULL; in SyncJob.strings */
} SyncWanted;

/* Bodies (or headers) to fetch from one mailbox: a piece of work for one connection. */
typedef struct {
	int64_t mailbox_id;
	char *server_name;
	char *path; /* as people see it: for messages */
	uint32_t uidvalidity;
	GArray *wanted; /* of SyncWanted, by ascending UID */
	GStringChunk *strings;
	uint64_t bytes;
	SyncRest *rest;        /* planned when somebody takes this job; NULL: none */
	bool headers;          /* only their headers are wanted */
	bool urgent;           /* one body, for which somebody waits (SyncRun.demand) */
	bool tried;            /* of an urgent one: a connection ended in it */
	bool matched;          /* sync_match() was done */
	unsigned matches_lost; /* times that a connection ended in it */
	bool alone;            /* one message, at which a connection ended: it comes last, on a fresh connection */
	uint32_t suspect;      /* after sync_fetch(): the UID at which the connection ended; 0: none, or it cannot be told */
} SyncJob;

#define SYNC_JOB_BYTES (8ull * 1024 * 1024) /* a job is cut off when it wants more */
#define SYNC_JOB_MESSAGES 1000
#define SYNC_SET_BYTES 900 /* of a UID set in a command: Yahoo refuses commands over 1,000 bytes */

/* plan.c */
SyncJob *sync_job_new(int64_t mailbox_id, const char *server_name, const char *path, uint32_t uidvalidity);
void sync_job_want(SyncJob *job, const SyncWanted *wanted); /* copies; in the order of UIDs */
/* The message of that UID, and its index in job->wanted; NULL: the job does not want it. */
const SyncWanted *sync_job_find(const SyncJob *job, uint32_t uid, guint *index_r);
uint64_t sync_job_bytes(const SyncJob *job, const SyncWanted *wanted); /* its size, as far as it can be believed */
void sync_job_free(SyncJob *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SyncJob, sync_job_free)

/* worker.c.  Opens @worker's session; on failure there is none.  @behind_login queues what is asked first of all,
 * with the login if that is possible (ImapEager).  *together_r: it was tried so; NULL: nobody finds out, so that is done
 * only with a server that has never forgotten anything (sync_recall_capabilities()).  *forgotten_r: and the server forgot
 * it. */
bool sync_worker_open(SyncWorker *worker, GError **error);
bool sync_worker_open_asking(SyncWorker *worker, void (*behind_login)(ImapSession *session, void *data), void *data,
                             bool *together_r, bool *forgotten_r, GError **error);
void sync_worker_close(SyncWorker *worker);

/* EXAMINEs; see imap_session_select(). */
bool sync_worker_examine(SyncWorker *worker, const char *server_name, const ImapQresync *since, ImapSelected *selected_r,
                         GError **error);

/* One line in the log, and in the count of the run's warnings: a mailbox or message could not be brought here.  The rest
 * goes on, but the run does not end well (sync_engine_wait()). */
void sync_warn(const SyncRun *run, const char *path, uint32_t uid, const char *format, ...) G_GNUC_PRINTF(4, 5);

/* account.c.  A whole run, on the calling thread. */
bool sync_account_run(SyncRun *run, GError **error);

/* urgent.c.  Does @job, and takes it; false: the connection broke. */
bool sync_urgent_work(SyncWorker *worker, SyncJob *job, GError **error);

/* A mailbox that the server told of. */
typedef struct {
	int64_t id;
	ImapMailboxStatus status; /* as far as it was told (.fields); no strings */
} SyncMailbox;

/* list.c.  Brings the mailboxes in the store to what LIST tells; @listing is zero, or was sent (sync_listing_send()).  The
 * mailboxes that are wanted and hold messages are appended to @mailboxes (of SyncMailbox), INBOX first. */
typedef struct SyncListing SyncListing;
bool sync_list(SyncWorker *worker, SyncListing *listing, GArray *mailboxes, GError **error);

/* pull.c.  Selects the mailbox and brings its rows to what the server has; adds the jobs for missing bodies to the pool.
 * CORE_ERROR_REFUSED and other errors of mailbox scope leave the session usable. */
bool sync_pull(SyncWorker *worker, const StoreMailbox *mailbox, const char *path, GError **error);

/* plan.c.  Adds the jobs for what is missing in the mailbox to the pool: bodies, or headers of messages whose bodies are not
 * to be kept here. */
bool sync_plan(SyncRun *run, const StoreMailbox *mailbox, const char *path, uint32_t uidvalidity, GError **error);
bool sync_plan_rest(SyncRun *run, const SyncRest *rest, GError **error); /* any thread */

/* fetch.c.  True when the job is done, although single messages may have been left out with a warning.  False: @job
 * holds what is still to be done. */
bool sync_fetch(SyncWorker *worker, SyncJob *job, GError **error);

/* search.c.  Those of @uids that the selected mailbox has, by UID SEARCH.  *sure_r false: the server did not tell, and
 * what is not in *shown_r may be there all the same.  False only when the connection broke. */
bool sync_search(SyncWorker *worker, const ImapUidSet *uids, ImapUidSet *shown_r, bool *sure_r, GError **error);
/* All that are marked with \Deleted in it. */
bool sync_search_deleted(SyncWorker *worker, ImapUidSet *shown_r, bool *sure_r, GError **error);

/* missing.c.  What of @job is not @done was asked for and not given: what the server no longer shows is removed here (and
 * done), the rest is warned of. */
bool sync_missing(SyncWorker *worker, const SyncJob *job, bool *done, GError **error);

/* match.c.  Gives bodies that are here already to the messages of @job that have the same, and their old rows to
 * messages that a new UIDVALIDITY made look new.  @done: a flag for each of job->wanted, set for what was settled. */
bool sync_match(SyncWorker *worker, const SyncJob *job, bool *done, GError **error);
/* In the transaction that is to keep the body of @wanted, which has that hash (NULL: only the header is kept): *id_r is the
 * row that gets it.  An old row of the mailbox that waits to be matched and has the same body, or the same header, size
 * and date, becomes the message, so that its inode stays; else it is wanted->id, or, if a user has saved over that
 * meanwhile, the row that has the UID now.  sync_derive_name() and
 * store_message_set_body() or _set_header() with *id_r come next.  CORE_ERROR_NOT_FOUND: the message
 * has gone meanwhile; nothing was changed, and the transaction can go on. */
bool sync_match_arrived(const SyncRun *run, StoreTxn *txn, const SyncJob *job, const SyncWanted *wanted,
                        const uint8_t *sha256, const uint8_t header_sha256[32], int64_t *id_r, GError **error);
/* What still waits to be matched in the mailbox is gone on the server, and goes: to be called only when the mailbox was
 * pulled and all its jobs were done in this run. */
bool sync_match_finish(SyncRun *run, int64_t mailbox_id, GError **error);
