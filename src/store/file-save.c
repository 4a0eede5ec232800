/* New bytes for a file or message, by the table of files.h. */
#include "store/file.h"

#include <string.h>

typedef struct {
	StoreSubject *subject; /* as it was */
	const StoreFile *file;
	const StoreRemoval *how;
	StoreMessage row;      /* as it is to be; the strings are others' */
} Save;

static void
date(const StoreFile *file, StoreMessage *row)
{
	bool has_own_time = row->dated == STORE_DATED_NOT && store_message_is_file(row->state);

	if (file->dated || has_own_time)
		row->internaldate_s = file->time_s;
	if (file->dated)
		row->dated = STORE_DATED_BY_USER;
}

/* What is new has the flags of the message before it, and its time, if the user has set none.  *flags_r: g_free(). */
static bool
inherit(StoreTxn *txn, int64_t predecessor_id, StoreMessage *row, char **flags_r, GError **error)
{
	g_auto(StoreMessage) predecessor = { 0 };
	g_autoptr(GArray) operations = NULL;
	StoreStep step = store_txn_message(txn, predecessor_id, &predecessor, error);

	if (step != STORE_ROW)
		return step == STORE_DONE;
	if (!(operations = store_txn_operations(txn, predecessor_id, error)))
		return false;
	*flags_r = store_flags_shown(&predecessor, operations, UINT_MAX);
	bool has_message_time = !store_message_is_file(predecessor.state) || predecessor.dated == STORE_DATED_INHERITED;
	if (row->dated == STORE_DATED_NOT && has_message_time) {
		row->internaldate_s = predecessor.internaldate_s;
		row->dated = STORE_DATED_INHERITED;
	}
	return true;
}

static bool
insert(StoreTxn *txn, const StoreMessage *row, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(txn->db, STORE_SQL_FILE_INSERT);

	store_bind_int(query, ":id", row->id);
	store_bind_int(query, ":mailbox", row->mailbox_id);
	store_bind_int(query, ":state", row->state);
	store_bind_text(query, ":name", row->name);
	store_bind_int(query, ":name_is_users", row->name_is_users);
	store_bind_content(query, row);
	store_bind_int(query, ":dated", row->dated);
	return store_query_run(txn->db, query, error);
}

static bool
save_new(StoreTxn *txn, const StoreFile *file, GError **error)
{
	g_autofree char *inherited = NULL;
	int64_t account_id;
	StoreMessage row = {
		.id = file->id,
		.mailbox_id = file->mailbox_id,
		.place_id = file->mailbox_id,
		.state = file->state,
		.name = file->name,
		.name_is_users = file->name_is_users,
		.internaldate_s = file->time_s,
		.rfc822_size = file->body->length,
		.header_sha256 = file->header_sha256,
		.dated = file->dated ? STORE_DATED_BY_USER : STORE_DATED_NOT,
	};

	if (!store_txn_mailbox_holds(txn, file->mailbox_id, &account_id, error) ||
	    (file->predecessor_id != 0 && !inherit(txn, file->predecessor_id, &row, &inherited, error)) ||
	    !store_body_adopt(txn, file->body, &row.body_id, error))
		return false;
	row.base_flags = file->flags ? file->flags : inherited ? inherited : "";
	return insert(txn, &row, error) &&
	       (row.state != STORE_MESSAGE_TO_APPEND || store_file_queue(txn, account_id, &row, file->not_before_s, error)) &&
	       store_file_tell_apart(txn, row.id, file->predecessor_id, error) &&
	       store_message_tell(txn, STORE_CHANGE_MESSAGE_ADDED, &row, row.name, error);
}

static bool
queue_if_message(const Save *save, GError **error)
{
	const StoreSubject *subject = save->subject;

	return save->row.state != STORE_MESSAGE_TO_APPEND ||
	       store_file_queue(subject->txn, subject->account_id, &save->row, save->file->not_before_s, error);
}

static bool
save_here(Save *save, GError **error)
{
	if (save->row.state != STORE_MESSAGE_LOCAL)
		save->row.state = save->file->state;
	return store_file_write(save->subject->txn, &save->row, error) &&
	       (save->row.state == STORE_MESSAGE_LOCAL || queue_if_message(save, error));
}

/* It goes from the start to where it is seen, with the flags that it is seen with: what is queued behind it is left from when
 * it was on its way, or from when it was to be a copy. */
