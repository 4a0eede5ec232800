/* A server that plays a script to one client, on a thread of its own and a free loopback port: what the client must say,
 * byte for byte, and what is answered.  The session's tags are m1, m2, …, so scripts can spell them out.
 *
 * When the script is over, the client may still say LOGOUT; anything else that it says is a failure.  script_finish()
 * asserts that all was said as written. */
#pragma once

#include "core/step.h"
#include "imap/session.h"
#include "net/deflate.h"
#include "net/stream.h"
#include "net/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct Script Script;

typedef struct {
	enum {
		STEP_CLIENT,  /* the client says this and, for now, nothing more */
		STEP_BEGIN,   /* the client says this, and perhaps more */
		STEP_SERVER,  /* the server says this */
		STEP_FLOOD,   /* the server says this again and again until the client hangs up */
		STEP_SILENCE, /* the server waits until the client hangs up */
		STEP_HANGUP,
		STEP_DEFLATE,
		STEP_CANCEL,  /* the client's CoreCancel is triggered */
		STEP_CALL,    /* on the server's thread */
	} kind;
	const char *text;
	size_t length;
	void (*call)(Script *script);
} Step;

#define C(text) { STEP_CLIENT, text, sizeof(text) - 1 }
#define B(text) { STEP_BEGIN, text, sizeof(text) - 1 }
#define S(text) { STEP_SERVER, text, sizeof(text) - 1 }
#define FLOOD(text) { STEP_FLOOD, text, sizeof(text) - 1 }
#define SILENCE { .kind = STEP_SILENCE }
#define HANGUP { .kind = STEP_HANGUP }
#define DEFLATE { .kind = STEP_DEFLATE }
#define CANCEL { .kind = STEP_CANCEL }
#define CORK { .kind = STEP_CALL, .call = script_cork } /* what the server says is kept, */
#define UNCORK { .kind = STEP_CALL, .call = script_uncork } /* until here, and then sent at once */
#define WAKE { .kind = STEP_CALL, .call = script_wake } /* Script.wake becomes readable */
#define OPEN_GATE { .kind = STEP_CALL, .call = script_open_gate } /* the test may pass sem_wait(&script.gate) */
#define AWAIT_GATE { .kind = STEP_CALL, .call = script_await_gate } /* until the test calls sem_post(&script.gate) */

/* The shortest way to a session that is ready, with these capabilities; the next tag is m2. */
#define READY(capabilities) \
	S("* PREAUTH hello\r\n"), C("m1 CAPABILITY\r\n"), S("* CAPABILITY IMAP4rev1 " capabilities "\r\nm1 OK done\r\n")

#define SCRIPT_PATIENCE_MS 20000

struct Script {
	const Step *steps;
	size_t count;
	pthread_t thread;
	int listener;
	CoreCancel *cancel;

	ImapConfig config; /* for the client; a test may change it before script_open() */
	const ImapSink *sink;
	void *sink_data;
	const ImapEager *eager;
	const char *password;
	unsigned asked; /* how often for the password */
	int wake;
	sem_t gate;

	NetStream *stream; /* the thread's, until it is joined */
	GByteArray *heard; /* what came and was not yet expected */
	bool client_gone;
	char *failure;
};

static char script_account[] = "test", script_host[] = "127.0.0.1", script_user[] = "alice";

/* False at the end of the connection. */
static bool
script_read(Script *script)
{
	uint8_t buffer[4096];
	size_t n = 0;
	NetResult result = net_stream_pump(script->stream, NULL, buffer, sizeof buffer, &n, SCRIPT_PATIENCE_MS, NULL);

	if (result == NET_DONE)
		g_byte_array_append(script->heard, buffer, (guint)n);
	else
		script->client_gone = true;
	return result == NET_DONE;
}

static bool
script_write(Script *script, const char *text, size_t length)
{
	g_autoptr(GByteArray) out = g_byte_array_new();
	NetResult result = NET_DONE;

	g_byte_array_append(out, (const guint8 *)text, (guint)length);
	while (out->len > 0 && result == NET_DONE)
		result = net_stream_pump(script->stream, out, NULL, 0, NULL, SCRIPT_PATIENCE_MS, NULL);
	return result == NET_DONE;
}

static void
script_fail(Script *script, const Step *step)
{
	g_autofree char *heard = g_strescape(script->heard->len ? (const char *)script->heard->data : "", NULL);
	g_autofree char *wanted = g_strescape(step ? step->text : "(the end)", NULL);

	script->failure = g_strdup_printf("step %td: wanted \"%s\", heard \"%.*s\"%s", step ? step - script->steps : -1, wanted,
	                                  (int)MIN(script->heard->len * 4, 2000), heard, script->client_gone ? " and EOF" : "");
}

/* How often the client's session began to write something new, since the last call.  To be called by its thread only. */
static unsigned script_writes;

static inline void
script_count_write(const char *step)
{
	script_writes++;
}

static inline unsigned
script_flights(void)
{
	unsigned count = script_writes;

	core_step_hook = script_count_write;
	script_writes = 0;
	return count;
}

static bool
script_hear_beginning(Script *script, const Step *step)
{
	while (script->heard->len < step->length) {
		if (!script_read(script))
			return false;
	}
	if (memcmp(script->heard->data, step->text, step->length) != 0)
		return false;
	g_byte_array_remove_range(script->heard, 0, (guint)step->length);
	return true;
}

static bool
script_hear(Script *script, const Step *step)
{
	while (script->heard->len < step->length &&
	       memcmp(script->heard->data ? script->heard->data : (const guint8 *)"", step->text, script->heard->len) == 0) {
		if (!script_read(script))
			return false;
	}
	if (script->heard->len != step->length || memcmp(script->heard->data, step->text, step->length) != 0)
		return false;
	g_byte_array_set_size(script->heard, 0);
	return true;
}

