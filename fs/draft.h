/* Files that are being written: their bytes since they were last saved, and files that were never saved.
 *
 * Without OPEN and RELEASE nobody tells who has a file open.  A file that was saved is forgotten here, and begun again from
 * the store when somebody writes to it.  Saving may have made a message longer (LF became CRLF), which a program that goes
 * on writing (each command of a shell's "{ …; } > file" closes its output) does not know, nor does the kernel that appends for
 * it: a write at what one of them has to take for the end is taken as one at the end, until something else is written.
 *
 * Any thread.  Lock order: a draft's, then the table's; the store's are taken inside the former.
 */
#pragma once

#include "core/error.h"
#include "fs/predecessor.h"
#include "store/messages.h"

#include <glib.h>

typedef struct FsDrafts FsDrafts;
FsDrafts *fs_drafts_new(Store *store, GError **error);
void fs_drafts_free(FsDrafts *drafts); /* what was not saved is lost; NULL is fine */

typedef struct {
	int64_t id;          /* of the row that it has, or will have */
	int64_t mailbox_id;
	char *name;          /* of those of a list; else NULL */
	uint64_t size;
	int64_t time_s;
	bool is_new;         /* it has no row yet */
} FsDraft;

/* A file without bytes, seen from now on.  @predecessor: the message that was called so a moment ago; NULL: none. */
bool fs_drafts_create(FsDrafts *drafts, int64_t mailbox_id, const char *name, bool is_tmp, const FsPredecessor *predecessor,
                      FsDraft *draft_r, GError **error);

/* Ids for new files are reserved ahead.  True, once: somebody is to do so, with these two: in a transaction, and when that has
 * ended (0: it failed). */
bool fs_drafts_want_ids(FsDrafts *drafts);
bool fs_drafts_reserve_ids(StoreTxn *txn, int64_t *first_r, GError **error);
void fs_drafts_take_ids(FsDrafts *drafts, int64_t first);

/* Those that were never saved: by name, and those of a mailbox from the first id greater than @after on, in the order of
 * ids (g_array_unref(), which frees the names).  @of_maildir: those in its directories in maildir/ ("tmp/NAME"), else those in
 * mail/. */
bool fs_drafts_find(FsDrafts *drafts, int64_t mailbox_id, const char *name, FsDraft *draft_r);
GArray *fs_drafts_list(FsDrafts *drafts, int64_t mailbox_id, bool of_maildir, int64_t after);
bool fs_drafts_any(FsDrafts *drafts, int64_t mailbox_id);

/* What is being written with that id; false: nothing. */
bool fs_drafts_get(FsDrafts *drafts, int64_t id, FsDraft *draft_r);

/* Bytes.  FS_ERROR EFBIG, ENOENT (there is no such row), ESTALE (it was removed, and its bytes are not here any more),
 * EHOSTUNREACH (only a part is to be changed of what is not here).  What could not be written as a whole is no message, unless
 * that is done again. */
bool fs_drafts_write(FsDrafts *drafts, int64_t id, const void *bytes, size_t length, uint64_t offset, GError **error);
bool fs_drafts_resize(FsDrafts *drafts, int64_t id, uint64_t size, GError **error);
/* False with *error unset: nothing is being written with that id. */
bool fs_drafts_read(FsDrafts *drafts, int64_t id, void *buffer, size_t length, uint64_t offset, size_t *n_r,
                    GError **error);

/* A file without bytes gets the @size ones of message @source: as long as nothing else is written to it, it is saved as a copy,
 * which the server makes.  False: it is not such a file. */
bool fs_drafts_copy(FsDrafts *drafts, int64_t id, const StoreMessage *source, uint64_t size);

/* If it was cut to a size since it was saved, and nothing else, that was not done: it is what the store has. */
void fs_drafts_undo_cut(FsDrafts *drafts, int64_t id);

/* The user sets the time or the flags of one that is being written; false: none is. */
bool fs_drafts_set_time(FsDrafts *drafts, int64_t id, int64_t time_s);
bool fs_drafts_set_flags(FsDrafts *drafts, int64_t id, const char *flags);

/* It was removed: nothing of it will be saved.  Who has it open goes on reading and writing. */
void fs_drafts_drop(FsDrafts *drafts, int64_t id);
void fs_drafts_restore(FsDrafts *drafts, int64_t id); /* no, it was not */
bool fs_drafts_is_removed(FsDrafts *drafts, int64_t id);
/* It is to be seen (again), perhaps elsewhere. */
void fs_drafts_shown(FsDrafts *drafts, int64_t id);
/* The kernel has forgotten the inode. */
void fs_drafts_forget(FsDrafts *drafts, int64_t id);

/* Saving, on the saver's thread.  What was written up to now goes into @writer. */
typedef struct {
	int64_t id, mailbox_id;
	FsPredecessor predecessor;
	int64_t copy_of;         /* it is to be a copy of that message, and there are no bytes; 0 */
	char *name;              /* where it was, or is to be, seen */
	bool is_users_name;      /* of a new row */
	bool is_new, is_tmp, is_message;
	StoreBody body;
	uint8_t header_sha256[32]; /* of a message */
	int64_t time_s;
	bool dated;
	char *flags;             /* NULL: as they are */
	uint64_t generation, grown; /* private */
} FsDraftBytes;
void fs_draft_bytes_clear(FsDraftBytes *bytes); /* harmless on zero */

/* @as_name: what it is about to be called; NULL: as it is.  *bytes_r with id 0: there is nothing to save. */
bool fs_drafts_put(FsDrafts *drafts, int64_t id, const char *as_name, StoreWriter *writer, FsDraftBytes *bytes_r,
                   GError **error);
/* The same of what is delivered into maildir/: a message if it begins with a header, whatever it is called. */
bool fs_drafts_deliver(FsDrafts *drafts, int64_t id, StoreWriter *writer, FsDraftBytes *bytes_r, GError **error);
/* What it is called now; g_free().  NULL: nothing is being written with that id. */
char *fs_drafts_name(FsDrafts *drafts, int64_t id);
/* What is in the store is to be saved anew, as it may count as a message now.  Errors as of fs_drafts_write(). */
bool fs_drafts_begin(FsDrafts *drafts, int64_t id, GError **error);
/* They are in the store. */
void fs_drafts_saved(FsDrafts *drafts, const FsDraftBytes *bytes);

/* It is called @name in @mailbox_id from now on. */
void fs_drafts_moved(FsDrafts *drafts, int64_t id, int64_t mailbox_id, const char *name);

/* What is not saved, and was not written to for so long: ids. */
GArray *fs_drafts_unsaved(FsDrafts *drafts, int64_t quiet_ms);
