/* The owner's side of control.h. */
#include "control.h"

#include "control-address.h"
#include "core/cancel.h"
#include "core/clock.h"
#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define CLIENT_TIMEOUT_MS 10000
#define CROWDED_PAUSE_US 100000 /* no descriptors left: do not spin */

/* One of a fixed number of places for clients. */
struct ControlConnection {
	ControlServer *server;
	pthread_t thread;
	bool started;      /* of the accepting thread: thread is to be joined before the place is used again */
	bool running;      /* under the lock: the thread still uses fd */
	bool held;         /* under the lock */
	int fd;            /* of the connection's thread while it runs */
	bool failed, error_sent; /* of the connection's thread */
};

struct ControlServer {
	int dir_fd, listen_fd;
	const ControlVerb *verbs;
	size_t verb_count;
	void *data;
	CoreCancel *stop;
	pthread_t thread;
	bool stopped;
	ControlConnection connections[CONTROL_CLIENTS_MAX];
	/* Protects running and held of connections, and what follows.  A leaf, never locked while a call runs or a line is
	 * sent. */
	pthread_mutex_t lock;
	int held_fds[CONTROL_CLIENTS_MAX];
	size_t held_count;
};

static bool
send_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		length -= (size_t)n;
	}
	return true;
}

bool
control_send(ControlConnection *connection, const char *kind, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *words = g_strdup_vprintf(format, args);
	va_end(args);
	g_autofree char *valid = g_utf8_make_valid(words, -1);
	g_autofree char *line = g_strconcat(kind, *valid ? " " : "", valid, NULL);
	size_t length = strlen(line);

	if (length > CONTROL_LINE_MAX - 1) {
		const char *end = g_utf8_find_prev_char(line, line + CONTROL_LINE_MAX);
		length = (size_t)(end - line);
	}
	for (size_t i = 0; i < length; i++) {
		if (line[i] == '\n' || line[i] == '\r')
			line[i] = ' ';
	}
	line[length] = '\n'; /* over the NUL, or over what was cut */
	if (!connection->failed)
		connection->failed = !send_all(connection->fd, line, length + 1);
	return !connection->failed;
}

bool
control_send_text(ControlConnection *connection, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	bool sent = true;

	for (char **line = lines; sent && *line; line++) {
		if (**line || line[1]) /* nothing stands behind the last newline */
			sent = control_send(connection, "text", "%s", *line);
	}
	return sent;
}

bool
control_send_error(ControlConnection *connection, const GError *error)
{
	connection->error_sent = true;
	return control_send(connection, "error", "%d %s", core_error_exit_status(error), error->message);
}

int
control_connection_fd(const ControlConnection *connection)
{
	return connection->fd;
}

void
control_hold(ControlConnection *connection)
{
	pthread_mutex_lock(&connection->server->lock);
	connection->held = true;
	pthread_mutex_unlock(&connection->server->lock);
}

/* The request line without its end, or NULL: too slow, too long, not text, or gone. */
static char *
read_request(int fd)
{
	g_autofree char *line = g_malloc(CONTROL_LINE_MAX);
	int64_t deadline = core_clock_ms() + CLIENT_TIMEOUT_MS, left;
	size_t length = 0;

	while (length < CONTROL_LINE_MAX && (left = deadline - core_clock_ms()) > 0) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		if (poll(&poll_fd, 1, (int)left) <= 0)
			continue;
		ssize_t n = recv(fd, line + length, CONTROL_LINE_MAX - length, MSG_DONTWAIT);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return NULL;
		char *end = memchr(line + length, '\n', (size_t)n);
		length += (size_t)n;
		if (end) {
			*end = '\0';
			return g_utf8_validate(line, end - line, NULL) ? g_steal_pointer(&line) : NULL;
		}
	}
	return NULL;
}

static bool
is_held(ControlConnection *connection)
{
	pthread_mutex_lock(&connection->server->lock);
	bool held = connection->held;
	pthread_mutex_unlock(&connection->server->lock);
	return held;
}

static void
answer(ControlConnection *connection)
{
	const ControlServer *server = connection->server;
	g_autofree char *request = read_request(connection->fd);
	char *argument;

	if (!request)
		return;
	argument = request + strcspn(request, " ");
	if (*argument)
		*argument++ = '\0';
	for (size_t i = 0; i < server->verb_count; i++) {
		if (g_str_equal(server->verbs[i].verb, request)) {
			server->verbs[i].call(connection, argument, server->data);
			if (!connection->error_sent && !is_held(connection))
				control_send(connection, "done", "%s", "");
			return;
		}
	}
	g_autoptr(GError) error = NULL;
	core_throw(&error, CORE_ERROR_USAGE, "the running mailtree (version " MAILTREE_VERSION ") does not know the request %s",
	           request);
	control_send_error(connection, error);
}

static void *
run_connection(void *data)
{
	ControlConnection *connection = data;
	ControlServer *server = connection->server;
	int fd = connection->fd;

	answer(connection);
	pthread_mutex_lock(&server->lock);
	connection->running = false;
	if (connection->held && !connection->error_sent && server->held_count < G_N_ELEMENTS(server->held_fds)) {
		server->held_fds[server->held_count++] = fd;
		fd = -1;
	}
	pthread_mutex_unlock(&server->lock);
	if (fd >= 0)
		close(fd);
	return NULL;
}

