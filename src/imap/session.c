/* A session's life, and what its owner asks of it: see session.h for the contract, session-private.h for the parts. */
#include "imap/session-private.h"

#include "core/clock.h"
#include "imap/refusal.h"
#include "net/deflate.h"
#include "net/tcp.h"

#include <string.h>

#define LOGOUT_TIMEOUT_MS 1000

static void
session_free(ImapSession *session)
{
	imap_pump_forget(session);
	net_stream_free(session->stream);
	imap_parser_free(session->parser);
	imap_trace_free(session->trace);
	imap_secret_clear(&session->secret);
	imap_capabilities_clear(&session->capabilities);
	g_byte_array_unref(session->out);
	g_free(session->in);
	g_free(session->security);
	g_free(session->greeting);
	g_free(session->alert);
	g_free(session->server);
	g_free(session->selected);
	g_clear_error(&session->broken);
	core_cancel_unref(session->cancel);
	g_free(session);
}

ImapSession *
imap_session_open(const ImapConfig *config, ImapPasswordFn password, void *password_data, const ImapSink *sink,
                  void *sink_data, const ImapEager *eager, CoreCancel *cancel, GError **error)
{
	ImapSession *session = g_new0(ImapSession, 1);

	session->config = config;
	session->sink = sink;
	session->sink_data = sink_data;
	session->cancel = cancel ? core_cancel_ref(cancel) : NULL;
	session->state = IMAP_STATE_GREETING;
	session->out = g_byte_array_sized_new(IMAP_OUT_BYTES);
	session->in = g_malloc(IMAP_IN_BYTES);
	session->in_size = IMAP_IN_BYTES;
	session->trace = imap_trace_new(config->account, &session->secret);
	session->next_tag = 1;
	if (!imap_login_run(session, password, password_data, eager, error)) {
		session_free(session);
		return NULL;
	}
	return session;
}

/* Nothing is due but, perhaps, the answer to an IDLE that was ended. */
static bool
is_healthy(ImapSession *session)
{
	const ImapPending *sent = g_queue_peek_head(&session->sent);

	return imap_pump_is_idle(session) ||
	       (session->waiting.length == 0 && session->sent.length == 1 && strcmp(sent->name, "IDLE") == 0);
}

void
imap_session_close(ImapSession *session)
{
	g_auto(ImapReply) reply = { 0 };

	if (!session)
		return;
	if (session->state == IMAP_STATE_READY && is_healthy(session)) {
		session->listener = NULL;
		session->deadline_ms = core_clock_ms() + LOGOUT_TIMEOUT_MS;
		imap_pump_enter(session, IMAP_STATE_CLOSING);
		imap_session_send(session, imap_command_new("LOGOUT"), &reply);
		/* Up to the end: the server closes after its answer, and TLS need say nothing more to one that has. */
		while (session->state != IMAP_STATE_BROKEN)
			imap_pump_step(session, NULL);
		net_stream_set_abrupt(session->stream, !reply.done);
	}
	session_free(session);
}

/* What is known. */

bool
imap_session_has(const ImapSession *session, ImapCapability capability)
{
	return session->capabilities.has[capability];
}

bool
imap_session_enabled(const ImapSession *session, ImapCapability capability)
{
	return session->enabled[capability];
}

bool
imap_session_is_utf8(const ImapSession *session)
{
	return session->enabled[IMAP_CAP_UTF8_ACCEPT] || session->enabled[IMAP_CAP_IMAP4REV2];
}

const char *
imap_session_capabilities(const ImapSession *session)
{
	return session->capabilities.line ? session->capabilities.line : "";
}

uint64_t
imap_session_append_limit(const ImapSession *session)
{
	return session->capabilities.append_limit;
}

unsigned
imap_session_forbidden(const ImapSession *session)
{
	return session->forbidden;
}

const char *
imap_session_security(const ImapSession *session)
{
	return session->security ? session->security : "none";
}

const char *
imap_session_server(const ImapSession *session)
{
	if (session->server)
		return session->server;
	return session->greeting ? session->greeting : "";
}

const char *
imap_session_selected(const ImapSession *session)
{
	return session->selected;
}

bool
imap_session_is_local(const ImapSession *session)
{
	return net_tcp_is_loopback(session->tcp);
}

