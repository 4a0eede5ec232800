/* Searches that somebody looks at: queries by the numbers of their directories, and what they have found.
 *
 * A query that is kept has the id of its row, any other a hash of its text, so a number stays the same across mounts.
 */
#pragma once

#include "fs/freshness.h"
#include "fs/inode.h"
#include "store/search.h"

/* Kinds of inodes of search/. */
enum {
	FS_SEARCH_TOP,     /* row 0 */
	FS_SEARCH_ACCOUNT, /* of StoreAccount */
	FS_SEARCH_QUERY,   /* a number of a query */
	FS_SEARCH_LINK,    /* of StoreMessage */
};

static inline FsInode
fs_searches_inode(int64_t number)
{
	return fs_inode(FS_TAG_SEARCH, FS_SEARCH_QUERY, number);
}

typedef struct FsSearches FsSearches;
FsSearches *fs_searches_new(Store *store);
void fs_searches_free(FsSearches *searches); /* NULL is fine */

/* The number of @query in an account, which is looked up once more, to be given back by fs_searches_forget().  @saved_id: of
 * its row, or 0.  *number_r 0: not now, there were too many new ones within a moment.  CORE_ERROR_USAGE: it is no query. */
bool fs_searches_look(FsSearches *searches, int64_t account_id, const char *query, int64_t saved_id, int64_t *number_r,
                      GError **error);
void fs_searches_forget(FsSearches *searches, int64_t number, uint64_t count);
/* False: nobody looks at such a one. */
bool fs_searches_account(FsSearches *searches, int64_t number, int64_t *account_id_r);

/* What it finds, in the order of ids.  A name that two messages have is told apart as in a folder. */
typedef struct {
	int64_t id; /* of the message */
	char *name;
} FsFound;
/* g_ptr_array_unref(); NULL with *error unset: nobody looks at such a one. */
GPtrArray *fs_searches_results(FsSearches *searches, int64_t number, GError **error);
/* The message of that name among them; false with *error unset: none. */
bool fs_searches_find(FsSearches *searches, int64_t number, const char *name, int64_t *id_r, GError **error);

/* The store or the index has changed: what was found is looked for again. */
void fs_searches_changed(FsSearches *searches, FsFreshness *freshness);
