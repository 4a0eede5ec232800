/* What users write as files: how a file becomes a message, and what happens to one that it replaces.
 *
 * A file has a row of the table of messages from the moment at which it is first saved, so its id, and with it the inode,
 * stays when it becomes a message.  A file that is no message, or is called as editors call what is theirs, is only here
 * (STORE_MESSAGE_FILE, or _TMP).  Which it is is the caller's judgement.
 *
 *   saved as        there was       then
 *   file            nothing, a file the row has these bytes
 *   message         nothing         the row is TO_APPEND, and its upload is queued
 *   message         a file          the same, with the flags and, unless the user has set a time (dated), the time of the
 *                                   file's row, which are those of the message that it has displaced
 *   message         TO_APPEND, REFUSED, TO_COPY: the upload, as long as it has not begun, has these bytes; so has the copy,
 *                   which becomes an upload (but while something else is to be copied from the row it is as any other)
 *   message, file   LOCAL           the row has these bytes
 *   file            TO_APPEND, REFUSED, TO_COPY, not begun: the upload is taken back, the row is a file
 *   message, file   any other       the bytes are another message's, but people keep the row: what the server has gets a
 *                                   row of its own, that nobody sees, with its log and all that is under way for it, and is removed
 *                                   when the row that people see has arrived there, or is removed by them; that has the
 *                                   same flags and time (unless dated).  A message with the bytes and time that it has stays
 *                                   as it is, but for its flags
 *
 * The rest as in changes.h, also the errors.
 */
#pragma once

#include "store/changes.h"

/* Ids that no other row will get, however long they are not used; durable with the commit. */
bool store_file_reserve(StoreTxn *txn, unsigned count, int64_t *first_r, GError **error);

typedef struct {
	int64_t id;            /* reserved, or that of a row that people see */
	int64_t mailbox_id;    /* of a new row: where; 0: it is no new one, and if it is not there it has gone */
	const char *name;      /* of a new row; must be free.  Of TMP "tmp/NAME", "new/NAME", "cur/NAME" */
	bool name_is_users;
	StoreMessageState state; /* FILE or TMP; or TO_APPEND: it is a message */
	const StoreBody *body; /* was written and synced by a writer */
	const uint8_t *header_sha256; /* of a message; else NULL */
	int64_t time_s;        /* INTERNALDATE, or the file's time; of a row that is there already only if it is dated or a file
	                          that has displaced nothing */
	bool dated;            /* the user has set it */
	const char *flags;     /* in the form of store_flags_normalise(); NULL: those it has, or none */
	int64_t predecessor_id; /* of a new row: a message whose flags and time (unless dated) it takes over, if it is still
	                           there; 0: none */
	int64_t not_before_s;  /* of the upload */
} StoreFile;

/* @how: how the message that is replaced is removed (its heir_id is not looked at; trash_id 0: for good, as in Drafts).
 * CORE_ERROR_NOT_FOUND: the row has gone meanwhile, or people do not see it any more. */
bool store_file_save(StoreTxn *txn, const StoreFile *file, const StoreRemoval *how, GError **error);

/* A file or message gets another name or place (in its account) as rename() does it: what is there with that name goes.
 * @target_id: the row that has the name now (0: none; that it is gone is no error).  A file goes, and so does a message whose
 * upload has not begun, in favour of a file or of another such message; else a message is removed as @how says, with the
 * renamed one as its heir where the server has not got that.  A file or upload takes over the flags and (unless dated) the
 * time, one that has begun only the flags.
 * @state: what @id is to be there: FILE or TMP, or TO_APPEND for what is to be a message.  A message that the server has, or
 * may have, or is to copy, stays one whatever @state says; an upload that has not begun is taken back for FILE and TMP.
 * @header_sha256: of a file that becomes a message.
 * @predecessor_id: where nothing has the name, the message whose flags and time it takes over, as those of one that has (0:
 * none).
 * CORE_ERROR_NOT_FOUND also: something else has the name by now; CORE_ERROR_REFUSED: another account, or only a directory. */
typedef struct {
	int64_t id, target_id, predecessor_id;
	int64_t mailbox_id;
	const char *name;
	bool name_is_users;
	StoreMessageState state;
	const uint8_t *header_sha256;
	int64_t not_before_s;
} StoreFileRename;
bool store_file_rename(StoreTxn *txn, const StoreFileRename *rename, const StoreRemoval *how, GError **error);

/* An editor has called message @id otherwise before it saved @heir_id: what people see of it is a file from now on, and what
 * the server has of it is removed when the heir has arrived, as is what it was to replace itself, also if it was a file
 * before.  Nothing is done of an upload, of what only the header is here, or of what is not in @mailbox_id any more under a
 * name of which @is_editors() is true: the user keeps it, or has removed it. */
bool store_file_put_aside(StoreTxn *txn, int64_t id, int64_t heir_id, int64_t mailbox_id, bool (*is_editors)(const char *name),
                          const StoreRemoval *how, GError **error);

/* The user sets its time: the upload's INTERNALDATE.  CORE_ERROR_REFUSED: the server has it, or may have it. */
bool store_file_set_time(StoreTxn *txn, int64_t id, int64_t time_s, int64_t not_before_s, GError **error);

/* It is being written again: its upload, if it has not begun, waits until then. */
bool store_file_postpone(StoreTxn *txn, int64_t id, int64_t not_before_s, GError **error);
