/* The list of mailboxes: LIST (RFC 9051 6.3.9), with special uses (RFC 6154).  Subscriptions are ignored. */
#include "core/log.h"
#include "sync/path.h"
#include "sync/run.h"

#include <string.h>

#define LIST_MAX 100000 /* mailboxes of an account; the largest that others have reported are 14,000 */

typedef struct {
	char *server_name;
	char **path;
	char separator;
	uint32_t attributes;
} Listed;

static void
listed_free(void *data)
{
	Listed *listed = data;

	g_free(listed->server_name);
	g_strfreev(listed->path);
	g_free(listed);
}

typedef struct {
	SyncWorker *worker;
	GPtrArray *listed;   /* of Listed */
	GHashTable *by_name; /* server name -> Listed, borrowed */
	bool utf8;
} Listing;

static uint32_t
store_attributes(uint32_t attributes)
{
	static const struct {
		uint32_t imap, store;
	} map[] = {
		{ IMAP_LIST_NOINFERIORS, STORE_MAILBOX_NOINFERIORS },
		{ IMAP_LIST_ALL, STORE_MAILBOX_ALL },
		{ IMAP_LIST_ARCHIVE, STORE_MAILBOX_ARCHIVE },
		{ IMAP_LIST_DRAFTS, STORE_MAILBOX_DRAFTS },
		{ IMAP_LIST_FLAGGED, STORE_MAILBOX_FLAGGED },
		{ IMAP_LIST_JUNK, STORE_MAILBOX_JUNK },
		{ IMAP_LIST_SENT, STORE_MAILBOX_SENT },
		{ IMAP_LIST_TRASH, STORE_MAILBOX_TRASH },
		{ IMAP_LIST_IMPORTANT, STORE_MAILBOX_IMPORTANT },
	};
	uint32_t out = attributes & (IMAP_LIST_NOSELECT | IMAP_LIST_NONEXISTENT) ? 0 : STORE_MAILBOX_SELECTABLE;

	for (size_t i = 0; i < G_N_ELEMENTS(map); i++)
		if (attributes & map[i].imap)
			out |= map[i].store;
	return out;
}

static bool
on_list(const ImapResponse *response, void *data, GError **error)
{
	Listing *listing = data;
	const ImapListResponse *list = &response->list;

	if (response->kind != IMAP_RESPONSE_LIST || g_ascii_strcasecmp(response->keyword, "LIST") != 0 || !list->mailbox)
		return true;
	if (listing->listed->len == LIST_MAX)
		return core_throw(error, CORE_ERROR_PROTOCOL, "the server lists more than %d folders", LIST_MAX);
	if (g_hash_table_contains(listing->by_name, list->mailbox))
		return true;

	g_auto(GStrv) path = sync_path_from_server(list->mailbox, list->mailbox_length, list->separator, listing->utf8);
	if (!path) {
		if (list->mailbox_length > 0)
			sync_warn(listing->worker->run, list->mailbox, 0, "the folder's name cannot be shown; it is left out");
		return true;
	}
	Listed *listed = g_new0(Listed, 1);
	listed->server_name = g_strndup(list->mailbox, list->mailbox_length);
	listed->path = g_steal_pointer(&path);
	listed->separator = list->separator;
	listed->attributes = store_attributes(list->attributes);
	g_ptr_array_add(listing->listed, listed);
	g_hash_table_insert(listing->by_name, listed->server_name, listed);
	return true;
}

/* ProtonMail's bridge says BAD to RETURN (SPECIAL-USE) although it offers both capabilities. */
static bool
ask(Listing *listing, GError **error)
{
	ImapSession *session = listing->worker->session;

	imap_session_listen(session, on_list, listing);
	bool ok = true, answered = false;
	if (imap_session_has(session, IMAP_CAP_LIST_EXTENDED) && imap_session_has(session, IMAP_CAP_SPECIAL_USE)) {
		g_auto(ImapReply) reply = { 0 };
		imap_session_send(session, imap_command_new("LIST \"\" \"*\" RETURN (SPECIAL-USE)"), &reply);
		ok = imap_session_wait(session, &reply, error);
		answered = ok && reply.kind == IMAP_RESPONSE_OK;
	}
	if (ok && !answered)
		ok = imap_session_run(session, imap_command_new("LIST \"\" \"*\""), NULL, error);
	imap_session_listen(session, NULL, NULL);
	return ok;
}

