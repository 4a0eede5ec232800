/* Inode numbers: a view's tag, a kind within the view, the id of a row.
 *
 * Row ids are stable and never used again, so inodes are as well, across remounts too, and nothing has to be remembered
 * about an inode that the kernel has looked up.  The tags and kinds are therefore fixed for ever; new ones are added.
 */
#pragma once

#include <stdint.h>

typedef uint64_t FsInode;

typedef enum {
	FS_TAG_ROOT, /* and what stands beside the views: README, ctl, status, status.json */
	FS_TAG_MAIL,
	FS_TAG_TEXT,
	FS_TAG_PARTS,
	FS_TAG_MAILDIR,
	FS_TAG_SEARCH,
	FS_TAG_COUNT /* at most 16 */
} FsTag;

#define FS_INODE_ROOT ((FsInode)1) /* FUSE's own number for it */

static inline FsInode
fs_inode(FsTag tag, unsigned kind, int64_t row)
{
	return (FsInode)tag << 60 | (FsInode)kind << 56 | (FsInode)row;
}

static inline unsigned
fs_inode_tag(FsInode inode)
{
	return (unsigned)(inode >> 60);
}

static inline unsigned
fs_inode_kind(FsInode inode)
{
	return inode >> 56 & 15;
}

static inline int64_t
fs_inode_row(FsInode inode)
{
	return (int64_t)(inode & (((FsInode)1 << 56) - 1));
}
