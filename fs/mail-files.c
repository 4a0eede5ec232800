/* Writing in mail/: files, and the messages that they become.  docs/filesystem.md has the table of what each operation
 * means on the server; store/files.h does it. */
#include "fs/mail.h"

#include "core/clock.h"
#include "core/log.h"
#include "fs/alias.h"
#include "fs/error.h"
#include "fs/foreign.h"
#include "fs/predecessor.h"
#include "store/files.h"
#include "store/mailboxes.h"

#include <errno.h>
#include <string.h>

#define QUIET_S 3 /* at least two whole ones, in a clock that counts seconds */

static int64_t
quiet_until(void)
{
	return core_clock_wall_s() + QUIET_S;
}

static int64_t
row_of(FsInode inode)
{
	return fs_inode_kind(inode) == FS_TREE_MESSAGE ? fs_inode_row(inode) : 0;
}

/* The folder that is this directory, with messages in it; else EPERM: neither an account nor what is only a directory on the
 * server can hold a message, and other files would never leave this computer. */
static bool
holding(const Fs *fs, FsInode directory, StoreMailbox *mailbox_r, GError **error)
{
	if (fs_inode_kind(directory) != FS_TREE_MAILBOX)
		return fs_throw(error, EPERM);
	if (!store_mailbox_get(fs->store, fs_inode_row(directory), mailbox_r, error))
		return false;
	return (mailbox_r->attributes & STORE_MAILBOX_SELECTABLE) || fs_throw(error, EPERM);
}

/* How a message that is saved over is removed there: what stays in Drafts after each save would fill the Trash. */
static bool
removal(const Fs *fs, StoreTxn *txn, const StoreMailbox *mailbox, StoreRemoval *how_r, GError **error)
{
	if (mailbox->attributes & STORE_MAILBOX_DRAFTS) {
		*how_r = (StoreRemoval){ 0 };
		return true;
	}
	return fs->calls->removal(txn, mailbox->account_id, how_r, fs->calls->data, error);
}

static bool
mailbox_of(const Fs *fs, int64_t id, StoreMailbox *mailbox_r, GError **error)
{
	GError *failure = NULL;

	if (store_mailbox_get(fs->store, id, mailbox_r, &failure))
		return true;
	if (failure)
		g_propagate_error(error, failure);
	return failure ? false : fs_throw(error, ENOENT);
}

/* Creating and writing. */

/* More ids, reserved while those at hand are used. */
typedef struct {
	FsJob job;
	FsDrafts *drafts;
	int64_t first;
} Reserve;

static bool
reserve_apply(FsJob *job, StoreTxn *txn, GError **error)
{
	return fs_drafts_reserve_ids(txn, &((Reserve *)job)->first, error);
}

static void
reserve_done(FsJob *job, const GError *error)
{
	Reserve *reserve = (Reserve *)job;

	if (error)
		core_log(CORE_LOG_ERROR, "fs", "soon no file can be made: %s", error->message);
	fs_drafts_take_ids(reserve->drafts, error ? 0 : reserve->first);
	g_free(reserve);
}

static void
reserve_ids(const Fs *fs)
{
	Reserve *reserve = g_new0(Reserve, 1);

	reserve->job = (FsJob){ .apply = reserve_apply, .done = reserve_done };
	reserve->drafts = fs->drafts;
	fs_saver_submit(fs->saver, &reserve->job);
}

bool
fs_mail_create(const FsView *view, Fs *fs, FsInode directory, const char *name, FsNode *node_r, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	FsDraft draft;

	if (!holding(fs, directory, &mailbox, error) || !fs_mail_may(&mailbox, "i", error))
		return false;
	FsPredecessor predecessor = fs_predecessors_find(fs->predecessors, mailbox.id, name);
	if (!fs_drafts_create(fs->drafts, mailbox.id, name, false, &predecessor, &draft, error))
		return false;
	if (fs_drafts_want_ids(fs->drafts))
		reserve_ids(fs);
	*node_r = fs_tree_draft_node(view, &draft);
	return true;
}

