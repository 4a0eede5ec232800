/* APPEND (RFC 9051 6.3.12), several messages in one command where the server has MULTIAPPEND (RFC 3502).
 *
 * The messages of a batch go in windows.  Of each window all that is to be sent is committed as sent, then its commands
 * go out pipelined.  A command that was refused has appended nothing (RFC 3502: all or none), so its halves are sent in
 * the next round, until the one message that the server does not take is alone:
 *
 *   too big, or refused in any other way    failed, with the server's words
 *   over quota, or a fault of the server    again after LATER_S: somebody may make room, and nobody has to ask for it
 *   refused, and it has keywords            once more without them; the pull that follows shows the flags it has there
 *
 * What was accepted without its UID being told is looked for in the mailbox (outcome.c).
 */
#include "sync/append.h"

#include "core/clock.h"
#include "imap/refusal.h"
#include "sync/outcome.h"

#include <string.h>

#define WINDOW_MESSAGES 1000
#define WINDOW_BYTES (32ull << 20)
#define COMMAND_MESSAGES 100
#define COMMAND_BYTES (1ull << 20)
#define LATER_S 3600

/* Consecutive messages of a window in one command. */
typedef struct {
	guint from, to;
	ImapReply reply;
} Range;

typedef struct {
	SyncWorker *worker;
	const SyncBatch *batch; /* the window's items */
	GArray *ends;           /* what became of each; LEFT: it was sent, and that is all we know */
	SyncUpload *uploads;    /* one for each, too */
	GArray *ranges;         /* of Range: to be sent in the next round */
	uint64_t *no_room_bytes; /* a command with so many was over quota; 0: none; of the whole batch */
	GError *stop;           /* nothing more is to be sent to this mailbox, or at all */
} Window;

static guint
count(const Window *window)
{
	return window->batch->items->len;
}

static const SyncItem *
item(const Window *window, guint i)
{
	return &g_array_index(window->batch->items, SyncItem, i);
}

static void
range_clear(void *data)
{
	imap_reply_clear(&((Range *)data)->reply);
}

static GArray *
ranges_new(void)
{
	GArray *ranges = g_array_new(FALSE, FALSE, sizeof(Range));

	g_array_set_clear_func(ranges, range_clear);
	return ranges;
}

static void
add_range(GArray *ranges, guint from, guint to)
{
	Range range = { .from = from, .to = to };

	g_array_append_val(ranges, range);
}

/* What goes into the first round's commands. */
static void
cut(Window *window)
{
	bool several = imap_session_has(window->worker->session, IMAP_CAP_MULTIAPPEND);
	uint64_t bytes = 0;
	guint from = 0;

	for (guint i = 0; i < count(window); i++) {
		const SyncUpload *upload = &window->uploads[i];
		if (sync_ends_at(window->ends, i)->kind != SYNC_END_UNTRIED) {
			if (from < i)
				add_range(window->ranges, from, i);
			from = i + 1;
			bytes = 0;
			continue;
		}
		bool full = from < i && (!several || i - from == COMMAND_MESSAGES || bytes + upload->body.length > COMMAND_BYTES ||
		                         upload->has_nul || window->uploads[i - 1].has_nul);
		if (full) {
			add_range(window->ranges, from, i);
			from = i;
			bytes = 0;
		}
		bytes += upload->body.length;
	}
	if (from < count(window))
		add_range(window->ranges, from, count(window));
}

static uint64_t
bytes_of(const Window *window, const Range *range)
{
	uint64_t bytes = 0;

	for (guint i = range->from; i < range->to; i++)
		bytes += window->uploads[i].body.length;
	return bytes;
}

static void
settle(Window *window, const Range *range, SyncEndKind kind, const char *words)
{
	for (guint i = range->from; i < range->to; i++)
		sync_end_set(sync_ends_at(window->ends, i), kind, 0, words);
}

static void
settle_later(Window *window, const Range *range, const char *words)
{
	settle(window, range, SYNC_END_AGAIN, words);
	for (guint i = range->from; i < range->to; i++)
		sync_ends_at(window->ends, i)->not_before_s = core_clock_wall_s() + LATER_S;
}

/* False: there is only one. */
static bool
halve(Window *window, const Range *range, GArray *next)
{
	guint middle = range->from + (range->to - range->from) / 2;

	if (middle == range->from)
		return false;
	settle(window, range, SYNC_END_UNTRIED, NULL);
	add_range(next, range->from, middle);
	add_range(next, middle, range->to);
	return true;
}

/* UIDs that APPENDUID (RFC 4315) told, in the order of the messages; those of another mailbox or of older messages, or not
 * as many as there are messages, are not believed. */
