/* The answer to LIST. */
#include "sync/listing.h"

#include "sync/path.h"

#include <string.h>

#define LIST_MAX 100000             /* lines of an answer; the largest account that others have reported has 14,000 */
#define NAMES_MAX_BYTES (16u << 20) /* of all names and paths together */
#define SHOWN_NAME_BYTES 200        /* of a name in a warning */

typedef struct {
	SyncWorker *worker;
	SyncListing *listing;
	bool utf8;
	unsigned lines;
	size_t names_bytes;
	unsigned left_out;    /* lines that put the listing in doubt */
	char *first_left_out; /* the name of the first; "" if it has none */
} Answer;

static void
listed_free(void *data)
{
	SyncListed *listed = data;

	g_free(listed->server_name);
	g_free(listed->path);
	g_free(listed);
}

void
sync_listing_clear(SyncListing *listing)
{
	g_clear_pointer(&listing->by_name, g_hash_table_unref);
	g_clear_pointer(&listing->folders, g_ptr_array_unref);
	*listing = (SyncListing){ 0 };
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
add(Answer *answer, const ImapListResponse *list, char **components, bool damaged, GError **error)
{
	g_autofree char *path = g_strjoinv("/", components);

	answer->names_bytes += list->mailbox_length + strlen(path);
	if (answer->names_bytes > NAMES_MAX_BYTES)
		return core_throw(error, CORE_ERROR_PROTOCOL, "the names of the folders that the server lists are over %u MiB long",
		                  NAMES_MAX_BYTES >> 20);
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

static bool
on_line(const ImapResponse *response, void *data, GError **error)
{
	Answer *answer = data;
	const ImapListResponse *list = &response->list;

	if (response->kind == IMAP_RESPONSE_UNKNOWN && response->damaged)
		note_doubt(answer, ""); /* what it was before it was damaged nobody knows */
	if (response->kind != IMAP_RESPONSE_LIST || strcmp(response->keyword, "LIST") != 0)
		return true;
	answer->listing->any = true;
	if (++answer->lines > LIST_MAX)
		return core_throw(error, CORE_ERROR_PROTOCOL, "the server lists more than %d folders", LIST_MAX);
	const char *name = list->mailbox ? list->mailbox : "";
	if (!response->damaged && !*name && list->mailbox_length == 0)
		return true; /* the root, which is no mailbox */
	if (g_hash_table_contains(answer->listing->by_name, name))
		return true;

	g_auto(GStrv) components = sync_path_from_server(name, list->mailbox_length, list->separator, answer->utf8);
	if (!components || response->damaged)
		note_doubt(answer, name);
	return !components || add(answer, list, components, response->damaged, error);
}

static void
begin(Answer *answer)
{
	sync_listing_clear(answer->listing);
	answer->listing->folders = g_ptr_array_new_with_free_func(listed_free);
	answer->listing->by_name = g_hash_table_new(g_str_hash, g_str_equal);
	answer->lines = answer->left_out = 0;
	answer->names_bytes = 0;
	g_clear_pointer(&answer->first_left_out, g_free);
}

/* ProtonMail's bridge says BAD to RETURN (SPECIAL-USE) although it offers both capabilities. */
static bool
ask(Answer *answer, GError **error)
{
	ImapSession *session = answer->worker->session;

	imap_session_listen(session, on_line, answer);
	bool ok = true, answered = false;
	begin(answer);
	if (imap_session_has(session, IMAP_CAP_LIST_EXTENDED) && imap_session_has(session, IMAP_CAP_SPECIAL_USE)) {
		g_auto(ImapReply) reply = { 0 };
		imap_session_send(session, imap_command_new("LIST \"\" \"*\" RETURN (SPECIAL-USE)"), &reply);
		ok = imap_session_wait(session, &reply, error);
		answered = ok && reply.kind == IMAP_RESPONSE_OK;
	}
	if (ok && !answered) {
		begin(answer);
		ok = imap_session_run(session, imap_command_new("LIST \"\" \"*\""), NULL, error);
	}
	imap_session_listen(session, NULL, NULL);
	return ok;
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
settle(Answer *answer)
{
	SyncListing *listing = answer->listing;
	char *const *patterns = answer->worker->run->account->folders;
	g_autoptr(GPtrArray) all = g_steal_pointer(&listing->folders), dropped = g_ptr_array_new_with_free_func(listed_free);
	g_autoptr(GHashTable) taken = g_hash_table_new(g_str_hash, g_str_equal);
	const char *plain = "";

	listing->folders = g_ptr_array_new_with_free_func(listed_free);
	g_ptr_array_set_free_func(all, NULL);
	g_ptr_array_sort(all, by_path);
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
		bool stays = (!second || tell_apart(answer, taken, listed)) && sync_path_wanted(patterns, listed->path);
		g_ptr_array_add(stays ? listing->folders : dropped, listed);
		if (!stays)
			g_hash_table_remove(listing->by_name, listed->server_name);
	}
}

bool
sync_listing_ask(SyncWorker *worker, SyncListing *listing_r, GError **error)
{
	Answer answer = {
		.worker = worker,
		.listing = listing_r,
		.utf8 = imap_session_enabled(worker->session, IMAP_CAP_UTF8_ACCEPT) ||
		        imap_session_enabled(worker->session, IMAP_CAP_IMAP4REV2),
	};
	bool ok = ask(&answer, error);

	if (ok)
		settle(&answer);
	if (ok && answer.left_out > 0)
		sync_warn(worker->run, *answer.first_left_out ? answer.first_left_out : "LIST", 0,
		          "the server's list of folders has lines that are damaged or hold a name that cannot be shown (%u); no "
		          "folder is removed here this time", answer.left_out);
	g_free(answer.first_left_out);
	return ok;
}
