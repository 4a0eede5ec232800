#include "store/operation-rows.h"

#include "core/clock.h"

#include <string.h>

const char *const store_operation_kinds[] = {
	[STORE_OPERATION_FLAGS] = "flags",   [STORE_OPERATION_APPEND] = "append", [STORE_OPERATION_MOVE] = "move",
	[STORE_OPERATION_COPY] = "copy",     [STORE_OPERATION_REMOVE] = "remove", [STORE_OPERATION_CREATE] = "create",
	[STORE_OPERATION_RENAME] = "rename", [STORE_OPERATION_DELETE] = "delete", NULL,
};

const char *const store_operation_states[] = {
	[STORE_OPERATION_QUEUED] = "queued", [STORE_OPERATION_SENT] = "sent",
	[STORE_OPERATION_HELD] = "held",     [STORE_OPERATION_FAILED] = "failed",
	[STORE_OPERATION_DONE] = "done",     [STORE_OPERATION_CANCELLED] = "cancelled", NULL,
};

/* The schema allows no other words. */
static unsigned
index_of(const char *const *words, const char *word)
{
	unsigned i = 0;

	while (words[i + 1] && strcmp(words[i], word) != 0)
		i++;
	return i;
}

void
store_operation_clear(StoreOperation *operation)
{
	g_free((void *)(uintptr_t)operation->add_flags);
	g_free((void *)(uintptr_t)operation->remove_flags);
	g_free((void *)(uintptr_t)operation->arguments);
	g_free((void *)(uintptr_t)operation->former);
	g_free((void *)(uintptr_t)operation->error);
	*operation = (StoreOperation){ 0 };
}

StoreOperation
store_operation_take_row(StoreQuery *query, int column)
{
	return (StoreOperation){
		.id = sqlite3_column_int64(query, column),
		.account_id = sqlite3_column_int64(query, column + 1),
		.kind = (StoreOperationKind)index_of(store_operation_kinds, store_column_text(query, column + 2)),
		.state = (StoreOperationState)index_of(store_operation_states, store_column_text(query, column + 3)),
		.message_id = sqlite3_column_int64(query, column + 4),
		.mailbox_id = sqlite3_column_int64(query, column + 5),
		.target_id = sqlite3_column_int64(query, column + 6),
		.source_id = sqlite3_column_int64(query, column + 7),
		.add_flags = store_column_text(query, column + 8),
		.remove_flags = store_column_text(query, column + 9),
		.arguments = store_column_text(query, column + 10),
		.error = store_column_text(query, column + 11),
		.attempts = (unsigned)sqlite3_column_int(query, column + 12),
		.losses = (unsigned)sqlite3_column_int(query, column + 13),
		.undone = (unsigned)sqlite3_column_int(query, column + 14),
		.is_removal = sqlite3_column_int(query, column + 15) != 0,
		.created_s = sqlite3_column_int64(query, column + 16),
		.not_before_s = sqlite3_column_int64(query, column + 17),
		.target_uidvalidity = (uint32_t)sqlite3_column_int64(query, column + 18),
		.target_uidnext = (uint32_t)sqlite3_column_int64(query, column + 19),
		.target_uid = (uint32_t)sqlite3_column_int64(query, column + 20),
		.former = store_column_text(query, column + 21),
		.former_is_users = sqlite3_column_int(query, column + 22) != 0,
		.heir_id = sqlite3_column_int64(query, column + 23),
	};
}

static StoreOperation
take_own(StoreQuery *query)
{
	StoreOperation operation = store_operation_take_row(query, 0);

	operation.add_flags = g_strdup(operation.add_flags);
	operation.remove_flags = g_strdup(operation.remove_flags);
	operation.arguments = g_strdup(operation.arguments);
	operation.former = g_strdup(operation.former);
	operation.error = g_strdup(operation.error);
	return operation;
}

StoreStep
store_txn_operation(StoreTxn *txn, int64_t id, StoreOperation *operation_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_OPERATION_GET);

	store_bind_int(query, ":id", id);
	StoreStep step = store_query_step(txn->db, query, error);
	if (step == STORE_ROW)
		*operation_r = take_own(query);
	return step;
}

