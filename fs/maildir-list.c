/* Listings in maildir/.  Cookies are kind and row of an entry, in this order: folders, directories; in those, files. */
#include "fs/maildir.h"

#include "core/log.h"

#include <string.h>

typedef struct {
	const FsView *view;
	Fs *fs;
	FsInode directory;
	bool told; /* fs_maildirs_names_are_told() */
	FsListFn fn;
	void *data;
	bool enough;
	GArray *drafts; /* of FsDraft: what was never saved */
	guint next_draft;
} Listing;

static bool
list_entry(Listing *listing, unsigned kind, int64_t row, const char *name, const FsNode *node)
{
	listing->enough = !listing->fn(name, node, fs_inode(FS_TAG_ROOT, kind, row), listing->data);
	return !listing->enough;
}

static bool
list_folder(const StoreMailbox *mailbox, void *data)
{
	Listing *listing = data;
	g_autofree char *path = store_mailbox_path(listing->fs->store, mailbox->id, NULL);
	g_autofree char *name = path ? fs_maildir_folder_name(path) : NULL;
	FsNode node = fs_maildir_folder_node(listing->view, mailbox, listing->told);

	if (!name || strcmp(path, "INBOX") == 0)
		return true;
	if (!fs_name_valid(name)) {
		core_log(CORE_LOG_INFO, "fs", "left out of maildir/: \"%s\" is too long for the name of a directory", path);
		return true;
	}
	return list_entry(listing, FS_MAILDIR_FOLDER, mailbox->id, name, &node);
}

/* cur, new and tmp, those that there are, behind the kind @after. */
static void
list_directories(Listing *listing, const StoreMailbox *mailbox, unsigned after, unsigned which)
{
	for (unsigned kind = FS_MAILDIR_CUR; kind < FS_MAILDIR_END && !listing->enough; kind++) {
		FsNode node = fs_maildir_directory_node(kind, mailbox);
		if (kind > after && (which & fs_maildir_bit(kind)))
			list_entry(listing, kind, mailbox->id, fs_maildir_directory_name(kind), &node);
	}
}

static bool
list_account(Listing *listing, uint64_t after, GError **error)
{
	g_auto(StoreMailbox) inbox = { 0 };
	int64_t account_id = fs_inode_row(listing->directory);
	GError *failure = NULL;

	if (fs_inode_kind(after) <= FS_MAILDIR_FOLDER &&
	    !store_mailbox_list_holding(listing->fs->store, account_id, fs_inode_row(after), list_folder, listing, error))
		return false;
	if (listing->enough)
		return true;
	if (fs_maildir_inbox(listing->fs, account_id, &inbox, &failure))
		list_directories(listing, &inbox, fs_inode_kind(after), FS_MAILDIRS_ALL);
	if (failure)
		g_propagate_error(error, failure);
	return !failure;
}

static bool
list_in_folder(Listing *listing, uint64_t after, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	int64_t id = fs_inode_row(listing->directory);

	if (!store_mailbox_get(listing->fs->store, id, &mailbox, error))
		return false;
	list_directories(listing, &mailbox, fs_inode_kind(after), fs_maildirs_have(listing->fs->maildirs, id));
	return true;
}

/* What follows "cur/" in the name of what is in this directory; NULL: it is in another. */
static const char *
name_here(const Listing *listing, const char *file_name)
{
	const char *directory = fs_maildir_directory_name(fs_inode_kind(listing->directory));
	size_t length = strlen(directory);

	return strncmp(file_name, directory, length) == 0 && file_name[length] == '/' ? file_name + length + 1 : NULL;
}

/* What was never saved, before the row @upto: ids of both are in one order.  It may have become a row meanwhile. */
static bool
list_drafts(Listing *listing, int64_t upto)
{
	while (listing->next_draft < listing->drafts->len && !listing->enough) {
		const FsDraft *draft = &g_array_index(listing->drafts, FsDraft, listing->next_draft);
		const char *name = name_here(listing, draft->name);
		FsNode node = fs_tree_draft_node(listing->view, draft);
		if (draft->id > upto)
			break;
		listing->next_draft++;
		node.fleeting = true;
		if (draft->id < upto && name)
			list_entry(listing, FS_MAILDIR_FILE, draft->id, name, &node);
	}
	return !listing->enough;
}

static bool
list_file(const StoreEntry *entry, void *data)
{
	Listing *listing = data;
	const char *name = name_here(listing, entry->name);

	if (!list_drafts(listing, entry->id))
		return false;
	FsNode node = fs_maildir_file_node(listing->view, listing->fs, entry, listing->told);
	return !name || list_entry(listing, FS_MAILDIR_FILE, entry->id, name, &node);
}

static bool
list_message(const StoreMaildirEntry *entry, void *data)
{
	Listing *listing = data;

	if (entry->entry.state == STORE_MESSAGE_TMP)
		return list_file(&entry->entry, data);
	g_autofree char *name = fs_maildir_listed_name(entry, fs_inode_kind(listing->directory));
	if (!name)
		return true;
	if (!list_drafts(listing, entry->entry.id))
		return false;
	FsNode node = fs_maildir_file_node(listing->view, listing->fs, &entry->entry, listing->told);
	return list_entry(listing, FS_MAILDIR_FILE, entry->entry.id, name, &node);
}

static bool
list_files(Listing *listing, int64_t after, GError **error)
{
	int64_t mailbox_id = fs_inode_row(listing->directory);
	bool is_tmp = fs_inode_kind(listing->directory) == FS_MAILDIR_TMP;
	Store *store = listing->fs->store;

	listing->drafts = fs_drafts_list(listing->fs->drafts, mailbox_id, true, after); /* before the rows are read */
	bool ok = is_tmp ? store_entry_list_tmp(store, mailbox_id, "tmp", after, list_file, listing, error)
	                 : store_maildir_list(store, mailbox_id, after, list_message, listing, error);
	if (ok && !listing->enough)
		list_drafts(listing, INT64_MAX);
	g_array_unref(listing->drafts);
	return ok;
}

bool
fs_maildir_list(const FsView *view, Fs *fs, FsInode directory, uint64_t after, FsListFn fn, void *data, GError **error)
{
	Listing listing = { .view = view, .fs = fs, .directory = directory, .fn = fn, .data = data };

	if (fs_inode_kind(directory) == FS_MAILDIR_TOP)
		return fs_tree_list(view, fs, directory, after, fn, data, error);
	listing.told = fs_maildirs_names_are_told(fs);
	if (fs_inode_kind(directory) == FS_MAILDIR_ACCOUNT)
		return list_account(&listing, after, error);
	if (fs_inode_kind(directory) == FS_MAILDIR_FOLDER)
		return list_in_folder(&listing, after, error);
	return fs_maildir_is_directory(directory) && list_files(&listing, fs_inode_row(after), error);
}

static bool
note_any(const char *name, const FsNode *node, uint64_t cookie, void *data)
{
	*(bool *)data = false;
	return false;
}

bool
fs_maildir_is_empty(const FsView *view, Fs *fs, FsInode directory, bool *is_empty_r, GError **error)
{
	*is_empty_r = true;
	return fs_maildir_list(view, fs, directory, 0, note_any, is_empty_r, error);
}
