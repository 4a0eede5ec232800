/* Files in maildir/: what programs write, and the messages that it becomes by being moved, or written, into new/ or cur/.
 *
 * What is no message, or not yet, is a row in state STORE_MESSAGE_TMP that is called "tmp/NAME" (or "new/…", "cur/…"); mail/
 * does not show it. */
#include "fs/maildir.h"

#include "fs/error.h"
#include "mime/derive.h"
#include "mime/name.h"
#include "store/files.h"
#include "store/maildir.h"

#include <errno.h>
#include <string.h>

#define HEADER_MAX_BYTES MIME_HEADER_MAX_BYTES /* how much of a message is looked at for its name */

/* A name in new/ or cur/ that a message can have.  False with *error unset: it is that of another file (".lock"). */
static bool
parse(const char *name, FsMaildirName *name_r, GError **error)
{
	if (!fs_maildir_name_parse(name, name_r))
		return false;
	return strlen(name_r->base) <= FS_MAILDIR_BASE_MAX_BYTES || fs_throw(error, ENAMETOOLONG);
}

/* Whether what is called "cur/NAME" becomes a message there, once it is one. */
static bool
is_delivery(const char *file_name)
{
	g_auto(FsMaildirName) parsed = { 0 };
	const char *slash = strchr(file_name, '/');

	return slash && !g_str_has_prefix(file_name, "tmp/") && fs_maildir_name_parse(slash + 1, &parsed);
}

/* What a program has called a message is kept, unless it is made like the names that we give: those are the messages' own. */
static const char *
base_to_keep(const char *base)
{
	int64_t date_s;

	return fs_maildir_own_id(base, &date_s) == 0 ? base : NULL;
}

bool
fs_maildir_create(const FsView *view, Fs *fs, FsInode directory, const char *name, FsNode *node_r, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	g_auto(FsMaildirName) parsed = { 0 };
	GError *failure = NULL;
	FsDraft draft;

	if (!fs_maildir_is_directory(directory))
		return fs_throw(error, EPERM);
	if (fs_inode_kind(directory) != FS_MAILDIR_TMP && !parse(name, &parsed, &failure) && failure) {
		g_propagate_error(error, failure);
		return false;
	}
	g_autofree char *file_name = fs_maildir_file_name(directory, name);
	if (!fs_mail_mailbox(fs, fs_inode_row(directory), &mailbox, error) || !fs_mail_may(&mailbox, "i", error) ||
	    !fs_mail_create_draft(fs, mailbox.id, file_name, true, NULL, &draft, error))
		return false;
	*node_r = fs_tree_draft_node(view, &draft);
	node_r->fleeting = true;
	return true;
}

/* Delivery. */

/* The name in mail/ of what was just written, until the server has given it a UID. */
static char *
make_name(const FsChange *change, StoreTxn *txn, int64_t mailbox_id, GError **error)
{
	const FsDraftBytes *bytes = &change->bytes;
	g_autoptr(StoreSegment) segment = store_body_segment(change->fs->store, &bytes->body, error);
	g_auto(StoreMessage) row = { 0 };
	g_auto(MimeDerived) derived = { 0 };

	if (!segment)
		return NULL;
	bool is_dated = store_message_get(change->fs->store, bytes->id, &row, NULL) && row.dated == STORE_DATED_BY_USER;
	MimeSource source = { .fd = store_segment_fd(segment), .offset = bytes->body.offset,
		                  .length = MIN(bytes->body.length, HEADER_MAX_BYTES) };
	mime_derive(&source, false, &derived);
	g_autofree char *name = mime_name_make(is_dated && !bytes->dated ? row.internaldate_s : bytes->time_s, derived.from,
	                                       derived.subject, 0);
	return store_free_name(txn, mailbox_id, name, bytes->id, error);
}

/* What was written becomes a message, called @name in new/ or cur/. */
static bool
deliver(FsChange *change, StoreTxn *txn, int64_t mailbox_id, const char *name, bool is_old, GError **error)
{
	FsDraftBytes *bytes = &change->bytes;
	g_auto(FsMaildirName) parsed = { 0 };
	const StoreRemoval none = { 0 };

	if (!fs_maildir_name_parse(name, &parsed))
		return fs_throw(error, EINVAL);
	if (!bytes->flags)
		bytes->flags = fs_maildir_flags(parsed.letters);
	if (!fs_mail_save_bytes(change, txn, error))
		return false;
	g_free(change->value);
	change->value = make_name(change, txn, mailbox_id, error);
	StoreFileRename rename = {
		.id = bytes->id,
		.mailbox_id = mailbox_id,
		.name = change->value,
		.state = STORE_MESSAGE_TO_APPEND,
		.header_sha256 = bytes->header_sha256,
		.not_before_s = fs_mail_quiet_until(change),
	};
	return change->value && store_file_rename(txn, &rename, &none, error) &&
	       store_maildir_set(txn, bytes->id, base_to_keep(parsed.base), is_old, error);
}

