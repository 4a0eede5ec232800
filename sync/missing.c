/* Messages that a server did not give although it was asked: one that another client removed meanwhile is an ordinary
 * thing, and the server says so when it is asked what there is (RFC 9051 6.4.4).  What it still shows is missing here.
 */
#include "imap/uidset.h"
#include "sync/run.h"

typedef struct {
	ImapUidSet shown;
	guint answers;
	bool in_doubt;
} Search;

static bool
on_response(const ImapResponse *response, void *data, GError **error)
{
	Search *search = data;

	if (response->kind != IMAP_RESPONSE_SEARCH)
		return true;
	search->answers++;
	search->in_doubt |= response->damaged;
	if (*response->search.uids && !imap_uidset_parse(&search->shown, response->search.uids, 0))
		search->in_doubt = true;
	return true;
}

/* False when the connection broke.  search->in_doubt: the server did not tell. */
static bool
ask(ImapSession *session, const ImapUidSet *uids, Search *search, GError **error)
{
	g_autoptr(GPtrArray) replies = g_ptr_array_new_with_free_func(imap_reply_free);
	size_t position = 0;

	imap_session_listen(session, on_response, search);
	for (char *set; (set = imap_uidset_format(uids, &position, SYNC_SET_BYTES)); g_free(set)) {
		ImapReply *reply = g_new0(ImapReply, 1);
		g_ptr_array_add(replies, reply);
		imap_session_send(session, imap_command_new("UID SEARCH UID %s", set), reply);
	}
	bool ok = imap_session_wait(session, NULL, error);
	imap_session_listen(session, NULL, NULL);
	for (guint i = 0; i < replies->len; i++)
		search->in_doubt |= ((const ImapReply *)g_ptr_array_index(replies, i))->kind != IMAP_RESPONSE_OK;
	search->in_doubt |= search->answers < replies->len;
	return ok;
}

static bool
remove_gone(const SyncWorker *worker, const SyncJob *job, bool *done, const ImapUidSet *shown, GError **error)
{
	g_autoptr(StoreTxn) txn = store_begin(worker->run->store, error);

	if (!txn)
		return false;
	for (guint i = 0; i < job->wanted->len; i++) {
		const SyncWanted *wanted = &g_array_index(job->wanted, SyncWanted, i);
		if (done[i] || imap_uidset_has(shown, wanted->uid))
			continue;
		if (!store_message_remove_uids(txn, job->mailbox_id, wanted->uid, wanted->uid, error))
			return false;
		done[i] = true;
		sync_progress_done(worker->run->progress, 1, wanted->size_bytes);
	}
	return store_commit(g_steal_pointer(&txn), error);
}

bool
sync_missing(SyncWorker *worker, const SyncJob *job, bool *done, GError **error)
{
	g_auto(ImapUidSet) uids = { 0 };
	Search search = { 0 };

	for (guint i = 0; i < job->wanted->len; i++)
		if (!done[i])
			imap_uidset_add(&uids, g_array_index(job->wanted, SyncWanted, i).uid);
	if (uids.count == 0)
		return true;
	bool ok = ask(worker->session, &uids, &search, error) &&
	          (search.in_doubt || remove_gone(worker, job, done, &search.shown, error));
	imap_uidset_clear(&search.shown);
	for (guint i = 0; ok && i < job->wanted->len; i++)
		if (!done[i])
			sync_warn(worker->run, job->path, g_array_index(job->wanted, SyncWanted, i).uid,
			          "the server did not give this message; it is asked for again next time");
	return ok;
}
