#include "store/maildir.h"

#include "store/mailboxes.h"
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

void
store_maildir_listen(Store *store)
{
	atomic_store(&store->tells_maildir, true);
}

static bool
describe_message(StoreDb *reader, StoreChange *change, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(reader, STORE_SQL_MAILDIR_GET);
	StoreMaildirEntry was;
	GError *failure = NULL;

	store_bind_int(query, ":mailbox", change->mailbox_id);
	store_bind_int(query, ":id", change->message_id);
	if (take_one(reader, query, &was, &failure))
		change->was = g_memdup2(&was, sizeof was);
	if (failure)
		g_propagate_error(error, failure);
	return !failure;
}

static bool
describe_mailbox(const StoreReader *reader, StoreChange *change, GError **error)
{
	GError *failure = NULL;
	g_autofree char *path = store_mailbox_path(reader->store, change->mailbox_id, &failure);
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
	StoreStep step = STORE_DONE;

	if (path) {
		g_autoptr(StoreQuery) query = store_db_query(reader->db, STORE_SQL_MAILBOX_PATHS);
		store_bind_int(query, ":id", change->mailbox_id);
		store_bind_text(query, ":path", path);
		while ((step = store_query_step(reader->db, query, &failure)) == STORE_ROW)
			g_ptr_array_add(paths, g_strdup(store_column_text(query, 0)));
	}
	if (failure) {
		g_propagate_error(error, failure);
		return false;
	}
	if (paths->len == 0)
		return true;
	g_ptr_array_add(paths, NULL);
	change->paths = (char *const *)g_ptr_array_free(g_steal_pointer(&paths), FALSE);
	return true;
}

static bool
describe(const StoreReader *reader, StoreChange *change, GError **error)
{
	switch (change->kind) {
	case STORE_CHANGE_MESSAGE_REMOVED:
	case STORE_CHANGE_MESSAGE_RENAMED:
	case STORE_CHANGE_MESSAGE_FLAGS:
	case STORE_CHANGE_MESSAGE_CONTENT:
		return describe_message(reader->db, change, error);
	case STORE_CHANGE_MAILBOX_REMOVED:
	case STORE_CHANGE_MAILBOX_KIND:
		return describe_mailbox(reader, change, error);
	case STORE_CHANGE_MESSAGE_ADDED:
	case STORE_CHANGE_MAILBOX_ADDED:
	case STORE_CHANGE_ACCOUNT_ADDED:
		return true;
	default:
		g_assert_not_reached();
	}
}

bool
store_maildir_describe(StoreTxn *txn, GError **error)
{
	if (!atomic_load(&txn->store->tells_maildir))
		return true;
	g_auto(StoreReader) reader = store_reader_get(txn->store, error); /* sees what was before the transaction */
	bool ok = reader.db != NULL;
	for (guint i = 0; i < txn->changes->len && ok; i++)
		ok = describe(&reader, &g_array_index(txn->changes, StoreChange, i), error);
	return ok;
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
