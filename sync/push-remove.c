/* Removal: \Deleted and UID EXPUNGE of exactly the messages that are meant (UIDPLUS, RFC 4315).
 *
 * A bare EXPUNGE would remove what another client marked.  So without UIDPLUS messages are only marked, and the operation
 * is held; when a person has confirmed it, EXPUNGE is sent if the server shows that nothing else is marked in the mailbox.
 */
#include "imap/refusal.h"
#include "sync/push.h"
#include "sync/sets.h"

#define STUCK_TIMES 5

typedef struct {
	const GArray *uids; /* uint32_t: what is to be removed */
	ImapUidSet gone, refused, put_off;
	bool sure;      /* the server has told what it still has */
	bool is_stuck;  /* ... although it has just said that it removed all but what it refused */
	char *words, *later_words; /* of the first refusal, and the first "later"; NULL */
} Removal;

static void
clear_removal(Removal *removal)
{
	imap_uidset_clear(&removal->gone);
	imap_uidset_clear(&removal->refused);
	imap_uidset_clear(&removal->put_off);
	g_free(removal->words);
	g_free(removal->later_words);
}

static bool
on_vanished(const ImapResponse *response, void *data, GError **error)
{
	Removal *removal = data;

	if (response->kind == IMAP_RESPONSE_VANISHED && !response->damaged && !response->vanished.earlier)
		imap_uidset_parse(&removal->gone, response->vanished.uids, 0);
	return true;
}

static ImapCommand *
make(const char *set, unsigned command, void *data)
{
	return command == 0 ? imap_command_new("UID STORE %s +FLAGS.SILENT (\\Deleted)", set)
	                    : imap_command_new("UID EXPUNGE %s", set);
}

static void
on_done(guint from, guint to, const ImapReply *replies, void *data)
{
}

static void
note(const Removal *removal, guint from, guint to, const ImapReply *reply, ImapUidSet *uids, char **words)
{
	for (guint i = from; i < to; i++)
		imap_uidset_add(uids, g_array_index(removal->uids, uint32_t, i));
	if (!*words)
		*words = imap_refusal_words(reply->text);
}

static void
on_refused(guint from, guint to, const ImapReply *reply, void *data)
{
	Removal *removal = data;

	note(removal, from, to, reply, &removal->refused, &removal->words);
}

static void
on_put_off(guint from, guint to, const ImapReply *reply, void *data)
{
	Removal *removal = data;

	note(removal, from, to, reply, &removal->put_off, &removal->later_words);
}

/* \Deleted, and with UIDPLUS their end. */
static bool
mark(SyncWorker *worker, Removal *removal, GError **error)
{
	bool can_expunge = imap_session_has(worker->session, IMAP_CAP_UIDPLUS);
	SyncSets sets = { .worker = worker, .uids = (const uint32_t *)(const void *)removal->uids->data,
		              .count = removal->uids->len, .name = can_expunge ? "UID EXPUNGE" : "UID STORE",
		              .commands = can_expunge ? 2 : 1, .make = make, .done = on_done, .refused = on_refused,
		              .put_off = on_put_off, .data = removal };

	imap_session_listen(worker->session, on_vanished, removal);
	bool ok = sync_sets_run(&sets, error);
	imap_session_listen(worker->session, NULL, NULL);
	return ok;
}

/* What the server does not have any more is gone, also if it was refused. */
static bool
verify(SyncWorker *worker, Removal *removal, GError **error)
{
	g_auto(ImapUidSet) rest = { 0 }, shown = { 0 };

	for (guint i = 0; i < removal->uids->len; i++)
		if (!imap_uidset_has(&removal->gone, g_array_index(removal->uids, uint32_t, i)))
			imap_uidset_add(&rest, g_array_index(removal->uids, uint32_t, i));
	if (rest.count == 0)
		return true;
	if (!sync_search(worker, &rest, &shown, &removal->sure, error))
		return false;
	for (guint i = 0; removal->sure && i < removal->uids->len; i++)
		if (!imap_uidset_has(&shown, g_array_index(removal->uids, uint32_t, i)))
			imap_uidset_add(&removal->gone, g_array_index(removal->uids, uint32_t, i));
	return true;
}

