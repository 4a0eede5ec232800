/* Brings the mailboxes in the store to what LIST told.
 *
 * A row stays with its mailbox as long as there is something to know it by (claim.h).  Whether the messages are the same
 * is then for UIDVALIDITY to say, or, when little speaks for it, for the messages themselves.  While the listing is in
 * doubt nothing is taken away.  What a user changed here and the server has not done yet is left as it is.
 */
#include "imap/refusal.h"
#include "sync/claim.h"
#include "sync/path.h"
#include "sync/rights.h"

#include "core/log.h"

#include <string.h>

#define EXAMINE_MAX 100   /* new mailboxes in a run that are opened to learn their ids */
#define STATUS_WORTH_IT 2 /* mailboxes: for a single one EXAMINE costs no more, and tells more */

typedef struct {
	SyncWorker *worker;
	SyncRun *run;
	SyncListing *listing;
	SyncRows rows;
} Lists;

/* What the configuration does not want goes also while the listing is in doubt. */
static bool
is_gone(const Lists *lists, const SyncRow *row)
{
	return sync_row_is_unlisted(row) && ((!lists->listing->in_doubt && !row->answers) ||
	                                     !sync_path_wanted(lists->run->account->folders, row->path));
}

static bool
moves(const Lists *lists, const SyncRow *row)
{
	return !row->stays && strcmp(row->path, row->listed->path) != 0 &&
	       !g_hash_table_contains(lists->rows.kept_paths, row->listed->path);
}

/* The MAILBOXID that is told of a mailbox and not stored yet; NULL: none. */
static const char *
new_mailboxid(const SyncRow *row)
{
	const char *told = row->listed->status.mailboxid;

	return told && g_strcmp0(told, row->mailboxid) != 0 && (row->listed->attributes & STORE_MAILBOX_SELECTABLE) ? told : NULL;
}

/* Whether LIST told something new of a mailbox that is known, and it can be relied on. */
static bool
is_changed(const Lists *lists, const SyncRow *row)
{
	const SyncListed *listed = row->listed;

	if (!listed || (row->stays && (row->claim == SYNC_CLAIM_NAME || !row->may_follow)))
		return false;
	bool loses = (row->attributes & ~listed->attributes) & STORE_MAILBOX_SELECTABLE;
	if (lists->listing->in_doubt && (listed->damaged || loses || moves(lists, row)))
		return false;
	return row->claim != SYNC_CLAIM_NAME || moves(lists, row) || row->separator != listed->separator ||
	       row->attributes != listed->attributes || new_mailboxid(row);
}

/* Whether two names of one path differ only in the separator and the spelling of INBOX. */
static bool
is_same_name(const char *a, char a_separator, const char *b, char b_separator)
{
	bool inbox = g_ascii_strncasecmp(a, "INBOX", 5) == 0 && g_ascii_strncasecmp(b, "INBOX", 5) == 0;

	for (size_t i = inbox ? 5 : 0; a[i] || b[i]; i++) {
		bool both_separate = a[i] && a[i] == a_separator && b[i] && b[i] == b_separator;
		if (a[i] != b[i] && !both_separate)
			return false;
	}
	return true;
}

/* Whether the messages of a row may be others than those of the mailbox that it was taken for.  "&AOk-" where there was a
 * raw "é" is the same mailbox in another encoding, or another one with the same UIDVALIDITY. */
static bool
is_to_be_matched(const SyncRow *row)
{
	const SyncListed *listed = row->listed;

	if (row->claim == SYNC_CLAIM_PATH &&
	    !is_same_name(row->server_name, row->separator, listed->server_name, listed->separator))
		return true;
	return row->claim == SYNC_CLAIM_UIDVALIDITY || sync_row_is_recreated(row);
}

/* Whether @listed is to have a row of its own.  While in doubt, what is in its place does not move away. */
static bool
is_new(const Lists *lists, const SyncListed *listed)
{
	return sync_rows_lack(&lists->rows, listed) &&
	       (!lists->listing->in_doubt || !g_hash_table_contains(lists->rows.by_path, listed->path));
}

