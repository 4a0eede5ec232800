#include "fs/tree-private.h"

#include "fs/alias.h"
#include "fs/xattr.h"

#include <stddef.h>
#include <string.h>

const FsTree *
fs_tree_of(const FsView *view)
{
	return (const FsTree *)((const char *)view - offsetof(FsTree, view));
}

FsInode
fs_tree_inode(const FsView *view, unsigned kind, int64_t row)
{
	return fs_inode(view->tag, kind, row);
}

/* Of a mailbox, or of the account's root if there is none. */
static FsInode
folder_inode(const FsView *view, int64_t account_id, int64_t mailbox_id)
{
	return mailbox_id ? fs_tree_inode(view, FS_TREE_MAILBOX, mailbox_id)
	                  : fs_tree_inode(view, FS_TREE_ACCOUNT, account_id);
}

FsNode
fs_tree_directory_node(FsInode inode, int64_t mtime_s)
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

FsNode
fs_tree_mailbox_node(const FsView *view, const StoreMailbox *mailbox)
{
	FsNode node = fs_tree_directory_node(fs_tree_inode(view, FS_TREE_MAILBOX, mailbox->id), mailbox->changed_s);

	node.writable = may_be_changed(mailbox);
	return node;
}

FsNode
fs_tree_draft_node(const FsView *view, const FsDraft *draft)
{
	FsInode inode = fs_tree_inode(view, FS_TREE_MESSAGE, draft->id);

	return (FsNode){ .inode = inode, .number = inode, .size = draft->size, .mtime_s = draft->time_s, .writable = true,
		             .changing = true };
}

FsNode
fs_tree_message_node(const FsView *view, const Fs *fs, const StoreEntry *entry)
{
	FsDraft draft;

	if (fs_tree_of(view)->has_drafts && fs_drafts_get(fs->drafts, entry->id, &draft))
		return fs_tree_draft_node(view, &draft);

	FsInode inode = fs_tree_inode(view, FS_TREE_MESSAGE, entry->id);
	if (fs_tree_of(view)->is_directory)
		return fs_tree_directory_node(inode, entry->internaldate_s);

	FsNode node = { .inode = inode, .number = inode, .mtime_s = entry->internaldate_s };
	node.remote = entry->body_id == 0;
	node.writable = fs_tree_of(view)->has_drafts;
	node.unmeasured = !fs_tree_of(view)->size(entry, &node.size);
	return node;
}

static bool
measure(const FsView *view, Fs *fs, const StoreEntry *entry, FsNode *node, GError **error)
{
	if (!node->unmeasured)
		return true;
	node->unmeasured = false;
	return fs_tree_of(view)->measure(fs, entry, &node->size, error);
}

void
fs_tree_entry_clear(StoreEntry *entry)
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
	*node_r = fs_tree_directory_node(fs_tree_inode(view, FS_TREE_ACCOUNT, account.id), fs->changed_s);
	return true;
}

static bool
lookup_mailbox(const FsView *view, Fs *fs, int64_t account_id, int64_t parent_id, const char *name, FsNode *node_r,
               GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };

	if (!store_mailbox_find(fs->store, account_id, parent_id, name, &mailbox, error))
		return false;
	*node_r = fs_tree_mailbox_node(view, &mailbox);
	return true;
}

/* Messages first: they are looked for most. */
static bool
lookup_in_mailbox(const FsView *view, Fs *fs, int64_t mailbox_id, const char *name, FsNode *node_r, GError **error)
{
	g_autoptr(GError) failed = NULL;
	StoreEntry entry;
	FsDraft draft;

	if (fs_tree_of(view)->has_drafts && fs_drafts_find(fs->drafts, mailbox_id, name, &draft)) {
		*node_r = fs_tree_draft_node(view, &draft);
		return true;
	}
	if (fs_tree_of(view)->find(fs, mailbox_id, name, &entry, &failed)) {
		if (fs_tree_of(view)->has_drafts)
			fs_drafts_shown(fs->drafts, entry.id);
		FsNode node = fs_tree_message_node(view, fs, &entry);
		bool measured = measure(view, fs, &entry, &node, error);
		fs_tree_entry_clear(&entry);
		if (measured)
			*node_r = node;
		return measured;
	}
	if (failed) {
		g_propagate_error(error, g_steal_pointer(&failed));
		return false;
	}

	g_auto(StoreMailbox) mailbox = { 0 };
	if (!store_mailbox_child(fs->store, mailbox_id, name, &mailbox, error))
		return false;
	*node_r = fs_tree_mailbox_node(view, &mailbox);
	return true;
}

bool
fs_tree_body(Fs *fs, FsInode inode, int64_t *body_id_r, int64_t *header_id_r, GError **error)
{
	g_auto(StoreMessage) message = { 0 };
	GError *failure = NULL;
	StoreGone gone;

	if (store_message_get(fs->store, fs_inode_row(inode), &message, &failure)) {
		*body_id_r = message.body_id;
		*header_id_r = message.header_id;
		return true;
	}
	if (failure) {
		g_propagate_error(error, failure);
		return false;
	}
	if (!store_message_gone(fs->store, fs_inode_row(inode), &gone))
		return false;
	*body_id_r = gone.body_id;
	*header_id_r = gone.header_id;
	return true;
}

/* Of a message that has gone, for those who have it open. */
static bool
gone_attributes(const FsView *view, Fs *fs, int64_t id, FsNode *node_r, GError **error)
{
	StoreGone gone;
	StoreBody body;

	if (fs_tree_of(view)->is_directory || !store_message_gone(fs->store, id, &gone) || gone.body_id == 0 ||
	    !store_body_get(fs->store, gone.body_id, &body, error))
		return false;
	StoreEntry entry = { .id = id, .internaldate_s = gone.internaldate_s, .length = body.length,
		                 .text_length = UINT64_MAX, .body_id = gone.body_id };
	FsNode node = fs_tree_message_node(view, fs, &entry);
	if (!measure(view, fs, &entry, &node, error))
		return false;
	*node_r = node;
	return true;
}

