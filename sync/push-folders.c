/* Folders that users made, renamed and removed (RFC 9051 6.3.4 to 6.3.8).
 *
 *   CREATE   here, with its special use (RFC 6154), then SUBSCRIBE.  What is there already is done.
 *   RENAME   folder-rename.c
 *   DELETE   folder-delete.c
 *
 * Any of them can be sent once more after a cut.  A server that refuses is believed.
 */
#include "sync/folder-change.h"
#include "sync/folder-name.h"

static const char *
special_use(uint32_t attributes)
{
	static const struct {
		uint32_t attribute;
		const char *use;
	} uses[] = {
		{ STORE_MAILBOX_TRASH, "\\Trash" }, { STORE_MAILBOX_SENT, "\\Sent" },       { STORE_MAILBOX_DRAFTS, "\\Drafts" },
		{ STORE_MAILBOX_JUNK, "\\Junk" },   { STORE_MAILBOX_ARCHIVE, "\\Archive" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(uses); i++)
		if (attributes & uses[i].attribute)
			return uses[i].use;
	return NULL;
}

static bool
send_create(const SyncFolderChange *change, const char *name, const char *use, char **words_r, GError **error)
{
	ImapCommand *command = sync_folder_command("CREATE", name, NULL);

	if (use)
		imap_command_text(command, " (USE (%s))", use);
	return sync_folder_send(change, command, words_r, error);
}

static bool
create_named(const SyncFolderChange *change, const char *name, char separator, GError **error)
{
	ImapSession *session = change->worker->session;
	bool has_uses = imap_session_has(session, IMAP_CAP_CREATE_SPECIAL_USE);
	const char *use = has_uses ? special_use(change->mailbox.attributes) : NULL;
	g_autofree char *words = NULL, *no_words = NULL;
	SyncFolderNames names = { .names = { name } };

	/* Before it is sent once more: the connection may end at it each time. */
	if (change->operation->state == STORE_OPERATION_SENT && !sync_folder_look(change, &names, error))
		return false;
	if (!names.is_selectable[0] && !send_create(change, name, use, &words, error))
		return false;
	if (words && !sync_folder_look(change, &names, error))
		return false;
	if (words && use && !names.is_there[0]) { /* [USEATTR]: the use is the server's to give */
		g_clear_pointer(&words, g_free);
		if (!send_create(change, name, NULL, &words, error))
			return false;
	}
	if (words && !names.is_selectable[0])
		return sync_folder_fail(change, words, error);
	return sync_folder_send(change, sync_folder_command("SUBSCRIBE", name, NULL), &no_words, error) &&
	       sync_folder_done_called(change, name, separator, error);
}

/* The name is kept with the operation, so that a folder that is moved here meanwhile is not made twice. */
static bool
create(const SyncFolderChange *change, GError **error)
{
	const char *kept = change->operation->state == STORE_OPERATION_SENT ? change->operation->arguments : NULL;
	GError *failure = NULL;
	char separator = 0;
	bool is_sent;
	g_autofree char *name = sync_folder_name(change->worker, change->path, &separator, &failure);

	if (failure) {
		g_propagate_error(error, failure);
		return false;
	}
	if (!name && !kept)
		return sync_folder_fail(change, "the server can have no folder of this name", error);
	if (!sync_folder_mark_sent(change, kept ? NULL : name, &is_sent, error))
		return false;
	return !is_sent || create_named(change, kept ? kept : name, separator, error);
}

static bool
do_change(const SyncFolderChange *change, GError **error)
{
	switch (change->operation->kind) {
	case STORE_OPERATION_CREATE:
		return create(change, error);
	case STORE_OPERATION_RENAME:
		return sync_folder_rename(change, error);
	case STORE_OPERATION_DELETE:
		return sync_folder_delete(change, error);
	case STORE_OPERATION_FLAGS:
	case STORE_OPERATION_APPEND:
	case STORE_OPERATION_MOVE:
	case STORE_OPERATION_COPY:
	case STORE_OPERATION_REMOVE:
		break;
	}
	g_assert_not_reached();
}

/* Not because somebody wanted it to end. */
static bool
is_loss(const SyncWorker *worker, const GError *failure)
{
	return failure && !imap_session_alive(worker->session) && core_error_scope(failure) == CORE_SCOPE_ACCOUNT &&
	       core_error_code(failure) != CORE_ERROR_BUSY;
}

bool
sync_push_folder(SyncWorker *worker, const StoreOperation *operation, GError **error)
{
	SyncFolderChange change = { .worker = worker, .operation = operation };
	GError *failure = NULL;

	bool ok = store_mailbox_get(worker->run->store, operation->mailbox_id, &change.mailbox, &failure) &&
	          (change.path = store_mailbox_path(worker->run->store, operation->mailbox_id, &failure)) &&
	          do_change(&change, &failure);
	bool has_gone = !ok && !failure;
	if (is_loss(worker, failure) && !sync_folder_lost(&change, error))
		g_clear_error(&failure);
	if (failure)
		g_propagate_error(error, failure);
	store_mailbox_clear(&change.mailbox);
	g_free(change.path);
	return ok || has_gone; /* which is nobody's concern */
}
