#include "sync/rights.h"

#include "core/clock.h"
#include "imap/refusal.h"

#include <string.h>

static const char reading[] = "lr";

/* A mailbox whose rights are new. */
typedef struct {
	const SyncRow *row;
	const char *server_name;
	ImapReply reply;      /* to MYRIGHTS */
	char *rights;         /* NULL: not told */
} Asked;

typedef struct {
	SyncWorker *worker;
	GPtrArray *all;       /* of Asked */
	GHashTable *by_name;  /* server name -> Asked: those whose MYRIGHTS is on its way */
	bool all_said;        /* the server said yes or no to each */
} Learning;

static void
asked_free(void *data)
{
	Asked *asked = data;

	imap_reply_clear(&asked->reply);
	g_free(asked->rights);
	g_free(asked);
}

static Asked *
add(Learning *learning, const SyncRow *row, const char *rights)
{
	Asked *asked = g_new0(Asked, 1);

	asked->row = row;
	asked->server_name = row->listed ? row->listed->server_name : row->server_name;
	asked->rights = g_strdup(rights);
	g_ptr_array_add(learning->all, asked);
	return asked;
}

static void
ask(Learning *learning, const SyncRow *row)
{
	Asked *asked = add(learning, row, NULL);
	ImapCommand *command = imap_command_new("MYRIGHTS ");

	g_hash_table_insert(learning->by_name, (void *)(uintptr_t)asked->server_name, asked);
	imap_command_mailbox(command, asked->server_name);
	imap_session_send(learning->worker->session, command, &asked->reply);
}

static bool
holds_messages(const SyncRow *row)
{
	uint32_t attributes = row->listed ? row->listed->attributes : row->attributes;

	return (row->is_mailbox || row->listed) && (attributes & STORE_MAILBOX_SELECTABLE);
}

/* What is stored; under another name it is not any more. */
static const char *
known(const SyncRow *row)
{
	return !row->listed || row->claim == SYNC_CLAIM_NAME ? row->rights : NULL;
}

static bool
on_rights(const ImapResponse *response, void *data, GError **error)
{
	const Learning *learning = data;
	const ImapMyRights *told = &response->my_rights;

	if (response->kind != IMAP_RESPONSE_MYRIGHTS || !told->rights)
		return true;
	Asked *asked = g_hash_table_lookup(learning->by_name, told->mailbox);
	if (!asked)
		return true;
	g_free(asked->rights);
	asked->rights = g_strdup(told->rights);
	return true;
}

static bool
await(Learning *learning, GError **error)
{
	ImapSession *session = learning->worker->session;

	learning->all_said = true;
	if (g_hash_table_size(learning->by_name) == 0)
		return true;
	imap_session_listen(session, on_rights, learning);
	bool ok = imap_session_wait(session, NULL, error);
	imap_session_listen(session, NULL, NULL);
	for (guint i = 0; ok && i < learning->all->len; i++) {
		Asked *asked = g_ptr_array_index(learning->all, i);
		bool is_later = asked->reply.done && asked->reply.kind != IMAP_RESPONSE_OK &&
		                imap_refusal_is_busy(asked->reply.code, asked->reply.text);
		learning->all_said &= !is_later;
		if (!asked->rights)
			asked->rights = g_strdup(is_later ? known(asked->row) : STORE_RIGHTS_UNTOLD);
	}
	return ok;
}

/* @now_s: when all were learned; 0: they are to be.  Takes @txn. */
static bool
commit_time(const SyncRun *run, StoreTxn *txn, int64_t now_s, GError **error)
{
	sync_recall_note_rights(run->recall, now_s);
	g_autofree char *stored = sync_recall_format(run->recall);
	g_autoptr(StoreTxn) own = txn;
	bool ok = store_account_set_capabilities(own, run->account_id, stored, error) &&
	          store_commit(g_steal_pointer(&own), error);

	if (!ok)
		sync_recall_note_rights(run->recall, 0);
	return ok;
}

