/* rename() of files and messages: to another place in the account, over what has the name there. */
#include "store/file.h"

#include <string.h>

typedef struct {
	const StoreFileRename *rename;
	StoreSubject subject; /* what is renamed, as it was */
	StoreMessage row;     /* as it is to be; the strings are others' */
	char *shown;          /* the flags it had */
	char *flags;          /* those of what it replaces, which it takes over; NULL: it keeps its own */
} Renaming;

static void
renaming_clear(Renaming *renaming)
{
	store_subject_clear(&renaming->subject);
	g_free(renaming->shown);
	g_free(renaming->flags);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Renaming, renaming_clear)

/* What has the name; *id_r 0: nothing, below 0: a mailbox. */
static bool
ask_holder(StoreTxn *txn, const StoreFileRename *rename, int64_t *id_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_MESSAGE_NAMED);

	store_bind_int(query, ":mailbox", rename->mailbox_id);
	store_bind_text(query, ":name", rename->name);
	store_bind_int(query, ":id", rename->id);
	StoreStep step = store_query_step(txn->db, query, error);
	*id_r = step == STORE_ROW ? sqlite3_column_int64(query, 0) : 0;
	return step != STORE_FAILED;
}

/* Its upload has not begun, and it is no copy that the server is to make. */
static StoreOperation *
find_upload(const StoreSubject *subject)
{
	StoreOperation *birth = store_subject_birth(subject);

	return birth && birth->kind == STORE_OPERATION_APPEND && store_file_way(subject) == STORE_FILE_UPLOADS ? birth : NULL;
}

/* Flags and time of what is replaced, where that is a message, or stands for one.  What is being uploaded cannot get
 * another time any more. */
static void
take_over(Renaming *renaming, const StoreSubject *target)
{
	StoreMessage *row = &renaming->row;
	bool is_file = store_message_is_file(target->row.state), is_here = store_message_is_here(row->state);
	bool has_message_time = !is_file || target->row.dated == STORE_DATED_INHERITED;
	bool is_alterable = is_here || find_upload(&renaming->subject);
	char *flags = store_flags_shown(&target->row, target->operations, UINT_MAX);

	if ((is_alterable || row->state == STORE_MESSAGE_TO_APPEND) && !(is_file && *flags == '\0'))
		renaming->flags = g_steal_pointer(&flags);
	g_free(flags);
	if (is_alterable && has_message_time && row->dated != STORE_DATED_BY_USER) {
		row->internaldate_s = target->row.internaldate_s;
		row->dated = STORE_DATED_INHERITED;
	}
}

/* What nobody but us has goes in favour of what nobody but us has: it is a save of what was not uploaded yet. */
static bool
may_forget(const Renaming *renaming, const StoreSubject *target)
{
	return store_message_is_here(target->row.state) || (store_file_way(target) == STORE_FILE_UPLOADS &&
	                                                    store_file_way(&renaming->subject) != STORE_FILE_DISPLACES);
}

static bool
replace(Renaming *renaming, int64_t target_id, const StoreRemoval *how, GError **error)
{
	StoreTxn *txn = renaming->subject.txn;
	g_auto(StoreSubject) target = { 0 };
	StoreRemoval removal = *how;
	int64_t id = renaming->rename->id;

	if (!store_subject_init(&target, txn, target_id, error))
		return false;
	removal.heir_id = store_heir_is_awaited(&renaming->row) ? id : 0;
	take_over(renaming, &target);
	bool is_forgotten = may_forget(renaming, &target);
	return (is_forgotten || store_file_check_trash(txn, how, error)) && store_heirs_hand_over(txn, target_id, id, error) &&
	       (is_forgotten ? store_subject_forget(&target, error) : store_subject_remove(&target, &removal, error));
}

