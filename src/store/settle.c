/* An operation on its way: sent, put off, held, and done, in one transaction with its effect on the rows.  What the
 * server refuses is in refuse.c, what a person decides in people.c, folders in settle-folders.c. */
#include "store/settle.h"

#include <string.h>

static bool
throw_not_so(int64_t id, GError **error)
{
	return core_throw(error, CORE_ERROR_NOT_FOUND, "no operation %" G_GINT64_FORMAT " is in a state for that", id);
}

bool
store_txn_operation_in(StoreTxn *txn, int64_t id, unsigned states, StoreOperation *operation_r, GError **error)
{
	g_auto(StoreOperation) operation = { 0 };
	StoreStep step = store_txn_operation(txn, id, &operation, error);

	if (step == STORE_FAILED)
		return false;
	if (step == STORE_DONE || (states & STORE_OPERATION_BIT(operation.state)) == 0)
		return throw_not_so(id, error);
	*operation_r = operation;
	operation = (StoreOperation){ 0 };
	return true;
}

/* Runs a statement that alters the operation if its state allows it. */
static bool
alter(StoreTxn *txn, StoreQuery *query, int64_t id, GError **error)
{
	store_bind_int(query, ":id", id);
	return store_query_run(txn->db, query, error) &&
	       (sqlite3_changes(txn->db->handle) > 0 || throw_not_so(id, error));
}

bool
store_operation_send(StoreTxn *txn, int64_t id, uint32_t uidvalidity, uint32_t uidnext, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_OPERATION_SEND);

	store_bind_int(query, ":uidvalidity", uidvalidity);
	store_bind_int(query, ":uidnext", uidnext);
	return alter(txn, query, id, error);
}

bool
store_operation_set_arguments(StoreTxn *txn, int64_t id, const char *arguments, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_OPERATION_SET_ARGUMENTS);

	store_bind_text(query, ":arguments", arguments);
	return alter(txn, query, id, error);
}

bool
store_operation_copied(StoreTxn *txn, int64_t id, uint32_t target_uid, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_OPERATION_COPIED);

	store_bind_int(query, ":uid", target_uid);
	return alter(txn, query, id, error);
}

bool
store_operation_hold(StoreTxn *txn, int64_t id, const char *why, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_OPERATION_HOLD);

	store_bind_text(query, ":error", why);
	return alter(txn, query, id, error);
}

static bool
count(StoreTxn *txn, StoreStatement statement, int64_t id, const char *words, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, statement);

	store_bind_text(query, ":error", words);
	return alter(txn, query, id, error);
}

bool
store_operation_lost(StoreTxn *txn, int64_t id, const char *words, GError **error)
{
	return count(txn, STORE_SQL_OPERATION_LOST, id, words, error);
}

bool
store_operation_undone(StoreTxn *txn, int64_t id, const char *words, GError **error)
{
	return count(txn, STORE_SQL_OPERATION_UNDONE, id, words, error);
}

/* What would be tried again is not to be had: *gone_r.  An operation on a message that is on its way cannot be. */
static bool
ask_source(StoreTxn *txn, const StoreOperation *operation, bool *gone_r, GError **error)
{
	bool is_copy = operation->kind == STORE_OPERATION_COPY;
	g_auto(StoreMessage) row = { 0 };

	if (store_txn_message(txn, is_copy ? operation->source_id : operation->message_id, &row, error) == STORE_FAILED)
		return false;
	*gone_r = is_copy && row.id == 0;
	return is_copy || row.state != STORE_MESSAGE_MOVING || throw_not_so(operation->id, error);
}

bool
store_operation_again(StoreTxn *txn, int64_t id, int64_t not_before_s, const char *error_words, GError **error)
{
	const unsigned states = STORE_OPERATION_BIT(STORE_OPERATION_QUEUED) |
	                        STORE_OPERATION_BIT(STORE_OPERATION_SENT);
	g_auto(StoreOperation) operation = { 0 };
	bool gone;

	if (!store_txn_operation_in(txn, id, states, &operation, error) || !ask_source(txn, &operation, &gone, error))
		return false;
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_OPERATION_AGAIN);
	store_bind_int(query, ":not_before", not_before_s);
	store_bind_text(query, ":error", error_words);
	return alter(txn, query, id, error) && (!gone || store_operation_append_instead(txn, id, error));
}

