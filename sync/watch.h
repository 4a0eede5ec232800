/* Waiting for what other clients do: the ladder NOTIFY (RFC 5465) > IDLE (RFC 2177) > asking for STATUS now and then.
 *
 * A SyncWatch belongs to one session.  It overhears STATUS and LIST on it at all times, so that nothing is missed
 * that is told while other commands are under way, and listens to the mailbox that is selected for watching (INBOX)
 * from its EXAMINE on: what comes between a FETCH and the next IDLE is news like any other.
 */
#pragma once

#include "sync/alarm.h"
#include "sync/metadata.h"

/* How often STATUS is asked for where nobody tells.  The tests' build of the program shortens it before threads start. */
extern int sync_poll_ms;

#define SYNC_CHECK_MS (30 * 60 * 1000) /* how often everything is asked for although the server says that nothing changed */

typedef enum { SYNC_WATCH_NOTIFY, SYNC_WATCH_IDLE, SYNC_WATCH_POLL } SyncWatchMode;

typedef struct {
	SyncWorker *worker;
	SyncWatchMode mode;
	bool notified;        /* NOTIFY SET was taken on this session */
	bool never_idles;     /* the server refused IDLE */
	int64_t watched_id;   /* the mailbox that is selected and listened to; 0: none */
	SyncMetadata metadata; /* of it; valid while watched_id is not 0 */
	GHashTable *told;     /* server name -> SyncTold: what STATUS said, last */
	GHashTable *stale;    /* ids (int64_t) of mailboxes that may have changed -> whether they have whatever STATUS said */
	GHashTable *refused;  /* ids of mailboxes that could not be read -> until when that is no news (int64_t) */
	int64_t pulled_id;    /* the mailbox that was read last, since any was selected for watching; 0: none */
	uint32_t odd_exists, odd_rows; /* what the watched mailbox told and had when it was read: no news */
	bool relist;          /* folders may have come or gone, or not all was told */
	unsigned relists;     /* passes in a row for that */
	int64_t relist_ms;    /* from when on it counts: a server may go on telling of a folder that is none */
	unsigned brief_idles; /* in a row that ended at once and with nothing to tell */
	unsigned listed;      /* known mailboxes that LIST told of since the poll began */
	int64_t polled_ms;    /* core_clock_ms() of the last poll */
	SyncAlarm alarm;
} SyncWatch;

void sync_watch_init(SyncWatch *watch, SyncWorker *worker);
void sync_watch_clear(SyncWatch *watch);

/* @worker has a new session, or none: nothing is watched. */
void sync_watch_begin(SyncWatch *watch);

/* Before other mailboxes are selected on the session: the watched one is selected again by the next wait. */
void sync_watch_unselect(SyncWatch *watch);

/* A pass begins, which has all folders listed. */
void sync_watch_begin_pass(SyncWatch *watch);

/* Whether it is time for a pass because of what was told of folders. */
bool sync_watch_wants_pass(const SyncWatch *watch);

/* To be looked at by the next take. */
void sync_watch_note_stale(SyncWatch *watch, int64_t mailbox_id);

typedef enum {
	SYNC_WATCH_NEWS,  /* watch->stale, sync_watch_wants_pass(), or the watched mailbox (sync_watch_has_events()) */
	SYNC_WATCH_WOKEN, /* @wake_fd */
	SYNC_WATCH_POLL_DUE,
} SyncWatchEnd;

/* Waits until there is something to do, at most @timeout_ms (-1: for ever; else SYNC_WATCH_WOKEN when they are over).
 * Selects INBOX and asks the server to tell, if that is not so yet; finds out by a short probe when the connection may be
 * dead.  False: the session broke. */
bool sync_watch_wait(SyncWatch *watch, int wake_fd, int timeout_ms, SyncWatchEnd *end_r, GError **error);

/* Asks for the STATUS of all mailboxes; what differs is in watch->stale. */
bool sync_watch_poll(SyncWatch *watch, GError **error);

/* Brings here what was told: of the watched mailbox at once, of stale ones by the cheapest way.  False: the session broke, or
 * the store failed. */
bool sync_watch_take(SyncWatch *watch, GError **error);