/* Nothing is written when the listing is what the store has, so a quiet account costs no commit. */
static bool
is_anything_to_write(const Lists *lists)
{
	for (guint i = 0; i < lists->rows.rows->len; i++) {
		const SyncRow *row = g_ptr_array_index(lists->rows.rows, i);
		if (is_gone(lists, row) || is_changed(lists, row))
			return true;
	}
	for (guint i = 0; i < lists->listing->folders->len; i++)
		if (is_new(lists, g_ptr_array_index(lists->listing->folders, i)))
			return true;
	return false;
}

static bool
write_moves(const Lists *lists, StoreTxn *txn, GError **error)
{
	g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(StoreMailboxMove));

	for (guint i = 0; i < lists->rows.rows->len; i++) {
		const SyncRow *row = g_ptr_array_index(lists->rows.rows, i);
		if (is_changed(lists, row) && moves(lists, row)) {
			StoreMailboxMove move = { row->id, row->listed->path };
			core_log(CORE_LOG_INFO, "sync", "%s: %s is now called %s", lists->run->account->name, row->path, move.path);
			g_array_append_val(all, move);
		}
	}
	return all->len == 0 || store_mailboxes_move(txn, (const StoreMailboxMove *)(void *)all->data, all->len, error);
}

static bool
write_new(Lists *lists, StoreTxn *txn, const SyncListed *listed, GError **error)
{
	g_auto(GStrv) components = g_strsplit(listed->path, "/", -1);
	SyncRow *row = g_new0(SyncRow, 1);

	g_ptr_array_add(lists->rows.rows, row);
	row->attributes = listed->attributes;
	if (!store_mailbox_ensure(txn, lists->run->account_id, components, &row->id, error))
		return false;
	sync_row_claim(&lists->rows, row, listed, SYNC_CLAIM_NONE);
	const char *mailboxid = new_mailboxid(row);
	return store_mailbox_set_listing(txn, row->id, listed->server_name, listed->separator, listed->attributes, error) &&
	       (!mailboxid || store_mailbox_set_state(txn, row->id, 0, 0, 0, mailboxid, error));
}

static bool
write_listed(Lists *lists, StoreTxn *txn, const SyncListed *listed, GError **error)
{
	SyncRow *row = g_hash_table_lookup(lists->rows.by_listed, listed);

	if (!row)
		return !is_new(lists, listed) || write_new(lists, txn, listed, error);
	if (!is_changed(lists, row))
		return true;
	if (is_to_be_matched(row)) {
		core_log(CORE_LOG_INFO, "sync", "%s: %s: perhaps another folder than before: matching by content",
		         lists->run->account->name, listed->path);
		/* By what it was known again it can be once more, should it get yet another name before it is compared. */
		row->uidvalidity = row->claim == SYNC_CLAIM_UIDVALIDITY ? row->uidvalidity : 0;
		row->uidnext = 0;
		row->highestmodseq = 0;
		if (!store_mailbox_forget_uids(txn, row->id, row->uidvalidity, error))
			return false;
	}
	const char *mailboxid = new_mailboxid(row);
	row->attributes = listed->attributes;
	return store_mailbox_set_listing(txn, row->id, listed->server_name, listed->separator, listed->attributes, error) &&
	       (!mailboxid || store_mailbox_set_state(txn, row->id, row->uidvalidity, row->uidnext, row->highestmodseq,
	                                              mailboxid, error));
}

/* What is gone becomes a directory first, out of the way of what moves to its path, and is removed last, so that the
 * directories that are still needed stay. */