typedef struct {
	const Listing *listing;
	GArray *gone; /* of int64_t */
	unsigned known;
} Gone;

static bool
is_wanted(const Listing *listing, const Listed *listed)
{
	g_autofree char *path = g_strjoinv("/", listed->path);

	return sync_path_wanted(listing->worker->run->account->folders, path);
}

static bool
find_gone(const StoreMailbox *mailbox, void *data)
{
	Gone *gone = data;

	if (!mailbox->server_name)
		return true; /* a directory goes with the last mailbox below it */
	gone->known++;
	const Listed *listed = g_hash_table_lookup(gone->listing->by_name, mailbox->server_name);
	if (!listed || !is_wanted(gone->listing, listed))
		g_array_append_val(gone->gone, mailbox->id);
	return true;
}

static int
inbox_first(const void *a, const void *b)
{
	const Listed *x = *(Listed *const *)a, *y = *(Listed *const *)b;
	bool x_inbox = strcmp(x->path[0], "INBOX") == 0 && !x->path[1];
	bool y_inbox = strcmp(y->path[0], "INBOX") == 0 && !y->path[1];

	if (x_inbox != y_inbox)
		return x_inbox ? -1 : 1;
	return strcmp(x->server_name, y->server_name);
}

/* Nothing is written when the listing is what the store has, so a quiet account costs no commit. */
static bool
is_new(Store *store, int64_t account_id, const Listed *listed, bool *new_r, int64_t *id_r, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	GError *failure = NULL;

	if (store_mailbox_find_server(store, account_id, listed->server_name, &mailbox, &failure)) {
		*id_r = mailbox.id;
		*new_r = mailbox.separator != listed->separator || mailbox.attributes != listed->attributes;
		return true;
	}
	*new_r = true;
	if (failure)
		g_propagate_error(error, failure);
	return !failure;
}

static bool
apply(const Listing *listing, const GArray *gone, GArray *mailboxes, GError **error)
{
	SyncRun *run = listing->worker->run;
	g_autoptr(StoreTxn) txn = NULL;

	if (gone->len > 0 && !(txn = store_begin(run->store, error)))
		return false;
	for (guint i = 0; i < gone->len; i++)
		if (!store_mailbox_remove(txn, g_array_index(gone, int64_t, i), error))
			return false;

	for (guint i = 0; i < listing->listed->len; i++) {
		const Listed *listed = g_ptr_array_index(listing->listed, i);
		int64_t id = 0;
		bool is_changed;
		if (!is_wanted(listing, listed))
			continue;
		if (!is_new(run->store, run->account_id, listed, &is_changed, &id, error))
			return false;
		if (is_changed) {
			if (!txn && !(txn = store_begin(run->store, error)))
				return false;
			if (!store_mailbox_ensure(txn, run->account_id, listed->path, &id, error) ||
			    !store_mailbox_set_listing(txn, id, listed->server_name, listed->separator, listed->attributes, error))
				return false;
		}
		if (listed->attributes & STORE_MAILBOX_SELECTABLE)
			g_array_append_val(mailboxes, id);
	}
	return !txn || store_commit(g_steal_pointer(&txn), error);
}

bool
sync_list(SyncWorker *worker, GArray *mailboxes, GError **error)
{
	g_autoptr(GPtrArray) listed = g_ptr_array_new_with_free_func(listed_free);
	g_autoptr(GHashTable) by_name = g_hash_table_new(g_str_hash, g_str_equal);
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
	Listing listing = {
		.worker = worker,
		.listed = listed,
		.by_name = by_name,
		.utf8 = imap_session_enabled(worker->session, IMAP_CAP_UTF8_ACCEPT) ||
		        imap_session_enabled(worker->session, IMAP_CAP_IMAP4REV2),
	};
	Gone gone = { .listing = &listing, .gone = ids };

	if (!ask(&listing, error))
		return false;
	g_ptr_array_sort(listed, inbox_first);
	if (!store_mailbox_list(worker->run->store, worker->run->account_id, find_gone, &gone, error))
		return false;
	/* Every account has an INBOX: a server that lists nothing is broken, and is not to empty the store. */
	if (listed->len == 0 && gone.known > 0)
		return core_throw(error, CORE_ERROR_PROTOCOL, "the server lists no folders at all; nothing was changed here");
	return apply(&listing, ids, mailboxes, error);
}
