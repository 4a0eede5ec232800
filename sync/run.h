/* One synchronisation of one account: what its parts share.
 *
 *   account.c   connects, has the folders listed, pulls them one after the other on its own connection
 *   listing.c   LIST: every mailbox and every path once
 *   list.c      what LIST told -> mailboxes in the store
 *   pull.c      one mailbox: what is new, changed, gone -> rows
 *   plan.c      jobs for the bodies that are missing
 *   pool.c      the jobs, and the workers (a thread and a connection each) that take them
 *   worker.c    one worker's connection
 *   fetch.c     one job: finds bodies that are here already (match.c), fetches the others, commits them in batches
 *   derive.c    names and texts of what arrived
 *
 * Threads: the account's thread is worker 0; the others are started by the pool when there is enough to fetch.  A
 * SyncWorker belongs to its thread.  The SyncRun is shared; its fields are constant but for the pool, which has a lock.
 */
#pragma once

#include "imap/session.h"
#include "store/mailboxes.h"
#include "store/messages.h"
#include "store/segments.h"
#include "store/store.h"
#include "sync/engine.h"
#include "sync/progress.h"

typedef struct SyncPool SyncPool;

typedef struct {
	Store *store;
	const SyncAccount *account;
	int64_t account_id;
	CoreCancel *cancel;
	SyncProgress *progress;
	SyncPool *pool;
} SyncRun;

typedef struct {
	SyncRun *run;
	ImapSession *session;
	uint32_t uidvalidity; /* of the mailbox that is selected */
	bool asked_to_compress;
	StoreWriter *writer;  /* made when the first body comes */
	/* Where message data goes just now; NULL: it is dropped.  The session's own sink forwards to it. */
	const ImapSink *sink;
	void *sink_data;
} SyncWorker;

/* A message whose body is not here. */
typedef struct {
	int64_t id; /* of its row */
	uint32_t uid;
	int64_t internaldate_s;
	uint64_t size_bytes; /* RFC822.SIZE: a hint */
	uint64_t gm_msgid;   /* X-GM-MSGID; 0 */
	const char *emailid; /* OBJECTID; NULL; in SyncJob.strings */
} SyncWanted;

/* Bodies to fetch from one mailbox: a piece of work for one connection. */
typedef struct {
	int64_t mailbox_id;
	char *server_name;
	char *path; /* as people see it: for messages */
	uint32_t uidvalidity;
	GArray *wanted; /* of SyncWanted, by ascending UID */
	GStringChunk *strings;
	uint64_t bytes;
} SyncJob;

#define SYNC_JOB_BYTES (8ull * 1024 * 1024) /* a job is cut off when it wants more */
#define SYNC_JOB_MESSAGES 1000
#define SYNC_SET_BYTES 900 /* of a UID set in a command: Yahoo refuses commands over 1,000 bytes */

void sync_job_free(SyncJob *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SyncJob, sync_job_free)

/* worker.c.  Opens @worker's session; on failure there is none. */
bool sync_worker_open(SyncWorker *worker, GError **error);
void sync_worker_close(SyncWorker *worker);

/* EXAMINEs; see imap_session_select(). */
bool sync_worker_select(SyncWorker *worker, const char *server_name, const ImapQresync *since, ImapSelected *selected_r,
                        GError **error);

/* One line in the log, and in the count of the run's warnings: something could not be brought here, the rest goes on. */
void sync_warn(const SyncRun *run, const char *path, uint32_t uid, const char *format, ...) G_GNUC_PRINTF(4, 5);

/* account.c.  A whole run, on the calling thread. */
bool sync_account_run(SyncRun *run, GError **error);

/* list.c.  Brings the mailboxes in the store to what LIST tells.  Ids of the mailboxes that are wanted and hold
 * messages are appended to @mailboxes (of int64_t), INBOX first. */
bool sync_list(SyncWorker *worker, GArray *mailboxes, GError **error);

/* pull.c.  Selects the mailbox and brings its rows to what the server has; adds the jobs for missing bodies to the pool.
 * CORE_ERROR_REFUSED and other errors of mailbox scope leave the session usable. */
bool sync_pull(SyncWorker *worker, const StoreMailbox *mailbox, const char *path, GError **error);

/* plan.c.  Adds the jobs for the bodies that are missing in the mailbox to the pool. */
bool sync_plan(SyncRun *run, const StoreMailbox *mailbox, const char *path, uint32_t uidvalidity, GError **error);

/* pool.c */
SyncPool *sync_pool_new(SyncRun *run);
void sync_pool_free(SyncPool *pool); /* after sync_pool_finish() */
void sync_pool_add(SyncPool *pool, SyncJob *job); /* takes @job; starts workers as the work grows */
/* No job comes any more: works along on @worker (NULL: its connection is gone) until none is left, and ends the other
 * workers.  The first error of any worker that left work undone. */
bool sync_pool_finish(SyncPool *pool, SyncWorker *worker, GError **error);

/* fetch.c.  True when the job is done, although single messages may have been left out with a warning. */
bool sync_fetch(SyncWorker *worker, const SyncJob *job, GError **error);

/* match.c.  Gives bodies that are here already to the messages of @job that have the same, and their old rows to
 * messages that a new UIDVALIDITY made look new.  @done: a flag for each of job->wanted, set for what was settled. */
bool sync_match(SyncWorker *worker, const SyncJob *job, bool *done, GError **error);
/* What still waits to be matched in a mailbox of which all bodies are here is gone on the server, and goes. */
bool sync_match_finish(SyncRun *run, int64_t mailbox_id, GError **error);
