/* Listings: folders in the order of their ids, then messages.  A cookie is kind and row id of an entry, so a listing
 * goes on behind it whether or not that row is still there. */
#include "fs/tree-private.h"

#include "core/log.h"

#include <string.h>

typedef struct {
	const FsView *view;
	Fs *fs;
	int64_t after; /* row id */
	FsListFn fn;
	void *data;
	bool enough;
	GArray *drafts;  /* of FsDraft: what was never saved; NULL: none */
	guint next_draft;
	int64_t mailbox_id;
	GHashTable *folders; /* where messages are directories: the names of those that are folders; else NULL */
} Listing;

/* The store's own name: a view's name is made of it. */
static bool
presentable(unsigned kind, int64_t row, const char *name)
{
	if (fs_name_valid(name))
		return true;
	core_log(CORE_LOG_WARNING, "fs", "left out of the tree: the name \"%s\" (kind %u, row %" G_GINT64_FORMAT ")", name,
	         kind, row);
	return false;
}

static bool
list_entry(Listing *listing, unsigned kind, int64_t row, const char *name, const FsNode *node)
{
	listing->enough = !listing->fn(name, node, fs_inode(FS_TAG_ROOT, kind, row), listing->data);
	return !listing->enough;
}

static bool
list_account(const StoreAccount *account, void *data)
{
	Listing *listing = data;
	FsInode inode = fs_tree_inode(listing->view, FS_TREE_ACCOUNT, account->id);
	FsNode node = fs_tree_directory_node(inode, listing->fs->changed_s);

	return account->id <= listing->after || !presentable(FS_TREE_ACCOUNT, account->id, account->name) ||
	       list_entry(listing, FS_TREE_ACCOUNT, account->id, account->name, &node);
}

static bool
list_mailbox(const StoreMailbox *mailbox, void *data)
{
	Listing *listing = data;
	FsNode node = fs_tree_mailbox_node(listing->view, mailbox);

	return !presentable(FS_TREE_MAILBOX, mailbox->id, mailbox->name) ||
	       list_entry(listing, FS_TREE_MAILBOX, mailbox->id, mailbox->name, &node);
}

/* What was never saved, before the row @upto: ids of both are in one order.  It may have become a row meanwhile. */
static bool
list_drafts(Listing *listing, int64_t upto)
{
	while (listing->drafts && listing->next_draft < listing->drafts->len && !listing->enough) {
		const FsDraft *draft = &g_array_index(listing->drafts, FsDraft, listing->next_draft);
		FsNode node = fs_tree_draft_node(listing->view, draft);
		if (draft->id > upto)
			break;
		listing->next_draft++;
		if (draft->id < upto)
			list_entry(listing, FS_TREE_MESSAGE, draft->id, draft->name, &node);
	}
	return !listing->enough;
}

static bool
collect_name(const StoreMailbox *mailbox, void *data)
{
	g_hash_table_add(data, g_strdup(mailbox->name));
	return true;
}

/* Whether a look-up finds something else: where messages are directories, a folder can be called so, or a message with
 * ".eml" behind it. */
static bool
is_hidden(const Listing *listing, const StoreEntry *entry, const char *name)
{
	StoreEntry other;

	if (!listing->folders)
		return false;
	if (g_hash_table_contains(listing->folders, name))
		return true;
	if (strcmp(name, entry->name) != 0 ||
	    !fs_tree_of(listing->view)->find(listing->fs, listing->mailbox_id, name, &other, NULL))
		return false;
	fs_tree_entry_clear(&other);
	return other.id != entry->id;
}

static bool
list_message(const StoreEntry *entry, void *data)
{
	Listing *listing = data;

	if (!list_drafts(listing, entry->id))
		return false;
	const FsTree *tree = fs_tree_of(listing->view);
	g_autofree char *name = tree->name(entry->name);
	if (tree->has_drafts)
		fs_drafts_shown(listing->fs->drafts, entry->id);
	FsNode node = fs_tree_message_node(listing->view, listing->fs, entry);

	return !presentable(FS_TREE_MESSAGE, entry->id, entry->name) || is_hidden(listing, entry, name) ||
	       list_entry(listing, FS_TREE_MESSAGE, entry->id, name, &node);
}

static bool
list_mailboxes(Listing *listing, int64_t account_id, int64_t parent_id, int64_t after, GError **error)
{
	return store_mailbox_children(listing->fs->store, account_id, parent_id, after, list_mailbox, listing, error);
}

static bool
list_in_mailbox(Listing *listing, int64_t mailbox_id, uint64_t after, GError **error)
{
	bool folders_done = fs_inode_kind(after) == FS_TREE_MESSAGE;
	int64_t row = fs_inode_row(after), after_id = folders_done ? row : 0;
	g_autoptr(GArray) drafts = fs_tree_of(listing->view)->has_drafts /* before the rows are read: none is missed */
	                                   ? fs_drafts_list(listing->fs->drafts, mailbox_id, false, after_id)
	                                   : NULL;

	g_autoptr(GHashTable) folders = fs_tree_of(listing->view)->is_directory
	                                        ? g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)
	                                        : NULL;

	if (!folders_done || folders) {
		g_auto(StoreMailbox) mailbox = { 0 };

		if (!store_mailbox_get(listing->fs->store, mailbox_id, &mailbox, error) ||
		    (!folders_done && !list_mailboxes(listing, mailbox.account_id, mailbox_id, row, error)) ||
		    (folders && !store_mailbox_children(listing->fs->store, mailbox.account_id, mailbox_id, 0, collect_name,
		                                        folders, error)))
			return false;
	}
	if (listing->enough)
		return true;
	listing->mailbox_id = mailbox_id;
	listing->folders = folders;
	listing->drafts = drafts;
	if (!store_entry_list(listing->fs->store, mailbox_id, after_id, fs_tree_of(listing->view)->text_version,
	                      list_message, listing, error))
		return false;
	list_drafts(listing, INT64_MAX);
	return true;
}

bool
fs_tree_list(const FsView *view, Fs *fs, FsInode directory, uint64_t after, FsListFn fn, void *data, GError **error)
{
	Listing listing = { .view = view, .fs = fs, .after = fs_inode_row(after), .fn = fn, .data = data };
	int64_t row = fs_inode_row(directory);

	switch (fs_inode_kind(directory)) {
	case FS_TREE_TOP:
		return store_account_list(fs->store, list_account, &listing, error);
	case FS_TREE_ACCOUNT:
		return list_mailboxes(&listing, row, 0, listing.after, error);
	case FS_TREE_MAILBOX:
		return list_in_mailbox(&listing, row, after, error);
	default:
		return false;
	}
}
