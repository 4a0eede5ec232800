/* Commands out, bytes in: the queue and the wire (RFC 9051 sections 2.2.1, 4.3 and 5.5). */
#include "imap/session-private.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/step.h"

#include <string.h>

#define TIMEOUT_DEFAULT_MS 60000
#define PROGRESS_BYTES (16 * 1024) /* less is as good as nothing */

static const ImapLimits careful_limits = {
	.line_bytes = 64 * 1024,
	.literal_bytes = 16 * 1024,
	.body_bytes = 16 * 1024,
	.nesting = 8,
	.nodes = 4096,
};

void
imap_pump_enter(ImapSession *session, ImapState state)
{
	static const char *const names[] = { "greeting", "opening", "ready", "closing", "broken" };

	core_log(CORE_LOG_TRACE, "imap", "%s: %s -> %s", session->config->account, names[session->state], names[state]);
	session->state = state;
}

void
imap_pump_fail(ImapSession *session, GError *error)
{
	if (session->state == IMAP_STATE_BROKEN) {
		g_error_free(error);
		return;
	}
	session->broken = error;
	imap_pump_enter(session, IMAP_STATE_BROKEN);
}

void
imap_pump_throw(ImapSession *session, CoreErrorCode code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	imap_pump_fail(session, g_error_new_valist(CORE_ERROR, code, format, args));
	va_end(args);
}

/* Commands. */

void
imap_pending_free(ImapPending *pending)
{
	if (!pending)
		return;
	imap_command_free(pending->command);
	g_free(pending->name);
	g_free(pending);
}

ImapPending *
imap_pump_queue(ImapSession *session, ImapCommand *command, ImapReply *reply, bool alone)
{
	ImapPending *pending = g_new0(ImapPending, 1);

	g_snprintf(pending->tag, sizeof pending->tag, "m%u", session->next_tag++);
	pending->name = imap_command_name(command);
	pending->command = command;
	pending->reply = reply;
	pending->alone = alone;
	if (reply)
		imap_reply_clear(reply);
	g_queue_push_tail(&session->waiting, pending);
	return pending;
}

void
imap_pump_forget(ImapSession *session)
{
	g_queue_clear_full(&session->waiting, (GDestroyNotify)imap_pending_free);
	g_queue_clear_full(&session->sent, (GDestroyNotify)imap_pending_free);
	session->wants_continue = session->streaming = false;
}

bool
imap_pump_is_idle(const ImapSession *session)
{
	return session->waiting.length == 0 && session->sent.length == 0;
}

static ImapLiteralMode
literal_mode(const ImapSession *session)
{
	if (session->capabilities.has[IMAP_CAP_LITERAL_PLUS])
		return IMAP_LITERAL_PLUS;
	return session->capabilities.has[IMAP_CAP_LITERAL_MINUS] ? IMAP_LITERAL_MINUS : IMAP_LITERAL_SYNC;
}

void
imap_pump_put(ImapSession *session, const char *bytes)
{
	g_byte_array_append(session->out, (const guint8 *)bytes, (guint)strlen(bytes));
	session->out_is_new = true;
}

bool
imap_pump_waits(const ImapSession *session, const ImapCommand *command)
{
	return imap_command_waits(command, literal_mode(session));
}

/* What became of the first waiting command by its last piece. */
static void
advance(ImapSession *session, ImapPending *pending, ImapEncodeResult result)
{
	session->streaming = result == IMAP_ENCODE_MORE;
	session->wants_continue = result == IMAP_ENCODE_WAIT && !pending->answered;
	if (session->streaming || session->wants_continue)
		return;
	g_queue_pop_head(&session->waiting);
	if (pending->answered) {
		imap_pending_free(pending);
		return;
	}
	g_clear_pointer(&pending->command, imap_command_free);
	g_queue_push_tail(&session->sent, pending);
}

