/* The answer to LIST. */
#include "sync/listing.h"

#include "sync/path.h"
#include "sync/special.h"

#include <string.h>

#define LIST_MAX 100000             /* lines of an answer; the largest account that others have reported has 14,000 */
#define NAMES_MAX_BYTES (16u << 20) /* of all names and paths together */
#define SHOWN_NAME_BYTES 200        /* of a name in a warning */

typedef struct SyncListingAnswer {
	SyncListing *listing;
	ImapSession *session;
	ImapReply reply;
	char *options;        /* of the LIST that was sent: "" or " RETURN (…)" */
	bool utf8;
	unsigned lines;
	size_t names_bytes;
	unsigned left_out;    /* lines that put the listing in doubt */
	char *first_left_out; /* the name of the first; "" if it has none */
} Answer;

void
sync_listed_free(void *data)
{
	SyncListed *listed = data;

	g_free(listed->server_name);
	g_free(listed->path);
	g_free((void *)(uintptr_t)listed->status.mailboxid);
	g_free(listed->rights);
	g_free(listed);
}

/* All but the answer, which may be asked for anew. */
static void
forget_folders(SyncListing *listing)
{
	g_clear_pointer(&listing->by_name, g_hash_table_unref);
	g_clear_pointer(&listing->folders, g_ptr_array_unref);
	listing->any = listing->any_status = listing->in_doubt = false;
}

void
sync_listing_clear(SyncListing *listing)
{
	Answer *answer = g_steal_pointer(&listing->answer);

	forget_folders(listing);
	sync_quota_clear(&listing->quota);
	if (!answer)
		return;
	imap_reply_clear(&answer->reply);
	g_free(answer->options);
	g_free(answer->first_left_out);
	g_free(answer);
}

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

static void
note_doubt(Answer *answer, const char *name)
{
	answer->listing->in_doubt = true;
	if (answer->left_out++ == 0)
		answer->first_left_out = g_strndup(name, SHOWN_NAME_BYTES);
}

static bool
count_bytes(Answer *answer, size_t more, GError **error)
{
	answer->names_bytes += more;
	return answer->names_bytes <= NAMES_MAX_BYTES ||
	       core_throw(error, CORE_ERROR_PROTOCOL, "the names of the folders that the server lists are over %u MiB long",
	                  NAMES_MAX_BYTES >> 20);
}

static bool
add(Answer *answer, const ImapListResponse *list, char **components, bool damaged, GError **error)
{
	g_autofree char *path = g_strjoinv("/", components);

	if (!count_bytes(answer, list->mailbox_length + strlen(path), error))
		return false;
	SyncListed *listed = g_new(SyncListed, 1);
	*listed = (SyncListed){
		.server_name = g_strndup(list->mailbox, list->mailbox_length),
		.path = g_steal_pointer(&path),
		.separator = list->separator,
		.attributes = store_attributes(list->attributes),
		.damaged = damaged,
	};
	g_ptr_array_add(answer->listing->folders, listed);
	g_hash_table_insert(answer->listing->by_name, listed->server_name, listed);
	return true;
}

/* Of a mailbox that was not listed it is of no use. */
static bool
note_status(Answer *answer, const ImapMailboxStatus *status, GError **error)
{
	SyncListed *listed = status->mailbox ? g_hash_table_lookup(answer->listing->by_name, status->mailbox) : NULL;

	if (!listed)
		return true;
	g_free((void *)(uintptr_t)listed->status.mailboxid);
	listed->status = *status;
	listed->status.mailbox = NULL;
	listed->status.mailboxid = NULL;
	answer->listing->any_status |= status->fields != 0;
	if (!status->mailboxid)
		return true;
	listed->status.mailboxid = g_strdup(status->mailboxid);
	return count_bytes(answer, strlen(status->mailboxid), error);
}

/* At most IMAP_RIGHTS_MAX bytes for each mailbox. */
static void
note_rights(Answer *answer, const ImapMyRights *told)
{
	SyncListed *listed = told->rights ? g_hash_table_lookup(answer->listing->by_name, told->mailbox) : NULL;

	if (!listed)
		return;
	g_free(listed->rights);
	listed->rights = g_strdup(told->rights);
}

static bool
note_line(Answer *answer, const ImapListResponse *list, bool damaged, GError **error)
{
	answer->listing->any = true;
	if (++answer->lines > LIST_MAX)
		return core_throw(error, CORE_ERROR_PROTOCOL, "the server lists more than %d folders", LIST_MAX);
	const char *name = list->mailbox ? list->mailbox : "";
	if (!damaged && !*name && list->mailbox_length == 0)
		return true; /* the root, which is no mailbox */
	if (g_hash_table_contains(answer->listing->by_name, name))
		return true;

	g_auto(GStrv) components = sync_path_from_server(name, list->mailbox_length, list->separator, answer->utf8);
	if (!components || damaged)
		note_doubt(answer, name);
	return !components || add(answer, list, components, damaged, error);
}

