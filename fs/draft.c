#include "fs/draft-private.h"

#include "core/clock.h"
#include "fs/error.h"
#include "store/files.h"

#include <errno.h>
#include <string.h>

static void
draft_unref(FsDraftFile *draft)
{
	if (--draft->refs > 0)
		return;
	fs_content_clear(&draft->content);
	pthread_mutex_destroy(&draft->lock);
	g_free(draft->name);
	g_free(draft->flags);
	g_free(draft);
}

bool
fs_drafts_want_ids(FsDrafts *drafts)
{
	pthread_mutex_lock(&drafts->lock);
	bool due = drafts->spare_is_due && drafts->end_id - drafts->next_id < FS_DRAFT_IDS / 2;
	drafts->spare_is_due &= !due;
	pthread_mutex_unlock(&drafts->lock);
	return due;
}

bool
fs_drafts_reserve_ids(StoreTxn *txn, int64_t *first_r, GError **error)
{
	return store_file_reserve(txn, FS_DRAFT_IDS, first_r, error);
}

void
fs_drafts_take_ids(FsDrafts *drafts, int64_t first)
{
	pthread_mutex_lock(&drafts->lock);
	drafts->spare_id = first;
	drafts->spare_is_due = first == 0;
	pthread_mutex_unlock(&drafts->lock);
}

FsDrafts *
fs_drafts_new(Store *store, GError **error)
{
	g_autoptr(StoreTxn) txn = store_begin(store, error);
	int64_t first;

	if (!txn || !fs_drafts_reserve_ids(txn, &first, error) || !store_commit(g_steal_pointer(&txn), error))
		return NULL;
	FsDrafts *drafts = g_new0(FsDrafts, 1);
	drafts->store = store;
	drafts->next_id = first;
	drafts->end_id = first + FS_DRAFT_IDS;
	drafts->spare_is_due = true;
	pthread_mutex_init(&drafts->lock, NULL);
	drafts->table = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, (GDestroyNotify)draft_unref);
	drafts->ends = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
	drafts->removed = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	return drafts;
}

void
fs_drafts_free(FsDrafts *drafts)
{
	if (!drafts)
		return;
	g_hash_table_unref(drafts->table);
	g_hash_table_unref(drafts->ends);
	g_hash_table_unref(drafts->removed);
	pthread_mutex_destroy(&drafts->lock);
	g_free(drafts);
}

void
fs_drafts_count(FsDrafts *drafts)
{
	atomic_store(&drafts->count, g_hash_table_size(drafts->table) + g_hash_table_size(drafts->removed));
}

/* Mostly nothing is being written, and whoever only reads need not wait for others to find that out. */
static bool
is_idle(FsDrafts *drafts)
{
	return atomic_load(&drafts->count) == 0;
}

FsDraftFile *
fs_drafts_add(FsDrafts *drafts, int64_t id, int64_t mailbox_id, const char *name)
{
	FsDraftFile *draft = g_new0(FsDraftFile, 1);

	draft->id = id;
	draft->refs = 1; /* the table's */
	draft->mailbox_id = mailbox_id;
	draft->name = g_strdup(name);
	draft->time_s = core_clock_wall_s();
	draft->written_ms = core_clock_ms();
	pthread_mutex_init(&draft->lock, NULL);
	fs_content_init(&draft->content, store_dir(drafts->store));
	g_hash_table_insert(drafts->table, &draft->id, draft);
	fs_drafts_count(drafts);
	return draft;
}

static FsDraft
describe(const FsDraftFile *draft)
{
	return (FsDraft){ draft->id, draft->mailbox_id, NULL, draft->size, draft->time_s, draft->is_new };
}

/* Whether there is one for the next file; with the lock held. */
static bool
take_id(FsDrafts *drafts)
{
	if (drafts->next_id == drafts->end_id && drafts->spare_id != 0) {
		drafts->next_id = drafts->spare_id;
		drafts->end_id = drafts->spare_id + FS_DRAFT_IDS;
		drafts->spare_id = 0;
		drafts->spare_is_due = true;
	}
	return drafts->next_id < drafts->end_id;
}

bool
fs_drafts_create(FsDrafts *drafts, int64_t mailbox_id, const char *name, bool is_tmp, const FsPredecessor *predecessor,
                 FsDraft *draft_r, GError **error)
{
	pthread_mutex_lock(&drafts->lock);
	bool ok = take_id(drafts);
	if (ok) {
		FsDraftFile *draft = fs_drafts_add(drafts, drafts->next_id++, mailbox_id, name);
		draft->is_new = true;
		draft->is_file = true;
		draft->is_tmp = is_tmp;
		draft->is_users_name = true;
		if (predecessor && predecessor->id != 0) {
			draft->predecessor = *predecessor;
			draft->is_users_name = predecessor->is_users_name;
		}
		draft->generation = ++drafts->generations;
		drafts->news++;
		*draft_r = describe(draft);
	}
	pthread_mutex_unlock(&drafts->lock);
	return ok || fs_throw(error, EAGAIN); /* the disk is far behind: thousands were made since ids were asked for */
}

