/* MOVE and COPY: UID MOVE (RFC 6851), or UID COPY and, once the copy is known to be there, the removal of the source.
 *
 * The new UIDs come with COPYUID.  Where it is missing, empty or nonsense, the messages are looked for in the target from
 * the UIDNEXT on that it had before (outcome.c).  A source is never removed before its copy was seen (push-finish.c).
 *
 * An answer to UID MOVE is not believed where the server does not say, too, that the messages have left: some copy them and
 * leave them where they were, or do nothing (Exchange 2013).
 */
#include "imap/refusal.h"
#include "sync/copyuid.h"
#include "sync/outcome.h"
#include "sync/sets.h"

#include <string.h>

/* What the server said to one message. */
typedef enum {
	FATE_OPEN,          /* nothing yet */
	FATE_REFUSED,       /* .words */
	FATE_PUT_OFF,       /* .words */
	FATE_MISUNDERSTOOD, /* the server does not know UID MOVE, or does nothing */
	FATE_ANSWERED,      /* OK, and nothing of its new UID */
	FATE_LEFT_OUT,      /* OK, and the new UIDs of others */
	FATE_KNOWN,         /* OK, .uid in the target */
} FateKind;
typedef struct {
	FateKind kind;
	uint32_t uid;
	bool stays; /* KNOWN: it was moved, but it is still at its source, too */
	char *words;
} Fate;

typedef struct {
	SyncWorker *worker;
	const SyncBatch *batch;
	bool by_move;
	uint32_t *uids; /* of the items */
	Fate *fates;    /* one for each */
	GArray *ends;
	uint64_t departed; /* how many messages have gone from the source, as the server told */
} Move;

static ImapCommand *
make(const char *set, unsigned command, void *data)
{
	const Move *move = data;
	ImapCommand *made = imap_command_new("%s %s ", move->by_move ? "UID MOVE" : "UID COPY", set);

	imap_command_mailbox(made, move->batch->target.server_name);
	return made;
}

