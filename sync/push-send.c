/* What comes before the first command that changes something: the mailbox selected for writing, what its target is like
 * now, and the commit of "sent", so that the next run knows where to look if this one does not live to see the answer.
 */
#include "sync/push.h"
#include "sync/rights.h"

#include <string.h>

bool
sync_push_select(SyncWorker *worker, const StoreMailbox *mailbox, const char *path, GError **error)
{
	const char *selected = imap_session_selected(worker->session);

	worker->is_read_only = false;
	if (!worker->writable || !selected || strcmp(selected, mailbox->server_name) != 0) {
		g_auto(ImapSelected) told = { 0 };
		worker->used = true;
		worker->writable = false;
		if (!imap_session_select(worker->session, mailbox->server_name, false, NULL, &told, error))
			return false;
		worker->uidvalidity = told.uidvalidity;
		worker->uidnext = told.uidnext;
		worker->writable = !told.read_only;
		worker->is_read_only = told.read_only;
		worker->new_keywords = told.permanent_keywords;
		if (!sync_rights_note_selected(worker, mailbox, told.read_only, error))
			return false;
	}
	if (worker->uidvalidity != mailbox->uidvalidity)
		return sync_push_outdated(worker, "it", error);
	return worker->writable ||
	       core_throw(error, CORE_ERROR_REFUSED, "the server lets nobody change messages in %s (READ-ONLY)", path);
}

typedef struct {
	const char *name;
	uint32_t uidvalidity, uidnext;
} Status;

static bool
on_status(const ImapResponse *response, void *data, GError **error)
{
	const ImapMailboxStatus *told = &response->mailbox_status;
	Status *status = data;

	if (response->kind != IMAP_RESPONSE_STATUS || !told->mailbox ||
	    (strcmp(told->mailbox, status->name) != 0 &&
	     (g_ascii_strcasecmp(told->mailbox, "INBOX") != 0 || g_ascii_strcasecmp(status->name, "INBOX") != 0)))
		return true;
	if (told->fields & IMAP_STATUS_UIDVALIDITY)
		status->uidvalidity = told->uidvalidity;
	if (told->fields & IMAP_STATUS_UIDNEXT)
		status->uidnext = told->uidnext;
	return true;
}

bool
sync_push_status(SyncWorker *worker, const StoreMailbox *mailbox, uint32_t *uidvalidity_r, uint32_t *uidnext_r,
                 GError **error)
{
	Status status = { .name = mailbox->server_name };
	ImapCommand *command = imap_command_new("STATUS ");

	imap_command_mailbox(command, mailbox->server_name);
	imap_command_text(command, " (UIDVALIDITY UIDNEXT)");
	imap_session_listen(worker->session, on_status, &status);
	bool ok = imap_session_run(worker->session, command, NULL, error);
	imap_session_listen(worker->session, NULL, NULL);
	if (!ok)
		return false;
	*uidvalidity_r = status.uidvalidity;
	*uidnext_r = status.uidnext;
	return true;
}

/* False: the store failed.  An operation that cannot be sent any more goes out of the batch. */
static bool
mark_sent(StoreTxn *txn, const SyncBatch *batch, uint32_t uidvalidity, uint32_t uidnext, GError **error)
{
	guint kept = 0;

	for (guint i = 0; i < batch->items->len; i++) {
		SyncItem item = g_array_index(batch->items, SyncItem, i);
		GError *failure = NULL;
		if (store_operation_send(txn, item.id, uidvalidity, uidnext, &failure)) {
			item.target_uidvalidity = uidvalidity;
			item.target_uidnext = uidnext;
			g_array_index(batch->items, SyncItem, kept++) = item;
		} else if (core_error_code(failure) == CORE_ERROR_NOT_FOUND) {
			g_clear_error(&failure);
		} else {
			g_propagate_error(error, failure);
			return false;
		}
	}
	g_array_set_size(batch->items, kept);
	return true;
}

/* Which of a batch's operations are still what they were when they were listed. */
typedef struct {
	const SyncBatch *batch;
	GHashTable *items;   /* SyncItem by the id of its operation */
	GHashTable *altered; /* their ids, owned */
} Check;

