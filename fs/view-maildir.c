/* maildir/: how it looks.
 *
 * What a message is called here depends on its flags, which anybody can change at any time, and what a folder below another is
 * called on the path of that.  So the store is asked to tell what they were called before each change (store_maildir_listen()).
 * It is asked when somebody first looks for such a name; until that counts, the kernel may not remember any. */
#include "fs/maildir.h"

#include "core/log.h"
#include "fs/tree-private.h"
#include "store/maildir.h"

#include <string.h>

static const char *const directory_names[FS_MAILDIR_END] = {
	[FS_MAILDIR_CUR] = "cur",
	[FS_MAILDIR_NEW] = "new",
	[FS_MAILDIR_TMP] = "tmp",
};

const char *
fs_maildir_directory_name(unsigned kind)
{
	return kind < FS_MAILDIR_END ? directory_names[kind] : NULL;
}

unsigned
fs_maildir_directory_kind(const char *name)
{
	for (unsigned kind = FS_MAILDIR_CUR; kind < FS_MAILDIR_END; kind++)
		if (strcmp(directory_names[kind], name) == 0)
			return kind;
	return 0;
}

char *
fs_maildir_file_name(FsInode directory, const char *name)
{
	return g_strconcat(directory_names[fs_inode_kind(directory)], "/", name, NULL);
}

FsNode
fs_maildir_directory_node(unsigned kind, const StoreMailbox *mailbox)
{
	FsInode inode = fs_maildir_inode(kind, mailbox->id);
	FsNode node = { .inode = inode, .number = inode, .mtime_s = mailbox->changed_s, .directory = true, .writable = true };

	if (mailbox->stirred_ms != 0) {
		node.mtime_s = mailbox->stirred_ms / 1000;
		node.mtime_ms = (uint32_t)(mailbox->stirred_ms % 1000);
	}
	return node;
}

/* It is not listed: those who look for it find it, and nobody stumbles over it. */
static FsNode
mark_node(const StoreMailbox *mailbox)
{
	FsInode inode = fs_maildir_inode(FS_MAILDIR_MARK, mailbox->id);

	return (FsNode){ .inode = inode, .number = inode, .mtime_s = mailbox->changed_s };
}

FsNode
fs_maildir_folder_node(const FsView *view, const StoreMailbox *mailbox, bool told)
{
	FsNode node = fs_tree_mailbox_node(view, mailbox);

	node.fleeting = mailbox->parent_id != 0 && !told;
	return node;
}

FsNode
fs_maildir_file_node(const FsView *view, Fs *fs, const StoreEntry *entry, bool told)
{
	FsNode node = fs_tree_message_node(view, fs, entry);

	node.fleeting = entry->state == STORE_MESSAGE_TMP || !told;
	return node;
}

char *
fs_maildir_listed_name(const StoreMaildirEntry *entry, unsigned kind)
{
	unsigned letters = fs_maildir_letters(entry->flags);

	if ((letters == 0 && !entry->is_old ? FS_MAILDIR_NEW : FS_MAILDIR_CUR) != kind)
		return NULL;
	g_autofree char *own = entry->base ? NULL : fs_maildir_own_base(entry->entry.internaldate_s, entry->entry.id);
	const char *base = entry->base ? entry->base : own;
	return kind == FS_MAILDIR_CUR ? fs_maildir_name(base, letters) : g_strdup(base);
}

/* One look-up. */

bool
fs_maildir_inbox(const Fs *fs, int64_t account_id, StoreMailbox *inbox_r, GError **error)
{
	return store_mailbox_find(fs->store, account_id, 0, "INBOX", inbox_r, error) &&
	       (inbox_r->attributes & STORE_MAILBOX_SELECTABLE);
}

/* The folder at a path; INBOX is not among them.  Folders may be renamed on the way down, which could lead to one at a path that it
 * never had: nobody would ever say that this is wrong. */
