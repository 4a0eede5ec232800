/* RENAME, with which goes what is below it, and the subscriptions. */
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

	/* \Noselect says here, too, that there is no such mailbox any more: it was renamed before. */
	if (response->kind != IMAP_RESPONSE_LIST || response->damaged || strcmp(response->keyword, "LSUB") != 0 ||
	    subscriptions->names->len == SUBSCRIPTIONS_MAX)
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
		imap_session_send(session, sync_folder_command("SUBSCRIBE", new, NULL), NULL); /* first: a cut may come between */
		imap_session_send(session, sync_folder_command("UNSUBSCRIBE", old, NULL), NULL);
	}
	return imap_session_wait(session, NULL, error);
}

/* Before it is sent once more: the connection may end at it each time. */
static bool
ask_renamed(const SyncFolderChange *change, const char *old, const char *new, bool *is_renamed_r, GError **error)
{
	SyncFolderNames names = { .names = { old, new } };

	*is_renamed_r = false;
	if (change->operation->state != STORE_OPERATION_SENT)
		return true;
	if (!sync_folder_look(change, &names, error))
		return false;
	*is_renamed_r = names.is_there[1] && !names.is_there[0];
	return true;
}

static bool
rename_named(const SyncFolderChange *change, const char *old, const char *new, char separator, GError **error)
{
	g_autoptr(GPtrArray) subscribed = g_ptr_array_new_with_free_func(g_free);
	Subscriptions subscriptions = { .above = old, .separator = separator, .names = subscribed };
	SyncFolderNames names = { .names = { old } };
	g_autofree char *words = NULL;
	bool is_renamed;

	if (!ask_subscriptions(change, &subscriptions, error) || !ask_renamed(change, old, new, &is_renamed, error) ||
	    (!is_renamed && !sync_folder_send_rename(change, old, new, &words, error)))
		return false;
	if (words && !sync_folder_look(change, &names, error))
		return false;
	if (words)
		return names.is_there[0] ? sync_folder_fail(change, words, error) : sync_folder_overtaken(change, error);
	change->worker->list_after = true;
	return carry_subscriptions(change, &subscriptions, new, error) &&
	       sync_folder_done_called(change, new, separator, error);
}

bool
sync_folder_rename(const SyncFolderChange *change, GError **error)
{
	const char *old = change->mailbox.server_name;
	GError *failure = NULL;
	char separator = 0;
	bool is_sent;

	if (!old)
		return sync_folder_overtaken(change, error);
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
	       (!is_sent || rename_named(change, old, new, separator, error));
}
