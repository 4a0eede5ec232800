#include "sync/batch.h"

#define BATCH_ITEMS 5000 /* what is learned of them is held until they are all answered */
#define BATCH_ITEMS_LATE 50 /* of those that may be to blame for one another; later one by one */
#define LATE 2 /* times that one was sent in vain, from which on it comes behind all else */

struct SyncBatches {
	GPtrArray *all;     /* of SyncBatch */
	GHashTable *open;   /* by what their operations have in common: those that take more */
};

static void
free_batch(void *data)
{
	SyncBatch *batch = data;

	if (!batch)
		return;
	store_mailbox_clear(&batch->mailbox);
	store_mailbox_clear(&batch->target);
	g_free(batch->path);
	g_free(batch->target_path);
	g_free(batch->add_flags);
	g_free(batch->remove_flags);
	g_array_unref(batch->items);
	g_string_chunk_free(batch->strings);
	g_free(batch);
}

SyncBatches *
sync_batches_new(void)
{
	SyncBatches *batches = g_new0(SyncBatches, 1);

	batches->all = g_ptr_array_new_with_free_func(free_batch);
	batches->open = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return batches;
}

void
sync_batches_free(SyncBatches *batches)
{
	if (!batches)
		return;
	g_ptr_array_unref(batches->all);
	g_hash_table_unref(batches->open);
	g_free(batches);
}

/* Where the server has the message; 0: nowhere. */
static int64_t
mailbox_of(const StoreTask *task)
{
	return task->operation.kind == STORE_OPERATION_APPEND ? 0 : task->message.mailbox_id;
}

/* A removal that was held and confirmed, or a move of which only the removal is left. */
static bool
was_sent(const StoreTask *task)
{
	const StoreOperation *operation = &task->operation;

	return operation->attempts > 0 && (operation->kind == STORE_OPERATION_REMOVE || operation->target_uid != 0);
}

/* What the connection has ended at comes the later the more often that was.  What a server says "later" to, again and again,
 * comes behind all else, too, but no later. */
static unsigned
lateness_of(const StoreTask *task)
{
	const StoreOperation *operation = &task->operation;
	unsigned lateness = MAX(operation->losses, MIN(operation->undone, LATE));

	return operation->state == STORE_OPERATION_QUEUED && lateness >= LATE ? lateness : 0;
}

static char *
make_key(const StoreTask *task)
{
	const StoreOperation *operation = &task->operation;
	bool has_flags = operation->kind == STORE_OPERATION_FLAGS;

	return g_strdup_printf("%d %d %d %d %d %u %" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n%s\n%s", operation->kind,
	                       operation->state, operation->is_removal, operation->target_uid != 0, was_sent(task),
	                       lateness_of(task), mailbox_of(task), operation->target_id, has_flags ? operation->add_flags : "",
	                       has_flags ? operation->remove_flags : "");
}

static SyncBatch *
new_batch(const StoreTask *task)
{
	const StoreOperation *operation = &task->operation;
	SyncBatch *batch = g_new0(SyncBatch, 1);

	batch->kind = operation->kind;
	batch->state = operation->state;
	batch->was_sent = was_sent(task);
	batch->lateness = lateness_of(task);
	batch->is_removal = operation->is_removal;
	batch->mailbox.id = mailbox_of(task);
	batch->target.id = operation->target_id;
	batch->add_flags = g_strdup(operation->add_flags);
	batch->remove_flags = g_strdup(operation->remove_flags);
	batch->items = g_array_new(FALSE, FALSE, sizeof(SyncItem));
	batch->strings = g_string_chunk_new(1024);
	return batch;
}

static guint
most_items(const SyncBatch *batch)
{
	return batch->lateness == 0 ? BATCH_ITEMS : batch->lateness == LATE ? BATCH_ITEMS_LATE : 1;
}

static SyncBatch *
find_batch(SyncBatches *batches, const StoreTask *task)
{
	g_autofree char *key = make_key(task);
	SyncBatch *batch = g_hash_table_lookup(batches->open, key);

	if (batch && batch->items->len < most_items(batch))
		return batch;
	batch = new_batch(task);
	g_ptr_array_add(batches->all, batch);
	g_hash_table_insert(batches->open, g_steal_pointer(&key), batch);
	return batch;
}

