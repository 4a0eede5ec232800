/* What the tests of fs/ share: a store and a mount in a process of their own, which the test asks to change things.
 *
 * A mount that hangs takes with it whoever touches it until the process that serves it ends.  So there are three: the
 * guard (main), which ends the others after a deadline and unmounts what is left; the test itself; and the server,
 * which ends with the test.  The test calls a function in the server by its address: the server is a fork.
 */
#pragma once

#include "fs/mount.h"
#include "mime/derive.h"
#include "store/derived.h"
#include "store/mailboxes.h"
#include "store/messages.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define GUARD_SECONDS 240
#define ANSWER_MS 60000
#define DATE_S 1700000000 /* INTERNALDATE of the first UID */

/* In the server. */
typedef struct {
	char *store_dir, *dir;
	Store *store;
	FsMount *mount;
	char *status;
	pthread_mutex_t lock; /* of status */
	pthread_t churner;
	_Atomic bool stop_churning;
} World;

typedef struct Call Call;
struct Call {
	int64_t (*fn)(World *world, const Call *call);
	int64_t a, b;
	char name[1024];
	size_t length;
	char text[4096];
};

/* In the test. */
typedef struct {
	char *root, *dir; /* everything; the mount */
	int64_t account, inbox, archive, year; /* ids: mail/web4u, its INBOX, Archiv, Archiv/2024 */
	pid_t pid;
	int socket;
} Server;

#define check(ok) \
	do { \
		g_autoptr(GError) error = NULL; \
		if (!(ok)) \
			g_error("%s: %s", #ok, error ? error->message : "failed"); \
	} while (0)

static inline char *
world_status(bool json, void *data)
{
	World *world = data;

	pthread_mutex_lock(&world->lock);
	char *text = g_strdup_printf(json ? "{\"status\": \"%s\"}\n" : "%s\n", world->status);
	pthread_mutex_unlock(&world->lock);
	return text;
}

static inline int64_t
do_mount(World *world, const Call *call)
{
	const FsCalls calls = { "Read me.\n", world_status, world };

	check(world->mount = fs_mount_new(world->dir, world->store, &calls, &error));
	return 0;
}

static inline int64_t
do_unmount(World *world, const Call *call)
{
	g_clear_pointer(&world->mount, fs_mount_free);
	return 0;
}

static inline int64_t
do_close(World *world, const Call *call)
{
	do_unmount(world, call);
	g_clear_pointer(&world->store, store_close);
	return 0;
}

static inline int64_t
do_open(World *world, const Call *call)
{
	check(world->store = store_open(world->store_dir, &error));
	return do_mount(world, call);
}

static inline int64_t
do_settle(World *world, const Call *call)
{
	g_assert_true(fs_mount_settle(world->mount, 10000));
	return 0;
}

static inline int64_t
do_account(World *world, const Call *call)
{
	int64_t id;
	StoreTxn *txn;

	check(txn = store_begin(world->store, &error));
	check(store_account_ensure(txn, call->name, &id, &error));
	check(store_commit(txn, &error));
	return id;
}

/* The mailbox at the path @name of account @a, with its parents. */
static inline int64_t
do_mailbox(World *world, const Call *call)
{
	g_auto(GStrv) components = g_strsplit(call->name, "/", -1);
	int64_t id;
	StoreTxn *txn;

	check(txn = store_begin(world->store, &error));
	check(store_mailbox_ensure(txn, call->a, components, &id, &error));
	check(store_mailbox_set_listing(txn, id, call->name, '/', STORE_MAILBOX_SELECTABLE, &error));
	check(store_commit(txn, &error));
	return id;
}

static inline int64_t
do_mailbox_remove(World *world, const Call *call)
{
	StoreTxn *txn;

	check(txn = store_begin(world->store, &error));
	check(store_mailbox_remove(txn, call->a, &error));
	check(store_commit(txn, &error));
	return 0;
}

/* A message of mailbox @a with UID @b and the body @text, called @name; without a name it stays invisible.  Its text is
 * derived as the engine does. */
static inline int64_t
do_message(World *world, const Call *call)
{
	const StoreMessage message = {
		.mailbox_id = call->a, .uid = (uint32_t)call->b, .internaldate_s = DATE_S + call->b,
		.rfc822_size = 7, .base_flags = "\\Seen",
	};
	g_autoptr(StoreWriter) writer = NULL;
	g_auto(MimeDerived) derived = { 0 };
	StoreBody body = { 0 };
	int64_t id;
	StoreTxn *txn;

	if (call->name[0]) {
		const MimeSource source = { .bytes = (const uint8_t *)call->text, .fd = -1, .length = call->length };
		mime_derive(&source, true, &derived);
		check(writer = store_writer_new(world->store, &error));
		check(store_writer_begin(writer, call->length, &error));
		check(store_writer_write(writer, call->text, call->length, &error));
		check(store_writer_end(writer, &body, &error));
		check(store_writer_sync(writer, &error));
		check(store_derived_put(world->store, &body, MIME_DERIVE_VERSION, derived.text->str, derived.text->len,
		                        &error));
		check(store_derived_flush(world->store, &error));
	}
	check(txn = store_begin(world->store, &error));
	check(store_message_insert(txn, &message, &id, &error));
	if (call->name[0])
		check(store_message_set_body(txn, id, &body, call->name, derived.header_sha256, &error));
	check(store_commit(txn, &error));
	return id;
}

static inline int64_t
do_message_remove(World *world, const Call *call)
{
	StoreTxn *txn;

	check(txn = store_begin(world->store, &error));
	check(store_message_remove(txn, call->a, &error));
	check(store_commit(txn, &error));
	return 0;
}

static inline int64_t
call_server(const Server *server, Call call)
{
	struct pollfd ready = { .fd = server->socket, .events = POLLIN };
	int64_t answer;

	g_assert_cmpint(send(server->socket, &call, sizeof call, MSG_NOSIGNAL), ==, sizeof call);
	g_assert_cmpint(poll(&ready, 1, ANSWER_MS), ==, 1);
	g_assert_cmpint(recv(server->socket, &answer, sizeof answer, 0), ==, sizeof answer);
	return answer;
}

/* run(server, do_message, .a = …, .name = "…") */
#define run(server, ...) call_server(server, (Call){ .fn = __VA_ARGS__ })

static inline void
serve(World *world, int fd)
{
	g_autofree Call *call = g_new(Call, 1);

	mime_init();
	check(world->store = store_open(world->store_dir, &error));
	while (recv(fd, call, sizeof *call, 0) == sizeof *call) {
		int64_t answer = call->fn(world, call);
		if (send(fd, &answer, sizeof answer, MSG_NOSIGNAL) != sizeof answer)
			break;
	}
	do_close(world, call);
}

static inline pid_t
start_server(Server *server)
{
	World world = { .status = g_strdup("idle"), .lock = PTHREAD_MUTEX_INITIALIZER };
	int sockets[2];
	pid_t test = getpid();

	g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), ==, 0);
	world.dir = server->dir;
	world.store_dir = g_build_filename(server->root, "store", NULL);
	pid_t pid = fork();
	g_assert_cmpint(pid, >=, 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != test)
			_exit(1);
		close(sockets[0]);
		serve(&world, sockets[1]);
		exit(0);
	}
	g_free(world.store_dir);
	g_free(world.status);
	close(sockets[1]);
	server->socket = sockets[0];
	return pid;
}

