/* The mounted tree: a low-level FUSE file system over the store.
 *
 * fs/ knows neither the engine nor any server: what it needs from the program comes in FsCalls.  What is
 * for reading only (text/, parts/) is a connection of its own, mounted inside the whole: without OPEN and FLUSH, which can be
 * had only for a whole connection and only where nothing is written, grep takes half the time.
 */
#pragma once

#include "core/error.h"
#include "store/changes.h"

#include <sys/types.h>

/* Called once, on a thread of the program's that holds no lock.  @failure NULL: the body is here. */
typedef void (*FsFetchedFn)(const GError *failure, void *data);

/* What the program does for the tree.  Called from FUSE's threads, several at once; none may wait for the network. */
typedef struct {
	const char *readme;                        /* what DIR/README says; lives as long as the mount */
	char *(*status)(bool json, void *data);    /* what DIR/status and DIR/status.json say now; g_free()d */
	void *data;
	/* Has the body of a message fetched, for a thread (as the kernel names it; 0: of another PID namespace) that reads it.
	 * True: @fn will be called, at a deadline at the latest.  False, and @fn is not called: with *error unset when the body
	 * is here, else it cannot be had now.  NULL, with abandon: nothing can be fetched. */
	bool (*fetch)(int64_t message_id, pid_t reader, FsFetchedFn fn, void *fn_data, void *data, GError **error);
	/* Who waits with @fn_data was interrupted: his @fn is to be called now, on another thread, if that was not done yet. */
	void (*abandon)(int64_t message_id, const void *fn_data, void *data);
	/* How messages are removed in an account; its Trash is created in @txn if there is to be one. */
	bool (*removal)(StoreTxn *txn, int64_t account_id, StoreRemoval *how_r, void *data, GError **error);
	/* Something was changed that the server is to get.  NULL: nobody wants to know. */
	void (*changed)(void *data);
	/* Somebody looked up a search that is no query: @words say what is wrong with it. */
	void (*bad_query)(const char *words, void *data);
	/* A line was written to ctl.  It queues, and never waits.  CORE_ERROR_USAGE: there is no such command. */
	bool (*command)(const char *line, void *data, GError **error);
} FsCalls;

typedef struct FsMount FsMount;

/* Mounts on @dir (an empty directory) and starts answering on threads of its own, so that @dir is usable when it
 * returns.  Takes the store's listener: nobody may commit to the store during this call and fs_mount_free().  Signals
 * are left alone.
 * NULL with CORE_ERROR_IO (not a directory, not empty, no /dev/fuse, …; one line that says what to do). */
FsMount *fs_mount_new(const char *dir, Store *store, const FsCalls *calls, GError **error);

/* A descriptor that becomes readable when somebody else unmounted it (fusermount3 -u), for the program's poll(). */
int fs_mount_gone_fd(const FsMount *mount);

/* Any thread.  Tells the kernel that status and status.json have changed. */
void fs_mount_status_changed(FsMount *mount);

/* Any thread.  The index of the store's search knows more now. */
void fs_mount_searches_changed(FsMount *mount);

/* Any thread, but not one that the status() call waits for.  Waits until the kernel has dropped everything that commits
 * before this call made stale, so that whoever looks then sees them; false when that takes longer than @timeout_ms. */
bool fs_mount_settle(FsMount *mount, int timeout_ms);

/* Unmounts if it still is mounted (lazily when it is busy), ends the threads and frees.  NULL is fine. */
void fs_mount_free(FsMount *mount);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FsMount, fs_mount_free)