static bool
on_line(const ImapResponse *response, void *data, GError **error)
{
	Answer *answer = data;

	sync_quota_note(&answer->listing->quota, response);
	if (response->kind == IMAP_RESPONSE_UNKNOWN && response->damaged)
		note_doubt(answer, ""); /* what it was before it was damaged nobody knows */
	if (response->kind == IMAP_RESPONSE_MYRIGHTS)
		note_rights(answer, &response->my_rights);
	if (response->kind == IMAP_RESPONSE_STATUS)
		return note_status(answer, &response->mailbox_status, error);
	if (response->kind != IMAP_RESPONSE_LIST || strcmp(response->keyword, "LIST") != 0)
		return true;
	return note_line(answer, &response->list, response->damaged, error);
}

/* Cyrus (3.6) tells freed memory for the MAILBOXID of a STATUS, sometimes with line ends in it.  It is told when the
 * mailbox is opened.  Nothing else is known to offer ANNOTATE-EXPERIMENT-1. */
static bool
tells_mailboxid(const ImapSession *session)
{
	return imap_session_has(session, IMAP_CAP_OBJECTID) &&
	       !strstr(imap_session_capabilities(session), "ANNOTATE-EXPERIMENT-1");
}

static char *
status_items(const ImapSession *session)
{
	bool modseq = imap_session_has(session, IMAP_CAP_CONDSTORE) || imap_session_has(session, IMAP_CAP_QRESYNC);

	return g_strdup_printf("MESSAGES UIDNEXT UIDVALIDITY%s%s", modseq ? " HIGHESTMODSEQ" : "",
	                       tells_mailboxid(session) ? " MAILBOXID" : "");
}

/* The way to ask on each rung of a ladder: for all that the server says it can tell, without the status and the rights, for
 * nothing but the names.  ProtonMail's bridge says BAD to RETURN (SPECIAL-USE) although it offers both capabilities. */
#define RUNGS 3

static char *
options_on(const ImapSession *session, unsigned rung)
{
	bool status = rung == 0 && imap_session_has(session, IMAP_CAP_LIST_STATUS);
	bool rights = rung == 0 && imap_session_has(session, IMAP_CAP_LIST_MYRIGHTS);
	bool special = rung <= 1 && imap_session_has(session, IMAP_CAP_LIST_EXTENDED) &&
	               imap_session_has(session, IMAP_CAP_SPECIAL_USE);
	g_autofree char *items = status_items(session);
	GString *options = g_string_new(NULL);

	if (special)
		g_string_append(options, " SPECIAL-USE");
	if (rights)
		g_string_append(options, " MYRIGHTS");
	if (status)
		g_string_append_printf(options, " STATUS (%s)", items);
	if (options->len > 0) {
		g_string_overwrite(options, 0, "(");
		g_string_prepend(options, " RETURN ");
		g_string_append_c(options, ')');
	}
	return g_string_free(options, FALSE);
}

/* Takes @options. */
static void
send_with(Answer *answer, char *options)
{
	SyncListing *listing = answer->listing;

	forget_folders(listing);
	listing->folders = g_ptr_array_new_with_free_func(sync_listed_free);
	listing->by_name = g_hash_table_new(g_str_hash, g_str_equal);
	answer->lines = answer->left_out = 0;
	answer->names_bytes = 0;
	g_clear_pointer(&answer->first_left_out, g_free);
	g_free(answer->options);
	answer->options = options;
	answer->utf8 = imap_session_is_utf8(answer->session);
	imap_reply_clear(&answer->reply);
	imap_session_listen(answer->session, on_line, answer);
	imap_session_send(answer->session, imap_command_new("LIST \"\" \"*\"%s", options), &answer->reply);
}

void
sync_listing_send(SyncListing *listing, ImapSession *session)
{
	Answer *answer = g_new0(Answer, 1);

	answer->listing = listing;
	answer->session = session;
	listing->answer = answer;
	sync_quota_send(&listing->quota, session);
	send_with(answer, options_on(session, 0));
}

/* What was sent with the login was sent by what is remembered of the server, which may have changed. */
static bool
await(Answer *answer, GError **error)
{
	ImapSession *session = answer->session;

	if (!sync_quota_await(&answer->listing->quota, session, error) || !imap_session_wait(session, &answer->reply, error))
		return false;
	if (answer->utf8 != imap_session_is_utf8(session)) {
		send_with(answer, options_on(session, 0));
		if (!imap_session_wait(session, &answer->reply, error))
			return false;
	}
	for (unsigned rung = 0; answer->reply.kind != IMAP_RESPONSE_OK && rung < RUNGS; rung++) {
		g_autofree char *options = options_on(session, rung);
		if (strcmp(options, answer->options) == 0)
			continue;
		send_with(answer, g_steal_pointer(&options));
		if (!imap_session_wait(session, &answer->reply, error))
			return false;
	}
	return imap_reply_check(&answer->reply, "LIST", error);
}