static inline void
script_set_cork(const Script *script, int on)
{
	g_assert_cmpint(setsockopt(script->stream->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on), ==, 0);
}

static inline void
script_cork(Script *script)
{
	script_set_cork(script, 1);
}

static inline void
script_uncork(Script *script)
{
	script_set_cork(script, 0);
}

static inline void
script_wake(Script *script)
{
	g_assert_cmpint(eventfd_write(script->wake, 1), ==, 0);
}

static inline void
script_open_gate(Script *script)
{
	sem_post(&script->gate);
}

static inline void
script_await_gate(Script *script)
{
	while (sem_wait(&script->gate) < 0)
		g_assert_cmpint(errno, ==, EINTR);
}

static bool
script_heard_logout(const Script *script)
{
	return script->heard->len > 0 && g_strstr_len((const char *)script->heard->data, script->heard->len, " LOGOUT\r\n");
}

static bool
script_play(Script *script, const Step *step)
{
	switch (step->kind) {
	case STEP_CLIENT:
		return script_hear(script, step);
	case STEP_BEGIN:
		return script_hear_beginning(script, step);
	case STEP_SERVER:
		return script_write(script, step->text, step->length);
	case STEP_FLOOD:
		while (script_write(script, step->text, step->length))
			;
		script->client_gone = true;
		return true;
	case STEP_SILENCE:
		return !script_read(script);
	case STEP_HANGUP:
		shutdown(script->stream->fd, SHUT_RDWR);
		script->client_gone = true;
		return true;
	case STEP_DEFLATE:
		script->stream = net_deflate_new(script->stream);
		return true;
	case STEP_CANCEL:
		core_cancel_trigger(script->cancel);
		return true;
	case STEP_CALL:
		step->call(script);
		return true;
	}
	return false;
}

static void *
script_run(void *data)
{
	Script *script = data;
	int fd = accept(script->listener, NULL, NULL);

	g_assert_cmpint(fd, >=, 0);
	script->stream = net_tcp_new_from_fd(fd, NULL);
	for (size_t i = 0; i < script->count && !script->failure; i++) {
		if (!script_play(script, &script->steps[i]))
			script_fail(script, &script->steps[i]);
	}
	while (!script->failure && !script->client_gone && !script_heard_logout(script))
		script_read(script);
	if (!script->failure && script->heard->len > 0 && !script_heard_logout(script))
		script_fail(script, NULL);
	g_clear_pointer(&script->stream, net_stream_free);
	return NULL;
}

static void
script_start(Script *script, const Step *steps, size_t count)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof address;

	*script = (Script){ .steps = steps, .count = count, .password = "s3cret", .heard = g_byte_array_new() };
	script->cancel = core_cancel_new();
	script->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	g_assert_cmpint(script->wake, >=, 0);
	g_assert_cmpint(sem_init(&script->gate, 0, 0), ==, 0);
	script->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_assert_cmpint(script->listener, >=, 0);
	g_assert_cmpint(bind(script->listener, (struct sockaddr *)&address, sizeof address), ==, 0);
	g_assert_cmpint(listen(script->listener, 1), ==, 0);
	g_assert_cmpint(getsockname(script->listener, (struct sockaddr *)&address, &length), ==, 0);
	script->config = (ImapConfig){
		.account = script_account,
		.host = script_host,
		.port = ntohs(address.sin_port),
		.tls = IMAP_TLS_NONE,
		.user = script_user,
		.timeout_ms = SCRIPT_PATIENCE_MS,
	};
	g_assert_cmpint(pthread_create(&script->thread, NULL, script_run, script), ==, 0);
}

#define SCRIPT(script, ...) \
	static const Step script##_steps[] = { __VA_ARGS__ }; \
	Script script; \
	script_start(&script, script##_steps, G_N_ELEMENTS(script##_steps))

static char *
script_password(void *data, GError **error)
{
	Script *script = data;

	script->asked++;
	if (!script->password)
		core_throw(error, CORE_ERROR_LOGIN, "there is no password");
	return g_strdup(script->password);
}

static ImapSession *
script_open(Script *script, GError **error)
{
	return imap_session_open(&script->config, script_password, script, script->sink, script->sink_data, script->eager,
	                         script->cancel, error);
}

/* Closes the session (may be NULL), waits for the server, and asserts that the script was followed. */
static void
script_finish(Script *script, ImapSession *session)
{
	imap_session_close(session);
	pthread_join(script->thread, NULL);
	close(script->listener);
	close(script->wake);
	sem_destroy(&script->gate);
	core_cancel_unref(script->cancel);
	g_byte_array_unref(script->heard);
	g_assert_cmpstr(script->failure, ==, NULL);
}

/* Opening fails with this code, and each of the words is in the message. */
static inline void
script_assert_open_fails(Script *script, CoreErrorCode code, const char *words)
{
	g_autoptr(GError) error = NULL;
	ImapSession *session = script_open(script, &error);

	g_assert_null(session);
	g_assert_error(error, CORE_ERROR, (int)code);
	g_assert_nonnull(strstr(error->message, "127.0.0.1"));
	if (!strstr(error->message, words))
		g_error("\"%s\" is not in \"%s\"", words, error->message);
	script_finish(script, NULL);
}

static inline ImapSession *
script_assert_opens(Script *script)
{
	GError *error = NULL;
	ImapSession *session = script_open(script, &error);

	g_assert_no_error(error);
	g_assert_true(imap_session_alive(session));
	return session;
}
