/* Files and messages in mail/ that get another name, or none, or a second one. */
#include "fs/mail.h"

#include "fs/alias.h"
#include "fs/error.h"
#include "fs/foreign.h"
#include "store/files.h"

#include <errno.h>
#include <string.h>

/* Removing. */

static bool
unlink_check(FsChange *change, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };

	if (change->is_directory)
		return fs_throw(error, EISDIR);
	return fs_mail_mailbox(change->fs, fs_inode_row(change->directory), &mailbox, error) && fs_mail_may(&mailbox, "te", error);
}

/* As it was before this change, if it is a message. */
static FsPredecessor
as_predecessor(const StoreMessage *row, bool is_removed)
{
	bool is_message = row->id != 0 && !store_message_is_file(row->state);

	return is_message ? (FsPredecessor){ row->id, row->name_is_users, is_removed } : (FsPredecessor){ 0 };
}

static bool
unlink_apply(FsChange *change, StoreTxn *txn, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_auto(StoreMailbox) mailbox = { 0 };
	g_auto(StoreMessage) row = { 0 };
	int64_t id = fs_mail_row(change->inode);
	StoreRemoval how;
	FsDraft draft;

	if (!fs_mail_mailbox(change->fs, fs_inode_row(change->directory), &mailbox, error) ||
	    !change->fs->calls->removal(txn, mailbox.account_id, &how, change->fs->calls->data, error))
		return false;
	how.heir_id = fs_predecessors_heir(change->fs->predecessors, id);
	store_message_get(change->fs->store, id, &row, NULL);
	change->leaving = as_predecessor(&row, true);
	if (!store_change_remove(txn, id, &how, &failure) &&
	    (core_error_code(failure) != CORE_ERROR_NOT_FOUND || !fs_drafts_get(change->fs->drafts, id, &draft))) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return false;
	}
	fs_drafts_drop(change->fs->drafts, id); /* now: it may be about to be saved in this transaction */
	return true;
}

static void
unlink_failed(FsChange *change)
{
	fs_drafts_restore(change->fs->drafts, fs_mail_row(change->inode));
}

static void
unlink_applied(FsChange *change)
{
	if (change->leaving.id)
		fs_predecessors_note(change->fs->predecessors, fs_inode_row(change->directory), change->name, &change->leaving);
}

const FsVerb fs_mail_unlink = {
	.check = unlink_check,
	.apply = unlink_apply,
	.applied = unlink_applied,
	.failed = unlink_failed,
};

/* Renaming. */

bool
fs_mail_rename_file_check(FsChange *change, GError **error)
{
	g_auto(StoreMailbox) from = { 0 }, to = { 0 };

	if (!fs_mail_holding(change->fs, change->to_directory, &to, error) || !fs_mail_holding(change->fs, change->directory, &from, error))
		return false;
	if (from.account_id != to.account_id)
		return fs_throw(error, EXDEV);
	return from.id == to.id || (fs_mail_may(&from, "te", error) && fs_mail_may(&to, "i", error));
}

/* A file may be a message by its new name, and then its line ends are made right, too. */
bool
fs_mail_rename_file_prepare(FsChange *change, StoreWriter *writer, GError **error)
{
	g_auto(StoreMessage) row = { 0 };
	GError *failure = NULL;
	int64_t id = fs_mail_row(change->inode);
	bool is_file = store_message_get(change->fs->store, id, &row, &failure) && row.state == STORE_MESSAGE_FILE;

	if (failure) {
		g_propagate_error(error, failure);
		return false;
	}
	if (is_file && !fs_name_is_foreign(change->to_name) && !fs_drafts_begin(change->fs->drafts, id, error))
		return false;
	return fs_mail_put(change, change->to_name, writer, error);
}

/* Whose name is "to be" by the message and its UID stays so: in its new folder it is called by its new UID. */
static bool
is_users_name(const StoreMessage *row, const char *name, const char *to_name)
{
	return row->name_is_users || !row->name || (strcmp(row->name, to_name) != 0 && strcmp(name, to_name) != 0);
}

/* What is to be uploaded in the place of a message is called as that one was: by its UID, if the user has not chosen. */
static bool
takes_users_name(const FsChange *change, const StoreMessage *row, const StoreMessage *target)
{
	bool will_have_uid = row->uid == 0 || change->directory != change->to_directory;

	if (will_have_uid && target->id != 0)
		return target->name_is_users || store_message_is_file(target->state);
	if (change->predecessor.id != 0)
		return change->predecessor.is_users_name;
	return is_users_name(row, change->name, change->to_name);
}

/* What was called so a moment ago.  A message that the server has is no new version of another; but it can be called again
 * as it was. */
static FsPredecessor
find_predecessor(const FsChange *change, const StoreMessage *row)
{
	const FsPredecessor none = { 0 };
	bool is_upload = row->id == 0 || store_message_is_file(row->state) || row->state == STORE_MESSAGE_TO_APPEND;

	if (change->target)
		return none;
	FsPredecessor found = fs_predecessors_find(change->fs->predecessors, fs_inode_row(change->to_directory), change->to_name);
	return is_upload || found.id == row->id ? found : none;
}

