/* What engine.c (who asks and who waits), urgent.c (for one body) and thread.c (who does it) share. */
#pragma once

#include "sync/engine.h"
#include "sync/demand.h"
#include "sync/run.h"

#include <pthread.h>

typedef struct {
	SyncEngine *engine;
	const SyncAccount *account;
	SyncProgress *progress;
	pthread_t thread;
	int wake_fd; /* an eventfd: the thread is to look at what is below, or the pool of its account is idle */
	/* Protected by the engine's lock: */
	uint64_t wanted, ended; /* tickets */
	bool poked;             /* something was queued for the server */
	SyncPool *pool;         /* of the account that is followed; NULL: not yet */
	GQueue early;           /* of SyncJob: urgent ones, while there is no pool */
	bool offline;           /* the connection was lost and has not come back */
	GError *error;          /* of the last run that was asked for and has ended; NULL: it went well */
	bool has_unsent;        /* something was left then that could be sent later: perhaps it waits for another account */
} SyncSlot;

struct SyncEngine {
	Store *store;
	CoreCancel *cancel;
	pthread_mutex_t lock; /* before those of pools and of demand; else a leaf */
	pthread_cond_t changed; /* a run has ended, or all is to end */
	uint64_t tickets;     /* protected by lock, as are the next two */
	bool stopping;
	bool following;       /* connections stay, and what happens is followed */
	SyncDemand *demand;   /* constant */
	pthread_mutex_t derive_lock; /* before lock; held while missing texts are made: who needs them waits */
	bool derived;         /* they were; protected by derive_lock */
	size_t count;
	SyncSlot *slots;
};

/* Wakes the slot's thread. */
void sync_slot_wake(SyncSlot *slot);

/* urgent.c.  The account's thread: its connection is lost, and who waits for a body is told so (@failure), or it is back
 * (NULL). */
void sync_slot_lose(SyncSlot *slot, const GError *failure);
/* From now on urgent jobs go there (NULL: it is about to end). */
void sync_slot_set_pool(SyncSlot *slot, SyncPool *pool);

/* The thread of an account: @data is its SyncSlot. */
void *sync_thread_main(void *data);