static bool
write_all(Lists *lists, GError **error)
{
	g_autoptr(StoreTxn) txn = store_begin(lists->run->store, error);
	g_autoptr(GArray) gone = g_array_new(FALSE, FALSE, sizeof(int64_t));

	if (!txn)
		return false;
	for (guint i = 0; i < lists->rows.rows->len; i++) {
		const SyncRow *row = g_ptr_array_index(lists->rows.rows, i);
		if (!is_gone(lists, row))
			continue;
		g_array_append_val(gone, row->id);
		if (!store_mailbox_set_listing(txn, row->id, NULL, 0, 0, error))
			return false;
	}
	if (!write_moves(lists, txn, error))
		return false;
	for (guint i = 0; i < lists->listing->folders->len; i++)
		if (!write_listed(lists, txn, g_ptr_array_index(lists->listing->folders, i), error))
			return false;
	for (guint i = 0; i < gone->len; i++)
		if (!store_mailbox_remove(txn, g_array_index(gone, int64_t, i), error))
			return false;
	return store_commit(g_steal_pointer(&txn), error);
}

/* A mailbox that LIST does not show, and what STATUS says of it. */
typedef struct {
	SyncRow *row;
	ImapReply reply;
} Missed;

static void
missed_free(void *data)
{
	Missed *missed = data;

	imap_reply_clear(&missed->reply);
	g_free(missed);
}

/* Queues STATUS for each mailbox that LIST should have shown. */
static GPtrArray *
ask_missed(const Lists *lists)
{
	GPtrArray *all = g_ptr_array_new_with_free_func(missed_free);

	for (guint i = 0; i < lists->rows.rows->len; i++) {
		SyncRow *row = g_ptr_array_index(lists->rows.rows, i);
		if (!sync_row_is_missed(row) || !sync_path_wanted(lists->run->account->folders, row->path))
			continue;
		Missed *missed = g_new0(Missed, 1);
		ImapCommand *command = imap_command_new("STATUS ");
		imap_command_mailbox(command, row->server_name);
		imap_command_text(command, " (UIDVALIDITY)");
		missed->row = row;
		g_ptr_array_add(all, missed);
		imap_session_send(lists->worker->session, command, &missed->reply);
	}
	return all;
}

/* A server that cannot say just now has not said no. */
static void
note_missed(const Lists *lists, const GPtrArray *all)
{
	for (guint i = 0; i < all->len; i++) {
		const Missed *missed = g_ptr_array_index(all, i);
		missed->row->answers = missed->reply.kind == IMAP_RESPONSE_OK ||
		                       imap_refusal_is_busy(missed->reply.code, missed->reply.text);
		if (missed->row->answers)
			core_log(CORE_LOG_INFO, "sync", "%s: %s: LIST does not show it, but it is there", lists->run->account->name,
			         missed->row->path);
	}
}

/* Whether enough was told of a mailbox to know one again by it. */
static bool
is_told(const ImapSession *session, const ImapMailboxStatus *status)
{
	return (status->fields & IMAP_STATUS_UIDVALIDITY) &&
	       (status->mailboxid || !imap_session_has(session, IMAP_CAP_OBJECTID));
}

/* Cyrus (3.6) tells the ids right only when a mailbox is opened. */
static bool
examine(Lists *lists, const GPtrArray *which, GError **error)
{
	ImapSession *session = lists->worker->session;
	guint opened = 0;

	for (guint i = 0; i < which->len && opened < EXAMINE_MAX && imap_session_has(session, IMAP_CAP_OBJECTID); i++) {
		SyncListed *listed = g_ptr_array_index(which, i);
		g_auto(ImapSelected) selected = { 0 };
		if (g_hash_table_contains(lists->rows.by_listed, listed) || is_told(session, &listed->status))
			continue;
		opened++;
		if (sync_worker_examine(lists->worker, listed->server_name, NULL, &selected, NULL))
			listed->status.mailboxid = g_steal_pointer(&selected.mailboxid);
		else if (!imap_session_wait(session, NULL, error))
			return false;
	}
	return true;
}

/* What LIST did not tell is asked for by itself: of mailboxes that vanished, and of names that may be theirs; and, if the
 * server keeps mod-sequences, of mailboxes that it may prove unchanged. */
