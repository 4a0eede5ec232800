/* Folders in mail/: making, renaming and removing them. */
#include "fs/mail.h"

#include "fs/error.h"
#include "fs/foreign.h"
#include "store/mailboxes.h"

#include <errno.h>
#include <string.h>

/* Where a folder is, or can be: the account, and the path of the directory in it ("": the account's root). */
static bool
place_of(const Fs *fs, FsInode directory, int64_t *account_id_r, char *separator_r, char **path_r, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };

	*separator_r = '\0';
	if (fs_inode_kind(directory) == FS_TREE_ACCOUNT) {
		*account_id_r = fs_inode_row(directory);
		*path_r = g_strdup("");
		return true;
	}
	if (fs_inode_kind(directory) != FS_TREE_MAILBOX)
		return fs_throw(error, EPERM);
	if (!store_mailbox_get(fs->store, fs_inode_row(directory), &mailbox, error) || !fs_mail_may(&mailbox, "k", error))
		return false;
	*account_id_r = mailbox.account_id;
	*separator_r = mailbox.separator;
	*path_r = store_mailbox_path(fs->store, mailbox.id, error);
	return *path_r != NULL;
}

static bool
note_separator(const StoreMailbox *mailbox, void *data)
{
	char *separator = data;

	*separator = mailbox->separator;
	return *separator == '\0';
}

/* A name that would be another path there, or that programs give to what is theirs. */
static bool
check_name(const Fs *fs, int64_t account_id, char separator, const char *name, GError **error)
{
	if (separator == '\0' && !store_mailbox_list(fs->store, account_id, note_separator, &separator, error))
		return false;
	if (fs_name_is_foreign(name))
		return fs_throw(error, EPERM);
	return separator == '\0' || separator == '/' || !strchr(name, separator) || fs_throw(error, EINVAL);
}

/* What the new folder at to_directory/name will be called, checked. */
static char *
new_path(const Fs *fs, FsInode directory, const char *name, int64_t *account_id_r, GError **error)
{
	g_autofree char *path = NULL;
	char separator;

	if (!place_of(fs, directory, account_id_r, &separator, &path, error) ||
	    !check_name(fs, *account_id_r, separator, name, error))
		return NULL;
	if (*path == '\0' && g_ascii_strcasecmp(name, "INBOX") == 0) { /* the same in any case, and always there */
		fs_throw(error, EEXIST);
		return NULL;
	}
	return *path ? g_strconcat(path, "/", name, NULL) : g_strdup(name);
}

static bool
mkdir_check(FsChange *change, GError **error)
{
	change->value = new_path(change->fs, change->directory, change->name, &change->row_id, error);
	return change->value != NULL;
}

static bool
mkdir_apply(FsChange *change, StoreTxn *txn, GError **error)
{
	g_auto(GStrv) components = g_strsplit(change->value, "/", -1);
	g_autoptr(GError) failure = NULL;
	int64_t id;

	if (store_change_create(txn, change->row_id, components, 0, &id, &failure)) {
		change->inode = fs_inode(change->view->tag, FS_TREE_MAILBOX, id);
		return true;
	}
	if (core_error_code(failure) == CORE_ERROR_REFUSED)
		return fs_throw(error, EEXIST);
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

const FsVerb fs_mail_mkdir = { .check = mkdir_check, .apply = mkdir_apply };

#define SPECIAL \
	(STORE_MAILBOX_ALL | STORE_MAILBOX_ARCHIVE | STORE_MAILBOX_DRAFTS | STORE_MAILBOX_FLAGGED | STORE_MAILBOX_JUNK | \
	 STORE_MAILBOX_SENT | STORE_MAILBOX_TRASH | STORE_MAILBOX_IMPORTANT)

static bool
is_inbox(const StoreMailbox *mailbox)
{
	return mailbox->parent_id == 0 && g_ascii_strcasecmp(mailbox->name, "INBOX") == 0;
}

/* A folder that can be removed, as far as that can be told before. */
static bool
check_removable(const Fs *fs, FsInode inode, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };

	if (fs_inode_kind(inode) != FS_TREE_MAILBOX)
		return fs_throw(error, fs_inode_kind(inode) == FS_TREE_MESSAGE ? ENOTDIR : EPERM);
	if (!store_mailbox_get(fs->store, fs_inode_row(inode), &mailbox, error))
		return false;
	if (is_inbox(&mailbox) || (mailbox.attributes & SPECIAL))
		return fs_throw(error, EBUSY);
	if (!fs_mail_may(&mailbox, "x", error))
		return false;
	return !fs_drafts_any(fs->drafts, mailbox.id) || fs_throw(error, ENOTEMPTY);
}

