/* Folders in maildir/: making, renaming and removing them, and their three directories.
 *
 * They lie side by side here, but on the server they are in each other: what is renamed takes those below it along. */
#include "fs/maildir.h"

#include "fs/error.h"

#include <errno.h>
#include <string.h>

/* A folder that has all three directories again is told of. */
static void
set_directories(const Fs *fs, int64_t mailbox_id, unsigned directories)
{
	int64_t dropped = fs_maildirs_set(fs->maildirs, mailbox_id, directories);

	if (dropped == 0)
		return;
	fs_freshness_begin(fs->freshness);
	fs_freshness_stale(fs->freshness, fs_inode(FS_TAG_MAILDIR, FS_MAILDIR_FOLDER, dropped), NULL);
	fs_freshness_end(fs->freshness);
}

static bool
note_separator(const StoreMailbox *mailbox, void *data)
{
	*(char *)data = mailbox->separator;
	return mailbox->separator == '\0';
}

/* The nearest folder above @path decides whether there can be one. */
static bool
check_above(const Fs *fs, int64_t account_id, char *const *components, GError **error)
{
	int64_t parent_id = 0;

	for (; components[0] && components[1]; components++) {
		g_auto(StoreMailbox) mailbox = { 0 };
		GError *failure = NULL;
		if (!store_mailbox_find(fs->store, account_id, parent_id, components[0], &mailbox, &failure)) {
			if (failure)
				g_propagate_error(error, failure);
			return !failure;
		}
		if (!components[2] && !fs_mail_may(&mailbox, "k", error))
			return false;
		parent_id = mailbox.id;
	}
	return true;
}

/* The path of the folder that is to be at @name; NULL: there can be none. */
static char *
new_path(const Fs *fs, FsInode account, const char *name, GError **error)
{
	g_autofree char *path = fs_maildir_folder_path(name);
	char separator = '\0';

	if (*name != '.' || fs_maildir_name_is_private(name)) {
		fs_throw(error, EPERM);
		return NULL;
	}
	if (!path) {
		fs_throw(error, EINVAL);
		return NULL;
	}
	if (!store_mailbox_list(fs->store, fs_inode_row(account), note_separator, &separator, error))
		return NULL;
	g_auto(GStrv) components = g_strsplit(path, "/", -1);
	for (char **component = components; *component; component++) {
		if (separator != '\0' && separator != '/' && strchr(*component, separator)) {
			fs_throw(error, EINVAL);
			return NULL;
		}
	}
	return check_above(fs, fs_inode_row(account), components, error) ? g_steal_pointer(&path) : NULL;
}

/* Making. */

/* One of the three, in a folder that has it not. */
static bool
check_directory(FsChange *change, GError **error)
{
	int64_t id = fs_inode_row(change->directory);
	unsigned kind = fs_maildir_directory_kind(change->name);

	if (kind == 0 || fs_inode_kind(change->directory) != FS_MAILDIR_FOLDER)
		return fs_throw(error, EPERM);
	if (fs_maildirs_have(change->fs->maildirs, id) & fs_maildir_bit(kind))
		return fs_throw(error, EEXIST);
	change->inode = fs_inode(FS_TAG_MAILDIR, kind, id);
	return true;
}

static bool
mkdir_check(FsChange *change, GError **error)
{
	if (fs_inode_kind(change->directory) != FS_MAILDIR_ACCOUNT)
		return check_directory(change, error);
	change->row_id = fs_inode_row(change->directory);
	change->value = new_path(change->fs, change->directory, change->name, error);
	return change->value != NULL;
}

static bool
mkdir_apply(FsChange *change, StoreTxn *txn, GError **error)
{
	return !change->value || fs_mail_mkdir.apply(change, txn, error);
}

static void
mkdir_applied(FsChange *change)
{
	unsigned kind = fs_inode_kind(change->inode);
	int64_t id = fs_inode_row(change->inode);

	if (change->value)
		set_directories(change->fs, id, 0);
	else
		set_directories(change->fs, id, fs_maildirs_have(change->fs->maildirs, id) | fs_maildir_bit(kind));
}

const FsVerb fs_maildir_mkdir = { .check = mkdir_check, .apply = mkdir_apply, .applied = mkdir_applied };

/* Removing. */

/* One of the three is not there from now on, if nothing is in it: as far as @change->fs remembers.  What comes meanwhile
 * brings it back. */
static bool
hide_directory(const FsChange *change, GError **error)
{
	const Fs *fs = change->fs;
	int64_t id = fs_inode_row(change->inode);
	bool is_empty;

	if (fs_inode_kind(change->directory) != FS_MAILDIR_FOLDER)
		return fs_throw(error, EBUSY); /* INBOX is there as long as the account is */
	unsigned had = fs_maildirs_have(fs->maildirs, id);
	set_directories(fs, id, had & ~fs_maildir_bit(fs_inode_kind(change->inode)));
	bool ok = fs_maildir_is_empty(change->view, change->fs, change->inode, &is_empty, error);
	if (ok && is_empty)
		return true;
	set_directories(fs, id, had);
	return ok && fs_throw(error, ENOTEMPTY);
}

static bool
rmdir_check(FsChange *change, GError **error)
{
	if (fs_maildir_is_directory(change->inode))
		return hide_directory(change, error);
	if (fs_inode_kind(change->inode) != FS_MAILDIR_FOLDER)
		return fs_throw(error, change->is_directory ? EPERM : ENOTDIR);
	if (!fs_mail_rmdir.check(change, error))
		return false;
	return fs_maildirs_have(change->fs->maildirs, fs_inode_row(change->inode)) == 0 || fs_throw(error, ENOTEMPTY);
}

static bool
rmdir_apply(FsChange *change, StoreTxn *txn, GError **error)
{
	return fs_maildir_is_directory(change->inode) || fs_mail_rmdir.apply(change, txn, error);
}

const FsVerb fs_maildir_rmdir = { .check = rmdir_check, .apply = rmdir_apply };

/* Renaming: of a file it is maildir-files.c's. */

static bool
rename_folder_check(FsChange *change, GError **error)
{
	if (fs_inode_kind(change->inode) != FS_MAILDIR_FOLDER || fs_inode_kind(change->to_directory) != FS_MAILDIR_ACCOUNT)
		return fs_throw(error, fs_maildir_is_directory(change->inode) ? EBUSY : EPERM);
	if (change->directory != change->to_directory)
		return fs_throw(error, EXDEV);
	if (change->target)
		return fs_throw(error, ENOTEMPTY); /* it has at least cur, new and tmp */
	change->value = new_path(change->fs, change->to_directory, change->to_name, error);
	return change->value && fs_mail_rename_folder_check(change, error);
}

static bool
rename_check(FsChange *change, GError **error)
{
	return change->is_directory ? rename_folder_check(change, error) : fs_maildir_rename_file_check(change, error);
}

static bool
rename_prepare(FsChange *change, StoreWriter *writer, GError **error)
{
	return change->is_directory || fs_maildir_rename_file_prepare(change, writer, error);
}

static bool
rename_apply(FsChange *change, StoreTxn *txn, GError **error)
{
	return change->is_directory ? fs_mail_rename_folder_apply(change, txn, error)
	                            : fs_maildir_rename_file_apply(change, txn, error);
}

static void
rename_applied(FsChange *change)
{
	if (!change->is_directory)
		fs_maildir_rename_file_applied(change);
}

const FsVerb fs_maildir_rename = {
	.check = rename_check,
	.prepare = rename_prepare,
	.apply = rename_apply,
	.applied = rename_applied,
};