static bool
alter_upload(Save *save, GError **error)
{
	StoreSubject *subject = save->subject;
	StoreOperation append = *store_subject_birth(subject);

	if (!store_subject_take_back(subject, STORE_OPERATION_FLAGS, STORE_OPERATION_QUEUED, error) ||
	    !store_subject_take_back(subject, STORE_OPERATION_MOVE, STORE_OPERATION_QUEUED, error))
		return false;
	if (append.kind == STORE_OPERATION_COPY)
		return store_operation_set_state(subject->txn, append.id, STORE_OPERATION_CANCELLED, "replaced by a later change",
		                                 error) &&
		       queue_if_message(save, error);
	append.state = STORE_OPERATION_QUEUED;
	append.mailbox_id = append.target_id = save->row.place_id;
	append.add_flags = save->row.base_flags;
	append.error = NULL;
	append.not_before_s = save->file->not_before_s;
	return store_operation_write(subject->txn, &append, error);
}

static bool
save_upload(Save *save, GError **error)
{
	StoreTxn *txn = save->subject->txn;

	save->row.state = save->file->state;
	if (!store_file_write(txn, &save->row, error))
		return false;
	return save->row.state == STORE_MESSAGE_TO_APPEND ? alter_upload(save, error)
	                                                  : store_message_drop_operations(txn, save->row.id, "taken back", error);
}

static bool
save_over(Save *save, GError **error)
{
	save->row.state = save->file->state;
	if (!save->file->dated)
		save->row.dated = STORE_DATED_INHERITED;
	return store_file_displace(save->subject, save->row.id, save->how, error) &&
	       store_file_write(save->subject->txn, &save->row, error) && queue_if_message(save, error);
}

static bool
write_row(Save *save, GError **error)
{
	switch (store_file_way(save->subject)) {
	case STORE_FILE_STAYS:
		return save_here(save, error);
	case STORE_FILE_UPLOADS:
		return save_upload(save, error);
	case STORE_FILE_DISPLACES:
		return save_over(save, error);
	default:
		g_assert_not_reached();
	}
}

/* Of a message that the server has: nothing that it would have to be uploaded again for. */
static bool
is_same(const Save *save)
{
	const StoreMessage *was = &save->subject->row;

	return store_file_way(save->subject) == STORE_FILE_DISPLACES && save->file->state == STORE_MESSAGE_TO_APPEND &&
	       save->row.body_id == was->body_id && save->row.internaldate_s == was->internaldate_s;
}

static bool
set_flags(StoreTxn *txn, int64_t id, const char *shown, const char *wanted, GError **error)
{
	g_autofree char *extra = store_flags_apply(shown, "", wanted);

	return store_change_flags(txn, id, wanted, extra, error);
}

static bool
save_row(StoreSubject *subject, const StoreFile *file, const StoreRemoval *how, GError **error)
{
	StoreTxn *txn = subject->txn;
	g_autofree char *shown = store_flags_shown(&subject->row, subject->operations, UINT_MAX);
	Save save = { subject, file, how, subject->row };
	StoreMessage *row = &save.row;

	row->mailbox_id = row->place_id;
	row->rfc822_size = file->body->length;
	row->base_flags = file->flags ? file->flags : shown;
	row->header_sha256 = file->header_sha256;
	date(file, row);
	if (!store_body_adopt(txn, file->body, &row->body_id, error))
		return false;
	if (is_same(&save))
		return set_flags(txn, row->id, shown, row->base_flags, error);
	return write_row(&save, error) && store_file_tell_apart(txn, row->id, 0, error) &&
	       store_file_tell(txn, row, subject->row.state, error) &&
	       (strcmp(shown, row->base_flags) == 0 ||
	        store_message_tell(txn, STORE_CHANGE_MESSAGE_FLAGS, row, row->name, error));
}

bool
store_file_save(StoreTxn *txn, const StoreFile *file, const StoreRemoval *how, GError **error)
{
	g_auto(StoreSubject) subject = { 0 };
	g_auto(StoreMessage) row = { 0 };
	StoreStep step = store_txn_message(txn, file->id, &row, error);

	if (step == STORE_FAILED)
		return false;
	if (step == STORE_DONE && file->mailbox_id != 0)
		return save_new(txn, file, error);
	return store_subject_init(&subject, txn, file->id, error) && save_row(&subject, file, how, error);
}
