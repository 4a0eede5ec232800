/* One mailbox: brings its rows to what the server has.
 *
 * With QRESYNC (RFC 7162) the server tells what changed and what vanished since the mod-sequence that the store holds.
 * Without it, or when its answer is in doubt, the UIDs and flags of all messages are compared.  Either way the
 * metadata of unknown messages is fetched, and the mailbox's state advances in the transaction that applies the last of
 * it: a run that is cut off leaves rows behind, but not a state that skips something.
 *
 * Commands name messages by UID only.  Untagged responses without a UID are hints and are ignored here.
 */
#include "core/log.h"
#include "imap/uidset.h"
#include "sync/run.h"

#include <string.h>

#define BATCH_ROWS 1000 /* in a transaction while metadata streams in */

/* A row of the store, as far as comparing needs it. */
typedef struct {
	uint32_t uid;
	uint32_t flags_hash;
} Known;

/* What one FETCH response told. */
typedef struct {
	bool whole; /* a message that was not known; else only its flags count */
	StoreMessage message; /* base_flags and emailid are in Pull.strings */
} Told;

typedef struct {
	SyncRun *run;
	ImapSession *session;
	const StoreMailbox *mailbox;
	const char *path;
	ImapSelected selected;
	GArray *known;        /* of Known, ascending; only when comparing */
	GArray *told;         /* of Told: not applied yet */
	GStringChunk *strings;
	ImapUidSet seen;      /* UIDs that FETCH or SEARCH named */
	ImapUidSet whole;     /* those that were told with their metadata */
	ImapUidSet vanished;
	uint32_t first_new;   /* a FETCH that asks for n:* may answer with a UID below n, which is not new */
	uint32_t highest_uid;
	bool last_chance;     /* what lacks its date or size now never gets it */
	bool in_doubt;        /* a VANISHED or FETCH could not be read: compare */
	bool changed;
} Pull;

static void
pull_clear(Pull *pull)
{
	imap_selected_clear(&pull->selected);
	g_array_unref(pull->known);
	g_array_unref(pull->told);
	g_string_chunk_free(pull->strings);
	imap_uidset_clear(&pull->seen);
	imap_uidset_clear(&pull->whole);
	imap_uidset_clear(&pull->vanished);
}

static int
compare_known(const void *a, const void *b)
{
	uint32_t x = ((const Known *)a)->uid, y = ((const Known *)b)->uid;

	return x < y ? -1 : x > y;
}

static const Known *
find_known(const Pull *pull, uint32_t uid)
{
	Known key = { .uid = uid };

	if (pull->known->len == 0)
		return NULL;
	return bsearch(&key, pull->known->data, pull->known->len, sizeof key, compare_known);
}

static bool
apply_told(Pull *pull, StoreTxn *txn, GError **error)
{
	for (guint i = 0; i < pull->told->len; i++) {
		Told *told = &g_array_index(pull->told, Told, i);
		int64_t id;
		bool ok = told->whole ? store_message_insert(txn, &told->message, &id, error)
		                      : store_message_set_flags(txn, told->message.mailbox_id, told->message.uid,
		                                                told->message.base_flags, told->message.modseq, error);
		if (!ok)
			return false;
	}
	g_array_set_size(pull->told, 0);
	g_string_chunk_clear(pull->strings);
	return true;
}

static bool
flush(Pull *pull, GError **error)
{
	g_autoptr(StoreTxn) txn = store_begin(pull->run->store, error);

	return txn && apply_told(pull, txn, error) && store_commit(g_steal_pointer(&txn), error);
}