/* Where the file is: another message is to be made there of it. */
static bool
may_write(const Fs *fs, FsInode inode, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	g_auto(StoreMessage) row = { 0 };
	FsDraft draft;

	if (!row_of(inode))
		return fs_throw(error, EISDIR);
	if (fs_drafts_get(fs->drafts, row_of(inode), &draft)) /* then it was asked before */
		return true;
	return store_message_get(fs->store, row_of(inode), &row, error) && mailbox_of(fs, row.place_id, &mailbox, error) &&
	       fs_mail_may(&mailbox, "i", error);
}

bool
fs_mail_write(const FsView *view, Fs *fs, FsInode inode, const void *bytes, size_t length, uint64_t offset, GError **error)
{
	return may_write(fs, inode, error) && fs_drafts_write(fs->drafts, row_of(inode), bytes, length, offset, error);
}

bool
fs_mail_resize(const FsView *view, Fs *fs, FsInode inode, uint64_t size, GError **error)
{
	return may_write(fs, inode, error) && fs_drafts_resize(fs->drafts, row_of(inode), size, error);
}

/* Within an account: the server makes it, and no byte travels. */
bool
fs_mail_copy(const FsView *view, Fs *fs, FsInode from, FsInode inode, uint64_t *n_r, GError **error)
{
	g_auto(StoreMessage) row = { 0 };
	g_auto(StoreMailbox) source = { 0 }, target = { 0 };
	FsDraft draft;

	if (!row_of(from) || fs_drafts_get(fs->drafts, row_of(from), &draft) || !row_of(inode) ||
	    !fs_drafts_get(fs->drafts, row_of(inode), &draft) ||
	    !store_message_get(fs->store, row_of(from), &row, error) || store_message_is_file(row.state) ||
	    !store_mailbox_get(fs->store, row.place_id, &source, error) ||
	    !store_mailbox_get(fs->store, draft.mailbox_id, &target, error) || source.account_id != target.account_id)
		return !error || !*error;
	uint64_t size = row.body_id ? row.length : row.rfc822_size;
	if (fs_drafts_copy(fs->drafts, row_of(inode), row.id, size))
		*n_r = size;
	return true;
}

/* Saving. */

/* A draft is forgotten behind the transaction that has saved it. */
bool
fs_mail_is_saved(Fs *fs, FsInode inode)
{
	FsDraft draft;

	return !fs_drafts_get(fs->drafts, row_of(inode), &draft);
}

static bool
put(FsChange *change, const char *as_name, StoreWriter *writer, GError **error)
{
	fs_draft_bytes_clear(&change->bytes);
	return fs_drafts_put(change->fs->drafts, row_of(change->inode), as_name, writer, &change->bytes, error);
}