static bool
is_trusted(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof peer;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (peer.uid == geteuid() || peer.uid == 0);
}

/* A place whose thread, if it had one, was joined; NULL: all are taken. */
static ControlConnection *
find_place(ControlServer *server)
{
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		ControlConnection *connection = &server->connections[i];
		pthread_mutex_lock(&server->lock);
		bool running = connection->running;
		pthread_mutex_unlock(&server->lock);
		if (running)
			continue;
		if (connection->started)
			pthread_join(connection->thread, NULL);
		connection->started = false;
		return connection;
	}
	return NULL;
}

/* Takes @fd. */
static void
turn_away(int fd)
{
	static const char crowded[] = "error 75 too many commands wait for the running mailtree; try again\n";

	G_STATIC_ASSERT(EX_TEMPFAIL == 75);
	if (send(fd, crowded, strlen(crowded), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		core_log(CORE_LOG_INFO, "main", "control: turned a client away");
	close(fd);
}

/* Takes @fd. */
static void
welcome(ControlServer *server, int fd)
{
	struct timeval timeout = { .tv_sec = CLIENT_TIMEOUT_MS / 1000 };
	ControlConnection *connection;

	if (!is_trusted(fd)) {
		close(fd);
		return;
	}
	connection = find_place(server);
	if (!connection) {
		turn_away(fd);
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
	*connection = (ControlConnection){ .server = server, .fd = fd, .running = true, .started = true };
	if (pthread_create(&connection->thread, NULL, run_connection, connection) != 0) {
		connection->running = connection->started = false;
		turn_away(fd);
	}
}

static void *
run_accept(void *data)
{
	ControlServer *server = data;
	struct pollfd fds[] = {
		{ .fd = server->listen_fd, .events = POLLIN },
		{ .fd = core_cancel_fd(server->stop), .events = POLLIN },
	};

	while (!core_cancel_triggered(server->stop)) {
		if (poll(fds, G_N_ELEMENTS(fds), -1) < 0 || !fds[0].revents)
			continue;
		int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			welcome(server, fd);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			g_usleep(CROWDED_PAUSE_US);
	}
	return NULL;
}

static bool
listen_in(ControlServer *server, const char *dir, GError **error)
{
	struct sockaddr_un address;

	server->dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (server->dir_fd < 0)
		return core_throw_errno(error, "cannot open %s", dir);
	server->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->listen_fd < 0)
		return core_throw_errno(error, "cannot make a socket");
	if (unlinkat(server->dir_fd, CONTROL_NAME, 0) < 0 && errno != ENOENT)
		return core_throw_errno(error, "cannot remove the old %s/" CONTROL_NAME, dir);
	address = control_address(server->dir_fd);
	/* On Linux the mode of the socket before bind() is that of the file, so it is never open to others. */
	if (fchmod(server->listen_fd, 0600) < 0 ||
	    bind(server->listen_fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
	    listen(server->listen_fd, CONTROL_CLIENTS_MAX) < 0)
		return core_throw_errno(error, "cannot listen on %s/" CONTROL_NAME, dir);
	return true;
}

static void
release(ControlServer *server)
{
	if (server->listen_fd >= 0)
		close(server->listen_fd);
	if (server->dir_fd >= 0)
		close(server->dir_fd);
	core_cancel_unref(server->stop);
	pthread_mutex_destroy(&server->lock);
	g_free(server);
}

ControlServer *
control_server_new(const char *dir, const ControlVerb *verbs, size_t count, void *data, GError **error)
{
	ControlServer *server = g_new0(ControlServer, 1);
	int failed;

	*server = (ControlServer){ .dir_fd = -1, .listen_fd = -1, .verbs = verbs, .verb_count = count, .data = data };
	server->stop = core_cancel_new();
	pthread_mutex_init(&server->lock, NULL);
	if (!listen_in(server, dir, error)) {
		release(server);
		return NULL;
	}
	failed = pthread_create(&server->thread, NULL, run_accept, server);
	if (failed) {
		core_throw(error, CORE_ERROR_IO, "cannot start a thread: %s", g_strerror(failed));
		unlinkat(server->dir_fd, CONTROL_NAME, 0);
		release(server);
		return NULL;
	}
	return server;
}

void
control_server_stop(ControlServer *server)
{
	if (server->stopped)
		return;
	server->stopped = true;
	unlinkat(server->dir_fd, CONTROL_NAME, 0);
	core_cancel_trigger(server->stop);
	pthread_join(server->thread, NULL);

	pthread_mutex_lock(&server->lock);
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		if (server->connections[i].running && !server->connections[i].held)
			shutdown(server->connections[i].fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&server->lock);
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		if (server->connections[i].started)
			pthread_join(server->connections[i].thread, NULL);
	}
}

void
control_server_free(ControlServer *server)
{
	if (!server)
		return;
	control_server_stop(server);
	for (size_t i = 0; i < server->held_count; i++) {
		send_all(server->held_fds[i], "done\n", strlen("done\n"));
		close(server->held_fds[i]);
	}
	release(server);
}