/* *txn: NULL while there is nothing to write. */
static bool
write_new(const Learning *learning, StoreTxn **txn, GError **error)
{
	for (guint i = 0; i < learning->all->len; i++) {
		const Asked *asked = g_ptr_array_index(learning->all, i);
		if (g_strcmp0(asked->rights, known(asked->row)) == 0)
			continue;
		if (!*txn && !(*txn = store_begin(learning->worker->run->store, error)))
			return false;
		if (!store_mailbox_set_rights(*txn, asked->row->id, asked->rights, error))
			return false;
	}
	return true;
}

/* @now_s: when all were asked; 0: not all. */
static bool
write_all(const Learning *learning, int64_t now_s, GError **error)
{
	const SyncRun *run = learning->worker->run;
	g_autoptr(StoreTxn) txn = NULL;

	if (!write_new(learning, &txn, error))
		return false;
	if (now_s == 0)
		return !txn || store_commit(g_steal_pointer(&txn), error);
	if (!txn && !(txn = store_begin(run->store, error)))
		return false;
	return commit_time(run, g_steal_pointer(&txn), now_s, error);
}

/* @is_due: also of those of which they are known. */
static bool
learn(SyncWorker *worker, const SyncRows *rows, bool is_due, GError **error)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(asked_free);
	g_autoptr(GHashTable) by_name = g_hash_table_new(g_str_hash, g_str_equal);
	Learning learning = { .worker = worker, .all = all, .by_name = by_name };

	for (guint i = 0; i < rows->rows->len; i++) {
		const SyncRow *row = g_ptr_array_index(rows->rows, i);
		if (!holds_messages(row))
			continue;
		if (row->listed && row->listed->rights)
			add(&learning, row, row->listed->rights);
		else if (is_due || !known(row))
			ask(&learning, row);
	}
	if (!await(&learning, error))
		return false;
	bool all_asked = is_due && g_hash_table_size(by_name) > 0 && learning.all_said;
	return write_all(&learning, all_asked ? core_clock_wall_s() : 0, error);
}

/* What SELECT told is not known any more. */
static bool
forget(const SyncRun *run, const SyncRows *rows, GError **error)
{
	bool any = false;

	for (guint i = 0; i < rows->rows->len && !any; i++)
		any = ((const SyncRow *)g_ptr_array_index(rows->rows, i))->rights != NULL;
	if (!any)
		return true;
	g_autoptr(StoreTxn) txn = store_begin(run->store, error);
	return txn && store_mailbox_forget_rights(txn, run->account_id, error) &&
	       commit_time(run, g_steal_pointer(&txn), 0, error);
}

bool
sync_rights_learn(SyncWorker *worker, const SyncRows *rows, GError **error)
{
	bool is_due = sync_recall_rights_are_due(worker->run->recall, core_clock_wall_s());

	if (imap_session_has(worker->session, IMAP_CAP_ACL))
		return learn(worker, rows, is_due, error);
	return !is_due || forget(worker->run, rows, error);
}

bool
sync_rights_learn_anew(SyncWorker *worker, GError **error)
{
	g_auto(SyncRows) rows = { 0 };

	return !imap_session_has(worker->session, IMAP_CAP_ACL) ||
	       (sync_rows_load(&rows, worker->run, error) && learn(worker, &rows, true, error));
}

bool
sync_rights_note_selected(SyncWorker *worker, const StoreMailbox *mailbox, bool is_read_only, GError **error)
{
	const SyncRun *run = worker->run;
	const char *rights = is_read_only ? reading : NULL;

	if (imap_session_has(worker->session, IMAP_CAP_ACL) || g_strcmp0(mailbox->rights, rights) == 0)
		return true;
	g_autoptr(StoreTxn) txn = store_begin(run->store, error);
	if (!txn || !store_mailbox_set_rights(txn, mailbox->id, rights, error))
		return false;
	return is_read_only ? commit_time(run, g_steal_pointer(&txn), core_clock_wall_s(), error)
	                    : store_commit(g_steal_pointer(&txn), error);
}
