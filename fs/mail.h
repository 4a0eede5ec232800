/* What can be changed in mail/; the table is in view-mail.c. */
#pragma once

#include "fs/change.h"
#include "fs/tree.h"
#include "store/mailboxes.h"

/* What the server does not allow is EACCES.  @rights: letters of store_mailbox_may(), any of which is enough. */
bool fs_mail_may(const StoreMailbox *mailbox, const char *rights, GError **error);

/* mail-files.c */
bool fs_mail_create(const FsView *view, Fs *fs, FsInode directory, const char *name, FsNode *node_r, GError **error);
bool fs_mail_write(const FsView *view, Fs *fs, FsInode inode, const void *bytes, size_t length, uint64_t offset,
                   GError **error);
bool fs_mail_resize(const FsView *view, Fs *fs, FsInode inode, uint64_t size, GError **error);
bool fs_mail_copy(const FsView *view, Fs *fs, FsInode from, FsInode inode, uint64_t *n_r, GError **error);
bool fs_mail_is_saved(Fs *fs, FsInode inode);
extern const FsVerb fs_mail_save, fs_mail_unlink, fs_mail_link, fs_mail_set_time, fs_mail_set_xattr;

/* Of fs_mail_rename, when it is about a file. */
bool fs_mail_rename_file_check(FsChange *change, GError **error);
bool fs_mail_rename_file_prepare(FsChange *change, StoreWriter *writer, GError **error);
bool fs_mail_rename_file_apply(FsChange *change, StoreTxn *txn, GError **error);
void fs_mail_rename_file_applied(FsChange *change);

/* mail-folders.c */
extern const FsVerb fs_mail_rename, fs_mail_mkdir, fs_mail_rmdir;
