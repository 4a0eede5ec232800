/* src/control: the protocol over a real socket, with calls of the test's own.  src/json, src/progress, src/status: what
 * travels over it. */
#include "control.h"
#include "core/cancel.h"
#include "core/clock.h"
#include "json.h"
#include "progress.h"
#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#define PATIENCE_MS 60000

/* What the calls of a test share with it. */
typedef struct {
	char *dir;
	ControlServer *server;
	CoreCancel *entered; /* a "wait" call runs */
	CoreCancel *left;    /* it noticed that its client has gone, or the server stops */
} Fixture;

static void
call_echo(ControlConnection *connection, const char *argument, void *data)
{
	control_send(connection, "text", "%s", argument);
}

static void
call_lines(ControlConnection *connection, const char *argument, void *data)
{
	control_send(connection, "progress", "%s", "idle 1 2 3 4 5 6");
	control_send_text(connection, "one\n\n  three\n");
	control_send(connection, "text", "not\na new line, \xff not UTF-8");
}

static void
call_fail(ControlConnection *connection, const char *argument, void *data)
{
	g_autoptr(GError) first = g_error_new_literal(CORE_ERROR, CORE_ERROR_LOGIN, "a: no");
	g_autoptr(GError) second = g_error_new_literal(CORE_ERROR, CORE_ERROR_UNREACHABLE, "b: away");

	control_send_error(connection, first);
	control_send_error(connection, second);
}

static void
call_wait(ControlConnection *connection, const char *argument, void *data)
{
	Fixture *fixture = data;
	struct pollfd fd = { .fd = control_connection_fd(connection) };

	core_cancel_trigger(fixture->entered);
	while (poll(&fd, 1, PATIENCE_MS) < 0 && errno == EINTR)
		;
	if (fd.revents & (POLLHUP | POLLERR))
		core_cancel_trigger(fixture->left);
}

static void
call_hold(ControlConnection *connection, const char *argument, void *data)
{
	Fixture *fixture = data;

	control_hold(connection);
	core_cancel_trigger(fixture->entered);
}

static void
call_long(ControlConnection *connection, const char *argument, void *data)
{
	g_autofree char *text = g_strnfill(2 * CONTROL_LINE_MAX, 'x');

	memcpy(text + CONTROL_LINE_MAX - 8, "ěěěěě", strlen("ěěěěě")); /* the cut must not fall into one of these */
	control_send(connection, "text", "%s", text);
}

static const ControlVerb verbs[] = {
	{ "echo", call_echo }, { "lines", call_lines }, { "fail", call_fail },
	{ "wait", call_wait }, { "hold", call_hold },   { "long", call_long },
};

static void
set_up(Fixture *fixture, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	fixture->dir = g_dir_make_tmp("mailtree-control-XXXXXX", NULL);
	fixture->entered = core_cancel_new();
	fixture->left = core_cancel_new();
	fixture->server = control_server_new(fixture->dir, verbs, G_N_ELEMENTS(verbs), fixture, &error);
	g_assert_no_error(error);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
	control_server_free(fixture->server);
	core_cancel_unref(fixture->entered);
	core_cancel_unref(fixture->left);
	g_assert_cmpint(g_rmdir(fixture->dir), ==, 0); /* so the socket was removed */
	g_free(fixture->dir);
}

static ControlClient *
client_new(const Fixture *fixture)
{
	g_autoptr(GError) error = NULL;
	ControlClient *client = control_client_new(fixture->dir, &error);

	g_assert_no_error(error);
	return client;
}

static void
collect(ControlKind kind, const char *words, void *data)
{
	static const char *const kinds[] = { "progress", "text", "error" };

	g_string_append_printf(data, "%s(%s)", kinds[kind], words);
}

/* All lines of the answer, in one string. */
static char *
call(const Fixture *fixture, const char *verb, const char *argument, GError **error)
{
	g_autoptr(ControlClient) client = client_new(fixture);
	GString *lines = g_string_new(NULL);

	control_client_call(client, verb, argument, collect, lines, PATIENCE_MS, -1, error);
	return g_string_free(lines, FALSE);
}

