#include "sync/folder-name.h"

#include "sync/path.h"

#include <string.h>

/* Where names begin: what the names at the root have before them, and what stands between the levels. */
typedef struct {
	char *prefix;    /* without the separator behind it; NULL: none */
	char separator;  /* 0: the server has no levels, or does not say */
} Root;

/* The first of the user's own namespaces: (("INBOX." ".")) NIL NIL. */
static void
note_namespace(Root *root, const ImapNode *personal)
{
	const ImapNode *first = personal && personal->kind == IMAP_NODE_LIST ? personal->first : NULL;
	const ImapNode *prefix = first && first->kind == IMAP_NODE_LIST ? first->first : NULL;
	const ImapNode *separator = prefix ? prefix->next : NULL;

	if (!prefix || prefix->kind != IMAP_NODE_STRING || prefix->length > SYNC_PATH_MAX_NAME ||
	    strlen(prefix->text) != prefix->length)
		return;
	if (separator && separator->kind == IMAP_NODE_STRING && separator->length == 1)
		root->separator = *separator->text;
	size_t length = prefix->length;
	if (length > 0 && root->separator && prefix->text[length - 1] == root->separator)
		length--;
	g_free(root->prefix);
	root->prefix = length > 0 ? g_strndup(prefix->text, length) : NULL;
}

static bool
on_response(const ImapResponse *response, void *data, GError **error)
{
	Root *root = data;

	if (response->kind == IMAP_RESPONSE_NAMESPACE)
		note_namespace(root, response->node);
	else if (response->kind == IMAP_RESPONSE_LIST && !response->damaged && response->list.mailbox_length == 0)
		root->separator = root->separator ? root->separator : response->list.separator;
	return true;
}

/* Pipelined; a server that refuses one of them has no prefix, or no levels. */
static bool
ask_root(SyncWorker *worker, Root *root, GError **error)
{
	ImapSession *session = worker->session;

	imap_session_listen(session, on_response, root);
	if (imap_session_has(session, IMAP_CAP_NAMESPACE) || imap_session_has(session, IMAP_CAP_IMAP4REV2))
		imap_session_send(session, imap_command_new("NAMESPACE"), NULL);
	imap_session_send(session, imap_command_new("LIST \"\" \"\""), NULL);
	bool ok = imap_session_wait(session, NULL, error);
	imap_session_listen(session, NULL, NULL);
	return ok;
}

/* Whether people see the server's name at that path.  It may be another path for now: the folder was renamed here, and
 * that is yet to be said to the server. */
static bool
is_seen_at(const StoreMailbox *mailbox, char *const *components, size_t depth, bool utf8)
{
	g_auto(GStrv) seen = sync_path_from_server(mailbox->server_name, strlen(mailbox->server_name), mailbox->separator, utf8);
	g_autofree char *at = seen ? g_strjoinv("/", seen) : NULL;
	g_autofree char *apart = at ? sync_path_tell_apart(at, mailbox->server_name) : NULL;
	g_autoptr(GString) path = g_string_new(NULL);

	for (size_t i = 0; i < depth; i++)
		g_string_append_printf(path, "%s%s", i > 0 ? "/" : "", components[i]);
	return at && (strcmp(path->str, at) == 0 || strcmp(path->str, apart) == 0);
}

/* The nearest folder above that is on the server: *depth_r of the components are its path, 0: there is none. */
static bool
find_above(SyncWorker *worker, char *const *components, StoreMailbox *above_r, size_t *depth_r, GError **error)
{
	const SyncRun *run = worker->run;
	int64_t parent_id = 0;
	GError *failure = NULL;

	*depth_r = 0;
	for (size_t i = 0; components[i] && components[i + 1]; i++) {
		g_auto(StoreMailbox) mailbox = { 0 };
		if (!store_mailbox_find(run->store, run->account_id, parent_id, components[i], &mailbox, &failure)) {
			if (failure)
				g_propagate_error(error, failure);
			return !failure;
		}
		parent_id = mailbox.id;
		if (!mailbox.server_name || mailbox.state != STORE_MAILBOX_THERE ||
		    !is_seen_at(&mailbox, components, i + 1, imap_session_is_utf8(worker->session)))
			continue;
		store_mailbox_clear(above_r);
		*above_r = mailbox;
		mailbox = (StoreMailbox){ 0 };
		*depth_r = i + 1;
	}
	return true;
}

/* @above, and the components below it. */
static char *
put_below(const char *above, char *const *components, char separator, bool utf8)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new();

	if (separator == 0)
		return NULL;
	/* What is special about a name at the root (INBOX) is not below another. */
	g_ptr_array_add(all, (void *)(uintptr_t)"x");
	for (; *components; components++)
		g_ptr_array_add(all, *components);
	g_ptr_array_add(all, NULL);
	g_autofree char *below = sync_path_to_server((char *const *)all->pdata, separator, utf8);
	char *name = below ? g_strconcat(above, below + 1, NULL) : NULL;
	if (name && strlen(name) > SYNC_PATH_MAX_NAME)
		g_clear_pointer(&name, g_free);
	return name;
}

/* A name at the root, or below folders that are not there yet. */
static char *
put_at_root(const Root *root, char *const *components, bool utf8)
{
	g_auto(GStrv) prefix = root->prefix ? sync_path_from_server(root->prefix, strlen(root->prefix), root->separator, utf8)
	                                    : NULL;

	if (prefix && strcmp(prefix[0], components[0]) != 0)
		return put_below(root->prefix, components, root->separator, utf8);
	return sync_path_to_server(components, root->separator, utf8);
}

char *
sync_folder_name(SyncWorker *worker, const char *path, char *separator_r, GError **error)
{
	g_auto(GStrv) components = g_strsplit(path, "/", -1);
	g_auto(StoreMailbox) above = { 0 };
	bool utf8 = imap_session_is_utf8(worker->session);
	Root root = { 0 };
	size_t depth;

	if (!find_above(worker, components, &above, &depth, error))
		return NULL;
	if (depth > 0) {
		*separator_r = above.separator;
		return put_below(above.server_name, components + depth, above.separator, utf8);
	}
	char *name = ask_root(worker, &root, error) ? put_at_root(&root, components, utf8) : NULL;
	*separator_r = root.separator;
	g_free(root.prefix);
	return name;
}
