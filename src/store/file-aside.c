/* A message that an editor has put aside under another name, to save what follows it. */
#include "store/file.h"

bool
store_file_put_aside(StoreTxn *txn, int64_t id, int64_t heir_id, int64_t mailbox_id, bool (*is_editors)(const char *name),
                     const StoreRemoval *how, GError **error)
{
	g_auto(StoreSubject) subject = { 0 };

	if (!store_subject_init(&subject, txn, id, error))
		return false;
	StoreMessage row = subject.row;
	if (row.place_id != mailbox_id || !row.name || !is_editors(row.name))
		return true;
	if (store_message_is_file(row.state))
		return store_heirs_hand_over(txn, id, heir_id, error);
	if (row.body_id == 0 || store_file_way(&subject) != STORE_FILE_DISPLACES)
		return true;
	if (!store_file_check_trash(txn, how, error) || !store_heirs_hand_over(txn, id, heir_id, error))
		return false;
	g_autofree char *shown = store_flags_shown(&subject.row, subject.operations, UINT_MAX);
	row.mailbox_id = row.place_id;
	row.state = STORE_MESSAGE_FILE;
	row.rfc822_size = row.length;
	row.base_flags = shown;
	row.header_sha256 = NULL;
	row.dated = STORE_DATED_INHERITED;
	/* What goes to the Trash is called by its UID there: the name that it has now is the editor's. */
	return store_message_show(txn, &subject.row, row.place_id, row.name, false, error) &&
	       store_file_displace(&subject, heir_id, how, error) && store_file_write(txn, &row, error) &&
	       store_file_tell(txn, &row, subject.row.state, error);
}
