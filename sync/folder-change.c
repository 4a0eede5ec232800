#include "sync/folder-change.h"

#include "imap/refusal.h"

#include <string.h>

bool
sync_folder_is_below(const char *name, const char *above, char separator)
{
	size_t length = strlen(above);

	return separator && strncmp(name, above, length) == 0 && name[length] == separator && name[length + 1];
}

static bool
on_name(const ImapResponse *response, void *data, GError **error)
{
	const ImapListResponse *list = &response->list;
	SyncFolderNames *names = data;

	if (response->kind == IMAP_RESPONSE_UNKNOWN && response->damaged)
		names->in_doubt = true;
	if (response->kind != IMAP_RESPONSE_LIST || strcmp(response->keyword, "LIST") != 0)
		return true;
	names->in_doubt |= response->damaged;
	if (response->damaged)
		return true;
	bool is_name = list->attributes & IMAP_LIST_NONEXISTENT;
	/* What is only a name stands for what is below it (RFC 5258 section 3). */
	if (names->above && !names->below && !(is_name && (list->attributes & IMAP_LIST_HASNOCHILDREN)) &&
	    sync_folder_is_below(list->mailbox, names->above, names->separator))
		names->below = g_strdup(list->mailbox);
	if (is_name)
		return true;
	for (int i = 0; i < 2; i++) {
		if (!names->names[i] || strcmp(names->names[i], list->mailbox) != 0)
			continue;
		names->is_there[i] = true;
		names->is_selectable[i] = !(list->attributes & IMAP_LIST_NOSELECT);
	}
	return true;
}

bool
sync_folder_look(const SyncFolderChange *change, SyncFolderNames *names, GError **error)
{
	ImapSession *session = change->worker->session;
	ImapReply replies[3] = { 0 };
	unsigned count = 0;

	imap_session_listen(session, on_name, names);
	for (int i = 0; i < 2; i++) {
		ImapCommand *command = names->names[i] ? imap_command_new("LIST \"\" ") : NULL;
		if (!command)
			continue;
		imap_command_mailbox(command, names->names[i]);
		imap_session_send(session, command, &replies[count++]);
	}
	if (names->above && names->separator) {
		g_autofree char *pattern = g_strdup_printf("%s%c%%", names->above, names->separator);
		ImapCommand *command = imap_command_new("LIST \"\" ");
		imap_command_mailbox(command, pattern);
		imap_session_send(session, command, &replies[count++]);
	}
	bool ok = imap_session_wait(session, NULL, error);
	imap_session_listen(session, NULL, NULL);
	for (unsigned i = 0; i < count; i++) {
		ok = ok && imap_reply_check(&replies[i], "LIST", error);
		imap_reply_clear(&replies[i]);
	}
	if (ok && names->in_doubt)
		return core_throw(error, CORE_ERROR_REFUSED, "the answer to LIST could not be read");
	return ok;
}

bool
sync_folder_send(const SyncFolderChange *change, ImapCommand *command, char **words_r, GError **error)
{
	g_auto(ImapReply) reply = { 0 };
	GError *refusal = NULL;

	*words_r = NULL;
	if (imap_session_run(change->worker->session, command, &reply, &refusal))
		return true;
	if (core_error_code(refusal) == CORE_ERROR_REFUSED && reply.done) {
		*words_r = imap_refusal_words(reply.text);
		g_error_free(refusal);
		return true;
	}
	g_propagate_error(error, refusal);
	return false;
}

ImapCommand *
sync_folder_command(const char *verb, const char *name, const char *new_name)
{
	ImapCommand *command = imap_command_new("%s ", verb);

	imap_command_mailbox(command, name);
	if (new_name) {
		imap_command_text(command, " ");
		imap_command_mailbox(command, new_name);
	}
	return command;
}

/* Not while it is selected: servers differ in what that does to the connection. */
bool
sync_folder_send_rename(const SyncFolderChange *change, const char *old, const char *new, char **words_r,
                        GError **error)
{
	ImapSession *session = change->worker->session;
	SyncFolderNames names = { .names = { old, new } };

	if (imap_session_selected(session) && !imap_session_unselect(session, error))
		return false;
	if (!sync_folder_send(change, sync_folder_command("RENAME", old, new), words_r, error))
		return false;
	if (*words_r) {
		if (!sync_folder_look(change, &names, error))
			return false;
		if (names.is_there[1] && !names.is_there[0])
			g_clear_pointer(words_r, g_free);
	}
	return true;
}