static void
note_accepted(Window *window, const Range *range)
{
	g_auto(ImapUidSet) uids = { 0 };
	guint next = range->from;

	for (guint i = range->from; i < range->to; i++)
		window->uploads[i].accepted = true;
	if (range->reply.code != IMAP_CODE_APPENDUID || !range->reply.uids ||
	    range->reply.uidvalidity != item(window, range->from)->target_uidvalidity ||
	    !imap_uidset_parse(&uids, range->reply.uids, 0) || imap_uidset_size(&uids) != range->to - range->from ||
	    uids.ranges[0].first < item(window, range->from)->target_uidnext)
		return;
	for (size_t i = 0; i < uids.count; i++)
		for (uint64_t uid = uids.ranges[i].first; uid <= uids.ranges[i].last; uid++)
			sync_end_set(sync_ends_at(window->ends, next++), SYNC_END_UID, (uint32_t)uid, NULL);
}

static bool
is_over_quota(const ImapReply *reply)
{
	g_autofree char *lower = g_ascii_strdown(reply->text ? reply->text : "", -1);

	/* Older servers say it only in words: "You exceeded your mail quota" (Courier). */
	return reply->code == IMAP_CODE_OVERQUOTA || (reply->code != IMAP_CODE_TOOBIG && strstr(lower, "quota"));
}

static bool
is_fault_of_server(const ImapReply *reply)
{
	return reply->code == IMAP_CODE_SERVERBUG || reply->code == IMAP_CODE_CONTACTADMIN ||
	       reply->code == IMAP_CODE_CORRUPTION;
}

static void
note_refused(Window *window, const Range *range, GArray *next)
{
	const ImapReply *reply = &range->reply;
	SyncUpload *first = &window->uploads[range->from];
	g_autofree char *words = imap_refusal_words(reply->text);

	if (is_over_quota(reply)) {
		uint64_t bytes = bytes_of(window, range);
		*window->no_room_bytes = *window->no_room_bytes > 0 ? MIN(*window->no_room_bytes, bytes) : bytes;
	}
	if (reply->code == IMAP_CODE_NOPERM) {
		settle(window, range, SYNC_END_FAIL, words);
	} else if (halve(window, range, next)) {
		return;
	} else if (is_over_quota(reply) || is_fault_of_server(reply)) {
		settle_later(window, range, words);
	} else if (first->keywords && !first->without_keywords && reply->code != IMAP_CODE_TOOBIG) {
		first->without_keywords = true;
		settle(window, range, SYNC_END_UNTRIED, NULL);
		add_range(next, range->from, range->to);
	} else {
		settle(window, range, SYNC_END_FAIL, words);
	}
}

static void
note_answer(Window *window, const Range *range, GArray *next)
{
	const ImapReply *reply = &range->reply;
	bool is_gone = reply->code == IMAP_CODE_TRYCREATE || reply->code == IMAP_CODE_NONEXISTENT;
	g_autoptr(GError) refusal = NULL;

	if (imap_reply_check(reply, "APPEND", &refusal)) {
		note_accepted(window, range);
	} else if (is_gone || core_error_code(refusal) == CORE_ERROR_BUSY) {
		g_autofree char *words = imap_refusal_words(reply->text);
		settle(window, range, SYNC_END_AGAIN, words);
		if (!window->stop)
			window->stop = g_steal_pointer(&refusal);
	} else {
		note_refused(window, range, next);
	}
}

static void
send(Window *window, Range *range)
{
	ImapCommand *command = sync_append_command(window->worker->run->store, window->batch, window->uploads, range->from,
	                                           range->to);

	settle(window, range, SYNC_END_LEFT, NULL);
	imap_session_send(window->worker->session, command, &range->reply);
}

/* Once the quota was met, one command after the other, the smallest first, and none that is no smaller than what there
 * was no room for.  The others go to the next round. */
static void
send_smallest(Window *window, GArray *ranges)
{
	Range *smallest = NULL;

	for (guint i = 0; i < ranges->len; i++) {
		Range *range = &g_array_index(ranges, Range, i);
		uint64_t bytes = bytes_of(window, range);
		if (bytes < *window->no_room_bytes && (!smallest || bytes < bytes_of(window, smallest)))
			smallest = range;
	}
	for (guint i = 0; i < ranges->len; i++) {
		Range *range = &g_array_index(ranges, Range, i);
		if (range == smallest)
			send(window, range);
		else if (bytes_of(window, range) < *window->no_room_bytes)
			add_range(window->ranges, range->from, range->to);
		else if (!halve(window, range, window->ranges))
			settle_later(window, range, "over quota, as a smaller message was");
	}
}

