/* The order of a push: what was sent before is settled, then rounds of what can be done, each with what the one before
 * made possible, until a round has nothing new.  What could not be done is not tried again in the same push.
 */
#include "sync/batch.h"

#include "core/clock.h"
#include "core/log.h"

#include <poll.h>

#define LOSSES_LATE 2 /* times that the connection ended at a folder operation, from which on it comes behind all else */

typedef struct {
	SyncWorker *worker;
	bool barrier;
	bool lost;           /* folder operations in which the connection has ended more than once are collected, or all else is */
	GHashTable *tried;   /* ids of operations */
	GHashTable *awaited; /* only these are settled; NULL: all */
	GHashTable *touched; /* ids of mailboxes; NULL */
	/* Of the round. */
	SyncBatches *batches;
	GArray *folders;     /* of StoreOperation, its strings owned */
} Push;

typedef bool (*BatchFn)(SyncWorker *worker, const SyncBatch *batch, GError **error);

static void
add_id(GHashTable *ids, int64_t id)
{
	if (ids && id)
		g_hash_table_add(ids, g_memdup2(&id, sizeof id));
}

static void
clear_operation(void *data)
{
	StoreOperation *operation = data;

	g_free((void *)(uintptr_t)operation->add_flags);
	g_free((void *)(uintptr_t)operation->remove_flags);
	g_free((void *)(uintptr_t)operation->arguments);
	g_free((void *)(uintptr_t)operation->error);
}

static bool
is_put_off(const SyncWorker *worker, const StoreOperation *operation)
{
	return worker->put_off && operation->state == STORE_OPERATION_QUEUED && operation->not_before_s > core_clock_wall_s() &&
	       g_hash_table_contains(worker->put_off, &operation->id);
}

static bool
is_of_folder(const StoreOperation *operation)
{
	return operation->kind == STORE_OPERATION_CREATE || operation->kind == STORE_OPERATION_RENAME ||
	       operation->kind == STORE_OPERATION_DELETE;
}

/* It comes last: the connection may end once more. */
static bool
is_lost(const StoreOperation *operation)
{
	return is_of_folder(operation) && operation->state == STORE_OPERATION_SENT && operation->losses >= LOSSES_LATE;
}

static bool
collect(const StoreTask *task, void *data)
{
	Push *push = data;
	StoreOperation operation = task->operation;

	if (g_hash_table_contains(push->tried, &operation.id) || is_put_off(push->worker, &operation) ||
	    is_lost(&operation) != push->lost || (push->awaited && !g_hash_table_contains(push->awaited, &operation.id)))
		return true;
	if (!is_of_folder(&operation)) {
		sync_batches_add(push->batches, task);
		return true;
	}
	operation.add_flags = g_strdup(operation.add_flags);
	operation.remove_flags = g_strdup(operation.remove_flags);
	operation.arguments = g_strdup(operation.arguments);
	operation.error = g_strdup(operation.error);
	g_array_append_val(push->folders, operation);
	return true;
}

/* What keeps one mailbox's operations from being done keeps no other's.  Takes @failure. */
static bool
go_on(const Push *push, const char *path, GError *failure, GError **error)
{
	SyncWorker *worker = push->worker;

	if (core_error_scope(failure) <= CORE_SCOPE_MAILBOX && imap_session_alive(worker->session)) {
		if (worker->is_outdated)
			core_log(CORE_LOG_INFO, "sync", "%s: %s: %s", worker->run->account->name, path ? path : "", failure->message);
		else
			sync_warn(worker->run, path ? path : "(a folder that is gone)", 0, "%s", failure->message);
		worker->is_outdated = false;
		g_error_free(failure);
		return true;
	}
	g_propagate_error(error, failure);
	return path ? core_prefix(error, "%s: ", path) : false;
}

static bool
do_folders(Push *push, GError **error)
{
	const SyncRun *run = push->worker->run;

	for (guint i = 0; i < push->folders->len; i++) {
		const StoreOperation *operation = &g_array_index(push->folders, StoreOperation, i);
		GError *failure = NULL;
		if (!core_cancel_check(run->cancel, error))
			return false;
		g_autofree char *path = store_mailbox_path(run->store, operation->mailbox_id, &failure);
		add_id(push->touched, operation->mailbox_id);
		if (operation->state == STORE_OPERATION_QUEUED)
			add_id(push->tried, operation->id);
		if ((failure || !sync_push_folder(push->worker, operation, &failure)) && !go_on(push, path, failure, error))
			return false;
	}
	return true;
}

/* All of a batch end in the same way. */
static bool
end_all(SyncWorker *worker, const SyncBatch *batch, SyncEndKind kind, const char *words, GError **error)
{
	if (!sync_push_send(worker, batch, batch->target.uidvalidity, batch->target.uidnext, error))
		return false;
	g_autoptr(GArray) ends = sync_ends_new(batch);
	for (guint i = 0; i < ends->len; i++)
		sync_end_set(sync_ends_at(ends, i), kind, 0, words);
	return sync_push_end(worker, batch, ends, error);
}

static bool
do_batch(const Push *push, const SyncBatch *batch, BatchFn fn, GError **error)
{
	SyncWorker *worker = push->worker;
	GError *failure = NULL;

	add_id(push->touched, batch->mailbox.id);
	add_id(push->touched, batch->target.id);
	worker->is_read_only = false;
	if (fn(worker, batch, &failure))
		return true;
	if (worker->is_read_only && core_error_code(failure) == CORE_ERROR_REFUSED) {
		bool ok = end_all(worker, batch, SYNC_END_FAIL, failure->message, error);
		g_error_free(failure);
		return ok;
	}
	return go_on(push, batch->path ? batch->path : batch->target_path, failure, error);
}

