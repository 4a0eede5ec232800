/* What users do to messages, but for removing them (change-remove.c). */
#include "store/change.h"

#include <string.h>

/* One set of flags without another, and both together. */
static char *
without(const char *flags, const char *others)
{
	return store_flags_apply(flags, "", others);
}

static char *
together(const char *flags, const char *others)
{
	return store_flags_apply(flags, others, "");
}

/* What was refused is not to come back, by a retry, over what is wanted now. */
static bool
forget_refused(const StoreSubject *subject, const char *add, const char *remove, GError **error)
{
	g_autofree char *wanted = together(add, remove);

	for (guint i = 0; i < subject->operations->len; i++) {
		StoreOperation *operation = &g_array_index(subject->operations, StoreOperation, i);
		if (operation->kind != STORE_OPERATION_FLAGS || operation->state != STORE_OPERATION_FAILED)
			continue;
		StoreOperation left = *operation;
		g_autofree char *left_add = without(operation->add_flags, wanted);
		g_autofree char *left_remove = without(operation->remove_flags, wanted);
		left.add_flags = left_add;
		left.remove_flags = left_remove;
		if (*left_add == '\0' && *left_remove == '\0')
			left.state = STORE_OPERATION_CANCELLED;
		if (!store_operation_write(subject->txn, &left, error))
			return false;
	}
	return true;
}

/* The index of the delta that can still be altered: not if a copy was made of the message since.  -1: none. */
static int
find_delta(const StoreSubject *subject)
{
	for (guint i = subject->operations->len; i-- > 0;) {
		const StoreOperation *operation = &g_array_index(subject->operations, StoreOperation, i);
		if (operation->kind == STORE_OPERATION_FLAGS && operation->state != STORE_OPERATION_FAILED)
			return operation->state == STORE_OPERATION_QUEUED && operation->id > subject->copied_id ? (int)i : -1;
	}
	return -1;
}

/* The message's flags, @wanted from now on, as a delta to what they are at the end of what cannot be altered. */
static bool
queue_delta(const StoreSubject *subject, const char *wanted, GError **error)
{
	int index = find_delta(subject);
	g_autofree char *before = store_flags_shown(&subject->row, subject->operations,
	                                             index < 0 ? subject->operations->len : (guint)index);
	g_autofree char *add = without(wanted, before), *remove = without(before, wanted);
	StoreOperation delta = {
		.account_id = subject->account_id,
		.kind = STORE_OPERATION_FLAGS,
		.message_id = subject->row.id,
		.mailbox_id = subject->row.mailbox_id,
	};
	bool none = *add == '\0' && *remove == '\0';

	if (index >= 0)
		delta = g_array_index(subject->operations, StoreOperation, index);
	if (none && index < 0)
		return true;
	if (none)
		return store_operation_set_state(subject->txn, delta.id, STORE_OPERATION_CANCELLED, "taken back", error);
	delta.add_flags = add;
	delta.remove_flags = remove;
	return index < 0 ? store_operation_insert(subject->txn, &delta, &delta.id, error)
	                 : store_operation_write(subject->txn, &delta, error);
}

static bool
set_base_flags(const StoreSubject *subject, const char *flags, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(subject->txn->db, STORE_SQL_MESSAGE_SET_FLAGS);

	store_bind_int(query, ":id", subject->row.id);
	store_bind_text(query, ":base_flags", flags);
	return store_query_run(subject->txn->db, query, error);
}

/* A message that is only here has the flags that it is to be uploaded with; deltas behind that are left from when it was on
 * its way. */
static bool
set_flags(StoreSubject *subject, const char *wanted, GError **error)
{
	const StoreOperation *birth = store_subject_birth(subject);

	if (subject->row.state == STORE_MESSAGE_LOCAL)
		return set_base_flags(subject, wanted, error);
	if (!birth || birth->kind != STORE_OPERATION_APPEND)
		return queue_delta(subject, wanted, error);
	StoreOperation append = *birth;
	append.add_flags = wanted;
	return store_subject_take_back(subject, STORE_OPERATION_FLAGS, STORE_OPERATION_QUEUED, error) &&
	       set_base_flags(subject, wanted, error) && store_operation_write(subject->txn, &append, error);
}

static bool
check_message(const StoreSubject *subject, GError **error)
{
	return !store_message_is_file(subject->row.state) ||
	       core_throw(error, CORE_ERROR_REFUSED, "it is a file that is no message, and only here");
}

bool
store_change_flags(StoreTxn *txn, int64_t message_id, const char *add, const char *remove, GError **error)
{
	g_auto(StoreSubject) subject = { 0 };

	if (!store_subject_init(&subject, txn, message_id, error) || !check_message(&subject, error))
		return false;
	g_autofree char *shown = store_flags_shown(&subject.row, subject.operations, UINT_MAX);
	g_autofree char *wanted = store_flags_apply(shown, add, remove);
	if (!forget_refused(&subject, add, remove, error))
		return false;
	g_autofree char *added = without(wanted, shown), *removed = without(shown, wanted);
	if (*added == '\0' && *removed == '\0')
		return true;
	return set_flags(&subject, wanted, error) &&
	       store_message_tell(txn, STORE_CHANGE_MESSAGE_FLAGS, &subject.row, subject.row.name, error);
}

