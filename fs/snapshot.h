/* Contents that are made when somebody looks, and stay what they were for who is reading them.
 *
 * Files are opened without a message to us, so there is no file handle that could hold what one reader sees.  Instead
 * every state of such a file is an inode of its own, with a number from here: the size that stat() tells and the bytes
 * that read() gives always belong together, and a file that is read while it changes is never torn.  A state is kept
 * until the kernel has forgotten it.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct FsSnapshots FsSnapshots;
FsSnapshots *fs_snapshots_new(void);
void fs_snapshots_free(FsSnapshots *snapshots); /* NULL is fine */

typedef struct {
	uint64_t number; /* 1 and up, of no other state of any file of this mount */
	size_t size;
	int64_t mtime_s;
} FsSnapshot;

#define FS_SNAPSHOT_FILES 16 /* files are numbered below it */

/* The state of @file whose content is @content (taken): the latest one if that says the same, else a new one.  It is
 * looked up once more, to be given back by fs_snapshots_forget(). */
void fs_snapshots_look(FsSnapshots *snapshots, unsigned file, char *content, FsSnapshot *snapshot_r);
void fs_snapshots_forget(FsSnapshots *snapshots, uint64_t number, uint64_t count);

/* False if there is no such state. */
bool fs_snapshots_get(FsSnapshots *snapshots, uint64_t number, FsSnapshot *snapshot_r);
bool fs_snapshots_read(FsSnapshots *snapshots, uint64_t number, void *buffer, size_t size, uint64_t offset,
                       size_t *n_r);
