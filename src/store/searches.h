/* Searches that users keep: directories in search/ACCOUNT/. */
#pragma once

#include "store/store.h"

typedef struct {
	int64_t id, account_id;
	const char *query; /* for the callback; of get and find g_free() */
} StoreSavedSearch;

/* CORE_ERROR_REFUSED: it is kept already. */
bool store_saved_search_add(StoreTxn *txn, int64_t account_id, const char *query, int64_t *id_r, GError **error);
/* CORE_ERROR_NOT_FOUND: there is none. */
bool store_saved_search_remove(StoreTxn *txn, int64_t id, GError **error);

/* True and filled; false with *error unset if there is none. */
bool store_saved_search_find(Store *store, int64_t account_id, const char *query, StoreSavedSearch *search_r,
                             GError **error);
/* In the order of ids, from the first greater than @after. */
typedef bool (*StoreSavedSearchFn)(const StoreSavedSearch *search, void *data); /* false: enough */
bool store_saved_search_list(Store *store, int64_t account_id, int64_t after, StoreSavedSearchFn fn, void *data,
                             GError **error);
