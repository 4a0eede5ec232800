/* RENAME, and the subscriptions with it.
 *
 * A directory that is no mailbox (the server has only names below it) is renamed by its name all the same, and if the
 * server does not take that, one mailbox below it after the other.
 */
#include "sync/folder-change.h"
#include "sync/folder-name.h"

#include <string.h>

#define SUBSCRIPTIONS_MAX 10000

typedef struct {
	const char *above;
	char separator;
	GPtrArray *names; /* owned: it and those below it */
} Subscriptions;

static bool
on_subscription(const ImapResponse *response, void *data, GError **error)
{
	Subscriptions *subscriptions = data;

	if (response->kind != IMAP_RESPONSE_LIST || response->damaged || strcmp(response->keyword, "LSUB") != 0 ||
	    (response->list.attributes & IMAP_LIST_NOSELECT) || subscriptions->names->len == SUBSCRIPTIONS_MAX)
		return true;
	const char *name = response->list.mailbox;
	if (strcmp(name, subscriptions->above) == 0 || sync_folder_is_below(name, subscriptions->above, subscriptions->separator))
		g_ptr_array_add(subscriptions->names, g_strdup(name));
	return true;
}

/* A server without subscriptions has none. */
static bool
ask_subscriptions(const SyncFolderChange *change, Subscriptions *subscriptions, GError **error)
{
	ImapSession *session = change->worker->session;
	g_auto(ImapReply) reply = { 0 };

	imap_session_listen(session, on_subscription, subscriptions);
	imap_session_send(session, imap_command_new("LSUB \"\" \"*\""), &reply);
	bool ok = imap_session_wait(session, &reply, error);
	imap_session_listen(session, NULL, NULL);
	return ok;
}

/* Names are subscribed to, not folders, so they do not follow a RENAME. */
static bool
carry_subscriptions(const SyncFolderChange *change, const Subscriptions *subscriptions, const char *new_name, GError **error)
{
	ImapSession *session = change->worker->session;

	for (guint i = 0; i < subscriptions->names->len; i++) {
		const char *old = g_ptr_array_index(subscriptions->names, i);
		g_autofree char *new = g_strconcat(new_name, old + strlen(subscriptions->above), NULL);
		imap_session_send(session, sync_folder_command("UNSUBSCRIBE", old, NULL), NULL);
		imap_session_send(session, sync_folder_command("SUBSCRIBE", new, NULL), NULL);
	}
	return imap_session_wait(session, NULL, error);
}

/* The mailboxes below a directory, without those that are below another of them. */
typedef struct {
	GHashTable *depths; /* id of a directory -> how far below this one it is; both owned */
	GPtrArray *names;   /* of the mailboxes, owned */
	char *name;         /* of this directory, as theirs begin; NULL: there are none */
	char separator;
} Below;

/* "a.b.c.d" without its last @levels. */
static char *
cut_levels(const char *name, char separator, unsigned levels)
{
	size_t length = strlen(name);

	for (; levels > 0; levels--) {
		while (length > 0 && name[length - 1] != separator)
			length--;
		if (length <= 1)
			return NULL;
		length--;
	}
	return g_strndup(name, length);
}

/* Parents come before children. */
static bool
note_below(const StoreMailbox *mailbox, void *data)
{
	Below *below = data;
	const unsigned *parent = g_hash_table_lookup(below->depths, &mailbox->parent_id);

	if (!parent)
		return true;
	if (mailbox->server_name) {
		if (!below->name)
			below->name = cut_levels(mailbox->server_name, mailbox->separator, *parent + 1);
		below->separator = mailbox->separator;
		g_ptr_array_add(below->names, g_strdup(mailbox->server_name));
		return true;
	}
	unsigned *depth = g_new(unsigned, 1);
	*depth = *parent + 1;
	g_hash_table_insert(below->depths, g_memdup2(&mailbox->id, sizeof mailbox->id), depth);
	return true;
}

static bool
list_below(const SyncFolderChange *change, Below *below, GError **error)
{
	const SyncRun *run = change->worker->run;

	below->depths = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
	below->names = g_ptr_array_new_with_free_func(g_free);
	g_hash_table_insert(below->depths, g_memdup2(&change->mailbox.id, sizeof change->mailbox.id), g_new0(unsigned, 1));
	return store_mailbox_list(run->store, run->account_id, note_below, below, error);
}

static void
below_clear(Below *below)
{
	g_hash_table_unref(below->depths);
	g_ptr_array_unref(below->names);
	g_free(below->name);
}

/* *words_r as sync_folder_send()'s, of the first that was refused. */
static bool
rename_each(const SyncFolderChange *change, const Below *below, const char *new, char **words_r, GError **error)
{
	*words_r = NULL;
	for (guint i = 0; i < below->names->len && !*words_r; i++) {
		const char *name = g_ptr_array_index(below->names, i);
		g_autofree char *new_name = NULL;
		if (!sync_folder_is_below(name, below->name, below->separator))
			continue;
		new_name = g_strconcat(new, name + strlen(below->name), NULL);
		if (!sync_folder_send_rename(change, name, new_name, words_r, error))
			return false;
	}
	return true;
}

/* @below: of a directory; NULL: it is a mailbox. */
static bool
rename_named(const SyncFolderChange *change, const char *old, const Below *below, const char *new, char separator,
             GError **error)
{
	g_autoptr(GPtrArray) subscribed = g_ptr_array_new_with_free_func(g_free);
	Subscriptions subscriptions = { .above = old, .separator = separator, .names = subscribed };
	SyncFolderNames names = { .names = { old } };
	g_autofree char *words = NULL;

	if (!ask_subscriptions(change, &subscriptions, error) || !sync_folder_send_rename(change, old, new, &words, error))
		return false;
	if (words && below) {
		g_clear_pointer(&words, g_free);
		if (!rename_each(change, below, new, &words, error))
			return false;
	}
	if (words && !sync_folder_look(change, &names, error))
		return false;
	if (words)
		return names.is_there[0] || below ? sync_folder_fail(change, words, error) : sync_folder_overtaken(change, error);
	change->worker->list_after = true;
	return carry_subscriptions(change, &subscriptions, new, error) &&
	       sync_folder_done_called(change, new, separator, error);
}

static bool
rename_to(const SyncFolderChange *change, const char *old, const Below *below, GError **error)
{
	GError *failure = NULL;
	char separator = 0;
	bool is_sent;
	g_autofree char *new = sync_folder_name(change->worker, change->operation->arguments, &separator, &failure);

	if (failure) {
		g_propagate_error(error, failure);
		return false;
	}
	if (!new)
		return sync_folder_fail(change, "the server can have no folder of this name", error);
	if (strcmp(old, new) == 0) /* it was made under its new name at once */
		return sync_folder_done_called(change, new, separator, error);
	return sync_folder_mark_sent(change, NULL, &is_sent, error) &&
	       (!is_sent || rename_named(change, old, below, new, separator, error));
}

bool
sync_folder_rename(const SyncFolderChange *change, GError **error)
{
	Below below = { 0 };

	if (change->mailbox.server_name)
		return rename_to(change, change->mailbox.server_name, NULL, error);
	bool ok = list_below(change, &below, error);
	if (ok && below.name)
		ok = rename_to(change, below.name, &below, error);
	else if (ok)
		ok = sync_folder_fail(change, "the server does not have this folder", error);
	below_clear(&below);
	return ok;
}