/* The index in [from, to) of the item with that UID; -1: none. */
static int
find(const Move *move, guint from, guint to, uint32_t uid)
{
	guint low = from, high = to;

	while (low < high) {
		guint middle = low + (high - low) / 2;
		if (move->uids[middle] < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < to && move->uids[low] == uid ? (int)low : -1;
}

static void
on_done(guint from, guint to, const ImapReply *replies, void *data)
{
	Move *move = data;
	g_autoptr(GArray) sources = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	g_autoptr(GArray) targets = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	const SyncItem *first = &g_array_index(move->batch->items, SyncItem, from);
	bool told = sync_copyuid_pairs(replies, first->target_uidvalidity, first->target_uidnext, to - from, sources, targets);

	for (guint i = from; i < to; i++)
		move->fates[i].kind = told ? FATE_LEFT_OUT : FATE_ANSWERED;
	for (guint i = 0; told && i < sources->len; i++) {
		int index = find(move, from, to, g_array_index(sources, uint32_t, i));
		if (index >= 0)
			move->fates[index] = (Fate){ .kind = FATE_KNOWN, .uid = g_array_index(targets, uint32_t, i) };
	}
}

static void
on_refused(guint from, guint to, const ImapReply *reply, void *data)
{
	Move *move = data;
	bool is_misunderstood = move->by_move && reply->kind == IMAP_RESPONSE_BAD;
	g_autofree char *words = imap_refusal_words(reply->text);

	for (guint i = from; i < to; i++)
		move->fates[i] = (Fate){ .kind = is_misunderstood ? FATE_MISUNDERSTOOD : FATE_REFUSED, .words = g_strdup(words) };
	move->worker->never_moves |= is_misunderstood;
}

static void
on_put_off(guint from, guint to, const ImapReply *reply, void *data)
{
	Move *move = data;

	for (guint i = from; i < to; i++)
		move->fates[i] = (Fate){ .kind = FATE_PUT_OFF, .words = imap_refusal_words(reply->text) };
}

/* Whether only the target can tell what became of it. */
static bool
is_to_be_found(const Move *move, guint index, const ImapUidSet *shown, bool sure)
{
	const Fate *fate = &move->fates[index];

	if (fate->kind == FATE_KNOWN || fate->kind == FATE_OPEN)
		return false;
	if (fate->kind == FATE_ANSWERED)
		return !move->by_move || sure;
	return move->by_move && sure && !imap_uidset_has(shown, move->uids[index]);
}

/* found_r[i]: as sync_outcome_find() tells; UINT32_MAX also for those it does not apply to. */
static bool
find_in_target(Move *move, const ImapUidSet *shown, bool sure, uint32_t *found_r, GError **error)
{
	SyncBatch some = *move->batch;
	g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(SyncItem));
	guint at = 0;

	some.items = items;
	for (guint i = 0; i < move->batch->items->len; i++) {
		found_r[i] = UINT32_MAX;
		if (is_to_be_found(move, i, shown, sure))
			g_array_append_val(items, g_array_index(move->batch->items, SyncItem, i));
	}
	if (items->len == 0)
		return true;
	g_autofree uint32_t *uids = g_new0(uint32_t, items->len);
	if (!sync_outcome_find(move->worker, &some, SYNC_ACCEPTED, uids, error))
		return false;
	for (guint i = 0; i < move->batch->items->len; i++)
		if (is_to_be_found(move, i, shown, sure))
			found_r[i] = uids[at++];
	return true;
}

static void
hold(const Move *move, SyncEnd *end)
{
	g_autofree char *words = g_strdup_printf("the server says that it has copied the message, but it cannot be told which "
	                                         "one in %s is the copy", move->batch->target_path);

	sync_end_set(end, SYNC_END_HOLD, 0, words);
}

/* The server said OK to UID MOVE. */
static void
end_staying(Move *move, guint index, uint32_t found, SyncEnd *end)
{
	Fate *fate = &move->fates[index];

	move->worker->never_moves = true;
	if (fate->kind == FATE_ANSWERED && found == UINT32_MAX) {
		hold(move, end);
	} else if (fate->kind == FATE_ANSWERED && found != 0) {
		sync_end_set(end, SYNC_END_COPIED, found, NULL);
	} else {
		fate->kind = FATE_MISUNDERSTOOD;
		sync_end_set(end, SYNC_END_AGAIN, 0, NULL);
	}
}

/* UID MOVE of a message that is still in the source did nothing, or only copied it; one that is not there has been moved by
 * us, or by somebody else, or is gone: what the target has of it is found by the next pull, too. */
static void
end_moved(Move *move, guint index, bool is_there, bool sure, uint32_t found, SyncEnd *end)
{
	const Fate *fate = &move->fates[index];

	if (!sure)
		sync_end_set(end, SYNC_END_LEFT, 0, NULL);
	else if (is_there && fate->kind == FATE_REFUSED)
		sync_end_set(end, SYNC_END_FAIL, 0, fate->words);
	else if (is_there && fate->kind == FATE_MISUNDERSTOOD)
		sync_end_set(end, SYNC_END_AGAIN, 0, NULL);
	else if (is_there)
		end_staying(move, index, found, end);
	else if (found != 0 && found != UINT32_MAX)
		sync_end_set(end, SYNC_END_UID, found, NULL);
	else
		sync_end_set(end, SYNC_END_GONE, 0, NULL);
}

/* UID COPY copies all or, when it is refused, none. */
static void
end_copied(const Move *move, guint index, bool is_there, bool sure, uint32_t found, SyncEnd *end)
{
	const Fate *fate = &move->fates[index];
	bool is_copy = move->batch->kind == STORE_OPERATION_COPY;
	bool asked = fate->kind == FATE_ANSWERED; /* the target was looked into */

	if (asked && found != 0 && found != UINT32_MAX) {
		sync_end_set(end, is_copy ? SYNC_END_UID : SYNC_END_COPIED, found, NULL);
	} else if (asked && (found == UINT32_MAX || is_there || !sure)) {
		hold(move, end);
	} else if (!is_there && sure) {
		/* Once a pull has seen that the source is gone, a copy becomes an upload. */
		sync_end_set(end, is_copy ? SYNC_END_AGAIN : SYNC_END_GONE, 0, NULL);
	} else if (fate->kind == FATE_REFUSED) {
		sync_end_set(end, SYNC_END_FAIL, 0, fate->words);
	} else {
		sync_end_set(end, SYNC_END_AGAIN, 0, NULL);
	}
}

static guint
count_known(const Move *move)
{
	guint known = 0;

	for (guint i = 0; i < move->batch->items->len; i++)
		known += move->fates[i].kind == FATE_KNOWN;
	return known;
}

/* What the answers did not tell: by looking at what is left in the source, then into the target. */
static bool
resolve(Move *move, GError **error)
{
	guint count = move->batch->items->len;
	g_autofree uint32_t *found = g_new0(uint32_t, count);
	g_auto(ImapUidSet) unknown = { 0 }, shown = { 0 };
	bool sure = true, have_departed = !move->by_move || move->departed >= count_known(move);

	for (guint i = 0; i < count; i++)
		if (move->fates[i].kind != FATE_KNOWN || !have_departed)
			imap_uidset_add(&unknown, move->uids[i]);
	if (unknown.count == 0)
		return true;
	if (!sync_search(move->worker, &unknown, &shown, &sure, error) ||
	    !find_in_target(move, &shown, sure, found, error))
		return false;
	for (guint i = 0; i < count; i++) {
		bool is_there = imap_uidset_has(&shown, move->uids[i]);
		move->fates[i].stays = move->fates[i].kind == FATE_KNOWN && !have_departed && is_there;
		move->worker->never_moves |= move->fates[i].stays;
		if (move->fates[i].kind == FATE_KNOWN || move->fates[i].kind == FATE_OPEN)
			continue;
		if (move->by_move)
			end_moved(move, i, is_there, sure, found[i], sync_ends_at(move->ends, i));
		else
			end_copied(move, i, is_there, sure, found[i], sync_ends_at(move->ends, i));
	}
	return true;
}

/* What was told is kept whatever came behind it. */
static void
note_known(Move *move)
{
	bool is_done = move->by_move || move->batch->kind == STORE_OPERATION_COPY;
	/* The server is busy, and has done nothing; but MOVE may have been refused in the midst of it (RFC 6851 section 3.3). */
	bool is_untouched = imap_session_alive(move->worker->session) && move->departed <= count_known(move);

	for (guint i = 0; i < move->batch->items->len; i++) {
		const Fate *fate = &move->fates[i];
		if (fate->kind == FATE_KNOWN)
			sync_end_set(sync_ends_at(move->ends, i), is_done && !fate->stays ? SYNC_END_UID : SYNC_END_COPIED, fate->uid,
			             NULL);
		else if (fate->kind == FATE_PUT_OFF && is_untouched)
			sync_end_set(sync_ends_at(move->ends, i), SYNC_END_AGAIN, 0, fate->words);
		else if (fate->kind == FATE_OPEN && is_untouched)
			sync_end_set(sync_ends_at(move->ends, i), SYNC_END_UNTRIED, 0, NULL);
	}
}

/* Sources whose copies are there. */
static bool
remove_sources(Move *move, GError **error)
{
	SyncBatch some = *move->batch;
	g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(SyncItem));

	some.items = items;
	for (guint i = 0; i < move->batch->items->len; i++) {
		SyncItem item = g_array_index(move->batch->items, SyncItem, i);
		if (sync_ends_at(move->ends, i)->kind != SYNC_END_COPIED)
			continue;
		item.target_uid = sync_ends_at(move->ends, i)->uid;
		g_array_append_val(items, item);
	}
	return items->len == 0 || (sync_push_select(move->worker, &some.mailbox, some.path, error) &&
	                           sync_push_take_away(move->worker, &some, SYNC_END_UID, error));
}

