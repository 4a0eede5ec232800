/* How what was written in mail/ gets into the store, and what the changes of files there share. */
#include "fs/mail.h"

#include "core/clock.h"
#include "fs/error.h"
#include "fs/foreign.h"
#include "store/files.h"

#include <errno.h>

#define QUIET_S 3        /* at least two whole ones, in a clock that counts seconds */
#define OPEN_QUIET_S 300 /* of what nobody has closed */

int64_t
fs_mail_quiet_until(const FsChange *change)
{
	return core_clock_wall_s() + (change->is_open ? OPEN_QUIET_S : QUIET_S);
}

bool
fs_mail_may(const StoreMailbox *mailbox, const char *rights, GError **error)
{
	for (const char *right = rights; *right; right++)
		if (store_mailbox_may(mailbox->rights, *right))
			return true;
	return fs_throw(error, EACCES);
}

bool
fs_mail_holding(const Fs *fs, FsInode directory, StoreMailbox *mailbox_r, GError **error)
{
	if (fs_inode_kind(directory) != FS_TREE_MAILBOX)
		return fs_throw(error, EPERM);
	if (!store_mailbox_get(fs->store, fs_inode_row(directory), mailbox_r, error))
		return false;
	return (mailbox_r->attributes & STORE_MAILBOX_SELECTABLE) || fs_throw(error, EPERM);
}

bool
fs_mail_removal(const Fs *fs, StoreTxn *txn, const StoreMailbox *mailbox, StoreRemoval *how_r, GError **error)
{
	if (mailbox->attributes & STORE_MAILBOX_DRAFTS) {
		*how_r = (StoreRemoval){ 0 };
		return true;
	}
	return fs->calls->removal(txn, mailbox->account_id, how_r, fs->calls->data, error);
}

bool
fs_mail_mailbox(const Fs *fs, int64_t id, StoreMailbox *mailbox_r, GError **error)
{
	GError *failure = NULL;

	if (store_mailbox_get(fs->store, id, mailbox_r, &failure))
		return true;
	if (failure)
		g_propagate_error(error, failure);
	return failure ? false : fs_throw(error, ENOENT);
}

/* A draft is forgotten behind the transaction that has saved it. */
bool
fs_mail_is_saved(Fs *fs, FsInode inode)
{
	FsDraft draft;

	return !fs_drafts_get(fs->drafts, fs_mail_row(inode), &draft);
}

bool
fs_mail_put(FsChange *change, const char *as_name, StoreWriter *writer, GError **error)
{
	fs_draft_bytes_clear(&change->bytes);
	return fs_drafts_put(change->fs->drafts, fs_mail_row(change->inode), as_name, writer, &change->bytes, error);
}

static bool
save_prepare(FsChange *change, StoreWriter *writer, GError **error)
{
	return fs_mail_put(change, NULL, writer, error);
}

/* The name that a new file can have: the server may have brought a message of that name. */
static bool
free_name(StoreTxn *txn, FsDraftBytes *bytes, GError **error)
{
	bool taken;

	if (!store_name_taken(txn, bytes->mailbox_id, bytes->name, bytes->id, &taken, error))
		return false;
	if (!taken)
		return true;
	char *other = store_free_name(txn, bytes->mailbox_id, bytes->name, bytes->id, error);
	g_free(bytes->name);
	bytes->name = other;
	return other != NULL;
}