bool
imap_session_alive(const ImapSession *session)
{
	return session->state == IMAP_STATE_READY;
}

void
imap_session_traffic(const ImapSession *session, uint64_t *in_r, uint64_t *out_r)
{
	*in_r = session->tcp->bytes_in;
	*out_r = session->tcp->bytes_out;
}

/* Commands and their answers. */

void
imap_session_listen(ImapSession *session, ImapResponseFn fn, void *data)
{
	session->listener = fn;
	session->listener_data = data;
}

void
imap_session_set_patience(ImapSession *session, int timeout_ms)
{
	session->patience_ms = timeout_ms;
}

void
imap_session_overhear(ImapSession *session, ImapOverhearFn fn, void *data)
{
	session->overhears = fn;
	session->overhears_data = data;
}

void
imap_reply_clear(ImapReply *reply)
{
	g_free(reply->uids);
	g_free(reply->source_uids);
	g_free(reply->text);
	memset(reply, 0, sizeof *reply);
}

void
imap_reply_free(void *reply)
{
	imap_reply_clear(reply);
	g_free(reply);
}

static CoreErrorCode
refusal_code(const ImapReply *reply)
{
	return imap_refusal_is_busy(reply->code, reply->text) ? CORE_ERROR_BUSY : CORE_ERROR_REFUSED;
}

bool
imap_session_throw_refusal(const ImapSession *session, const ImapReply *reply, const char *command, GError **error)
{
	g_autofree char *words = imap_refusal_words(reply->text);

	return core_throw(error, refusal_code(reply), "%s refused: %s: %s", command, session->config->host, words);
}

bool
imap_reply_check(const ImapReply *reply, const char *command, GError **error)
{
	g_autofree char *words = imap_refusal_words(reply->text);

	return reply->kind == IMAP_RESPONSE_OK ||
	       core_throw(error, refusal_code(reply), "%s refused: %s", command, words);
}

void
imap_session_send(ImapSession *session, ImapCommand *command, ImapReply *reply)
{
	imap_pump_queue(session, command, reply, false);
}

bool
imap_session_wait(ImapSession *session, ImapReply *reply, GError **error)
{
	ImapProgress progress = { 0 };

	while (session->state != IMAP_STATE_BROKEN && !(reply ? reply->done : imap_pump_is_idle(session))) {
		g_return_val_if_fail(!imap_pump_is_idle(session), false); /* @reply was never sent */
		imap_pump_step(session, &progress);
	}
	if (session->state == IMAP_STATE_BROKEN && !(reply && reply->done)) {
		g_propagate_error(error, g_error_copy(session->broken));
		return false;
	}
	return true;
}

static bool
run(ImapSession *session, ImapCommand *command, ImapReply *reply, bool alone, GError **error)
{
	g_auto(ImapReply) own = { 0 };
	g_autofree char *name = imap_command_name(command);

	if (!reply)
		reply = &own;
	imap_pump_queue(session, command, reply, alone);
	if (!imap_session_wait(session, reply, error))
		return false;
	return reply->kind == IMAP_RESPONSE_OK || imap_session_throw_refusal(session, reply, name, error);
}

bool
imap_session_run(ImapSession *session, ImapCommand *command, ImapReply *reply, GError **error)
{
	return run(session, command, reply, false, error);
}

bool
imap_session_run_alone(ImapSession *session, ImapCommand *command, ImapReply *reply, GError **error)
{
	return run(session, command, reply, true, error);
}

bool
imap_session_compress(ImapSession *session, GError **error)
{
	g_auto(ImapReply) reply = { 0 };

	if (session->compressed || session->config->no_compress || !session->capabilities.has[IMAP_CAP_COMPRESS_DEFLATE])
		return imap_session_wait(session, NULL, error);
	if (!imap_session_wait(session, NULL, error))
		return false;

	/* What follows the line end of the answer is compressed, so no byte of it may be read before (RFC 4978). */
	session->in_size = 1;
	imap_pump_queue(session, imap_command_new("COMPRESS DEFLATE"), &reply, true);
	bool answered = imap_session_wait(session, &reply, error);
	session->in_size = IMAP_IN_BYTES;
	if (!answered)
		return false;
	if (reply.kind == IMAP_RESPONSE_OK) {
		session->stream = net_deflate_new(session->stream);
		session->compressed = true;
	}
	return true;
}
