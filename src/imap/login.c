/* From the address to a session that is ready: connection, greeting, STARTTLS, login, what the server can do (RFC 9051
 * sections 3, 6.1, 6.2, 7.1; RFC 5161, RFC 2971).
 *
 * With an ImapEager the login and what follows it are one flight, by what is remembered of the server.
 *
 * Nothing that was said before TLS counts after it.  Of what was said before the end of the login only the capabilities
 * that came with its answer count, until CAPABILITY was asked anew. */
#include "imap/session-private.h"

#include "core/clock.h"
#include "imap/auth.h"
#include "imap/refusal.h"
#include "net/tcp.h"

#include <string.h>

#define CONNECT_TIMEOUT_DEFAULT_MS 30000
#define STEP_TIMEOUT_DEFAULT_MS 60000
#define EAGER_PATIENCE_MS 5000 /* a server that has let us in answers what went with the login */

static int
connect_timeout_ms(const ImapConfig *config)
{
	return config->connect_timeout_ms > 0 ? config->connect_timeout_ms : CONNECT_TIMEOUT_DEFAULT_MS;
}

static int
step_timeout_ms(const ImapConfig *config)
{
	return config->timeout_ms > 0 ? config->timeout_ms : STEP_TIMEOUT_DEFAULT_MS;
}

/* A server that never stops talking has no more time for a step than one that is silent. */
static void
begin_step(ImapSession *session)
{
	session->deadline_ms = core_clock_ms() + step_timeout_ms(session->config);
}

/* Sends one command alone and waits; true whatever the answer is. */
static bool
ask(ImapSession *session, const char *text, ImapReply *reply, GError **error)
{
	begin_step(session);
	imap_pump_queue(session, imap_command_new("%s", text), reply, true);
	return imap_session_wait(session, reply, error);
}

static bool
connect_tcp(ImapSession *session, GError **error)
{
	const ImapConfig *config = session->config;

	session->stream = net_tcp_connect(config->host, config->port, connect_timeout_ms(config), session->cancel, error);
	session->tcp = session->stream;
	if (!session->stream)
		return false;
	return imap_auth_channel_allowed(config->tls, net_tcp_is_loopback(session->stream), config->insecure) ||
	       core_throw(error, CORE_ERROR_UNTRUSTED,
	                  "cannot log in: %s: without TLS only a loopback address is allowed (or insecure = yes)",
	                  config->host);
}

static bool
start_tls_layer(ImapSession *session, GError **error)
{
	const ImapConfig *config = session->config;
	NetTlsConfig tls = {
		.ca_file = config->tls_ca,
		.pin = config->tls_pin,
		.cert_file = config->tls_cert,
		.key_file = config->tls_key,
	};

	session->stream = net_tls_new(session->stream, &tls, config->host, connect_timeout_ms(config), error);
	if (!session->stream) {
		session->tcp = NULL;
		return false;
	}
	session->security = g_strdup(net_tls_describe(session->stream));
	return true;
}

static bool
read_greeting(ImapSession *session, GError **error)
{
	session->deadline_ms = core_clock_ms() + connect_timeout_ms(session->config);
	imap_pump_new_parser(session, true);
	while (session->state == IMAP_STATE_GREETING)
		imap_pump_step(session, NULL);
	if (session->state == IMAP_STATE_BROKEN)
		g_propagate_error(error, g_error_copy(session->broken));
	return session->state != IMAP_STATE_BROKEN;
}

static bool
untrusted(const ImapSession *session, const char *why, GError **error)
{
	return core_throw(error, CORE_ERROR_UNTRUSTED, "no TLS: %s: %s", session->config->host, why);
}

static bool
starttls(ImapSession *session, GError **error)
{
	g_auto(ImapReply) reply = { 0 };

	if (session->preauthenticated)
		return untrusted(session, "the server let us in before STARTTLS (PREAUTH)", error);
	if (session->capabilities.told == 0 && !ask(session, "CAPABILITY", NULL, error))
		return false;
	if (!session->capabilities.has[IMAP_CAP_STARTTLS])
		return untrusted(session, "the server does not offer STARTTLS", error);
	if (!ask(session, "STARTTLS", &reply, error))
		return false;
	if (reply.kind != IMAP_RESPONSE_OK) {
		g_autofree char *words = imap_refusal_words(reply.text);
		g_autofree char *why = g_strconcat("the server refused STARTTLS: ", words, NULL);
		return untrusted(session, why, error);
	}
	/* What stands behind the answer was put there by somebody who could not have waited for the handshake. */
	if (session->in_at < session->in_end)
		return untrusted(session, "somebody put data behind the answer to STARTTLS", error);

	imap_capabilities_clear(&session->capabilities);
	session->capabilities.told = 0;
	g_clear_pointer(&session->greeting, g_free);
	g_clear_pointer(&session->server, g_free);
	imap_pump_new_parser(session, true);
	return start_tls_layer(session, error);
}