static bool
set_flags(StoreTxn *txn, int64_t message_id, const char *base_flags, uint64_t modseq, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_SET_FLAGS);

	store_bind_int(query, ":id", message_id);
	store_bind_text(query, ":base_flags", base_flags);
	store_bind_id(query, ":modseq", (int64_t)modseq);
	return store_query_run(txn->db, query, error);
}

bool
store_operation_unmark(StoreTxn *txn, const StoreOperation *operation, GError **error)
{
	g_auto(StoreMessage) row = { 0 };
	StoreStep step = store_txn_message(txn, operation->message_id, &row, error);

	if (step != STORE_ROW || operation->attempts == 0)
		return step != STORE_FAILED;
	StoreOperation delta = {
		.account_id = operation->account_id,
		.kind = STORE_OPERATION_FLAGS,
		.message_id = row.id,
		.mailbox_id = row.mailbox_id,
		.add_flags = "",
		.remove_flags = "\\Deleted",
	};
	g_autofree char *marked = store_flags_apply(row.base_flags, delta.remove_flags, "");
	bool is_told = strcmp(marked, row.base_flags) == 0;
	if (!is_told && operation->kind != STORE_OPERATION_REMOVE && operation->target_uid == 0)
		return true;
	return set_flags(txn, row.id, marked, row.modseq, error) &&
	       store_operation_insert(txn, &delta, &delta.id, error) &&
	       (!is_told || store_message_tell(txn, STORE_CHANGE_MESSAGE_FLAGS, &row, row.name, error));
}

bool
store_operation_done_flags(StoreTxn *txn, int64_t id, const char *told, uint64_t modseq, GError **error)
{
	g_auto(StoreOperation) operation = { 0 };
	g_auto(StoreMessage) row = { 0 };

	if (!store_txn_operation_in(txn, id, STORE_OPERATION_ALIVE, &operation, error) ||
	    !store_operation_set_state(txn, id, STORE_OPERATION_DONE, NULL, error))
		return false;
	StoreStep step = store_txn_message(txn, operation.message_id, &row, error);
	if (step != STORE_ROW)
		return step == STORE_DONE;
	g_autofree char *expected = store_flags_apply(row.base_flags, operation.add_flags, operation.remove_flags);
	return set_flags(txn, row.id, told ? told : expected, modseq, error) &&
	       (!told || strcmp(told, expected) == 0 ||
	        store_message_tell(txn, STORE_CHANGE_MESSAGE_FLAGS, &row, row.name, error));
}

/* The flags with which the server has the message now.  A copy has those of its source, as the server had them. */
static char *
arrival_flags(StoreTxn *txn, const StoreOperation *operation, const StoreMessage *row, GError **error)
{
	g_auto(StoreMessage) source = { 0 };

	if (operation->kind == STORE_OPERATION_APPEND)
		return g_strdup(operation->add_flags);
	if (operation->kind == STORE_OPERATION_COPY && operation->source_id != 0 &&
	    store_txn_message(txn, operation->source_id, &source, error) == STORE_FAILED)
		return NULL;
	return g_strdup(source.id != 0 ? source.base_flags : row->base_flags);
}

/* Where people see it now.  The name that a pull has given to the same UID is the canonical one, which was not free as
 * long as that row had it. */
static bool
show_arrived(StoreTxn *txn, int64_t id, const StoreMessage *rival, const char *name, GError **error)
{
	g_auto(StoreMessage) row = { 0 };

	if (!store_message_show_by_operations(txn, id, error) || !store_txn_message_there(txn, id, &row, error))
		return false;
	if (name && rival->name && rival->id != id && rival->place_id == row.place_id)
		name = rival->name;
	bool is_users = name && name == rival->name && rival->name_is_users;
	return (!name || store_message_show(txn, &row, row.place_id, name, is_users, error)) &&
	       store_message_tell(txn, STORE_CHANGE_MESSAGE_FLAGS, &row, name ? name : row.name, error);
}

bool
store_operation_message(StoreTxn *txn, int64_t id, int64_t *message_id_r, GError **error)
{
	g_auto(StoreOperation) operation = { 0 };

	if (!store_txn_operation_in(txn, id, STORE_OPERATION_ALIVE, &operation, error))
		return false;
	*message_id_r = operation.message_id;
	return true;
}

