/* TLS for the server of a script: TLS as a step makes it shake hands, with a key made for the occasion that the client is
 * to know by its pin. */
#pragma once

#include "imap-script.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <poll.h>

#define TLS { .kind = STEP_CALL, .call = script_start_tls }

static gnutls_certificate_credentials_t script_credentials;
static char script_pin[65]; /* for ImapConfig.tls_pin */

static void
script_make_key(void)
{
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t cert;
	uint8_t id[32];
	size_t id_size = sizeof id;

	g_assert_cmpint(gnutls_x509_privkey_init(&key), ==, 0);
	g_assert_cmpint(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
	                ==, 0);
	g_assert_cmpint(gnutls_x509_crt_init(&cert), ==, 0);
	gnutls_x509_crt_set_version(cert, 3);
	gnutls_x509_crt_set_serial(cert, "\x01", 1);
	gnutls_x509_crt_set_activation_time(cert, 1577836800);
	gnutls_x509_crt_set_expiration_time(cert, 4102444800);
	gnutls_x509_crt_set_key(cert, key);
	g_assert_cmpint(gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0), ==, 0);
	g_assert_cmpint(gnutls_x509_crt_get_key_id(cert, GNUTLS_KEYID_USE_SHA256, id, &id_size), ==, 0);
	for (size_t i = 0; i < sizeof id; i++)
		g_snprintf(script_pin + 2 * i, 3, "%02x", id[i]);
	g_assert_cmpint(gnutls_certificate_allocate_credentials(&script_credentials), ==, 0);
	g_assert_cmpint(gnutls_certificate_set_x509_key(script_credentials, &cert, 1, key), ==, 0);
	gnutls_x509_crt_deinit(cert);
	gnutls_x509_privkey_deinit(key);
}

typedef struct {
	NetStream base;
	gnutls_session_t session;
} ScriptTls;

static NetResult
script_tls_result(ssize_t n, size_t *n_r, GError **error)
{
	if (n > 0)
		*n_r = (size_t)n;
	if (n < 0 && gnutls_error_is_fatal((int)n))
		core_throw(error, CORE_ERROR_UNREACHABLE, "%s", gnutls_strerror((int)n));
	return n > 0 ? NET_DONE : n == 0 ? NET_EOF : gnutls_error_is_fatal((int)n) ? NET_FAILED : NET_AGAIN;
}

static NetResult
script_tls_read(NetStream *stream, void *buffer, size_t size, size_t *n_r, GError **error)
{
	return script_tls_result(gnutls_record_recv(((ScriptTls *)stream)->session, buffer, size), n_r, error);
}

static NetResult
script_tls_write(NetStream *stream, const void *bytes, size_t length, size_t *n_r, GError **error)
{
	return script_tls_result(gnutls_record_send(((ScriptTls *)stream)->session, bytes, length), n_r, error);
}

static NetResult
script_tls_flush(NetStream *stream, GError **error)
{
	return NET_DONE;
}

static short
script_tls_wants(const NetStream *stream, bool reading, bool writing)
{
	return (short)((reading ? POLLIN : 0) | (writing ? POLLOUT : 0));
}

static bool
script_tls_pending(const NetStream *stream)
{
	return gnutls_record_check_pending(((const ScriptTls *)stream)->session) > 0;
}

static void
script_tls_free(NetStream *stream)
{
	gnutls_deinit(((ScriptTls *)stream)->session);
	g_free(stream);
}

static const NetStreamClass script_tls_class = {
	.name = "server tls",
	.read = script_tls_read,
	.write = script_tls_write,
	.flush = script_tls_flush,
	.wants = script_tls_wants,
	.pending = script_tls_pending,
	.free = script_tls_free,
};

/* A client that breaks off is seen by the next step. */
static void
script_start_tls(Script *script)
{
	ScriptTls *tls = g_new(ScriptTls, 1);
	NetStream *below = script->stream;
	int result;

	net_stream_init(&tls->base, &script_tls_class, below, below->fd, NULL);
	g_assert_cmpint(gnutls_init(&tls->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL), ==, 0);
	g_assert_cmpint(gnutls_set_default_priority(tls->session), ==, 0);
	gnutls_credentials_set(tls->session, GNUTLS_CRD_CERTIFICATE, script_credentials);
	gnutls_transport_set_int(tls->session, below->fd);
	while ((result = gnutls_handshake(tls->session)) < 0 && !gnutls_error_is_fatal(result)) {
		struct pollfd fd = { .fd = below->fd, .events = gnutls_record_get_direction(tls->session) ? POLLOUT : POLLIN };
		if (poll(&fd, 1, SCRIPT_PATIENCE_MS) <= 0)
			break;
	}
	script->stream = &tls->base;
}
