/* One run of one account, on the account's thread. */
#include "sync/account.h"

#include "core/clock.h"
#include "sync/bodies.h"
#include "sync/pool.h"
#include "sync/push.h"
#include "sync/rights.h"

#define UNOPENED_MAX 10000 /* mailboxes; of more it is not remembered */

static bool
note_one(const StoreMessage *message, void *data)
{
	*(bool *)data = true;
	return false;
}

/* Whether STATUS proves that the mailbox is as it is here, with all bodies.  It has to tell of the same messages in four
 * ways: Dovecot's HIGHESTMODSEQ does not move for an expunge, and without one a change of flags shows nowhere. */
static bool
is_unchanged(const SyncRun *run, const StoreMailbox *mailbox, const ImapMailboxStatus *status, bool *unchanged_r,
             GError **error)
{
	const uint32_t all = IMAP_STATUS_UIDVALIDITY | IMAP_STATUS_UIDNEXT | IMAP_STATUS_HIGHESTMODSEQ | IMAP_STATUS_MESSAGES;
	bool misses = false;

	*unchanged_r = false;
	if ((status->fields & all) != all || mailbox->highestmodseq == 0 ||
	    status->uidvalidity != mailbox->uidvalidity || status->uidnext != mailbox->uidnext ||
	    status->highestmodseq != mailbox->highestmodseq || status->messages != mailbox->messages)
		return true;
	if (!store_message_list_missing(run->store, mailbox->id, UINT32_MAX, note_one, &misses, error) ||
	    !store_message_list_remote(run->store, mailbox->id, sync_bodies_since(run->account), INT64_MAX, INT64_MAX, note_one,
	                               &misses, error))
		return false;
	*unchanged_r = !misses;
	return true;
}

/* Whether what LIST names and cannot be opened may have another name by now: on a connection with NOTIFY Dovecot's LIST goes
 * on to name what others have renamed or removed, as long as the connection lives.  Each mailbox is doubted once. */
static bool
doubt(SyncWorker *worker, int64_t id, const GError *failure)
{
	if (!worker->unopened || core_error_code(failure) != CORE_ERROR_REFUSED ||
	    g_hash_table_size(worker->unopened) >= UNOPENED_MAX)
		return false;
	bool is_new = g_hash_table_add(worker->unopened, g_memdup2(&id, sizeof id));
	worker->doubts += is_new && worker->is_old;
	return is_new && worker->is_old;
}

/* A folder that the server will not open does not keep the others from being read.  *read_r: what it has is here, or was
 * asked for. */
static bool
pull_one(SyncWorker *worker, const SyncMailbox *told, bool *read_r, GError **error)
{
	SyncRun *run = worker->run;
	g_auto(StoreMailbox) mailbox = { 0 };
	GError *failure = NULL;
	bool unchanged = false;
	g_autofree char *path = store_mailbox_path(run->store, told->id, &failure);

	*read_r = path && store_mailbox_get(run->store, told->id, &mailbox, &failure) &&
	          is_unchanged(run, &mailbox, &told->status, &unchanged, &failure) &&
	          (unchanged || sync_pull(worker, &mailbox, path, &failure));
	if (!failure && worker->unopened)
		g_hash_table_remove(worker->unopened, &told->id);
	if (!failure)
		return true;
	if (path && doubt(worker, told->id, failure)) {
		g_error_free(failure);
		return true;
	}
	if (path && core_error_scope(failure) <= CORE_SCOPE_MAILBOX && imap_session_alive(worker->session)) {
		sync_warn(run, path, 0, "%s", failure->message);
		g_error_free(failure);
		return true;
	}
	g_propagate_error(error, failure);
	return path ? core_prefix(error, "%s: ", path) : false;
}

/* @pulled: the ids of those that were read are appended. */
static bool
pull_all(SyncWorker *worker, const GArray *mailboxes, GArray *pulled, GError **error)
{
	SyncRun *run = worker->run;

	for (guint i = 0; i < mailboxes->len; i++) {
		const SyncMailbox *told = &g_array_index(mailboxes, SyncMailbox, i);
		bool was_read;
		if (!core_cancel_check(run->cancel, error) || !pull_one(worker, told, &was_read, error))
			return false;
		if (was_read)
			g_array_append_val(pulled, told->id);
		sync_progress_mailboxes(run->progress, 1, 0);
		if (!sync_pool_help(run->pool, worker, error))
			return false;
	}
	return true;
}

