#include "fs/reply.h"

#include "core/log.h"
#include "fs/connection.h"
#include "fs/error.h"

#include <errno.h>

#define FOREVER_S 1e9 /* until the kernel is told otherwise (freshness.h) */
#define BLOCK_BYTES 4096

Fs *
fs_of(fuse_req_t req)
{
	return ((FsConnection *)fuse_req_userdata(req))->fs;
}

FsInode
fs_inode_in(fuse_req_t req, fuse_ino_t inode)
{
	return inode == FUSE_ROOT_ID ? ((FsConnection *)fuse_req_userdata(req))->root : inode;
}

void
fs_reply_failure(fuse_req_t req, FsInode inode, GError *error)
{
	static _Atomic FsInode last;
	int number = fs_error_number(error);

	if ((number == EIO || number == ENOSPC) && atomic_exchange(&last, inode) != inode)
		core_log(CORE_LOG_ERROR, "fs", "inode %" G_GUINT64_FORMAT " (view %u, row %" G_GINT64_FORMAT "): %s", inode,
		         fs_inode_tag(inode), fs_inode_row(inode), error->message);
	g_clear_error(&error);
	fuse_reply_err(req, number);
}

void
fs_fill_stat(const Fs *fs, const FsNode *node, struct stat *st)
{
	mode_t write = node->writable ? 0200 : 0;

	*st = (struct stat){
		.st_ino = node->number,
		.st_mode = node->link ? S_IFLNK | 0777 : (node->directory ? S_IFDIR | 0500 : S_IFREG | 0400) | write,
		.st_nlink = 1, /* of a directory: do not conclude from it how many folders are in it */
		.st_uid = fs->uid,
		.st_gid = fs->gid,
		.st_size = (off_t)node->size,
		.st_blksize = BLOCK_BYTES,
		.st_blocks = (blkcnt_t)((node->size + 511) / 512),
		.st_atim.tv_sec = node->mtime_s,
		.st_mtim = { node->mtime_s, node->mtime_ms * 1000000L },
		.st_ctim = { node->mtime_s, node->mtime_ms * 1000000L },
	};
}

static double
attributes_timeout(const FsNode *node)
{
	return node->remote || node->changing ? 0 : FOREVER_S;
}

void
fs_fill_entry(const Fs *fs, const FsNode *node, struct fuse_entry_param *entry)
{
	*entry = (struct fuse_entry_param){
		.ino = node->inode,
		.generation = node->generation,
		.attr_timeout = attributes_timeout(node),
		.entry_timeout = node->fleeting ? 0 : FOREVER_S,
	};
	fs_fill_stat(fs, node, &entry->attr);
}

void
fs_reply_attributes(fuse_req_t req, const Fs *fs, const FsNode *node)
{
	struct stat st;

	fs_fill_stat(fs, node, &st);
	fuse_reply_attr(req, &st, attributes_timeout(node));
}

void
fs_reply_entry(fuse_req_t req, const Fs *fs, const FsNode *node)
{
	struct fuse_entry_param entry;

	fs_fill_entry(fs, node, &entry);
	fuse_reply_entry(req, &entry);
}

void
fs_reply_create(fuse_req_t req, const Fs *fs, const FsNode *node, struct fuse_file_info *fi)
{
	struct fuse_entry_param entry;

	fs_fill_entry(fs, node, &entry);
	fi->keep_cache = true;
	fuse_reply_create(req, &entry, fi);
}
