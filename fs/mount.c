/* The life of a mount.
 *
 * Threads: those of loop.c that answer, and the one of freshness.c.  That one ends first, because the kernel can let it
 * wait for requests that must still be answered; then the others; then the connection is closed, which gives an error
 * to everybody who still waits for an answer; then the directory is detached.
 */
#include "fs/mount.h"

#include "core/clock.h"
#include "core/log.h"
#include "fs/dispatch.h"
#include "fs/loop.h"
#include "fs/mountpoint.h"
#include "fs/view-root.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define READY_TIMEOUT_MS 20000

/* Without allow_other the kernel lets in the mounting user only, so default_permissions would check nothing that is not
 * refused anyway, and would cost a look at the mode of every file. */
#define MOUNT_OPTIONS "ro,nosuid,nodev,noexec,fsname=mailtree,subtype=mailtree"

struct FsMount {
	Fs fs;
	FsCalls calls;
	char *dir;
	dev_t device;
	struct fuse_session *session;
	FsFreshness *freshness;
	FsLoop *loop;
	int gone_fd; /* an eventfd: written when the connection ended */
};

static void G_GNUC_PRINTF(2, 0)
log_fuse(enum fuse_log_level level, const char *format, va_list args)
{
	g_autofree char *line = g_strdup_vprintf(format, args);

	core_log(level <= FUSE_LOG_ERR ? CORE_LOG_WARNING : CORE_LOG_INFO, "fs", "%s", g_strchomp(line));
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
	}
	fs_freshness_begin(mount->freshness);
	for (unsigned tag = 0; tag < FS_TAG_COUNT; tag++) {
		for (size_t i = 0; i < count && fs_views[tag]->changed; i++)
			fs_views[tag]->changed(fs_views[tag], &changes[i], mount->freshness);
	}
	fs_freshness_end(mount->freshness);
}

/* Waits until the kernel and we have greeted each other: the directory can be used then. */
static bool
wait_ready(FsMount *mount, GError **error)
{
	struct pollfd fds[] = { { mount->fs.ready_fd, POLLIN, 0 }, { mount->gone_fd, POLLIN, 0 } };
	int count;

	do {
		count = poll(fds, G_N_ELEMENTS(fds), READY_TIMEOUT_MS);
	} while (count < 0 && errno == EINTR);
	return fds[0].revents || core_throw(error, CORE_ERROR_IO, "cannot mount on %s: the kernel's FUSE does not answer",
	                                    mount->dir);
}

static bool
start_session(FsMount *mount, GError **error)
{
	char name[] = "mailtree";
	char *arguments[] = { name, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, arguments);

	fuse_set_log_func(log_fuse);
	mount->session = fuse_session_new(&args, &fs_operations, sizeof fs_operations, &mount->fs);
	fuse_opt_free_args(&args);
	if (!mount->session)
		return core_throw(error, CORE_ERROR_IO, "cannot mount on %s: libfuse failed", mount->dir);

	int fd = fs_mountpoint_mount(mount->dir, MOUNT_OPTIONS, error);
	if (fd < 0)
		return false;
	mount->device = fs_mountpoint_device(mount->dir);
	g_autofree char *path = g_strdup_printf("/dev/fd/%d", fd);
	if (fuse_session_mount(mount->session, path) != 0) { /* adopts the descriptor */
		close(fd);
		return core_throw(error, CORE_ERROR_IO, "cannot mount on %s: libfuse refused the connection", mount->dir);
	}
	mount->loop = fs_loop_new(mount->session, mount->gone_fd, error);
	if (!mount->loop)
		return core_prefix(error, "cannot mount on %s: ", mount->dir);
	return wait_ready(mount, error);
}

FsMount *
fs_mount_new(const char *dir, Store *store, const FsCalls *calls, GError **error)
{
	g_autofree char *resolved = fs_mountpoint_check(dir, error);
	if (!resolved)
		return NULL;

	g_autoptr(FsMount) mount = g_new0(FsMount, 1);
	mount->calls = *calls;
	mount->dir = g_steal_pointer(&resolved);
	mount->gone_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	mount->fs.store = store;
	mount->fs.calls = &mount->calls;
	mount->fs.snapshots = fs_snapshots_new();
	mount->fs.uid = getuid();
	mount->fs.gid = getgid();
	mount->fs.started_s = core_clock_wall_s();
	mount->fs.changed_s = mount->fs.started_s;
	mount->fs.ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (mount->gone_fd < 0 || mount->fs.ready_fd < 0) {
		core_throw_errno(error, "cannot mount on %s: eventfd", dir);
		return NULL;
	}
	if (!start_session(mount, error))
		return NULL;
	mount->freshness = fs_freshness_new(mount->session, error);
	if (!mount->freshness) {
		core_prefix(error, "cannot mount on %s: ", dir);
		return NULL;
	}
	store_listen(store, changed, mount);
	return g_steal_pointer(&mount);
}

int
fs_mount_gone_fd(const FsMount *mount)
{
	return mount->gone_fd;
}

void
fs_mount_status_changed(FsMount *mount)
{
	fs_freshness_begin(mount->freshness);
	for (const char *const *name = fs_root_changing; *name; name++)
		fs_freshness_stale(mount->freshness, FS_INODE_ROOT, *name);
	fs_freshness_end(mount->freshness);
}

bool
fs_mount_settle(FsMount *mount, int timeout_ms)
{
	return fs_freshness_settle(mount->freshness, timeout_ms);
}

/* Others may have unmounted it before, and even mounted something else there. */
static void
detach(const FsMount *mount)
{
	g_autoptr(GError) error = NULL;

	if (mount->device != 0 && fs_mountpoint_device(mount->dir) == mount->device &&
	    !fs_mountpoint_unmount(mount->dir, &error))
		core_log(CORE_LOG_ERROR, "fs", "%s", error->message);
}

void
fs_mount_free(FsMount *mount)
{
	if (!mount)
		return;
	if (mount->freshness)
		store_listen(mount->fs.store, NULL, NULL);
	fs_freshness_free(mount->freshness);
	fs_loop_free(mount->loop);
	if (mount->session)
		fuse_session_destroy(mount->session); /* closes the connection */
	detach(mount);
	fs_snapshots_free(mount->fs.snapshots);
	if (mount->gone_fd >= 0)
		close(mount->gone_fd);
	if (mount->fs.ready_fd >= 0)
		close(mount->fs.ready_fd);
	g_free(mount->dir);
	g_free(mount);
}
