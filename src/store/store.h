/* The local store: what mailtree keeps of every account, in one directory.
 *
 *   lock          held (flock) by the one process that owns the store; the kernel drops it when that process ends
 *   mail.db       SQLite, WAL: what cannot be rebuilt (schema.c)
 *   bodies/N      append-only segment files: the bytes of messages, each once
 *   derived.db    SQLite, WAL: what can be rebuilt from the bodies; deleting it (and text/) loses nothing
 *   text/N        segment files of rendered text
 *   search.db     SQLite, WAL: the full-text index (search.h); deleting it loses nothing
 *
 * Threads: every function may be called from any thread unless it says otherwise.  There is one writer per database:
 * store_begin() waits for the one before.  Reading never waits for writing.  Each reading call borrows a connection
 * from a pool, so nothing is bound to a thread.
 *
 * Lock order: the index's update and writer, compaction, pending texts, a database's writer, pins of writers; pools and
 * tables of segments are leaves.
 * Callbacks of readers run with no lock held but must not write to the store (their read transaction would hold back
 * the WAL); change listeners run after the commit with no lock held.
 */
#pragma once

#include "core/cancel.h"
#include "core/error.h"

#include <stdint.h>

typedef struct Store Store;
typedef struct StoreTxn StoreTxn;

/* Opens or creates the store in @dir (made 0700 with its parents; one that others can enter and that holds other things
 * is left alone: CORE_ERROR_IO), takes the lock, migrates the schema (each step one
 * transaction), cuts what a crash left behind the last committed byte of each segment, and prepares every statement.
 * NULL with CORE_ERROR_LOCKED (another process; the message names its process id), CORE_ERROR_CORRUPT (a newer schema
 * or a damaged database; nothing was changed) or CORE_ERROR_IO. */
Store *store_open(const char *dir, GError **error);

/* No other call may be under way, and writers and segments have been freed.  NULL is fine. */
void store_close(Store *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_close)

const char *store_dir(const Store *store);

/* Waits for the writer's lock and begins a transaction (BEGIN IMMEDIATE).  A transaction belongs to one thread, spans a
 * unit of meaning, and never a network round trip.  Inside it the thread may read the store (it sees what was committed
 * before), but not begin another one, nor call store_writer_begin(), store_derived_flush() or store_compact().
 * After CORE_ERROR_NOT_FOUND it can go on; after any other error it can only be rolled back (store_commit() fails).
 * NULL with CORE_ERROR_IO. */
StoreTxn *store_begin(Store *store, GError **error);

/* Ends it, durably (synchronous=FULL), then tells the listeners what changed.  Frees @txn, also on failure: then
 * nothing of it happened (CORE_ERROR_IO: disk full and so on). */
bool store_commit(StoreTxn *txn, GError **error);
void store_rollback(StoreTxn *txn); /* NULL is fine; frees */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreTxn, store_rollback)

/* What a committed transaction changed in the tree that people see. */
typedef enum {
	STORE_CHANGE_MESSAGE_ADDED,   /* visible in its mailbox from now on */
	STORE_CHANGE_MESSAGE_REMOVED, /* name is what it was called */
	STORE_CHANGE_MESSAGE_RENAMED, /* name is the old name */
	STORE_CHANGE_MESSAGE_FLAGS,   /* its attributes differ, its bytes do not */
	STORE_CHANGE_MESSAGE_CONTENT, /* its bytes, size or time do, or it is a message now, or a file (StoreMessage.state) */
	STORE_CHANGE_MAILBOX_ADDED,   /* mailbox_id is the new one, parent_id where it appeared (0: the account's root) */
	STORE_CHANGE_MAILBOX_REMOVED, /* name is the component it had in parent_id */
	STORE_CHANGE_MAILBOX_KIND,    /* it holds messages from now on, or no longer (STORE_MAILBOX_SELECTABLE) */
	STORE_CHANGE_ACCOUNT_ADDED,
} StoreChangeKind;

