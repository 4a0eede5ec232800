#include "net/tls.h"

#include "core/clock.h"
#include "net/trust.h"
#include "net/wait.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <string.h>

/* TLS 1.3 and 1.2 only; keys and Diffie-Hellman groups below 112 bits of strength are refused. */
#define PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%PROFILE_MEDIUM"
#define READ_AHEAD 32768
#define MAX_EMPTY_RECORDS 1000 /* in a row: what a peer can make us do without sending any data */

/* GnuTLS is given callbacks that never wait.  What it sends and the layer below does not take is kept here, so that a
 * record once made counts as written, and GnuTLS never holds a part of one. */
typedef struct {
	NetStream base;
	gnutls_session_t session;
	NetTrust *trust;     /* until the handshake is over */
	int64_t deadline_ms; /* of the handshake; then INT64_MAX */
	uint8_t ahead[READ_AHEAD];
	size_t ahead_start, ahead_end;
	bool starved;     /* the last call of GnuTLS found nothing to read */
	bool heard;       /* the peer has said something */
	bool not_tls;     /* and its first byte is not that of a TLS record */
	bool hung_up;     /* the layer below has ended, perhaps within a record */
	bool ended;       /* there is nothing more to read */
	GByteArray *sent; /* to go to the layer below: at most a record and what goes with it */
	GError *read_error, *write_error, *trust_error; /* what a callback met */
	bool established;
	char *description;
} Tls;

static bool
out_of_time(const Tls *tls)
{
	return tls->deadline_ms != INT64_MAX &&
	       (core_clock_ms() >= tls->deadline_ms || core_cancel_triggered(tls->base.cancel));
}

static ssize_t
pull(gnutls_transport_ptr_t data, void *buffer, size_t size)
{
	Tls *tls = data;
	NetStream *below = tls->base.below;
	NetResult result = NET_DONE;

	if (tls->ahead_start == tls->ahead_end) {
		size_t n = 0;

		result = NET_AGAIN;
		if (!out_of_time(tls)) /* or a peer that never pauses could keep GnuTLS busy for ever */
			result = below->class->read(below, tls->ahead, sizeof tls->ahead, &n, tls->read_error ? NULL : &tls->read_error);
		if (result == NET_DONE && !tls->heard) {
			tls->heard = true;
			tls->not_tls = tls->ahead[0] < 20 || tls->ahead[0] > 24;
		}
		tls->ahead_start = 0;
		tls->ahead_end = n;
	}
	if (result == NET_EOF) {
		tls->hung_up = true;
		return 0;
	}
	if (result != NET_DONE) {
		tls->starved = result == NET_AGAIN;
		gnutls_transport_set_errno(tls->session, result == NET_AGAIN ? EAGAIN : EIO);
		return -1;
	}
	size = MIN(size, tls->ahead_end - tls->ahead_start);
	memcpy(buffer, tls->ahead + tls->ahead_start, size);
	tls->ahead_start += size;
	return (ssize_t)size;
}

/* Gives the layer below what waits for it.  A failure is kept and told by every later call. */
static NetResult
drain(Tls *tls, GError **error)
{
	NetStream *below = tls->base.below;
	NetResult result = NET_DONE;
	size_t done = 0;

	while (!tls->write_error && done < tls->sent->len && result == NET_DONE) {
		size_t n = 0;

		result = below->class->write(below, tls->sent->data + done, tls->sent->len - done, &n, &tls->write_error);
		done += n;
	}
	if (done > 0)
		g_byte_array_remove_range(tls->sent, 0, (guint)done);
	if (!tls->write_error)
		return result;
	if (error)
		*error = g_error_copy(tls->write_error);
	return NET_FAILED;
}

/* Takes everything; a failure is left to drain(), so that GnuTLS goes on reading what the peer said before it hung up. */
static ssize_t
push(gnutls_transport_ptr_t data, const void *bytes, size_t length)
{
	Tls *tls = data;

	if (!tls->write_error)
		g_byte_array_append(tls->sent, bytes, (guint)length);
	return (ssize_t)length;
}

static int
verify(gnutls_session_t session)
{
	Tls *tls = gnutls_session_get_ptr(session);

	return net_trust_check(tls->trust, session, tls->trust_error ? NULL : &tls->trust_error) ? 0 : -1;
}

/* Whether @alert says that the server is not content with our certificate, or with none. */
static bool
about_our_certificate(gnutls_session_t session, gnutls_alert_description_t alert)
{
	if (alert == GNUTLS_A_HANDSHAKE_FAILURE || alert == GNUTLS_A_DECODE_ERROR) /* TLS 1.2 has no alert of its own for none */
		return gnutls_certificate_client_get_request_status(session) != 0;
	return (alert >= GNUTLS_A_BAD_CERTIFICATE && alert <= GNUTLS_A_CERTIFICATE_UNKNOWN) || alert == GNUTLS_A_UNKNOWN_CA ||
	       alert == GNUTLS_A_ACCESS_DENIED || alert == GNUTLS_A_CERTIFICATE_REQUIRED;
}

