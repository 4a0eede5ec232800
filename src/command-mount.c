/* mailtree mount DIR [-f]
 *
 * Without -f the process forks before any thread is started: the parent waits for the child's word that DIR is usable
 * (or for the error, which it prints) and ends; the child becomes the owner of the store and stays.  The list of its
 * threads is in owner.c.
 */
#include "command.h"

#include "core/clock.h"
#include "core/log.h"
#include "fs/mount.h"
#include "fs/mountpoint.h"
#include "owner.h"
#include "owner-find.h"
#include "readme.h"
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#define FILES_MAX 65536           /* descriptors; children that close all that they may have go through so many */
#define LOG_MAX_BYTES (1024 * 1024)
#define START_TIMEOUT_MS 120000
#define STATUS_MS 1000            /* how often the tree's status files change while something is going on */
#define VERSION_TIMEOUT_MS 10000

/* What the mount's process is doing. */
typedef struct {
	Owner *owner;
	FsMount *tree;
	int signals;
	Round *round;         /* the start's; NULL: it has ended */
	bool busy;            /* at the last look some account synchronised */
} Mount;

static void
append_word(ControlKind kind, const char *words, void *data)
{
	if (kind == CONTROL_TEXT)
		g_ptr_array_add(data, g_strdup(words));
}

/* Another process owns the store: says what it does. */
static bool
refuse(const char *store, ControlClient *client, GError **error)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);

	if (!control_client_call(client, "version", NULL, append_word, words, VERSION_TIMEOUT_MS, -1, error))
		return false;
	const char *pid = words->len > 1 ? words->pdata[1] : "?", *mounted = words->len > 2 ? words->pdata[2] : "";
	if (*mounted)
		return core_throw(error, CORE_ERROR_LOCKED, "the store %s is mounted already, on %s (process %s)", store, mounted,
		                  pid);
	return core_throw(error, CORE_ERROR_LOCKED, "process %s is synchronising the store %s; try again when it has ended", pid,
	                  store);
}

static char *
make_status(bool json, void *data)
{
	return owner_status(data, json);
}

static bool
fetch(int64_t message_id, pid_t reader, FsFetchedFn fn, void *fn_data, void *data, GError **error)
{
	return owner_fetch(data, message_id, reader, fn, fn_data, error);
}

static void
abandon(int64_t message_id, const void *fn_data, void *data)
{
	owner_abandon(data, message_id, fn_data);
}

static bool
removal(StoreTxn *txn, int64_t account_id, StoreRemoval *how_r, void *data, GError **error)
{
	return owner_removal(data, txn, account_id, how_r, error);
}

static void
bad_query(const char *words, void *data)
{
	owner_bad_query(data, words);
}

static bool
command(const char *line, void *data, GError **error)
{
	return owner_command(data, line, error);
}

static void
changed(void *data)
{
	owner_changed(data);
}

#define SETTLE_MS 5000

/* Whoever waited for a synchronisation sees what it brought. */
static void
settle(void *data)
{
	Mount *mount = data;

	if (!fs_mount_settle(mount->tree, SETTLE_MS))
		core_log(CORE_LOG_WARNING, "main", "the kernel was not told of all changes within %d s", SETTLE_MS / 1000);
}

static void
indexed(void *data)
{
	const Mount *mount = data;

	fs_mount_searches_changed(mount->tree);
}

/* How the round of the start ended; the engine goes on by itself. */
static void
end_round(Mount *mount)
{
	for (size_t i = 0; i < round_count(mount->round); i++) {
		const GError *failure = round_error(mount->round, i);
		if (failure)
			core_log(CORE_LOG_ERROR, "main", "%s", failure->message);
		else
			core_log(CORE_LOG_INFO, "main", "%s: synchronised", round_account(mount->round, i));
	}
	g_clear_pointer(&mount->round, round_free);
}

static void
begin_round(Mount *mount)
{
	g_autoptr(GError) error = NULL;

	sync_engine_follow(owner_engine(mount->owner));
	mount->round = round_new(owner_engine(mount->owner), NULL, &error);
	if (!mount->round)
		core_log(CORE_LOG_ERROR, "main", "%s", error->message);
}

