/* Internal to src/store: the mailboxes of a search, and which of the query's folders each is in. */
#pragma once

#include "store/db.h"

#include <glib.h>

typedef struct StorePlace StorePlace;
struct StorePlace {
	int64_t id;
	StorePlace *parent; /* NULL: at the account's root */
	char *name, *account;
	char *folded;       /* the name without case and diacritics */
	char *path;
	uint64_t folders;   /* bit i: it is the query's i-th folder, or below it */
	int64_t parent_id;
	unsigned depth;     /* 0: parent, path and folders are not known yet */
};

/* {id: StorePlace} of all mailboxes that people see of @account (NULL: of all); a key that is looked up is an int64_t.
 * @folders: at most 64 paths.  NULL with *error. */
GHashTable *store_places_load(StoreDb *db, const char *account, const GPtrArray *folders, GError **error);

/* Without case and diacritics.  g_free(). */
char *store_fold(const char *text);
