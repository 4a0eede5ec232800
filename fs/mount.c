/* The life of a mount.
 *
 * It ends in this order: the directories are detached, the inner ones first; the threads that answer end; then the saver,
 * when what was asked of it is durable and has been answered, and what nobody has closed is saved; then the child that would
 * answer for us (device.h); then the connections are closed.
 */
#include "fs/mount.h"

#include "core/clock.h"
#include "core/log.h"
#include "fs/ahead.h"
#include "fs/alias.h"
#include "fs/change.h"
#include "fs/connection.h"
#include "fs/device.h"
#include "fs/maildir-memory.h"
#include "fs/mountpoint.h"
#include "fs/predecessor.h"
#include "fs/searches.h"
#include "fs/tree.h"
#include "fs/view-root.h"

#include <unistd.h>

struct FsMount {
	Fs fs;
	FsCalls calls;
	FsConnection *whole;
	/* Of the views that are for reading only, by tag; NULL: it is none, or could not be mounted and is part of the whole. */
	FsConnection *inner[FS_TAG_COUNT];
	FsUndertaker *undertaker;
};

static FsFreshness *
freshness_of(const FsMount *mount, const FsView *view)
{
	return mount->inner[view->tag] ? mount->inner[view->tag]->freshness : mount->whole->freshness;
}

static void
begin_telling(const FsMount *mount)
{
	fs_freshness_begin(mount->whole->freshness);
	for (unsigned tag = 0; tag < FS_TAG_COUNT; tag++)
		if (mount->inner[tag])
			fs_freshness_begin(mount->inner[tag]->freshness);
}

static void
end_telling(const FsMount *mount)
{
	fs_freshness_end(mount->whole->freshness);
	for (unsigned tag = 0; tag < FS_TAG_COUNT; tag++)
		if (mount->inner[tag])
			fs_freshness_end(mount->inner[tag]->freshness);
}

/* A name that a message has lost by what was done on the server, and not because a user has renamed it. */
static void
note_alias(const FsMount *mount, const StoreChange *change)
{
	if (change->kind == STORE_CHANGE_MESSAGE_RENAMED && !fs_saver_is_current(mount->fs.saver))
		fs_aliases_note(mount->fs.aliases, change->mailbox_id, change->name, change->message_id);
}

/* The store's listener. */
static void
changed(const StoreChange *changes, size_t count, void *data)
{
	FsMount *mount = data;

	for (size_t i = 0; i < count; i++) {
		if (changes[i].kind == STORE_CHANGE_MAILBOX_ADDED || changes[i].kind == STORE_CHANGE_MAILBOX_REMOVED ||
		    changes[i].kind == STORE_CHANGE_ACCOUNT_ADDED)
			mount->fs.changed_s = core_clock_wall_s();
		note_alias(mount, &changes[i]);
	}
	begin_telling(mount);
	for (unsigned tag = 0; tag < FS_TAG_COUNT; tag++) {
		for (size_t i = 0; i < count && fs_views[tag] && fs_views[tag]->changed; i++)
			fs_views[tag]->changed(fs_views[tag], &mount->fs, &changes[i], freshness_of(mount, fs_views[tag]));
	}
	fs_searches_changed(mount->fs.searches, mount->whole->freshness);
	end_telling(mount);
}

static void
committed(void *data)
{
	const FsMount *mount = data;

	if (mount->calls.changed)
		mount->calls.changed(mount->calls.data);
}

/* What was written and not closed: a map of a file is written after its close(). */
static void
save_rest(Fs *fs, int64_t quiet_ms)
{
	g_autoptr(GArray) ids = fs_drafts_unsaved(fs->drafts, quiet_ms);

	for (guint i = 0; i < ids->len; i++)
		fs_change_save(fs, fs_inode(FS_TAG_MAIL, FS_TREE_MESSAGE, g_array_index(ids, int64_t, i)), quiet_ms > 0);
}

static void
save_quiet(void *data)
{
	FsMount *mount = data;

	save_rest(&mount->fs, 2 * fs_saver_look_ms);
}

/* A view that nobody writes, mounted inside the whole. */
static void
connect_inner(FsMount *mount, const char *dir, const FsView *view)
{
	g_autoptr(GError) failure = NULL;
	g_autofree char *path = g_build_filename(dir, view->name, NULL);

	mount->inner[view->tag] =
		fs_connection_new(&mount->fs, fs_inode(view->tag, 0, 0), path, FS_CONNECTION_READ_ONLY, &failure);
	if (!mount->inner[view->tag])
		core_log(CORE_LOG_INFO, "fs", "%s/ will be slower than it could be: %s", view->name, failure->message);
}

/* What is inside is mounted by fusermount3, which is set-user-ID root: the kernel lets it look into the whole only if root
 * has mounted that, or if modes say who is let in, and that only if root allows it (fuse.conf). */