static bool
on_fetch(Pull *pull, const ImapFetch *fetch, GError **error)
{
	if (!(fetch->fields & IMAP_FETCH_UID) || fetch->uid == 0)
		return true;
	imap_uidset_add(&pull->seen, fetch->uid);
	pull->highest_uid = MAX(pull->highest_uid, fetch->uid);

	const Known *known = find_known(pull, fetch->uid);
	bool whole = !known && (pull->last_chance || (fetch->fields & IMAP_FETCH_INTERNALDATE && fetch->fields & IMAP_FETCH_SIZE));
	if (whole)
		imap_uidset_add(&pull->whole, fetch->uid);
	else if (!(fetch->fields & IMAP_FETCH_FLAGS))
		return true;

	g_autofree char *flags = store_flags_normalise(fetch->flags.items, fetch->flags.count);
	if (!whole && known && known->flags_hash == g_str_hash(flags))
		return true;

	Told told = {
		.whole = whole,
		.message = {
			.mailbox_id = pull->mailbox->id,
			.uid = fetch->uid,
			.internaldate_s = fetch->fields & IMAP_FETCH_INTERNALDATE ? fetch->internaldate_s : 0,
			.rfc822_size = fetch->fields & IMAP_FETCH_SIZE ? fetch->size_bytes : 0,
			.base_flags = g_string_chunk_insert_const(pull->strings, flags),
			.modseq = fetch->fields & IMAP_FETCH_MODSEQ ? fetch->modseq : 0,
			.gm_msgid = fetch->fields & IMAP_FETCH_GM_MSGID ? fetch->gm_msgid : 0,
			.emailid = fetch->fields & IMAP_FETCH_EMAILID ? g_string_chunk_insert(pull->strings, fetch->emailid) : NULL,
		},
	};
	g_array_append_val(pull->told, told);
	pull->changed = true;
	return pull->told->len < BATCH_ROWS || flush(pull, error);
}

static bool
on_response(const ImapResponse *response, void *data, GError **error)
{
	Pull *pull = data;

	switch ((int)response->kind) {
	case IMAP_RESPONSE_FETCH:
		pull->in_doubt |= response->damaged;
		return on_fetch(pull, &response->fetch, error);
	case IMAP_RESPONSE_VANISHED:
		pull->changed = true;
		if (response->damaged || !imap_uidset_parse(&pull->vanished, response->vanished.uids, 0))
			pull->in_doubt = true;
		return true;
	case IMAP_RESPONSE_SEARCH:
		if (*response->search.uids && !imap_uidset_parse(&pull->seen, response->search.uids, 0))
			return core_throw(error, CORE_ERROR_PROTOCOL, "UID SEARCH was answered with what is no set of UIDs");
		return true;
	default:
		return true;
	}
}

/* What is asked of a message that is not known yet. */
static ImapCommand *
fetch_all_of(const ImapSession *session, const char *set)
{
	return imap_command_new("UID FETCH %s (UID FLAGS INTERNALDATE RFC822.SIZE%s%s%s)", set,
	                        imap_session_enabled(session, IMAP_CAP_CONDSTORE) ? " MODSEQ" : "",
	                        imap_session_has(session, IMAP_CAP_OBJECTID) ? " EMAILID" : "",
	                        imap_session_has(session, IMAP_CAP_GMAIL) ? " X-GM-MSGID" : "");
}

static bool
load_row(const StoreMessage *message, void *data)
{
	Known known = { .uid = message->uid, .flags_hash = g_str_hash(message->base_flags) };

	g_array_append_val((GArray *)data, known);
	return true;
}

/* Rows whose UID was not named although the whole mailbox was. */
static void
find_vanished(Pull *pull)
{
	for (guint i = 0; i < pull->known->len; i++) {
		uint32_t uid = g_array_index(pull->known, Known, i).uid;
		if (!imap_uidset_has(&pull->seen, uid)) {
			imap_uidset_add(&pull->vanished, uid);
			pull->changed = true;
		}
	}
}

/* UIDs that were named without their metadata (by SEARCH, below first_new and yet unknown, or damaged): asked for once
 * more, and then taken as they are. */
static bool
fetch_unknown(Pull *pull, GError **error)
{
	g_auto(ImapUidSet) unknown = { 0 };
	size_t position = 0;

	for (size_t i = 0; i < pull->seen.count; i++) {
		uint32_t last = pull->seen.ranges[i].last;
		for (uint64_t uid = pull->seen.ranges[i].first; uid <= last; uid++)
			if (!find_known(pull, (uint32_t)uid) && !imap_uidset_has(&pull->whole, (uint32_t)uid))
				imap_uidset_add(&unknown, (uint32_t)uid);
	}
	if (unknown.count == 0)
		return true;
	pull->last_chance = true;
	for (char *set; (set = imap_uidset_format(&unknown, &position, SYNC_SET_BYTES)); g_free(set))
		imap_session_send(pull->session, fetch_all_of(pull->session, set), NULL);
	bool ok = imap_session_wait(pull->session, NULL, error);
	pull->last_chance = false;
	return ok;
}