/* Only where everything that the server has was compared with what is here. */
bool
sync_account_finish(SyncRun *run, const GArray *pulled, GError **error)
{
	for (guint i = 0; i < pulled->len; i++) {
		int64_t id = g_array_index(pulled, int64_t, i);
		if (sync_pool_is_complete(run->pool, id) && !sync_match_finish(run, id, error))
			return false;
	}
	return true;
}

static SyncMailbox *
find_told(const GArray *mailboxes, int64_t id)
{
	for (guint i = 0; i < mailboxes->len; i++)
		if (g_array_index(mailboxes, SyncMailbox, i).id == id)
			return &g_array_index(mailboxes, SyncMailbox, i);
	return NULL;
}

/* Of the mailbox that is selected Dovecot's STATUS says only what this connection was told of it. */
static void
doubt_selected(const SyncRun *run, const char *selected, const GArray *mailboxes)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	SyncMailbox *told = NULL;

	if (selected && store_mailbox_find_server(run->store, run->account_id, selected, &mailbox, NULL))
		told = find_told(mailboxes, mailbox.id);
	if (told)
		told->status.fields = 0;
}

static bool
list(SyncWorker *worker, SyncListing *listing, GArray *mailboxes, GError **error)
{
	g_autofree char *selected = g_strdup(imap_session_selected(worker->session));

	worker->list_again = worker->list_after = false;
	g_array_set_size(mailboxes, 0);
	if (!sync_list(worker, listing, mailboxes, error))
		return false;
	doubt_selected(worker->run, selected, mailboxes);
	return true;
}

static bool
list_again(SyncWorker *worker, GArray *mailboxes, GError **error)
{
	g_auto(SyncListing) listing = { 0 };

	return list(worker, &listing, mailboxes, error);
}

/* Does what users did.  What the server changed for us is read, whatever STATUS told before, also a mailbox that it did not
 * have then.  *any_r: there was something to do. */
static bool
push(SyncWorker *worker, bool barrier, GArray *mailboxes, bool *any_r, GError **error)
{
	g_autoptr(GHashTable) touched = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	GHashTableIter iter;
	gpointer key;
	bool stopped;
	unsigned forbidden = imap_session_forbidden(worker->session);

	do {
		if (!sync_push(worker, barrier, touched, error))
			return false;
		stopped = worker->list_again;
		if ((stopped || worker->list_after) && !list_again(worker, mailboxes, error))
			return false;
	} while (stopped); /* each time a change of a folder has ended */
	if (imap_session_forbidden(worker->session) != forbidden && !sync_rights_learn_anew(worker, error))
		return false;
	*any_r = g_hash_table_size(touched) > 0;
	g_hash_table_iter_init(&iter, touched);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		int64_t id = *(const int64_t *)key;
		g_auto(StoreMailbox) mailbox = { 0 };
		SyncMailbox *told = find_told(mailboxes, id), unknown = { .id = id };
		GError *failure = NULL;
		if (told)
			told->status.fields = 0;
		else if (store_mailbox_get(worker->run->store, id, &mailbox, &failure) && mailbox.server_name)
			g_array_append_val(mailboxes, unknown);
		if (failure) {
			g_propagate_error(error, failure);
			return false;
		}
	}
	return true;
}

bool
sync_account_pass(SyncWorker *worker, SyncListing *listing, GArray *pulled, bool barrier, GError **error)
{
	SyncRun *run = worker->run;
	g_autoptr(GArray) mailboxes = g_array_new(FALSE, FALSE, sizeof(SyncMailbox));
	bool pushed;

	g_clear_pointer(&worker->put_off, g_hash_table_unref);
	sync_progress_phase(run->progress, SYNC_LISTING);
	if (!list(worker, listing, mailboxes, error) || !push(worker, barrier, mailboxes, &pushed, error))
		return false;
	sync_progress_phase(run->progress, SYNC_FETCHING);
	sync_progress_mailboxes(run->progress, 0, mailboxes->len);
	return pull_all(worker, mailboxes, pulled, error) && sync_account_push(worker, barrier, pulled, &pushed, error);
}

bool
sync_account_push(SyncWorker *worker, bool barrier, GArray *pulled, bool *any_r, GError **error)
{
	g_autoptr(GArray) mailboxes = g_array_new(FALSE, FALSE, sizeof(SyncMailbox));

	return push(worker, barrier, mailboxes, any_r, error) && pull_all(worker, mailboxes, pulled, error);
}

