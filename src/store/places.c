/* Where people see a message, and under which name. */
#include "store/operation-rows.h"

#include "core/clock.h"

#include <string.h>

#define NAME_MAX_BYTES 255
#define ENDING_MAX_BYTES 16 /* what follows the last dot is no ending if it is longer */

bool
store_txn_message_there(StoreTxn *txn, int64_t id, StoreMessage *message_r, GError **error)
{
	StoreStep step = store_txn_message(txn, id, message_r, error);

	if (step == STORE_DONE)
		return core_throw(error, CORE_ERROR_NOT_FOUND, "message %" G_GINT64_FORMAT " has gone meanwhile", id);
	return step == STORE_ROW;
}

bool
store_message_tell(StoreTxn *txn, StoreChangeKind kind, const StoreMessage *row, const char *name, GError **error)
{
	return !row->name || row->place_id == 0 || store_txn_change(txn, kind, row->place_id, row->id, name, error);
}

bool
store_message_tell_name(StoreTxn *txn, const StoreMessage *row, const char *name, GError **error)
{
	StoreMessage now = *row;

	if (!name || g_strcmp0(row->name, name) == 0)
		return true;
	now.name = name;
	return row->name ? store_message_tell(txn, STORE_CHANGE_MESSAGE_RENAMED, row, row->name, error)
	                 : store_message_tell(txn, STORE_CHANGE_MESSAGE_ADDED, &now, name, error);
}

bool
store_message_set_state(StoreTxn *txn, int64_t id, StoreMessageState state, const char *words, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_SET_STATE);

	store_bind_int(query, ":id", id);
	store_bind_int(query, ":state", state);
	store_bind_text(query, ":error", words);
	return store_query_run(txn->db, query, error);
}

bool
store_message_set_mailbox(StoreTxn *txn, int64_t id, int64_t mailbox_id, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_SET_MAILBOX);

	store_bind_int(query, ":id", id);
	store_bind_int(query, ":mailbox", mailbox_id);
	return store_query_run(txn->db, query, error);
}

/* "a (2).eml" for "a.eml". */
static char *
numbered(const char *name, unsigned number)
{
	const char *dot = strrchr(name, '.');
	const char *ending = dot && dot > name && strlen(dot) <= ENDING_MAX_BYTES ? dot : name + strlen(name);
	g_autofree char *tail = g_strdup_printf(" (%u)%s", number, ending);
	size_t keep = MIN((size_t)(ending - name), NAME_MAX_BYTES - strlen(tail));

	while (keep > 0 && ((unsigned char)name[keep] & 0xc0) == 0x80) /* not inside a character */
		keep--;
	return g_strdup_printf("%.*s%s", (int)keep, name, tail);
}

char *
store_free_name(StoreTxn *txn, int64_t place_id, const char *name, int64_t but_id, GError **error)
{
	g_autofree char *free_name = g_strdup(name);
	bool taken;

	/* Ends: a mailbox holds fewer names than there are numbers. */
	for (unsigned number = 2;; number++) {
		if (!store_name_taken(txn, place_id, free_name, but_id, &taken, error))
			return NULL;
		if (!taken)
			return g_steal_pointer(&free_name);
		g_free(free_name);
		free_name = numbered(name, number);
	}
}

static bool
write_place(StoreTxn *txn, int64_t id, int64_t place_id, const char *name, bool name_is_users, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_SHOW);

	store_bind_int(query, ":id", id);
	store_bind_id(query, ":place", place_id);
	store_bind_text(query, ":name", name);
	store_bind_int(query, ":name_is_users", name_is_users);
	store_bind_int(query, ":now", core_clock_wall_s());
	return store_query_run(txn->db, query, error);
}

bool
store_message_show(StoreTxn *txn, const StoreMessage *row, int64_t place_id, const char *name, bool name_is_users,
                   GError **error)
{
	g_autofree char *free_name = NULL;
	StoreMessage shown = *row;

	if (!name && row->name) {
		name_is_users = row->name_is_users;
		name = row->name;
		if (place_id != 0 && place_id != row->place_id) {
			if (!(free_name = store_free_name(txn, place_id, row->name, row->id, error)))
				return false;
			name = free_name;
		}
	}
	if (place_id == row->place_id && g_strcmp0(name, row->name) == 0 && name_is_users == row->name_is_users)
		return true;
	if (!write_place(txn, row->id, place_id, name, name_is_users, error))
		return false;
	if (place_id == row->place_id)
		return store_message_tell_name(txn, row, name, error);
	shown.place_id = place_id;
	shown.name = name;
	return store_message_tell(txn, STORE_CHANGE_MESSAGE_REMOVED, row, row->name, error) &&
	       store_message_tell(txn, STORE_CHANGE_MESSAGE_ADDED, &shown, name, error);
}

