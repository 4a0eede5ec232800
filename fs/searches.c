#include "fs/searches.h"

#include "core/bucket.h"
#include "core/clock.h"
#include "core/sha256.h"
#include "mime/name.h"

#include <pthread.h>
#include <string.h>

#define KEPT_RESULTS 100000 /* messages, of all searches together; a single one may have more */
#define NEW_BURST 40        /* searches that are not kept and that nobody has looked at before */
#define NEW_PER_MINUTE 1200

typedef struct {
	int64_t number, account_id;
	char *account;
	StoreSearch *search;
	uint64_t lookups;
	GPtrArray *results; /* of FsFound; NULL: not looked for, or forgotten */
	uint64_t generation; /* of them */
	int64_t used_ms;
	unsigned refs;      /* the table's, and those of searching threads */
} Query;

struct FsSearches {
	Store *store;
	pthread_mutex_t lock; /* protects what follows; a leaf */
	GHashTable *table;    /* number to Query */
	uint64_t generation;
	CoreBucket bucket;    /* of new searches */
};

static void
query_unref(Query *query)
{
	if (--query->refs > 0)
		return;
	store_search_free(query->search);
	g_clear_pointer(&query->results, g_ptr_array_unref);
	g_free(query->account);
	g_free(query);
}

FsSearches *
fs_searches_new(Store *store)
{
	FsSearches *searches = g_new0(FsSearches, 1);

	searches->store = store;
	core_bucket_init(&searches->bucket, NEW_PER_MINUTE, NEW_BURST, core_clock_ms());
	pthread_mutex_init(&searches->lock, NULL);
	searches->table = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, (GDestroyNotify)query_unref);
	return searches;
}

void
fs_searches_free(FsSearches *searches)
{
	if (!searches)
		return;
	g_hash_table_unref(searches->table);
	pthread_mutex_destroy(&searches->lock);
	g_free(searches);
}

/* 54 bits of a hash, above all ids of rows. */
static int64_t
hash(int64_t account_id, const char *query)
{
	g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT "/%s", account_id, query);
	uint8_t sha256[32];
	uint64_t bits;

	core_sha256((const uint8_t *)text, strlen(text), sha256);
	memcpy(&bits, sha256, sizeof bits);
	return (int64_t)(bits >> 10 | (uint64_t)1 << 54);
}

static Query *
query_new(FsSearches *searches, int64_t number, int64_t account_id, const char *text, GError **error)
{
	g_autoptr(StoreSearch) search = store_search_new(text, error);
	g_autofree char *account = search ? store_account_name(searches->store, account_id, error) : NULL;

	if (!account)
		return NULL;
	Query *query = g_new0(Query, 1);
	query->number = number;
	query->account_id = account_id;
	query->account = g_steal_pointer(&account);
	query->search = g_steal_pointer(&search);
	query->refs = 1;
	return query;
}

/* Looked up once more, if it is known. */
static bool
look(FsSearches *searches, int64_t number)
{
	Query *query = g_hash_table_lookup(searches->table, &number);

	if (query)
		query->lookups++;
	return query != NULL;
}

bool
fs_searches_look(FsSearches *searches, int64_t account_id, const char *text, int64_t saved_id, int64_t *number_r,
                 GError **error)
{
	int64_t number = saved_id ? saved_id : hash(account_id, text);

	pthread_mutex_lock(&searches->lock);
	bool known = look(searches, number), allowed = known || saved_id || core_bucket_take(&searches->bucket, core_clock_ms());
	pthread_mutex_unlock(&searches->lock);
	*number_r = allowed ? number : 0;
	if (known || !allowed)
		return true;
	Query *query = query_new(searches, number, account_id, text, error);
	if (!query)
		return false;
	pthread_mutex_lock(&searches->lock);
	if (look(searches, number)) { /* somebody else's, meanwhile */
		query_unref(query);
	} else {
		query->lookups = 1;
		g_hash_table_insert(searches->table, &query->number, query);
	}
	pthread_mutex_unlock(&searches->lock);
	return true;
}