/* What is possible only now that all is here: messages of a folder that was made anew have been found again. */
static bool
push_rest(SyncWorker *worker, GError **error)
{
	SyncRun *run = worker->run;
	g_autoptr(GArray) pulled = g_array_new(FALSE, FALSE, sizeof(int64_t));
	bool any = false;

	if (!worker->session || !imap_session_alive(worker->session))
		return true;
	return sync_account_push(worker, true, pulled, &any, error) &&
	       (!any || (sync_pool_finish(run->pool, worker, error) && sync_account_finish(run, pulled, error)));
}

static bool
run_connected(SyncWorker *worker, SyncListing *listing, GError **error)
{
	SyncRun *run = worker->run;
	g_autoptr(GArray) pulled = g_array_new(FALSE, FALSE, sizeof(int64_t));
	GError *failure = NULL;

	bool ok = sync_account_pass(worker, listing, pulled, true, &failure);
	/* What was planned comes all the same, unless it is the server's wish or our trouble that nothing more does; when
	 * this connection is lost, by the others. */
	bool is_usable = worker->session && imap_session_alive(worker->session) &&
	                 (ok || core_error_code(failure) == CORE_ERROR_PROTOCOL);
	bool fetched = sync_pool_finish(run->pool, is_usable ? worker : NULL, ok ? error : NULL);
	if (!ok) {
		g_propagate_error(error, failure);
		return false;
	}
	return fetched && sync_account_finish(run, pulled, error) && push_rest(worker, error);
}

static bool
recall(SyncRun *run, GError **error)
{
	g_auto(StoreAccount) account = { 0 };
	GError *failure = NULL;

	if (sync_recall_is_loaded(run->recall))
		return true;
	if (store_account_find(run->store, run->account->name, &account, &failure) || !failure) {
		sync_recall_load(run->recall, account.capabilities);
		return true;
	}
	g_propagate_error(error, failure);
	return false;
}

static bool
keep_recall(const SyncRun *run, GError **error)
{
	g_autofree char *stored = sync_recall_format(run->recall);
	g_autoptr(StoreTxn) txn = store_begin(run->store, error);

	return txn && store_account_set_capabilities(txn, run->account_id, stored, error) &&
	       store_commit(g_steal_pointer(&txn), error);
}

static void
list_at_once(ImapSession *session, void *data)
{
	sync_listing_send(data, session);
}

/* What a server forgot is asked for after the login. */
static bool
open_asking(SyncWorker *worker, SyncListing *listing, bool *together_r, GError **error)
{
	const SyncRun *run = worker->run;
	bool forgotten = false;
	GError *failure = NULL;

	if (sync_worker_open_asking(worker, list_at_once, listing, together_r, &forgotten, &failure))
		return true;
	if (!forgotten) {
		g_propagate_error(error, failure);
		return false;
	}
	g_error_free(failure);
	sync_listing_clear(listing);
	*together_r = false;
	sync_recall_note_forgotten(run->recall, core_clock_wall_s());
	return keep_recall(run, error) && sync_worker_open_asking(worker, list_at_once, listing, NULL, NULL, error);
}

bool
sync_account_open(SyncWorker *worker, SyncListing *listing, GError **error)
{
	SyncRun *run = worker->run;
	bool together;

	if (!recall(run, error) || !open_asking(worker, listing, &together, error))
		return false;
	if (!sync_recall_note_login(run->recall, imap_session_capabilities(worker->session), together) ||
	    keep_recall(run, error))
		return true;
	sync_worker_close(worker);
	return false;
}

bool
sync_account_run(SyncRun *run, GError **error)
{
	SyncWorker worker = { .run = run };
	SyncListing listing = { 0 };

	run->recall = sync_recall_new();
	bool ok = sync_account_open(&worker, &listing, error);
	if (ok) {
		run->pool = sync_pool_new(run);
		ok = run_connected(&worker, &listing, error);
		g_clear_pointer(&run->pool, sync_pool_free);
	}
	sync_worker_close(&worker);
	g_clear_pointer(&worker.put_off, g_hash_table_unref);
	sync_listing_clear(&listing);
	g_clear_pointer(&run->recall, sync_recall_free);
	return ok;
}
