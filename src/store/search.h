/* Full-text search.
 *
 * The index is search.db, made of the texts in derived.db: rebuildable, with a writer of its own, so that indexing waits
 * for nobody and nobody for it.  A document is a body (or a header block, where only that is here), found under its id; who
 * has it, with which flags, in which folder, is asked of mail.db at the time of the search.  Bodies get ascending ids, so one
 * number tells how far the index goes; it advances in the transaction that adds the documents.
 *
 * The query language:
 *
 *   word  "some words"  word*     in headers and text, without case and diacritics; several: all of them
 *   from:X  to:X  subject:X       X as above, in From; in To and Cc; in the subject
 *   date:D                        by INTERNALDATE in UTC: 2024, 2024-03, 2024-03-01, today, yesterday; D..D, D.., ..D; 7d: the
 *                                 last seven days
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