/* Saving: into tmp/ it is only kept; into new/ and cur/ it is delivered by being closed, once it is a message. */

static bool
save_prepare(FsChange *change, StoreWriter *writer, GError **error)
{
	int64_t id = fs_mail_row(change->inode);

	fs_draft_bytes_clear(&change->bytes);
	g_free(change->name);
	change->name = fs_drafts_name(change->fs->drafts, id);
	bool is_message = change->name && !strchr(change->name, '/'); /* written over here, so it stays one */
	if (change->name && (is_message || is_delivery(change->name)))
		return fs_drafts_deliver(change->fs->drafts, id, writer, &change->bytes, error);
	return fs_mail_put(change, NULL, writer, error);
}

static bool
save_apply(FsChange *change, StoreTxn *txn, GError **error)
{
	FsDraftBytes *bytes = &change->bytes;
	bool is_delivered = bytes->id != 0 && bytes->is_message && is_delivery(change->name);

	if (!is_delivered)
		return fs_mail_save_bytes(change, txn, error);
	return deliver(change, txn, bytes->mailbox_id, strchr(change->name, '/') + 1, g_str_has_prefix(change->name, "cur/"), error);
}

static void
save_applied(FsChange *change)
{
	fs_mail_saved(change);
	if (change->value)
		fs_drafts_moved(change->fs->drafts, change->bytes.id, change->bytes.mailbox_id, change->value);
}

const FsVerb fs_maildir_save = {
	.prepare = save_prepare,
	.apply = save_apply,
	.applied = save_applied,
	.failed = fs_mail_save_failed,
};

/* Removing. */

/* Whether it is a message; else a file, which may have no row yet. */
static bool
ask_message(const Fs *fs, FsInode inode, bool *is_message_r, GError **error)
{
	g_auto(StoreMessage) row = { 0 };
	GError *failure = NULL;

	*is_message_r = store_message_get(fs->store, fs_mail_row(inode), &row, &failure) && !store_message_is_file(row.state);
	if (failure)
		g_propagate_error(error, failure);
	return !failure;
}

