/* maildir/: the messages of mail/ as Maildir++, for programs that read mail from files.  docs/filesystem.md has the table of
 * what each operation means. */
#pragma once

#include "fs/maildir-memory.h"
#include "fs/maildir-name.h"
#include "fs/mail.h"
#include "store/maildir.h"

/* Kinds of inodes: the first four are those of a tree, so its calls and mail/'s serve here, too.  Rows of the directories are
 * those of their folder. */
enum {
	FS_MAILDIR_TOP = FS_TREE_TOP,
	FS_MAILDIR_ACCOUNT = FS_TREE_ACCOUNT, /* also the folder INBOX */
	FS_MAILDIR_FOLDER = FS_TREE_MAILBOX,
	FS_MAILDIR_FILE = FS_TREE_MESSAGE,
	FS_MAILDIR_CUR,
	FS_MAILDIR_NEW,
	FS_MAILDIR_TMP,
	FS_MAILDIR_END,
	FS_MAILDIR_MARK = FS_MAILDIR_END /* the file maildirfolder, which says that a directory is a folder */
};

static inline bool
fs_maildir_is_directory(FsInode inode)
{
	return fs_inode_kind(inode) >= FS_MAILDIR_CUR && fs_inode_kind(inode) < FS_MAILDIR_END;
}

/* Of fs_maildirs_have(). */
static inline unsigned
fs_maildir_bit(unsigned kind)
{
	return 1U << (kind - FS_MAILDIR_CUR);
}

static inline FsInode
fs_maildir_inode(unsigned kind, int64_t row)
{
	return fs_inode(FS_TAG_MAILDIR, kind, row);
}

/* view-maildir.c */

/* "cur"; NULL: it is no such kind. */
const char *fs_maildir_directory_name(unsigned kind);
/* The kind of that name; 0: none. */
unsigned fs_maildir_directory_kind(const char *name);
/* "cur/NAME": what a file is called that is no message (STORE_MESSAGE_TMP).  g_free(). */
char *fs_maildir_file_name(FsInode directory, const char *name);
/* What a message is called in a directory of that kind; g_free().  NULL: it is in another one. */
char *fs_maildir_listed_name(const StoreMaildirEntry *entry, unsigned kind);
bool fs_maildir_inbox(const Fs *fs, int64_t account_id, StoreMailbox *inbox_r, GError **error);
/* @told: whether fs_maildirs_names_are_told() was true before the store was asked for what it is about. */
FsNode fs_maildir_folder_node(const FsView *view, const StoreMailbox *mailbox, bool told);
FsNode fs_maildir_directory_node(unsigned kind, const StoreMailbox *mailbox);
/* Under the name that is listed. */
FsNode fs_maildir_file_node(const FsView *view, Fs *fs, const StoreEntry *entry, bool told);
bool fs_maildir_lookup(const FsView *view, Fs *fs, FsInode directory, const char *name, FsNode *node_r, GError **error);
bool fs_maildir_attributes(const FsView *view, Fs *fs, FsInode inode, FsNode *node_r, GError **error);

/* maildir-list.c */
bool fs_maildir_list(const FsView *view, Fs *fs, FsInode directory, uint64_t after, FsListFn fn, void *data, GError **error);
/* Whether a directory shows nothing. */
bool fs_maildir_is_empty(const FsView *view, Fs *fs, FsInode directory, bool *is_empty_r, GError **error);

/* maildir-files.c */
bool fs_maildir_create(const FsView *view, Fs *fs, FsInode directory, const char *name, FsNode *node_r, GError **error);
extern const FsVerb fs_maildir_save, fs_maildir_unlink;

/* Of fs_maildir_rename, when it is about a file. */
bool fs_maildir_rename_file_check(FsChange *change, GError **error);
bool fs_maildir_rename_file_prepare(FsChange *change, StoreWriter *writer, GError **error);
bool fs_maildir_rename_file_apply(FsChange *change, StoreTxn *txn, GError **error);
void fs_maildir_rename_file_applied(FsChange *change);

/* maildir-folders.c */
extern const FsVerb fs_maildir_rename, fs_maildir_mkdir, fs_maildir_rmdir;