static bool
lookup_folder(const FsView *view, Fs *fs, int64_t account_id, const char *path, FsNode *node_r, GError **error)
{
	bool told = fs_maildirs_names_are_told(fs);
	g_auto(GStrv) components = g_strsplit(path, "/", -1);
	g_auto(StoreMailbox) found = { 0 };

	for (char **component = components; *component; component++) {
		g_auto(StoreMailbox) mailbox = { 0 };
		if (!store_mailbox_find(fs->store, account_id, found.id, *component, &mailbox, error))
			return false;
		store_mailbox_clear(&found);
		found = mailbox;
		mailbox = (StoreMailbox){ 0 };
	}
	if (!(found.attributes & STORE_MAILBOX_SELECTABLE) || strcmp(path, "INBOX") == 0)
		return false;
	*node_r = fs_maildir_folder_node(view, &found, told);
	g_autofree char *whole = store_mailbox_path(fs->store, found.id, error);
	return g_strcmp0(whole, path) == 0;
}

static bool
lookup_in_account(const FsView *view, Fs *fs, FsInode account, const char *name, FsNode *node_r, GError **error)
{
	g_auto(StoreMailbox) inbox = { 0 };
	unsigned kind = fs_maildir_directory_kind(name);

	if (kind != 0) {
		if (!fs_maildir_inbox(fs, fs_inode_row(account), &inbox, error))
			return false;
		*node_r = fs_maildir_directory_node(kind, &inbox);
		return true;
	}
	g_autofree char *path = fs_maildir_folder_path(name);
	return path && lookup_folder(view, fs, fs_inode_row(account), path, node_r, error);
}

static bool
lookup_in_folder(Fs *fs, int64_t mailbox_id, const char *name, FsNode *node_r, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	unsigned kind = fs_maildir_directory_kind(name);

	bool is_mark = strcmp(name, "maildirfolder") == 0;

	if (!is_mark && (kind == 0 || !(fs_maildirs_have(fs->maildirs, mailbox_id) & fs_maildir_bit(kind))))
		return false;
	if (!store_mailbox_get(fs->store, mailbox_id, &mailbox, error))
		return false;
	*node_r = is_mark ? mark_node(&mailbox) : fs_maildir_directory_node(kind, &mailbox);
	return true;
}

/* The message with that base, whatever its flags are. */
static bool
find_by_base(const Fs *fs, int64_t mailbox_id, const char *base, StoreMaildirEntry *entry_r, GError **error)
{
	int64_t date_s, id = fs_maildir_own_id(base, &date_s);

	if (id == 0)
		return store_maildir_find(fs->store, mailbox_id, base, entry_r, error);
	if (!store_maildir_get(fs->store, mailbox_id, id, entry_r, error))
		return false;
	if (!entry_r->base && entry_r->entry.internaldate_s == date_s && entry_r->entry.state != STORE_MESSAGE_TMP)
		return true;
	store_maildir_entry_clear(entry_r);
	return false;
}

/* By a name that says what the message's flags are; the order of letters does not matter, but others than the one that is
 * listed are remembered by nobody. */
static bool
lookup_message(const FsView *view, Fs *fs, FsInode directory, const char *name, FsNode *node_r, GError **error)
{
	g_auto(StoreMaildirEntry) entry = { 0 };
	g_auto(FsMaildirName) parsed = { 0 };
	unsigned kind = fs_inode_kind(directory);
	bool told = fs_maildirs_names_are_told(fs);

	if (kind == FS_MAILDIR_TMP || !fs_maildir_name_parse(name, &parsed) ||
	    (kind == FS_MAILDIR_CUR && !parsed.has_info) ||
	    !find_by_base(fs, fs_inode_row(directory), parsed.base, &entry, error))
		return false;
	g_autofree char *listed = fs_maildir_listed_name(&entry, kind);
	if (!listed || fs_maildir_letters(entry.flags) != parsed.letters)
		return false;
	*node_r = fs_maildir_file_node(view, fs, &entry.entry, told);
	node_r->fleeting |= strcmp(listed, name) != 0;
	return true;
}