/* Sends what is due, and sorts the answers.  False: the connection broke; what was answered counts all the same. */
static bool
do_round(Window *window, GError **error)
{
	g_autoptr(GArray) ranges = g_steal_pointer(&window->ranges);

	window->ranges = ranges_new();
	if (*window->no_room_bytes > 0)
		send_smallest(window, ranges);
	for (guint i = 0; i < ranges->len && *window->no_room_bytes == 0; i++)
		send(window, &g_array_index(ranges, Range, i));
	bool ok = imap_session_wait(window->worker->session, NULL, error);
	for (guint i = 0; i < ranges->len; i++) {
		const Range *range = &g_array_index(ranges, Range, i);
		if (range->reply.done)
			note_answer(window, range, window->ranges);
	}
	return ok;
}

/* What was accepted and is not known by its UID.  A message that the server took and does not show may have been one too
 * many (Gmail): sending it again would be for ever. */
static bool
look_for_accepted(const Window *window, GError **error)
{
	SyncBatch sought = *window->batch;
	g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(SyncItem));

	for (guint i = 0; i < count(window); i++)
		if (window->uploads[i].accepted && sync_ends_at(window->ends, i)->kind == SYNC_END_LEFT)
			g_array_append_val(items, *item(window, i));
	if (items->len == 0)
		return true;
	sought.items = items;
	g_autofree uint32_t *uids = g_new0(uint32_t, items->len);
	g_autoptr(GArray) ends = sync_ends_new(&sought);
	if (!sync_outcome_find(window->worker, &sought, SYNC_ACCEPTED, uids, error))
		return false;
	for (guint i = 0; i < items->len; i++) {
		bool is_found = uids[i] != 0 && uids[i] != UINT32_MAX;
		sync_end_set(sync_ends_at(ends, i), is_found ? SYNC_END_UID : SYNC_END_HOLD, uids[i],
		             is_found ? NULL : "the server took the message but does not show it; confirm uploads it once more");
	}
	return sync_push_end(window->worker, &sought, ends, error);
}

/* The items of the window that begins at @from. */
static GArray *
take_window(const SyncBatch *batch, guint from)
{
	GArray *items = g_array_new(FALSE, FALSE, sizeof(SyncItem));
	uint64_t bytes = 0;

	for (guint i = from; i < batch->items->len && items->len < WINDOW_MESSAGES; i++) {
		const SyncItem *next = &g_array_index(batch->items, SyncItem, i);
		bytes += next->size_bytes;
		if (items->len > 0 && bytes > WINDOW_BYTES)
			break;
		g_array_append_val(items, *next);
	}
	return items;
}

static bool
send_window(Window *window, GError **error)
{
	bool ok = true;
	GError *failure = NULL;

	window->ranges = ranges_new();
	cut(window);
	while (ok && window->ranges->len > 0 && !window->stop)
		ok = do_round(window, &failure);
	ok = sync_push_end(window->worker, window->batch, window->ends, failure ? NULL : &failure) && ok &&
	     look_for_accepted(window, &failure);
	if (ok && window->stop)
		failure = g_steal_pointer(&window->stop);
	if (failure)
		g_propagate_error(error, failure);
	g_clear_error(&window->stop);
	g_array_unref(window->ranges);
	return ok && !failure;
}

static bool
push_window(SyncWorker *worker, const SyncBatch *batch, uint64_t *no_room_bytes, GError **error)
{
	Window window = { .worker = worker, .batch = batch, .no_room_bytes = no_room_bytes };
	uint32_t uidvalidity, uidnext;

	if (!sync_push_status(worker, &batch->target, &uidvalidity, &uidnext, error) ||
	    !sync_push_send(worker, batch, uidvalidity, uidnext, error))
		return false;
	if (batch->items->len == 0)
		return true;
	g_autoptr(GArray) ends = sync_ends_new(batch);
	g_autofree SyncUpload *uploads = sync_uploads_new(worker, batch, ends, error);
	window.ends = ends;
	window.uploads = uploads;
	return uploads && send_window(&window, error);
}

bool
sync_push_append(SyncWorker *worker, const SyncBatch *batch, GError **error)
{
	uint64_t no_room_bytes = 0;

	for (guint from = 0; from < batch->items->len;) {
		SyncBatch window = *batch;
		g_autoptr(GArray) items = take_window(batch, from);

		window.items = items;
		from += items->len;
		if (!core_cancel_check(worker->run->cancel, error) || !push_window(worker, &window, &no_room_bytes, error))
			return core_prefix(error, "%s: ", batch->target_path);
	}
	return true;
}
