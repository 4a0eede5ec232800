#include "store/maildir.h"

#include "store/operation-rows.h"

#include <string.h>

void
store_maildir_entry_clear(StoreMaildirEntry *entry)
{
	g_free((void *)(uintptr_t)entry->entry.name);
	g_free((void *)(uintptr_t)entry->flags);
	g_free((void *)(uintptr_t)entry->base);
	*entry = (StoreMaildirEntry){ 0 };
}

/* @deltas as the statements give them. */
static char *
apply_deltas(const char *base_flags, const char *deltas)
{
	g_auto(GStrv) lines = g_strsplit(deltas, "\n", -1);
	char *flags = g_strdup(base_flags);

	for (char **line = lines; *line; line++) {
		g_auto(GStrv) delta = g_strsplit(*line, "\t", 2);
		char *after = store_flags_apply(flags, delta[0], delta[1]);
		g_free(flags);
		flags = after;
	}
	return flags;
}

/* *changed_r: the flags, if they are not the query's: g_free(). */
static StoreMaildirEntry
take_row(StoreQuery *query, char **changed_r)
{
	const char *flags = store_column_text(query, 8), *deltas = store_column_text(query, 9);

	*changed_r = deltas ? apply_deltas(flags, deltas) : NULL;
	return (StoreMaildirEntry){
		.entry = store_entry_take_row(query),
		.flags = *changed_r ? *changed_r : flags,
		.base = store_column_text(query, 10),
		.is_old = sqlite3_column_int(query, 11) != 0,
	};
}

bool
store_maildir_list(Store *store, int64_t place_id, int64_t after, StoreMaildirFn fn, void *data, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);
	StoreStep step;

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_MAILDIR_LIST);
	store_bind_int(query, ":mailbox", place_id);
	store_bind_int(query, ":after", after);
	while ((step = store_query_step(reader.db, query, error)) == STORE_ROW) {
		g_autofree char *changed = NULL;
		StoreMaildirEntry entry = take_row(query, &changed);
		if (!fn(&entry, data))
			return true;
	}
	return step == STORE_DONE;
}

static bool
take_one(StoreDb *db, StoreQuery *query, StoreMaildirEntry *entry_r, GError **error)
{
	g_autofree char *changed = NULL;

	if (!store_query_row(db, query, error))
		return false;
	*entry_r = take_row(query, &changed);
	entry_r->entry.name = g_strdup(entry_r->entry.name);
	entry_r->flags = changed ? g_steal_pointer(&changed) : g_strdup(entry_r->flags);
	entry_r->base = g_strdup(entry_r->base);
	return true;
}

bool
store_maildir_find(Store *store, int64_t place_id, const char *base, StoreMaildirEntry *entry_r, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_MAILDIR_FIND);
	store_bind_int(query, ":mailbox", place_id);
	store_bind_text(query, ":base", base);
	return take_one(reader.db, query, entry_r, error);
}

bool
store_maildir_get(Store *store, int64_t place_id, int64_t id, StoreMaildirEntry *entry_r, GError **error)
{
	g_auto(StoreReader) reader = store_reader_get(store, error);

	if (!reader.db)
		return false;
	g_autoptr(StoreQuery) query = store_db_query(reader.db, STORE_SQL_MAILDIR_GET);
	store_bind_int(query, ":mailbox", place_id);
	store_bind_int(query, ":id", id);
	return take_one(reader.db, query, entry_r, error);
}

bool
store_maildir_set(StoreTxn *txn, int64_t id, const char *base, bool is_old, GError **error)
{
	g_auto(StoreMessage) row = { 0 };

	if (!store_txn_message_there(txn, id, &row, error))
		return false;
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MAILDIR_SET);
	store_bind_int(query, ":id", id);
	store_bind_text(query, ":base", base);
	store_bind_int(query, ":old", is_old);
	return store_query_run(txn->db, query, error) &&
	       store_message_tell(txn, STORE_CHANGE_MESSAGE_FLAGS, &row, row.name, error);
}