/* Sends the two FETCHes of a comparison, pipelined, and waits for both. */
static bool
fetch_compared(Pull *pull, GError **error)
{
	g_auto(ImapReply) old_reply = { 0 }, new_reply = { 0 };
	g_autofree char *range = g_strdup_printf("%u:*", pull->first_new);
	bool old = pull->first_new > 1 && pull->known->len > 0;

	if (old)
		imap_session_send(pull->session, imap_command_new("UID FETCH 1:%u (UID FLAGS)", pull->first_new - 1), &old_reply);
	imap_session_send(pull->session, fetch_all_of(pull->session, range), &new_reply);
	if (!imap_session_wait(pull->session, NULL, error))
		return false;
	return (!old || imap_reply_check(&old_reply, "UID FETCH", error)) && imap_reply_check(&new_reply, "UID FETCH", error);
}

/* The whole mailbox against the store. */
static bool
compare(Pull *pull, GError **error)
{
	g_array_set_size(pull->known, 0);
	imap_uidset_clear(&pull->seen);
	imap_uidset_clear(&pull->whole);
	imap_uidset_clear(&pull->vanished);
	if (!store_message_list_uids(pull->run->store, pull->mailbox->id, load_row, pull->known, error))
		return false;
	if (pull->selected.exists > 0) {
		if (!fetch_compared(pull, error))
			return false;
		/* Fewer than there should be: before anything is taken for gone, the server is asked in another way. */
		if (imap_uidset_size(&pull->seen) < pull->selected.exists && pull->known->len > 0 &&
		    !imap_session_run(pull->session, imap_command_new("UID SEARCH ALL"), NULL, error))
			return false;
		if (imap_uidset_size(&pull->seen) == 0 && pull->known->len > 0)
			return core_throw(error, CORE_ERROR_PROTOCOL, "the server counts %u messages but shows none", pull->selected.exists);
		if (!fetch_unknown(pull, error))
			return false;
	}
	find_vanished(pull);
	return true;
}

/* Everything that was told and is not applied yet, with the state that it leads to, in one transaction. */
static bool
conclude(Pull *pull, GError **error)
{
	const StoreMailbox *before = pull->mailbox;
	const ImapSelected *selected = &pull->selected;
	uint32_t uidnext = MAX(selected->uidnext, MAX(before->uidnext, pull->highest_uid == UINT32_MAX ? UINT32_MAX : pull->highest_uid + 1));

	if (!pull->changed && uidnext == before->uidnext && selected->highestmodseq == before->highestmodseq &&
	    selected->uidvalidity == before->uidvalidity)
		return true;

	g_autoptr(StoreTxn) txn = store_begin(pull->run->store, error);
	if (!txn || !apply_told(pull, txn, error))
		return false;
	for (size_t i = 0; i < pull->vanished.count; i++)
		if (!store_message_remove_uids(txn, before->id, pull->vanished.ranges[i].first, pull->vanished.ranges[i].last, error))
			return false;
	return store_mailbox_set_state(txn, before->id, selected->uidvalidity, uidnext, selected->highestmodseq,
	                               selected->mailboxid, error) &&
	       store_commit(g_steal_pointer(&txn), error);
}

static bool
count_row(const StoreMessage *message, void *data)
{
	(*(uint32_t *)data)++;
	return true;
}

/* By QRESYNC.  *compare_r: its answer cannot be relied on. */
static bool
apply_changes(Pull *pull, bool *compare_r, GError **error)
{
	if (pull->selected.uidnext == 0 || pull->selected.uidnext > pull->first_new) {
		g_autofree char *range = g_strdup_printf("%u:*", pull->first_new);
		if (!imap_session_run(pull->session, fetch_all_of(pull->session, range), NULL, error))
			return false;
	}
	*compare_r = pull->in_doubt;
	return true;
}

