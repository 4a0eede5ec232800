/* Operations that were sent when a connection or the program ended: what became of them (docs/sync.md).
 *
 *   APPEND, COPY   in the target: done        not there: again, unless something that came there since has gone
 *   MOVE           in the target, and         not there, and
 *                  gone at the source: done   gone at the source: it is no more (another client removed it)
 *                  still there: a copy, whose original is yet to be removed
 *                                             still there: again
 *
 * Where it cannot be told whether what is in the target is ours, the operation is held; but a message that has left its
 * source needs nothing more: the next pull of the target brings it.
 *
 * The server may still be doing what the connection before has sent.  So what is not there is believed only when there was
 * quiet for long enough (quiet.h): until then the operation stays as it is, and is one of worker->awaited.
 */
#include "sync/outcome.h"

#include "core/clock.h"

#include <string.h>

/* What a search in the target told. */
typedef enum { ABSENT, GONE, PRESENT, UNSURE } Copy;

/* The items that are to be looked for, their UIDs in the target (as sync_outcome_find() tells) and at the source. */
typedef struct {
	SyncWorker *worker;
	const SyncBatch *batch;
	uint32_t *uids;  /* in the target; one for each item, as the next */
	bool *has_departed; /* MOVE: the message is not at its source any more */
	bool *is_open;   /* MOVE: it is not known whether it is */
	bool is_early;   /* what is not there may yet come */
} Outcome;

static const SyncItem *
item(const Outcome *outcome, guint i)
{
	return &g_array_index(outcome->batch->items, SyncItem, i);
}

/* A target that the server has not any more: what came there went with it. */
static bool
has_target(const SyncBatch *batch)
{
	return batch->target.id != 0 && batch->target.server_name != NULL;
}

/* MOVEs whose copy is known need not be looked for, unless it was made under another UIDVALIDITY.  Of a batch either all
 * have been copied, or none. */
static bool
find_copies(Outcome *outcome, GError **error)
{
	SyncBatch sought = *outcome->batch;
	SyncCertainty certainty = sought.items->len > 0 && item(outcome, 0)->target_uid != 0 ? SYNC_ACCEPTED : SYNC_SOUGHT;
	g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(SyncItem)), where = g_array_new(FALSE, FALSE, sizeof(guint));

	for (guint i = 0; i < outcome->batch->items->len; i++) {
		bool is_known = item(outcome, i)->target_uidvalidity == sought.target.uidvalidity;
		outcome->uids[i] = is_known ? item(outcome, i)->target_uid : 0;
		if (outcome->uids[i] != 0)
			continue;
		g_array_append_val(items, *item(outcome, i));
		g_array_append_val(where, i);
	}
	if (items->len == 0 || !has_target(outcome->batch))
		return true;
	g_autofree uint32_t *uids = g_new0(uint32_t, items->len);
	sought.items = items;
	if (!sync_outcome_find(outcome->worker, &sought, certainty, uids, error))
		return false;
	for (guint i = 0; i < items->len; i++)
		outcome->uids[g_array_index(where, guint, i)] = uids[i];
	return true;
}

/* A row without a UID: a pull was told that the message left (MOVING), or the mailbox got a new UIDVALIDITY and the row is
 * yet to be matched. */
static bool
ask_row(Outcome *outcome, guint i, GError **error)
{
	g_auto(StoreMessage) message = { 0 };
	GError *failure = NULL;

	if (!store_message_get(outcome->worker->run->store, item(outcome, i)->message_id, &message, &failure) && failure) {
		g_propagate_error(error, failure);
		return false;
	}
	outcome->is_open[i] = message.id != 0 && message.state == STORE_MESSAGE_UNMATCHED;
	outcome->has_departed[i] = !outcome->is_open[i];
	return true;
}

/* Which of the messages are still where they were. */
static bool
look_at_source(Outcome *outcome, GError **error)
{
	const StoreMailbox *mailbox = &outcome->batch->mailbox;
	g_auto(ImapSelected) selected = { 0 };
	g_auto(ImapUidSet) uids = { 0 }, shown = { 0 };
	bool is_sure;

	for (guint i = 0; i < outcome->batch->items->len; i++) {
		uint32_t uid = item(outcome, i)->uid;
		if (uid == 0 && !ask_row(outcome, i, error))
			return false;
		imap_uidset_add(&uids, uid);
	}
	if (uids.count == 0)
		return true;
	if (!mailbox->server_name) { /* it is gone, with all that was in it */
		for (guint i = 0; i < outcome->batch->items->len; i++)
			outcome->has_departed[i] = !outcome->is_open[i];
		return true;
	}
	if (!sync_worker_examine(outcome->worker, mailbox->server_name, NULL, &selected, error))
		return false;
	if (selected.uidvalidity != mailbox->uidvalidity)
		return sync_push_outdated(outcome->worker, "it", error);
	if (!sync_search(outcome->worker, &uids, &shown, &is_sure, error))
		return false;
	for (guint i = 0; i < outcome->batch->items->len; i++) {
		uint32_t uid = item(outcome, i)->uid;
		if (uid == 0)
			continue;
		outcome->has_departed[i] = is_sure && !imap_uidset_has(&shown, uid);
		outcome->is_open[i] = !is_sure && !imap_uidset_has(&shown, uid);
	}
	return true;
}