/* What the server will not remove must not be left for another client's EXPUNGE. */
static bool
unmark_refused(SyncWorker *worker, Removal *removal, GError **error)
{
	g_auto(ImapUidSet) left = { 0 };
	size_t position = 0;

	for (guint i = 0; i < removal->uids->len; i++) {
		uint32_t uid = g_array_index(removal->uids, uint32_t, i);
		if (imap_uidset_has(&removal->refused, uid) && !imap_uidset_has(&removal->gone, uid))
			imap_uidset_add(&left, uid);
	}
	for (char *set; (set = imap_uidset_format(&left, &position, SYNC_SET_BYTES)); g_free(set))
		imap_session_send(worker->session, imap_command_new("UID STORE %s -FLAGS.SILENT (\\Deleted)", set), NULL);
	return imap_session_wait(worker->session, NULL, error);
}

/* What is ours to remove from a mailbox, because a person has confirmed it. */
typedef struct {
	Store *store;
	int64_t mailbox_id;
	ImapUidSet uids;
} Confirmed;

static bool
note_confirmed(const StoreOperation *operation, void *data)
{
	Confirmed *confirmed = data;
	g_auto(StoreMessage) message = { 0 };
	bool removes = operation->kind == STORE_OPERATION_REMOVE ||
	               (operation->kind == STORE_OPERATION_MOVE && operation->target_uid != 0);
	bool is_confirmed = operation->attempts > 0 &&
	                    (operation->state == STORE_OPERATION_QUEUED || operation->state == STORE_OPERATION_SENT);

	if (removes && is_confirmed && store_message_get(confirmed->store, operation->message_id, &message, NULL) &&
	    message.mailbox_id == confirmed->mailbox_id)
		imap_uidset_add(&confirmed->uids, message.uid);
	return true;
}

/* After a person's confirmation, where there is no UIDPLUS.  *others_r: how many messages that are not ours are marked:
 * then nothing is removed. */
static bool
expunge_marked(SyncWorker *worker, const SyncBatch *batch, const Removal *removal, uint64_t *others_r, GError **error)
{
	const SyncRun *run = worker->run;
	g_auto(ImapUidSet) marked = { 0 };
	Confirmed ours = { .store = run->store, .mailbox_id = batch->mailbox.id };
	uint64_t count = 0;
	bool sure;

	for (guint i = 0; i < removal->uids->len; i++)
		imap_uidset_add(&ours.uids, g_array_index(removal->uids, uint32_t, i));
	bool ok = store_operation_list(run->store, run->account_id, note_confirmed, &ours, error) &&
	          sync_search_deleted(worker, &marked, &sure, error);
	for (size_t i = 0; ok && i < ours.uids.count; i++)
		for (uint64_t uid = ours.uids.ranges[i].first; uid <= ours.uids.ranges[i].last; uid++)
			count += imap_uidset_has(&marked, (uint32_t)uid);
	imap_uidset_clear(&ours.uids);
	*others_r = ok ? imap_uidset_size(&marked) - count : 0;
	if (!ok || !sure || *others_r > 0 || count == 0)
		return ok;
	return imap_session_run(worker->session, imap_command_new("EXPUNGE"), NULL, error);
}

static bool
remove_all(SyncWorker *worker, const SyncBatch *batch, Removal *removal, bool may_expunge, uint64_t *others_r,
           GError **error)
{
	return mark(worker, removal, error) && (!may_expunge || expunge_marked(worker, batch, removal, others_r, error)) &&
	       verify(worker, removal, error) && unmark_refused(worker, removal, error);
}

/* Why they are still there, without UIDPLUS. */
static char *
explain(const SyncBatch *batch, uint64_t others)
{
	if (others > 0)
		return g_strdup_printf("this server cannot remove single messages (no UIDPLUS), and %" G_GUINT64_FORMAT
		                       " others are marked as deleted in %s: expunge or unmark those first", others, batch->path);
	return g_strdup_printf("this server cannot remove single messages (no UIDPLUS): once it is confirmed, all that is marked "
	                       "as deleted in %s is expunged", batch->path);
}

/* The server says that it has done it. */
static void
end_staying(const SyncItem *item, SyncEnd *end)
{
	const char *words = "the server says that it has removed the message, but it still has it";

	sync_end_set(end, item->undone + 1 < STUCK_TIMES ? SYNC_END_AGAIN : SYNC_END_HOLD, 0, words);
}

