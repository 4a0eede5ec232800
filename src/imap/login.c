/* From the address to a session that is ready: connection, greeting, STARTTLS, login, what the server can do (RFC 9051
 * sections 3, 6.1, 6.2, 7.1; RFC 5161, RFC 2971).
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

static int
connect_timeout_ms(const ImapConfig *config)
{
	return config->connect_timeout_ms > 0 ? config->connect_timeout_ms : CONNECT_TIMEOUT_DEFAULT_MS;
}

/* A server that never stops talking has no more time for a step than one that is silent. */
static void
begin_step(ImapSession *session)
{
	int timeout_ms = session->config->timeout_ms;

	session->deadline_ms = core_clock_ms() + (timeout_ms > 0 ? timeout_ms : STEP_TIMEOUT_DEFAULT_MS);
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
		imap_pump_step(session);
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

/* As large as what went out through it for a login, so nothing of that is left behind. */
static void
wipe_out(ImapSession *session)
{
	g_byte_array_set_size(session->out, IMAP_OUT_BYTES);
	explicit_bzero(session->out->data, IMAP_OUT_BYTES);
	g_byte_array_set_size(session->out, 0);
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

static bool
authenticate(ImapSession *session, ImapPasswordFn password, void *data, GError **error)
{
	g_auto(ImapReply) reply = { 0 };

	if (session->capabilities.told == 0 && !ask(session, "CAPABILITY", NULL, error))
		return false;
	ImapCommand *command = ask_password(session, password, data, error);
	if (!command)
		return false;

	unsigned told_before = session->capabilities.told;
	begin_step(session);
	imap_pump_queue(session, command, &reply, true);
	bool answered = imap_session_wait(session, &reply, error);
	wipe_out(session);
	imap_secret_clear(&session->secret);
	if (!answered || !check_login(session, &reply, error))
		return false;
	if (session->capabilities.told == told_before)
		imap_capabilities_clear(&session->capabilities);
	return true;
}

/* These two tell whether the server is known to take the command.  Its refusal is no error. */

static bool
queue_id(ImapSession *session)
{
	if (!session->capabilities.has[IMAP_CAP_ID])
		return false;
	imap_session_send(session, imap_command_new("ID (\"name\" \"mailtree\" \"version\" \"%s\")", MAILTREE_VERSION), NULL);
	return true;
}

static bool
queue_enable(ImapSession *session)
{
	const bool *has = session->capabilities.has;

	if (!has[IMAP_CAP_ENABLE] || (!has[IMAP_CAP_QRESYNC] && !has[IMAP_CAP_CONDSTORE]))
		return false;
	imap_session_send(session, imap_command_new("ENABLE %s", has[IMAP_CAP_QRESYNC] ? "QRESYNC" : "CONDSTORE"), NULL);
	return true;
}

/* Asks for the capabilities, even if the login told them: iCloud puts other text there.  What the login told is used at
 * once, in the same flight; the rest follows when the answer is here. */
static bool
learn(ImapSession *session, GError **error)
{
	begin_step(session);
	memset(session->enabled, 0, sizeof session->enabled);
	imap_session_send(session, imap_command_new("CAPABILITY"), NULL);
	bool id_sent = queue_id(session), enable_sent = queue_enable(session);
	if (!imap_session_wait(session, NULL, error))
		return false;

	if (!id_sent)
		queue_id(session);
	if (!enable_sent)
		queue_enable(session);
	if (!imap_session_wait(session, NULL, error))
		return false;
	if (session->capabilities.has[IMAP_CAP_IMAP4REV2] && !session->capabilities.has[IMAP_CAP_IMAP4REV1])
		session->enabled[IMAP_CAP_IMAP4REV2] = true;
	return true;
}

bool
imap_login_run(ImapSession *session, ImapPasswordFn password, void *password_data, GError **error)
{
	const ImapConfig *config = session->config;

	if (!connect_tcp(session, error) || (config->tls == IMAP_TLS_IMPLICIT && !start_tls_layer(session, error)) ||
	    !read_greeting(session, error) || (config->tls == IMAP_TLS_STARTTLS && !starttls(session, error)) ||
	    (!session->preauthenticated && !authenticate(session, password, password_data, error)) ||
	    !learn(session, error))
		return false;
	session->deadline_ms = 0;
	imap_pump_new_parser(session, false);
	imap_pump_enter(session, IMAP_STATE_READY);
	return true;
}