static bool
throw_alert(gnutls_session_t session, GError **error)
{
	gnutls_alert_description_t alert = gnutls_alert_get(session);
	const char *name = gnutls_alert_get_name(alert);

	if (!name)
		name = "unknown alert";
	if (about_our_certificate(session, alert))
		return core_throw(error, CORE_ERROR_LOGIN, "the server wants another certificate from us (%s)", name);
	if (alert == GNUTLS_A_PROTOCOL_VERSION)
		return core_throw(error, CORE_ERROR_UNTRUSTED, "the server does not offer TLS 1.2 or newer (%s)", name);
	if (alert == GNUTLS_A_HANDSHAKE_FAILURE || alert == GNUTLS_A_INSUFFICIENT_SECURITY ||
	    alert == GNUTLS_A_UNRECOGNIZED_NAME)
		return core_throw(error, CORE_ERROR_UNTRUSTED, "the server refused the TLS handshake (%s)", name);
	return core_throw(error, CORE_ERROR_PROTOCOL, "the server broke off TLS (%s)", name);
}

/* For a fatal @code of GnuTLS. */
static void
throw_tls(Tls *tls, int code, GError **error)
{
	if (tls->read_error)
		g_propagate_error(error, g_steal_pointer(&tls->read_error));
	else if (code == GNUTLS_E_FATAL_ALERT_RECEIVED)
		throw_alert(tls->session, error);
	else
		core_throw(error, CORE_ERROR_PROTOCOL, "TLS: %s", gnutls_strerror(code));
}

static NetResult
tls_read(NetStream *stream, void *buffer, size_t size, size_t *n_r, GError **error)
{
	Tls *tls = (Tls *)stream;

	for (int i = 0; i < MAX_EMPTY_RECORDS; i++) {
		if (tls->ended)
			return NET_EOF;
		tls->starved = false;
		ssize_t n = gnutls_record_recv(tls->session, buffer, size);

		if (n > 0) {
			stream->bytes_in += (uint64_t)n;
			*n_r = (size_t)n;
			return NET_DONE;
		}
		if (n == 0 || (tls->hung_up && n != GNUTLS_E_FATAL_ALERT_RECEIVED)) {
			tls->ended = true;
		} else if (tls->starved) {
			return NET_AGAIN;
		} else if (gnutls_error_is_fatal((int)n)) {
			throw_tls(tls, (int)n, error);
			return NET_FAILED;
		}
		/* Else a record without data: a session ticket, a new key, a warning, or a wish to renegotiate, which a client
		 * may ignore (RFC 5246, 7.4.1.1). */
	}
	core_throw(error, CORE_ERROR_PROTOCOL, "TLS: the server sends records without data");
	return NET_FAILED;
}

static NetResult
tls_write(NetStream *stream, const void *bytes, size_t length, size_t *n_r, GError **error)
{
	Tls *tls = (Tls *)stream;
	NetResult result = drain(tls, error);
	ssize_t n;

	if (result != NET_DONE)
		return result;
	do
		n = gnutls_record_send(tls->session, bytes, length);
	while (n == GNUTLS_E_INTERRUPTED || n == GNUTLS_E_AGAIN);
	if (n <= 0) {
		throw_tls(tls, (int)n, error);
		return NET_FAILED;
	}
	drain(tls, NULL); /* what is left, or a failure, is for the next call */
	stream->bytes_out += (uint64_t)n;
	*n_r = (size_t)n;
	return NET_DONE;
}

static NetResult
tls_flush(NetStream *stream, GError **error)
{
	NetResult result = drain((Tls *)stream, error);

	return result == NET_DONE ? stream->below->class->flush(stream->below, error) : result;
}

static short
tls_wants(const NetStream *stream, bool reading, bool writing)
{
	const Tls *tls = (const Tls *)stream;

	return stream->below->class->wants(stream->below, reading, writing || tls->sent->len > 0);
}

static bool
tls_pending(const NetStream *stream)
{
	const Tls *tls = (const Tls *)stream;

	return gnutls_record_check_pending(tls->session) > 0 || tls->ahead_start < tls->ahead_end ||
	       stream->below->class->pending(stream->below);
}

static void
tls_free(NetStream *stream)
{
	Tls *tls = (Tls *)stream;

	if (tls->session) {
		if (tls->established && !tls->ended && !tls->write_error && gnutls_bye(tls->session, GNUTLS_SHUT_WR) >= 0)
			tls_flush(stream, NULL);
		gnutls_deinit(tls->session);
	}
	net_trust_free(tls->trust);
	g_byte_array_unref(tls->sent);
	g_clear_error(&tls->read_error);
	g_clear_error(&tls->write_error);
	g_clear_error(&tls->trust_error);
	g_free(tls->description);
	g_free(tls);
}

