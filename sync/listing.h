/* What LIST told (RFC 9051 6.3.9, with special uses, RFC 6154), made fit for the tree: every mailbox once, every path
 * once.  Subscriptions are ignored. */
#pragma once

#include "sync/run.h"

typedef struct {
	char *server_name;
	char *path;          /* "Archiv/2024" */
	char separator;      /* 0: none */
	uint32_t attributes; /* of StoreMailbox */
	bool damaged;        /* the line was: only the name is to be relied on */
} SyncListed;

typedef struct {
	GPtrArray *folders;  /* of SyncListed, INBOX first, then by path: those that the configuration wants */
	GHashTable *by_name; /* server name -> SyncListed: the same */
	bool any;            /* the server listed something */
	/* A line could not be read, or its name cannot be shown (there was a warning): what is missing may have been that. */
	bool in_doubt;
} SyncListing;

/* Asks for all mailboxes.  Of two names with one path, those of INBOX in whatever case are one mailbox; else the one
 * that sorts first keeps the path and the other gets another (sync_path_tell_apart()), but one that holds no messages
 * needs no other and is dropped.  CORE_ERROR_PROTOCOL: more than can be kept.  @listing_r is to be cleared in any case. */
bool sync_listing_ask(SyncWorker *worker, SyncListing *listing_r, GError **error);
void sync_listing_clear(SyncListing *listing);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SyncListing, sync_listing_clear)
