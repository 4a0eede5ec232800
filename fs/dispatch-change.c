/* FUSE's operations that change something, in terms of views. */
#include "fs/change.h"
#include "fs/dispatch.h"

#include "core/clock.h"
#include "core/log.h"
#include "fs/error.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

/* What the view allows; NULL: it is for reading only, and the request was answered. */
static const FsChanges *
changes_of(fuse_req_t req, FsInode inode)
{
	const FsView *view = fs_view_of(inode);

	if (view && view->changes)
		return view->changes;
	fuse_reply_err(req, EROFS);
	return NULL;
}

/* What the name stands for. */
static bool
resolve(const FsChange *change, FsInode directory, const char *name, FsInode *inode_r, bool *is_directory_r, GError **error)
{
	const FsView *view = fs_view_of(directory);
	FsNode node;

	if (!view->lookup(view, change->fs, directory, name, &node, error))
		return false;
	*inode_r = node.inode;
	*is_directory_r = node.directory;
	return true;
}

static bool
check_name(fuse_req_t req, const char *name)
{
	if (strlen(name) <= NAME_MAX)
		return true;
	fuse_reply_err(req, ENAMETOOLONG);
	return false;
}

/* Requests. */

static void
create(fuse_req_t req, FsInode parent, const char *name, struct fuse_file_info *fi)
{
	Fs *fs = fs_of(req);
	const FsChanges *changes = changes_of(req, parent);
	GError *error = NULL;
	FsNode node;

	if (!changes || !check_name(req, name))
		return;
	if (!changes->create)
		fuse_reply_err(req, EPERM);
	else if (!changes->create(fs_view_of(parent), fs, parent, name, &node, &error))
		fs_reply_failure(req, parent, error);
	else if (fi)
		fs_reply_create(req, fs, &node, fi);
	else
		fs_reply_entry(req, fs, &node);
}

static void
op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	create(req, fs_inode_in(req, parent), name, fi);
}

/* Nobody will close it: it is saved now. */
static void
op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	FsInode directory = fs_inode_in(req, parent);
	const FsChanges *changes = changes_of(req, directory);
	GError *error = NULL;
	FsNode node;

	if (!changes || !check_name(req, name))
		return;
	if (!S_ISREG(mode) || !changes->create) {
		fuse_reply_err(req, EPERM);
		return;
	}
	if (!changes->create(fs_view_of(directory), fs_of(req), directory, name, &node, &error)) {
		fs_reply_failure(req, directory, error);
		return;
	}
	FsChange *change = fs_change_new(req, fs_of(req), fs_view_of(node.inode), changes->save, directory, name);
	change->inode = node.inode;
	change->answer = fs_change_answer_entry;
	fs_change_submit(change, true, NULL);
}

static void
op_write(fuse_req_t req, fuse_ino_t ino, const char *bytes, size_t size, off_t offset, struct fuse_file_info *fi)
{
	FsInode inode = fs_inode_in(req, ino);
	const FsChanges *changes = changes_of(req, inode);
	GError *error = NULL;

	if (!changes)
		return;
	if (!changes->write)
		fuse_reply_err(req, EPERM);
	else if (changes->write(fs_view_of(inode), fs_of(req), inode, bytes, size, (uint64_t)offset, &error))
		fuse_reply_write(req, size);
	else
		fs_reply_failure(req, inode, error);
}

/* flush: a descriptor was closed; fsync. */
static void
save(fuse_req_t req, FsInode inode)
{
	const FsView *view = fs_view_of(inode);
	const FsChanges *changes = view ? view->changes : NULL;
	Fs *fs = fs_of(req);

	if (!changes || !changes->save || (changes->is_saved && changes->is_saved(fs, inode))) {
		fuse_reply_err(req, 0);
		return;
	}
	FsChange *change = fs_change_new(req, fs, view, changes->save, 0, NULL);
	change->inode = inode;
	fs_change_submit(change, true, NULL);
}

static void
op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	save(req, fs_inode_in(req, ino));
}

static void
op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	save(req, fs_inode_in(req, ino));
}

/* All that was done in a directory was durable when it was answered. */
static void
op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	fuse_reply_err(req, 0);
}

static bool
is_own_owner(const Fs *fs, const struct stat *wanted, int set)
{
	return (!(set & FUSE_SET_ATTR_UID) || wanted->st_uid == fs->uid || wanted->st_uid == (uid_t)-1) &&
	       (!(set & FUSE_SET_ATTR_GID) || wanted->st_gid == fs->gid || wanted->st_gid == (gid_t)-1);
}

/* What is left to be done once the size is set: truncate() is saved now, as nobody will close the file.  One to nothing looks
 * like an open() with O_TRUNC, which waits for what is written then.  NULL: nothing. */
