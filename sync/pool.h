/* The jobs of a run and the workers that take them: pool.c keeps the queue and the threads (leader.c those of an
 * account that is followed), work.c does a job and sorts
 * out what becomes of one that failed.
 *
 * A connection that breaks costs the job nothing but time.  What came is kept; the message at which it broke is cut out
 * and asked for again by itself, when all else is here; if the connection breaks at it again, it is left out with a
 * warning.  Another worker's connection is not replaced; the account's own is, at most SYNC_LOSSES_MAX times in a row
 * without a body in between.
 */
#pragma once

#include "sync/run.h"

#define SYNC_LOSSES_MAX 3 /* of the account's own connection, while bodies are fetched (not SYNC_OPERATION_LOSSES) */

SyncPool *sync_pool_new(SyncRun *run);
void sync_pool_free(SyncPool *pool); /* after sync_pool_finish(); in the background waits for its threads */

/* Any thread.  Takes @job; starts workers as the work grows.  Whoever takes a job with a rest plans that first. */
void sync_pool_add(SyncPool *pool, SyncJob *job);
/* Any thread.  The message was in a job that was added since the pool began or was settled: it is here, or comes, or was left
 * out and is not tried again now. */
bool sync_pool_has_planned(SyncPool *pool, int64_t mailbox_id, uint32_t uidvalidity, uint32_t uid);
/* Any thread.  Of the mailbox with that UIDVALIDITY the messages with UIDs below this are to be planned yet; 0: none are. */
uint32_t sync_pool_plans_below(SyncPool *pool, int64_t mailbox_id, uint32_t uidvalidity);

/* The account's thread, between mailboxes: does jobs on @worker as long as no other worker runs or many jobs wait (in the
 * background: those that are urgent).  May open @worker's session anew.  False: the run cannot go on, because of this or
 * because another worker's error (a copy). */
bool sync_pool_help(SyncPool *pool, SyncWorker *worker, GError **error);

/* The account's thread, when no job comes any more: works along on @worker (NULL: its connection is of no use) until
 * none is left, and ends the other workers.  False, with the first error that left work undone. */
bool sync_pool_finish(SyncPool *pool, SyncWorker *worker, GError **error);

/* For an account that is followed: a pool whose jobs are done at once, by threads of its own.  @wake_fd (an eventfd) is
 * written when they have ended, and when an urgent job was added.  sync_pool_finish() is not for it. */
SyncPool *sync_pool_new_background(SyncRun *run, int wake_fd);

/* Any thread: no job is left, or nobody can go on. */
bool sync_pool_is_idle(SyncPool *pool);

/* Any thread; in the background only.  Takes @job, which is done before all others: by a worker that looks for one, by the
 * account's thread, which is woken, or if that is at something else by a leader.  Urgent jobs outlive sync_pool_settle(). */
void sync_pool_add_urgent(SyncPool *pool, SyncJob *job);
/* The account's thread.  The next of them, which nobody has begun with; NULL: none. */
SyncJob *sync_pool_take_urgent(SyncPool *pool);
bool sync_pool_has_urgent(SyncPool *pool);
/* The account's thread: it is about to wait, or has waited. */
void sync_pool_owner_waits(SyncPool *pool, bool waits);

/* The account's thread: when (core_clock_ms()) it is to do a job between all else, with sync_pool_help_out(), which may open
 * @worker's session anew: at once (0) if one is urgent, or the server grants no second connection; later if the second
 * connection takes long to come about; INT64_MAX: never. */
int64_t sync_pool_wants_help_ms(SyncPool *pool);
bool sync_pool_help_out(SyncPool *pool, SyncWorker *worker, GError **error);

/* The account's thread, when the pool is idle: begins again with nothing.  False: with what could not be done; its jobs are
 * dropped, and planned again when their mailboxes are. */
bool sync_pool_settle(SyncPool *pool, GError **error);

/* Any thread.  A job of the mailbox did not end well: what it wanted may not have been tried. */
void sync_pool_note_incomplete(SyncPool *pool, int64_t mailbox_id);
/* After sync_pool_finish(), or when the pool is idle: all that was wanted of it was tried. */
bool sync_pool_is_complete(SyncPool *pool, int64_t mailbox_id);

/* Any thread.  For a job that was taken and not done.  @first: as the next; else when all other jobs are done, and if
 * it is .alone after those that are not. */
void sync_pool_give_back(SyncPool *pool, SyncJob *job, bool first);

/* work.c.  Does @job, and takes it.  False: @worker cannot do the next: its connection broke, the server is busy, or
 * (CORE_SCOPE_PROGRAM) nobody can. */
bool sync_work(SyncWorker *worker, SyncJob *job, GError **error);
/* The same on the account's own connection, which is opened anew when it broke. */
bool sync_work_on(SyncWorker *worker, SyncJob *job, GError **error);
