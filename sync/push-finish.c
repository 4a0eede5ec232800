/* MOVEs whose copies were made before, in another run or before a cut: what is left is to remove the sources.
 *
 * Meanwhile others may have removed the copies, or the target with all that was in it; then the sources are the last that
 * there is.  So the copies are looked at first.  What the target does not have any more is held.  If the target has
 * another UIDVALIDITY since the copies were made, they are looked for by content, as after a cut (outcome.c).
 */
#include "sync/push.h"

/* Those of the batch whose copies were made when the target had the UIDVALIDITY that it has now, or (@as_now false) another
 * one. */
static GArray *
pick(const SyncBatch *batch, bool as_now)
{
	GArray *items = g_array_new(FALSE, FALSE, sizeof(SyncItem));

	for (guint i = 0; i < batch->items->len; i++) {
		SyncItem item = g_array_index(batch->items, SyncItem, i);
		if ((item.target_uidvalidity == batch->target.uidvalidity) != as_now)
			continue;
		item.target_uid = as_now ? item.target_uid : 0;
		g_array_append_val(items, item);
	}
	return items;
}

/* All that is in the target may be a copy. */
static bool
find_anew(SyncWorker *worker, const SyncBatch *batch, GError **error)
{
	g_autoptr(GArray) items = pick(batch, false);
	SyncBatch some = *batch;

	some.items = items;
	if (items->len == 0)
		return true;
	if (!sync_push_send(worker, &some, batch->target.uidvalidity, 1, error))
		return false;
	return items->len == 0 || sync_outcome(worker, &some, error);
}

static bool
look_at_copies(SyncWorker *worker, const SyncBatch *batch, ImapUidSet *shown_r, GError **error)
{
	g_auto(ImapSelected) selected = { 0 };
	g_auto(ImapUidSet) uids = { 0 };
	bool sure;

	if (!sync_worker_examine(worker, batch->target.server_name, NULL, &selected, error))
		return false;
	if (selected.uidvalidity != batch->target.uidvalidity)
		return sync_push_outdated(worker, batch->target_path, error);
	for (guint i = 0; i < batch->items->len; i++)
		imap_uidset_add(&uids, g_array_index(batch->items, SyncItem, i).target_uid);
	if (!sync_search(worker, &uids, shown_r, &sure, error))
		return false;
	return sure || core_throw(error, CORE_ERROR_REFUSED, "the server does not tell what is in %s", batch->target_path);
}

/* Takes those without a copy out of batch->items. */
static bool
hold_uncopied(SyncWorker *worker, const SyncBatch *batch, const ImapUidSet *shown, GError **error)
{
	g_autoptr(GArray) lost = g_array_new(FALSE, FALSE, sizeof(SyncItem));
	g_autofree char *words = g_strdup_printf("its copy has gone from %s meanwhile; confirm moves it there once more",
	                                         batch->target_path);
	SyncBatch some = *batch;
	guint kept = 0;

	for (guint i = 0; i < batch->items->len; i++) {
		SyncItem item = g_array_index(batch->items, SyncItem, i);
		if (imap_uidset_has(shown, item.target_uid))
			g_array_index(batch->items, SyncItem, kept++) = item;
		else
			g_array_append_val(lost, item);
	}
	g_array_set_size(batch->items, kept);
	some.items = lost;
	if (lost->len == 0)
		return true;
	if (!sync_push_send(worker, &some, batch->target.uidvalidity, batch->target.uidnext, error))
		return false;
	g_autoptr(GArray) ends = sync_ends_new(&some);
	for (guint i = 0; i < ends->len; i++)
		sync_end_set(sync_ends_at(ends, i), SYNC_END_UNCOPIED, 0, words);
	return sync_push_end(worker, &some, ends, error);
}

static bool
remove_sources(SyncWorker *worker, const SyncBatch *batch, GError **error)
{
	const StoreMailbox *target = &batch->target;

	return sync_push_select(worker, &batch->mailbox, batch->path, error) &&
	       sync_push_send(worker, batch, target->uidvalidity, target->uidnext, error) &&
	       sync_push_take_away(worker, batch, SYNC_END_UID, error);
}

bool
sync_push_finish(SyncWorker *worker, const SyncBatch *batch, GError **error)
{
	g_autoptr(GArray) items = pick(batch, true);
	g_auto(ImapUidSet) shown = { 0 };
	SyncBatch some = *batch;

	some.items = items;
	if (!find_anew(worker, batch, error))
		return false;
	if (items->len == 0)
		return true;
	return look_at_copies(worker, &some, &shown, error) && hold_uncopied(worker, &some, &shown, error) &&
	       (items->len == 0 || remove_sources(worker, &some, error));
}