/* It may have gone since. */
static bool
follow(Renaming *renaming, GError **error)
{
	g_auto(StoreSubject) predecessor = { 0 };
	g_autoptr(GError) failure = NULL;

	if (renaming->rename->predecessor_id == 0)
		return true;
	if (store_subject_init(&predecessor, renaming->subject.txn, renaming->rename->predecessor_id, &failure)) {
		take_over(renaming, &predecessor);
		return true;
	}
	if (core_error_code(failure) == CORE_ERROR_NOT_FOUND)
		return true;
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

/* A file stays one, or becomes a message. */
static bool
become_here(Renaming *renaming, GError **error)
{
	const StoreFileRename *rename = renaming->rename;
	StoreTxn *txn = renaming->subject.txn;
	StoreMessage *row = &renaming->row;
	bool is_file = store_message_is_file(row->state);

	if (is_file) {
		row->state = rename->state;
		row->header_sha256 = rename->header_sha256;
	}
	return store_file_write(txn, row, error) &&
	       (!is_file || row->state != STORE_MESSAGE_TO_APPEND ||
	        store_file_queue(txn, renaming->subject.account_id, row, rename->not_before_s, error));
}

/* An upload that has not begun goes to the new place, or is taken back. */
static bool
become_uploaded(Renaming *renaming, StoreOperation *upload, GError **error)
{
	const StoreFileRename *rename = renaming->rename;
	StoreSubject *subject = &renaming->subject;
	StoreMessage *row = &renaming->row;

	if (store_message_is_file(rename->state)) {
		row->state = rename->state;
		row->header_sha256 = NULL;
		return store_message_drop_operations(subject->txn, row->id, "taken back", error) &&
		       store_file_write(subject->txn, row, error);
	}
	if (rename->mailbox_id != subject->row.place_id) {
		row->state = STORE_MESSAGE_TO_APPEND;
		if (!store_subject_move(subject, rename->mailbox_id, NULL, error))
			return false;
	}
	if (renaming->flags && !store_subject_take_back(subject, STORE_OPERATION_FLAGS, STORE_OPERATION_QUEUED, error))
		return false;
	StoreOperation append = *upload;
	append.add_flags = row->base_flags;
	append.not_before_s = rename->not_before_s;
	return store_file_write(subject->txn, row, error) && store_operation_write(subject->txn, &append, error);
}

/* What the server has, or may have, or is to make: it is moved like any message. */
static bool
become_moved(Renaming *renaming, GError **error)
{
	const StoreFileRename *rename = renaming->rename;
	StoreSubject *subject = &renaming->subject;

	if (rename->mailbox_id != subject->row.place_id && !store_subject_move(subject, rename->mailbox_id, NULL, error))
		return false;
	if (!renaming->flags)
		return true;
	g_autofree char *extra = store_flags_apply(renaming->shown, "", renaming->flags);
	return store_change_flags(subject->txn, rename->id, renaming->flags, extra, error);
}

static bool
become(Renaming *renaming, GError **error)
{
	StoreOperation *upload = find_upload(&renaming->subject);
	StoreMessage *row = &renaming->row;

	if (!store_message_is_here(row->state) && !upload)
		return become_moved(renaming, error);
	row->mailbox_id = renaming->rename->mailbox_id;
	if (renaming->flags)
		row->base_flags = renaming->flags;
	return upload ? become_uploaded(renaming, upload, error) : become_here(renaming, error);
}

/* What people see besides the name. */
static bool
tell(Renaming *renaming, GError **error)
{
	StoreTxn *txn = renaming->subject.txn;
	const StoreMessage *was = &renaming->subject.row;
	StoreMessage *row = &renaming->row;
	bool is_other = row->internaldate_s != was->internaldate_s ||
	                store_message_is_file(row->state) != store_message_is_file(was->state);

	row->place_id = renaming->rename->mailbox_id;
	row->name = renaming->rename->name;
	bool has_other_flags = row->base_flags == renaming->flags && strcmp(renaming->flags, renaming->shown) != 0;
	return (!is_other || store_file_tell(txn, row, was->state, error)) &&
	       (!has_other_flags || store_message_tell(txn, STORE_CHANGE_MESSAGE_FLAGS, row, row->name, error));
}

static bool
check(const Renaming *renaming, int64_t holder_id, GError **error)
{
	const StoreFileRename *rename = renaming->rename;
	int64_t account_id;

	if (!store_txn_mailbox_holds(renaming->subject.txn, rename->mailbox_id, &account_id, error))
		return false;
	if (account_id != renaming->subject.account_id)
		return core_throw(error, CORE_ERROR_REFUSED, "a message cannot be moved to another account");
	return holder_id == 0 || holder_id == rename->target_id ||
	       core_throw(error, CORE_ERROR_NOT_FOUND, "something else is called %s meanwhile", rename->name);
}

bool
store_file_rename(StoreTxn *txn, const StoreFileRename *rename, const StoreRemoval *how, GError **error)
{
	g_auto(Renaming) renaming = { .rename = rename };
	int64_t holder_id;

	if (!store_subject_init(&renaming.subject, txn, rename->id, error) ||
	    !ask_holder(txn, rename, &holder_id, error) || !check(&renaming, holder_id, error))
		return false;
	renaming.row = renaming.subject.row;
	renaming.shown = store_flags_shown(&renaming.row, renaming.subject.operations, UINT_MAX);
	if (!(holder_id != 0 ? replace(&renaming, holder_id, how, error) : follow(&renaming, error)) || !become(&renaming, error) ||
	    !store_message_show(txn, &renaming.subject.row, rename->mailbox_id, rename->name, rename->name_is_users, error))
		return false;
	return store_file_tell_apart(txn, rename->id, rename->predecessor_id, error) && tell(&renaming, error);
}
