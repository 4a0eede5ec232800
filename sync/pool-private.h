/* The pool's inside: pool.c, and leader.c for accounts that are followed. */
#pragma once

#include "sync/pool.h"

#include <pthread.h>

#define SYNC_WORKERS_MAX 16

/* UIDs of a mailbox that are, or were, in jobs.  A set for each job: they come with the highest first, and to put lower ones
 * into a large set moves all that it has.  For the same reason what is asked for is mostly below all of them. */
typedef struct {
	uint32_t uidvalidity;
	uint32_t lowest; /* of all */
	GPtrArray *jobs; /* of ImapUidSet */
} SyncPlanned;

struct SyncPool {
	SyncRun *run;
	pthread_mutex_t lock; /* protects all below; only the log and rests are locked inside */
	pthread_cond_t changed;
	GQueue urgent;        /* of SyncJob, as are the next two: before all others */
	GQueue jobs;
	GQueue late;          /* what a broken connection left of some, taken when no other comes; those .alone are its end */
	uint64_t waiting_messages;  /* of jobs */
	uint64_t planned_bytes, planned_messages; /* of all that were added */
	SyncRests *rests;     /* of jobs, and those that are being planned; constant */
	unsigned planning;    /* threads that plan a rest */
	GHashTable *incomplete; /* ids of mailboxes (int64_t) */
	GHashTable *planned;  /* ids of mailboxes -> SyncPlanned: since the pool began, or was settled */
	bool closed;          /* no job comes any more */
	bool shrunk;          /* the server refused or ended a connection: none is started any more */
	GError *error;        /* the first after which nobody can go on */
	pthread_t threads[SYNC_WORKERS_MAX];
	unsigned started, running; /* workers: without the account's thread and the leader */
	bool owner_waits;     /* the account's thread does urgent jobs as soon as it is woken */
	bool background;      /* constant, as is the next */
	int wake_fd;          /* written when the leader has ended, and when an urgent job was added */
	pthread_t leader;
	bool leads, led;      /* the leader runs; or it has to be joined */
	bool alone;           /* the server grants no connection beside the account's own */
	int64_t opening_ms;   /* since when the leader waits for its connection; 0: it does not */
};

/* pool.c */
/* With the lock held: whether anything is left to do besides what is urgent; or at all, that can be done. */
bool sync_pool_has_bulk(const SyncPool *pool);
bool sync_pool_has_work(const SyncPool *pool);
/* With the lock held: whether sync_pool_pop() has a job just now. */
bool sync_pool_has_job(SyncPool *pool);
/* With the lock held: the next job, or NULL.  @selected: preferred.  sync_pool_plan_rest() comes next, without the lock. */
SyncJob *sync_pool_pop(SyncPool *pool, const char *selected);
void sync_pool_plan_rest(SyncPool *pool, SyncJob *job); /* NULL is fine */
/* Does jobs on @worker, as the account's thread would, until none is left. */
void sync_pool_work_along(SyncPool *pool, SyncWorker *worker, GError **error);

/* leader.c.  With the lock held: there is a job. */
void sync_pool_lead(SyncPool *pool);