static void
end_item(const SyncBatch *batch, const Removal *removal, guint i, SyncEndKind gone, const char *why, SyncEnd *end)
{
	const SyncItem *item = &g_array_index(batch->items, SyncItem, i);

	if (item->uid == 0 || imap_uidset_has(&removal->gone, item->uid))
		sync_end_set(end, gone, gone == SYNC_END_UID ? item->target_uid : 0, NULL);
	else if (imap_uidset_has(&removal->refused, item->uid))
		sync_end_set(end, SYNC_END_FAIL, 0, removal->words);
	else if (why)
		sync_end_set(end, SYNC_END_HOLD, 0, why);
	else if (imap_uidset_has(&removal->put_off, item->uid))
		sync_end_set(end, SYNC_END_AGAIN, 0, removal->later_words);
	else if (removal->is_stuck)
		end_staying(item, end);
	else
		sync_end_set(end, sync_end_not_done(batch), 0, NULL);
}

static GArray *
uids_of(const SyncBatch *batch)
{
	GArray *uids = g_array_new(FALSE, FALSE, sizeof(uint32_t));

	for (guint i = 0; i < batch->items->len; i++)
		if (g_array_index(batch->items, SyncItem, i).uid != 0)
			g_array_append_val(uids, g_array_index(batch->items, SyncItem, i).uid);
	return uids;
}

/* Those that are gone get @gone, the others what stands in the way: HOLD, FAIL, AGAIN, UNTRIED, or LEFT. */
static bool
take_away(SyncWorker *worker, const SyncBatch *batch, SyncEndKind gone, GArray *ends, GError **error)
{
	g_autoptr(GArray) uids = uids_of(batch);
	Removal removal = { .uids = uids };
	uint64_t others = 0;
	bool can_expunge = imap_session_has(worker->session, IMAP_CAP_UIDPLUS);
	bool is_confirmed = batch->was_sent && batch->state == STORE_OPERATION_QUEUED;

	bool ok = remove_all(worker, batch, &removal, !can_expunge && is_confirmed, &others, error);
	removal.is_stuck = ok && removal.sure;
	/* Held rather than queued, so that only a person makes it an EXPUNGE. */
	g_autofree char *why = can_expunge ? NULL : explain(batch, others);
	for (guint i = 0; i < batch->items->len && imap_session_alive(worker->session); i++)
		end_item(batch, &removal, i, gone, why, sync_ends_at(ends, i));
	clear_removal(&removal);
	return ok;
}

bool
sync_push_take_away(SyncWorker *worker, const SyncBatch *batch, SyncEndKind gone, GError **error)
{
	g_autoptr(GArray) ends = sync_ends_new(batch);
	GError *failure = NULL;

	bool ok = take_away(worker, batch, gone, ends, &failure);
	if (!sync_push_end(worker, batch, ends, error)) {
		g_clear_error(&failure);
		return false;
	}
	if (failure)
		g_propagate_error(error, failure);
	return ok;
}

bool
sync_push_removal_outcome(SyncWorker *worker, const SyncBatch *batch, GError **error)
{
	g_autoptr(GArray) uids = uids_of(batch);
	g_autoptr(GArray) ends = sync_ends_new(batch);
	g_autofree char *why = imap_session_has(worker->session, IMAP_CAP_UIDPLUS) ? NULL : explain(batch, 0);
	Removal removal = { .uids = uids };

	bool ok = sync_push_select(worker, &batch->mailbox, batch->path, error) && verify(worker, &removal, error);
	for (guint i = 0; ok && i < batch->items->len; i++)
		end_item(batch, &removal, i, batch->kind == STORE_OPERATION_MOVE ? SYNC_END_UID : SYNC_END_GONE, why,
		         sync_ends_at(ends, i));
	clear_removal(&removal);
	return ok && sync_push_end(worker, batch, ends, error);
}

bool
sync_push_remove(SyncWorker *worker, const SyncBatch *batch, GError **error)
{
	return sync_push_select(worker, &batch->mailbox, batch->path, error) && sync_push_send(worker, batch, 0, 0, error) &&
	       sync_push_take_away(worker, batch, SYNC_END_GONE, error);
}