static bool
arrive(StoreTxn *txn, const StoreOperation *operation, const StoreMessage *row, uint32_t uid, const char *name,
       GError **error)
{
	g_auto(StoreMessage) rival = { 0 };
	g_autofree char *flags = arrival_flags(txn, operation, row, error);
	StoreMessage arrived = *row;

	if (!flags || store_txn_message_uid(txn, operation->target_id, uid, &rival, error) == STORE_FAILED)
		return false;
	arrived.base_flags = flags;
	return set_flags(txn, row->id, flags, 0, error) &&
	       store_message_settle(txn, &arrived, operation->target_id, uid, error) &&
	       show_arrived(txn, row->id, &rival, name, error);
}

bool
store_operation_done_uid(StoreTxn *txn, int64_t id, uint32_t uid, const char *name, GError **error)
{
	g_auto(StoreOperation) operation = { 0 };
	g_auto(StoreMessage) row = { 0 };

	if (uid == 0)
		return core_throw(error, CORE_ERROR_PROTOCOL, "a message without a UID");
	if (!store_txn_operation_in(txn, id, STORE_OPERATION_ALIVE, &operation, error) ||
	    !store_operation_set_state(txn, id, STORE_OPERATION_DONE, NULL, error))
		return false;
	StoreStep step = store_txn_message(txn, operation.message_id, &row, error);
	return step == STORE_ROW ? arrive(txn, &operation, &row, uid, name, error) : step == STORE_DONE;
}

bool
store_operation_done_gone(StoreTxn *txn, int64_t id, GError **error)
{
	g_auto(StoreOperation) operation = { 0 };

	if (!store_txn_operation_in(txn, id, STORE_OPERATION_ALIVE, &operation, error))
		return false;
	/* Of a move it is the message that ends: store_message_remove() says so in the log. */
	return (operation.kind != STORE_OPERATION_REMOVE ||
	        store_operation_set_state(txn, id, STORE_OPERATION_DONE, NULL, error)) &&
	       store_message_remove(txn, operation.message_id, error);
}

/* A copy has no bytes of its own as long as its source's were not here. */
static bool
borrow_body(StoreTxn *txn, const StoreOperation *copy, const StoreMessage *row, bool *here_r, bool *source_r,
            GError **error)
{
	g_auto(StoreMessage) source = { 0 };

	*source_r = false;
	*here_r = row->body_id != 0;
	if (*here_r || copy->source_id == 0)
		return true;
	if (store_txn_message(txn, copy->source_id, &source, error) == STORE_FAILED)
		return false;
	*source_r = source.id != 0;
	*here_r = source.body_id != 0 && source.header_sha256;
	return !*here_r ||
	       store_message_share_body(txn, row->id, source.body_id, row->name, source.header_sha256, error);
}

bool
store_operation_append_instead(StoreTxn *txn, int64_t id, GError **error)
{
	g_auto(StoreOperation) operation = { 0 };
	g_auto(StoreMessage) row = { 0 };
	bool here, has_source;

	if (!store_txn_operation_in(txn, id, STORE_OPERATION_ALIVE, &operation, error) ||
	    !store_txn_message_there(txn, operation.message_id, &row, error) ||
	    !borrow_body(txn, &operation, &row, &here, &has_source, error))
		return false;
	if (!here)
		return has_source ? core_throw(error, CORE_ERROR_NOT_FOUND, "the message to be copied is not here")
		                  : store_message_remove(txn, row.id, error) && store_heirs_bring_back(txn, row.id, error);
	/* A move whose source has gone on the server: the row is still where that was. */
	if (row.state == STORE_MESSAGE_MOVING &&
	    (!store_message_settle(txn, &row, operation.target_id, 0, error) ||
	     !store_message_set_state(txn, row.id, STORE_MESSAGE_TO_APPEND, NULL, error)))
		return false;
	g_free((void *)(uintptr_t)g_steal_pointer(&operation.error));
	operation.state = STORE_OPERATION_QUEUED;
	operation.mailbox_id = operation.target_id;
	operation.is_removal = false;
	operation.not_before_s = 0;
	return store_operation_make_append(txn, &operation, error);
}
