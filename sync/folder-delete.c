/* A folder is removed only if it is empty, also when mail arrives in the meantime.
 *
 * RENAME to a private name beside it, at which nothing more arrives; STATUS and LIST of that; DELETE if it holds nothing,
 * else RENAME back, and the operation fails.  The private name is committed before it is used (StoreOperation.arguments),
 * so LIST of both names tells how far it came before a cut, and what others did:
 *
 *   private name there            go on from there
 *   only the old name there       it was not renamed, or renamed back: begin; but a folder with another UIDVALIDITY is
 *                                 another one, and ours is gone
 *   neither                       done, by us or by others
 */
#include "sync/folder-change.h"

#include <string.h>

typedef struct {
	const char *name;
	bool is_told;
	uint32_t messages, uidvalidity;
} Status;

static bool
on_status(const ImapResponse *response, void *data, GError **error)
{
	const ImapMailboxStatus *told = &response->mailbox_status;
	Status *status = data;

	if (response->kind != IMAP_RESPONSE_STATUS || !told->mailbox || strcmp(told->mailbox, status->name) != 0)
		return true;
	status->is_told = told->fields & IMAP_STATUS_MESSAGES;
	status->messages = told->messages;
	status->uidvalidity = told->fields & IMAP_STATUS_UIDVALIDITY ? told->uidvalidity : 0;
	return true;
}

/* What is refused is not told. */
static bool
ask_status(const SyncFolderChange *change, Status *status, GError **error)
{
	ImapSession *session = change->worker->session;
	ImapCommand *command = sync_folder_command("STATUS", status->name, NULL);
	g_autofree char *words = NULL;

	imap_command_text(command, " (MESSAGES UIDVALIDITY)");
	imap_session_listen(session, on_status, status);
	bool ok = sync_folder_send(change, command, &words, error);
	imap_session_listen(session, NULL, NULL);
	status->is_told = status->is_told && !words;
	return ok;
}

/* Back to where it was; it cannot be removed, as @why says. */
static bool
put_back(const SyncFolderChange *change, const char *private_name, const char *why, GError **error)
{
	g_autofree char *words = NULL, *both = NULL;

	if (!sync_folder_send_rename(change, private_name, change->mailbox.server_name, &words, error))
		return false;
	if (words)
		both = g_strdup_printf("%s; and it is called %s now: %s", why, private_name, words);
	return sync_folder_fail(change, both ? both : why, error);
}

/* *why_r (g_free()): it holds something, or might; NULL: it is empty. */
static bool
ask_empty(const SyncFolderChange *change, const char *name, char **why_r, GError **error)
{
	SyncFolderNames names = { .names = { name }, .above = name, .separator = change->mailbox.separator };
	Status status = { .name = name };

	*why_r = NULL;
	bool ok = sync_folder_look(change, &names, error);
	bool is_directory = names.is_there[0] && !names.is_selectable[0];
	if (ok && names.below)
		*why_r = g_strdup_printf("not empty: the server has %s", names.below);
	else if (ok && !is_directory)
		ok = ask_status(change, &status, error);
	if (ok && !names.below && !is_directory && !status.is_told)
		*why_r = g_strdup("the server does not tell whether it is empty");
	else if (ok && status.messages > 0)
		*why_r = g_strdup_printf("not empty: the server has %u messages in it", status.messages);
	g_free(names.below);
	return ok;
}

static bool
finish(const SyncFolderChange *change, GError **error)
{
	g_autofree char *words = NULL;

	return sync_folder_send(change, sync_folder_command("UNSUBSCRIBE", change->mailbox.server_name, NULL), &words, error) &&
	       sync_folder_done_deleted(change, error);
}

/* From the private name on. */
static bool
delete_private(const SyncFolderChange *change, const char *name, GError **error)
{
	SyncFolderNames names = { .names = { name } };
	g_autofree char *why = NULL, *words = NULL;

	if (!ask_empty(change, name, &why, error))
		return false;
	if (why)
		return put_back(change, name, why, error);
	if (!sync_folder_send(change, sync_folder_command("DELETE", name, NULL), &words, error) ||
	    (words && !sync_folder_look(change, &names, error)))
		return false;
	return words && names.is_there[0] ? put_back(change, name, words, error) : finish(change, error);
}

static bool
rename_and_delete(const SyncFolderChange *change, const char *private_name, GError **error)
{
	g_autofree char *words = NULL;

	if (!sync_folder_send_rename(change, change->mailbox.server_name, private_name, &words, error))
		return false;
	return words ? sync_folder_fail(change, words, error) : delete_private(change, private_name, error);
}

/* Goes on from what is there. */
static bool
delete_known(const SyncFolderChange *change, const char *private_name, GError **error)
{
	const StoreMailbox *mailbox = &change->mailbox;
	SyncFolderNames names = { .names = { mailbox->server_name, private_name } };
	Status status = { .name = mailbox->server_name };

	if (!sync_folder_look(change, &names, error))
		return false;
	if (names.is_there[1])
		return delete_private(change, private_name, error);
	if (names.is_there[0] && names.is_selectable[0] && !ask_status(change, &status, error))
		return false;
	bool is_other = mailbox->uidvalidity && status.uidvalidity && mailbox->uidvalidity != status.uidvalidity;
	if (is_other) {
		change->worker->list_again = true;
		return sync_folder_done_deleted(change, error);
	}
	return names.is_there[0] ? rename_and_delete(change, private_name, error) : finish(change, error);
}

bool
sync_folder_delete(const SyncFolderChange *change, GError **error)
{
	const StoreOperation *operation = change->operation;
	bool is_sent;

	if (!change->mailbox.server_name)
		return sync_folder_done_deleted(change, error);
	g_autofree char *private_name =
		operation->arguments ? g_strdup(operation->arguments)
		                     : g_strdup_printf("%s-removed-%08x", change->mailbox.server_name, g_random_int());
	return sync_folder_mark_sent(change, operation->arguments ? NULL : private_name, &is_sent, error) &&
	       (!is_sent || delete_known(change, private_name, error));
}
