/* Which messages the selected mailbox has: the second opinion before anything is taken for gone (RFC 9051 6.4.4). */
#include "sync/run.h"

#define RANGES_MAX 1000000 /* that are listened to */

typedef struct {
	ImapUidSet *shown;
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
	search->in_doubt |= response->damaged || search->shown->count > RANGES_MAX;
	if (!search->in_doubt && *response->search.uids && !imap_uidset_parse(search->shown, response->search.uids, 0))
		search->in_doubt = true;
	return true;
}

/* Takes the commands. */
static bool
ask(SyncWorker *worker, const GPtrArray *commands, ImapUidSet *shown_r, bool *sure_r, GError **error)
{
	g_autoptr(GPtrArray) replies = g_ptr_array_new_with_free_func(imap_reply_free);
	Search search = { .shown = shown_r };

	imap_session_listen(worker->session, on_response, &search);
	for (guint i = 0; i < commands->len; i++) {
		g_ptr_array_add(replies, g_new0(ImapReply, 1));
		imap_session_send(worker->session, g_ptr_array_index(commands, i), g_ptr_array_index(replies, i));
	}
	bool ok = imap_session_wait(worker->session, NULL, error);
	imap_session_listen(worker->session, NULL, NULL);
	for (guint i = 0; i < replies->len; i++)
		search.in_doubt |= ((const ImapReply *)g_ptr_array_index(replies, i))->kind != IMAP_RESPONSE_OK;
	*sure_r = ok && !search.in_doubt && search.answers >= replies->len;
	return ok;
}

bool
sync_search(SyncWorker *worker, const ImapUidSet *uids, ImapUidSet *shown_r, bool *sure_r, GError **error)
{
	g_autoptr(GPtrArray) commands = g_ptr_array_new();
	size_t position = 0;

	for (char *set; (set = imap_uidset_format(uids, &position, SYNC_SET_BYTES)); g_free(set))
		g_ptr_array_add(commands, imap_command_new("UID SEARCH UID %s", set));
	return ask(worker, commands, shown_r, sure_r, error);
}

bool
sync_search_deleted(SyncWorker *worker, ImapUidSet *shown_r, bool *sure_r, GError **error)
{
	g_autoptr(GPtrArray) commands = g_ptr_array_new();

	g_ptr_array_add(commands, imap_command_new("UID SEARCH DELETED"));
	return ask(worker, commands, shown_r, sure_r, error);
}