static void
clear_element(void *element)
{
	store_operation_clear(element);
}

static GArray *
collect(StoreTxn *txn, StoreStatement statement, int64_t id, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, statement);
	g_autoptr(GArray) operations = g_array_new(FALSE, FALSE, sizeof(StoreOperation));
	StoreStep step;

	g_array_set_clear_func(operations, clear_element);
	store_bind_int(query, ":id", id);
	while ((step = store_query_step(txn->db, query, error)) == STORE_ROW) {
		StoreOperation operation = take_own(query);
		g_array_append_val(operations, operation);
	}
	return step == STORE_DONE ? g_steal_pointer(&operations) : NULL;
}

GArray *
store_txn_operations(StoreTxn *txn, int64_t message_id, GError **error)
{
	return collect(txn, STORE_SQL_OPERATION_OF_MESSAGE, message_id, error);
}

GArray *
store_txn_operations_from(StoreTxn *txn, int64_t message_id, GError **error)
{
	return collect(txn, STORE_SQL_OPERATION_OF_SOURCE, message_id, error);
}

GArray *
store_txn_operations_with_heir(StoreTxn *txn, int64_t message_id, GError **error)
{
	return collect(txn, STORE_SQL_OPERATION_OF_HEIR, message_id, error);
}

GArray *
store_txn_operations_into(StoreTxn *txn, int64_t mailbox_id, GError **error)
{
	return collect(txn, STORE_SQL_OPERATION_INTO, mailbox_id, error);
}

GArray *
store_txn_mailbox_operations(StoreTxn *txn, int64_t mailbox_id, GError **error)
{
	return collect(txn, STORE_SQL_OPERATION_OF_MAILBOX, mailbox_id, error);
}

GArray *
store_txn_folder_operations(StoreTxn *txn, int64_t account_id, GError **error)
{
	return collect(txn, STORE_SQL_OPERATION_OF_FOLDERS, account_id, error);
}

static void
bind(StoreQuery *query, const StoreOperation *operation)
{
	store_bind_int(query, ":account", operation->account_id);
	store_bind_text(query, ":kind", store_operation_kinds[operation->kind]);
	store_bind_text(query, ":state", store_operation_states[operation->state]);
	store_bind_id(query, ":message", operation->message_id);
	store_bind_id(query, ":mailbox", operation->mailbox_id);
	store_bind_id(query, ":target", operation->target_id);
	store_bind_id(query, ":source", operation->source_id);
	store_bind_text(query, ":add_flags", operation->add_flags ? operation->add_flags : "");
	store_bind_text(query, ":remove_flags", operation->remove_flags ? operation->remove_flags : "");
	store_bind_text(query, ":arguments", operation->arguments);
	store_bind_text(query, ":former", operation->former);
	store_bind_int(query, ":former_is_users", operation->former_is_users);
	store_bind_text(query, ":error", operation->error);
	store_bind_int(query, ":removal", operation->is_removal);
	store_bind_id(query, ":heir", operation->heir_id);
	store_bind_int(query, ":not_before", operation->not_before_s);
}

bool
store_operation_insert(StoreTxn *txn, const StoreOperation *operation, int64_t *id_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_OPERATION_INSERT);

	bind(query, operation);
	store_bind_int(query, ":now", core_clock_wall_s());
	if (!store_query_run(txn->db, query, error))
		return false;
	*id_r = sqlite3_last_insert_rowid(txn->db->handle);
	return true;
}

/* When an operation in that state ended. */
static int64_t
ended_s(StoreOperationState state)
{
	return state == STORE_OPERATION_DONE || state == STORE_OPERATION_CANCELLED ? core_clock_wall_s() : 0;
}

bool
store_operation_write(StoreTxn *txn, const StoreOperation *operation, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_OPERATION_WRITE);

	bind(query, operation);
	store_bind_int(query, ":id", operation->id);
	store_bind_int(query, ":ended", ended_s(operation->state));
	return store_query_run(txn->db, query, error);
}

