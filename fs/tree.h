/* What the views of messages have in common: VIEW/ACCOUNT/FOLDER/…/MESSAGE.
 *
 * A view of messages is an FsTree: its FsView takes the calls of this file, and four calls of its own say what one
 * message looks like in it.
 */
#pragma once

#include "fs/draft.h"
#include "fs/view.h"
#include "store/messages.h"

/* Kinds of inodes in such a view, and what their rows are. */
enum {
	FS_TREE_TOP,     /* 0 */
	FS_TREE_ACCOUNT, /* of StoreAccount */
	FS_TREE_MAILBOX, /* of StoreMailbox */
	FS_TREE_MESSAGE, /* of StoreMessage */
	FS_TREE_PART,    /* in parts/: of the message, and which of its parts (view-parts.c) */
};

typedef struct {
	FsView view;
	const char *mime_type;
	bool is_directory; /* a message is one, and what is in it is the view's affair */
	bool has_drafts; /* what is being written is seen in it, and it can be written */
	unsigned text_version; /* for the calls of store/messages.h that give entries */

	/* The name of a message called @name in mail/; g_free(). */
	char *(*name)(const char *name);
	/* The message that has @name here: as store_entry_find(). */
	bool (*find)(Fs *fs, int64_t mailbox_id, const char *name, StoreEntry *entry_r, GError **error);
	/* The size of the file; false: it is not known without measure().  NULL: it is no file. */
	bool (*size)(const StoreEntry *entry, uint64_t *size_r);
	/* The size however long it takes.  NULL: size() always knows. */
	bool (*measure)(Fs *fs, const StoreEntry *entry, uint64_t *size_r, GError **error);
} FsTree;

/* A file that is being written. */
FsNode fs_tree_draft_node(const FsView *view, const FsDraft *draft);

extern const FsTree fs_mail_tree; /* view-mail.c */
extern const FsTree fs_text_tree; /* view-text.c */
extern const FsTree fs_parts_tree; /* view-parts.c */
extern const FsTree fs_maildir_tree; /* view-maildir.c: looks otherwise, but has such messages */

bool fs_tree_lookup(const FsView *view, Fs *fs, FsInode directory, const char *name, FsNode *node_r, GError **error);
bool fs_tree_attributes(const FsView *view, Fs *fs, FsInode inode, FsNode *node_r, GError **error);
bool fs_tree_list(const FsView *view, Fs *fs, FsInode directory, uint64_t after, FsListFn fn, void *data,
                  GError **error);
/* Where the bytes of a message are, also of one that has gone since somebody opened it. */
bool fs_tree_body(Fs *fs, FsInode inode, int64_t *body_id_r, int64_t *header_id_r, GError **error);
const char *const *fs_tree_xattr_names(Fs *fs, FsInode inode);
bool fs_tree_xattr(const FsView *view, Fs *fs, FsInode inode, const char *name, char **value_r, GError **error);
int64_t fs_tree_account(Fs *fs, FsInode inode);
void fs_tree_changed(const FsView *view, Fs *fs, const StoreChange *change, FsFreshness *freshness);

#define FS_TREE_CALLS \
	.lookup = fs_tree_lookup, .attributes = fs_tree_attributes, .list = fs_tree_list, \
	.xattr_names = fs_tree_xattr_names, .xattr = fs_tree_xattr, .account = fs_tree_account, \
	.changed = fs_tree_changed