/* They were not moved for want of another command: the next round has it. */
static void
leave_to_next_round(const Move *move)
{
	guint kept = 0;

	for (guint i = 0; i < move->ends->len; i++) {
		SyncItem item = g_array_index(move->batch->items, SyncItem, i);
		if (move->fates[i].kind != FATE_MISUNDERSTOOD || sync_ends_at(move->ends, i)->kind != SYNC_END_AGAIN)
			g_array_index(move->batch->items, SyncItem, kept++) = item;
	}
	g_array_set_size(move->batch->items, kept);
}

static bool
on_departure(const ImapResponse *response, void *data, GError **error)
{
	Move *move = data;
	g_auto(ImapUidSet) uids = { 0 };

	if (response->kind == IMAP_RESPONSE_EXPUNGE)
		move->departed++;
	else if (response->kind == IMAP_RESPONSE_VANISHED && !response->damaged && !response->vanished.earlier &&
	         imap_uidset_parse(&uids, response->vanished.uids, 0))
		move->departed += imap_uidset_size(&uids);
	return true;
}

static bool
send_all(Move *move, const SyncSets *sets, GError **error)
{
	imap_session_listen(move->worker->session, on_departure, move);
	bool ok = sync_sets_run(sets, error);
	imap_session_listen(move->worker->session, NULL, NULL);
	return ok;
}