static void
hold(const Outcome *outcome, Copy copy, SyncEnd *end)
{
	const char *to = outcome->batch->target_path;
	g_autofree char *words = g_strdup_printf(
		copy == GONE ? "the connection ended before the server answered, and something that came to %s since has gone from "
		               "there, which may have been this one; look for it, then confirm (it is %s) or undo"
		             : "the connection ended before the server answered, and %s has a message that may or may not be this "
		               "one; look there, then confirm (it is %s) or undo",
		to,
		outcome->batch->kind == STORE_OPERATION_APPEND ? "uploaded once more" :
		outcome->batch->kind == STORE_OPERATION_COPY   ? "copied once more" :
		                                                 "moved there");

	sync_end_set(end, SYNC_END_HOLD, 0, words);
}

static void
settle_move(const Outcome *outcome, guint i, Copy copy, SyncEnd *end)
{
	if (outcome->is_open[i])
		sync_end_set(end, SYNC_END_LEFT, 0, NULL);
	else if (outcome->has_departed[i] && copy == PRESENT)
		sync_end_set(end, SYNC_END_UID, outcome->uids[i], NULL);
	else if (outcome->has_departed[i])
		sync_end_set(end, SYNC_END_GONE, 0, NULL);
	else if (copy == PRESENT)
		sync_end_set(end, SYNC_END_COPIED, outcome->uids[i], NULL);
	else if (copy == ABSENT || copy == GONE) /* it is here, so nothing comes to be there twice */
		sync_end_set(end, sync_end_not_done(outcome->batch), 0, NULL);
	else
		hold(outcome, copy, end);
}

static Copy
copy_of(const Outcome *outcome, guint i)
{
	uint32_t uid = outcome->uids[i];

	return uid == 0 ? ABSENT : uid == SYNC_UID_GONE ? GONE : uid == UINT32_MAX ? UNSURE : PRESENT;
}

/* What has left its source is not waited for. */
static bool
may_come(const Outcome *outcome, guint i)
{
	return outcome->is_early && copy_of(outcome, i) != PRESENT && !outcome->has_departed[i] && !outcome->is_open[i];
}

/* It stays as it is. */
static void
await(const Outcome *outcome, guint i)
{
	SyncWorker *worker = outcome->worker;

	if (!worker->awaited)
		worker->awaited = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	g_hash_table_add(worker->awaited, g_memdup2(&item(outcome, i)->id, sizeof(int64_t)));
}

/* What a look tells that began when there was quiet (@is_over), or not yet. */
static void
note_early(Outcome *outcome, bool is_over)
{
	SyncQuiet *quiet = &outcome->worker->quiet;
	bool is_some_there = false;

	if (outcome->batch->state != STORE_OPERATION_SENT)
		return;
	for (guint i = 0; i < outcome->batch->items->len; i++)
		is_some_there |= copy_of(outcome, i) == PRESENT;
	if (is_some_there)
		sync_quiet_note_more(quiet, core_clock_boot_ms());
	outcome->is_early = !is_over || (is_some_there && quiet->looks > 0);
}

static void
settle(const Outcome *outcome, guint i, SyncEnd *end)
{
	uint32_t uid = outcome->uids[i];
	Copy copy = copy_of(outcome, i);

	if (may_come(outcome, i))
		await(outcome, i);
	else if (outcome->batch->kind == STORE_OPERATION_MOVE)
		settle_move(outcome, i, copy, end);
	else if (copy == PRESENT)
		sync_end_set(end, SYNC_END_UID, uid, NULL);
	else if (copy == ABSENT)
		sync_end_set(end, sync_end_not_done(outcome->batch), 0, NULL);
	else
		hold(outcome, copy, end);
}

/* MOVEs of which only the removal of the source is left. */
static bool
settle_sources(const Outcome *outcome, GArray *ends, GError **error)
{
	SyncBatch some = *outcome->batch;
	g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(SyncItem));

	for (guint i = 0; i < ends->len; i++) {
		SyncItem copied = *item(outcome, i);
		if (sync_ends_at(ends, i)->kind != SYNC_END_COPIED)
			continue;
		copied.target_uid = sync_ends_at(ends, i)->uid;
		g_array_append_val(items, copied);
	}
	some.items = items;
	return items->len == 0 || sync_push_removal_outcome(outcome->worker, &some, error);
}

bool
sync_outcome(SyncWorker *worker, const SyncBatch *batch, GError **error)
{
	guint count = batch->items->len;
	g_autofree uint32_t *uids = g_new0(uint32_t, count);
	g_autofree bool *has_departed = g_new0(bool, count), *is_open = g_new0(bool, count);
	g_autoptr(GArray) ends = sync_ends_new(batch);
	Outcome outcome = { .worker = worker, .batch = batch, .uids = uids, .has_departed = has_departed, .is_open = is_open };
	bool is_over = sync_quiet_is_over(&worker->quiet, core_clock_boot_ms());

	/* The source first: what has left it by then is in the target, even if the server is only now doing what was sent. */
	if (batch->kind == STORE_OPERATION_MOVE && !look_at_source(&outcome, error))
		return core_prefix(error, "%s: ", batch->path ? batch->path : "(a folder that is gone)");
	if (!find_copies(&outcome, error))
		return core_prefix(error, "%s: ", batch->target_path ? batch->target_path : "(a folder that is gone)");
	note_early(&outcome, is_over);
	for (guint i = 0; i < count; i++)
		settle(&outcome, i, sync_ends_at(ends, i));
	return sync_push_end(worker, batch, ends, error) && settle_sources(&outcome, ends, error);
}
