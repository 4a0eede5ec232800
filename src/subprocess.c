#include "subprocess.h"

#include "core/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 4096
#define KILLED_TIMEOUT_MS 1000

/* One pipe from the child, and what came out of it. */
typedef struct {
	int fd; /* -1: closed */
	char *bytes;
	size_t length, size;
	bool keep_end; /* when full, forget the beginning instead of failing */
} Outlet;

void
subprocess_clear(SubprocessResult *result)
{
	if (result->out)
		explicit_bzero(result->out, result->out_length);
	g_free(result->out);
	g_free(result->last_words);
	memset(result, 0, sizeof *result);
}

static int
spawn(const char *const *argv, int out_fd, int err_fd, pid_t *pid_r)
{
	const char *home = g_get_home_dir();
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int failed;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, err_fd, STDERR_FILENO);
	posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	posix_spawn_file_actions_addchdir_np(&actions, access(home, X_OK) == 0 ? home : "/");

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

	failed = posix_spawnp(pid_r, argv[0], &actions, &attributes, (char *const *)(uintptr_t)argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return failed;
}

/* False when there is more than it may hold. */
static bool
drain(Outlet *outlet)
{
	while (outlet->fd >= 0) {
		if (outlet->length == outlet->size && outlet->keep_end) {
			outlet->length /= 2;
			memmove(outlet->bytes, outlet->bytes + outlet->size - outlet->length, outlet->length);
		}

		char overflow;
		bool full = outlet->length == outlet->size;
		ssize_t n = full ? read(outlet->fd, &overflow, 1)
		                 : read(outlet->fd, outlet->bytes + outlet->length, outlet->size - outlet->length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0) {
			close(outlet->fd);
			outlet->fd = -1;
		} else if (full) {
			return false;
		} else {
			outlet->length += (size_t)n;
		}
	}
	return true;
}

static bool
watch(int pidfd, Outlet *out, Outlet *err, const char *name, int timeout_ms, CoreCancel *cancel, GError **error)
{
	int64_t deadline = core_clock_ms() + timeout_ms;

	for (;;) {
		struct pollfd fds[] = {
			{ .fd = pidfd, .events = POLLIN },
			{ .fd = out->fd, .events = POLLIN },
			{ .fd = err->fd, .events = POLLIN },
			{ .fd = core_cancel_fd(cancel), .events = POLLIN },
		};
		int64_t left = deadline - core_clock_ms();

		if (left <= 0)
			return core_throw(error, CORE_ERROR_IO, "%s did not end within %d s", name, timeout_ms / 1000);
		if (poll(fds, G_N_ELEMENTS(fds), (int)left) < 0 && errno != EINTR)
			return core_throw_errno(error, "cannot wait for %s", name);
		if (!core_cancel_check(cancel, error))
			return false;
		if (!drain(out))
			return core_throw(error, CORE_ERROR_IO, "%s printed more than %d bytes", name, SUBPROCESS_OUT_MAX);
		drain(err);
		if (fds[0].revents) {
			drain(err); /* what it wrote between the two looks */
			return drain(out) ||
			       core_throw(error, CORE_ERROR_IO, "%s printed more than %d bytes", name, SUBPROCESS_OUT_MAX);
		}
	}
}

static char *
last_line(const char *bytes, size_t length)
{
	g_autofree char *text = g_utf8_make_valid(bytes, (gssize)length);
	char *end;

	g_strchomp(text);
	end = strrchr(text, '\n');
	return g_strdup(end ? end + 1 : text);
}

static bool
open_outlet(Outlet *outlet, int *write_end_r, GError **error)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return core_throw_errno(error, "cannot make a pipe");
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	outlet->fd = ends[0];
	*write_end_r = ends[1];
	return true;
}

/* Kills it and what is in its group.  False if it goes on all the same, as a program of another user (sudo) does: it
 * becomes a zombie of ours one day. */
static bool
end_group(pid_t pid, int pidfd)
{
	struct pollfd fd = { .fd = pidfd, .events = POLLIN };
	int ready;

	kill(-pid, SIGKILL);
	kill(pid, SIGKILL); /* it may have left the group */
	do
		ready = poll(&fd, 1, KILLED_TIMEOUT_MS);
	while (ready < 0 && errno == EINTR);
	return ready > 0;
}

static bool
run_to_end(pid_t pid, Outlet *out, Outlet *err, const char *name, int timeout_ms, CoreCancel *cancel, int *status_r,
           GError **error)
{
	int pidfd = pidfd_open(pid, 0);
	bool ended = pidfd >= 0 ? watch(pidfd, out, err, name, timeout_ms, cancel, error)
	                        : core_throw_errno(error, "cannot watch %s", name);

	if (ended || end_group(pid, pidfd)) {
		while (waitpid(pid, status_r, 0) < 0 && errno == EINTR)
			;
	}
	if (pidfd >= 0)
		close(pidfd);
	return ended;
}

bool
subprocess_run(const char *const *argv, int timeout_ms, CoreCancel *cancel, SubprocessResult *result_r, GError **error)
{
	char words[WORDS_MAX];
	Outlet out = { .fd = -1, .size = SUBPROCESS_OUT_MAX };
	Outlet err = { .fd = -1, .bytes = words, .size = sizeof words, .keep_end = true };
	int out_end = -1, err_end = -1, status = 0, failed;
	bool ok = open_outlet(&out, &out_end, error) && open_outlet(&err, &err_end, error);
	pid_t pid;

	if (ok && (failed = spawn(argv, out_end, err_end, &pid)) != 0)
		ok = core_throw(error, CORE_ERROR_IO, "cannot run %s: %s", argv[0], g_strerror(failed));
	if (out_end >= 0)
		close(out_end);
	if (err_end >= 0)
		close(err_end);
	if (ok) {
		out.bytes = g_malloc(SUBPROCESS_OUT_MAX + 1); /* at once: a secret must not stay behind in a smaller one */
		ok = run_to_end(pid, &out, &err, argv[0], timeout_ms, cancel, &status, error);
	}
	if (out.fd >= 0)
		close(out.fd);
	if (err.fd >= 0)
		close(err.fd);

	if (ok) {
		out.bytes[out.length] = '\0';
		*result_r = (SubprocessResult){ .out = out.bytes, .out_length = out.length,
		                                .last_words = last_line(err.bytes, err.length), .status = status };
	} else if (out.bytes) {
		explicit_bzero(out.bytes, out.length);
		g_free(out.bytes);
	}
	return ok;
}