typedef struct {
	StoreChangeKind kind;
	int64_t account_id, mailbox_id, parent_id, message_id; /* mailbox_id of a message: where people see it */
	const char *name; /* for the call */
	/* What they were called before in maildir/; NULL: they were not there, or nobody wants to know (store_maildir_listen()). */
	const struct StoreMaildirEntry *was; /* maildir.h: of a message */
	char *const *paths;                  /* of a mailbox that is removed, or of another kind, and of those below it */
} StoreChange;

/* Called on the committing thread, in the order of commits, once per transaction that changed something.  Must not
 * block and must not call the store.  One listener; NULL: none.  Set it before other threads use the store. */
typedef void (*StoreListenFn)(const StoreChange *changes, size_t count, void *data);
void store_listen(Store *store, StoreListenFn fn, void *data);

/* Accounts: a row for each name that was ever configured. */
typedef struct {
	int64_t id;
	char *name;
	int64_t last_sync_s;  /* end of the last complete synchronisation; 0: never */
	char *last_error;     /* of the last attempt; NULL: it went well */
	char *capabilities;   /* of the last session's server, as sync/recall.h keeps them; NULL: unknown */
} StoreAccount;
void store_account_clear(StoreAccount *account);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StoreAccount, store_account_clear)

bool store_account_ensure(StoreTxn *txn, const char *name, int64_t *id_r, GError **error);
/* @last_sync_s 0 leaves it. */
bool store_account_set_result(StoreTxn *txn, int64_t id, int64_t last_sync_s, const char *last_error, GError **error);
bool store_account_set_capabilities(StoreTxn *txn, int64_t id, const char *line, GError **error);

/* The room that the server says it has for the account (RFC 9208), in bytes.  More may be used than the limit. */
bool store_account_set_quota(StoreTxn *txn, int64_t id, uint64_t used_bytes, uint64_t limit_bytes, GError **error);
bool store_account_forget_quota(StoreTxn *txn, int64_t id, GError **error); /* it does not say any more */
/* False with *error unset: it did not say.  @account_id 0: the sum over the accounts of which it did.  Neither is more than
 * INT64_MAX. */
bool store_account_quota(Store *store, int64_t account_id, uint64_t *used_r, uint64_t *limit_r, GError **error);

typedef bool (*StoreAccountFn)(const StoreAccount *account, void *data); /* false: enough */
bool store_account_list(Store *store, StoreAccountFn fn, void *data, GError **error);
/* True and filled, or false with *error unset if there is none of that name. */
bool store_account_find(Store *store, const char *name, StoreAccount *account_r, GError **error);

/* Its name; NULL with *error unset: there is none of that id.  g_free(). */
char *store_account_name(Store *store, int64_t id, GError **error);

typedef struct {
	uint64_t mailboxes, messages, bytes; /* with a body; bytes counts what people see, not what is shared */
	uint64_t missing;                    /* known, but not to be seen yet */
	uint64_t remote;                     /* only the header is kept */
	uint64_t files;                      /* no messages, and only here */
} StoreCounts;
bool store_account_counts(Store *store, int64_t account_id, StoreCounts *counts_r, GError **error);
/* What is remote, by where people see it; the most first.  False from @fn: enough. */
typedef bool (*StoreRemoteFn)(int64_t mailbox_id, uint64_t messages, void *data);
bool store_account_list_remote(Store *store, int64_t account_id, StoreRemoteFn fn, void *data, GError **error);
/* The files that are no messages, the oldest first.  @is_maildirs: it is in a Maildir alone, and its name begins with "cur/" or
 * the like.  False from @fn: enough. */
typedef bool (*StoreFileFn)(int64_t mailbox_id, const char *name, bool is_maildirs, void *data);
bool store_account_list_files(Store *store, int64_t account_id, StoreFileFn fn, void *data, GError **error);