/* As large as what went out through it for a login, so nothing of that is left behind; what is still to go out
 * stays. */
static void
wipe_out(ImapSession *session)
{
	GByteArray *out = session->out;
	guint length = out->len;
	uint8_t *unsent = g_memdup2(out->data, length);

	g_byte_array_set_size(out, MAX(length, IMAP_OUT_BYTES));
	explicit_bzero(out->data, out->len);
	g_byte_array_set_size(out, 0);
	if (unsent) {
		g_byte_array_append(out, unsent, length);
		explicit_bzero(unsent, length);
		g_free(unsent);
	}
}

static bool
check_login(const ImapSession *session, const ImapReply *reply, GError **error)
{
	g_autofree char *words = imap_refusal_words(reply->text);

	if (reply->kind == IMAP_RESPONSE_OK)
		return true;
	return core_throw(error, imap_refusal_is_busy(reply->code, reply->text) ? CORE_ERROR_BUSY : CORE_ERROR_LOGIN,
	                  "cannot log in as %s: %s: %s", session->config->user, session->config->host, words);
}

static ImapCommand *
ask_password(ImapSession *session, ImapPasswordFn password, void *data, GError **error)
{
	char *secret = password(data, error);
	ImapCommand *command = NULL;

	if (secret) {
		imap_secret_set(&session->secret, session->config->user, secret);
		command = imap_auth_command(session->config, &session->capabilities, secret, error);
		explicit_bzero(secret, strlen(secret));
		g_free(secret);
	}
	return command;
}

/* What is asked once the login is through, or together with it. */
typedef struct {
	bool asked, id_asked, eagerly;
	ImapCapability enabling; /* IMAP_CAP_COUNT: nothing */
	ImapReply capability, id, enable;
} Learning;

static void
ask_id(ImapSession *session, Learning *learning)
{
	if (learning->id_asked || !session->capabilities.has[IMAP_CAP_ID])
		return;
	learning->id_asked = true;
	imap_session_send(session, imap_command_new("ID (\"name\" \"mailtree\" \"version\" \"%s\")", MAILTREE_VERSION),
	                  &learning->id);
}

static void
ask_enable(ImapSession *session, Learning *learning)
{
	const bool *has = session->capabilities.has;
	ImapCapability best = has[IMAP_CAP_QRESYNC]    ? IMAP_CAP_QRESYNC
	                      : has[IMAP_CAP_CONDSTORE] ? IMAP_CAP_CONDSTORE
	                                                : IMAP_CAP_COUNT;

	if (!has[IMAP_CAP_ENABLE] || best == IMAP_CAP_COUNT || best == learning->enabling)
		return;
	learning->enabling = best;
	imap_session_send(session, imap_command_new("ENABLE %s", best == IMAP_CAP_QRESYNC ? "QRESYNC" : "CONDSTORE"),
	                  &learning->enable);
}

/* ID and ENABLE, if the server is known to take them.  Their refusal is no error. */
static void
ask_all(ImapSession *session, Learning *learning)
{
	learning->asked = true;
	imap_session_send(session, imap_command_new("CAPABILITY"), &learning->capability);
	ask_id(session, learning);
	ask_enable(session, learning);
}

static bool
await_all(ImapSession *session, Learning *learning, GError **error)
{
	begin_step(session);
	return imap_session_wait(session, &learning->capability, error) &&
	       (!learning->id_asked || imap_session_wait(session, &learning->id, error)) &&
	       (learning->enabling == IMAP_CAP_COUNT || imap_session_wait(session, &learning->enable, error));
}

static void
clear_learning(Learning *learning)
{
	imap_reply_clear(&learning->capability);
	imap_reply_clear(&learning->id);
	imap_reply_clear(&learning->enable);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Learning, clear_learning)

static void
note_rev2(ImapSession *session)
{
	if (session->capabilities.has[IMAP_CAP_IMAP4REV2] && !session->capabilities.has[IMAP_CAP_IMAP4REV1])
		session->enabled[IMAP_CAP_IMAP4REV2] = true;
}