void
sync_batches_add(SyncBatches *batches, const StoreTask *task)
{
	const StoreOperation *operation = &task->operation;
	const StoreMessage *message = &task->message;
	SyncBatch *batch = find_batch(batches, task);
	GStringChunk *strings = batch->strings;
	const char *header = (const char *)message->header_sha256;
	SyncItem item = {
		.id = operation->id,
		.message_id = operation->message_id,
		.uid = operation->kind == STORE_OPERATION_APPEND ? 0 : message->uid,
		.target_uid = operation->target_uid,
		.losses = operation->losses,
		.undone = operation->undone,
		.internaldate_s = message->internaldate_s,
		.size_bytes = message->body_id ? message->length : message->rfc822_size,
		.body_id = task->body_id,
		.emailid = message->emailid ? g_string_chunk_insert(strings, message->emailid) : NULL,
		.header_sha256 = header ? (const uint8_t *)g_string_chunk_insert_len(strings, header, 32) : NULL,
		.add_flags = g_string_chunk_insert_const(strings, operation->add_flags),
		.target_uidvalidity = operation->target_uidvalidity,
		.target_uidnext = operation->target_uidnext,
	};

	g_array_append_val(batch->items, item);
}

static int
compare_items(const void *a, const void *b)
{
	const SyncItem *left = a, *right = b;

	if (left->uid != right->uid)
		return left->uid < right->uid ? -1 : 1;
	return left->id < right->id ? -1 : left->id > right->id;
}

/* Ascending by UID, each once. */
static void
sort_items(SyncBatch *batch)
{
	guint kept = 0;

	if (batch->kind == STORE_OPERATION_APPEND)
		return;
	g_array_sort(batch->items, compare_items);
	for (guint i = 0; i < batch->items->len; i++) {
		SyncItem item = g_array_index(batch->items, SyncItem, i);
		if (item.uid == 0 || kept == 0 || g_array_index(batch->items, SyncItem, kept - 1).uid != item.uid)
			g_array_index(batch->items, SyncItem, kept++) = item;
	}
	g_array_set_size(batch->items, kept);
}

/* *there_r: the server has it, as far as we know, or @id is 0. */
static bool
load_mailbox(Store *store, int64_t id, StoreMailbox *mailbox_r, char **path_r, bool *there_r, GError **error)
{
	GError *failure = NULL;

	*there_r = id == 0;
	if (id == 0)
		return true;
	mailbox_r->id = 0;
	if (store_mailbox_get(store, id, mailbox_r, &failure))
		*path_r = store_mailbox_path(store, id, &failure);
	*there_r = *path_r && mailbox_r->server_name;
	if (!failure)
		return true;
	g_propagate_error(error, failure);
	return false;
}

/* The order of kinds in one mailbox: a copy needs its source where it is. */
static int
rank(StoreOperationKind kind)
{
	static const StoreOperationKind order[] = { STORE_OPERATION_APPEND, STORE_OPERATION_COPY, STORE_OPERATION_FLAGS,
		                                        STORE_OPERATION_MOVE };
	int i = 0;

	while (i < (int)G_N_ELEMENTS(order) && order[i] != kind)
		i++;
	return i;
}

/* Mailbox by mailbox, so that each is selected once; what may end the connection comes behind all else. */
static int
compare_batches(const void *a, const void *b)
{
	const SyncBatch *left = *(SyncBatch *const *)a, *right = *(SyncBatch *const *)b;

	if (left->lateness != right->lateness)
		return left->lateness < right->lateness ? -1 : 1;
	if (left->mailbox.id != right->mailbox.id)
		return left->mailbox.id < right->mailbox.id ? -1 : 1;
	return rank(left->kind) - rank(right->kind); /* stable: the older first */
}

GPtrArray *
sync_batches_take(SyncBatches *batches, Store *store, GError **error)
{
	g_autoptr(GPtrArray) all = batches->all;
	g_autoptr(GPtrArray) taken = g_ptr_array_new_with_free_func(free_batch);

	batches->all = g_ptr_array_new_with_free_func(free_batch);
	g_hash_table_remove_all(batches->open);
	for (guint i = 0; i < all->len; i++) {
		SyncBatch *batch = g_ptr_array_index(all, i);
		bool has_mailbox, has_target;
		if (!load_mailbox(store, batch->mailbox.id, &batch->mailbox, &batch->path, &has_mailbox, error) ||
		    !load_mailbox(store, batch->target.id, &batch->target, &batch->target_path, &has_target, error))
			return NULL;
		sort_items(batch);
		if ((has_mailbox && has_target) || batch->state == STORE_OPERATION_SENT)
			g_ptr_array_add(taken, g_steal_pointer(&all->pdata[i]));
	}
	g_ptr_array_sort(taken, compare_batches);
	return g_steal_pointer(&taken);
}