/* What is no message, or not yet. */
static bool
lookup_file(const FsView *view, Fs *fs, FsInode directory, const char *name, FsNode *node_r, GError **error)
{
	g_autofree char *file_name = fs_maildir_file_name(directory, name);
	g_auto(StoreMessage) row = { 0 };
	FsDraft draft;

	if (fs_drafts_find(fs->drafts, fs_inode_row(directory), file_name, &draft)) {
		*node_r = fs_tree_draft_node(view, &draft);
		node_r->fleeting = true;
		return true;
	}
	return store_message_find(fs->store, fs_inode_row(directory), file_name, &row, error) &&
	       fs_maildir_attributes(view, fs, fs_maildir_inode(FS_MAILDIR_FILE, row.id), node_r, error);
}

bool
fs_maildir_lookup(const FsView *view, Fs *fs, FsInode directory, const char *name, FsNode *node_r, GError **error)
{
	GError *failure = NULL;

	if (fs_inode_kind(directory) == FS_MAILDIR_TOP)
		return fs_tree_lookup(view, fs, directory, name, node_r, error);
	if (fs_inode_kind(directory) == FS_MAILDIR_ACCOUNT)
		return lookup_in_account(view, fs, directory, name, node_r, error);
	if (fs_inode_kind(directory) == FS_MAILDIR_FOLDER)
		return lookup_in_folder(fs, fs_inode_row(directory), name, node_r, error);
	if (!fs_maildir_is_directory(directory))
		return false;
	if (lookup_message(view, fs, directory, name, node_r, &failure))
		return true;
	if (!failure)
		return lookup_file(view, fs, directory, name, node_r, error);
	g_propagate_error(error, failure);
	return false;
}

bool
fs_maildir_attributes(const FsView *view, Fs *fs, FsInode inode, FsNode *node_r, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	unsigned kind = fs_inode_kind(inode);

	if (kind == FS_MAILDIR_FOLDER || kind >= FS_MAILDIR_CUR) {
		if (!store_mailbox_get(fs->store, fs_inode_row(inode), &mailbox, error))
			return false;
		*node_r = kind == FS_MAILDIR_FOLDER ? fs_maildir_folder_node(view, &mailbox, false)
		          : kind == FS_MAILDIR_MARK ? mark_node(&mailbox) : fs_maildir_directory_node(kind, &mailbox);
		return true;
	}
	if (!fs_tree_attributes(view, fs, inode, node_r, error))
		return false;
	node_r->fleeting = kind == FS_MAILDIR_FILE; /* under whatever name it was asked for */
	return true;
}

static bool
maildir_read(const FsView *view, Fs *fs, FsInode inode, void *buffer, size_t size, uint64_t offset, size_t *n_r,
             GError **error)
{
	*n_r = 0; /* of the mark */
	return fs_inode_kind(inode) == FS_MAILDIR_MARK || fs_mail_read(view, fs, inode, buffer, size, offset, n_r, error);
}

static int64_t
maildir_account(Fs *fs, FsInode inode)
{
	bool is_mailboxs = fs_inode_kind(inode) >= FS_MAILDIR_CUR;

	return fs_tree_account(fs, is_mailboxs ? fs_maildir_inode(FS_MAILDIR_FOLDER, fs_inode_row(inode)) : inode);
}

/* What a change makes stale. */

/* Rows of files (STORE_MESSAGE_TMP) were not remembered. */
static void
message_changed(Fs *fs, const StoreChange *change, FsFreshness *freshness)
{
	bool is_file = change->name && strchr(change->name, '/'); /* "tmp/NAME" */

	for (unsigned kind = FS_MAILDIR_CUR; kind < FS_MAILDIR_END; kind++) {
		bool is_message = change->was && change->was->entry.state != STORE_MESSAGE_TMP;
		g_autofree char *listed = is_message ? fs_maildir_listed_name(change->was, kind) : NULL;
		if (kind != FS_MAILDIR_TMP || is_file)
			fs_freshness_stale(freshness, fs_maildir_inode(kind, change->mailbox_id), listed);
	}
	if (change->kind == STORE_CHANGE_MESSAGE_CONTENT)
		fs_freshness_bytes(freshness, fs_maildir_inode(FS_MAILDIR_FILE, change->message_id));
	if (change->kind == STORE_CHANGE_MESSAGE_ADDED && !is_file && fs_maildirs_complete(fs->maildirs, change->mailbox_id))
		fs_freshness_stale(freshness, fs_maildir_inode(FS_MAILDIR_FOLDER, change->mailbox_id), NULL);
}