/* Puts the next piece of the first waiting command on the wire. */
static void
encode_first(ImapSession *session, bool begins)
{
	ImapPending *pending = g_queue_peek_head(&session->waiting);
	g_autoptr(GString) shown = imap_trace_on() ? g_string_new(NULL) : NULL;
	GError *error = NULL;

	if (begins) {
		g_autofree char *start = g_strconcat(pending->tag, " ", NULL);
		imap_pump_put(session, start);
		if (shown)
			g_string_append(shown, start);
	}
	ImapEncodeResult result =
		imap_command_encode(pending->command, literal_mode(session), session->out, shown, &error);
	session->out_is_new = true;
	if (shown && shown->len > 0)
		imap_trace_sent(session->trace, shown->str);
	if (result == IMAP_ENCODE_FAILED)
		imap_pump_fail(session, error);
	else
		advance(session, pending, result);
}

static bool
may_begin(ImapSession *session)
{
	const ImapPending *next = g_queue_peek_head(&session->waiting);
	const ImapPending *before = g_queue_peek_tail(&session->sent);
	/* A buffer that grows would leave a copy of the password behind. */
	guint full = imap_secret_is_set(&session->secret) ? IMAP_OUT_BYTES / 2 : IMAP_OUT_BYTES;

	if (!next || session->wants_continue || session->streaming || session->out->len >= full)
		return false;
	if (!before)
		return true;
	return !before->alone && !next->alone && session->sent.length < IMAP_IN_FLIGHT_MAX;
}

static void
fill(ImapSession *session)
{
	while (session->state != IMAP_STATE_BROKEN) {
		if (may_begin(session))
			encode_first(session, true);
		else if (session->streaming && session->out->len <= IMAP_OUT_BYTES / 2)
			encode_first(session, false);
		else
			return;
	}
}

void
imap_pump_continue(ImapSession *session)
{
	session->idling = false;
	encode_first(session, false);
}

ImapPending *
imap_pump_take_pending(ImapSession *session, const char *tag)
{
	ImapPending *first = g_queue_peek_head(&session->waiting);
	bool begun = (session->wants_continue || session->streaming) && strcmp(first->tag, tag) == 0;

	for (GList *link = session->sent.head; link; link = link->next) {
		ImapPending *pending = link->data;
		if (strcmp(pending->tag, tag) == 0) {
			g_queue_delete_link(&session->sent, link);
			return pending;
		}
	}
	if (begun && session->streaming && !first->answered) {
		/* Refused while a literal goes out that did not wait: the server counts its bytes (RFC 7888 section 4). */
		ImapPending *taken = g_memdup2(first, sizeof *first);
		taken->command = NULL;
		taken->name = g_strdup(first->name);
		first->reply = NULL;
		first->answered = true;
		return taken;
	}
	if (begun && session->wants_continue) { /* refused: its rest is not sent */
		session->wants_continue = session->idling = false;
		return g_queue_pop_head(&session->waiting);
	}
	return NULL;
}

/* Bytes. */

void
imap_pump_new_parser(ImapSession *session, bool careful)
{
	imap_parser_free(session->parser);
	session->parser = imap_parser_new(careful ? &careful_limits : NULL, careful ? NULL : session->sink,
	                                  session->sink_data);
}

/* Something that was asked for.  The rest may be said to no purpose, for ever. */
static bool
tells(const ImapResponse *response)
{
	return response->kind == IMAP_RESPONSE_FETCH || response->kind == IMAP_RESPONSE_VANISHED ||
	       response->kind == IMAP_RESPONSE_EXPUNGE || response->kind == IMAP_RESPONSE_SEARCH ||
	       response->kind == IMAP_RESPONSE_LIST || response->kind == IMAP_RESPONSE_STATUS;
}

static void
parse(ImapSession *session)
{
	ImapResponse response;
	GError *error = NULL;
	const uint8_t *bytes = session->in + session->in_at;
	size_t used = 0;
	size_t length = session->in_end - session->in_at;
	ImapParseResult result = imap_parser_next(session->parser, bytes, length, &used, &response, &error);

	imap_trace_received(session->trace, bytes, used, result != IMAP_PARSE_MORE);
	session->in_at += used;
	session->response_bytes += used;
	if (result == IMAP_PARSE_RESPONSE) {
		session->told_bytes += tells(&response) ? session->response_bytes : 0;
		session->response_bytes = 0;
		imap_answer_take(session, &response);
	} else if (result == IMAP_PARSE_FAILED) {
		if (core_error_code(error) == CORE_ERROR_PROTOCOL)
			core_prefix(&error, "nonsense from the server: %s: ", session->config->host);
		imap_pump_fail(session, error);
	}
}