static bool
remove_folder(StoreTxn *txn, int64_t id, GError **error)
{
	g_autoptr(GError) failure = NULL;

	if (store_change_delete(txn, id, &failure))
		return true;
	if (core_error_code(failure) == CORE_ERROR_REFUSED)
		return fs_throw(error, ENOTEMPTY);
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

static bool
rmdir_check(FsChange *change, GError **error)
{
	return check_removable(change->fs, change->inode, error);
}

static bool
rmdir_apply(FsChange *change, StoreTxn *txn, GError **error)
{
	return remove_folder(txn, fs_inode_row(change->inode), error);
}

const FsVerb fs_mail_rmdir = { .check = rmdir_check, .apply = rmdir_apply };

/* Renaming: of a file it is mail-files.c's. */

bool
fs_mail_rename_folder_check(FsChange *change, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };

	if (fs_inode_kind(change->inode) != FS_TREE_MAILBOX)
		return fs_throw(error, EPERM);
	if (!store_mailbox_get(change->fs->store, fs_inode_row(change->inode), &mailbox, error))
		return false;
	if (is_inbox(&mailbox))
		return fs_throw(error, EBUSY);
	change->row_id = mailbox.account_id;
	return fs_mail_may(&mailbox, "x", error);
}

static bool
rename_folder_check(FsChange *change, GError **error)
{
	int64_t account_id;

	if (!fs_mail_rename_folder_check(change, error))
		return false;
	change->value = new_path(change->fs, change->to_directory, change->to_name, &account_id, error);
	if (!change->value)
		return false;
	if (account_id != change->row_id)
		return fs_throw(error, EXDEV);
	return !change->target || check_removable(change->fs, change->target, error);
}

bool
fs_mail_rename_folder_apply(FsChange *change, StoreTxn *txn, GError **error)
{
	g_autoptr(GError) failure = NULL;

	if (change->target && !remove_folder(txn, fs_inode_row(change->target), error))
		return false;
	if (store_change_rename(txn, fs_inode_row(change->inode), change->value, &failure))
		return true;
	if (core_error_code(failure) == CORE_ERROR_REFUSED)
		return fs_throw(error, EINVAL);
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

static bool
rename_check(FsChange *change, GError **error)
{
	return change->is_directory ? rename_folder_check(change, error) : fs_mail_rename_file_check(change, error);
}

static bool
rename_prepare(FsChange *change, StoreWriter *writer, GError **error)
{
	return change->is_directory || fs_mail_rename_file_prepare(change, writer, error);
}

static bool
rename_apply(FsChange *change, StoreTxn *txn, GError **error)
{
	return change->is_directory ? fs_mail_rename_folder_apply(change, txn, error)
	                            : fs_mail_rename_file_apply(change, txn, error);
}

static void
rename_applied(FsChange *change)
{
	if (!change->is_directory)
		fs_mail_rename_file_applied(change);
}

static void
rename_failed(FsChange *change)
{
	if (!change->is_directory)
		fs_mail_rename_file_failed(change);
}

const FsVerb fs_mail_rename = {
	.check = rename_check,
	.prepare = rename_prepare,
	.apply = rename_apply,
	.applied = rename_applied,
	.failed = rename_failed,
};
