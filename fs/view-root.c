#include "fs/view-root.h"

#include "fs/change.h"
#include "fs/error.h"

#include <errno.h>
#include <string.h>

#define CTL_MAX_BYTES 65536 /* of one write */

/* Kinds of inodes; the root itself is FS_INODE_ROOT, that is kind 0, row 1. */
enum {
	KIND_DIRECTORY,
	KIND_README, /* row 0 */
	KIND_STATUS, /* a row is the number of a snapshot; row 0 is what stat() shows */
	KIND_STATUS_JSON,
	KIND_CTL, /* row 0 */
	KIND_COUNT,
};

static const char *const names[KIND_COUNT] = {
	[KIND_README] = "README",
	[KIND_STATUS] = "status",
	[KIND_STATUS_JSON] = "status.json",
	[KIND_CTL] = "ctl",
};

const char *const fs_root_changing[] = { "status", "status.json", NULL };

static FsNode
directory_node(const Fs *fs, FsInode inode)
{
	return (FsNode){ .inode = inode, .number = inode, .mtime_s = fs->changed_s, .directory = true,
	                 .writable = true };
}

static FsNode
readme_node(const Fs *fs)
{
	FsInode inode = fs_inode(FS_TAG_ROOT, KIND_README, 0);

	return (FsNode){ .inode = inode, .number = inode, .size = strlen(fs->calls->readme), .mtime_s = fs->started_s };
}

/* Always empty, whatever was just written to it. */
static FsNode
ctl_node(const Fs *fs)
{
	FsInode inode = fs_inode(FS_TAG_ROOT, KIND_CTL, 0);

	return (FsNode){ .inode = inode, .number = inode, .mtime_s = fs->started_s, .writable = true, .changing = true };
}

static FsNode
snapshot_node(unsigned kind, const FsSnapshot *snapshot)
{
	return (FsNode){
		.inode = fs_inode(FS_TAG_ROOT, kind, (int64_t)snapshot->number),
		.number = fs_inode(FS_TAG_ROOT, kind, 0),
		.size = snapshot->size,
		.mtime_s = snapshot->mtime_s,
		.fleeting = true,
	};
}

static FsNode
look_at_status(Fs *fs, unsigned kind)
{
	char *content = fs->calls->status(kind == KIND_STATUS_JSON, fs->calls->data);
	FsSnapshot snapshot;

	fs_snapshots_look(fs->snapshots, kind, content ? content : g_strdup(""), &snapshot);
	return snapshot_node(kind, &snapshot);
}

static bool
root_lookup(const FsView *view, Fs *fs, FsInode directory, const char *name, FsNode *node_r, GError **error)
{
	if (directory != FS_INODE_ROOT)
		return false;
	for (unsigned tag = 0; tag < FS_TAG_COUNT; tag++) {
		if (fs_views[tag] && fs_views[tag]->name && strcmp(fs_views[tag]->name, name) == 0) {
			*node_r = directory_node(fs, fs_inode(tag, 0, 0));
			return true;
		}
	}
	if (strcmp(name, names[KIND_README]) == 0)
		*node_r = readme_node(fs);
	else if (strcmp(name, names[KIND_CTL]) == 0)
		*node_r = ctl_node(fs);
	else if (strcmp(name, names[KIND_STATUS]) == 0)
		*node_r = look_at_status(fs, KIND_STATUS);
	else if (strcmp(name, names[KIND_STATUS_JSON]) == 0)
		*node_r = look_at_status(fs, KIND_STATUS_JSON);
	else
		return false;
	return true;
}

static bool
root_attributes(const FsView *view, Fs *fs, FsInode inode, FsNode *node_r, GError **error)
{
	unsigned kind = fs_inode_kind(inode);
	FsSnapshot snapshot;

	if (inode == FS_INODE_ROOT)
		*node_r = directory_node(fs, inode);
	else if (kind == KIND_README)
		*node_r = readme_node(fs);
	else if (kind == KIND_CTL)
		*node_r = ctl_node(fs);
	else if (fs_snapshots_get(fs->snapshots, (uint64_t)fs_inode_row(inode), &snapshot))
		*node_r = snapshot_node(kind, &snapshot);
	else
		return false;
	return true;
}

