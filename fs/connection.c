/* The thread of freshness.c ends before those that answer, because the kernel can let it wait for requests that must still
 * be answered.  What is mounted inside another tree is detached while that one is answered. */
#include "fs/connection.h"

#include "core/log.h"
#include "fs/dispatch.h"
#include "fs/loop.h"
#include "fs/mountpoint.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define READY_TIMEOUT_MS 20000

/* Without allow_other the kernel lets in the mounting user only, so default_permissions would check nothing that is not
 * refused anyway.  With it they keep everybody but root out, also from what the kernel has cached: no mode lets in a group
 * or others (reply.c). */
#define OPTIONS "nosuid,nodev,noexec,fsname=mailtree,subtype=mailtree"
static const char *const options[] = {
	[FS_CONNECTION_WHOLE] = OPTIONS,
	[FS_CONNECTION_WHOLE_ADMITTING] = "allow_other,default_permissions," OPTIONS,
	[FS_CONNECTION_READ_ONLY] = "ro," OPTIONS,
};

static void G_GNUC_PRINTF(2, 0)
log_fuse(enum fuse_log_level level, const char *format, va_list args)
{
	g_autofree char *line = g_strdup_vprintf(format, args);

	core_log(level <= FUSE_LOG_ERR ? CORE_LOG_WARNING : CORE_LOG_INFO, "fs", "%s", g_strchomp(line));
}

/* Waits until the kernel and we have greeted each other: the directory can be used then. */
static bool
wait_ready(FsConnection *connection, GError **error)
{
	struct pollfd fds[] = { { connection->ready_fd, POLLIN, 0 }, { connection->gone_fd, POLLIN, 0 } };
	int count;

	do {
		count = poll(fds, G_N_ELEMENTS(fds), READY_TIMEOUT_MS);
	} while (count < 0 && errno == EINTR);
	return fds[0].revents || core_throw(error, CORE_ERROR_IO, "cannot mount on %s: the kernel's FUSE does not answer",
	                                    connection->dir);
}

static bool
start(FsConnection *connection, FsConnectionKind kind, GError **error)
{
	char name[] = "mailtree";
	char *arguments[] = { name, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, arguments);
	struct fuse_lowlevel_ops operations = fs_operations;

	if (kind != FS_CONNECTION_READ_ONLY)
		fs_operations_add_changes(&operations);
	fuse_set_log_func(log_fuse);
	connection->session = fuse_session_new(&args, &operations, sizeof operations, connection);
	fuse_opt_free_args(&args);
	if (!connection->session)
		return core_throw(error, CORE_ERROR_IO, "cannot mount on %s: libfuse failed", connection->dir);
	connection->freshness = fs_freshness_new(connection->session, connection->root, error);
	if (!connection->freshness)
		return core_prefix(error, "cannot mount on %s: ", connection->dir);

	int fd = fs_mountpoint_mount(connection->dir, options[kind], error);
	if (fd < 0)
		return false;
	connection->device = fs_mountpoint_device(connection->dir);
	g_autofree char *path = g_strdup_printf("/dev/fd/%d", fd);
	if (fuse_session_mount(connection->session, path) != 0) { /* adopts the descriptor */
		close(fd);
		return core_throw(error, CORE_ERROR_IO, "cannot mount on %s: libfuse refused the connection", connection->dir);
	}
	connection->loop = fs_loop_new(connection->session, connection->gone_fd, error);
	if (!connection->loop)
		return core_prefix(error, "cannot mount on %s: ", connection->dir);
	return wait_ready(connection, error);
}

FsConnection *
fs_connection_new(Fs *fs, FsInode root, const char *dir, FsConnectionKind kind, GError **error)
{
	g_autoptr(FsConnection) connection = g_new0(FsConnection, 1);

	connection->fs = fs;
	connection->root = root;
	connection->dir = g_strdup(dir);
	connection->gone_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	connection->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (connection->gone_fd < 0 || connection->ready_fd < 0) {
		core_throw_errno(error, "cannot mount on %s: eventfd", dir);
		return NULL;
	}
	if (!start(connection, kind, error)) /* then no request was read, and none waits for an answer */
		return NULL;
	return g_steal_pointer(&connection);
}

int
fs_connection_fd(const FsConnection *connection)
{
	return fuse_session_fd(connection->session);
}

/* Others may have unmounted it before, and even mounted something else there. */
void
fs_connection_detach(FsConnection *connection)
{
	g_autoptr(GError) error = NULL;

	if (connection->device != 0 && fs_mountpoint_device(connection->dir) == connection->device &&
	    !fs_mountpoint_unmount(connection->dir, &error))
		core_log(CORE_LOG_ERROR, "fs", "%s", error->message);
	connection->device = 0;
}

void
fs_connection_stop(FsConnection *connection)
{
	if (connection->freshness)
		fs_freshness_stop(connection->freshness);
	fs_loop_free(connection->loop);
	connection->loop = NULL;
}

void
fs_connection_free(FsConnection *connection)
{
	if (!connection)
		return;
	fs_connection_detach(connection);
	fs_connection_stop(connection);
	if (connection->session)
		fuse_session_destroy(connection->session); /* closes the connection */
	fs_freshness_free(connection->freshness);
	if (connection->gone_fd >= 0)
		close(connection->gone_fd);
	if (connection->ready_fd >= 0)
		close(connection->ready_fd);
	g_free(connection->dir);
	g_free(connection);
}