/* Queues what goes with the login, by what is remembered. */
static void
ask_eagerly(ImapSession *session, const ImapEager *eager, Learning *learning)
{
	g_auto(GStrv) remembered = g_strsplit(eager->remembered, " ", -1);
	const ImapWords words = { .items = (const char *const *)remembered, .count = g_strv_length(remembered) };
	ImapCapabilities said = session->capabilities;

	session->capabilities = (ImapCapabilities){ 0 };
	imap_capabilities_set(&session->capabilities, &words);
	ask_all(session, learning);
	session->enabled[IMAP_CAP_QRESYNC] = learning->enabling == IMAP_CAP_QRESYNC;
	session->enabled[IMAP_CAP_CONDSTORE] = learning->enabling != IMAP_CAP_COUNT;
	note_rev2(session);
	learning->eagerly = true;
	eager->behind_login(session, eager->data);

	imap_capabilities_clear(&session->capabilities);
	session->capabilities = said;
}

/* What comes before the OK is no answer to what was asked behind it. */
static bool
await_login(ImapSession *session, ImapReply *reply, GError **error)
{
	ImapResponseFn listener = session->listener;

	session->listener = NULL;
	begin_step(session);
	bool answered = imap_session_wait(session, reply, error);
	session->listener = listener;
	wipe_out(session);
	imap_secret_clear(&session->secret);
	return answered && check_login(session, reply, error);
}

/* Cyrus (3.6) drops what it has read behind a login, or answers it twice, now and then.  Nothing else is known to offer
 * ANNOTATE-EXPERIMENT-1. */
static bool
is_cyrus(const char *remembered)
{
	return strstr(remembered, "ANNOTATE-EXPERIMENT-1") != NULL;
}

static bool
authenticate(ImapSession *session, ImapPasswordFn password, void *data, const ImapEager *eager, Learning *learning,
             GError **error)
{
	g_auto(ImapReply) reply = { 0 };

	if (session->capabilities.told == 0 && !ask(session, "CAPABILITY", NULL, error))
		return false;
	bool eagerly = eager && eager->remembered && *eager->remembered && !is_cyrus(eager->remembered);
	ImapCommand *command = ask_password(session, password, data, error);
	if (!command)
		return false;

	eagerly = eagerly && !imap_pump_waits(session, command);
	unsigned told_before = session->capabilities.told;
	imap_pump_queue(session, command, &reply, !eagerly);
	if (eagerly)
		ask_eagerly(session, eager, learning);
	if (!await_login(session, &reply, error))
		return false;
	if (session->capabilities.told == told_before)
		imap_capabilities_clear(&session->capabilities);
	if (eagerly) /* answers to what was asked may follow, of any size */
		imap_pump_new_parser(session, false);
	return true;
}

/* The first answer to what went with the login. */
static bool
await_first(ImapSession *session, const ImapEager *eager, Learning *learning, GError **error)
{
	session->deadline_ms = core_clock_ms() + MIN(EAGER_PATIENCE_MS, step_timeout_ms(session->config));
	if (imap_session_wait(session, &learning->capability, error))
		return true;
	if (eager->forgotten)
		*eager->forgotten = core_clock_ms() >= session->deadline_ms ||
		                    core_error_code(session->broken) == CORE_ERROR_PROTOCOL;
	return false;
}

/* Asks for the capabilities, even if the login told them: iCloud puts other text there.  What the login told is used at
 * once, in the same flight; the rest follows when the answer is here. */
static bool
learn(ImapSession *session, const ImapEager *eager, Learning *learning, GError **error)
{
	memset(session->enabled, 0, sizeof session->enabled);
	if (!learning->asked)
		ask_all(session, learning);
	if (learning->eagerly && !await_first(session, eager, learning, error))
		return false;
	if (!await_all(session, learning, error))
		return false;
	ask_id(session, learning);
	ask_enable(session, learning);
	if (!await_all(session, learning, error))
		return false;
	note_rev2(session);
	return true;
}

bool
imap_login_run(ImapSession *session, ImapPasswordFn password, void *password_data, const ImapEager *eager,
               GError **error)
{
	const ImapConfig *config = session->config;
	g_auto(Learning) learning = { .enabling = IMAP_CAP_COUNT };

	if (!connect_tcp(session, error) || (config->tls == IMAP_TLS_IMPLICIT && !start_tls_layer(session, error)) ||
	    !read_greeting(session, error) || (config->tls == IMAP_TLS_STARTTLS && !starttls(session, error)) ||
	    (!session->preauthenticated && !authenticate(session, password, password_data, eager, &learning, error)) ||
	    !learn(session, eager, &learning, error))
		return false;
	session->deadline_ms = 0;
	if (!learning.eagerly)
		imap_pump_new_parser(session, false);
	imap_pump_enter(session, IMAP_STATE_READY);
	/* What was not answered is looked for on the next connection: it must not come after that (docs/sync.md). */
	net_stream_set_abrupt(session->stream, true);
	if (eager && !learning.eagerly)
		eager->behind_login(session, eager->data);
	return true;
}