/* A folder's name is its whole path, so those of the ones below it are others, too. */
static void
mailbox_changed(Fs *fs, const StoreChange *change, FsFreshness *freshness)
{
	FsInode account = fs_maildir_inode(FS_MAILDIR_ACCOUNT, change->account_id);
	g_autofree char *top = fs_maildir_folder_name(change->name);
	bool is_name_lost = change->parent_id == 0 && change->kind != STORE_CHANGE_MAILBOX_ADDED;
	bool is_inbox = change->parent_id == 0 && strcmp(change->name, "INBOX") == 0;

	fs_freshness_stale(freshness, account, is_name_lost ? top : NULL);
	for (char *const *path = change->paths; path && *path; path++) {
		g_autofree char *name = fs_maildir_folder_name(*path);
		fs_freshness_stale(freshness, account, name);
	}
	for (unsigned kind = FS_MAILDIR_CUR; kind < FS_MAILDIR_END && is_inbox; kind++)
		fs_freshness_stale(freshness, account, directory_names[kind]);
	if (fs_maildirs_complete(fs->maildirs, change->mailbox_id))
		fs_freshness_stale(freshness, fs_maildir_inode(FS_MAILDIR_FOLDER, change->mailbox_id), NULL);
}

static void
maildir_changed(const FsView *view, Fs *fs, const StoreChange *change, FsFreshness *freshness)
{
	switch (change->kind) {
	case STORE_CHANGE_MESSAGE_ADDED:
	case STORE_CHANGE_MESSAGE_REMOVED:
	case STORE_CHANGE_MESSAGE_RENAMED:
	case STORE_CHANGE_MESSAGE_FLAGS:
	case STORE_CHANGE_MESSAGE_CONTENT:
		message_changed(fs, change, freshness);
		break;
	case STORE_CHANGE_MAILBOX_ADDED:
	case STORE_CHANGE_MAILBOX_REMOVED:
	case STORE_CHANGE_MAILBOX_KIND:
		mailbox_changed(fs, change, freshness);
		break;
	case STORE_CHANGE_ACCOUNT_ADDED:
		fs_freshness_stale(freshness, fs_maildir_inode(FS_MAILDIR_TOP, 0), NULL);
		break;
	}
}

static char *
no_name(const char *name)
{
	return g_strdup(name);
}

static bool
size_of(const StoreEntry *entry, uint64_t *size_r)
{
	*size_r = entry->length;
	return true;
}

static const FsChanges changes = {
	.create = fs_maildir_create,
	.write = fs_mail_write,
	.resize = fs_mail_resize,
	.is_saved = fs_mail_is_saved,
	.save = &fs_maildir_save,
	.unlink = &fs_maildir_unlink,
	.rename = &fs_maildir_rename,
	.mkdir = &fs_maildir_mkdir,
	.rmdir = &fs_maildir_rmdir,
	.set_time = &fs_mail_set_time,
	.set_xattr = &fs_mail_set_xattr,
};

const FsTree fs_maildir_tree = {
	.view = { .tag = FS_TAG_MAILDIR, .name = "maildir", .lookup = fs_maildir_lookup, .attributes = fs_maildir_attributes,
	          .list = fs_maildir_list, .read = maildir_read, .absent = fs_mail_absent, .forget = fs_mail_forget,
	          .xattr_names = fs_tree_xattr_names, .xattr = fs_tree_xattr, .account = maildir_account, .changes = &changes,
	          .changed = maildir_changed },
	.has_drafts = true,
	.mime_type = "message/rfc822",
	.text_version = 0, /* no text is wanted */
	.name = no_name,
	.size = size_of,
};