static bool
run(Move *move, GError **error)
{
	SyncSets sets = { .worker = move->worker, .uids = move->uids, .count = move->batch->items->len,
		              .name = move->by_move ? "UID MOVE" : "UID COPY", .commands = 1, .bad_is_final = move->by_move,
		              .make = make, .done = on_done, .refused = on_refused, .put_off = on_put_off,
		              .data = move };
	GError *failure = NULL;

	bool ok = send_all(move, &sets, &failure) && resolve(move, &failure);
	note_known(move);
	if (!sync_push_end(move->worker, move->batch, move->ends, error)) {
		g_clear_error(&failure);
		return false;
	}
	if (!ok) {
		g_propagate_error(error, failure);
		return false;
	}
	if (!remove_sources(move, error))
		return false;
	leave_to_next_round(move);
	return true;
}

/* For copying it is enough to be able to read. */
static bool
select_source(SyncWorker *worker, const SyncBatch *batch, GError **error)
{
	const char *selected = imap_session_selected(worker->session);
	g_auto(ImapSelected) told = { 0 };

	if (batch->kind != STORE_OPERATION_COPY)
		return sync_push_select(worker, &batch->mailbox, batch->path, error);
	if (!(selected && strcmp(selected, batch->mailbox.server_name) == 0) &&
	    !sync_worker_examine(worker, batch->mailbox.server_name, NULL, &told, error))
		return false;
	return worker->uidvalidity == batch->mailbox.uidvalidity ||
	       sync_push_outdated(worker, "it", error);
}

static bool
transfer(SyncWorker *worker, const SyncBatch *batch, GError **error)
{
	uint32_t uidvalidity = 0, uidnext = 0;

	if (!sync_push_status(worker, &batch->target, &uidvalidity, &uidnext, error) ||
	    !select_source(worker, batch, error) || !sync_push_send(worker, batch, uidvalidity, uidnext, error))
		return false;
	guint count = batch->items->len;
	if (count == 0)
		return true;
	g_autofree uint32_t *uids = g_new(uint32_t, count);
	g_autofree Fate *fates = g_new0(Fate, count);
	g_autoptr(GArray) ends = sync_ends_new(batch);
	Move move = { .worker = worker, .batch = batch, .uids = uids, .fates = fates, .ends = ends };

	move.by_move = batch->kind == STORE_OPERATION_MOVE && imap_session_has(worker->session, IMAP_CAP_MOVE) &&
	               !worker->never_moves;
	for (guint i = 0; i < count; i++)
		uids[i] = g_array_index(batch->items, SyncItem, i).uid;
	bool ok = run(&move, error);
	for (guint i = 0; i < count; i++)
		g_free(fates[i].words);
	return ok;
}

/* Gmail's folders are labels: what is moved to its Trash loses all of them, so a message that a user removes in one folder
 * would vanish from the others.  There, it is expunged: that takes one label away.  In All Mail it is the message that is
 * removed; what is in Spam has no label. */
static bool
is_label(const SyncWorker *worker, const SyncBatch *batch)
{
	const uint32_t no_labels = STORE_MAILBOX_ALL | STORE_MAILBOX_JUNK | STORE_MAILBOX_TRASH;

	return batch->is_removal && batch->kind == STORE_OPERATION_MOVE &&
	       imap_session_has(worker->session, IMAP_CAP_GMAIL) && !(batch->mailbox.attributes & no_labels);
}

bool
sync_push_move(SyncWorker *worker, const SyncBatch *batch, GError **error)
{
	if (batch->items->len > 0 && g_array_index(batch->items, SyncItem, 0).target_uid != 0)
		return sync_push_finish(worker, batch, error);
	return is_label(worker, batch) ? sync_push_remove(worker, batch, error) : transfer(worker, batch, error);
}
