#include "fs/tree.h"

#include "core/log.h"
#include "fs/alias.h"
#include "fs/xattr.h"
#include "store/mailboxes.h"

#include <stddef.h>
#include <string.h>

static const FsTree *
tree_of(const FsView *view)
{
	return (const FsTree *)((const char *)view - offsetof(FsTree, view));
}

static FsInode
inode_of(const FsView *view, unsigned kind, int64_t row)
{
	return fs_inode(view->tag, kind, row);
}

/* Of a mailbox, or of the account's root if there is none. */
static FsInode
folder_inode(const FsView *view, int64_t account_id, int64_t mailbox_id)
{
	return mailbox_id ? inode_of(view, FS_TREE_MAILBOX, mailbox_id) : inode_of(view, FS_TREE_ACCOUNT, account_id);
}

static FsNode
directory_node(FsInode inode, int64_t mtime_s)
{
	return (FsNode){ .inode = inode, .number = inode, .mtime_s = mtime_s, .directory = true, .writable = true };
}

/* Whether anything can be put into it or taken away. */
static bool
may_be_changed(const StoreMailbox *mailbox)
{
	for (const char *right = "itek"; *right; right++)
		if (store_mailbox_may(mailbox->rights, *right))
			return true;
	return false;
}

static FsNode
mailbox_node(const FsView *view, const StoreMailbox *mailbox)
{
	FsNode node = directory_node(inode_of(view, FS_TREE_MAILBOX, mailbox->id), mailbox->changed_s);

	node.writable = may_be_changed(mailbox);
	return node;
}

FsNode
fs_tree_draft_node(const FsView *view, const FsDraft *draft)
{
	FsInode inode = inode_of(view, FS_TREE_MESSAGE, draft->id);

	return (FsNode){ .inode = inode, .number = inode, .size = draft->size, .mtime_s = draft->time_s, .writable = true,
		             .changing = true };
}

static FsNode
message_node(const FsView *view, const Fs *fs, const StoreEntry *entry)
{
	FsDraft draft;

	if (tree_of(view)->has_drafts && fs_drafts_get(fs->drafts, entry->id, &draft))
		return fs_tree_draft_node(view, &draft);

	FsInode inode = inode_of(view, FS_TREE_MESSAGE, entry->id);
	FsNode node = { .inode = inode, .number = inode, .mtime_s = entry->internaldate_s };

	node.remote = entry->body_id == 0;
	node.writable = tree_of(view)->has_drafts;
	node.unmeasured = !tree_of(view)->size(entry, &node.size);
	return node;
}

static bool
measure(const FsView *view, Fs *fs, const StoreEntry *entry, FsNode *node, GError **error)
{
	if (!node->unmeasured)
		return true;
	node->unmeasured = false;
	return tree_of(view)->measure(fs, entry, &node->size, error);
}

/* Frees what store_entry_find() and store_entry_get() filled. */
static void
entry_clear(StoreEntry *entry)
{
	g_free((char *)(uintptr_t)entry->name);
}

/* One look-up. */

static bool
lookup_account(const FsView *view, Fs *fs, const char *name, FsNode *node_r, GError **error)
{
	g_auto(StoreAccount) account = { 0 };

	if (!store_account_find(fs->store, name, &account, error))
		return false;
	*node_r = directory_node(inode_of(view, FS_TREE_ACCOUNT, account.id), fs->changed_s);
	return true;
}

static bool
lookup_mailbox(const FsView *view, Fs *fs, int64_t account_id, int64_t parent_id, const char *name, FsNode *node_r,
               GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };

	if (!store_mailbox_find(fs->store, account_id, parent_id, name, &mailbox, error))
		return false;
	*node_r = mailbox_node(view, &mailbox);
	return true;
}

/* Messages first: they are looked for most. */
static bool
lookup_in_mailbox(const FsView *view, Fs *fs, int64_t mailbox_id, const char *name, FsNode *node_r, GError **error)
{
	g_autoptr(GError) failed = NULL;
	StoreEntry entry;
	FsDraft draft;

	if (tree_of(view)->has_drafts && fs_drafts_find(fs->drafts, mailbox_id, name, &draft)) {
		*node_r = fs_tree_draft_node(view, &draft);
		return true;
	}
	if (tree_of(view)->find(fs, mailbox_id, name, &entry, &failed)) {
		FsNode node = message_node(view, fs, &entry);
		bool measured = measure(view, fs, &entry, &node, error);
		entry_clear(&entry);
		if (measured)
			*node_r = node;
		return measured;
	}
	if (failed) {
		g_propagate_error(error, g_steal_pointer(&failed));
		return false;
	}

	g_auto(StoreMailbox) mailbox = { 0 };
	return store_mailbox_get(fs->store, mailbox_id, &mailbox, error) &&
	       lookup_mailbox(view, fs, mailbox.account_id, mailbox_id, name, node_r, error);
}