static inline int64_t
add_message(Server *server, int64_t mailbox, uint32_t uid, const char *name, const char *text)
{
	Call call = { .fn = do_message, .a = mailbox, .b = uid, .length = strlen(text) };

	g_strlcpy(call.name, name, sizeof call.name);
	g_assert_cmpuint(call.length, <, sizeof call.text);
	memcpy(call.text, text, call.length);
	return call_server(server, call);
}

#define FIRST "2023-11-14 22.13 Alice - First ~1"
#define SECOND "2023-11-14 22.13 Bob - Second ~2"
#define NESTED "2023-11-14 22.13 Carol - Nested ~1"
#define FIRST_BODY \
	"From: Alice <a@example.cz>\r\nMessage-ID:\r\n <first@example.cz>\r\nSubject: First\r\n" \
	"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nxb5sdcWlb3XEjWvDvQ==\r\n"
#define SECOND_BODY "From: Bob <b@example.cz>\r\nSubject: Second\r\n\r\nSecond body.\r\n"
#define NESTED_BODY "From: Carol <c@example.cz>\r\nSubject: Nested\r\n\r\nNested body.\r\n"

/* A mounted store: web4u with INBOX (two messages, one invisible), Archiv/2024 (one) and Koš; and an account without
 * folders. */
static inline void
server_start(Server *server)
{
	GError *error = NULL;

	server->root = g_dir_make_tmp("XXXXXX", &error);
	g_assert_no_error(error);
	server->dir = g_build_filename(server->root, "mount", NULL);
	g_assert_cmpint(g_mkdir(server->dir, 0700), ==, 0);
	server->pid = start_server(server);
	server->account = run(server, do_account, .name = "web4u");
	run(server, do_account, .name = "empty");
	server->inbox = run(server, do_mailbox, .a = server->account, .name = "INBOX");
	server->archive = run(server, do_mailbox, .a = server->account, .name = "Archiv");
	server->year = run(server, do_mailbox, .a = server->account, .name = "Archiv/2024");
	run(server, do_mailbox, .a = server->account, .name = "Koš");
	add_message(server, server->inbox, 1, FIRST ".eml", FIRST_BODY);
	add_message(server, server->inbox, 2, SECOND ".eml", SECOND_BODY);
	add_message(server, server->inbox, 3, "", "");
	add_message(server, server->year, 1, NESTED ".eml", NESTED_BODY);
	run(server, do_mount);
}