static bool
message_attributes(const FsView *view, Fs *fs, int64_t id, FsNode *node_r, GError **error)
{
	GError *failure = NULL;
	StoreEntry entry;
	FsDraft draft;

	if (fs_tree_of(view)->has_drafts && fs_drafts_get(fs->drafts, id, &draft)) {
		*node_r = fs_tree_draft_node(view, &draft);
		return true;
	}
	if (!store_entry_get(fs->store, id, fs_tree_of(view)->text_version, &entry, &failure)) {
		if (!failure)
			return gone_attributes(view, fs, id, node_r, error);
		g_propagate_error(error, failure);
		return false;
	}
	FsNode node = fs_tree_message_node(view, fs, &entry);
	bool measured = measure(view, fs, &entry, &node, error);
	fs_tree_entry_clear(&entry);
	if (measured)
		*node_r = node;
	return measured;
}

/* By a name that the message has lost.  It may be remembered by nobody: others would not hear when it ends. */
static bool
lookup_alias(const FsView *view, Fs *fs, int64_t mailbox_id, const char *name, FsNode *node_r, GError **error)
{
	int64_t id = fs_tree_of(view)->has_drafts ? fs_aliases_find(fs->aliases, mailbox_id, name) : 0;
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

/* One that has gone has those of an empty one: where modes count, who is in it could not leave by ".." without them. */
static bool
mailbox_attributes(const FsView *view, Fs *fs, FsInode inode, FsNode *node_r, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	GError *failure = NULL;

	if (store_mailbox_get(fs->store, fs_inode_row(inode), &mailbox, &failure)) {
		*node_r = fs_tree_mailbox_node(view, &mailbox);
		return true;
	}
	if (failure) {
		g_propagate_error(error, failure);
		return false;
	}
	*node_r = fs_tree_directory_node(inode, fs->changed_s);
	return true;
}

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

	switch (fs_inode_kind(inode)) {
	case FS_TREE_TOP:
		*node_r = fs_tree_directory_node(inode, fs->changed_s);
		return true;
	case FS_TREE_ACCOUNT:
		if (!store_account_list(fs->store, account_is, &wanted, error) || !wanted.found)
			return false;
		*node_r = fs_tree_directory_node(inode, fs->changed_s);
		return true;
	case FS_TREE_MAILBOX:
		return mailbox_attributes(view, fs, inode, node_r, error);
	case FS_TREE_MESSAGE:
		return message_attributes(view, fs, row, node_r, error);
	default:
		return false;
	}
}

/* Extended attributes. */

const char *const *
fs_tree_xattr_names(Fs *fs, FsInode inode)
{
	static const char *const none[] = { NULL };

	return fs_inode_kind(inode) == FS_TREE_MESSAGE ? fs_xattr_names(fs->store, fs_inode_row(inode)) : none;
}

bool
fs_tree_xattr(const FsView *view, Fs *fs, FsInode inode, const char *name, char **value_r, GError **error)
{
	FsDraft draft;

	if (fs_inode_kind(inode) != FS_TREE_MESSAGE)
		return false;
	if (fs_tree_of(view)->has_drafts && fs_drafts_get(fs->drafts, fs_inode_row(inode), &draft) && draft.is_new) {
		*value_r = strcmp(name, "user.mailtree.state") == 0 ? g_strdup("local") : NULL;
		return *value_r != NULL;
	}
	return fs_xattr_get(fs->store, fs_inode_row(inode), fs_tree_of(view)->mime_type, name, value_r, error);
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
fs_tree_changed(const FsView *view, Fs *fs, const StoreChange *change, FsFreshness *freshness)
{
	g_autofree char *name = NULL;

	switch (change->kind) {
	case STORE_CHANGE_MESSAGE_ADDED:
		fs_freshness_stale(freshness, fs_tree_inode(view, FS_TREE_MAILBOX, change->mailbox_id), NULL);
		break;
	case STORE_CHANGE_MESSAGE_REMOVED:
	case STORE_CHANGE_MESSAGE_RENAMED:
	case STORE_CHANGE_MESSAGE_CONTENT:
		name = fs_tree_of(view)->name(change->name);
		fs_freshness_stale(freshness, fs_tree_inode(view, FS_TREE_MAILBOX, change->mailbox_id), name);
		if (fs_tree_of(view)->is_directory) /* its body may have come or gone */
			fs_freshness_stale(freshness, fs_tree_inode(view, FS_TREE_MESSAGE, change->message_id), NULL);
		else if (change->kind == STORE_CHANGE_MESSAGE_CONTENT)
			fs_freshness_bytes(freshness, fs_tree_inode(view, FS_TREE_MESSAGE, change->message_id));
		break;
	case STORE_CHANGE_MAILBOX_ADDED:
		fs_freshness_stale(freshness, folder_inode(view, change->account_id, change->parent_id), NULL);
		break;
	case STORE_CHANGE_MAILBOX_REMOVED:
		fs_freshness_stale(freshness, folder_inode(view, change->account_id, change->parent_id), change->name);
		break;
	case STORE_CHANGE_ACCOUNT_ADDED:
		fs_freshness_stale(freshness, fs_tree_inode(view, FS_TREE_TOP, 0), NULL);
		break;
	case STORE_CHANGE_MESSAGE_FLAGS:
	case STORE_CHANGE_MAILBOX_KIND:
		break;
	}
}