static bool
flags_of_nothing(SyncWorker *worker, const SyncBatch *batch, GError **error)
{
	return end_all(worker, batch, SYNC_END_FLAGS, NULL, error);
}

static bool
removal_of_nothing(SyncWorker *worker, const SyncBatch *batch, GError **error)
{
	return end_all(worker, batch, SYNC_END_GONE, NULL, error);
}

static bool
give_back(SyncWorker *worker, const SyncBatch *batch, GError **error)
{
	return end_all(worker, batch, SYNC_END_LOST, NULL, error);
}

/* Flags can be set again; about the others the server is asked.  Nothing is done here: it may be that at which the
 * connection ended. */
static BatchFn
settles(const SyncBatch *batch)
{
	bool is_there = batch->mailbox.server_name != NULL;

	if (batch->kind == STORE_OPERATION_FLAGS)
		return is_there ? give_back : flags_of_nothing;
	if (batch->kind == STORE_OPERATION_REMOVE)
		return is_there ? sync_push_removal_outcome : removal_of_nothing;
	return sync_outcome;
}

static BatchFn
does(const SyncBatch *batch)
{
	if (batch->kind == STORE_OPERATION_FLAGS)
		return sync_push_flags;
	if (batch->kind == STORE_OPERATION_REMOVE)
		return sync_push_remove;
	return batch->kind == STORE_OPERATION_APPEND ? sync_push_append : sync_push_move;
}

static void
note_tried(const Push *push, const SyncBatch *batch)
{
	for (guint i = 0; i < batch->items->len; i++)
		add_id(push->tried, g_array_index(batch->items, SyncItem, i).id);
}

/* What was collected.  *any_r: something was. */
static bool
do_round(Push *push, bool settle, bool *any_r, GError **error)
{
	*any_r = push->folders->len > 0;
	bool ok = do_folders(push, error);
	g_array_set_size(push->folders, 0);
	g_autoptr(GPtrArray) batches = ok ? sync_batches_take(push->batches, push->worker->run->store, error) : NULL;
	for (guint i = 0; batches && !push->worker->list_again && i < batches->len; i++) {
		const SyncBatch *batch = g_ptr_array_index(batches, i);
		*any_r = true;
		if (!core_cancel_check(push->worker->run->cancel, error) ||
		    !do_batch(push, batch, settle ? settles(batch) : does(batch), error))
			return false;
		/* A batch has lost what was altered or is to be done in another way: the next round may have it. */
		if (!settle)
			note_tried(push, batch);
	}
	return batches != NULL;
}

/* What was sent before. */
static bool
settle(Push *push, bool lost, bool *any_r, GError **error)
{
	const SyncRun *run = push->worker->run;

	push->lost = lost;
	bool ok = store_task_list_sent(run->store, run->account_id, collect, push, error) && do_round(push, true, any_r, error);
	push->lost = false;
	return ok;
}

/* Nothing is locked meanwhile. */
static bool
pause_for_quiet(SyncWorker *worker, GError **error)
{
	struct pollfd stop = { .fd = core_cancel_fd(worker->run->cancel), .events = POLLIN };
	int64_t pause_ms = sync_quiet_pause_ms(&worker->quiet, core_clock_boot_ms());

	core_log(CORE_LOG_INFO, "sync", "%s: %u sent before are not there; looks again in %" G_GINT64_FORMAT " ms",
	         worker->run->account->name, g_hash_table_size(worker->awaited), pause_ms);
	poll(&stop, 1, (int)pause_ms);
	return core_cancel_check(worker->run->cancel, error);
}

/* What was sent before.  Nothing else is sent before it is known what became of it: what comes to the target of one that is
 * looked for, and leaves it, looks like that one, gone. */
static bool
settle_all(Push *push, bool *any_r, GError **error)
{
	SyncWorker *worker = push->worker;
	bool any;

	g_clear_pointer(&worker->awaited, g_hash_table_unref);
	bool ok = settle(push, false, any_r, error);
	while (ok && worker->awaited) {
		ok = pause_for_quiet(worker, error);
		push->awaited = g_steal_pointer(&worker->awaited);
		ok = ok && settle(push, false, &any, error);
		g_clear_pointer(&push->awaited, g_hash_table_unref);
	}
	g_clear_pointer(&worker->awaited, g_hash_table_unref);
	return ok;
}

static bool
push_rounds(Push *push, GError **error)
{
	const SyncRun *run = push->worker->run;
	bool any;

	do {
		int64_t now_s = core_clock_wall_s(), irreversible_now_s = core_clock_patient_s();
		if (!store_task_list(run->store, run->account_id, push->barrier ? INT64_MAX : now_s, irreversible_now_s, collect,
		                     push, error) ||
		    !do_round(push, false, &any, error))
			return false;
	} while (any && !push->worker->list_again);
	return true;
}

static bool
push_all(Push *push, GError **error)
{
	bool any;

	if (!settle_all(push, &any, error) || !push_rounds(push, error))
		return false;
	return push->worker->list_again || (settle(push, true, &any, error) && (!any || push_rounds(push, error)));
}

bool
sync_push(SyncWorker *worker, bool barrier, GHashTable *touched, GError **error)
{
	Push push = {
		.worker = worker,
		.barrier = barrier,
		.tried = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL),
		.touched = touched,
		.batches = sync_batches_new(),
		.folders = g_array_new(FALSE, FALSE, sizeof(StoreOperation)),
	};

	g_array_set_clear_func(push.folders, clear_operation);
	bool ok = push_all(&push, error);
	g_hash_table_unref(push.tried);
	sync_batches_free(push.batches);
	g_array_unref(push.folders);
	return ok;
}
