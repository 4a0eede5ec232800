/* An account that is followed: its connection stays, what happens on the server comes here as it is told, what users do
 * here goes there, and bodies come in the background.  All on the account's thread (thread.c), but for the bodies.
 */
#pragma once

#include "sync/rotate.h"
#include "sync/watch.h"

/* How long the connection stays where a body was fetched for a reader.  The tests' build of the program changes it before
 * threads start. */
extern int sync_linger_ms;

typedef struct {
	SyncRun run;         /* with a pool in the background */
	SyncWorker worker;   /* .session NULL: not connected */
	SyncWatch watch;
	SyncRotation *rotation; /* of this connection's life; NULL: none is needed */
	bool rotated;        /* it was tried on this connection */
	GArray *pulled;      /* ids (int64_t) of mailboxes that passes have read since the pool was last idle */
	int wake_fd;         /* an eventfd: written when there is something to do, also by the pool when it has become idle */
	int64_t passed_ms;   /* core_clock_ms() of the last pass */
	int64_t helped_ms;   /* of the last job that was done between all else */
	int64_t lingers_ms;  /* of the first of them since anything was watched; 0: none */
} SyncFollow;

/* @run: store, account, account_id, cancel and progress are taken. */
void sync_follow_init(SyncFollow *follow, const SyncRun *run, int wake_fd);
void sync_follow_clear(SyncFollow *follow); /* waits for the pool: run.cancel must have been triggered, or it be idle */

/* A pass: connects if there is no connection, has the folders listed, sends what waits (@barrier: also what waits to
 * become quiet), pulls what has changed, and hands what is missing to the pool.  False: the connection is closed. */
bool sync_follow_pass(SyncFollow *follow, bool barrier, GError **error);

/* Whether the pool has brought all that passes asked for; *settled_r false: not yet.  False: it could not (the rest is
 * planned again by the next pass). */
bool sync_follow_settle(SyncFollow *follow, bool *settled_r, GError **error);

/* Waits for something to do, at most @timeout_ms (-1: for ever), and does what comes from the server; returns when
 * wake_fd is readable or the time is over.  *pass_r: everything is to be looked at.  False: the connection is closed. */
bool sync_follow_wait(SyncFollow *follow, int timeout_ms, bool *pass_r, GError **error);

/* Sends what can be sent now (@barrier: also what waits to become quiet), and reads what the server changed for it.
 * *any_r: there was something.  False: the connection is closed. */
bool sync_follow_push(SyncFollow *follow, bool barrier, bool *any_r, GError **error);
