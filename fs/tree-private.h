/* Shared by the files of tree.h: what accounts, folders and messages look like in a view. */
#pragma once

#include "fs/tree.h"
#include "store/mailboxes.h"

const FsTree *fs_tree_of(const FsView *view);
FsInode fs_tree_inode(const FsView *view, unsigned kind, int64_t row);

FsNode fs_tree_directory_node(FsInode inode, int64_t mtime_s);
FsNode fs_tree_mailbox_node(const FsView *view, const StoreMailbox *mailbox);
/* Of a message, or of what is being written in its place; its size may be unmeasured. */
FsNode fs_tree_message_node(const FsView *view, const Fs *fs, const StoreEntry *entry);

/* Frees what store_entry_find() and store_entry_get() filled. */
void fs_tree_entry_clear(StoreEntry *entry);