static bool
ask_status(Lists *lists, GError **error)
{
	const SyncListing *listing = lists->listing;
	ImapSession *session = lists->worker->session;
	g_autoptr(GPtrArray) missed = listing->in_doubt ? g_ptr_array_new() : ask_missed(lists);
	bool proves = !listing->any_status && imap_session_has(session, IMAP_CAP_CONDSTORE);
	g_autoptr(GPtrArray) which = g_ptr_array_new();
	guint new = 0;

	for (guint i = 0; i < listing->folders->len; i++) {
		SyncListed *listed = g_ptr_array_index(listing->folders, i);
		const SyncRow *row = g_hash_table_lookup(lists->rows.by_listed, listed);
		if (!(listed->attributes & STORE_MAILBOX_SELECTABLE))
			continue;
		bool is_asked = row ? proves && row->highestmodseq
		                    : missed->len > 0 && sync_rows_lack(&lists->rows, listed) && !is_told(session, &listed->status);
		if (is_asked)
			g_ptr_array_add(which, listed);
		new += is_asked && !row;
	}
	if (new == 0 && missed->len == 0 && which->len < STATUS_WORTH_IT)
		return true;
	if (!sync_listing_status(lists->worker, lists->listing, which, error))
		return false;
	note_missed(lists, missed);
	return examine(lists, which, error);
}

static bool
check(const Lists *lists, GError **error)
{
	/* Every account has an INBOX: a server that lists nothing is broken, and is not to empty the store. */
	if (!lists->listing->any && lists->rows.known > 0)
		return core_throw(error, CORE_ERROR_PROTOCOL, "the server lists no folders at all; nothing was changed here");
	if (lists->listing->folders->len == 0 && lists->listing->any)
		return core_throw(error, CORE_ERROR_CONFIG,
		                  "none of the server's folders is wanted by \"folders\" in the configuration; nothing was changed");
	return true;
}

static void
add_mailbox(GArray *mailboxes, const SyncRow *row)
{
	SyncMailbox mailbox = { .id = row->id };

	if (!(row->attributes & STORE_MAILBOX_SELECTABLE))
		return;
	if (row->listed)
		mailbox.status = row->listed->status;
	mailbox.status.mailboxid = NULL; /* the listing's */
	g_array_append_val(mailboxes, mailbox);
}

static void
tell(const Lists *lists, GArray *mailboxes)
{
	for (guint i = 0; i < lists->listing->folders->len; i++) {
		const SyncRow *row = g_hash_table_lookup(lists->rows.by_listed, g_ptr_array_index(lists->listing->folders, i));
		if (row)
			add_mailbox(mailboxes, row);
	}
	for (guint i = 0; i < lists->rows.rows->len; i++) { /* they have another name there, not yet the one here, or were left out */
		const SyncRow *row = g_ptr_array_index(lists->rows.rows, i);
		if ((row->stays || row->answers) && row->is_mailbox && !row->listed)
			add_mailbox(mailboxes, row);
	}
}

bool
sync_list(SyncWorker *worker, SyncListing *listing, GArray *mailboxes, GError **error)
{
	Lists lists = { .worker = worker, .run = worker->run, .listing = listing };

	bool ok = sync_listing_ask(worker, listing, error) && sync_quota_keep(&listing->quota, worker->run, error) &&
	          sync_rows_load(&lists.rows, worker->run, error) && check(&lists, error);
	if (ok) {
		sync_rows_claim_by_name(&lists.rows, listing);
		ok = ask_status(&lists, error);
	}
	if (ok) {
		sync_rows_claim_others(&lists.rows, listing);
		ok = (!is_anything_to_write(&lists) || write_all(&lists, error)) && sync_rights_learn(worker, &lists.rows, error);
	}
	if (ok)
		tell(&lists, mailboxes);
	sync_rows_clear(&lists.rows);
	return ok;
}
