/* Full-text search.
 *
 * The index is search.db, made of the texts in derived.db: rebuildable, with a writer of its own, so that indexing waits
 * for nobody and nobody for it.  A document is a body (or a header block, where only that is here), found under its id;
 * who has it, with which flags, in which folder, is asked of mail.db at the time of the search.  Bodies get ascending
 * ids, so one number tells how far the index goes; it advances in the transaction that adds the documents.
 *
 * The query language:
 *
 *   word  "some words"  word*     in headers and text, without case and diacritics; several: all of them
 *   from:X  to:X  subject:X       X as above, in From; in To and Cc; in the subject
 *   date:D                        by INTERNALDATE in UTC: 2024, 2024-03, 2024-03-01, today, yesterday; D..D, D.., ..D;
 *                                 7d: the last seven days
 *   is:S                          unread, read, flagged, answered, draft, forwarded
 *   flag:F                        a keyword or system flag
 *   folder:PATH                   the folder whose path ends with PATH, and all below it; without case and diacritics
 *   has:attachment                text/ shows an attachment
 *   NOT x, -x; x AND y, x y; x OR y; (x)    what binds most first; the words in capitals
 *
 * What looks like another prefix ("http:") is part of a word.  Letters and digits are words, what is between them only
 * separates: a word with something between, such as an address, is looked for like a phrase.
 */
#pragma once

#include "store/segments.h"

#define STORE_SEARCH_FILE "search.db"
#define STORE_SEARCH_QUERY_MAX_BYTES 1024
#define STORE_SEARCH_NESTING_MAX 32
#define STORE_SEARCH_TERMS_MAX 64
#define STORE_SEARCH_TEXT_MAX_BYTES (1024 * 1024) /* of one message's text is indexed */

/* A query that was understood; not changed by searching, so any number of threads may use it. */
typedef struct StoreSearch StoreSearch;

/* CORE_ERROR_USAGE: one line that says what is wrong with it, and where. */
StoreSearch *store_search_new(const char *query, GError **error);
void store_search_free(StoreSearch *search); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreSearch, store_search_free)

/* Searching. */

typedef struct {
	int64_t id;              /* of the message */
	int64_t place_id;        /* the mailbox in which people see it */
	int64_t internaldate_s;
	const char *account;
	const char *folder;      /* the mailbox's path, "Archiv/2024" */
	const char *name;        /* in mail/ */
} StoreFound;                /* the strings live for the call */
typedef bool (*StoreFoundFn)(const StoreFound *found, void *data); /* false: enough */

typedef struct {
	const char *account; /* NULL: all */
	bool newest_first;   /* by INTERNALDATE; else in the order of ids */
	int64_t after;       /* in the order of ids: only ids greater than it */
	uint64_t limit;      /* at most so many; 0: all */
} StoreSearchRange;

/* The messages that people see and that match, as the index knows them now (store_search_update() before makes it know
 * all).  CORE_ERROR_CORRUPT: the index is damaged; the next store_search_update() makes it again. */
bool store_search_run(Store *store, const StoreSearch *search, const StoreSearchRange *range, StoreFoundFn fn, void *data,
                      GError **error);

/* The same for a process that does not own the store in @dir, and without waiting for the one that does.  *current_r
 * false: nothing was looked for, since the index is not there, or does not know all messages.  Where there is no store,
 * nothing is found. */
bool store_search_peek(const char *dir, unsigned text_version, const StoreSearch *search, const StoreSearchRange *range,
                       StoreFoundFn fn, void *data, bool *current_r, GError **error);

/* The index. */

typedef struct {
	uint64_t indexed; /* documents; also those of bodies that have gone since */
	uint64_t to_do;   /* bodies that are not in it yet */
} StoreSearchState;
bool store_search_state(Store *store, unsigned text_version, StoreSearchState *state_r, GError **error);

/* How it is made. */
typedef struct {
	unsigned text_version;
	/* Appends to @text the text of @body, which derived.db lacks, and keeps it there (store_derived_put()); nothing, if
	 * it cannot be had.  False only when the store fails. */
	bool (*make_text)(Store *store, const StoreBody *body, GString *text, void *data, GError **error);
	/* Now and then; NULL: never.  False: enough for now. */
	bool (*progress)(uint64_t done, uint64_t total, void *data);
	void *data;
} StoreIndexing;

/* Makes the index know all bodies that there are when it ends (unless it was enough before).  One at a time: who comes
 * meanwhile waits.  Not inside a transaction.  After a failure, or CORE_ERROR_CANCELLED, the next one goes on from where
 * it came to. */
bool store_search_update(Store *store, const StoreIndexing *how, CoreCancel *cancel, GError **error);

/* Readable when bodies have come since store_search_update() last began. */
int store_search_fd(Store *store);
