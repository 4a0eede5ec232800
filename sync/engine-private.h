/* What engine.c (who asks and who waits) and thread.c (who does it) share. */
#pragma once

#include "sync/engine.h"
#include "sync/progress.h"

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
	GError *error;          /* of the last run that was asked for and has ended; NULL: it went well */
} SyncSlot;

struct SyncEngine {
	Store *store;
	CoreCancel *cancel;
	pthread_mutex_t lock; /* a leaf */
	pthread_cond_t changed; /* a run has ended, or all is to end */
	uint64_t tickets;     /* protected by lock, as are the next two */
	bool stopping;
	bool following;       /* connections stay, and what happens is followed */
	pthread_mutex_t derive_lock; /* before lock; held while missing texts are made: who needs them waits */
	bool derived;         /* they were; protected by derive_lock */
	size_t count;
	SyncSlot *slots;
};

/* Wakes the slot's thread. */
void sync_slot_wake(SyncSlot *slot);

/* The thread of an account: @data is its SyncSlot. */
void *sync_thread_main(void *data);
