/* What can be changed in mail/; the table is in view-mail.c. */
#pragma once

#include "fs/change.h"
#include "fs/tree.h"
#include "store/mailboxes.h"

/* What the server does not allow is EACCES.  @rights: letters of store_mailbox_may(), any of which is enough. */
bool fs_mail_may(const StoreMailbox *mailbox, const char *rights, GError **error);

/* view-mail.c */
bool fs_mail_read(const FsView *view, Fs *fs, FsInode inode, void *buffer, size_t size, uint64_t offset, size_t *n_r,
                  GError **error);
int64_t fs_mail_absent(const FsView *view, Fs *fs, FsInode inode);
void fs_mail_forget(Fs *fs, FsInode inode, uint64_t count);

/* mail-files.c */

/* fs_drafts_create(), and ids for those that come after it. */
bool fs_mail_create_draft(const Fs *fs, int64_t mailbox_id, const char *name, bool is_tmp, const FsPredecessor *predecessor,
                          FsDraft *draft_r, GError **error);
bool fs_mail_create(const FsView *view, Fs *fs, FsInode directory, const char *name, FsNode *node_r, GError **error);
bool fs_mail_write(const FsView *view, Fs *fs, FsInode inode, const void *bytes, size_t length, uint64_t offset,
                   GError **error);
bool fs_mail_resize(const FsView *view, Fs *fs, FsInode inode, uint64_t size, GError **error);
bool fs_mail_copy(const FsView *view, Fs *fs, FsInode from, FsInode inode, uint64_t *n_r, GError **error);
bool fs_mail_is_saved(Fs *fs, FsInode inode);
extern const FsVerb fs_mail_set_time, fs_mail_set_xattr;

/* mail-save.c */
extern const FsVerb fs_mail_save;

/* The row of a file or message; 0: it is another inode. */
static inline int64_t
fs_mail_row(FsInode inode)
{
	return fs_inode_kind(inode) == FS_TREE_MESSAGE ? fs_inode_row(inode) : 0;
}

/* Until when what is changed now is not sent. */
int64_t fs_mail_quiet_until(const FsChange *change);

/* FS_ERROR ENOENT: it has gone. */
bool fs_mail_mailbox(const Fs *fs, int64_t id, StoreMailbox *mailbox_r, GError **error);

/* The folder that is this directory, with messages in it; else EPERM: neither an account nor what is only a directory on the
 * server can hold a message, and other files would never leave this computer. */
bool fs_mail_holding(const Fs *fs, FsInode directory, StoreMailbox *mailbox_r, GError **error);

/* How a message that is saved over is removed there: what stays in Drafts after each save would fill the Trash. */
bool fs_mail_removal(const Fs *fs, StoreTxn *txn, const StoreMailbox *mailbox, StoreRemoval *how_r, GError **error);

/* What was written up to now is saved with another change: its prepare(), apply() and applied().  @as_name: what the file is
 * about to be called; NULL: as it is. */
bool fs_mail_put(FsChange *change, const char *as_name, StoreWriter *writer, GError **error);
/* If its row has gone because others removed the message, what was written stays, as a new one. */
bool fs_mail_save_bytes(FsChange *change, StoreTxn *txn, GError **error);
void fs_mail_saved(FsChange *change);
void fs_mail_save_failed(FsChange *change);

/* What an editor has called otherwise, to save @heir_id in its place; it may have gone since. */
bool fs_mail_put_aside(StoreTxn *txn, const FsPredecessor *predecessor, int64_t heir_id, int64_t mailbox_id,
                       const StoreRemoval *how, GError **error);

/* mail-names.c */
extern const FsVerb fs_mail_unlink, fs_mail_link;

/* Of fs_mail_rename, when it is about a file. */
bool fs_mail_rename_file_check(FsChange *change, GError **error);
bool fs_mail_rename_file_prepare(FsChange *change, StoreWriter *writer, GError **error);
bool fs_mail_rename_file_apply(FsChange *change, StoreTxn *txn, GError **error);
void fs_mail_rename_file_applied(FsChange *change);
void fs_mail_rename_file_failed(FsChange *change);

/* mail-folders.c */
extern const FsVerb fs_mail_rename, fs_mail_mkdir, fs_mail_rmdir;

/* Of fs_mail_rename, when it is about a folder: whether it can be renamed at all, its account in row_id; and to the path in
 * value. */
bool fs_mail_rename_folder_check(FsChange *change, GError **error);
bool fs_mail_rename_folder_apply(FsChange *change, StoreTxn *txn, GError **error);