/* Until a signal, "mailtree unmount" or somebody's fusermount3 ends the mount. */
static void
serve(Mount *mount)
{
	begin_round(mount);
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = mount->signals, .events = POLLIN },
			{ .fd = fs_mount_gone_fd(mount->tree), .events = POLLIN },
			{ .fd = owner_quit_fd(mount->owner), .events = POLLIN },
			{ .fd = owner_wake_fd(mount->owner), .events = POLLIN },
			{ .fd = mount->round ? round_fd(mount->round) : -1, .events = POLLIN },
		};
		int ready = poll(fds, G_N_ELEMENTS(fds), mount->busy ? STATUS_MS : -1);

		if (ready > 0 && (fds[0].revents || fds[1].revents || fds[2].revents))
			return;
		if (ready > 0 && fds[3].revents)
			owner_woken(mount->owner);
		if (ready > 0 && fds[4].revents)
			end_round(mount);

		bool busy = owner_busy(mount->owner);
		if (busy || mount->busy || ready > 0)
			fs_mount_status_changed(mount->tree);
		mount->busy = busy || mount->round || (ready > 0 && fds[3].revents); /* who woke us may begin in a moment */
	}
}

/* Opens the store, unless another process owns it. */
static Store *
open_store(const Config *config, GError **error)
{
	g_autoptr(ControlClient) client = NULL;
	Store *store = NULL;

	if (!owner_find(config->store, &client, &store, error))
		return NULL;
	if (client)
		refuse(config->store, client, error);
	return store;
}

static bool
log_to_store(const Config *config, GError **error)
{
	g_autofree char *path = g_build_filename(config->store, "log", NULL);

	return core_log_to_file(path, LOG_MAX_BYTES, error);
}

/* What is being written has a descriptor here until it is closed, and several programs together may have more files open
 * than one is allowed at first. */
static void
allow_many_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur >= FILES_MAX)
		return;
	files.rlim_cur = MIN(files.rlim_max, FILES_MAX);
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		core_log(CORE_LOG_WARNING, "main", "cannot have more files open: %s", g_strerror(errno));
}

/* Called once DIR is usable. */
typedef void (*ReadyFn)(int fd);

/* The life of the mount.  Takes @accounts.  @ready (NULL: in the foreground) gets @ready_fd. */
static bool
run(const Config *config, Accounts *accounts, const char *dir, ReadyFn ready, int ready_fd, GError **error)
{
	g_autoptr(Accounts) taken = accounts;
	Mount mount = { .signals = -1 };
	FsCalls calls = { .readme = readme_text, .status = make_status, .fetch = fetch, .abandon = abandon,
	                  .removal = removal, .changed = changed, .command = command,
	                  .bad_query = bad_query };
	Store *store = NULL;
	bool ok = false;

	allow_many_files();
	mount.signals = signals_block(error);
	if (mount.signals < 0 || !(store = open_store(config, error)))
		return false;
	if (ready && !log_to_store(config, error)) {
		store_close(store);
		return false;
	}
	mount.owner = owner_new(config, g_steal_pointer(&taken), store, dir, error);
	calls.data = mount.owner;
	if (mount.owner && (mount.tree = fs_mount_new(dir, owner_store(mount.owner), &calls, error)) != NULL &&
	    owner_listen(mount.owner, settle, &mount, error)) {
		owner_on_indexed(mount.owner, indexed, &mount);
		core_log(CORE_LOG_INFO, "main", "mounted on %s", dir);
		if (ready)
			ready(ready_fd);
		serve(&mount);
		core_log(CORE_LOG_INFO, "main", "unmounting %s", dir);
		ok = true;
	}
	round_free(mount.round);
	if (mount.owner)
		owner_stop(mount.owner); /* nobody writes to the store while the tree, which listens to it, goes */
	fs_mount_free(mount.tree);
	owner_free(mount.owner);
	close(mount.signals);
	return ok;
}

/* The child's word to the parent: "0", or the exit status and the error's words. */
static void
tell(int fd, int status, const char *words)
{
	g_autofree char *message = g_strdup_printf("%d %s", status, words);

	if (write(fd, message, strlen(message)) < 0) {
		/* The parent was killed; the mount stays. */
	}
	close(fd);
}