static inline void
remove_all(const char *path)
{
	const char *const arguments[] = { "rm", "-rf", "--one-file-system", "--", path, NULL };

	g_spawn_sync(NULL, (char **)(uintptr_t)arguments, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
}

/* Ends the server as its user would, which must leave nothing mounted. */
static inline void
server_stop(Server *server)
{
	int status;

	close(server->socket);
	g_assert_cmpint(waitpid(server->pid, &status, 0), ==, server->pid);
	g_assert_cmpint(status, ==, 0);
	g_assert_cmpint(g_rmdir(server->dir), ==, 0);
	remove_all(server->root);
	g_free(server->root);
	g_free(server->dir);
}

/* The path of @below in the mount; it lives for the next three calls. */
static inline const char *
at(const Server *server, const char *below)
{
	static char paths[4][4096];
	static unsigned next;
	char *path = paths[next++ % G_N_ELEMENTS(paths)];

	g_snprintf(path, sizeof paths[0], "%s/%s", server->dir, below);
	return path;
}

static inline bool
exists(const Server *server, const char *below)
{
	struct stat st;

	if (stat(at(server, below), &st) == 0)
		return true;
	g_assert_cmpint(errno, ==, ENOENT);
	return false;
}

static inline int
compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in a directory, sorted, each followed by a '|'. */
static inline char *
names_in(const Server *server, const char *below)
{
	GError *error = NULL;
	g_autoptr(GDir) dir = g_dir_open(at(server, below), 0, &error);
	g_assert_no_error(error);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	const char *name;

	while ((name = g_dir_read_name(dir)))
		g_ptr_array_add(names, g_strdup(name));
	g_ptr_array_sort(names, compare_names);
	g_autoptr(GString) all = g_string_new(NULL);
	for (guint i = 0; i < names->len; i++)
		g_string_append_printf(all, "%s|", (char *)names->pdata[i]);
	return g_string_free(g_steal_pointer(&all), FALSE);
}

static inline void
assert_names(const Server *server, const char *below, const char *expected)
{
	g_autofree char *names = names_in(server, below);

	g_assert_cmpstr(names, ==, expected);
}

static inline char *
content_of(const Server *server, const char *below)
{
	GError *error = NULL;
	char *content = NULL;

	g_file_get_contents(at(server, below), &content, NULL, &error);
	g_assert_no_error(error);
	return content;
}

static inline void
assert_content(const Server *server, const char *below, const char *expected)
{
	g_autofree char *content = content_of(server, below);

	g_assert_cmpstr(content, ==, expected);
}

static inline struct stat
stat_of(const Server *server, const char *below)
{
	struct stat st;

	if (stat(at(server, below), &st) != 0)
		g_error("stat %s: %s", below, g_strerror(errno));
	return st;
}

/* NULL when FUSE can be used here, else why not. */
static inline const char *
fuse_is_unusable(void)
{
	g_autofree char *program = g_find_program_in_path("fusermount3");
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (!program)
		return "there is no fusermount3";
	if (fd < 0)
		return "/dev/fuse cannot be opened";
	close(fd);
	return NULL;
}

static inline void
skip_without_fuse(void)
{
	g_test_skip(fuse_is_unusable());
}

/* Unmounts what a server that was killed left below @root. */
static inline void
unmount_below(const char *root)
{
	g_autofree char *mounts = NULL;

	if (!g_file_get_contents("/proc/self/mounts", &mounts, NULL, NULL))
		return;
	g_auto(GStrv) lines = g_strsplit(mounts, "\n", -1);
	for (char **line = lines; *line; line++) {
		g_auto(GStrv) fields = g_strsplit(*line, " ", 3);
		const char *const arguments[] = { "fusermount3", "-u", "-z", "--", fields[0] ? fields[1] : NULL, NULL };
		if (fields[0] && fields[1] && g_str_has_prefix(fields[1], root))
			g_spawn_sync(NULL, (char **)(uintptr_t)arguments, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
			             NULL);
	}
}

static volatile sig_atomic_t interrupted;

static inline void
interrupt(int number)
{
	interrupted = 1;
}

/* Runs @tests in a process of its own, with a private directory for temporary files. */
static inline int
guard(int (*tests)(int argc, char **argv), int argc, char **argv)
{
	const char *parent = g_getenv("TMPDIR");
	g_autofree char *root = g_build_filename(parent ? parent : "/tmp", "mailtree-fs-XXXXXX", NULL);
	int status = 0;

	g_assert_nonnull(g_mkdtemp(root));
	g_setenv("TMPDIR", root, TRUE);
	pid_t guard_pid = getpid(), pid = fork();
	g_assert_cmpint(pid, >=, 0);
	if (pid == 0) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != guard_pid)
			_exit(1);
		exit(tests(argc, argv));
	}
	for (const int *number = (const int[]){ SIGTERM, SIGINT, SIGHUP, 0 }; *number; number++)
		signal(*number, interrupt);
	int64_t deadline_us = g_get_monotonic_time() + GUARD_SECONDS * G_USEC_PER_SEC;
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (interrupted || g_get_monotonic_time() > deadline_us) {
			printf("Bail out! nothing moves any more\n");
			kill(-pid, SIGKILL); /* the servers too: without them the test could not even be ended */
			waitpid(pid, &status, 0);
			break;
		}
		g_usleep(20000);
	}
	unmount_below(root);
	remove_all(root);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