typedef bool (*EndFn)(StoreTxn *txn, int64_t id, const void *data, GError **error);

/* An operation that was taken back meanwhile is nobody's concern. */
static bool
commit(const SyncFolderChange *change, EndFn fn, const void *data, GError **error)
{
	g_autoptr(StoreTxn) txn = store_begin(change->worker->run->store, error);
	GError *failure = NULL;

	if (!txn)
		return false;
	if (!fn(txn, change->operation->id, data, &failure) && core_error_code(failure) != CORE_ERROR_NOT_FOUND) {
		g_propagate_error(error, failure);
		return false;
	}
	g_clear_error(&failure);
	return store_commit(g_steal_pointer(&txn), error);
}

static bool
end_failed(StoreTxn *txn, int64_t id, const void *data, GError **error)
{
	return store_operation_fail(txn, id, data, error);
}

bool
sync_folder_fail(const SyncFolderChange *change, const char *words, GError **error)
{
	change->worker->list_again = true;
	sync_push_warn(change->worker->run, change->operation->kind, change->path, 0, words);
	return commit(change, end_failed, words, error);
}

static bool
end_lost(StoreTxn *txn, int64_t id, const void *data, GError **error)
{
	return store_operation_lost(txn, id, data, error);
}

static bool
end_held(StoreTxn *txn, int64_t id, const void *data, GError **error)
{
	return store_operation_lost(txn, id, data, error) && store_operation_hold(txn, id, data, error);
}

bool
sync_folder_lost(const SyncFolderChange *change, GError **error)
{
	const StoreOperation *operation = change->operation;
	unsigned losses = operation->losses + 1;

	if (losses < SYNC_OPERATION_LOSSES)
		return commit(change, end_lost, sync_push_lost, error);
	g_autofree char *why = sync_push_why_held(losses);
	sync_warn(change->worker->run, change->path, 0, "%s: %s", store_operation_kinds[operation->kind], why);
	return commit(change, end_held, why, error);
}

typedef struct {
	const char *name;
	char separator;
} Called;

static bool
end_called(StoreTxn *txn, int64_t id, const void *data, GError **error)
{
	const Called *called = data;

	return store_operation_done_mailbox(txn, id, called->name, called->separator, error);
}

static bool
end_deleted(StoreTxn *txn, int64_t id, const void *data, GError **error)
{
	return store_operation_done_deleted(txn, id, error);
}

static bool
end_overtaken(StoreTxn *txn, int64_t id, const void *data, GError **error)
{
	return store_operation_overtaken(txn, id, error);
}

bool
sync_folder_overtaken(const SyncFolderChange *change, GError **error)
{
	change->worker->list_again = true;
	return commit(change, end_overtaken, NULL, error);
}

bool
sync_folder_done_called(const SyncFolderChange *change, const char *name, char separator, GError **error)
{
	return commit(change, end_called, &(Called){ name, separator }, error);
}

bool
sync_folder_done_deleted(const SyncFolderChange *change, GError **error)
{
	return commit(change, end_deleted, NULL, error);
}

static bool
write_sent(const SyncFolderChange *change, StoreTxn *txn, const char *arguments, GError **error)
{
	const StoreOperation *operation = change->operation;

	return (!arguments || store_operation_set_arguments(txn, operation->id, arguments, error)) &&
	       (operation->state == STORE_OPERATION_SENT || store_operation_send(txn, operation->id, 0, 0, error));
}

bool
sync_folder_mark_sent(const SyncFolderChange *change, const char *arguments, bool *sent_r, GError **error)
{
	GError *failure = NULL;

	*sent_r = true;
	if (change->operation->state == STORE_OPERATION_SENT && !arguments)
		return true;
	g_autoptr(StoreTxn) txn = store_begin(change->worker->run->store, error);
	if (!txn)
		return false;
	if (write_sent(change, txn, arguments, &failure))
		return store_commit(g_steal_pointer(&txn), error);
	*sent_r = false;
	if (core_error_code(failure) == CORE_ERROR_NOT_FOUND) {
		g_error_free(failure);
		return true;
	}
	g_propagate_error(error, failure);
	return false;
}
