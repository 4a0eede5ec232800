/* The engine: brings the store up to date with the servers.
 *
 * Each account has a thread of its own for the engine's life, and a small pool of working connections while there is
 * something to fetch; they meet only in the store.  See docs/architecture.md for the threads and docs/imap.md for what is
 * sent.
 */
#pragma once

#include "core/cancel.h"
#include "core/error.h"
#include "imap/session.h"
#include "store/store.h"

/* A folder that the configuration names for a special use (STORE_MAILBOX_TRASH, …). */
typedef struct {
	uint32_t attribute;
	char *path;
} SyncSpecial;

typedef enum {
	SYNC_BODIES_ALL,
	SYNC_BODIES_RECENT, /* of the last bodies_days days by INTERNALDATE */
	SYNC_BODIES_NONE,
} SyncBodies;

/* What the engine is to know of an account.  Borrowed for the engine's life. */
typedef struct {
	char *name;
	ImapConfig imap;
	char **folders;  /* patterns for sync_path_wanted(); NULL: all */
	const SyncSpecial *special; /* counts only where the server tells none */
	size_t n_special;
	SyncBodies bodies;    /* what is kept here; of the other messages only the header is */
	unsigned bodies_days;
	unsigned connections; /* at most this many working connections; 0: SYNC_CONNECTIONS */
	ImapPasswordFn password; /* called from the account's thread */
	void *password_data;
} SyncAccount;

#define SYNC_CONNECTIONS 3

typedef struct SyncEngine SyncEngine;

/* Starts the accounts' threads.  NULL with CORE_ERROR_IO if the system has none left. */
SyncEngine *sync_engine_new(Store *store, const SyncAccount *accounts, size_t count, GError **error);

/* Stops what runs (at the next durable point; at most a few seconds) and frees.  NULL is fine. */
void sync_engine_free(SyncEngine *engine);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SyncEngine, sync_engine_free)

/* Any thread.  Asks for a synchronisation that begins after this call, and returns a ticket for it at once; a run that
 * has not begun yet is shared by all who asked.  @account: NULL or "" for all.  0 with *error if
 * there is no such account. */
uint64_t sync_engine_request(SyncEngine *engine, const char *account, GError **error);

/* Blocks until what @ticket asked for has ended, in all the accounts it asked for, or @cancel is triggered.
 * True: everything that the servers had when it began is here, and they have what users did, but for removals that wait
 * for their time.  False: *error is the first account's; what the others did stays.  CORE_ERROR_BUSY also when all went
 * well but for some mailboxes or messages, which the log has named and the next run asks for again, or when changes are
 * held, were refused or are not sent yet (sync/unsent.h). */
bool sync_engine_wait(SyncEngine *engine, uint64_t ticket, const char *account, CoreCancel *cancel, GError **error);

/* Any thread.  From now on the connection of an account stays, once something was asked of it (sync_engine_request()): what
 * happens on the server comes here as it is told, what is queued goes there when its time has come, and a connection that is
 * lost comes back by itself.  Before that nothing happens unasked. */
void sync_engine_follow(SyncEngine *engine);

/* Any thread.  Operations were queued (store/changes.h): a followed account sends them when their time has come. */
void sync_engine_poke(SyncEngine *engine);

/* Any thread.  Asks for the body of a message of which only the header is here, before all other work.  True: @fn is called
 * once, with NULL when the body is here or with what failed, on a thread of the engine that holds no lock; at @deadline_ms
 * (core_clock_ms()) at the latest.  False, and @fn is not called: with *error unset when the body is here; else the
 * account has lost its connection, or the same has failed within the last seconds, or there is no such message on a server.
 * Before accounts are followed it waits until they are. */
typedef void (*SyncFetchedFn)(const GError *failure, void *data);
bool sync_engine_fetch(SyncEngine *engine, int64_t message_id, int64_t deadline_ms, SyncFetchedFn fn, void *data,
                       GError **error);

/* Any thread, at any time.  Who waits with @fn_data is told CORE_ERROR_CANCELLED now, if he was not told yet. */
void sync_engine_abandon(SyncEngine *engine, int64_t message_id, const void *fn_data);

typedef enum { SYNC_IDLE, SYNC_CONNECTING, SYNC_LISTING, SYNC_FETCHING } SyncPhase;
extern const char *const sync_phase_names[]; /* "idle", "connecting", … */

/* A snapshot of one account. */
typedef struct {
	const char *account; /* lives as long as the engine */
	SyncPhase phase;
	unsigned connections;
	unsigned mailboxes_done, mailboxes_total;
	uint64_t messages_done, messages_total; /* bodies of this run */
	uint64_t bytes_done, bytes_total;       /* total by RFC822.SIZE: an estimate */
	uint64_t wire_in, wire_out;             /* bytes on the wire in this run */
	int64_t started_ms;   /* core_clock_ms() of this run's begin; 0: idle */
	int64_t last_sync_s;  /* when a run last ended with everything here; 0: never */
	char *error;          /* of the last run; NULL: it went well */
	unsigned warnings;    /* mailboxes or messages of the last run that could not be brought here */
} SyncStatus;

size_t sync_engine_accounts(const SyncEngine *engine);
void sync_engine_status(SyncEngine *engine, size_t index, SyncStatus *status_r);
void sync_status_clear(SyncStatus *status);

/* For "mailtree check": connects and logs in, and tells what the server can do as lines of text for people (g_free).
 * Blocks. */
char *sync_check(const SyncAccount *account, CoreCancel *cancel, GError **error);