static bool
save_prepare(FsChange *change, StoreWriter *writer, GError **error)
{
	return put(change, NULL, writer, error);
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

/* What an editor has called otherwise, to save this in its place; it may have gone since. */
static bool
put_aside(StoreTxn *txn, const FsPredecessor *predecessor, int64_t heir_id, const StoreRemoval *how, GError **error)
{
	g_autoptr(GError) failure = NULL;

	if (predecessor->id == 0 || predecessor->is_removed || store_file_put_aside(txn, predecessor->id, heir_id, how, &failure) ||
	    core_error_code(failure) == CORE_ERROR_NOT_FOUND)
		return true;
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

static bool
store_bytes(const Fs *fs, StoreTxn *txn, FsDraftBytes *bytes, GError **error)
{
	const FsPredecessor *predecessor = &bytes->predecessor;
	g_auto(StoreMailbox) mailbox = { 0 };
	StoreRemoval how = { 0 };
	StoreFile file = {
		.id = bytes->id,
		.mailbox_id = bytes->mailbox_id,
		.name_is_users = predecessor->id == 0 || predecessor->is_users_name,
		.state = bytes->is_tmp ? STORE_MESSAGE_TMP : bytes->is_message ? STORE_MESSAGE_TO_APPEND : STORE_MESSAGE_FILE,
		.body = &bytes->body,
		.header_sha256 = bytes->is_message ? bytes->header_sha256 : NULL,
		.time_s = bytes->time_s,
		.dated = bytes->dated,
		.flags = bytes->flags,
		.predecessor_id = predecessor->id,
		.not_before_s = quiet_until(),
	};

	if (!mailbox_of(fs, bytes->mailbox_id, &mailbox, error) || (bytes->is_new && !free_name(txn, bytes, error)) ||
	    ((!bytes->is_new || predecessor->id) && !removal(fs, txn, &mailbox, &how, error)))
		return false;
	file.name = bytes->name;
	return store_file_save(txn, &file, &how, error) && put_aside(txn, predecessor, bytes->id, &how, error);
}

/* A message that the server copies. */
static bool
store_copy(StoreTxn *txn, FsDraftBytes *bytes, GError **error)
{
	int64_t id = bytes->id;

	if (!free_name(txn, bytes, error) ||
	    !store_change_copy(txn, bytes->copy_of, bytes->mailbox_id, bytes->name, true, &id, error))
		return false;
	return !bytes->flags || store_change_flags(txn, id, bytes->flags, "", error);
}

/* Its row has gone because others removed the message: what was written stays, as a new one. */
static bool
save_bytes(const Fs *fs, StoreTxn *txn, FsDraftBytes *bytes, GError **error)
{
	g_autoptr(GError) failure = NULL;

	if (bytes->id == 0 || (bytes->copy_of ? store_copy(txn, bytes, &failure) : store_bytes(fs, txn, bytes, &failure)))
		return true;
	if (!bytes->is_new && core_error_code(failure) == CORE_ERROR_NOT_FOUND && failure->domain == CORE_ERROR) {
		bytes->is_new = true;
		return store_bytes(fs, txn, bytes, error);
	}
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

static bool
save_apply(FsChange *change, StoreTxn *txn, GError **error)
{
	return save_bytes(change->fs, txn, &change->bytes, error);
}

static void
save_applied(FsChange *change)
{
	const FsDraftBytes *bytes = &change->bytes;

	if (bytes->id == 0)
		return;
	fs_drafts_saved(change->fs->drafts, bytes);
	if (bytes->predecessor.id)
		fs_predecessors_follow(change->fs->predecessors, bytes->predecessor.id, bytes->id);
}

const FsVerb fs_mail_save = { .prepare = save_prepare, .apply = save_apply, .applied = save_applied };

/* Removing. */

static bool
unlink_check(FsChange *change, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };

	if (change->is_directory)
		return fs_throw(error, EISDIR);
	return mailbox_of(change->fs, fs_inode_row(change->directory), &mailbox, error) && fs_mail_may(&mailbox, "te", error);
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
	int64_t id = row_of(change->inode);
	StoreRemoval how;
	FsDraft draft;

	if (!mailbox_of(change->fs, fs_inode_row(change->directory), &mailbox, error) ||
	    !change->fs->calls->removal(txn, mailbox.account_id, &how, change->fs->calls->data, error))
		return false;
	how.heir_id = fs_predecessors_heir(change->fs->predecessors, id);
	store_message_get(change->fs->store, id, &row, NULL);
	change->leaving = as_predecessor(&row, true);
	if (store_change_remove(txn, id, &how, &failure) ||
	    (core_error_code(failure) == CORE_ERROR_NOT_FOUND && fs_drafts_get(change->fs->drafts, id, &draft)))
		return true;
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

static void
unlink_applied(FsChange *change)
{
	fs_drafts_drop(change->fs->drafts, row_of(change->inode));
	if (change->leaving.id)
		fs_predecessors_note(change->fs->predecessors, fs_inode_row(change->directory), change->name, &change->leaving);
}

const FsVerb fs_mail_unlink = { .check = unlink_check, .apply = unlink_apply, .applied = unlink_applied };

/* Renaming. */

bool
fs_mail_rename_file_check(FsChange *change, GError **error)
{
	g_auto(StoreMailbox) from = { 0 }, to = { 0 };

	if (!holding(change->fs, change->to_directory, &to, error) || !holding(change->fs, change->directory, &from, error))
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
	int64_t id = row_of(change->inode);
	bool is_file = store_message_get(change->fs->store, id, &row, &failure) && row.state == STORE_MESSAGE_FILE;

	if (failure) {
		g_propagate_error(error, failure);
		return false;
	}
	if (is_file && !fs_name_is_foreign(change->to_name) && !fs_drafts_begin(change->fs->drafts, id, error))
		return false;
	return put(change, change->to_name, writer, error);
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
	int64_t id = row_of(change->inode);
	StoreRemoval how = { 0 };
	StoreFileRename rename = {
		.id = id,
		.target_id = row_of(change->target),
		.mailbox_id = fs_inode_row(change->to_directory),
		.name = change->to_name,
		.state = fs_name_is_foreign(change->to_name) ? STORE_MESSAGE_FILE : STORE_MESSAGE_TO_APPEND,
		.not_before_s = quiet_until(),
	};

	if (!mailbox_of(change->fs, rename.mailbox_id, &to, error) || !save_bytes(change->fs, txn, bytes, error) ||
	    !removal(change->fs, txn, &to, &how, error))
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
	return store_file_rename(txn, &rename, &how, error) &&
	       (rename.predecessor_id == 0 || put_aside(txn, &change->predecessor, id, &how, error));
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
	int64_t id = row_of(change->inode), to_id = fs_inode_row(change->to_directory);

	save_applied(change);
	fs_drafts_moved(change->fs->drafts, id, to_id, change->to_name);
	if (change->target)
		fs_drafts_drop(change->fs->drafts, row_of(change->target));
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

	if (!row_of(change->source) || fs_drafts_get(change->fs->drafts, row_of(change->source), &draft))
		return fs_throw(error, EPERM);
	if (!holding(change->fs, change->directory, &to, error) ||
	    !store_message_get(change->fs->store, row_of(change->source), &row, error) ||
	    !mailbox_of(change->fs, row.place_id, &from, error))
		return false;
	if (from.account_id != to.account_id)
		return fs_throw(error, EXDEV);
	change->noted = is_users_name(&row, change->name, change->name);
	if (!fs_mail_may(&to, "i", error))
		return false;
	return (from.id != to.id && !store_message_is_file(row.state)) || fs_throw(error, EPERM);
}

static bool
link_apply(FsChange *change, StoreTxn *txn, GError **error)
{
	change->row_id = 0;
	if (!store_change_copy(txn, row_of(change->source), fs_inode_row(change->directory), change->name, change->noted,
	                       &change->row_id, error))
		return false;
	change->inode = fs_inode(change->view->tag, FS_TREE_MESSAGE, change->row_id);
	return true;
}

const FsVerb fs_mail_link = { .check = link_check, .apply = link_apply };

/* Attributes. */

static bool
time_apply(FsChange *change, StoreTxn *txn, GError **error)
{
	g_autoptr(GError) failure = NULL;
	int64_t id = row_of(change->inode);

	if (fs_drafts_set_time(change->fs->drafts, id, change->time_s) ||
	    store_file_set_time(txn, id, change->time_s, quiet_until(), &failure))
		return true;
	if (core_error_code(failure) == CORE_ERROR_REFUSED)
		return fs_throw(error, EPERM);
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

const FsVerb fs_mail_set_time = { .apply = time_apply };

static bool
xattr_check(FsChange *change, GError **error)
{
	if (strcmp(change->name, "user.imap.flags") != 0)
		return fs_throw(error, EOPNOTSUPP);
	if (!row_of(change->inode))
		return fs_throw(error, EPERM);
	g_auto(GStrv) words = g_strsplit_set(change->value ? change->value : "", " \t\n,", -1);
	GPtrArray *flags = g_ptr_array_new();
	bool ok = true;
	for (guint i = 0; words[i]; i++) {
		const char *system = *words[i] == '\\' ? store_flag_system(words[i]) : words[i];
		ok = ok && (*words[i] == '\0' || (system && store_flag_is_sendable(system)));
		if (*words[i])
			g_ptr_array_add(flags, words[i]);
	}
	g_free(change->value);
	change->value = store_flags_normalise((const char *const *)flags->pdata, flags->len);
	g_ptr_array_unref(flags);
	return ok || fs_throw(error, EINVAL);
}

static bool
xattr_apply(FsChange *change, StoreTxn *txn, GError **error)
{
	int64_t id = row_of(change->inode);

	if (fs_drafts_set_flags(change->fs->drafts, id, change->value))
		return true;
	g_autofree char *have = store_message_flags(change->fs->store, id, error);
	if (!have)
		return error && *error ? false : fs_throw(error, ENOENT);
	g_autofree char *extra = store_flags_without(have, change->value);
	return store_change_flags(txn, id, change->value, extra, error);
}

const FsVerb fs_mail_set_xattr = { .check = xattr_check, .apply = xattr_apply };