static bool
is_seen(const FsDraftFile *draft, int64_t mailbox_id)
{
	return draft->is_new && !draft->is_gone && draft->mailbox_id == mailbox_id;
}

bool
fs_drafts_find(FsDrafts *drafts, int64_t mailbox_id, const char *name, FsDraft *draft_r)
{
	GHashTableIter iter;
	gpointer value;
	bool found = false;

	if (is_idle(drafts))
		return false;
	pthread_mutex_lock(&drafts->lock);
	if (drafts->news > 0) {
		g_hash_table_iter_init(&iter, drafts->table);
		while (!found && g_hash_table_iter_next(&iter, NULL, &value)) {
			const FsDraftFile *draft = value;
			found = is_seen(draft, mailbox_id) && strcmp(draft->name, name) == 0;
			if (found)
				*draft_r = describe(draft);
		}
	}
	pthread_mutex_unlock(&drafts->lock);
	return found;
}

static void
free_described(gpointer data)
{
	g_free(((FsDraft *)data)->name);
}

static int
compare_ids(gconstpointer a, gconstpointer b)
{
	int64_t left = ((const FsDraft *)a)->id, right = ((const FsDraft *)b)->id;

	return left < right ? -1 : left > right;
}

GArray *
fs_drafts_list(FsDrafts *drafts, int64_t mailbox_id, bool of_maildir, int64_t after)
{
	GArray *seen = g_array_new(FALSE, FALSE, sizeof(FsDraft));
	GHashTableIter iter;
	gpointer value;

	g_array_set_clear_func(seen, free_described);
	pthread_mutex_lock(&drafts->lock);
	if (drafts->news > 0) {
		g_hash_table_iter_init(&iter, drafts->table);
		while (g_hash_table_iter_next(&iter, NULL, &value)) {
			const FsDraftFile *draft = value;
			FsDraft one = describe(draft);
			if (!is_seen(draft, mailbox_id) || draft->id <= after || (strchr(draft->name, '/') != NULL) != of_maildir)
				continue;
			one.name = g_strdup(draft->name);
			g_array_append_val(seen, one);
		}
	}
	pthread_mutex_unlock(&drafts->lock);
	g_array_sort(seen, compare_ids);
	return seen;
}

bool
fs_drafts_any(FsDrafts *drafts, int64_t mailbox_id)
{
	GHashTableIter iter;
	gpointer value;
	bool any = false;

	if (is_idle(drafts))
		return false;
	pthread_mutex_lock(&drafts->lock);
	g_hash_table_iter_init(&iter, drafts->table);
	while (!any && g_hash_table_iter_next(&iter, NULL, &value))
		any = is_seen(value, mailbox_id);
	pthread_mutex_unlock(&drafts->lock);
	return any;
}

bool
fs_drafts_get(FsDrafts *drafts, int64_t id, FsDraft *draft_r)
{
	if (is_idle(drafts))
		return false;
	pthread_mutex_lock(&drafts->lock);
	const FsDraftFile *draft = g_hash_table_lookup(drafts->table, &id);
	if (draft)
		*draft_r = describe(draft);
	pthread_mutex_unlock(&drafts->lock);
	return draft != NULL;
}

FsDraftFile *
fs_drafts_hold(FsDrafts *drafts, int64_t id)
{
	while (!is_idle(drafts)) {
		pthread_mutex_lock(&drafts->lock);
		FsDraftFile *draft = g_hash_table_lookup(drafts->table, &id);
		if (draft)
			draft->refs++;
		pthread_mutex_unlock(&drafts->lock);
		if (!draft)
			return NULL;
		pthread_mutex_lock(&draft->lock);
		if (!atomic_load(&draft->is_out)) /* it was not saved while we waited for it */
			return draft;
		fs_drafts_let_go(drafts, draft);
	}
	return NULL;
}

void
fs_drafts_let_go(FsDrafts *drafts, FsDraftFile *draft)
{
	pthread_mutex_unlock(&draft->lock);
	pthread_mutex_lock(&drafts->lock);
	draft_unref(draft);
	pthread_mutex_unlock(&drafts->lock);
}

bool
fs_drafts_set_time(FsDrafts *drafts, int64_t id, int64_t time_s)
{
	pthread_mutex_lock(&drafts->lock);
	FsDraftFile *draft = g_hash_table_lookup(drafts->table, &id);
	if (draft) {
		draft->time_s = time_s;
		draft->dated = true;
		draft->generation = ++drafts->generations;
	}
	pthread_mutex_unlock(&drafts->lock);
	return draft != NULL;
}