/* @heir_id: what takes its place; 0: nothing. */
static bool
take_away(const FsChange *change, StoreTxn *txn, FsInode inode, FsInode directory, int64_t heir_id, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_auto(StoreMailbox) mailbox = { 0 };
	StoreRemoval how;
	FsDraft draft;

	if (!fs_mail_mailbox(change->fs, fs_inode_row(directory), &mailbox, error) ||
	    !change->fs->calls->removal(txn, mailbox.account_id, &how, change->fs->calls->data, error))
		return false;
	how.heir_id = heir_id;
	if (store_change_remove(txn, fs_mail_row(inode), &how, &failure) ||
	    (core_error_code(failure) == CORE_ERROR_NOT_FOUND && fs_drafts_get(change->fs->drafts, fs_mail_row(inode), &draft)))
		return true;
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

static bool
unlink_check(FsChange *change, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	bool is_message;

	if (change->is_directory)
		return fs_throw(error, EISDIR);
	if (!fs_mail_row(change->inode))
		return fs_throw(error, EPERM);
	if (!ask_message(change->fs, change->inode, &is_message, error) ||
	    !fs_mail_mailbox(change->fs, fs_inode_row(change->directory), &mailbox, error))
		return false;
	return !is_message || fs_mail_may(&mailbox, "te", error);
}

static bool
unlink_apply(FsChange *change, StoreTxn *txn, GError **error)
{
	return take_away(change, txn, change->inode, change->directory, 0, error);
}

static void
unlink_applied(FsChange *change)
{
	fs_drafts_drop(change->fs->drafts, fs_mail_row(change->inode));
}

const FsVerb fs_maildir_unlink = { .check = unlink_check, .apply = unlink_apply, .applied = unlink_applied };

/* Renaming. */

static bool
check_name(const FsChange *change, bool is_message, GError **error)
{
	g_auto(FsMaildirName) parsed = { 0 };
	GError *failure = NULL;
	bool is_tmp = fs_inode_kind(change->to_directory) == FS_MAILDIR_TMP;

	if (!is_tmp && parse(change->to_name, &parsed, &failure))
		return true;
	if (!failure && is_message)
		fs_throw(&failure, is_tmp ? EPERM : EINVAL);
	if (failure)
		g_propagate_error(error, failure);
	return !failure;
}

bool
fs_maildir_rename_file_check(FsChange *change, GError **error)
{
	g_auto(StoreMailbox) from = { 0 }, to = { 0 };

	if (!fs_maildir_is_directory(change->directory) || !fs_maildir_is_directory(change->to_directory) ||
	    !fs_mail_row(change->inode))
		return fs_throw(error, EPERM);
	if (!ask_message(change->fs, change->inode, &change->noted, error) || !check_name(change, change->noted, error) ||
	    !fs_mail_mailbox(change->fs, fs_inode_row(change->directory), &from, error) ||
	    !fs_mail_mailbox(change->fs, fs_inode_row(change->to_directory), &to, error))
		return false;
	if (from.account_id != to.account_id)
		return fs_throw(error, EXDEV);
	return from.id == to.id || ((!change->noted || fs_mail_may(&from, "te", error)) && fs_mail_may(&to, "i", error));
}

static bool
is_delivered(const FsChange *change)
{
	g_autofree char *file_name = fs_maildir_file_name(change->to_directory, change->to_name);

	return !change->noted && is_delivery(file_name);
}

/* Who delivers what is no message hears so, and keeps it. */
bool
fs_maildir_rename_file_prepare(FsChange *change, StoreWriter *writer, GError **error)
{
	FsDrafts *drafts = change->fs->drafts;
	int64_t id = fs_mail_row(change->inode);

	fs_draft_bytes_clear(&change->bytes);
	change->bytes = (FsDraftBytes){ 0 };
	if (change->noted)
		return true;
	if (!is_delivered(change))
		return fs_mail_put(change, NULL, writer, error);
	return fs_drafts_begin(drafts, id, error) && fs_drafts_deliver(drafts, id, writer, &change->bytes, error) &&
	       (change->bytes.is_message || fs_throw(error, EINVAL));
}

static bool
rename_file(FsChange *change, StoreTxn *txn, GError **error)
{
	g_autofree char *file_name = fs_maildir_file_name(change->to_directory, change->to_name);
	const StoreRemoval none = { 0 };
	StoreFileRename rename = {
		.id = fs_mail_row(change->inode),
		.mailbox_id = fs_inode_row(change->to_directory),
		.name = file_name,
		.name_is_users = true,
		.state = STORE_MESSAGE_TMP,
	};

	if (!fs_mail_save_bytes(change, txn, error) || !store_file_rename(txn, &rename, &none, error))
		return false;
	g_free(change->value);
	change->value = g_steal_pointer(&file_name);
	return true;
}

/* Only what the two names differ in: keywords have no letter, and others may have set flags meanwhile. */
static bool
change_letters(StoreTxn *txn, int64_t id, unsigned from, unsigned to, GError **error)
{
	g_autofree char *add = fs_maildir_flags(to & ~from), *remove = fs_maildir_flags(from & ~to);

	return store_change_flags(txn, id, add, remove, error);
}

static bool
rename_message(const FsChange *change, StoreTxn *txn, GError **error)
{
	g_auto(FsMaildirName) from = { 0 }, to = { 0 };
	int64_t id = fs_mail_row(change->inode), to_id = fs_inode_row(change->to_directory);
	bool is_old = fs_inode_kind(change->to_directory) == FS_MAILDIR_CUR;

	if (!fs_maildir_name_parse(change->name, &from) || !fs_maildir_name_parse(change->to_name, &to))
		return fs_throw(error, EINVAL);
	return (to_id == fs_inode_row(change->directory) || store_change_move(txn, id, to_id, NULL, false, error)) &&
	       change_letters(txn, id, from.letters, to.letters, error) &&
	       store_maildir_set(txn, id, base_to_keep(to.base), is_old, error);
}

bool
fs_maildir_rename_file_apply(FsChange *change, StoreTxn *txn, GError **error)
{
	int64_t to_id = fs_inode_row(change->to_directory);
	bool is_delivery_now = is_delivered(change);

	if (change->target && !take_away(change, txn, change->target, change->to_directory,
	                                 is_delivery_now ? fs_mail_row(change->inode) : 0, error))
		return false;
	if (change->noted)
		return rename_message(change, txn, error);
	if (!is_delivery_now)
		return rename_file(change, txn, error);
	return deliver(change, txn, to_id, change->to_name, fs_inode_kind(change->to_directory) == FS_MAILDIR_CUR, error);
}

/* The kernel believes that what was renamed is called so, and would do so for ever; but letters may be in another order in the
 * name that is listed, or the message is in cur/ because of them. */
static void
forget_name(const Fs *fs, FsInode directory, const char *name)
{
	fs_freshness_begin(fs->freshness);
	fs_freshness_stale(fs->freshness, directory, name);
	fs_freshness_end(fs->freshness);
}

void
fs_maildir_rename_file_applied(FsChange *change)
{
	fs_mail_saved(change);
	if (change->value) /* of a file, or of what has become of it */
		fs_drafts_moved(change->fs->drafts, fs_mail_row(change->inode), fs_inode_row(change->to_directory), change->value);
	if (change->target)
		fs_drafts_drop(change->fs->drafts, fs_mail_row(change->target));
	forget_name(change->fs, change->to_directory, change->to_name);
}
