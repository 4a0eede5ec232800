/* What became of operations that were sent, committed together with what it means for their messages. */
#include "core/log.h"
#include "sync/derive.h"
#include "sync/push.h"

const char sync_push_lost[] = "the connection ended before the server answered";

#define ENDS_IN_ONE 500 /* of a transaction: others wait for it */

char *
sync_push_why_held(unsigned losses)
{
	return g_strdup_printf("the connection ended %u times before the server answered", losses);
}

static void
clear_end(void *data)
{
	g_free(((SyncEnd *)data)->words);
}

GArray *
sync_ends_new(const SyncBatch *batch)
{
	GArray *ends = g_array_sized_new(FALSE, TRUE, sizeof(SyncEnd), batch->items->len);

	g_array_set_clear_func(ends, clear_end);
	return g_array_set_size(ends, batch->items->len);
}

SyncEnd *
sync_ends_at(GArray *ends, guint index)
{
	return &g_array_index(ends, SyncEnd, index);
}

void
sync_end_set(SyncEnd *end, SyncEndKind kind, uint32_t uid, const char *words)
{
	char *copy = g_strdup(words);

	g_free(end->words);
	*end = (SyncEnd){ .kind = kind, .uid = uid, .words = copy };
}

SyncEndKind
sync_end_not_done(const SyncBatch *batch)
{
	return batch->state == STORE_OPERATION_SENT ? SYNC_END_LOST : SYNC_END_UNTRIED;
}

/* Reads the header of what is here.  A body that cannot be read, or has just been moved by compaction, gives no name:
 * the message keeps the one it has. */
static bool
derive(Store *store, int64_t body_id, MimeDerived *derived_r, bool *derived, GError **error)
{
	GError *failure = NULL;
	StoreBody body;

	*derived = store_body_get(store, body_id, &body, &failure) && sync_derive(store, &body, NULL, false, derived_r, &failure);
	if (*derived || !failure)
		return true;
	if (core_error_code(failure) == CORE_ERROR_CORRUPT || core_error_code(failure) == CORE_ERROR_NOT_FOUND) {
		g_clear_error(&failure);
		return true;
	}
	g_propagate_error(error, failure);
	return false;
}

/* The canonical name of the message as @uid where people see it, free there (g_free()); NULL with *error unset if its
 * name is the user's, nobody sees it, or neither its body nor its header is here. */
static char *
make_name(const SyncRun *run, StoreTxn *txn, int64_t message_id, uint32_t uid, GError **error)
{
	g_auto(StoreMessage) message = { 0 };
	g_auto(MimeDerived) derived = { 0 };
	bool is_derived;

	if (!store_message_get(run->store, message_id, &message, error))
		return NULL;
	int64_t body_id = message.body_id ? message.body_id : message.header_id;
	if (message.name_is_users || message.place_id == 0 || body_id == 0 ||
	    !derive(run->store, body_id, &derived, &is_derived, error) || !is_derived)
		return NULL;
	return sync_derive_name(txn, message.place_id, message_id, uid, message.internaldate_s, &derived, error);
}

static bool
end_with_uid(const SyncRun *run, StoreTxn *txn, const SyncItem *item, uint32_t uid, GError **error)
{
	GError *failure = NULL;
	int64_t message_id;

	if (!store_operation_message(txn, item->id, &message_id, error))
		return false;
	g_autofree char *name = make_name(run, txn, message_id, uid, &failure);

	if (failure) {
		g_propagate_error(error, failure);
		return false;
	}
	return store_operation_done_uid(txn, item->id, uid, name, error);
}

/* What is put off to a time of its own does not come behind all else then. */
static bool
again(StoreTxn *txn, const SyncItem *item, const SyncEnd *end, GError **error)
{
	const char *words = end->words ? end->words : "the server was asked, and has not done it";

	return (end->not_before_s > 0 || store_operation_undone(txn, item->id, words, error)) &&
	       store_operation_again(txn, item->id, end->not_before_s, words, error);
}

/* .words: why it is not to be sent again. */
static bool
lose(StoreTxn *txn, const SyncItem *item, const SyncEnd *end, GError **error)
{
	return store_operation_lost(txn, item->id, sync_push_lost, error) &&
	       (end->words ? store_operation_hold(txn, item->id, end->words, error)
	                   : store_operation_again(txn, item->id, 0, NULL, error));
}

