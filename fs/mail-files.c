/* Writing in mail/: files, and the messages that they become.  docs/filesystem.md has the table of what each operation
 * means on the server; store/files.h does it. */
#include "fs/mail.h"

#include "core/log.h"
#include "fs/error.h"
#include "fs/foreign.h"
#include "store/files.h"

#include <errno.h>
#include <string.h>

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
fs_mail_create_draft(const Fs *fs, int64_t mailbox_id, const char *name, bool is_tmp, const FsPredecessor *predecessor,
                     FsDraft *draft_r, GError **error)
{
	bool ok = fs_drafts_create(fs->drafts, mailbox_id, name, is_tmp, predecessor, draft_r, error);

	if (fs_drafts_want_ids(fs->drafts)) /* also when there were none left, because the disk was full */
		reserve_ids(fs);
	return ok;
}

bool
fs_mail_create(const FsView *view, Fs *fs, FsInode directory, const char *name, FsNode *node_r, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	FsDraft draft;

	if (!fs_mail_holding(fs, directory, &mailbox, error) || !fs_mail_may(&mailbox, "i", error))
		return false;
	FsPredecessor predecessor = fs_predecessors_find(fs->predecessors, mailbox.id, name);
	if (!fs_mail_create_draft(fs, mailbox.id, name, false, &predecessor, &draft, error))
		return false;
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

	if (!fs_mail_row(inode))
		return fs_throw(error, EISDIR);
	if (fs_drafts_get(fs->drafts, fs_mail_row(inode), &draft)) /* then it was asked before */
		return true;
	return store_message_get(fs->store, fs_mail_row(inode), &row, error) && fs_mail_mailbox(fs, row.place_id, &mailbox, error) &&
	       fs_mail_may(&mailbox, "i", error);
}

bool
fs_mail_write(const FsView *view, Fs *fs, FsInode inode, const void *bytes, size_t length, uint64_t offset, GError **error)
{
	return may_write(fs, inode, error) && fs_drafts_write(fs->drafts, fs_mail_row(inode), bytes, length, offset, error);
}

bool
fs_mail_resize(const FsView *view, Fs *fs, FsInode inode, uint64_t size, GError **error)
{
	return may_write(fs, inode, error) && fs_drafts_resize(fs->drafts, fs_mail_row(inode), size, error);
}

/* Whether the server can make it as a copy: not what is no message by its name. */
static bool
can_be_copy(const Fs *fs, int64_t id)
{
	g_autofree char *name = fs_drafts_name(fs->drafts, id);

	return name && !strchr(name, '/') && !fs_name_is_foreign(name);
}

/* Within an account: the server makes it, and no byte travels. */
bool
fs_mail_copy(const FsView *view, Fs *fs, FsInode from, FsInode inode, uint64_t *n_r, GError **error)
{
	g_auto(StoreMessage) row = { 0 };
	g_auto(StoreMailbox) source = { 0 }, target = { 0 };
	FsDraft draft;

	if (!fs_mail_row(from) || fs_drafts_get(fs->drafts, fs_mail_row(from), &draft) || !fs_mail_row(inode) ||
	    !fs_drafts_get(fs->drafts, fs_mail_row(inode), &draft) ||
	    !store_message_get(fs->store, fs_mail_row(from), &row, error) || store_message_is_file(row.state) ||
	    !store_mailbox_get(fs->store, row.place_id, &source, error) ||
	    !store_mailbox_get(fs->store, draft.mailbox_id, &target, error) || source.account_id != target.account_id ||
	    (row.body_id == 0 && !can_be_copy(fs, fs_mail_row(inode))))
		return !error || !*error;
	uint64_t size = row.body_id ? row.length : row.rfc822_size;
	if (fs_drafts_copy(fs->drafts, fs_mail_row(inode), &row, size))
		*n_r = size;
	return true;
}

/* Attributes. */

static bool
time_apply(FsChange *change, StoreTxn *txn, GError **error)
{
	g_autoptr(GError) failure = NULL;
	int64_t id = fs_mail_row(change->inode);

	if (fs_drafts_set_time(change->fs->drafts, id, change->time_s) ||
	    store_file_set_time(txn, id, change->time_s, fs_mail_quiet_until(change), &failure))
		return true;
	if (core_error_code(failure) == CORE_ERROR_REFUSED)
		return fs_throw(error, EPERM);
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

const FsVerb fs_mail_set_time = { .apply = time_apply };

/* A server may accept flags that it does not keep, so it is not asked where it has told that it keeps none. */
static bool
may_flag(const Fs *fs, int64_t id, GError **error)
{
	g_auto(StoreMessage) row = { 0 };
	g_auto(StoreMailbox) mailbox = { 0 };
	GError *failure = NULL;

	if (!store_message_get(fs->store, id, &row, &failure) || !store_mailbox_get(fs->store, row.place_id, &mailbox, &failure)) {
		if (failure)
			g_propagate_error(error, failure);
		return !failure; /* it is being written, and has no row yet */
	}
	return fs_mail_may(&mailbox, "sw", error);
}

/* What a shell makes of \Seen: as a keyword it would be seen by nobody. */
static bool
lacks_backslash(const char *word)
{
	g_autofree char *quoted = g_strconcat("\\", word, NULL);

	return store_flag_system(quoted) != NULL;
}

static bool
xattr_check(FsChange *change, GError **error)
{
	if (strcmp(change->name, "user.imap.flags") != 0)
		return fs_throw(error, EOPNOTSUPP);
	if (!fs_mail_row(change->inode))
		return fs_throw(error, EPERM);
	if (!may_flag(change->fs, fs_mail_row(change->inode), error))
		return false;
	g_auto(GStrv) words = g_strsplit_set(change->value ? change->value : "", " \t\n,", -1);
	GPtrArray *flags = g_ptr_array_new();
	bool ok = true;
	for (guint i = 0; words[i]; i++) {
		const char *system = *words[i] == '\\' ? store_flag_system(words[i]) : words[i];
		ok = ok && (*words[i] == '\0' || (system && store_flag_is_sendable(system) && !lacks_backslash(words[i])));
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
	int64_t id = fs_mail_row(change->inode);

	if (fs_drafts_set_flags(change->fs->drafts, id, change->value))
		return true;
	g_autofree char *have = store_message_flags(change->fs->store, id, error);
	if (!have)
		return error && *error ? false : fs_throw(error, ENOENT);
	g_autofree char *extra = store_flags_without(have, change->value);
	return store_change_flags(txn, id, change->value, extra, error);
}

const FsVerb fs_mail_set_xattr = { .check = xattr_check, .apply = xattr_apply };