bool
store_operation_set_state(StoreTxn *txn, int64_t id, StoreOperationState state, const char *why, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_OPERATION_SET_STATE);

	store_bind_int(query, ":id", id);
	store_bind_text(query, ":state", store_operation_states[state]);
	store_bind_text(query, ":error", why);
	store_bind_int(query, ":ended", ended_s(state));
	return store_query_run(txn->db, query, error);
}

bool
store_operations_hand_over(StoreTxn *txn, int64_t from, int64_t to, GError **error)
{
	static const StoreStatement statements[] = { STORE_SQL_OPERATION_HAND_OVER, STORE_SQL_OPERATION_HAND_OVER_SOURCE };

	for (unsigned i = 0; i < G_N_ELEMENTS(statements); i++) {
		g_autoptr(StoreQuery) query = store_db_query(txn->db, statements[i]);
		store_bind_int(query, ":from", from);
		store_bind_int(query, ":to", to);
		if (!store_query_run(txn->db, query, error))
			return false;
	}
	return true;
}

bool
store_operation_make_append(StoreTxn *txn, StoreOperation *operation, GError **error)
{
	g_auto(StoreMessage) row = { 0 };

	if (!store_txn_message_there(txn, operation->message_id, &row, error))
		return false;
	if (row.state == STORE_MESSAGE_TO_COPY && !store_message_set_state(txn, row.id, STORE_MESSAGE_TO_APPEND, NULL, error))
		return false;
	operation->kind = STORE_OPERATION_APPEND;
	operation->source_id = operation->heir_id = 0;
	operation->mailbox_id = operation->target_id;
	g_free((void *)(uintptr_t)operation->add_flags);
	operation->add_flags = g_strdup(row.base_flags);
	return store_operation_write(txn, operation, error);
}

char *
store_flags_shown(const StoreMessage *row, const GArray *operations, guint count)
{
	char *flags = g_strdup(row->base_flags);

	for (guint i = 0; i < MIN(count, operations->len); i++) {
		const StoreOperation *operation = &g_array_index(operations, StoreOperation, i);
		if (operation->kind != STORE_OPERATION_FLAGS || operation->state == STORE_OPERATION_FAILED)
			continue;
		g_autofree char *earlier = flags;
		flags = store_flags_apply(earlier, operation->add_flags, operation->remove_flags);
	}
	return flags;
}

/* A COPY whose source is gone. */
static bool
lose_source(StoreTxn *txn, StoreOperation *copy, const char *why, GError **error)
{
	g_auto(StoreMessage) row = { 0 };
	StoreStep step = store_txn_message(txn, copy->message_id, &row, error);

	if (step == STORE_FAILED)
		return false;
	if (!store_operation_is_begun(copy) && row.body_id != 0)
		return store_operation_make_append(txn, copy, error);
	copy->source_id = 0;
	if (!store_operation_write(txn, copy, error))
		return false;
	if (store_operation_is_begun(copy) || row.id == 0)
		return true; /* what became of it will be found out in its target */
	return store_message_drop_operations(txn, row.id, why, error) && store_message_remove(txn, row.id, error) &&
	       store_heirs_bring_back(txn, row.id, error);
}

bool
store_message_drop_operations(StoreTxn *txn, int64_t message_id, const char *why, GError **error)
{
	g_autoptr(GArray) copies = store_txn_operations_from(txn, message_id, error);
	g_autoptr(StoreQuery) cancel = store_db_query(txn->db, STORE_SQL_OPERATION_CANCEL_ALL);

	if (!copies)
		return false;
	store_bind_int(cancel, ":id", message_id);
	store_bind_text(cancel, ":error", why);
	store_bind_int(cancel, ":now", core_clock_wall_s());
	if (!store_query_run(txn->db, cancel, error))
		return false;
	for (guint i = 0; i < copies->len; i++)
		if (!lose_source(txn, &g_array_index(copies, StoreOperation, i), why, error))
			return false;
	return true;
}
