#include "fs/mountpoint.h"

#include "core/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "fusermount3"
#define TIMEOUT_MS 20000 /* of fusermount3: it asks only the kernel */

extern char **environ;

/* Undoes the octal escapes of mountinfo (proc(5)). */
static void
unescape(char *path)
{
	char *to = path;

	for (const char *from = path; *from; to++) {
		if (from[0] == '\\' && from[1] && from[2] && from[3]) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* Field 10 of a line of mountinfo comes after a variable number of others and a dash. */
static bool
type_is(char *const *fields, const char *type)
{
	while (*fields && strcmp(*fields, "-") != 0)
		fields++;
	return *fields && fields[1] && strcmp(fields[1], type) == 0;
}

/* What is mounted on @dir, topmost: its device number, and whether it is one of ours. */
static dev_t
find_mount(const char *dir, bool *ours_r)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t allocated = 0;
	dev_t device = 0;

	while (mounts && getline(&line, &allocated, mounts) >= 0) {
		g_auto(GStrv) fields = g_strsplit(line, " ", -1); /* id, parent, device, root, mount point, … */
		unsigned device_major, device_minor;

		if (g_strv_length(fields) < 6 || sscanf(fields[2], "%u:%u", &device_major, &device_minor) != 2)
			continue;
		unescape(fields[4]);
		if (strcmp(fields[4], dir) == 0) { /* a later one is above */
			device = makedev(device_major, device_minor);
			*ours_r = type_is(fields, FS_MOUNTPOINT_TYPE);
		}
	}
	free(line);
	if (mounts)
		fclose(mounts);
	return device;
}

dev_t
fs_mountpoint_device(const char *dir)
{
	bool ours;

	return find_mount(dir, &ours);
}

/* Whether nobody serves it, because its process was killed.  ECONNABORTED: that ended while it was asked. */
static bool
is_dead(const char *dir)
{
	struct statfs fs;

	return statfs(dir, &fs) != 0 && (errno == ENOTCONN || errno == ECONNABORTED);
}

/* A mailtree that was killed leaves a mount: it is detached.  Any other mount is in the way. */
static bool
clear_mount(const char *dir, GError **error)
{
	bool ours = false;

	if (find_mount(dir, &ours) == 0)
		return true;
	if (ours && is_dead(dir))
		return fs_mountpoint_unmount(dir, error);
	if (ours)
		return core_throw(error, CORE_ERROR_IO, "cannot mount on %s: mailtree is mounted there (%s -u %s detaches it)", dir,
		                  PROGRAM, dir);
	return core_throw(error, CORE_ERROR_IO, "cannot mount on %s: something is mounted there: choose another directory", dir);
}

static bool
check_empty(const char *dir, GError **error)
{
	DIR *stream = opendir(dir);
	const struct dirent *entry;

	if (!stream)
		return core_throw_errno(error, "cannot mount on %s", dir);
	while ((entry = readdir(stream)) && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)) {
	}
	bool empty = !entry;
	closedir(stream);
	return empty ||
	       core_throw(error, CORE_ERROR_IO, "cannot mount on %s: it is not empty: choose an empty directory", dir);
}

char *
fs_mountpoint_check(const char *dir, GError **error)
{
	g_autofree char *bare = g_strdup(dir);
	struct stat st;

	/* A slash at the end would look into the mount that a killed process left there. */
	for (size_t n = strlen(bare); n > 1 && bare[n - 1] == '/'; n--)
		bare[n - 1] = '\0';
	g_autofree char *resolved = realpath(bare, NULL);

	if (!resolved) {
		core_throw_errno(error, "cannot mount on %s", dir);
		return NULL;
	}
	if (!clear_mount(resolved, error))
		return NULL;
	if (stat(resolved, &st) != 0) {
		core_throw_errno(error, "cannot mount on %s", dir);
		return NULL;
	}
	if (!S_ISDIR(st.st_mode)) {
		core_throw(error, CORE_ERROR_IO, "cannot mount on %s: it is not a directory", dir);
		return NULL;
	}
	return check_empty(resolved, error) ? g_steal_pointer(&resolved) : NULL;
}