GArray *
store_collect_ids(StoreTxn *txn, StoreQuery *query, GError **error)
{
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
	StoreStep step;

	while ((step = store_query_step(txn->db, query, error)) == STORE_ROW) {
		int64_t id = sqlite3_column_int64(query, 0);
		g_array_append_val(ids, id);
	}
	return step == STORE_DONE ? g_steal_pointer(&ids) : NULL;
}

bool
store_messages_show_all(StoreTxn *txn, int64_t from, int64_t to, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_LIST_PLACE);
	g_autoptr(GArray) ids = NULL;

	store_bind_int(query, ":mailbox", from);
	ids = store_collect_ids(txn, query, error);
	for (guint i = 0; ids && i < ids->len; i++) {
		g_auto(StoreMessage) row = { 0 };
		if (!store_txn_message_there(txn, g_array_index(ids, int64_t, i), &row, error) ||
		    !store_message_show(txn, &row, to, NULL, false, error))
			return false;
	}
	return ids != NULL;
}

int64_t
store_message_destination(const StoreMessage *row, const GArray *operations)
{
	int64_t place_id = row->mailbox_id;

	for (guint i = 0; i < operations->len; i++) {
		const StoreOperation *operation = &g_array_index(operations, StoreOperation, i);
		if (operation->state == STORE_OPERATION_FAILED)
			continue;
		if (operation->kind == STORE_OPERATION_REMOVE)
			place_id = 0;
		else if (operation->target_id != 0)
			place_id = operation->target_id;
	}
	return place_id;
}

bool
store_message_show_by_operations(StoreTxn *txn, int64_t message_id, GError **error)
{
	g_auto(StoreMessage) row = { 0 };
	g_autoptr(GArray) operations = NULL;

	if (!store_txn_message_there(txn, message_id, &row, error) ||
	    !(operations = store_txn_operations(txn, message_id, error)))
		return false;
	return store_message_show(txn, &row, store_message_destination(&row, operations), NULL, false, error);
}

static bool
write_settled(StoreTxn *txn, int64_t id, int64_t mailbox_id, uint32_t uid, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_SETTLE);

	store_bind_int(query, ":id", id);
	store_bind_int(query, ":mailbox", mailbox_id);
	store_bind_id(query, ":uid", uid);
	return store_query_run(txn->db, query, error);
}

/* What the server told of @rival becomes @row's. */
static bool
take_over(StoreTxn *txn, const StoreMessage *row, const StoreMessage *rival, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_DESCRIBE);

	store_bind_int(query, ":id", row->id);
	store_bind_int(query, ":internaldate", rival->internaldate_s);
	store_bind_int(query, ":rfc822_size", (int64_t)rival->rfc822_size);
	store_bind_text(query, ":base_flags", rival->base_flags);
	store_bind_int(query, ":modseq", (int64_t)rival->modseq);
	store_bind_text(query, ":emailid", rival->emailid);
	store_bind_id(query, ":gm_msgid", (int64_t)rival->gm_msgid);
	store_bind_id(query, ":body", rival->body_id);
	store_bind_id(query, ":header", rival->header_id);
	store_bind_sha256(query, ":header_sha256", rival->header_sha256);
	return store_query_run(txn->db, query, error) &&
	       (strcmp(row->base_flags, rival->base_flags) == 0 ||
	        store_message_tell(txn, STORE_CHANGE_MESSAGE_FLAGS, row, row->name, error));
}

bool
store_message_settle(StoreTxn *txn, const StoreMessage *row, int64_t mailbox_id, uint32_t uid, GError **error)
{
	g_auto(StoreMessage) rival = { 0 };

	if (uid != 0 && store_txn_message_uid(txn, mailbox_id, uid, &rival, error) == STORE_FAILED)
		return false;
	if (rival.id == 0 || rival.id == row->id)
		return write_settled(txn, row->id, mailbox_id, uid, error);
	return store_operations_hand_over(txn, rival.id, row->id, error) &&
	       store_heirs_hand_over(txn, rival.id, row->id, error) && store_message_remove(txn, rival.id, error) &&
	       write_settled(txn, row->id, mailbox_id, uid, error) && take_over(txn, row, &rival, error);
}