static bool
message_attributes(const FsView *view, Fs *fs, int64_t id, FsNode *node_r, GError **error)
{
	StoreEntry entry;
	FsDraft draft;

	if (tree_of(view)->has_drafts && fs_drafts_get(fs->drafts, id, &draft)) {
		*node_r = fs_tree_draft_node(view, &draft);
		return true;
	}
	if (!store_entry_get(fs->store, id, tree_of(view)->text_version, &entry, error))
		return false;
	FsNode node = message_node(view, fs, &entry);
	bool measured = measure(view, fs, &entry, &node, error);
	entry_clear(&entry);
	if (measured)
		*node_r = node;
	return measured;
}

/* By a name that the message has lost.  It may be remembered by nobody: others would not hear when it ends. */
static bool
lookup_alias(const FsView *view, Fs *fs, int64_t mailbox_id, const char *name, FsNode *node_r, GError **error)
{
	int64_t id = tree_of(view)->has_drafts ? fs_aliases_find(fs->aliases, mailbox_id, name) : 0;
	g_auto(StoreMessage) message = { 0 };

	if (id == 0 || !store_message_get(fs->store, id, &message, error) || message.place_id != mailbox_id ||
	    message.name_is_users || !message_attributes(view, fs, id, node_r, error))
		return false;
	node_r->fleeting = true;
	return true;
}

static bool
lookup_name(const FsView *view, Fs *fs, int64_t mailbox_id, const char *name, FsNode *node_r, GError **error)
{
	GError *failure = NULL;

	if (lookup_in_mailbox(view, fs, mailbox_id, name, node_r, &failure))
		return true;
	if (!failure)
		return lookup_alias(view, fs, mailbox_id, name, node_r, error);
	g_propagate_error(error, failure);
	return false;
}

bool
fs_tree_lookup(const FsView *view, Fs *fs, FsInode directory, const char *name, FsNode *node_r, GError **error)
{
	int64_t row = fs_inode_row(directory);

	switch (fs_inode_kind(directory)) {
	case FS_TREE_TOP:
		return lookup_account(view, fs, name, node_r, error);
	case FS_TREE_ACCOUNT:
		return lookup_mailbox(view, fs, row, 0, name, node_r, error);
	case FS_TREE_MAILBOX:
		return lookup_name(view, fs, row, name, node_r, error);
	default:
		return false;
	}
}

/* Attributes of what was looked up. */

typedef struct {
	int64_t id;
	bool found;
} WantedAccount;

static bool
account_is(const StoreAccount *account, void *data)
{
	WantedAccount *wanted = data;

	wanted->found = account->id == wanted->id;
	return !wanted->found;
}

bool
fs_tree_attributes(const FsView *view, Fs *fs, FsInode inode, FsNode *node_r, GError **error)
{
	int64_t row = fs_inode_row(inode);
	WantedAccount wanted = { .id = row };
	g_auto(StoreMailbox) mailbox = { 0 };

	switch (fs_inode_kind(inode)) {
	case FS_TREE_TOP:
		*node_r = directory_node(inode, fs->changed_s);
		return true;
	case FS_TREE_ACCOUNT:
		if (!store_account_list(fs->store, account_is, &wanted, error) || !wanted.found)
			return false;
		*node_r = directory_node(inode, fs->changed_s);
		return true;
	case FS_TREE_MAILBOX:
		if (!store_mailbox_get(fs->store, row, &mailbox, error))
			return false;
		*node_r = mailbox_node(view, &mailbox);
		return true;
	case FS_TREE_MESSAGE:
		return message_attributes(view, fs, row, node_r, error);
	default:
		return false;
	}
}

/* Listings: folders in the order of their ids, then messages.  A cookie is kind and row id of an entry, so a listing
 * goes on behind it whether or not that row is still there. */

typedef struct {
	const FsView *view;
	Fs *fs;
	int64_t after; /* row id */
	FsListFn fn;
	void *data;
	bool enough;
	GArray *drafts;  /* of FsDraft: what was never saved; NULL: none */
	guint next_draft;
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
	FsNode node = directory_node(inode_of(listing->view, FS_TREE_ACCOUNT, account->id), listing->fs->changed_s);

	return account->id <= listing->after || !presentable(FS_TREE_ACCOUNT, account->id, account->name) ||
	       list_entry(listing, FS_TREE_ACCOUNT, account->id, account->name, &node);
}

