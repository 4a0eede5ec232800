/* Internal to src/store: a query made ready for one look at the store: its texts have become sets of documents. */
#pragma once

#include "store/search-places.h"
#include "store/search-query.h"
#include "store/search-set.h"

/* A row of messages; the strings are the query's. */
typedef struct {
	int64_t id, place_id, internaldate_s;
	const char *flags;   /* base */
	int64_t document;    /* its body's, or its header's */
	const char *name;
} StoreRow;

typedef struct StoreMatch StoreMatch;

/* Reads @db; @search is borrowed for its life.  Ids of documents beyond @last do not exist.  NULL with *error;
 * *is_index_r: what failed was the index. */
StoreMatch *store_match_new(StoreDb *db, const StoreSearch *search, const char *account, int64_t last, int64_t now_s,
                            bool *is_index_r, GError **error);
void store_match_free(StoreMatch *match); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreMatch, store_match_free)

/* Where the row is seen; NULL: nowhere, or it does not match. */
const StorePlace *store_match_row(const StoreMatch *match, const StoreRow *row);

/* All that matches is among few documents, if there are such; else false. */
bool store_match_candidates(const StoreMatch *match, StoreSet *set_r);
/* By date: all that matches is between these, both included. */
void store_match_dates(const StoreMatch *match, int64_t *first_r, int64_t *last_r);
