/* Mailboxes, and the directories above them that are no mailboxes: one row each, so that each has a stable id. */
#pragma once

#include "store/store.h"

/* Bits of StoreMailbox.attributes. */
enum {
	STORE_MAILBOX_SELECTABLE = 1 << 0, /* holds messages; without it the row is only a directory */
	STORE_MAILBOX_NOINFERIORS = 1 << 1,
	STORE_MAILBOX_ALL = 1 << 8, /* special uses (RFC 6154) */
	STORE_MAILBOX_ARCHIVE = 1 << 9,
	STORE_MAILBOX_DRAFTS = 1 << 10,
	STORE_MAILBOX_FLAGGED = 1 << 11,
	STORE_MAILBOX_JUNK = 1 << 12,
	STORE_MAILBOX_SENT = 1 << 13,
	STORE_MAILBOX_TRASH = 1 << 14,
	STORE_MAILBOX_IMPORTANT = 1 << 15,
};

typedef enum {
	STORE_MAILBOX_THERE = 0,
	STORE_MAILBOX_TO_CREATE = 1, /* only here; it has no server_name yet */
	STORE_MAILBOX_TO_DELETE = 2, /* people do not see it any more: only store_mailbox_get(), _list() and _find_server() tell */
} StoreMailboxState;

typedef struct {
	int64_t id, account_id;
	int64_t parent_id;      /* 0: at the account's root */
	char *name;             /* the path's last component, as people see it */
	StoreMailboxState state;
	char *server_name;      /* the bytes LIST gave; NULL: the server has only children of it, or it is to be created */
	char separator;         /* 0: none */
	uint32_t attributes;
	uint32_t uidvalidity;   /* 0: never synchronised */
	uint32_t uidnext;       /* every UID below it was seen (and is here or was expunged); 0: unknown */
	uint64_t highestmodseq; /* everything up to it was applied; 0: none */
	char *mailboxid;        /* OBJECTID; NULL */
	int64_t changed_s;      /* when its entries last changed: the directory's mtime */
	int64_t stirred_ms;     /* when a name in its directories in maildir/ last changed; greater at each change; 0: not yet */
	uint32_t messages;      /* rows that have a UID in it */
	char *rights;           /* what the server lets the user do, for store_mailbox_may(); NULL: it was not asked yet */
} StoreMailbox;
void store_mailbox_clear(StoreMailbox *mailbox);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StoreMailbox, store_mailbox_clear)

/* For all "get" and "find" calls: true and filled; false with *error unset if there is none; false with *error. */
bool store_mailbox_get(Store *store, int64_t id, StoreMailbox *mailbox_r, GError **error);
bool store_mailbox_find(Store *store, int64_t account_id, int64_t parent_id, const char *name,
                        StoreMailbox *mailbox_r, GError **error);
/* In the account of the parent, which is a mailbox. */
bool store_mailbox_child(Store *store, int64_t parent_id, const char *name, StoreMailbox *mailbox_r, GError **error);
bool store_mailbox_find_server(Store *store, int64_t account_id, const char *server_name, StoreMailbox *mailbox_r,
                               GError **error);

typedef bool (*StoreMailboxFn)(const StoreMailbox *mailbox, void *data); /* false: enough */
/* All of an account, parents before children; also those in state TO_DELETE. */
bool store_mailbox_list(Store *store, int64_t account_id, StoreMailboxFn fn, void *data, GError **error);
/* The children in the order of ids, from the first id greater than @after. */
bool store_mailbox_children(Store *store, int64_t account_id, int64_t parent_id, int64_t after, StoreMailboxFn fn,
                            void *data, GError **error);

/* Those of an account that hold messages, at any level, in the order of ids, from the first id greater than @after. */
bool store_mailbox_list_holding(Store *store, int64_t account_id, int64_t after, StoreMailboxFn fn, void *data,
                                GError **error);

/* "Archiv/2024": the components joined by '/'.  g_free(); NULL if there is none. */
char *store_mailbox_path(Store *store, int64_t id, GError **error);

/* Finds or makes the row for @components (NULL-terminated, at least one), and those above it.  CORE_ERROR_PROTOCOL:
 * more than a thousand levels. */
bool store_mailbox_ensure(StoreTxn *txn, int64_t account_id, char *const *components, int64_t *id_r, GError **error);

/* What LIST told: makes it a mailbox (one that was TO_CREATE is THERE), or, with server_name NULL, a directory only.  A
 * directory, or a mailbox without STORE_MAILBOX_SELECTABLE, loses its state and what the server had in it, as in
 * store_message_remove_uids(); messages on their way into it are seen again where they come from.  But where messages are
 * that are only here, it becomes TO_CREATE and keeps them. */
bool store_mailbox_set_listing(StoreTxn *txn, int64_t id, const char *server_name, char separator,
                               uint32_t attributes, GError **error);

/* A mailbox that goes to another path, "Archiv/2024".  Its id, its messages and its state go with it; what is below it
 * stays where it is, below a directory, and a directory, or a mailbox in state TO_CREATE, that is at the new path becomes
 * the mailbox.  One that a user has only here renamed to that path goes back, and its rename has failed. */
typedef struct {
	int64_t id;
	const char *path;
} StoreMailboxMove;
/* All at once: they may change places.  Directories that are left empty are removed.  CORE_ERROR_NOT_FOUND: there is no
 * such row; CORE_ERROR_CORRUPT: another mailbox is at the new path; CORE_ERROR_PROTOCOL as in store_mailbox_ensure(). */
bool store_mailboxes_move(StoreTxn *txn, const StoreMailboxMove *moves, size_t count, GError **error);

/* The state up to which everything of this mailbox was applied: to be called in the transaction that applies it. */
bool store_mailbox_set_state(StoreTxn *txn, int64_t id, uint32_t uidvalidity, uint32_t uidnext, uint64_t highestmodseq,
                             const char *mailboxid, GError **error);

/* What MYRIGHTS told (RFC 4314): letters and digits; or STORE_RIGHTS_UNTOLD; NULL: it is to be asked.  Under another
 * server_name a mailbox loses what was told. */
#define STORE_RIGHTS_UNTOLD "?" /* the server was asked, and did not say */
bool store_mailbox_set_rights(StoreTxn *txn, int64_t id, const char *rights, GError **error);
bool store_mailbox_forget_rights(StoreTxn *txn, int64_t account_id, GError **error); /* of all of an account's */

/* Whether @rights (StoreMailbox.rights) allow one of these: 'l' see it, 'r' read, 's' set \Seen, 'w' other flags, 'i' insert
 * messages, 't' set \Deleted, 'e' expunge, 'k' create mailboxes below it, 'x' delete or rename it.  Of what was not told all
 * is allowed.  Servers of RFC 2086 have 'c' for 'k', 'd' for 't' and 'e', either for 'x'. */
bool store_mailbox_may(const char *rights, char right);

/* The server no longer has the mailbox: as store_mailbox_set_listing() with server_name NULL, and the row goes, with those
 * above it that are only directories and now empty; a row with children stays as a directory. */
bool store_mailbox_remove(StoreTxn *txn, int64_t id, GError **error);

/* A new UIDVALIDITY: every visible message that the server has loses its UID and becomes a candidate for matching (those
 * that were never visible go); the state is set to @uidvalidity with uidnext and highestmodseq 0.  Names, bodies, ids and
 * operations stay.  CORE_ERROR_NOT_FOUND if there is no such mailbox. */
bool store_mailbox_forget_uids(StoreTxn *txn, int64_t id, uint32_t uidvalidity, GError **error);