bool
fs_mail_put_aside(StoreTxn *txn, const FsPredecessor *predecessor, int64_t heir_id, int64_t mailbox_id,
                  const StoreRemoval *how, GError **error)
{
	g_autoptr(GError) failure = NULL;

	if (predecessor->id == 0 || predecessor->is_removed ||
	    store_file_put_aside(txn, predecessor->id, heir_id, mailbox_id, fs_name_is_foreign, how, &failure) ||
	    core_error_code(failure) == CORE_ERROR_NOT_FOUND)
		return true;
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

static bool
store_bytes(FsChange *change, StoreTxn *txn, GError **error)
{
	FsDraftBytes *bytes = &change->bytes;
	const Fs *fs = change->fs;
	const FsPredecessor *predecessor = &bytes->predecessor;
	g_auto(StoreMailbox) mailbox = { 0 };
	StoreRemoval how = { 0 };
	StoreFile file = {
		.id = bytes->id,
		.mailbox_id = bytes->mailbox_id,
		.name_is_users = bytes->is_users_name,
		.state = bytes->is_tmp ? STORE_MESSAGE_TMP : bytes->is_message ? STORE_MESSAGE_TO_APPEND : STORE_MESSAGE_FILE,
		.body = &bytes->body,
		.header_sha256 = bytes->is_message ? bytes->header_sha256 : NULL,
		.time_s = bytes->time_s,
		.dated = bytes->dated,
		.flags = bytes->flags,
		.predecessor_id = predecessor->id,
		.not_before_s = fs_mail_quiet_until(change),
	};

	if (!fs_mail_mailbox(fs, bytes->mailbox_id, &mailbox, error) || (bytes->is_new && !free_name(txn, bytes, error)) ||
	    ((!bytes->is_new || predecessor->id) && !fs_mail_removal(fs, txn, &mailbox, &how, error)))
		return false;
	file.name = bytes->name;
	return store_file_save(txn, &file, &how, error) && fs_mail_put_aside(txn, predecessor, bytes->id, mailbox.id, &how, error);
}

/* A message that the server copies.  One that is called by its UID is so in its new folder, too. */
static bool
store_copy(const Fs *fs, StoreTxn *txn, FsDraftBytes *bytes, GError **error)
{
	g_auto(StoreMessage) source = { 0 };
	int64_t id = bytes->id;

	store_message_get(fs->store, bytes->copy_of, &source, NULL);
	bool is_users_name = source.name_is_users || g_strcmp0(source.name, bytes->name) != 0;
	if (!free_name(txn, bytes, error) ||
	    !store_change_copy(txn, bytes->copy_of, bytes->mailbox_id, bytes->name, is_users_name, &id, error))
		return false;
	return !bytes->flags || store_change_flags(txn, id, bytes->flags, "", error);
}

bool
fs_mail_save_bytes(FsChange *change, StoreTxn *txn, GError **error)
{
	FsDraftBytes *bytes = &change->bytes;
	g_autoptr(GError) failure = NULL;

	if (bytes->id == 0 || fs_drafts_is_removed(change->fs->drafts, bytes->id))
		return true;
	if (bytes->copy_of ? store_copy(change->fs, txn, bytes, &failure) : store_bytes(change, txn, &failure))
		return true;
	if (!bytes->is_new && core_error_code(failure) == CORE_ERROR_NOT_FOUND && failure->domain == CORE_ERROR) {
		bytes->is_new = true;
		return store_bytes(change, txn, error);
	}
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

static bool
save_apply(FsChange *change, StoreTxn *txn, GError **error)
{
	return fs_mail_save_bytes(change, txn, error);
}

void
fs_mail_saved(FsChange *change)
{
	const FsDraftBytes *bytes = &change->bytes;

	if (bytes->id == 0)
		return;
	fs_drafts_saved(change->fs->drafts, bytes);
	if (bytes->predecessor.id)
		fs_predecessors_follow(change->fs->predecessors, bytes->predecessor.id, bytes->id);
}

/* Who cannot save a file that he has only cut leaves it as it is. */
void
fs_mail_save_failed(FsChange *change)
{
	if (!change->is_open)
		fs_drafts_undo_cut(change->fs->drafts, fs_mail_row(change->inode));
}

const FsVerb fs_mail_save = {
	.prepare = save_prepare,
	.apply = save_apply,
	.applied = fs_mail_saved,
	.failed = fs_mail_save_failed,
};