static void
wait_for(CoreCancel *cancel)
{
	struct pollfd fd = { .fd = core_cancel_fd(cancel), .events = POLLIN };

	g_assert_cmpint(poll(&fd, 1, PATIENCE_MS), ==, 1);
}

static void
test_answers(Fixture *fixture, gconstpointer data)
{
	static const struct {
		const char *verb, *argument, *lines, *error;
		int status;
	} rows[] = {
		{ "echo", "a\tb c", "text(a\tb c)", NULL, EX_OK },
		{ "echo", NULL, "text()", NULL, EX_OK },
		{ "lines", NULL,
		  "progress(idle 1 2 3 4 5 6)text(one)text()text(  three)text(not a new line, \xef\xbf\xbd not UTF-8)", NULL, EX_OK },
		{ "fail", NULL, "error(a: no)error(b: away)", "a: no", EX_NOPERM },
		{ "dance", NULL,
		  "error(the running mailtree (version " MAILTREE_VERSION ") does not know the request dance)",
		  "the running mailtree (version " MAILTREE_VERSION ") does not know the request dance", EX_USAGE },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *lines = call(fixture, rows[i].verb, rows[i].argument, &error);
		g_test_message("row %d", (int)i);
		g_assert_cmpstr(lines, ==, rows[i].lines);
		g_assert_cmpstr(error ? error->message : NULL, ==, rows[i].error);
		if (error)
			g_assert_cmpint(core_error_exit_status(error), ==, rows[i].status);
	}
}

static void
test_long_line_is_cut(Fixture *fixture, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *lines = call(fixture, "long", NULL, &error);

	g_assert_no_error(error);
	g_assert_cmpuint(strlen(lines), >, CONTROL_LINE_MAX - 16);
	g_assert_cmpuint(strlen(lines), <=, CONTROL_LINE_MAX + 1); /* "text(" and ")" for "text " and LF */
	g_assert_true(g_utf8_validate(lines, -1, NULL));
}

static void
test_request_that_is_no_line_is_not_sent(Fixture *fixture, gconstpointer data)
{
	g_autofree char *argument = g_strnfill(CONTROL_LINE_MAX - strlen("echo \n"), 'x');
	g_autofree char *expected = g_strdup_printf("text(%s)", argument), *longer = g_strconcat(argument, "x", NULL);
	g_autoptr(GError) error = NULL;
	g_autofree char *lines = call(fixture, "echo", argument, &error);

	g_assert_no_error(error);
	g_assert_cmpstr(lines, ==, expected);
	g_autofree char *none = call(fixture, "echo", longer, &error);
	g_assert_error(error, CORE_ERROR, CORE_ERROR_USAGE);
	g_assert_cmpstr(none, ==, "");
}

static void
test_socket_is_private(Fixture *fixture, gconstpointer data)
{
	g_autofree char *path = g_build_filename(fixture->dir, "control", NULL);
	struct stat st;

	g_assert_cmpint(lstat(path, &st), ==, 0);
	g_assert_true(S_ISSOCK(st.st_mode));
	g_assert_cmpint(st.st_mode & 0777, ==, 0600);
}