static bool
list_mailbox(const StoreMailbox *mailbox, void *data)
{
	Listing *listing = data;
	FsNode node = mailbox_node(listing->view, mailbox);

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
list_message(const StoreEntry *entry, void *data)
{
	Listing *listing = data;

	if (!list_drafts(listing, entry->id))
		return false;
	const FsTree *tree = tree_of(listing->view);
	g_autofree char *name = tree->name(entry->name);
	FsNode node = message_node(listing->view, listing->fs, entry);

	return !presentable(FS_TREE_MESSAGE, entry->id, entry->name) ||
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
	g_autoptr(GArray) drafts = tree_of(listing->view)->has_drafts /* before the rows are read: none is missed */
	                                   ? fs_drafts_list(listing->fs->drafts, mailbox_id, after_id)
	                                   : NULL;

	if (!folders_done) {
		g_auto(StoreMailbox) mailbox = { 0 };

		if (!store_mailbox_get(listing->fs->store, mailbox_id, &mailbox, error) ||
		    !list_mailboxes(listing, mailbox.account_id, mailbox_id, row, error))
			return false;
	}
	if (listing->enough)
		return true;
	listing->drafts = drafts;
	if (!store_entry_list(listing->fs->store, mailbox_id, after_id, tree_of(listing->view)->text_version, list_message,
	                      listing, error))
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

/* Extended attributes. */

const char *const *
fs_tree_xattr_names(FsInode inode)
{
	static const char *const none[] = { NULL };

	return fs_inode_kind(inode) == FS_TREE_MESSAGE ? fs_xattr_names : none;
}

bool
fs_tree_xattr(const FsView *view, Fs *fs, FsInode inode, const char *name, char **value_r, GError **error)
{
	FsDraft draft;

	if (fs_inode_kind(inode) != FS_TREE_MESSAGE)
		return false;
	if (tree_of(view)->has_drafts && fs_drafts_get(fs->drafts, fs_inode_row(inode), &draft) && draft.is_new) {
		*value_r = strcmp(name, "user.mailtree.state") == 0 ? g_strdup("local") : NULL;
		return *value_r != NULL;
	}
	return fs_xattr_get(fs->store, fs_inode_row(inode), tree_of(view)->mime_type, name, value_r, error);
}

/* The account of a directory or message; 0: of none, or of one that has gone. */
int64_t
fs_tree_account(Fs *fs, FsInode inode)
{
	g_auto(StoreMessage) message = { 0 };
	g_auto(StoreMailbox) mailbox = { 0 };
	int64_t id = fs_inode_row(inode);

	switch (fs_inode_kind(inode)) {
	case FS_TREE_ACCOUNT:
		return id;
	case FS_TREE_MESSAGE:
		if (!store_message_get(fs->store, id, &message, NULL))
			return 0;
		id = message.place_id;
		/* fallthrough */
	case FS_TREE_MAILBOX:
		return store_mailbox_get(fs->store, id, &mailbox, NULL) ? mailbox.account_id : 0;
	default:
		return 0;
	}
}

/* What a change makes stale.  Flags: nothing that the kernel remembers. */
void
fs_tree_changed(const FsView *view, const StoreChange *change, FsFreshness *freshness)
{
	g_autofree char *name = NULL;

	switch (change->kind) {
	case STORE_CHANGE_MESSAGE_ADDED:
		fs_freshness_stale(freshness, inode_of(view, FS_TREE_MAILBOX, change->mailbox_id), NULL);
		break;
	case STORE_CHANGE_MESSAGE_REMOVED:
	case STORE_CHANGE_MESSAGE_RENAMED:
	case STORE_CHANGE_MESSAGE_CONTENT:
		name = tree_of(view)->name(change->name);
		fs_freshness_stale(freshness, inode_of(view, FS_TREE_MAILBOX, change->mailbox_id), name);
		break;
	case STORE_CHANGE_MAILBOX_ADDED:
		fs_freshness_stale(freshness, folder_inode(view, change->account_id, change->parent_id), NULL);
		break;
	case STORE_CHANGE_MAILBOX_REMOVED:
		fs_freshness_stale(freshness, folder_inode(view, change->account_id, change->parent_id), change->name);
		break;
	case STORE_CHANGE_ACCOUNT_ADDED:
		fs_freshness_stale(freshness, inode_of(view, FS_TREE_TOP, 0), NULL);
		break;
	case STORE_CHANGE_MESSAGE_FLAGS:
		break;
	}
}
