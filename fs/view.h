/* What a view is to the rest of fs/: one table of calls.
 *
 * A new view is a file with its table, a tag in inode.h and a row in fs_views.  dispatch.c turns requests into these
 * calls and knows no view by name.  All calls come from FUSE's threads, several at once; none may wait for the network.
 */
#pragma once

#include "fs/freshness.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "fs/snapshot.h"

#include <stdatomic.h>
#include <sys/types.h>

/* What all views of one mount share. */
typedef struct {
	Store *store;
	const FsCalls *calls;
	FsSnapshots *snapshots;
	struct FsDrafts *drafts;
	struct FsSaver *saver;
	struct FsPredecessors *predecessors;
	struct FsSearches *searches;
	struct FsAliases *aliases;
	struct FsAhead *ahead;
	struct FsMaildirs *maildirs;
	FsFreshness *freshness; /* of what can be changed */
	uid_t uid; /* whose the files are */
	gid_t gid;
	int64_t started_s;
	_Atomic int64_t changed_s; /* when an account or a folder last came or went: mtime of what has no row of its own */
} Fs;

typedef struct {
	FsInode inode;
	uint64_t generation; /* another when its bytes are others while the inode is the same: what is open then fails */
	FsInode number; /* what stat() shows: the inode, but for files whose every state is an inode of its own */
	uint64_t size;
	int64_t mtime_s;
	uint32_t mtime_ms; /* beyond that */
	bool directory;
	bool link;       /* symbolic; the size is that of its target */
	bool writable;
	bool changing;   /* its bytes and attributes may be others at the next look */
	bool remote;     /* its bytes are not here: the size is what somebody says, and may not be remembered */
	bool fleeting;   /* the name may stand for another inode at the next look */
	bool unmeasured; /* only from list: the size costs more than a listing is worth; whoever needs it looks it up */
} FsNode;

typedef bool (*FsListFn)(const char *name, const FsNode *node, uint64_t cookie, void *data); /* false: enough */

typedef struct FsView FsView;
typedef struct FsChanges FsChanges; /* change.h */
struct FsView {
	FsTag tag;
	const char *name; /* its directory at the root; that is inode (tag, 0, 0).  NULL: the root itself */

	/* True and filled; false with *error unset when there is none; false with *error. */
	bool (*lookup)(const FsView *view, Fs *fs, FsInode directory, const char *name, FsNode *node_r, GError **error);
	/* Whether lookup() is to find nothing, because @reader asks in order to make that name.  NULL: never. */
	bool (*hides)(const FsView *view, Fs *fs, FsInode directory, const char *name, pid_t reader);
	bool (*attributes)(const FsView *view, Fs *fs, FsInode inode, FsNode *node_r, GError **error);

	/* Entries behind the one that had the cookie @after (0: from the first), each once however much comes and goes
	 * meanwhile.  Cookies are greater than FS_COOKIE_FIRST.  @fn must not write to the store. */
	bool (*list)(const FsView *view, Fs *fs, FsInode directory, uint64_t after, FsListFn fn, void *data,
	             GError **error);

	/* Fills @buffer unless the file ends before.  False with *error unset: there is no such file, or its bytes have to be
	 * fetched first (absent). */
	bool (*read)(const FsView *view, Fs *fs, FsInode inode, void *buffer, size_t size, uint64_t offset, size_t *n_r,
	             GError **error);

	/* Where a symbolic link leads; g_free().  NULL: there are none. */
	bool (*readlink)(const FsView *view, Fs *fs, FsInode inode, char **target_r, GError **error);

	/* The message whose body has to be fetched before the file can be read (FsCalls.fetch); 0: none.  NULL: never. */
	int64_t (*absent)(const FsView *view, Fs *fs, FsInode inode);

	/* Extended attributes: the names that @inode has, NULL-terminated, and one value (g_free(); false with
	 * *error unset: it has none of that name). */
	const char *const *(*xattr_names)(Fs *fs, FsInode inode);
	bool (*xattr)(const FsView *view, Fs *fs, FsInode inode, const char *name, char **value_r, GError **error);

	/* The kernel drops @count of the lookups it was answered.  NULL: nothing to do. */
	void (*forget)(Fs *fs, FsInode inode, uint64_t count);

	/* Whose room statfs() tells: an account, or 0 for all of them.  NULL: 0. */
	int64_t (*account)(Fs *fs, FsInode inode);

	/* What can be changed; NULL: nothing (EROFS). */
	const FsChanges *changes;

	/* Tells @freshness which names and directories a committed change makes stale.  Called by the store's listener:
	 * must not block and must not call the store; between fs_freshness_begin() and _end().  NULL: none. */
	void (*changed)(const FsView *view, Fs *fs, const StoreChange *change, FsFreshness *freshness);
};

#define FS_COOKIE_FIRST 2 /* of "..": those of views are greater */

extern const FsView *const fs_views[FS_TAG_COUNT]; /* by tag; NULL: there is none of that tag */

/* NULL if no view has such inodes. */
const FsView *fs_view_of(FsInode inode);

/* Whether the kernel can be shown an entry of this name: it takes one bad name as a reason to refuse the directory. */
bool fs_name_valid(const char *name);