/* What the child writes to @fd until it closes it, in one line; false when that takes too long. */
static bool
read_words(int fd, GString *words)
{
	int64_t deadline_ms = core_clock_ms() + TIMEOUT_MS;
	char bytes[512];

	for (;;) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		int64_t left_ms = deadline_ms - core_clock_ms();
		int count = left_ms > 0 ? poll(&ready, 1, (int)left_ms) : 0;
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return false;

		ssize_t n = read(fd, bytes, sizeof bytes);
		if (n <= 0)
			break;
		if (words->len < sizeof bytes)
			g_string_append_len(words, bytes, n);
	}
	g_strchomp(words->str);
	g_strdelimit(words->str, "\n", ';');
	return true;
}

/* Starts fusermount3 with its stderr in @error_fd and, unless it is -1, the socket @socket_fd to send a descriptor
 * through. */
static int
spawn(const char *const *arguments, int error_fd, int socket_fd, pid_t *pid_r)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	g_auto(GStrv) environment = g_get_environ();

	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, error_fd, STDERR_FILENO);
	if (socket_fd >= 0) {
		g_autofree char *number = g_strdup_printf("%d", socket_fd);
		posix_spawn_file_actions_adddup2(&actions, socket_fd, socket_fd); /* clears close-on-exec */
		environment = g_environ_setenv(g_steal_pointer(&environment), "_FUSE_COMMFD", number, TRUE);
	}
	int result = posix_spawnp(pid_r, PROGRAM, &actions, &attributes, (char *const *)(uintptr_t)arguments, environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return result;
}

/* Runs fusermount3 to its end. */
static bool
run(const char *const *arguments, int socket_fd, GError **error)
{
	g_autoptr(GString) words = g_string_new(NULL);
	int pipe_fds[2], status = 0;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) != 0)
		return core_throw_errno(error, "pipe");
	int result = spawn(arguments, pipe_fds[1], socket_fd, &pid);
	close(pipe_fds[1]);
	if (result != 0) {
		close(pipe_fds[0]);
		errno = result;
		return result == ENOENT ? core_throw(error, CORE_ERROR_IO, "%s is missing: install fuse3", PROGRAM)
		                        : core_throw_errno(error, "%s", PROGRAM);
	}
	bool in_time = read_words(pipe_fds[0], words);
	close(pipe_fds[0]);
	if (!in_time) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, WNOHANG);
		return core_throw(error, CORE_ERROR_IO, "%s does not come to an end", PROGRAM);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
	}
	return status == 0 || core_throw(error, CORE_ERROR_IO, "%s", words->str[0] ? words->str : PROGRAM " failed");
}

static int
receive_descriptor(int socket_fd, GError **error)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control,
	};
	int fd = -1;

	if (recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0) {
		core_throw_errno(error, PROGRAM " gave no connection");
		return -1;
	}
	const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS)
		core_throw(error, CORE_ERROR_IO, PROGRAM " gave no connection");
	else
		memcpy(&fd, CMSG_DATA(header), sizeof fd);
	return fd;
}

int
fs_mountpoint_mount(const char *dir, const char *options, GError **error)
{
	const char *const arguments[] = { PROGRAM, "-o", options, "--", dir, NULL };
	int sockets[2], fd = -1;

	if (access("/dev/fuse", F_OK) != 0) {
		core_throw_errno(error, "cannot mount on %s: install fuse3 and load the kernel module fuse: /dev/fuse", dir);
		return -1;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
		core_throw_errno(error, "cannot mount on %s: socketpair", dir);
		return -1;
	}
	if (run(arguments, sockets[0], error))
		fd = receive_descriptor(sockets[1], error);
	if (fd < 0)
		core_prefix(error, "cannot mount on %s: ", dir);
	close(sockets[0]);
	close(sockets[1]);
	return fd;
}

bool
fs_mountpoint_unmount(const char *dir, GError **error)
{
	const char *const arguments[] = { PROGRAM, "-u", "-z", "--", dir, NULL };

	return run(arguments, -1, error) || core_prefix(error, "cannot unmount %s: ", dir);
}