static void
test_client_that_leaves(Fixture *fixture, gconstpointer data)
{
	g_autoptr(CoreCancel) stop = core_cancel_new();
	g_autoptr(ControlClient) client = client_new(fixture);
	g_autoptr(GError) error = NULL;

	core_cancel_trigger(stop);
	g_assert_false(control_client_call(client, "wait", NULL, NULL, NULL, PATIENCE_MS, core_cancel_fd(stop), &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CANCELLED);
	wait_for(fixture->entered);
	g_assert_false(core_cancel_triggered(fixture->left));
	g_clear_pointer(&client, control_client_free);
	wait_for(fixture->left);
}

static int
raw_connect(const Fixture *fixture)
{
	g_autofree char *path = g_build_filename(fixture->dir, "control", NULL);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_assert_cmpuint(strlen(path), <, sizeof address.sun_path);
	strcpy(address.sun_path, path);
	g_assert_cmpint(connect(fd, (const struct sockaddr *)&address, sizeof address), ==, 0);
	return fd;
}

static void
test_silent_clients_block_nobody(Fixture *fixture, gconstpointer data)
{
	int fds[CONTROL_CLIENTS_MAX - 1];
	g_autoptr(GError) error = NULL;

	for (gsize i = 0; i < G_N_ELEMENTS(fds); i++)
		fds[i] = raw_connect(fixture);
	g_autofree char *lines = call(fixture, "echo", "still here", &error);
	g_assert_no_error(error);
	g_assert_cmpstr(lines, ==, "text(still here)");
	for (gsize i = 0; i < G_N_ELEMENTS(fds); i++)
		close(fds[i]);
}

/* Everything until the end of the stream. */
static char *
read_all(int fd)
{
	GString *text = g_string_new(NULL);
	char buffer[4096];
	ssize_t n;

	while ((n = read(fd, buffer, sizeof buffer)) > 0)
		g_string_append_len(text, buffer, n);
	return g_string_free(text, FALSE);
}

static void
test_too_many_clients(Fixture *fixture, gconstpointer data)
{
	int fds[CONTROL_CLIENTS_MAX];
	g_autoptr(GError) error = NULL;

	for (gsize i = 0; i < G_N_ELEMENTS(fds); i++)
		fds[i] = raw_connect(fixture);
	g_autofree char *lines = call(fixture, "echo", "me", &error);
	g_assert_nonnull(error);
	g_assert_cmpint(core_error_exit_status(error), ==, EX_TEMPFAIL);
	for (gsize i = 0; i < G_N_ELEMENTS(fds); i++)
		close(fds[i]);

	/* Their places become free again. */
	for (int64_t deadline = core_clock_ms() + PATIENCE_MS; error && core_clock_ms() < deadline;) {
		g_clear_error(&error);
		g_free(lines);
		lines = call(fixture, "echo", "me", &error);
	}
	g_assert_no_error(error);
	g_assert_cmpstr(lines, ==, "text(me)");
}

static void
test_requests_in_pieces(Fixture *fixture, gconstpointer data)
{
	static const char request[] = "echo in pieces\n";
	int fd = raw_connect(fixture);

	for (const char *p = request; *p; p++)
		g_assert_cmpint(write(fd, p, 1), ==, 1);
	shutdown(fd, SHUT_WR); /* as a pipe into socat does: not the same as going away */
	g_autofree char *answer = read_all(fd);
	g_assert_cmpstr(answer, ==, "text in pieces\ndone\n");
	close(fd);
}

static void
test_bad_requests_are_dropped(Fixture *fixture, gconstpointer data)
{
	g_autofree char *endless = g_strnfill(2 * CONTROL_LINE_MAX, 'x');
	const char *const requests[] = { "echo \xff\n", "echo without end", endless };

	for (gsize i = 0; i < G_N_ELEMENTS(requests); i++) {
		int fd = raw_connect(fixture);
		if (send(fd, requests[i], strlen(requests[i]), MSG_NOSIGNAL) < 0)
			g_assert_cmpint(errno, ==, EPIPE); /* the server had enough before we had sent all */
		shutdown(fd, SHUT_WR);
		g_autofree char *answer = read_all(fd);
		g_assert_cmpstr(answer, ==, "");
		close(fd);
	}
}

/* A call from another thread, because it is to be interrupted. */
typedef struct {
	const Fixture *fixture;
	const char *verb;
	bool ok;
	GError *error;
	atomic_bool returned;
} Waiting;

static void *
run_waiting(void *data)
{
	Waiting *waiting = data;
	g_autoptr(ControlClient) client = client_new(waiting->fixture);

	waiting->ok = control_client_call(client, waiting->verb, NULL, NULL, NULL, PATIENCE_MS, -1, &waiting->error);
	atomic_store(&waiting->returned, true);
	return NULL;
}

static void
test_stop_ends_calls(Fixture *fixture, gconstpointer data)
{
	Waiting waiting = { .fixture = fixture, .verb = "wait" };
	pthread_t thread;

	pthread_create(&thread, NULL, run_waiting, &waiting);
	wait_for(fixture->entered);
	control_server_stop(fixture->server);
	g_assert_true(core_cancel_triggered(fixture->left));
	pthread_join(thread, NULL);
	g_assert_false(waiting.ok);
	g_assert_error(waiting.error, CORE_ERROR, CORE_ERROR_LOCKED); /* so the client asks the next owner */
	g_clear_error(&waiting.error);

	g_assert_null(control_client_new(fixture->dir, &waiting.error));
	g_assert_error(waiting.error, CORE_ERROR, CORE_ERROR_NOT_FOUND);
	g_clear_error(&waiting.error);
}

static void
test_held_until_freed(Fixture *fixture, gconstpointer data)
{
	Waiting waiting = { .fixture = fixture, .verb = "hold" };
	pthread_t thread;

	pthread_create(&thread, NULL, run_waiting, &waiting);
	wait_for(fixture->entered);
	control_server_stop(fixture->server);
	g_assert_false(atomic_load(&waiting.returned));
	g_clear_pointer(&fixture->server, control_server_free);
	pthread_join(thread, NULL);
	g_assert_no_error(waiting.error);
	g_assert_true(waiting.ok);
}

static void
test_client_is_told_that_there_is_no_thread_for_it(Fixture *fixture, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	pthread_attr_t usual, huge;

	g_assert_cmpint(pthread_getattr_default_np(&usual), ==, 0);
	pthread_attr_init(&huge);
	g_assert_cmpint(pthread_attr_setstacksize(&huge, (size_t)1 << 50), ==, 0);
	g_assert_cmpint(pthread_setattr_default_np(&huge), ==, 0);
	g_autofree char *lines = call(fixture, "echo", "a", &error);
	g_assert_cmpint(pthread_setattr_default_np(&usual), ==, 0);
	pthread_attr_destroy(&huge);
	pthread_attr_destroy(&usual);
	g_assert_error(error, CORE_ERROR, CORE_ERROR_BUSY);

	g_clear_error(&error);
	g_autofree char *later = call(fixture, "echo", "b", &error);
	g_assert_no_error(error);
	g_assert_cmpstr(later, ==, "text(b)");
}

static void
test_client_without_a_descriptor(Fixture *fixture, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	struct rlimit usual, tight;
	int highest = open("/dev/null", O_RDONLY | O_CLOEXEC);

	g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &usual), ==, 0);
	tight = usual;
	tight.rlim_cur = (rlim_t)highest + 1; /* one descriptor, for the folder */
	g_assert_cmpint(close(highest), ==, 0);
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &tight), ==, 0);
	ControlClient *client = control_client_new(fixture->dir, &error);
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &usual), ==, 0);
	g_assert_null(client);
	g_assert_error(error, CORE_ERROR, CORE_ERROR_IO);
	g_assert_nonnull(strstr(error->message, g_strerror(EMFILE)));
}