static int
timeout_ms(const ImapSession *session)
{
	return session->config->timeout_ms > 0 ? session->config->timeout_ms : TIMEOUT_DEFAULT_MS;
}

static int
patience_ms(const ImapSession *session)
{
	int64_t patience_ms = session->patience_ms > 0 ? session->patience_ms : timeout_ms(session);

	if (session->deadline_ms > 0)
		patience_ms = MIN(patience_ms, MAX(session->deadline_ms - core_clock_ms(), 0));
	return (int)patience_ms;
}

/* True: @n bytes came and are to be parsed.  Takes @error. */
static bool
received(ImapSession *session, NetResult result, size_t n, GError *error)
{
	session->in_at = 0;
	session->in_end = n;
	if (result == NET_EOF) {
		imap_pump_throw(session, CORE_ERROR_UNREACHABLE, "the server closed the connection: %s: %s", session->config->host,
		     imap_parser_busy(session->parser) ? "in the middle of an answer" : "without a word");
	} else if (result == NET_FAILED) {
		if (core_error_code(error) != CORE_ERROR_CANCELLED)
			core_prefix(&error, "the connection failed: %s: ", session->config->host);
		imap_pump_fail(session, error);
	}
	return n > 0;
}

static void
announce(ImapSession *session)
{
	if (session->out_is_new)
		core_step("imap send");
	session->out_is_new = false;
}

static void
exchange(ImapSession *session)
{
	GError *error = NULL;
	size_t n = 0;

	announce(session);
	NetResult result = net_stream_pump(session->stream, session->out, session->in, session->in_size, &n,
	                                   patience_ms(session), &error);
	received(session, result, n, error);
}

bool
imap_pump_listen(ImapSession *session, const int *wake_fds, size_t n_wake_fds, int timeout_ms, bool *woken_r)
{
	GError *error = NULL;
	size_t n = 0;

	announce(session);
	NetResult result = net_stream_listen(session->stream, session->out, session->in, session->in_size, &n, wake_fds,
	                                     n_wake_fds, timeout_ms, woken_r, &error);
	return received(session, result, n, error);
}

static void
check_progress(ImapSession *session, ImapProgress *progress)
{
	int64_t now_ms = core_clock_ms(), limit_ms = (int64_t)timeout_ms(session) * IMAP_IDLE_TALKS;
	uint64_t bytes = session->told_bytes + session->response_bytes + session->tcp->bytes_out;

	progress->bytes = MIN(progress->bytes, bytes); /* those of a response that told nothing do not count in the end */
	if (progress->since_ms == 0 || progress->answers != session->answers || bytes - progress->bytes >= PROGRESS_BYTES)
		*progress = (ImapProgress){ now_ms, session->answers, bytes };
	else if (now_ms - progress->since_ms >= limit_ms)
		imap_pump_throw(session, CORE_ERROR_UNREACHABLE, "the connection failed: %s: the server talks, but has answered nothing for %"
		                G_GINT64_FORMAT " s", session->config->host, limit_ms / 1000);
}

void
imap_pump_step(ImapSession *session, ImapProgress *progress)
{
	GError *error = NULL;

	if (session->state == IMAP_STATE_BROKEN)
		return;
	if (!core_cancel_check(session->cancel, &error)) {
		imap_pump_fail(session, error);
	} else if (session->deadline_ms > 0 && core_clock_ms() >= session->deadline_ms) {
		imap_pump_throw(session, CORE_ERROR_UNREACHABLE, "the connection failed: %s: timed out", session->config->host);
	} else if (session->in_at < session->in_end) {
		parse(session);
	} else {
		fill(session);
		if (session->state != IMAP_STATE_BROKEN)
			exchange(session);
	}
	if (progress)
		check_progress(session, progress);
}