bool
fs_drafts_set_flags(FsDrafts *drafts, int64_t id, const char *flags)
{
	pthread_mutex_lock(&drafts->lock);
	FsDraftFile *draft = g_hash_table_lookup(drafts->table, &id);
	if (draft) {
		g_free(draft->flags);
		draft->flags = g_strdup(flags);
		draft->generation = ++drafts->generations;
	}
	pthread_mutex_unlock(&drafts->lock);
	return draft != NULL;
}

char *
fs_drafts_name(FsDrafts *drafts, int64_t id)
{
	pthread_mutex_lock(&drafts->lock);
	const FsDraftFile *draft = g_hash_table_lookup(drafts->table, &id);
	char *name = draft ? g_strdup(draft->name) : NULL;
	pthread_mutex_unlock(&drafts->lock);
	return name;
}

/* With the lock held. */
static void
set_gone(FsDrafts *drafts, FsDraftFile *draft, bool is_gone)
{
	if (draft && draft->is_gone != is_gone) {
		drafts->news += draft->is_new ? (is_gone ? -1U : 1) : 0;
		draft->is_gone = is_gone;
	}
}

void
fs_drafts_drop(FsDrafts *drafts, int64_t id)
{
	pthread_mutex_lock(&drafts->lock);
	set_gone(drafts, g_hash_table_lookup(drafts->table, &id), true);
	g_hash_table_add(drafts->removed, g_memdup2(&id, sizeof id));
	fs_drafts_count(drafts);
	pthread_mutex_unlock(&drafts->lock);
}

void
fs_drafts_restore(FsDrafts *drafts, int64_t id)
{
	pthread_mutex_lock(&drafts->lock);
	set_gone(drafts, g_hash_table_lookup(drafts->table, &id), false);
	g_hash_table_remove(drafts->removed, &id);
	fs_drafts_count(drafts);
	pthread_mutex_unlock(&drafts->lock);
}

bool
fs_drafts_is_removed(FsDrafts *drafts, int64_t id)
{
	if (is_idle(drafts))
		return false;
	pthread_mutex_lock(&drafts->lock);
	bool is_removed = g_hash_table_contains(drafts->removed, &id);
	pthread_mutex_unlock(&drafts->lock);
	return is_removed;
}

void
fs_drafts_take_out(FsDrafts *drafts, FsDraftFile *draft)
{
	atomic_store(&draft->is_out, true);
	g_hash_table_remove(drafts->table, &draft->id);
	fs_drafts_count(drafts);
}

void
fs_drafts_undo_cut(FsDrafts *drafts, int64_t id)
{
	FsDraftFile *draft = fs_drafts_hold(drafts, id);

	if (!draft)
		return;
	pthread_mutex_lock(&drafts->lock);
	if (!draft->is_gone && draft->cut != 0 && draft->cut == draft->generation)
		fs_drafts_take_out(drafts, draft);
	pthread_mutex_unlock(&drafts->lock);
	fs_drafts_let_go(drafts, draft);
}

/* With the lock held: nobody can write any more to what was removed. */
static void
end_removed(FsDrafts *drafts, int64_t id)
{
	FsDraftFile *draft = g_hash_table_lookup(drafts->table, &id);

	if (draft && draft->is_gone)
		fs_drafts_take_out(drafts, draft);
	g_hash_table_remove(drafts->removed, &id);
	fs_drafts_count(drafts);
}

void
fs_drafts_shown(FsDrafts *drafts, int64_t id)
{
	if (is_idle(drafts))
		return;
	pthread_mutex_lock(&drafts->lock);
	if (g_hash_table_contains(drafts->removed, &id))
		end_removed(drafts, id);
	pthread_mutex_unlock(&drafts->lock);
}

void
fs_drafts_forget(FsDrafts *drafts, int64_t id)
{
	pthread_mutex_lock(&drafts->lock);
	end_removed(drafts, id);
	pthread_mutex_unlock(&drafts->lock);
}

void
fs_drafts_moved(FsDrafts *drafts, int64_t id, int64_t mailbox_id, const char *name)
{
	pthread_mutex_lock(&drafts->lock);
	FsDraftFile *draft = g_hash_table_lookup(drafts->table, &id);
	if (draft) {
		g_free(draft->name);
		draft->name = g_strdup(name);
		draft->mailbox_id = mailbox_id;
	}
	pthread_mutex_unlock(&drafts->lock);
}

GArray *
fs_drafts_unsaved(FsDrafts *drafts, int64_t quiet_ms)
{
	GArray *ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
	int64_t now_ms = core_clock_ms();
	GHashTableIter iter;
	gpointer value;

	pthread_mutex_lock(&drafts->lock);
	g_hash_table_iter_init(&iter, drafts->table);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const FsDraftFile *draft = value;
		if (!draft->is_gone && draft->generation != draft->saved && now_ms - draft->written_ms >= quiet_ms)
			g_array_append_val(ids, draft->id);
	}
	pthread_mutex_unlock(&drafts->lock);
	return ids;
}