static void
test_stale_socket(void)
{
	g_autofree char *dir = g_dir_make_tmp("mailtree-control-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "control", NULL);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	g_autoptr(GError) error = NULL;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_assert_null(control_client_new(dir, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_NOT_FOUND);
	g_clear_error(&error);

	strcpy(address.sun_path, path);
	g_assert_cmpint(bind(fd, (const struct sockaddr *)&address, sizeof address), ==, 0);
	close(fd); /* the file stays, as after a crash */
	g_assert_null(control_client_new(dir, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_NOT_FOUND);
	g_clear_error(&error);

	ControlServer *server = control_server_new(dir, verbs, G_N_ELEMENTS(verbs), NULL, &error);
	g_assert_no_error(error);
	const Fixture fixture = { .dir = dir };
	g_autofree char *lines = call(&fixture, "echo", "new", &error);
	g_assert_cmpstr(lines, ==, "text(new)");
	control_server_free(server);
	g_assert_cmpint(g_rmdir(dir), ==, 0);
}

/* A path that no sockaddr_un can hold. */
static void
test_long_path(void)
{
	g_autofree char *top = g_dir_make_tmp("mailtree-control-XXXXXX", NULL), *name = g_strnfill(200, 'd');
	g_autofree char *dir = g_build_filename(top, name, NULL);
	g_autoptr(GError) error = NULL;

	g_assert_cmpint(g_mkdir(dir, 0700), ==, 0);
	ControlServer *server = control_server_new(dir, verbs, G_N_ELEMENTS(verbs), NULL, &error);
	g_assert_no_error(error);
	const Fixture fixture = { .dir = dir };
	g_autofree char *lines = call(&fixture, "echo", "far", &error);
	g_assert_cmpstr(lines, ==, "text(far)");
	control_server_free(server);
	g_rmdir(dir);
	g_rmdir(top);
}

/* An owner that is not ours, on one end of the socket. */
static void
test_nonsense_from_owner(void)
{
	static const struct {
		const char *answer;
		CoreErrorCode code;
	} rows[] = {
		{ "", CORE_ERROR_LOCKED },
		{ "text cut", CORE_ERROR_LOCKED },
		{ "news of a later version\n", CORE_ERROR_LOCKED },
		{ "text \xff\ndone\n", CORE_ERROR_IO },
		{ "error 69 away\n", CORE_ERROR_UNREACHABLE },
		{ "error 75 later\n", CORE_ERROR_BUSY },
		{ "error 76 what\n", CORE_ERROR_PROTOCOL },
		{ "error 78 which\n", CORE_ERROR_CONFIG },
		{ "error 99999999999999999999 odd\n", CORE_ERROR_IO },
		{ "error\n", CORE_ERROR_LOCKED },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *dir = g_dir_make_tmp("mailtree-control-XXXXXX", NULL);
		g_autofree char *path = g_build_filename(dir, "control", NULL);
		struct sockaddr_un address = { .sun_family = AF_UNIX };
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		g_autoptr(GError) error = NULL;

		strcpy(address.sun_path, path);
		g_assert_cmpint(bind(fd, (const struct sockaddr *)&address, sizeof address), ==, 0);
		g_assert_cmpint(listen(fd, 1), ==, 0);
		g_autoptr(ControlClient) client = control_client_new(dir, &error);
		g_assert_no_error(error);
		int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (*rows[i].answer)
			g_assert_cmpint(write(peer, rows[i].answer, strlen(rows[i].answer)), ==, (int)strlen(rows[i].answer));
		shutdown(peer, SHUT_WR);
		g_assert_false(control_client_call(client, "x", NULL, NULL, NULL, PATIENCE_MS, -1, &error));
		g_test_message("row %d: %s", (int)i, error->message);
		g_assert_error(error, CORE_ERROR, (int)rows[i].code);
		close(peer);
		close(fd);
		g_unlink(path);
		g_rmdir(dir);
	}
}

static void
test_json(void)
{
	GString *json = g_string_new(NULL);

	json_open(json, NULL, '{');
	json_string(json, "a", "quote \" slash \\ line\n tab\t nul\x01 del\x7f bad\xff \xc4\x9b");
	json_string(json, "b", NULL);
	json_open(json, "c", '[');
	json_newline(json);
	json_number(json, NULL, G_MAXUINT64);
	json_newline(json);
	json_number(json, NULL, 0);
	json_close(json, ']');
	json_open(json, "d", '{');
	json_close(json, '}');
	json_null(json, "e");
	json_close(json, '}');
	g_assert_cmpstr(json->str, ==,
	                "{\"a\":\"quote \\\" slash \\\\ line\\n tab\\u0009 nul\\u0001 del\\u007f bad\xef\xbf\xbd \xc4\x9b\",\"b\":null,"
	                "\"c\":[\n18446744073709551615,\n0],\"d\":{},\"e\":null}");
	g_string_free(json, TRUE);
}

static void
test_printable(void)
{
	g_autofree char *safe = text_printable("a\033[31mred\xc2\x9b line\nend\xff");

	g_assert_cmpstr(safe, ==, "a\\x1b[31mred\\x9b line end\xef\xbf\xbd");
}

static void
test_printable_cut(void)
{
	static const char *const cuts[] = { "", "a", "a", "aě", "aěb", "aěb" }; /* by the bytes that there is room for */

	for (gsize i = 0; i < G_N_ELEMENTS(cuts); i++) {
		g_autofree char *safe = text_printable_cut("aěb", i);
		g_assert_cmpstr(safe, ==, cuts[i]);
	}
}

static void
test_progress_words(void)
{
	static const char *const bad[] = { "", "fetching 1 2 3 4 5", "fetching 1 2 3 4 5 6 7", "fetching 1 2 3 4 5 -6",
		                           "fetching 1 2 3 4 5 x" };
	const ProgressNumbers numbers = { SYNC_LISTING, 1, 2, 3, 4, 5, G_MAXUINT64 };
	g_autofree char *words = progress_to_words(&numbers);
	ProgressNumbers parsed;

	g_assert_cmpstr(words, ==, "listing 1 2 3 4 5 18446744073709551615");
	g_assert_true(progress_from_words(words, &parsed));
	g_autofree char *again = progress_to_words(&parsed);
	g_assert_cmpstr(again, ==, words);
	g_assert_true(progress_from_words("dancing 1 2 3 4 5 6", &parsed)); /* of a later version */
	g_assert_cmpint(parsed.phase, ==, SYNC_IDLE);
	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
		g_assert_false(progress_from_words(bad[i], &parsed));
}

static void
test_progress_line(void)
{
	static const struct {
		ProgressNumbers numbers;
		uint64_t rate;
		unsigned columns;
		const char *line;
	} rows[] = {
		{ { SYNC_CONNECTING, 0, 0, 0, 0, 0, 0 }, 0, 80, "connecting" },
		{ { SYNC_LISTING, 3, 20, 0, 0, 0, 0 }, 0, 80, "listing: 3/20 folders" },
		{ { SYNC_FETCHING, 0, 1, 5, 10, 500000, 1000000 }, 0, 50,
		  "[#######.......] 5/10 messages  500.0 kB of 1.0 MB" },
		{ { SYNC_FETCHING, 0, 1, 5, 10, 500000, 1000000 }, 1000, 0,
		  "5/10 messages  500.0 kB of 1.0 MB  1.0 kB/s  8:20 left" },
		{ { SYNC_FETCHING, 0, 1, 5, 10, 2000, 1000 }, 1000, 0, "5/10 messages  2.0 kB of 2.0 kB  1.0 kB/s  0:00 left" },
		{ { SYNC_FETCHING, 0, 1, 5, 10, 0, 40000000 }, 1000, 0,
		  "5/10 messages  0 bytes of 40.0 MB  1.0 kB/s  11:06:40 left" },
		{ { SYNC_FETCHING, 0, 1, 5, 10, 500000, 1000000 }, 1000, 20, "5/10 messages  500.0" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *line = progress_format(&rows[i].numbers, rows[i].rate, rows[i].columns);
		g_test_message("row %d", (int)i);
		g_assert_cmpstr(line, ==, rows[i].line);
	}
}

#define NO_QUOTA "\"quota_used\":null,\"quota_limit\":null,"
#define NO_OPERATIONS "\"pending\":0,\"waiting\":0,\"held\":0,\"failed\":0,\"operations\":[]"

static void
test_status_report(void)
{
	g_autoptr(StatusReport) report = status_report_new("/s", "/home/a b", 42);
	const SyncStatus run = { .account = "two", .phase = SYNC_FETCHING, .connections = 3, .mailboxes_total = 2,
		                 .messages_done = 1, .messages_total = 4, .bytes_done = 10, .bytes_total = 20,
		                 .last_sync_s = 1700000000, .error = (char[]){ "say \"hi\"\n\033[0m" }, .warnings = 5,
		                 .started_ms = core_clock_ms() };

	report->bad_query = g_strdup("say \"word\"");
	report->refused = (ReadersRefused){ 9, 1, "baloo\033_file" };
	status_report_add(report, "one", NULL, NULL);
	status_report_add(report, "two", NULL, &run);
	g_autofree char *json = status_json(report), *text = status_text(report);
	g_assert_cmpstr(json, ==,
	                "{\"version\":\"" MAILTREE_VERSION "\",\"store\":\"/s\",\"mounted\":\"/home/a b\",\"pid\":42,"
	                "\"refused_crawlers\":9,\"refused_rate\":1,\"bad_query\":\"say \\\"word\\\"\",\"accounts\":[\n"
	                "{\"name\":\"one\",\"phase\":\"idle\",\"last_sync\":null,\"mailboxes\":0,\"messages\":0,\"bytes\":0,"
	                "\"missing\":0,\"remote\":0,\"remote_mailboxes\":[],\"files\":0," NO_QUOTA "\"progress\":null,\"warnings\":0,"
	                "\"error\":null," NO_OPERATIONS "},\n"
	                "{\"name\":\"two\",\"phase\":\"fetching\",\"last_sync\":\"2023-11-14T22:13:20Z\",\"mailboxes\":0,"
	                "\"messages\":0,\"bytes\":0,\"missing\":0,\"remote\":0,\"remote_mailboxes\":[],\"files\":0," NO_QUOTA
	                "\"progress\":{\"connections\":3,\"mailboxes_done\":0,"
	                "\"mailboxes_total\":2,\"messages_done\":1,\"messages_total\":4,\"bytes_done\":10,\"bytes_total\":20,"
	                "\"wire_in\":0,\"wire_out\":0,\"seconds\":0},\"warnings\":5,"
	                "\"error\":\"say \\\"hi\\\" \\\\x1b[0m\"," NO_OPERATIONS "}]}\n");
	g_assert_nonnull(strstr(text, "mount   /home/a b (process 42)\nrefused 9 reads of crawlers, the last by baloo\\x1b_file\n"
	                              "refused 1 read beyond fetch_rate\n"));
	g_assert_nonnull(strstr(text, "\none\n  now           idle\n  last complete never\n"));
	g_assert_nonnull(strstr(text, "  now           1/4 messages  10 bytes of 20 bytes\n  connections   3\n"));
	g_assert_nonnull(strstr(text, "  error         say \"hi\" \\x1b[0m\n"));
}

int
main(int argc, char **argv)
{
#define ADD(name, function) g_test_add("/control/" name, Fixture, NULL, set_up, function, tear_down)
	g_test_init(&argc, &argv, NULL);
	ADD("answers", test_answers);
	ADD("long-line-is-cut", test_long_line_is_cut);
	ADD("request-that-is-no-line-is-not-sent", test_request_that_is_no_line_is_not_sent);
	ADD("socket-is-private", test_socket_is_private);
	ADD("client-that-leaves", test_client_that_leaves);
	ADD("silent-clients-block-nobody", test_silent_clients_block_nobody);
	ADD("too-many-clients", test_too_many_clients);
	ADD("requests-in-pieces", test_requests_in_pieces);
	ADD("bad-requests-are-dropped", test_bad_requests_are_dropped);
	ADD("stop-ends-calls", test_stop_ends_calls);
	ADD("held-until-freed", test_held_until_freed);
	ADD("no-thread-for-a-client", test_client_is_told_that_there_is_no_thread_for_it);
	ADD("no-descriptor-for-a-client", test_client_without_a_descriptor);
	g_test_add_func("/control/stale-socket", test_stale_socket);
	g_test_add_func("/control/long-path", test_long_path);
	g_test_add_func("/control/nonsense-from-owner", test_nonsense_from_owner);
	g_test_add_func("/json/escapes", test_json);
	g_test_add_func("/json/printable", test_printable);
	g_test_add_func("/json/printable-cut", test_printable_cut);
	g_test_add_func("/progress/words", test_progress_words);
	g_test_add_func("/progress/line", test_progress_line);
	g_test_add_func("/status/report", test_status_report);
	return g_test_run();
}
