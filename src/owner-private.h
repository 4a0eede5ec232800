/* What owner.c (its life, and what this process asks of it) and owner-verbs.c (what others ask through the socket)
 * share.
 */
#pragma once

#include "owner.h"
#include "readers.h"

#include <pthread.h>

struct Owner {
	void (*settle)(void *data); /* constant while the socket is answered, as is the next */
	void *settle_data;
	void (*indexed)(void *data); /* under the lock; NULL: nobody wants to know */
	const Config *config;
	Accounts *accounts;
	Store *store;
	pthread_mutex_t lock; /* the engine ends while FUSE's threads ask for things; the engine's locks are taken inside */
	SyncEngine *engine;   /* under the lock for all that may be called after owner_stop(); NULL once it has ended */
	ControlServer *control;
	Readers *readers; /* constant */
	Indexer *indexer;
	char *mounted;
	CoreCancel *quit;
	int wake_fd; /* an eventfd */
	char *bad_query;    /* under the lock: what was wrong with the last search that was looked up in vain; NULL */
	int64_t refused_ms; /* under the lock: when the main thread was last woken because a reader was refused */
};

/* owner-search.c: a call of the control socket; @owner is an Owner. */
void owner_call_search(ControlConnection *connection, const char *argument, void *owner);

void owner_wake(Owner *owner); /* any thread: the main one looks at what changed */