bool
store_change_move(StoreTxn *txn, int64_t message_id, int64_t mailbox_id, const char *name, bool is_users,
                  GError **error)
{
	g_auto(StoreSubject) subject = { 0 };
	int64_t account_id;

	if (!store_subject_init(&subject, txn, message_id, error) ||
	    !store_txn_mailbox_holds(txn, mailbox_id, &account_id, error))
		return false;
	if (account_id != subject.account_id)
		return core_throw(error, CORE_ERROR_REFUSED, "a message cannot be moved to another account");
	if (mailbox_id != subject.row.place_id && !store_subject_move(&subject, mailbox_id, NULL, error))
		return false;
	return store_message_show(txn, &subject.row, mailbox_id, name, is_users, error);
}

/* The row that people see from now on in @row->place_id; its bytes, flags and dates are @row's.  @id: the one it gets; 0:
 * any. */
static bool
insert_row(StoreTxn *txn, const StoreMessage *row, int64_t id, int64_t *id_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_INSERT_HERE);
	StoreMessage seen = *row;

	store_bind_id(query, ":id", id);
	store_bind_int(query, ":mailbox", row->place_id);
	store_bind_int(query, ":state", row->state);
	store_bind_text(query, ":name", row->name);
	store_bind_int(query, ":name_is_users", row->name_is_users);
	store_bind_content(query, row);
	store_bind_id(query, ":header", row->header_id);
	if (!store_query_run(txn->db, query, error))
		return false;
	*id_r = seen.id = sqlite3_last_insert_rowid(txn->db->handle);
	return store_message_tell(txn, STORE_CHANGE_MESSAGE_ADDED, &seen, seen.name, error);
}

/* How the copy comes into being: by the server, unless the server has not got the message itself. */
static StoreMessageState
copy_state(const StoreSubject *subject, int64_t account_id)
{
	StoreMessageState state = subject->row.state;

	if (state == STORE_MESSAGE_LOCAL)
		return STORE_MESSAGE_LOCAL;
	return account_id != subject->account_id || state == STORE_MESSAGE_TO_APPEND || state == STORE_MESSAGE_REFUSED
	           ? STORE_MESSAGE_TO_APPEND : STORE_MESSAGE_TO_COPY;
}

static bool
queue_birth(const StoreSubject *subject, int64_t account_id, const StoreMessage *copy, GError **error)
{
	bool is_append = copy->state == STORE_MESSAGE_TO_APPEND;
	StoreOperation birth = {
		.account_id = account_id,
		.kind = is_append ? STORE_OPERATION_APPEND : STORE_OPERATION_COPY,
		.message_id = copy->id,
		.mailbox_id = is_append ? copy->place_id : subject->row.mailbox_id,
		.target_id = copy->place_id,
		.source_id = is_append ? 0 : subject->row.id,
		.add_flags = is_append ? copy->base_flags : "",
	};

	return copy->state == STORE_MESSAGE_LOCAL || store_operation_insert(subject->txn, &birth, &birth.id, error);
}

bool
store_change_copy(StoreTxn *txn, int64_t message_id, int64_t mailbox_id, const char *name, bool is_users,
                  int64_t *id_r, GError **error)
{
	g_auto(StoreSubject) subject = { 0 };
	g_auto(StoreMessage) made = { 0 };
	g_autofree char *free_name = NULL;
	int64_t account_id;
	StoreStep step = *id_r ? store_txn_message(txn, *id_r, &made, error) : STORE_DONE;

	if (step != STORE_DONE)
		return step == STORE_ROW;
	if (!store_subject_init(&subject, txn, message_id, error) ||
	    !store_txn_mailbox_holds(txn, mailbox_id, &account_id, error) || !check_message(&subject, error))
		return false;
	StoreMessage copy = subject.row;
	copy.place_id = mailbox_id;
	copy.state = copy_state(&subject, account_id);
	if (copy.state == STORE_MESSAGE_TO_APPEND && copy.body_id == 0)
		return core_throw(error, CORE_ERROR_REFUSED, "what is to be copied to another account must be here first");
	if (!name && copy.name && !(free_name = store_free_name(txn, mailbox_id, copy.name, 0, error)))
		return false;
	g_autofree char *shown = store_flags_shown(&subject.row, subject.operations, UINT_MAX);
	copy.name = name ? name : free_name;
	copy.name_is_users = name ? is_users : copy.name_is_users;
	copy.base_flags = shown; /* those of the message by then: the server is told what came before the copy first */
	if (!insert_row(txn, &copy, *id_r, &copy.id, error) || !queue_birth(&subject, account_id, &copy, error))
		return false;
	*id_r = copy.id;
	return true;
}

bool
store_change_append(StoreTxn *txn, const StoreAppend *append, int64_t *id_r, GError **error)
{
	StoreMessage row = {
		.place_id = append->mailbox_id,
		.state = STORE_MESSAGE_TO_APPEND,
		.name = append->name,
		.name_is_users = append->name_is_users,
		.internaldate_s = append->internaldate_s,
		.rfc822_size = append->body->length,
		.base_flags = append->flags,
		.header_sha256 = append->header_sha256,
	};
	StoreOperation operation = {
		.kind = STORE_OPERATION_APPEND,
		.mailbox_id = append->mailbox_id,
		.target_id = append->mailbox_id,
		.add_flags = append->flags,
		.not_before_s = append->not_before_s,
	};

	if (!store_txn_mailbox_holds(txn, append->mailbox_id, &operation.account_id, error) ||
	    !store_body_adopt(txn, append->body, &row.body_id, error) || !insert_row(txn, &row, 0, &operation.message_id, error) ||
	    !store_operation_insert(txn, &operation, &operation.id, error))
		return false;
	*id_r = operation.message_id;
	return true;
}