void
fs_searches_forget(FsSearches *searches, int64_t number, uint64_t count)
{
	pthread_mutex_lock(&searches->lock);
	Query *query = g_hash_table_lookup(searches->table, &number);
	if (query) {
		query->lookups -= MIN(count, query->lookups);
		if (query->lookups == 0)
			g_hash_table_remove(searches->table, &number);
	}
	pthread_mutex_unlock(&searches->lock);
}

bool
fs_searches_account(FsSearches *searches, int64_t number, int64_t *account_id_r)
{
	pthread_mutex_lock(&searches->lock);
	const Query *query = g_hash_table_lookup(searches->table, &number);
	if (query)
		*account_id_r = query->account_id;
	pthread_mutex_unlock(&searches->lock);
	return query != NULL;
}

/* Searching. */

static void
found_free(gpointer data)
{
	g_free(((FsFound *)data)->name);
	g_free(data);
}

typedef struct {
	GPtrArray *results;
	GHashTable *names; /* borrowed from results */
} Collecting;

static bool
collect(const StoreFound *found, void *data)
{
	Collecting *collecting = data;
	FsFound *one = g_new(FsFound, 1);

	one->id = found->id;
	one->name = g_strdup(found->name);
	for (unsigned number = 2; g_hash_table_contains(collecting->names, one->name); number++) {
		g_free(one->name);
		one->name = mime_name_distinct(found->name, number);
	}
	g_hash_table_add(collecting->names, one->name);
	g_ptr_array_add(collecting->results, one);
	return true;
}

static GPtrArray *
run(FsSearches *searches, const Query *query, GError **error)
{
	g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
	g_autoptr(GPtrArray) results = g_ptr_array_new_with_free_func(found_free);
	Collecting collecting = { results, names };
	StoreSearchRange range = { .account = query->account };

	if (!store_search_run(searches->store, query->search, &range, collect, &collecting, error))
		return NULL;
	return g_steal_pointer(&results);
}

/* With the lock held: what was not used for longest goes, but for @query's. */
static void
shed(FsSearches *searches, const Query *query)
{
	for (;;) {
		Query *oldest = NULL;
		guint total = 0;
		GHashTableIter iter;
		gpointer value;

		g_hash_table_iter_init(&iter, searches->table);
		while (g_hash_table_iter_next(&iter, NULL, &value)) {
			Query *one = value;
			if (!one->results)
				continue;
			total += one->results->len;
			if (one != query && (!oldest || one->used_ms < oldest->used_ms))
				oldest = one;
		}
		if (total <= KEPT_RESULTS || !oldest)
			return;
		g_clear_pointer(&oldest->results, g_ptr_array_unref);
	}
}

GPtrArray *
fs_searches_results(FsSearches *searches, int64_t number, GError **error)
{
	GPtrArray *results = NULL;

	pthread_mutex_lock(&searches->lock);
	Query *query = g_hash_table_lookup(searches->table, &number);
	uint64_t generation = searches->generation;
	if (query) {
		query->refs++;
		query->used_ms = core_clock_ms();
		if (query->results && query->generation == generation)
			results = g_ptr_array_ref(query->results);
	}
	pthread_mutex_unlock(&searches->lock);
	if (!query)
		return NULL;
	if (!results)
		results = run(searches, query, error);
	pthread_mutex_lock(&searches->lock);
	if (results && results != query->results) {
		g_clear_pointer(&query->results, g_ptr_array_unref);
		query->results = g_ptr_array_ref(results);
		query->generation = generation;
		shed(searches, query);
	}
	query_unref(query);
	pthread_mutex_unlock(&searches->lock);
	return results;
}

void
fs_searches_changed(FsSearches *searches, FsFreshness *freshness)
{
	GHashTableIter iter;
	gpointer value;

	pthread_mutex_lock(&searches->lock);
	searches->generation++;
	g_hash_table_iter_init(&iter, searches->table);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		fs_freshness_stale(freshness, fs_searches_inode(((const Query *)value)->number), NULL);
	pthread_mutex_unlock(&searches->lock);
}
