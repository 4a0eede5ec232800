/* Internal to src/store: what the changes of files share (files.h). */
#pragma once

#include "store/change.h"
#include "store/files.h"

/* What becomes of new bytes for a row that people see. */
typedef enum {
	STORE_FILE_STAYS,     /* a file, or a message that is never to be uploaded: the row has them */
	STORE_FILE_UPLOADS,   /* its upload or copy has not begun, and no other copy is to be made of it: the same */
	STORE_FILE_DISPLACES, /* the server has other bytes of it, or may have */
} StoreFileWay;
StoreFileWay store_file_way(const StoreSubject *subject);

/* Writes of @row what a row is that the server has not got, at least not with these bytes: mailbox_id, state,
 * internaldate_s, rfc822_size, base_flags, header_sha256, body_id, dated.  Nothing is left of what the server told. */
bool store_file_write(StoreTxn *txn, const StoreMessage *row, GError **error);

/* The listener hears that people see other bytes, or another time, under the name; or that @was has become another kind. */
bool store_file_tell(StoreTxn *txn, const StoreMessage *row, StoreMessageState was, GError **error);

/* Queues the upload of @row (TO_APPEND), with its flags. */
bool store_file_queue(StoreTxn *txn, int64_t account_id, const StoreMessage *row, int64_t not_before_s, GError **error);

/* As store_subject_remove() will: whether what goes to the Trash can go there, asked before anything is changed. */
bool store_file_check_trash(StoreTxn *txn, const StoreRemoval *how, GError **error);

/* What the server has of the row gets another, which nobody sees, with all that is under way for it, and is removed when
 * the heir has arrived.  The row is to be written then; it still says what it did, but for its UID. */
bool store_file_displace(StoreSubject *subject, int64_t heir_id, const StoreRemoval *how, GError **error);

/* One message with the date of another, and with its header if only the body was edited, would be taken for it where messages
 * are known by these: neither is known by its header any more.  @id: the heir, of all that it is to replace and of @other_id
 * (0: none). */
bool store_file_tell_apart(StoreTxn *txn, int64_t id, int64_t other_id, GError **error);