/* After changes were applied, the count of messages is a hint whether something was missed (by us or by the server). */
static bool
count_agrees(Pull *pull, bool *agrees_r, GError **error)
{
	uint32_t rows = 0;

	*agrees_r = true;
	if (!pull->changed)
		return true;
	if (!store_message_list_uids(pull->run->store, pull->mailbox->id, count_row, &rows, error))
		return false;
	*agrees_r = rows == pull->selected.exists;
	if (!*agrees_r)
		core_log(CORE_LOG_INFO, "sync", "%s: %s: %u messages here, %u on the server: comparing", pull->run->account->name,
		         pull->path, rows, pull->selected.exists);
	return true;
}

static bool
pull_rows(Pull *pull, bool by_changes, GError **error)
{
	bool must_compare = !by_changes;

	if (by_changes) {
		if (!apply_changes(pull, &must_compare, error))
			return false;
		if (!must_compare) {
			bool agrees;
			if (!conclude(pull, error) || !count_agrees(pull, &agrees, error))
				return false;
			must_compare = !agrees;
		}
	}
	return !must_compare || (compare(pull, error) && conclude(pull, error));
}

/* Everything about a mailbox that got another UIDVALIDITY is asked for anew; its rows wait to be matched. */
static bool
begin_again(Pull *pull, StoreMailbox *mailbox, GError **error)
{
	g_autoptr(StoreTxn) txn = store_begin(pull->run->store, error);

	core_log(CORE_LOG_INFO, "sync", "%s: %s: UIDVALIDITY %u became %u: matching by content", pull->run->account->name,
	         pull->path, mailbox->uidvalidity, pull->selected.uidvalidity);
	if (!txn || !store_mailbox_forget_uids(txn, mailbox->id, pull->selected.uidvalidity, error) ||
	    !store_commit(g_steal_pointer(&txn), error))
		return false;
	mailbox->uidvalidity = pull->selected.uidvalidity;
	mailbox->uidnext = 0;
	mailbox->highestmodseq = 0;
	return true;
}

bool
sync_pull(SyncWorker *worker, const StoreMailbox *stored, const char *path, GError **error)
{
	StoreMailbox mailbox = *stored; /* borrows the strings */
	SyncRun *run = worker->run;
	ImapSession *session = worker->session;
	Pull pull = {
		.run = run,
		.session = session,
		.mailbox = &mailbox,
		.path = path,
		.known = g_array_new(FALSE, FALSE, sizeof(Known)),
		.told = g_array_new(FALSE, FALSE, sizeof(Told)),
		.strings = g_string_chunk_new(4096),
	};
	ImapQresync since = { .uidvalidity = mailbox.uidvalidity, .modseq = mailbox.highestmodseq };
	bool by_changes = imap_session_enabled(session, IMAP_CAP_QRESYNC) && since.uidvalidity && since.modseq && mailbox.uidnext;

	pull.first_new = MAX(mailbox.uidnext, 1);
	imap_session_listen(session, on_response, &pull);
	bool ok = sync_worker_select(worker, mailbox.server_name, by_changes ? &since : NULL, &pull.selected, error);
	if (ok && pull.selected.uidvalidity == 0)
		ok = core_throw(error, CORE_ERROR_REFUSED, "the server gives no UIDVALIDITY");
	if (ok && mailbox.uidvalidity && mailbox.uidvalidity != pull.selected.uidvalidity) {
		g_array_set_size(pull.told, 0);
		imap_uidset_clear(&pull.vanished);
		by_changes = false;
		ok = begin_again(&pull, &mailbox, error);
		pull.first_new = 1;
		pull.highest_uid = 0;
	}
	if (ok && by_changes && pull.selected.highestmodseq == 0)
		by_changes = false; /* NOMODSEQ since the last time */
	ok = ok && pull_rows(&pull, by_changes, error) && sync_plan(run, &mailbox, path, pull.selected.uidvalidity, error);
	imap_session_listen(session, NULL, NULL);
	pull_clear(&pull);
	return ok;
}
