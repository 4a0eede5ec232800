/* One mailbox: brings its rows to what the server has.
 *
 * With QRESYNC (RFC 7162) the server tells what changed and what vanished since the mod-sequence that the store holds.
 * Without it, or when its answer is in doubt, the whole mailbox is compared.  The rules that keep a lie or a lost answer
 * from becoming permanent:
 *
 *   - Nothing is taken for gone because one command did not show it: a second one (UID SEARCH) must not show it either.
 *   - A mod-sequence is stored only with all that it stands for: in the transaction that applies it, when nothing was in
 *     doubt, every UID that was named has its metadata, and there are as many rows as the mailbox has messages.
 *     Otherwise 0 is stored, and the next run compares.
 *
 * Commands name messages by UID only.  Untagged responses without a UID are hints and are ignored here.
 */
#include "core/log.h"
#include "sync/metadata.h"
#include "sync/pool.h"

#include <string.h>

#define ONE_BY_ONE_MAX 200 /* UIDs asked for singly in a run, after a set with them was refused */

typedef struct {
	SyncWorker *worker;
	StoreMailbox mailbox; /* its state as stored; borrows the strings */
	const char *path;
	ImapSelected selected;
	SyncMetadata metadata;
	uint32_t first_new; /* UIDs from here on have no rows */
} Pull;

/* What is asked of a message that is not known yet. */
static ImapCommand *
fetch_all_of(const ImapSession *session, const char *set)
{
	return imap_command_new("UID FETCH %s (UID FLAGS INTERNALDATE RFC822.SIZE%s%s%s)", set,
	                        imap_session_enabled(session, IMAP_CAP_CONDSTORE) ? " MODSEQ" : "",
	                        imap_session_has(session, IMAP_CAP_OBJECTID) ? " EMAILID" : "",
	                        imap_session_has(session, IMAP_CAP_GMAIL) ? " X-GM-MSGID" : "");
}

/* True if the answer is OK or a plain refusal, which is noted in *refused_r; false if the server is to be left alone. */
static bool
check(const ImapReply *reply, bool *refused_r, GError **error)
{
	GError *refusal = NULL;

	if (imap_reply_check(reply, "UID FETCH", &refusal))
		return true;
	if (core_error_code(refusal) != CORE_ERROR_REFUSED) {
		g_propagate_error(error, refusal);
		return false;
	}
	g_error_free(refusal);
	*refused_r = true;
	return true;
}

/* Sends the two FETCHes of a comparison, pipelined, and waits for both. */
static bool
fetch_everything(Pull *pull, bool *refused_r, GError **error)
{
	ImapSession *session = pull->worker->session;
	g_auto(ImapReply) old_reply = { .kind = IMAP_RESPONSE_OK }, new_reply = { 0 };
	g_autofree char *range = g_strdup_printf("%u:*", pull->first_new);

	if (pull->first_new > 1)
		imap_session_send(session, imap_command_new("UID FETCH 1:%u (UID FLAGS)", pull->first_new - 1), &old_reply);
	imap_session_send(session, fetch_all_of(session, range), &new_reply);
	return imap_session_wait(session, NULL, error) && check(&old_reply, refused_r, error) &&
	       check(&new_reply, refused_r, error);
}

/* Asks for all UIDs in another way.  Without a whole answer nothing is proved. */
static bool
search_all(Pull *pull, GError **error)
{
	ImapSession *session = pull->worker->session;
	g_auto(ImapReply) reply = { 0 };
	bool refused = false;

	pull->metadata.searching = true;
	imap_session_send(session, imap_command_new("UID SEARCH ALL"), &reply);
	bool ok = imap_session_wait(session, &reply, error) && check(&reply, &refused, error);
	pull->metadata.searching = false;
	if (refused)
		pull->metadata.searched = false;
	return ok;
}