static bool
check_one(const StoreTask *task, void *data)
{
	Check *check = data;
	const SyncBatch *batch = check->batch;
	const StoreOperation *operation = &task->operation;
	const SyncItem *item = g_hash_table_lookup(check->items, &operation->id);

	if (!item)
		return true;
	bool is_same = operation->kind == batch->kind && operation->target_id == batch->target.id &&
	               operation->is_removal == batch->is_removal;
	if (batch->kind == STORE_OPERATION_FLAGS)
		is_same = is_same && strcmp(operation->add_flags, batch->add_flags) == 0 &&
		          strcmp(operation->remove_flags, batch->remove_flags) == 0;
	if (batch->kind == STORE_OPERATION_APPEND)
		is_same = is_same && g_strcmp0(operation->add_flags, item->add_flags) == 0 && task->body_id == item->body_id &&
		          task->message.internaldate_s == item->internaldate_s;
	if (!is_same)
		g_hash_table_add(check->altered, g_memdup2(&operation->id, sizeof operation->id));
	return true;
}

static bool
give_back(const SyncWorker *worker, GHashTable *ids, GError **error)
{
	GHashTableIter iter;
	gpointer id;
	g_autoptr(StoreTxn) txn = store_begin(worker->run->store, error);

	if (!txn)
		return false;
	g_hash_table_iter_init(&iter, ids);
	while (g_hash_table_iter_next(&iter, &id, NULL))
		if (!store_operation_again(txn, *(const int64_t *)id, 0, NULL, error))
			return false;
	return store_commit(g_steal_pointer(&txn), error);
}

/* A user may have altered one between its listing and the commit; from then on nobody can. */
static bool
drop_altered(const SyncWorker *worker, const SyncBatch *batch, GError **error)
{
	const SyncRun *run = worker->run;
	g_autoptr(GHashTable) items = g_hash_table_new(g_int64_hash, g_int64_equal);
	g_autoptr(GHashTable) altered = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	Check check = { .batch = batch, .items = items, .altered = altered };
	guint kept = 0;

	for (guint i = 0; i < batch->items->len; i++) {
		SyncItem *item = &g_array_index(batch->items, SyncItem, i);
		g_hash_table_insert(items, &item->id, item);
	}
	if (!store_task_list_sent(run->store, run->account_id, check_one, &check, error))
		return false;
	if (g_hash_table_size(altered) == 0)
		return true;
	for (guint i = 0; i < batch->items->len; i++) {
		SyncItem item = g_array_index(batch->items, SyncItem, i);
		if (!g_hash_table_contains(altered, &item.id))
			g_array_index(batch->items, SyncItem, kept++) = item;
	}
	g_array_set_size(batch->items, kept);
	return give_back(worker, altered, error);
}

bool
sync_push_outdated(SyncWorker *worker, const char *path, GError **error)
{
	worker->is_outdated = true;
	return core_throw(error, CORE_ERROR_REFUSED, "the UIDVALIDITY of %s has changed: it is read anew first", path);
}

bool
sync_push_send(SyncWorker *worker, const SyncBatch *batch, uint32_t uidvalidity, uint32_t uidnext, GError **error)
{
	const StoreMailbox *target = &batch->target;

	if (batch->state == STORE_OPERATION_SENT)
		return true;
	if (target->uidvalidity && uidvalidity && target->uidvalidity != uidvalidity)
		return sync_push_outdated(worker, batch->target_path, error);
	if (!uidvalidity)
		uidvalidity = target->uidvalidity;
	if (!uidnext)
		uidnext = target->uidnext;
	g_autoptr(StoreTxn) txn = store_begin(worker->run->store, error);
	if (!txn || !mark_sent(txn, batch, uidvalidity, uidnext, error))
		return false;
	/* One that was never read gets messages now: their UIDs are of this UIDVALIDITY. */
	if (target->id && !target->uidvalidity && uidvalidity &&
	    !store_mailbox_set_state(txn, target->id, uidvalidity, 0, 0, target->mailboxid, error))
		return false;
	return store_commit(g_steal_pointer(&txn), error) && drop_altered(worker, batch, error);
}
