/* Answers to the kernel, shared by the operations.  A session's userdata is an FsConnection. */
#pragma once

#include "fs/view.h"

#include <fuse_lowlevel.h>
#include <sys/stat.h>

typedef struct FsConnection FsConnection;

Fs *fs_of(fuse_req_t req);
/* What the kernel means: the root of the connection has a number of its own. */
FsInode fs_inode_in(fuse_req_t req, fuse_ino_t inode);

/* With @error (taken; NULL: ENOENT).  One line for what people should know, once in a row for the same inode: the kernel
 * asks twice for what it could not read. */
void fs_reply_failure(fuse_req_t req, FsInode inode, GError *error);

void fs_fill_stat(const Fs *fs, const FsNode *node, struct stat *st);
void fs_fill_entry(const Fs *fs, const FsNode *node, struct fuse_entry_param *entry);
void fs_reply_attributes(fuse_req_t req, const Fs *fs, const FsNode *node);
void fs_reply_entry(fuse_req_t req, const Fs *fs, const FsNode *node);
void fs_reply_create(fuse_req_t req, const Fs *fs, const FsNode *node, struct fuse_file_info *fi);
