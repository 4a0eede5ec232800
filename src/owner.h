/* The process that owns the store: the store, the engine that fills it, and the control socket beside it. */
#pragma once

#include "accounts.h"
#include "config.h"
#include "control.h"
#include "indexer.h"
#include "progress.h"
#include "round.h"
#include "store/changes.h"

typedef struct Owner Owner;

/* Takes @store and @accounts, also on failure; @config is borrowed for its life.  @mounted: what to say of the mount
 * (NULL: none).  Starts the engine, which uses the store once somebody asks it to.  NULL with CORE_ERROR_IO. */
Owner *owner_new(const Config *config, Accounts *accounts, Store *store, const char *mounted, GError **error);

/* owner-verbs.c.  Starts to answer on the control socket: from now on somebody may ask.  @settle (may be NULL) is called
 * on a control thread before a synchronisation is answered for: it waits, for a bounded time, until what was brought can
 * be seen.  CORE_ERROR_IO. */
bool owner_listen(Owner *owner, void (*settle)(void *data), void *data, GError **error);

/* @indexed is called, with what owner_listen() gets, on the indexer's thread when searches may find more. */
void owner_on_indexed(Owner *owner, void (*indexed)(void *data), void *data);

/* Stops answering, and stops the engine at a durable point.  Rounds must be gone before; the store stays open.  Of the
 * others only these may be called then: owner_status(), owner_fetch(), which fails, owner_abandon(), owner_free(). */
void owner_stop(Owner *owner);

/* Stops, closes the store, then tells whoever asked for that.  The mount must be gone before.  NULL is fine. */
void owner_free(Owner *owner);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Owner, owner_free)

Store *owner_store(Owner *owner);
SyncEngine *owner_engine(Owner *owner);
Indexer *owner_indexer(Owner *owner);

int owner_quit_fd(const Owner *owner); /* readable once somebody asked to unmount */

/* Readable when somebody asked for a synchronisation or made a change through the socket; owner_woken() makes it
 * unreadable again. */
int owner_wake_fd(const Owner *owner);
void owner_woken(Owner *owner);

bool owner_busy(Owner *owner); /* some account synchronises */

/* The report of "mailtree status", as JSON or text.  Any thread.  g_free(). */
char *owner_status(Owner *owner, bool json);

/* Who reads a message that is not here waits at most so long: half a minute.  For tests. */
extern int owner_fetch_ms;

/* As FsCalls.fetch (fs/mount.h).  Any thread, also while the engine ends. */
bool owner_fetch(Owner *owner, int64_t message_id, pid_t reader, SyncFetchedFn fn, void *data, GError **error);

/* As FsCalls.abandon.  Any thread, also while the engine ends. */
void owner_abandon(Owner *owner, int64_t message_id, const void *fn_data);

/* As FsCalls.removal.  CORE_ERROR_REFUSED: the account is not in the configuration any more. */
bool owner_removal(Owner *owner, StoreTxn *txn, int64_t account_id, StoreRemoval *how_r, GError **error);

/* As FsCalls.changed.  Any thread, also while the engine ends. */
void owner_changed(Owner *owner);

/* As FsCalls.bad_query: the last one is shown by status.  Any thread. */
void owner_bad_query(Owner *owner, const char *words);

/* As FsCalls.command: owner-ctl.c.  CORE_ERROR_USAGE: there is no such command, or account.  Any thread. */
bool owner_command(Owner *owner, const char *line, GError **error);

/* The numbers of a round's accounts, added up. */
void owner_progress(Owner *owner, const Round *round, ProgressNumbers *numbers_r);
