/* The bodies of a job, as they come (receive.h): each waits in a batch until the segment is durable and the rows can be
 * committed. */
#pragma once

#include "sync/receive.h"

/* The bodies of one job.  On the worker's thread. */
typedef struct {
	SyncWorker *worker;
	const SyncJob *job;
	bool *done;        /* one for each of job->wanted: here, or matched before */
	bool *empty;       /* likewise: came once without a byte, although the server counts some */
	bool accept_empty; /* it is asked for again: what comes now counts */
	guint behind_last; /* the index behind the one that came last */
	GArray *batch;     /* what is not committed yet */
	int64_t begun_ms;  /* when it began: over a slow line people see something every few seconds */
	SyncReceiver receiver;
} SyncArrival;

/* @job and @done (which sync_match() has filled) are borrowed. */
void sync_arrival_init(SyncArrival *arrival, SyncWorker *worker, const SyncJob *job, bool *done);
void sync_arrival_clear(SyncArrival *arrival);

/* From begin to end the session's bodies and responses go to @arrival. */
void sync_arrival_begin(SyncArrival *arrival);
void sync_arrival_end(SyncArrival *arrival);

/* Whether the message is still to come, and has not come empty. */
bool sync_arrival_wants(const SyncArrival *arrival, guint index);

/* Before end, when the connection has ended: the UID of the message at which it did. */
uint32_t sync_arrival_suspect(const SyncArrival *arrival);

/* Makes what has come durable and visible.  What cannot be made durable is still to come then. */
bool sync_arrival_commit(SyncArrival *arrival, GError **error);

/* In the transaction that makes it visible: gives the row of @wanted (or the one that waited to be matched with it) its
 * body and name.  Of @job the mailbox, the path and .headers count.  A message whose row has gone meanwhile needs no body,
 * and is no trouble for the others. */
bool sync_arrival_keep(SyncRun *run, StoreTxn *txn, const SyncJob *job, const SyncWanted *wanted, const StoreBody *body,
                       const MimeDerived *derived, GError **error);
