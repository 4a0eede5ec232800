/* One body on its way from the server into the store: receive.c.
 *
 * It streams from the parser into the worker's segment and is parsed once for its name and text (from memory when it is
 * small, else from the segment).  Who listens takes it when the FETCH response to which it belongs is whole.
 */
#pragma once

#include "sync/derive.h"
#include "sync/run.h"

typedef struct {
	SyncWorker *worker;
	uint64_t origin_limit;  /* bytes of BODY[]<0.limit> that were asked for: of a body that has as many nothing is kept; 0:
	                           whole bodies are */
	bool headers;           /* BODY[HEADER] was asked for instead of BODY[] */
	bool receiving;
	bool complete;          /* body and derived are filled, and nobody has taken them yet */
	uint32_t uid;           /* of what streams in; 0: not told yet */
	uint64_t generation;    /* of the store's texts before the first body since sync_receiver_settle() */
	bool has_generation;
	GByteArray *memory;     /* its bytes, unless there are too many */
	StoreBody body;
	MimeDerived derived;
} SyncReceiver;

void sync_receiver_init(SyncReceiver *receiver, SyncWorker *worker, uint64_t origin_limit, bool headers);
void sync_receiver_clear(SyncReceiver *receiver);

/* From begin to end the session's bodies go to @receiver, and responses to @listen. */
void sync_receiver_begin(SyncReceiver *receiver, ImapResponseFn listen, void *data);
void sync_receiver_end(SyncReceiver *receiver);

/* Forgets what streams in or waits to be taken. */
void sync_receiver_drop(SyncReceiver *receiver);
/* Hands over what is complete. */
void sync_receiver_take(SyncReceiver *receiver, StoreBody *body_r, MimeDerived *derived_r);

/* Makes what was taken durable: texts, then bodies.  Their rows may be committed next, which is before the second call
 * from now. */
bool sync_receiver_settle(SyncReceiver *receiver, GError **error);