static const FsVerb *
verb_of_setattr(const FsChanges *changes, int set, const struct stat *wanted, bool is_open)
{
	if (set & FUSE_SET_ATTR_SIZE)
		return is_open || wanted->st_size == 0 ? NULL : changes->save;
	return set & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW) ? changes->set_time : NULL;
}

/* Modes, and owners that it has already, are taken and forgotten, as are times of directories. */
static void
op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *wanted, int set, struct fuse_file_info *fi)
{
	FsInode inode = fs_inode_in(req, ino);
	Fs *fs = fs_of(req);
	const FsChanges *changes = changes_of(req, inode);
	GError *error = NULL;
	FsNode node;

	if (!changes)
		return;
	const FsView *view = fs_view_of(inode);
	if (!view->attributes(view, fs, inode, &node, &error)) {
		fs_reply_failure(req, inode, error);
		return;
	}
	if (!is_own_owner(fs, wanted, set)) {
		fuse_reply_err(req, EPERM);
		return;
	}
	if (set & FUSE_SET_ATTR_SIZE) {
		bool ok = changes->resize ? changes->resize(view, fs, inode, (uint64_t)wanted->st_size, &error)
		                          : fs_throw(&error, EPERM);
		if (!ok) {
			fs_reply_failure(req, inode, error);
			return;
		}
	}
	FsChange *change = fs_change_new(req, fs, view, verb_of_setattr(changes, set, wanted, fi != NULL), 0, NULL);
	change->inode = inode;
	change->answer = fs_change_answer_attributes;
	change->time_s = set & FUSE_SET_ATTR_MTIME_NOW ? core_clock_wall_s() : wanted->st_mtim.tv_sec;
	if (change->verb && !node.directory) {
		fs_change_submit(change, true, NULL);
		return;
	}
	fs_change_answer_attributes(change);
	fs_change_free(change);
}

static void
remove_name(fuse_req_t req, fuse_ino_t parent, const char *name, bool is_directory)
{
	FsInode directory = fs_inode_in(req, parent);
	const FsChanges *changes = changes_of(req, directory);
	GError *error = NULL;

	if (!changes)
		return;
	const FsVerb *verb = is_directory ? changes->rmdir : changes->unlink;
	FsChange *change = fs_change_new(req, fs_of(req), fs_view_of(directory), verb, directory, name);
	bool ok = resolve(change, directory, name, &change->inode, &change->is_directory, &error);
	fs_change_submit(change, ok, error);
}

static void
op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	remove_name(req, parent, name, false);
}

static void
op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	remove_name(req, parent, name, true);
}

static void
op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	FsInode directory = fs_inode_in(req, parent);
	const FsChanges *changes = changes_of(req, directory);

	if (!changes || !check_name(req, name))
		return;
	FsChange *change = fs_change_new(req, fs_of(req), fs_view_of(directory), changes->mkdir, directory, name);
	change->answer = fs_change_answer_entry;
	fs_change_submit(change, true, NULL);
}

static bool
check_rename(const FsChange *change, GError **error)
{
	if (change->flags & ~(unsigned)RENAME_NOREPLACE)
		return fs_throw(error, EINVAL);
	if (change->target && (change->flags & RENAME_NOREPLACE))
		return fs_throw(error, EEXIST);
	if (fs_inode_tag(change->directory) != fs_inode_tag(change->to_directory))
		return fs_throw(error, EXDEV);
	if (change->target && change->target_is_directory != change->is_directory)
		return fs_throw(error, change->is_directory ? ENOTDIR : EISDIR);
	return true;
}

static void
op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent, const char *new_name, unsigned flags)
{
	FsInode directory = fs_inode_in(req, parent);
	const FsChanges *changes = changes_of(req, directory);
	GError *error = NULL;

	if (!changes || !check_name(req, new_name))
		return;
	FsChange *change = fs_change_new(req, fs_of(req), fs_view_of(directory), changes->rename, directory, name);
	change->to_directory = fs_inode_in(req, new_parent);
	change->to_name = g_strdup(new_name);
	change->flags = flags;
	bool ok = resolve(change, directory, name, &change->inode, &change->is_directory, &error);
	if (ok && !resolve(change, change->to_directory, new_name, &change->target, &change->target_is_directory, &error))
		ok = error == NULL;
	ok = ok && check_rename(change, &error); /* sets error, which the call takes */
	fs_change_submit(change, ok, error);
}