bool
fs_mail_rename_file_apply(FsChange *change, StoreTxn *txn, GError **error)
{
	g_auto(StoreMailbox) to = { 0 };
	g_auto(StoreMessage) row = { 0 }, target = { 0 };
	FsDraftBytes *bytes = &change->bytes;
	Store *store = change->fs->store;
	int64_t id = fs_mail_row(change->inode);
	StoreRemoval how = { 0 };
	StoreFileRename rename = {
		.id = id,
		.target_id = fs_mail_row(change->target),
		.mailbox_id = fs_inode_row(change->to_directory),
		.name = change->to_name,
		.state = fs_name_is_foreign(change->to_name) ? STORE_MESSAGE_FILE : STORE_MESSAGE_TO_APPEND,
		.not_before_s = fs_mail_quiet_until(change),
	};

	if (!fs_mail_mailbox(change->fs, rename.mailbox_id, &to, error) || !fs_mail_save_bytes(change, txn, error) ||
	    !fs_mail_removal(change->fs, txn, &to, &how, error))
		return false;
	if (bytes->id != 0) {
		rename.state = bytes->is_message ? STORE_MESSAGE_TO_APPEND : STORE_MESSAGE_FILE;
		rename.header_sha256 = bytes->is_message ? bytes->header_sha256 : NULL;
	}
	store_message_get(store, id, &row, NULL);
	if (rename.target_id != 0 && store_message_get(store, rename.target_id, &target, NULL) && target.name &&
	    target.place_id == rename.mailbox_id)
		rename.name = target.name; /* it may have been looked up by a former name */
	change->noted = strcmp(rename.name, change->to_name) != 0;
	change->predecessor = find_predecessor(change, &row);
	change->leaving = bytes->id == 0 ? as_predecessor(&row, false) : (FsPredecessor){ 0 };
	rename.predecessor_id = change->predecessor.id != id ? change->predecessor.id : 0;
	rename.name_is_users = takes_users_name(change, &row, &target);
	if (!store_file_rename(txn, &rename, &how, error) ||
	    (rename.predecessor_id != 0 && !fs_mail_put_aside(txn, &change->predecessor, id, to.id, &how, error)))
		return false;
	if (change->target)
		fs_drafts_drop(change->fs->drafts, rename.target_id);
	return true;
}

void
fs_mail_rename_file_failed(FsChange *change)
{
	if (change->target)
		fs_drafts_restore(change->fs->drafts, fs_mail_row(change->target));
}

/* The kernel believes that the name is the message's own, and would do so for ever. */
static void
note_alias(const Fs *fs, FsInode directory, const char *name, int64_t id)
{
	fs_aliases_note(fs->aliases, fs_inode_row(directory), name, id);
	fs_freshness_begin(fs->freshness);
	fs_freshness_stale(fs->freshness, directory, name);
	fs_freshness_end(fs->freshness);
}

void
fs_mail_rename_file_applied(FsChange *change)
{
	int64_t id = fs_mail_row(change->inode), to_id = fs_inode_row(change->to_directory);

	fs_mail_saved(change);
	fs_drafts_moved(change->fs->drafts, id, to_id, change->to_name);
	if (change->predecessor.id)
		fs_predecessors_follow(change->fs->predecessors, change->predecessor.id, id);
	if (change->noted)
		note_alias(change->fs, change->to_directory, change->to_name, id);
	/* A message that an editor puts aside is followed by what it saves. */
	if (change->leaving.id && change->directory == change->to_directory && fs_name_is_foreign(change->to_name))
		fs_predecessors_note(change->fs->predecessors, to_id, change->name, &change->leaving);
}

/* Copying. */

static bool
link_check(FsChange *change, GError **error)
{
	g_auto(StoreMailbox) to = { 0 }, from = { 0 };
	g_auto(StoreMessage) row = { 0 };
	FsDraft draft;

	if (!fs_mail_row(change->source) || fs_drafts_get(change->fs->drafts, fs_mail_row(change->source), &draft))
		return fs_throw(error, EPERM);
	if (!fs_mail_holding(change->fs, change->directory, &to, error) ||
	    !store_message_get(change->fs->store, fs_mail_row(change->source), &row, error) ||
	    !fs_mail_mailbox(change->fs, row.place_id, &from, error))
		return false;
	if (from.account_id != to.account_id)
		return fs_throw(error, EXDEV);
	change->noted = is_users_name(&row, row.name, change->name);
	if (!fs_mail_may(&to, "i", error))
		return false;
	return (from.id != to.id && !store_message_is_file(row.state)) || fs_throw(error, EPERM);
}

static bool
link_apply(FsChange *change, StoreTxn *txn, GError **error)
{
	change->row_id = 0;
	if (!store_change_copy(txn, fs_mail_row(change->source), fs_inode_row(change->directory), change->name, change->noted,
	                       &change->row_id, error))
		return false;
	change->inode = fs_inode(change->view->tag, FS_TREE_MESSAGE, change->row_id);
	return true;
}

const FsVerb fs_mail_link = { .check = link_check, .apply = link_apply };
