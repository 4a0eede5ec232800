/* What LIST told (RFC 9051 6.3.9, with special uses, RFC 6154, each mailbox's status, RFC 5819, and rights, RFC 8440), made fit for
 * the tree: every mailbox once, every path once.  Subscriptions are ignored.  With LIST goes what is asked of the account as a
 * whole. */
#pragma once

#include "sync/quota.h"
#include "sync/run.h"

typedef struct {
	char *server_name;
	char *path;          /* "Archiv/2024" */
	char separator;      /* 0: none */
	uint32_t attributes; /* of StoreMailbox */
	bool damaged;        /* the line was: only the name is to be relied on */
	ImapMailboxStatus status; /* what STATUS told: often less than was asked for, or nothing.  .mailboxid is owned */
	char *rights;        /* what the user may do in it (RFC 8440); NULL: it was not told */
} SyncListed;

struct SyncListing {
	GPtrArray *folders;  /* of SyncListed, INBOX first, then by path: those that the configuration wants */
	GHashTable *by_name; /* server name -> SyncListed: the same */
	SyncQuota quota;
	bool any;            /* the server listed something */
	bool any_status;     /* it told the status of some */
	/* A line could not be read, or its name cannot be shown (there was a warning): what is missing may have been that. */
	bool in_doubt;
	struct SyncListingAnswer *answer; /* private to listing.c */
};

/* Queues LIST, without waiting; @listing must be zero, and stay until the session is closed or sync_listing_ask() has
 * returned.  Fit to be called while a login is under way (ImapEager). */
void sync_listing_send(SyncListing *listing, ImapSession *session);

/* Asks for all mailboxes, unless that is under way, and waits.  Of two names with one path, those of INBOX in whatever case
 * are one mailbox; else the one that sorts first keeps the path and the other gets another (sync_path_tell_apart()), but one
 * that holds no messages needs no other and is dropped.  Special folders have their attributes (special.h).
 * CORE_ERROR_PROTOCOL: more than can be kept.  @listing is to be cleared in any case. */
bool sync_listing_ask(SyncWorker *worker, SyncListing *listing, GError **error);

/* Asks for the status of @which (SyncListed of @listing), pipelined.  What the server does not tell stays untold. */
bool sync_listing_status(SyncWorker *worker, SyncListing *listing, const GPtrArray *which, GError **error);

void sync_listing_clear(SyncListing *listing);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SyncListing, sync_listing_clear)

void sync_listed_free(void *listed); /* a GDestroyNotify */
