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
	GPtrArray *list;   /* of FsFound; NULL: not looked for, or forgotten */
	GHashTable *names; /* to those; borrowed from the list, as its keys are */
} Results;

typedef struct {
	int64_t number, account_id;
	char *account;
	StoreSearch *search;
	uint64_t lookups;
	Results results;
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
results_clear(Results *results)
{
	g_clear_pointer(&results->names, g_hash_table_unref);
	g_clear_pointer(&results->list, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Results, results_clear)

static Results
results_ref(const Results *results)
{
	return (Results){ g_ptr_array_ref(results->list), g_hash_table_ref(results->names) };
}

static void
query_unref(Query *query)
{
	if (--query->refs > 0)
		return;
	store_search_free(query->search);
	results_clear(&query->results);
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

static bool
collect(const StoreFound *found, void *data)
{
	const Results *results = data;
	FsFound *one = g_new(FsFound, 1);

	one->id = found->id;
	one->name = g_strdup(found->name);
	for (unsigned number = 2; g_hash_table_contains(results->names, one->name); number++) {
		g_free(one->name);
		one->name = mime_name_distinct(found->name, number);
	}
	g_hash_table_insert(results->names, one->name, one);
	g_ptr_array_add(results->list, one);
	return true;
}

static bool
run(FsSearches *searches, const Query *query, Results *results_r, GError **error)
{
	g_auto(Results) results = { g_ptr_array_new_with_free_func(found_free), g_hash_table_new(g_str_hash, g_str_equal) };
	StoreSearchRange range = { .account = query->account };

	if (!store_search_run(searches->store, query->search, &range, collect, &results, error))
		return false;
	*results_r = results;
	results = (Results){ 0 };
	return true;
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
			if (!one->results.list)
				continue;
			total += one->results.list->len;
			if (one != query && (!oldest || one->used_ms < oldest->used_ms))
				oldest = one;
		}
		if (total <= KEPT_RESULTS || !oldest)
			return;
		results_clear(&oldest->results);
	}
}

/* False with *error unset: nobody looks at such a one. */
static bool
take(FsSearches *searches, int64_t number, Results *results_r, GError **error)
{
	pthread_mutex_lock(&searches->lock);
	Query *query = g_hash_table_lookup(searches->table, &number);
	uint64_t generation = searches->generation;
	bool ok = query && query->results.list && query->generation == generation;
	if (query) {
		query->refs++;
		query->used_ms = core_clock_ms();
	}
	if (ok)
		*results_r = results_ref(&query->results);
	pthread_mutex_unlock(&searches->lock);
	if (!query)
		return false;
	bool is_new = !ok && run(searches, query, results_r, error);
	pthread_mutex_lock(&searches->lock);
	if (is_new) {
		results_clear(&query->results);
		query->results = results_ref(results_r);
		query->generation = generation;
		shed(searches, query);
	}
	query_unref(query);
	pthread_mutex_unlock(&searches->lock);
	return ok || is_new;
}

GPtrArray *
fs_searches_results(FsSearches *searches, int64_t number, GError **error)
{
	g_auto(Results) results = { 0 };

	return take(searches, number, &results, error) ? g_steal_pointer(&results.list) : NULL;
}

bool
fs_searches_find(FsSearches *searches, int64_t number, const char *name, int64_t *id_r, GError **error)
{
	g_auto(Results) results = { 0 };

	if (!take(searches, number, &results, error))
		return false;
	const FsFound *found = g_hash_table_lookup(results.names, name);
	if (found)
		*id_r = found->id;
	return found != NULL;
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