static void
op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent, const char *new_name)
{
	FsInode directory = fs_inode_in(req, new_parent), source = fs_inode_in(req, ino);
	const FsChanges *changes = changes_of(req, directory);
	GError *error = NULL;

	if (!changes || !check_name(req, new_name))
		return;
	FsChange *change = fs_change_new(req, fs_of(req), fs_view_of(directory), changes->link, directory, new_name);
	change->source = source;
	change->answer = fs_change_answer_entry;
	bool ok = fs_inode_tag(source) == fs_inode_tag(directory) || fs_throw(&error, EXDEV);
	fs_change_submit(change, ok, error);
}

static void
op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	if (changes_of(req, fs_inode_in(req, parent)))
		fuse_reply_err(req, EPERM);
}

#define XATTR_VALUE_MAX_BYTES 65536 /* Linux's XATTR_SIZE_MAX */

static void
set_xattr(fuse_req_t req, FsInode inode, const char *name, char *value)
{
	const FsView *view = fs_view_of(inode);
	FsChange *change = fs_change_new(req, fs_of(req), view, view->changes->set_xattr, 0, name);

	change->inode = inode;
	change->value = value;
	fs_change_submit(change, true, NULL);
}

/* What cannot be set is EOPNOTSUPP: tools that copy all attributes say nothing about it. */
static void
op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags)
{
	FsInode inode = fs_inode_in(req, ino);
	const FsChanges *changes = changes_of(req, inode);

	if (!changes)
		return;
	if (!g_str_has_prefix(name, "user.") || !changes->set_xattr)
		fuse_reply_err(req, EOPNOTSUPP);
	else if (flags & XATTR_CREATE)
		fuse_reply_err(req, EEXIST);
	else if (size > XATTR_VALUE_MAX_BYTES)
		fuse_reply_err(req, E2BIG);
	else if (memchr(value, '\0', size))
		fuse_reply_err(req, EINVAL);
	else
		set_xattr(req, inode, name, g_strndup(value, size));
}

static void
op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	FsInode inode = fs_inode_in(req, ino);
	const FsChanges *changes = changes_of(req, inode);

	if (!changes)
		return;
	if (!g_str_has_prefix(name, "user.") || !changes->set_xattr)
		fuse_reply_err(req, EOPNOTSUPP);
	else
		set_xattr(req, inode, name, NULL);
}

/* Only of a whole file into an empty one, which then is a copy that the server makes; else the kernel reads and writes. */
static void
op_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t offset_in, struct fuse_file_info *fi_in, fuse_ino_t ino_out,
                   off_t offset_out, struct fuse_file_info *fi_out, size_t length, int flags)
{
	FsInode from = fs_inode_in(req, ino_in), inode = fs_inode_in(req, ino_out);
	const FsChanges *changes = changes_of(req, inode);
	Fs *fs = fs_of(req);
	GError *error = NULL;
	uint64_t n = 0;
	FsNode node;

	if (!changes)
		return;
	const FsView *view = fs_view_of(from);
	bool whole = changes->copy && fs_inode_tag(from) == fs_inode_tag(inode) && offset_in == 0 && offset_out == 0 &&
	             view->attributes(view, fs, from, &node, NULL) && length >= node.size;
	if (whole && !changes->copy(view, fs, from, inode, &n, &error))
		fs_reply_failure(req, inode, error);
	else if (n > 0)
		fuse_reply_write(req, n);
	else
		fuse_reply_err(req, EOPNOTSUPP);
}

/* Only access() asks: whoever opens a file hears it when he writes. */
static void
op_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
	FsInode inode = fs_inode_in(req, ino);
	const FsView *view = fs_view_of(inode);
	GError *error = NULL;
	FsNode node;

	if (!(mask & (W_OK | X_OK)))
		fuse_reply_err(req, 0);
	else if (!view->attributes(view, fs_of(req), inode, &node, &error))
		fs_reply_failure(req, inode, error);
	else if ((mask & X_OK) && !node.directory)
		fuse_reply_err(req, EACCES);
	else if ((mask & W_OK) && !view->changes)
		fuse_reply_err(req, EROFS);
	else
		fuse_reply_err(req, (mask & W_OK) && !node.writable ? EACCES : 0);
}

void
fs_operations_add_changes(struct fuse_lowlevel_ops *operations)
{
	operations->access = op_access;
	operations->create = op_create;
	operations->mknod = op_mknod;
	operations->write = op_write;
	operations->flush = op_flush;
	operations->fsync = op_fsync;
	operations->fsyncdir = op_fsyncdir;
	operations->setattr = op_setattr;
	operations->unlink = op_unlink;
	operations->rmdir = op_rmdir;
	operations->mkdir = op_mkdir;
	operations->rename = op_rename;
	operations->link = op_link;
	operations->symlink = op_symlink;
	operations->setxattr = op_setxattr;
	operations->removexattr = op_removexattr;
	operations->copy_file_range = op_copy_file_range;
}
