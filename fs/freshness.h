/* Keeps what the kernel remembers of the tree true: threads that tell it which names, directories and files are stale.
 *
 * The kernel keeps names, attributes, listings and bytes until it is told otherwise.  Telling it can block: dropping a name
 * or a listing waits for lookups and listings that are under way in that directory, and those wait for FUSE's threads.  So
 * it is done by a thread of its own that holds no lock, from a queue that coalesces: one entry for each directory and
 * for each name in it.  Dropping what is cached of a file waits until READs of it are answered, which can take as long as
 * a server: that is done by another thread, from a queue of its own.  What that means for a process that is
 * killed is in device.h.
 */
#pragma once

#include "core/error.h"
#include "fs/inode.h"

#include <stdbool.h>

struct fuse_session;

typedef struct FsFreshness FsFreshness;
/* @root: what the kernel calls FUSE_ROOT_ID in that session.  NULL with CORE_ERROR_IO: no thread. */
FsFreshness *fs_freshness_new(struct fuse_session *session, FsInode root, GError **error);

/* Any thread, never blocks for long.  What is called stale between these two is told as one; only there may
 * fs_freshness_stale() be called. */
void fs_freshness_begin(FsFreshness *freshness);
void fs_freshness_end(FsFreshness *freshness);

/* @name in @directory no longer stands for what it did; NULL: only the listing and the attributes of @directory have
 * changed. */
void fs_freshness_stale(FsFreshness *freshness, FsInode directory, const char *name);

/* A file has other bytes than before; between the same two.  (A change of size or time the kernel sees by itself, when it is
 * told that the name is stale.) */
void fs_freshness_bytes(FsFreshness *freshness, FsInode inode);

/* Waits until the kernel knows all that was stale before the call; false after @timeout_ms. */
bool fs_freshness_settle(FsFreshness *freshness, int timeout_ms);

/* Ends the threads; what is queued, and what still comes, is given up.  FUSE's threads must still run. */
void fs_freshness_stop(FsFreshness *freshness);
/* After fs_freshness_stop().  NULL is fine. */
void fs_freshness_free(FsFreshness *freshness);
