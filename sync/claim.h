/* Which mailboxes of the store are which of those that LIST told: for list.c.
 *
 * A mailbox is known again by its name; by its MAILBOXID (RFC 8474) under another name; by the path that another name
 * means; and without any of these by a UIDVALIDITY that no other mailbox of the account has.  What LIST does not show is
 * only gone, or called otherwise, if STATUS does not know it either: Dovecot's LIST may for moments show nothing but
 * INBOX to a connection with NOTIFY while others rename.
 */
#pragma once

#include "sync/listing.h"

typedef enum {
	SYNC_CLAIM_NONE,
	SYNC_CLAIM_NAME,
	SYNC_CLAIM_MAILBOXID,
	SYNC_CLAIM_PATH,
	SYNC_CLAIM_UIDVALIDITY, /* probably; whether its messages are the same is for them to say */
} SyncClaim;

/* A mailbox or directory in the store. */
typedef struct {
	int64_t id;
	char *path;
	bool is_mailbox;      /* the server has it, or had it */
	bool stays;           /* what a user did to it is still to be done on the server: it is left as it is */
	bool may_follow;      /* it stays because it, or one above it, is to be renamed; what others call it is learned */
	bool is_deleted;      /* nobody sees it any more */
	bool is_hidden;       /* and its path is a private one, which it has, or is about to get, on the server, too */
	char separator;
	uint32_t attributes;
	char *server_name, *mailboxid, *rights;
	uint32_t uidvalidity, uidnext;
	uint64_t highestmodseq;
	const SyncListed *listed; /* what LIST told of it; NULL: nothing */
	bool answers;         /* nothing, but it is there all the same: STATUS says so */
	SyncClaim claim;
} SyncRow;

typedef struct {
	GPtrArray *rows;       /* of SyncRow, parents before children */
	GHashTable *by_id;     /* id -> SyncRow, borrowed, as in the next two */
	GHashTable *by_path;   /* mailboxes that people see */
	GHashTable *by_listed; /* SyncListed -> SyncRow */
	GHashTable *being_renamed; /* ids of mailboxes that have another name here than on the server; those of which the server
	                              was not told yet as values, the others NULL */
	GHashTable *kept_paths;    /* of rows that stay or are to be created on the server */
	GHashTable *private_names; /* server names that mailboxes have only until they are deleted, and those of CREATEs that were
	                              sent, whose mailboxes people may see elsewhere by now */
	unsigned known;        /* mailboxes */
} SyncRows;

/* All of the account's.  @rows_r is to be cleared in any case. */
bool sync_rows_load(SyncRows *rows_r, const SyncRun *run, GError **error);
void sync_rows_clear(SyncRows *rows);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SyncRows, sync_rows_clear)

void sync_row_claim(SyncRows *rows, SyncRow *row, const SyncListed *listed, SyncClaim claim);
/* One after the other.  The second after the status of what is new was asked for, if anything vanished. */
void sync_rows_claim_by_name(SyncRows *rows, const SyncListing *listing);
void sync_rows_claim_others(SyncRows *rows, const SyncListing *listing);

/* A mailbox that LIST does not show. */
bool sync_row_is_unlisted(const SyncRow *row);
/* The same, or one that may follow: it would be shown under the name that others gave it. */
bool sync_row_is_missed(const SyncRow *row);
/* A name that no row has, and for which there may be one. */
bool sync_rows_lack(const SyncRows *rows, const SyncListed *listed);
/* Known, but the server has made another mailbox of that name: RFC 8474 gives every one its own id. */
bool sync_row_is_recreated(const SyncRow *row);
