/* A change in progress: what change.c, which has the verbs and the transaction, and the files of the verbs share. */
#pragma once

#include "change.h"
#include "mime/derive.h"

typedef struct {
	const ChangeContext *context;
	const char *const *words; /* behind the verb */
	size_t count;
	StoreTxn *txn;       /* NULL: not begun yet (append) */
	StoreWriter *writer; /* made when it is needed */
	unsigned changed;    /* ChangeResult.count */
} Change;

/* Throws CORE_ERROR_USAGE; false. */
bool change_usage(const char *what, GError **error);

/* The verbs: each does what change.h says of it, in change->txn, and counts it. */

/* change-messages.c */
bool change_flag(Change *change, GError **error);
bool change_move(Change *change, GError **error);
bool change_copy(Change *change, GError **error);
bool change_delete(Change *change, GError **error);

/* change-append.c.  Begins the transaction itself, when all files have been read. */
bool change_append(Change *change, GError **error);
/* A message whose body is here goes into the mailbox. */
bool change_append_queue(Change *change, int64_t mailbox_id, const StoreBody *body, const MimeDerived *derived,
                         const char *flags, int64_t date_s, GError **error);

/* change-folders.c */
bool change_folder(Change *change, GError **error);

/* change-people.c */
bool change_confirm(Change *change, GError **error);
bool change_retry(Change *change, GError **error);
bool change_undo(Change *change, GError **error);