static bool
end_one(const SyncRun *run, StoreTxn *txn, const SyncItem *item, const SyncEnd *end, GError **error)
{
	switch (end->kind) {
	case SYNC_END_LEFT:
		return true;
	case SYNC_END_FLAGS:
		return store_operation_done_flags(txn, item->id, end->words, end->modseq, error);
	case SYNC_END_UID:
		return end_with_uid(run, txn, item, end->uid, error);
	case SYNC_END_COPIED:
		return store_operation_copied(txn, item->id, end->uid, error);
	case SYNC_END_GONE:
		return store_operation_done_gone(txn, item->id, error);
	case SYNC_END_AGAIN:
		return again(txn, item, end, error);
	case SYNC_END_LOST:
		return lose(txn, item, end, error);
	case SYNC_END_UNTRIED:
		return store_operation_again(txn, item->id, 0, NULL, error);
	case SYNC_END_HOLD:
		return store_operation_hold(txn, item->id, end->words, error);
	case SYNC_END_UNCOPIED:
		return store_operation_copied(txn, item->id, 0, error) && store_operation_hold(txn, item->id, end->words, error);
	case SYNC_END_FAIL:
		return store_operation_fail(txn, item->id, end->words, error);
	}
	g_assert_not_reached();
}

static bool
end_some(const SyncRun *run, const SyncBatch *batch, GArray *ends, guint from, guint to, GError **error)
{
	g_autoptr(StoreTxn) txn = store_begin(run->store, error);

	if (!txn)
		return false;
	for (guint i = from; i < to; i++) {
		GError *failure = NULL;
		if (end_one(run, txn, &g_array_index(batch->items, SyncItem, i), sync_ends_at(ends, i), &failure))
			continue;
		if (core_error_code(failure) != CORE_ERROR_NOT_FOUND) {
			g_propagate_error(error, failure);
			return false;
		}
		g_clear_error(&failure);
	}
	return store_commit(g_steal_pointer(&txn), error);
}

/* Those at which the connection has ended too often: why they are held. */
static void
note_lost_for_good(const SyncBatch *batch, GArray *ends)
{
	for (guint i = 0; i < ends->len; i++) {
		SyncEnd *end = sync_ends_at(ends, i);
		unsigned losses = g_array_index(batch->items, SyncItem, i).losses + 1;
		if (end->kind == SYNC_END_LOST && losses >= SYNC_OPERATION_LOSSES)
			end->words = sync_push_why_held(losses);
	}
}

void
sync_push_warn(const SyncRun *run, StoreOperationKind kind, const char *path, uint32_t uid, const char *words)
{
	g_autofree char *which = uid != 0 ? g_strdup_printf(" UID %u:", uid) : g_strdup("");

	core_log(CORE_LOG_WARNING, "sync", "%s: %s:%s %s: %s", run->account->name, path, which, store_operation_kinds[kind],
	         words);
}

static bool
is_to_be_told(const SyncEnd *end)
{
	return end->kind == SYNC_END_FAIL || end->kind == SYNC_END_HOLD || end->kind == SYNC_END_UNCOPIED ||
	       (end->kind == SYNC_END_LOST && end->words) || (end->kind == SYNC_END_AGAIN && end->not_before_s > 0);
}

/* One line for all: each keeps its words in the store. */
static void
warn(const SyncRun *run, const SyncBatch *batch, GArray *ends)
{
	const char *words = NULL;
	uint32_t uid = 0;
	guint more = 0;

	for (guint i = 0; i < ends->len; i++) {
		const SyncEnd *end = sync_ends_at(ends, i);
		if (!is_to_be_told(end))
			continue;
		more += words != NULL;
		uid = words ? uid : g_array_index(batch->items, SyncItem, i).uid;
		words = words ? words : end->words;
	}
	if (!words)
		return;
	g_autofree char *all = more > 0 ? g_strdup_printf("%s (and %u more)", words, more) : g_strdup(words);
	sync_push_warn(run, batch->kind, batch->path ? batch->path : batch->target_path, uid, all);
}

/* What is tried again later is not tried again in the same pass. */
static void
note_put_off(SyncWorker *worker, const SyncBatch *batch, GArray *ends)
{
	for (guint i = 0; i < ends->len; i++) {
		const SyncEnd *end = sync_ends_at(ends, i);
		int64_t id = g_array_index(batch->items, SyncItem, i).id;
		if (end->kind != SYNC_END_AGAIN || end->not_before_s == 0)
			continue;
		if (!worker->put_off)
			worker->put_off = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
		g_hash_table_add(worker->put_off, g_memdup2(&id, sizeof id));
	}
}

bool
sync_push_end(SyncWorker *worker, const SyncBatch *batch, GArray *ends, GError **error)
{
	note_lost_for_good(batch, ends);
	note_put_off(worker, batch, ends);
	for (guint from = 0; from < ends->len; from += ENDS_IN_ONE)
		if (!end_some(worker->run, batch, ends, from, MIN(from + ENDS_IN_ONE, ends->len), error))
			return false;
	warn(worker->run, batch, ends);
	return true;
}
