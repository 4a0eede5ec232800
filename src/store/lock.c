/* The directory of a store and the lock in it: flock() rather than a file that exists, as the kernel drops it with the
 * process. */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A directory that others can enter is made private if it is a store or empty, and not if it has something else in it. */
static bool
is_shared(const char *dir)
{
	g_autofree char *database = g_build_filename(dir, "mail.db", NULL);
	g_autoptr(GDir) entries = g_dir_open(dir, 0, NULL);

	return access(database, F_OK) != 0 && (!entries || g_dir_read_name(entries));
}

static bool
prepare_dir(const char *dir, GError **error)
{
	struct stat st;

	if (g_mkdir_with_parents(dir, 0700) != 0 || stat(dir, &st) != 0)
		return core_throw_errno(error, "cannot make the store's directory %s", dir);
	if (!S_ISDIR(st.st_mode))
		return core_throw(error, CORE_ERROR_IO, "cannot use %s as a store: it is not a directory", dir);
	if (st.st_uid != geteuid())
		return core_throw(error, CORE_ERROR_IO, "cannot use %s as a store: it belongs to another user", dir);
	if ((st.st_mode & 0077) != 0 && is_shared(dir))
		return core_throw(error, CORE_ERROR_IO, "cannot use %s as a store: others can enter it, and there is something else "
		                  "in it; choose another directory", dir);
	if ((st.st_mode & 0077) != 0 && chmod(dir, 0700) != 0)
		return core_throw_errno(error, "cannot make %s private", dir);
	return true;
}

static bool
throw_locked(int fd, const char *dir, GError **error)
{
	char text[32] = "";
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	long pid = n > 0 ? strtol(text, NULL, 10) : 0;

	if (pid > 0)
		return core_throw(error, CORE_ERROR_LOCKED, "cannot open the store %s: process %ld is using it", dir, pid);
	return core_throw(error, CORE_ERROR_LOCKED, "cannot open the store %s: another process is using it", dir);
}

static bool
lock(int fd, const char *dir, GError **error)
{
	char text[32];

	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? throw_locked(fd, dir, error)
		                            : core_throw_errno(error, "cannot lock the store %s", dir);
	/* Only for the message of others, so a disk that is full does not matter. */
	int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)length, 0) != length)
		errno = 0;
	return true;
}

int
store_lock_take(const char *dir, GError **error)
{
	g_autofree char *path = g_build_filename(dir, "lock", NULL);

	if (!prepare_dir(dir, error))
		return -1;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		core_throw_errno(error, "cannot open %s", path);
		return -1;
	}
	if (!lock(fd, dir, error)) {
		close(fd);
		return -1;
	}
	return fd;
}