/* One command for each set, or for each UID of the first ONE_BY_ONE_MAX. */
static bool
fetch_sets(Pull *pull, const ImapUidSet *uids, bool one_by_one, bool *refused_r, GError **error)
{
	ImapSession *session = pull->worker->session;
	ImapReply *replies = NULL;
	size_t position = 0, count = 0;
	g_autoptr(GPtrArray) sets = g_ptr_array_new_with_free_func(g_free);

	for (char *set; !one_by_one && (set = imap_uidset_format(uids, &position, SYNC_SET_BYTES));)
		g_ptr_array_add(sets, set);
	for (; one_by_one && position < uids->count; position++)
		for (uint64_t uid = uids->ranges[position].first; uid <= uids->ranges[position].last; uid++)
			if (sets->len < ONE_BY_ONE_MAX)
				g_ptr_array_add(sets, g_strdup_printf("%" G_GUINT64_FORMAT, uid));

	replies = g_new0(ImapReply, sets->len);
	for (count = 0; count < sets->len; count++)
		imap_session_send(session, fetch_all_of(session, g_ptr_array_index(sets, count)), &replies[count]);
	bool ok = imap_session_wait(session, NULL, error);
	for (size_t i = 0; i < count; i++) {
		ok = ok && check(&replies[i], refused_r, error);
		imap_reply_clear(&replies[i]);
	}
	g_free(replies);
	return ok;
}

/* UIDs that were named without their metadata are asked for once more, singly where a set is refused, and then taken as
 * they are.  What even then does not come is left out of this run. */
static bool
fetch_unknown(Pull *pull, GError **error)
{
	SyncMetadata *metadata = &pull->metadata;
	bool ok = true, refused = true;

	for (int round = 0; round < 2 && ok && refused; round++) {
		g_auto(ImapUidSet) unknown = { 0 };
		sync_metadata_unknown(metadata, &unknown);
		refused = false;
		if (unknown.count == 0)
			return true;
		metadata->must_do = &unknown;
		ok = fetch_sets(pull, &unknown, round > 0, &refused, error);
		metadata->must_do = NULL;
	}
	g_auto(ImapUidSet) left = { 0 };
	sync_metadata_unknown(metadata, &left);
	if (ok && left.count > 0) {
		metadata->in_doubt = true;
		sync_warn(pull->worker->run, pull->path, left.ranges[0].first,
		          "the server does not describe %" G_GUINT64_FORMAT " messages, from this one on", imap_uidset_size(&left));
		sync_pool_note_incomplete(pull->worker->run->pool, pull->mailbox.id);
	}
	return ok;
}

/* The state that the pulled mailbox is in, if it can be trusted. */
static bool
set_state(Pull *pull, StoreTxn *txn, bool trusted, GError **error)
{
	const ImapSelected *selected = &pull->selected;
	uint32_t highest = pull->metadata.highest_uid;
	uint32_t uidnext = MAX(selected->uidnext, highest == UINT32_MAX ? highest : highest + 1);

	if (selected->uidnext == 0)
		uidnext = MAX(uidnext, pull->mailbox.uidnext);
	return store_mailbox_set_state(txn, pull->mailbox.id, selected->uidvalidity, uidnext,
	                               trusted ? selected->highestmodseq : 0,
	                               selected->mailboxid ? selected->mailboxid : pull->mailbox.mailboxid, error);
}

/* Everything that was told and is not applied yet, with the state that it leads to, in one transaction. */
static bool
conclude(Pull *pull, bool count, bool *agrees_r, GError **error)
{
	SyncMetadata *metadata = &pull->metadata;
	Store *store = pull->worker->run->store;
	g_autoptr(StoreTxn) txn = store_begin(store, error);
	uint32_t rows = metadata->exists;

	if (!txn || !sync_metadata_apply(metadata, txn, error) ||
	    (count && !store_message_count(store, txn, pull->mailbox.id, &rows, error)))
		return false;
	*agrees_r = !metadata->in_doubt && rows == metadata->exists;
	return set_state(pull, txn, *agrees_r, error) && store_commit(g_steal_pointer(&txn), error);
}