static int
by_path(const void *a, const void *b)
{
	const SyncListed *x = *(SyncListed *const *)a, *y = *(SyncListed *const *)b;
	bool x_inbox = strcmp(x->path, "INBOX") == 0, y_inbox = strcmp(y->path, "INBOX") == 0;
	bool x_holds = x->attributes & STORE_MAILBOX_SELECTABLE, y_holds = y->attributes & STORE_MAILBOX_SELECTABLE;
	int order = strcmp(x->path, y->path);

	if (x_inbox != y_inbox)
		return x_inbox ? -1 : 1;
	if (order == 0 && x_holds != y_holds)
		return x_holds ? -1 : 1;
	return order ? order : strcmp(x->server_name, y->server_name); /* "INBOX" sorts before all its other spellings */
}

/* A path for a second folder of one path; false: it needs or finds none. */
static bool
tell_apart(Answer *answer, GHashTable *taken, SyncListed *listed)
{
	if (strcmp(listed->path, "INBOX") == 0 || !(listed->attributes & STORE_MAILBOX_SELECTABLE))
		return false;
	g_autofree char *path = sync_path_tell_apart(listed->path, listed->server_name);
	if (g_hash_table_contains(taken, path)) { /* somebody called a folder so on purpose */
		note_doubt(answer, listed->server_name);
		return false;
	}
	g_free(listed->path);
	listed->path = g_steal_pointer(&path);
	g_hash_table_add(taken, listed->path);
	return true;
}

/* Each path once, and only what is wanted. */
static void
settle(Answer *answer, const SyncAccount *account)
{
	SyncListing *listing = answer->listing;
	g_autoptr(GPtrArray) all = g_steal_pointer(&listing->folders);
	g_autoptr(GPtrArray) dropped = g_ptr_array_new_with_free_func(sync_listed_free);
	g_autoptr(GHashTable) taken = g_hash_table_new(g_str_hash, g_str_equal);
	const char *plain = "";

	listing->folders = g_ptr_array_new_with_free_func(sync_listed_free);
	g_ptr_array_set_free_func(all, NULL);
	g_ptr_array_sort(all, by_path);
	sync_special_assign(all, account);
	for (guint i = 0; i < all->len; i++) {
		const SyncListed *listed = g_ptr_array_index(all, i);
		if (!g_hash_table_contains(taken, listed->path))
			g_hash_table_add(taken, listed->path);
	}
	for (guint i = 0; i < all->len; i++) {
		SyncListed *listed = g_ptr_array_index(all, i);
		bool second = strcmp(plain, listed->path) == 0;
		if (!second)
			plain = listed->path;
		bool stays = (!second || tell_apart(answer, taken, listed)) && sync_path_wanted(account->folders, listed->path);
		g_ptr_array_add(stays ? listing->folders : dropped, listed);
		if (!stays)
			g_hash_table_remove(listing->by_name, listed->server_name);
	}
}

bool
sync_listing_ask(SyncWorker *worker, SyncListing *listing, GError **error)
{
	if (!listing->answer)
		sync_listing_send(listing, worker->session);
	Answer *answer = listing->answer;
	bool ok = await(answer, error);

	imap_session_listen(worker->session, NULL, NULL);
	if (ok)
		settle(answer, worker->run->account);
	if (ok && answer->left_out > 0)
		sync_warn(worker->run, *answer->first_left_out ? answer->first_left_out : "LIST", 0,
		          "the server's list of folders has lines that are damaged or hold a name that cannot be shown (%u); no "
		          "folder is removed here this time", answer->left_out);
	return ok;
}

bool
sync_listing_status(SyncWorker *worker, SyncListing *listing, const GPtrArray *which, GError **error)
{
	ImapSession *session = worker->session;
	g_autofree char *items = status_items(session);

	imap_session_listen(session, on_line, listing->answer);
	for (guint i = 0; i < which->len; i++) {
		ImapCommand *command = imap_command_new("STATUS ");
		imap_command_mailbox(command, ((const SyncListed *)g_ptr_array_index(which, i))->server_name);
		imap_command_text(command, " (%s)", items);
		imap_session_send(session, command, NULL);
	}
	bool ok = imap_session_wait(session, NULL, error);
	imap_session_listen(session, NULL, NULL);
	return ok;
}
