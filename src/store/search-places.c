#include "store/search-places.h"

#include "store/mailbox-rows.h"

#include <string.h>

char *
store_fold(const char *text)
{
	g_autofree char *apart = g_utf8_normalize(text, -1, G_NORMALIZE_ALL);
	g_autoptr(GString) plain = g_string_new(NULL);

	for (const char *c = apart ? apart : text; *c; c = apart ? g_utf8_next_char(c) : c + 1) {
		if (!apart)
			g_string_append_c(plain, *c);
		else if (g_unichar_type(g_utf8_get_char(c)) != G_UNICODE_NON_SPACING_MARK)
			g_string_append_unichar(plain, g_utf8_get_char(c));
	}
	return apart ? g_utf8_casefold(plain->str, -1) : g_string_free(g_steal_pointer(&plain), FALSE);
}

static void
place_free(void *data)
{
	StorePlace *place = data;

	g_free(place->name);
	g_free(place->account);
	g_free(place->folded);
	g_free(place->path);
	g_free(place);
}

static bool
load(StoreDb *db, const char *account, GHashTable *places, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(db, STORE_SQL_SEARCH_MAILBOXES);
	StoreStep step;

	while ((step = store_query_step(db, query, error)) == STORE_ROW) {
		if (account && g_strcmp0(account, store_column_text(query, 3)) != 0)
			continue;
		StorePlace *place = g_new0(StorePlace, 1);
		place->id = sqlite3_column_int64(query, 0);
		place->parent_id = sqlite3_column_int64(query, 1);
		place->name = g_strdup(store_column_text(query, 2));
		place->account = g_strdup(store_column_text(query, 3));
		g_hash_table_replace(places, &place->id, place);
	}
	return step == STORE_DONE;
}

/* Whether the path ends with @folder, "archiv/2024", folded. */
static bool
ends_with(const StorePlace *place, const char *folder)
{
	const char *end = folder + strlen(folder), *start;

	for (;; end = start - 1, place = place->parent) {
		for (start = end; start > folder && start[-1] != '/'; start--)
			;
		if (!place || strlen(place->folded) != (size_t)(end - start) ||
		    memcmp(place->folded, start, (size_t)(end - start)) != 0)
			return false;
		if (start == folder)
			return true;
	}
}

/* What is known of the parent first.  False: its parent has gone, or it is inside itself. */
static bool
settle(GHashTable *places, StorePlace *place, char *const *folders, unsigned levels)
{
	if (place->depth > 0)
		return true;
	if (levels == 0)
		return false;
	if (place->parent_id != 0) {
		place->parent = g_hash_table_lookup(places, &place->parent_id);
		if (!place->parent || !settle(places, place->parent, folders, levels - 1))
			return false;
	}
	place->depth = place->parent ? place->parent->depth + 1 : 1;
	place->path = place->parent ? g_strconcat(place->parent->path, "/", place->name, NULL) : g_strdup(place->name);
	place->folders = place->parent ? place->parent->folders : 0;
	for (unsigned i = 0; folders[i]; i++) {
		if (!place->folded)
			place->folded = store_fold(place->name);
		if (ends_with(place, folders[i]))
			place->folders |= UINT64_C(1) << i;
	}
	return true;
}

GHashTable *
store_places_load(StoreDb *db, const char *account, const GPtrArray *folders, GError **error)
{
	g_autoptr(GHashTable) places = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, place_free);
	g_auto(GStrv) folded = g_new0(char *, folders->len + 1);
	GHashTableIter iter;
	void *value;

	if (!load(db, account, places, error))
		return NULL;
	for (unsigned i = 0; i < folders->len; i++)
		folded[i] = store_fold(folders->pdata[i]);
	g_hash_table_iter_init(&iter, places);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		settle(places, value, folded, STORE_MAILBOX_MAX_DEPTH);
	g_hash_table_iter_init(&iter, places);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		if (((const StorePlace *)value)->depth == 0)
			g_hash_table_iter_remove(&iter);
	}
	return g_steal_pointer(&places);
}