/* A run in which nothing has changed writes nothing. */
static bool
is_as_stored(const Pull *pull)
{
	const ImapSelected *selected = &pull->selected;
	const StoreMailbox *mailbox = &pull->mailbox;

	return !pull->metadata.changed && !pull->metadata.in_doubt && selected->uidvalidity == mailbox->uidvalidity &&
	       selected->uidnext == mailbox->uidnext && selected->highestmodseq == mailbox->highestmodseq &&
	       (!selected->mailboxid || g_strcmp0(selected->mailboxid, mailbox->mailboxid) == 0);
}

/* The whole mailbox against the store. */
static bool
compare(Pull *pull, GError **error)
{
	SyncMetadata *metadata = &pull->metadata;
	bool refused = false, agrees;

	if (!sync_metadata_load(metadata, error))
		return false;
	bool may_skip = metadata->known->len > 0 &&
	                (pull->selected.uidnext == 0 || pull->selected.uidnext >= pull->mailbox.uidnext);
	pull->first_new = may_skip ? MAX(pull->mailbox.uidnext, 1) : 1;
	metadata->changed = false;
	if (metadata->exists > 0 && !fetch_everything(pull, &refused, error))
		return false;

	g_auto(ImapUidSet) unseen = { 0 };
	sync_metadata_unseen(metadata, &unseen);
	bool unclear = refused || unseen.count > 0 || imap_uidset_size(&metadata->seen) < metadata->exists;
	if ((unclear && !search_all(pull, error)) || !fetch_unknown(pull, error))
		return false;
	if (unclear && metadata->searched) {
		sync_metadata_vanish_unseen(metadata);
	} else if (unclear) {
		metadata->in_doubt = true;
		sync_warn(pull->worker->run, pull->path, 0, "the server would not list the messages; nothing was removed here");
		sync_pool_note_incomplete(pull->worker->run->pool, pull->mailbox.id);
	}
	return is_as_stored(pull) || conclude(pull, false, &agrees, error);
}

/* By QRESYNC.  *agrees_r: nothing is left in doubt; else everything is to be compared. */
static bool
apply_changes(Pull *pull, bool *agrees_r, GError **error)
{
	SyncMetadata *metadata = &pull->metadata;
	ImapSession *session = pull->worker->session;
	g_auto(ImapUidSet) unknown = { 0 };
	bool refused = false;
	uint32_t rows;

	pull->first_new = MAX(pull->mailbox.uidnext, 1);
	if (pull->selected.uidnext == 0 || pull->selected.uidnext > pull->first_new) {
		g_autofree char *range = g_strdup_printf("%u:*", pull->first_new);
		g_auto(ImapReply) reply = { 0 };
		imap_session_send(session, fetch_all_of(session, range), &reply);
		if (!imap_session_wait(session, &reply, error) || !check(&reply, &refused, error))
			return false;
	}
	sync_metadata_unknown(metadata, &unknown); /* those below first_new have rows: the server told of their flags */
	if (refused || (unknown.count > 0 && unknown.ranges[unknown.count - 1].last >= pull->first_new))
		metadata->in_doubt = true;
	if (!is_as_stored(pull))
		return conclude(pull, true, agrees_r, error);
	if (!store_message_count(pull->worker->run->store, NULL, pull->mailbox.id, &rows, error))
		return false;
	*agrees_r = rows == metadata->exists;
	return true;
}

/* Whether what QRESYNC told can be relied on at all. */
static bool
is_continuation(const Pull *pull)
{
	const ImapSelected *selected = &pull->selected;
	const StoreMailbox *mailbox = &pull->mailbox;

	/* A mod-sequence or UIDNEXT that went back (a restored backup, a rebuilt index) says nothing about what was between;
	 * without a mod-sequence (NOMODSEQ since the last time) the changes are of no use. */
	return selected->highestmodseq >= mailbox->highestmodseq &&
	       (selected->uidnext == 0 || selected->uidnext >= mailbox->uidnext);
}