/* The files, then the views.  A listing makes no content: who wants the size of status looks it up. */
static bool
root_list(const FsView *view, Fs *fs, FsInode directory, uint64_t after, FsListFn fn, void *data, GError **error)
{
	uint64_t cookie = FS_COOKIE_FIRST;

	for (unsigned kind = KIND_README; kind < KIND_COUNT; kind++) {
		FsInode inode = fs_inode(FS_TAG_ROOT, kind, 0);
		FsNode node = { .inode = inode, .number = inode, .unmeasured = true };
		if (++cookie > after && !fn(names[kind], &node, cookie, data))
			return true;
	}
	for (unsigned tag = 0; tag < FS_TAG_COUNT; tag++) {
		FsNode node = directory_node(fs, fs_inode(tag, 0, 0));
		if (fs_views[tag] && fs_views[tag]->name && ++cookie > after && !fn(fs_views[tag]->name, &node, cookie, data))
			return true;
	}
	return true;
}

static bool
root_read(const FsView *view, Fs *fs, FsInode inode, void *buffer, size_t size, uint64_t offset, size_t *n_r,
          GError **error)
{
	if (fs_inode_kind(inode) == KIND_CTL) {
		*n_r = 0;
		return true;
	}
	if (fs_inode_kind(inode) != KIND_README)
		return fs_snapshots_read(fs->snapshots, (uint64_t)fs_inode_row(inode), buffer, size, offset, n_r);

	size_t length = strlen(fs->calls->readme);
	*n_r = offset < length ? MIN(size, length - offset) : 0;
	if (*n_r > 0)
		memcpy(buffer, fs->calls->readme + offset, *n_r);
	return true;
}

static const char *const *
root_xattr_names(Fs *fs, FsInode inode)
{
	static const char *const none[] = { NULL };

	return none;
}

static bool
root_xattr(const FsView *view, Fs *fs, FsInode inode, const char *name, char **value_r, GError **error)
{
	return false;
}

static void
root_forget(Fs *fs, FsInode inode, uint64_t count)
{
	if (fs_inode_kind(inode) == KIND_STATUS || fs_inode_kind(inode) == KIND_STATUS_JSON)
		fs_snapshots_forget(fs->snapshots, (uint64_t)fs_inode_row(inode), count);
}

/* ctl: a write has one line or more, with or without a line end behind the last. */
static bool
root_write(const FsView *view, Fs *fs, FsInode inode, const void *bytes, size_t length, uint64_t offset, GError **error)
{
	if (fs_inode_kind(inode) != KIND_CTL)
		return fs_throw(error, EROFS);
	if (length > CTL_MAX_BYTES)
		return fs_throw(error, EFBIG);
	g_autofree char *text = g_strndup(bytes, length);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++)
		if (*g_strstrip(*line) && !fs->calls->command(*line, fs->calls->data, error))
			return false;
	return true;
}

/* ">" makes it empty, which it is. */
static bool
root_resize(const FsView *view, Fs *fs, FsInode inode, uint64_t size, GError **error)
{
	return fs_inode_kind(inode) == KIND_CTL ? size == 0 || fs_throw(error, EPERM) : fs_throw(error, EROFS);
}

static const FsChanges changes = { .write = root_write, .resize = root_resize };

const FsView fs_root_view = {
	.tag = FS_TAG_ROOT,
	.lookup = root_lookup,
	.attributes = root_attributes,
	.list = root_list,
	.read = root_read,
	.xattr_names = root_xattr_names,
	.xattr = root_xattr,
	.forget = root_forget,
	.changes = &changes,
};
