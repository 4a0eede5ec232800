/* FLAGS: what was added and removed, as UID STORE +FLAGS and -FLAGS (RFC 9051 6.4.6).
 *
 * Both commute with what others do meanwhile, so they are simply sent again when nobody knows whether they arrived, and
 * no UNCHANGEDSINCE is wanted: a keyword that another computer sets would make it fail.  They are not silent: the answer
 * tells all flags that the message has now.  A message that has gone meanwhile is no error; its row goes with the next
 * pull.
 */
#include "imap/refusal.h"
#include "sync/push.h"
#include "sync/sets.h"

typedef struct {
	char *flags; /* as the server told them last; NULL: it did not */
	uint64_t modseq;
} Told;

typedef struct {
	const SyncBatch *batch;
	const char *how[SYNC_SET_COMMANDS], *flags[SYNC_SET_COMMANDS];
	uint32_t *uids; /* of the items */
	Told *told;     /* one for each */
	GArray *ends;
	bool new_keywords;
} Flags;

/* The index of the item with that UID; -1: none. */
static int
find(const Flags *flags, uint32_t uid)
{
	guint low = 0, high = flags->batch->items->len;

	while (low < high) {
		guint middle = low + (high - low) / 2;
		if (flags->uids[middle] < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < flags->batch->items->len && flags->uids[low] == uid ? (int)low : -1;
}

static bool
on_fetch(const ImapResponse *response, void *data, GError **error)
{
	const uint32_t needed = IMAP_FETCH_UID | IMAP_FETCH_FLAGS;
	const ImapFetch *fetch = &response->fetch;
	Flags *flags = data;

	if (response->kind != IMAP_RESPONSE_FETCH || (fetch->fields & needed) != needed || response->damaged)
		return true;
	int index = find(flags, fetch->uid);
	if (index < 0)
		return true;
	g_free(flags->told[index].flags);
	flags->told[index].flags = store_flags_normalise(fetch->flags.items, fetch->flags.count);
	flags->told[index].modseq = fetch->fields & IMAP_FETCH_MODSEQ ? fetch->modseq : 0;
	return true;
}

static ImapCommand *
make(const char *set, unsigned command, void *data)
{
	const Flags *flags = data;

	return imap_command_new("UID STORE %s %s (%s)", set, flags->how[command], flags->flags[command]);
}

static bool
has_flag(char *const *flags, const char *flag)
{
	for (; *flags; flags++)
		if (g_ascii_strcasecmp(*flags, flag) == 0)
			return true;
	return false;
}

/* The first of @wanted that is (@there), or is not, among @flags; NULL: none. */
static const char *
first_that(char *const *wanted, char *const *flags, bool there)
{
	for (; *wanted; wanted++)
		if (**wanted && has_flag(flags, *wanted) == there)
			return *wanted;
	return NULL;
}

static void
judge(const Flags *flags, Told *told, SyncEnd *end)
{
	g_auto(GStrv) add = g_strsplit(flags->batch->add_flags, " ", -1);
	g_auto(GStrv) removed = g_strsplit(flags->batch->remove_flags, " ", -1);
	g_auto(GStrv) now = g_strsplit(told->flags ? told->flags : "", " ", -1);
	const char *lost = told->flags ? first_that(add, now, false) : NULL;

	if (lost && *lost != '\\' && !flags->new_keywords) {
		g_autofree char *words = g_strdup_printf("the server does not keep the keyword %s in %s", lost, flags->batch->path);
		sync_end_set(end, SYNC_END_FAIL, 0, words);
		return;
	}
	/* What was told between the two commands, and not again after the second, is not the last word. */
	if (*flags->batch->add_flags && told->flags && first_that(removed, now, true))
		g_clear_pointer(&told->flags, g_free);
	sync_end_set(end, SYNC_END_FLAGS, 0, told->flags);
	end->modseq = told->flags ? told->modseq : 0;
}

static void
on_done(guint from, guint to, const ImapReply *replies, void *data)
{
	Flags *flags = data;

	for (guint i = from; i < to; i++)
		judge(flags, &flags->told[i], sync_ends_at(flags->ends, i));
}

static void
end_all(const Flags *flags, guint from, guint to, SyncEndKind kind, const ImapReply *reply)
{
	g_autofree char *words = imap_refusal_words(reply->text);

	for (guint i = from; i < to; i++)
		sync_end_set(sync_ends_at(flags->ends, i), kind, 0, words);
}

static void
on_refused(guint from, guint to, const ImapReply *reply, void *data)
{
	end_all(data, from, to, SYNC_END_FAIL, reply);
}

static void
on_put_off(guint from, guint to, const ImapReply *reply, void *data)
{
	end_all(data, from, to, SYNC_END_AGAIN, reply);
}

/* What the server refused because it does not have the message any more is done. */
static bool
forgive_gone(SyncWorker *worker, Flags *flags, GError **error)
{
	g_auto(ImapUidSet) refused = { 0 }, shown = { 0 };
	bool sure;

	for (guint i = 0; i < flags->ends->len; i++)
		if (sync_ends_at(flags->ends, i)->kind == SYNC_END_FAIL)
			imap_uidset_add(&refused, flags->uids[i]);
	if (refused.count == 0)
		return true;
	if (!sync_search(worker, &refused, &shown, &sure, error))
		return false;
	for (guint i = 0; sure && i < flags->ends->len; i++)
		if (imap_uidset_has(&refused, flags->uids[i]) && !imap_uidset_has(&shown, flags->uids[i]))
			sync_end_set(sync_ends_at(flags->ends, i), SYNC_END_FLAGS, 0, NULL);
	return true;
}

/* What was not tried because the server is busy. */
static void
give_back_rest(Flags *flags)
{
	for (guint i = 0; i < flags->ends->len; i++)
		if (sync_ends_at(flags->ends, i)->kind == SYNC_END_LEFT)
			sync_end_set(sync_ends_at(flags->ends, i), SYNC_END_UNTRIED, 0, NULL);
}

static bool
store_flags(SyncWorker *worker, Flags *flags, GError **error)
{
	const SyncBatch *batch = flags->batch;
	SyncSets sets = { .worker = worker, .uids = flags->uids, .count = batch->items->len, .name = "UID STORE",
		              .make = make, .done = on_done, .refused = on_refused, .put_off = on_put_off, .data = flags };
	GError *failure = NULL, *late = NULL;

	if (*batch->add_flags) {
		flags->how[sets.commands] = "+FLAGS";
		flags->flags[sets.commands++] = batch->add_flags;
	}
	if (*batch->remove_flags) {
		flags->how[sets.commands] = "-FLAGS";
		flags->flags[sets.commands++] = batch->remove_flags;
	}
	imap_session_listen(worker->session, on_fetch, flags);
	bool ok = sync_sets_run(&sets, &failure);
	imap_session_listen(worker->session, NULL, NULL);
	ok = ok && forgive_gone(worker, flags, &failure);
	if (imap_session_alive(worker->session))
		give_back_rest(flags);
	if (!sync_push_end(worker, batch, flags->ends, &late)) {
		g_clear_error(&failure);
		g_propagate_error(error, late);
		return false;
	}
	if (failure)
		g_propagate_error(error, failure);
	return ok;
}

static bool
are_sendable(const char *flags)
{
	g_auto(GStrv) words = g_strsplit(flags, " ", -1);

	for (char **word = words; *word; word++)
		if (!store_flag_is_sendable(*word))
			return false;
	return true;
}

static bool
refuse_all(SyncWorker *worker, Flags *flags, GError **error)
{
	for (guint i = 0; i < flags->ends->len; i++)
		sync_end_set(sync_ends_at(flags->ends, i), SYNC_END_FAIL, 0, "a flag has characters that IMAP cannot carry");
	return sync_push_end(worker, flags->batch, flags->ends, error);
}

bool
sync_push_flags(SyncWorker *worker, const SyncBatch *batch, GError **error)
{
	if (!sync_push_select(worker, &batch->mailbox, batch->path, error) || !sync_push_send(worker, batch, 0, 0, error))
		return false;
	guint count = batch->items->len;
	g_autofree uint32_t *uids = g_new(uint32_t, count);
	g_autofree Told *told = g_new0(Told, count);
	g_autoptr(GArray) ends = sync_ends_new(batch);
	Flags flags = { .batch = batch, .uids = uids, .told = told, .ends = ends, .new_keywords = worker->new_keywords };

	for (guint i = 0; i < count; i++)
		uids[i] = g_array_index(batch->items, SyncItem, i).uid;
	bool ok = are_sendable(batch->add_flags) && are_sendable(batch->remove_flags) ? store_flags(worker, &flags, error)
	                                                                           : refuse_all(worker, &flags, error);
	for (guint i = 0; i < count; i++)
		g_free(told[i].flags);
	return ok;
}