/* Another mailbox of that name, or another numbering of its messages. */
static bool
is_another(const Pull *pull)
{
	const ImapSelected *selected = &pull->selected;
	const StoreMailbox *mailbox = &pull->mailbox;

	return mailbox->uidvalidity && (mailbox->uidvalidity != selected->uidvalidity ||
	                                (mailbox->mailboxid && selected->mailboxid &&
	                                 strcmp(mailbox->mailboxid, selected->mailboxid) != 0));
}

/* Everything about such a mailbox is asked for anew; its rows wait to be matched. */
static bool
begin_again(Pull *pull, GError **error)
{
	StoreMailbox *mailbox = &pull->mailbox;
	const SyncRun *run = pull->worker->run;
	g_autoptr(StoreTxn) txn = store_begin(run->store, error);

	core_log(CORE_LOG_INFO, "sync", "%s: %s: UIDVALIDITY %u became %u, or it was made anew: matching by content",
	         run->account->name, pull->path, mailbox->uidvalidity, pull->selected.uidvalidity);
	if (!txn || !store_mailbox_forget_uids(txn, mailbox->id, pull->selected.uidvalidity, error) ||
	    !store_commit(g_steal_pointer(&txn), error))
		return false;
	mailbox->uidvalidity = pull->selected.uidvalidity;
	mailbox->uidnext = 0;
	mailbox->highestmodseq = 0;
	return true;
}

static bool
select_mailbox(Pull *pull, bool by_changes, GError **error)
{
	SyncWorker *worker = pull->worker;
	ImapQresync since = { .uidvalidity = pull->mailbox.uidvalidity, .modseq = pull->mailbox.highestmodseq };

	/* Without QRESYNC a FETCH that arrives meanwhile is of the mailbox that was selected before. */
	if (by_changes)
		imap_session_listen(worker->session, sync_metadata_on_response, &pull->metadata);
	if (!sync_worker_examine(worker, pull->mailbox.server_name, by_changes ? &since : NULL, &pull->selected, error))
		return false;
	imap_session_listen(worker->session, sync_metadata_on_response, &pull->metadata);
	pull->metadata.exists = pull->selected.exists;
	return pull->selected.uidvalidity != 0 || core_throw(error, CORE_ERROR_REFUSED, "the server gives no UIDVALIDITY");
}

static bool
pull_rows(Pull *pull, GError **error)
{
	const StoreMailbox *mailbox = &pull->mailbox;
	bool by_changes = imap_session_enabled(pull->worker->session, IMAP_CAP_QRESYNC) && mailbox->uidvalidity &&
	                  mailbox->highestmodseq && mailbox->uidnext;
	bool agrees = false;

	if (!select_mailbox(pull, by_changes, error))
		return false;
	if (is_another(pull)) {
		by_changes = false;
		if (!begin_again(pull, error))
			return false;
	}
	if (by_changes && is_continuation(pull) && !apply_changes(pull, &agrees, error))
		return false;
	if (by_changes && !agrees)
		core_log(CORE_LOG_INFO, "sync", "%s: %s: the changes do not explain what is there: comparing",
		         pull->worker->run->account->name, pull->path);
	return agrees || compare(pull, error);
}

bool
sync_pull(SyncWorker *worker, const StoreMailbox *mailbox, const char *path, GError **error)
{
	Pull pull = { .worker = worker, .mailbox = *mailbox, .path = path };

	sync_metadata_init(&pull.metadata, worker->run, mailbox->id);
	bool ok = pull_rows(&pull, error) && sync_plan(worker->run, mailbox, path, pull.selected.uidvalidity, error);
	imap_session_listen(worker->session, NULL, NULL);
	sync_metadata_clear(&pull.metadata);
	imap_selected_clear(&pull.selected);
	return ok;
}