static bool
connect_whole(FsMount *mount, const char *dir, GError **error)
{
	g_autoptr(GError) failure = NULL;

	if (getuid() != 0) {
		mount->whole = fs_connection_new(&mount->fs, FS_INODE_ROOT, dir, FS_CONNECTION_WHOLE_ADMITTING, &failure);
		if (mount->whole)
			return true;
		core_log(CORE_LOG_INFO, "fs", "nobody else is let in: %s", failure->message);
	}
	mount->whole = fs_connection_new(&mount->fs, FS_INODE_ROOT, dir, FS_CONNECTION_WHOLE, error);
	return mount->whole != NULL;
}

static bool
connect(FsMount *mount, const char *dir, GError **error)
{
	if (!connect_whole(mount, dir, error))
		return false;
	mount->fs.freshness = mount->whole->freshness;
	for (unsigned tag = 0; tag < FS_TAG_COUNT; tag++)
		if (fs_views[tag] && fs_views[tag]->name && !fs_views[tag]->changes)
			connect_inner(mount, dir, fs_views[tag]);
	return true;
}

static void
start_undertaker(FsMount *mount)
{
	int devices[FS_TAG_COUNT + 1] = { fs_connection_fd(mount->whole) };
	size_t count = 1;

	for (unsigned tag = 0; tag < FS_TAG_COUNT; tag++)
		if (mount->inner[tag])
			devices[count++] = fs_connection_fd(mount->inner[tag]);
	mount->undertaker = fs_undertaker_new(devices, count);
}

FsMount *
fs_mount_new(const char *dir, Store *store, const FsCalls *calls, GError **error)
{
	g_autofree char *resolved = fs_mountpoint_check(dir, error);
	if (!resolved)
		return NULL;

	g_autoptr(FsMount) mount = g_new0(FsMount, 1);
	mount->calls = *calls;
	mount->fs.store = store;
	mount->fs.calls = &mount->calls;
	mount->fs.snapshots = fs_snapshots_new();
	mount->fs.predecessors = fs_predecessors_new();
	mount->fs.searches = fs_searches_new(store);
	mount->fs.aliases = fs_aliases_new();
	mount->fs.maildirs = fs_maildirs_new();
	mount->fs.uid = getuid();
	mount->fs.gid = getgid();
	mount->fs.started_s = core_clock_wall_s();
	mount->fs.changed_s = mount->fs.started_s;
	mount->fs.saver = fs_saver_new(store, committed, save_quiet, mount);
	if (!(mount->fs.drafts = fs_drafts_new(store, error)) || !(mount->fs.ahead = fs_ahead_new(store, error)) ||
	    !connect(mount, resolved, error))
		return NULL;
	start_undertaker(mount);
	store_listen(store, changed, mount);
	if (!fs_saver_start(mount->fs.saver, error))
		return NULL;
	return g_steal_pointer(&mount);
}

int
fs_mount_gone_fd(const FsMount *mount)
{
	return mount->whole->gone_fd;
}

void
fs_mount_status_changed(FsMount *mount)
{
	fs_freshness_begin(mount->whole->freshness);
	for (const char *const *name = fs_root_changing; *name; name++)
		fs_freshness_stale(mount->whole->freshness, FS_INODE_ROOT, *name);
	fs_freshness_end(mount->whole->freshness);
}

void
fs_mount_searches_changed(FsMount *mount)
{
	fs_freshness_begin(mount->whole->freshness);
	fs_searches_changed(mount->fs.searches, mount->whole->freshness);
	fs_freshness_end(mount->whole->freshness);
}

bool
fs_mount_settle(FsMount *mount, int timeout_ms)
{
	bool settled = fs_freshness_settle(mount->whole->freshness, timeout_ms);

	for (unsigned tag = 0; tag < FS_TAG_COUNT; tag++)
		if (mount->inner[tag])
			settled &= fs_freshness_settle(mount->inner[tag]->freshness, timeout_ms);
	return settled;
}

void
fs_mount_free(FsMount *mount)
{
	if (!mount)
		return;
	for (unsigned tag = 0; tag < FS_TAG_COUNT; tag++)
		if (mount->inner[tag])
			fs_connection_detach(mount->inner[tag]);
	if (mount->whole)
		fs_connection_detach(mount->whole);
	for (unsigned tag = 0; tag < FS_TAG_COUNT; tag++)
		if (mount->inner[tag])
			fs_connection_stop(mount->inner[tag]);
	if (mount->whole)
		fs_connection_stop(mount->whole);
	if (mount->fs.saver && mount->fs.drafts)
		save_rest(&mount->fs, 0);
	fs_saver_free(mount->fs.saver);
	fs_undertaker_free(mount->undertaker);
	store_listen(mount->fs.store, NULL, NULL);
	for (unsigned tag = 0; tag < FS_TAG_COUNT; tag++)
		fs_connection_free(mount->inner[tag]);
	fs_connection_free(mount->whole);
	fs_drafts_free(mount->fs.drafts);
	fs_predecessors_free(mount->fs.predecessors);
	fs_searches_free(mount->fs.searches);
	fs_aliases_free(mount->fs.aliases);
	fs_ahead_free(mount->fs.ahead);
	fs_maildirs_free(mount->fs.maildirs);
	fs_snapshots_free(mount->fs.snapshots);
	g_free(mount);
}