static const NetStreamClass tls_class = {
	.name = "tls",
	.read = tls_read,
	.write = tls_write,
	.flush = tls_flush,
	.wants = tls_wants,
	.pending = tls_pending,
	.free = tls_free,
};

static bool
handshake_failed(Tls *tls, int code, GError **error)
{
	if (gnutls_alert_send_appropriate(tls->session, code) >= 0)
		tls_flush(&tls->base, NULL);
	if (tls->trust_error) {
		g_propagate_error(error, g_steal_pointer(&tls->trust_error));
		return false;
	}
	if (tls->not_tls)
		return core_throw(error, CORE_ERROR_UNTRUSTED, "the server does not speak TLS on this port");
	if (tls->hung_up && code != GNUTLS_E_FATAL_ALERT_RECEIVED)
		return core_throw(error, CORE_ERROR_UNREACHABLE, "the server closed the connection during the TLS handshake");
	if (code == GNUTLS_E_UNSUPPORTED_VERSION_PACKET)
		return core_throw(error, CORE_ERROR_UNTRUSTED, "the server does not offer TLS 1.2 or newer");
	if (code == GNUTLS_E_DH_PRIME_UNACCEPTABLE || code == GNUTLS_E_INSUFFICIENT_SECURITY ||
	    code == GNUTLS_E_UNSAFE_RENEGOTIATION_DENIED)
		return core_throw(error, CORE_ERROR_UNTRUSTED, "the server's TLS is too weak: %s", gnutls_strerror(code));
	throw_tls(tls, code, error);
	return false;
}

static bool
handshake(Tls *tls, int timeout_ms, GError **error)
{
	NetStream *below = tls->base.below;
	bool done = false;

	for (;;) {
		int code = 0;
		NetResult out;

		tls->starved = false;
		if (!done)
			code = gnutls_handshake(tls->session);
		if (code < 0 && gnutls_error_is_fatal(code))
			return handshake_failed(tls, code, error);
		done = code == 0;
		out = tls_flush(&tls->base, done ? error : NULL);
		if (done && out != NET_AGAIN)
			return out == NET_DONE;

		if (!core_cancel_check(tls->base.cancel, error))
			return false;
		struct pollfd fds[2] = { { .fd = tls->base.fd, .events = below->class->wants(below, !done, out == NET_AGAIN) } };
		int ready = 1;
		if (done || tls->starved)
			ready = net_wait(fds, 1, tls->base.cancel, tls->deadline_ms, error);
		if (ready < 0)
			return false;
		if (core_clock_ms() >= tls->deadline_ms)
			return core_throw(error, CORE_ERROR_UNREACHABLE, "the TLS handshake timed out after %g s", timeout_ms / 1000.0);
	}
}

static bool
start(Tls *tls, const NetTlsConfig *config, const char *host, GError **error)
{
	int code = gnutls_init(&tls->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);

	if (code >= 0)
		code = gnutls_priority_set_direct(tls->session, PRIORITY, NULL);
	if (code < 0)
		return core_throw(error, CORE_ERROR_IO, "%s", gnutls_strerror(code));
	gnutls_session_set_ptr(tls->session, tls);
	gnutls_transport_set_ptr(tls->session, tls);
	gnutls_transport_set_pull_function(tls->session, pull);
	gnutls_transport_set_push_function(tls->session, push);
	gnutls_session_set_verify_function(tls->session, verify);
	tls->trust = net_trust_new(config, host, error);
	return tls->trust && net_trust_apply(tls->trust, tls->session, error);
}

/* The anchors take megabytes, and nothing after the handshake needs them. */
static void
finish(Tls *tls)
{
	tls->established = true;
	tls->deadline_ms = INT64_MAX;
	tls->description = g_strdup_printf("%s %s", gnutls_protocol_get_name(gnutls_protocol_get_version(tls->session)),
	                                   gnutls_ciphersuite_get(tls->session));
	gnutls_credentials_clear(tls->session);
	g_clear_pointer(&tls->trust, net_trust_free);
}

NetStream *
net_tls_new(NetStream *below, const NetTlsConfig *config, const char *host, int timeout_ms, GError **error)
{
	Tls *tls = g_new0(Tls, 1);

	net_stream_init(&tls->base, &tls_class, below, below->fd, below->cancel);
	tls->sent = g_byte_array_new();
	tls->deadline_ms = core_clock_ms() + timeout_ms;
	if (!start(tls, config, host, error) || !handshake(tls, timeout_ms, error)) {
		core_prefix(error, "cannot secure the connection to %s: ", host);
		net_stream_free(&tls->base);
		return NULL;
	}
	finish(tls);
	return &tls->base;
}

const char *
net_tls_describe(const NetStream *stream)
{
	g_return_val_if_fail(stream->class == &tls_class, NULL);
	return ((const Tls *)stream)->description;
}
