/* The client's side of control.h. */
#include "control.h"

#include "control-address.h"
#include "core/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sysexits.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_S 10

struct ControlClient {
	int fd;
	size_t length; /* of what waits in the buffer */
	char buffer[CONTROL_LINE_MAX];
};

/* What became of the answer so far. */
typedef struct {
	ControlLineFn line;
	void *data;
	bool done;
	GError *error; /* the first */
} Answer;

ControlClient *
control_client_new(const char *dir, GError **error)
{
	struct timeval timeout = { .tv_sec = CONNECT_TIMEOUT_S };
	struct sockaddr_un address;
	int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), fd, failed;

	if (dir_fd < 0) {
		core_throw(error, errno == ENOENT ? CORE_ERROR_NOT_FOUND : CORE_ERROR_IO, "cannot open %s: %s", dir,
		           g_strerror(errno));
		return NULL;
	}
	address = control_address(dir_fd);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout); /* connect() waits for a place in the queue */
	failed = fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) < 0 ? errno : 0;
	close(dir_fd);
	if (failed) {
		core_throw(error, failed == ENOENT || failed == ECONNREFUSED ? CORE_ERROR_NOT_FOUND : CORE_ERROR_IO,
		           "cannot connect to %s/" CONTROL_NAME ": %s", dir, g_strerror(failed));
		if (fd >= 0)
			close(fd);
		return NULL;
	}

	ControlClient *client = g_new0(ControlClient, 1);
	client->fd = fd;
	return client;
}

void
control_client_free(ControlClient *client)
{
	if (client) {
		close(client->fd);
		g_free(client);
	}
}

/* An error with the exit status that the owner told. */
static CoreErrorCode
code_of(long status)
{
	switch (status) {
	case EX_USAGE:
		return CORE_ERROR_USAGE;
	case EX_CONFIG:
		return CORE_ERROR_CONFIG;
	case EX_UNAVAILABLE:
		return CORE_ERROR_UNREACHABLE;
	case EX_NOPERM:
		return CORE_ERROR_LOGIN;
	case EX_PROTOCOL:
		return CORE_ERROR_PROTOCOL;
	case EX_TEMPFAIL:
		return CORE_ERROR_BUSY;
	default:
		return CORE_ERROR_IO;
	}
}

static void
tell(const Answer *answer, ControlKind kind, const char *words)
{
	if (answer->line)
		answer->line(kind, words, answer->data);
}

/* @line: one without its end.  What we do not know is from a newer owner, and is skipped. */
static void
take_line(Answer *answer, const char *line)
{
	if (g_str_has_prefix(line, "progress ")) {
		tell(answer, CONTROL_PROGRESS, line + strlen("progress "));
	} else if (g_str_equal(line, "text") || g_str_has_prefix(line, "text ")) {
		tell(answer, CONTROL_TEXT, line[4] ? line + strlen("text ") : "");
	} else if (g_str_has_prefix(line, "error ")) {
		char *words;
		long status = strtol(line + strlen("error "), &words, 10);
		words += *words == ' ';
		tell(answer, CONTROL_ERROR, words);
		if (!answer->error)
			core_throw(&answer->error, code_of(status), "%s", words);
	} else if (g_str_equal(line, "done")) {
		answer->done = true;
	}
}

static bool
take_buffer(ControlClient *client, Answer *answer, GError **error)
{
	char *start = client->buffer, *end;
	size_t left = client->length;

	while ((end = memchr(start, '\n', left)) != NULL) {
		*end = '\0';
		if (!g_utf8_validate(start, end - start, NULL))
			return core_throw(error, CORE_ERROR_IO, "the running mailtree answered with what is no text");
		take_line(answer, start);
		left -= (size_t)(end + 1 - start);
		start = end + 1;
	}
	memmove(client->buffer, start, left);
	client->length = left;
	return left < sizeof client->buffer ||
	       core_throw(error, CORE_ERROR_IO, "the running mailtree answered with an endless line");
}

/* True at the end of the answer. */
static bool
read_answer(ControlClient *client, Answer *answer, int timeout_ms, int stop_fd, GError **error)
{
	int64_t deadline = core_clock_ms() + timeout_ms;

	for (;;) {
		struct pollfd fds[] = { { .fd = client->fd, .events = POLLIN }, { .fd = stop_fd, .events = POLLIN } };
		int64_t left = deadline - core_clock_ms();

		if (left <= 0)
			return core_throw(error, CORE_ERROR_IO, "the running mailtree does not answer");
		if (poll(fds, G_N_ELEMENTS(fds), (int)left) < 0)
			continue;
		if (fds[1].revents)
			return core_throw(error, CORE_ERROR_CANCELLED, "stopped waiting");
		if (!fds[0].revents)
			continue;
		ssize_t n = recv(client->fd, client->buffer + client->length, sizeof client->buffer - client->length, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return true; /* the owner that was killed has closed as well */
		client->length += (size_t)n;
		if (!take_buffer(client, answer, error))
			return false;
		deadline = core_clock_ms() + timeout_ms;
	}
}

static bool
send_request(ControlClient *client, const char *request)
{
	size_t length = strlen(request), sent = 0;

	while (sent < length) {
		ssize_t n = send(client->fd, request + sent, length - sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		sent += (size_t)n;
	}
	return true;
}

bool
control_client_call(ControlClient *client, const char *verb, const char *argument, ControlLineFn line, void *data,
                    int timeout_ms, int stop_fd, GError **error)
{
	g_autofree char *request = g_strdup_printf("%s%s%s\n", verb, argument ? " " : "", argument ? argument : "");
	Answer answer = { .line = line, .data = data };

	if (strlen(request) > CONTROL_LINE_MAX)
		return core_throw(error, CORE_ERROR_USAGE, "too many words at once; give them in several commands (xargs does)");
	send_request(client, request); /* when that fails the answer may still say why */
	if (!read_answer(client, &answer, timeout_ms, stop_fd, error)) {
		g_clear_error(&answer.error);
		return false;
	}
	if (answer.error) {
		g_propagate_error(error, answer.error);
		return false;
	}
	return answer.done ||
	       core_throw(error, CORE_ERROR_LOCKED, "the mailtree that owned the store ended before it answered; try again");
}