static void
tell_ready(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int standard = STDIN_FILENO; null >= 0 && standard <= STDERR_FILENO; standard++)
		dup2(null, standard);
	if (null > STDERR_FILENO)
		close(null);
	tell(fd, EX_OK, "");
}

static int
run_child(const Config *config, Accounts *accounts, const char *dir, int fd)
{
	g_autoptr(GError) error = NULL;

	setsid();
	if (chdir("/") < 0) {
		/* Then the folder where it was started stays busy. */
	}
	accounts_forked(accounts);
	if (run(config, accounts, dir, tell_ready, fd, &error))
		return EX_OK;
	tell(fd, core_error_exit_status(error), error->message);
	return core_error_exit_status(error);
}

/* What the child says, NUL-terminated; what it has not said within the time is "". */
static void
hear(int fd, char *buffer, size_t size)
{
	int64_t deadline = core_clock_ms() + START_TIMEOUT_MS, left;
	size_t length = 0;

	while (length + 1 < size && (left = deadline - core_clock_ms()) > 0) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		if (poll(&poll_fd, 1, (int)left) <= 0)
			continue;
		ssize_t n = read(fd, buffer + length, size - 1 - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		length += (size_t)n;
	}
	buffer[length] = '\0';
}

static int
run_parent(pid_t child, const char *store, int fd)
{
	char said[4096], *words;
	long status;

	hear(fd, said, sizeof said);
	status = strtol(said, &words, 10);
	if (words == said) {
		kill(child, SIGTERM);
		core_log(CORE_LOG_ERROR, "main", "the mount did not come up; see %s/log", store);
		return EX_SOFTWARE;
	}
	if (status != EX_OK)
		core_log(CORE_LOG_ERROR, "main", "%s", words + (*words == ' '));
	return (int)status;
}

/* Takes @accounts. */
static int
run_in_background(const Config *config, Accounts *accounts, const char *dir, GError **error)
{
	int ends[2], status = EX_OSERR;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0) {
		core_throw_errno(error, "cannot make a pipe");
		accounts_free(accounts);
		return status;
	}
	child = fork();
	if (child == 0) {
		close(ends[0]);
		return run_child(config, accounts, dir, ends[1]);
	}
	close(ends[1]);
	accounts_free(accounts);
	if (child < 0)
		core_throw_errno(error, "cannot start another process");
	else
		status = run_parent(child, config->store, ends[0]);
	close(ends[0]);
	return status;
}

/* Makes DIR if only it is missing, and checks that it can be mounted on: its absolute path. */
static char *
prepare_dir(const char *dir, bool *made_r, GError **error)
{
	*made_r = mkdir(dir, 0700) == 0;
	if (!*made_r && errno != EEXIST) {
		core_throw_errno(error, "cannot make %s", dir);
		return NULL;
	}
	return fs_mountpoint_check(dir, error);
}

/* Before anything is asked or made: is the store free? */
static bool
check_free(const Config *config, GError **error)
{
	g_autoptr(ControlClient) client = control_client_new(config->store, NULL);

	return !client || refuse(config->store, client, error);
}

int
command_mount(const CommandLine *line)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Config) config = config_load(line->config_path, &error);
	g_autoptr(Accounts) accounts = config ? accounts_new(config, NULL, &error) : NULL;
	g_autofree char *dir = NULL;
	bool made = false;
	int status = EX_OK;

	if (!accounts || !check_free(config, &error) || !(dir = prepare_dir(line->arguments[0], &made, &error)) ||
	    !accounts_ask(accounts, NULL, &error)) {
		status = core_error_exit_status(error);
	} else if (line->foreground) {
		run(config, g_steal_pointer(&accounts), dir, NULL, -1, &error);
	} else {
		status = run_in_background(config, g_steal_pointer(&accounts), dir, &error);
	}
	if (error)
		status = command_fail(error);
	if (status != EX_OK && made)
		rmdir(dir ? dir : line->arguments[0]); /* the child has another working directory */
	return status;
}
