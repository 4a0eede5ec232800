/* TLS 1.2 and newer, by GnuTLS. */
#pragma once

#include "net/stream.h"

/* Borrowed by net_tls_new() for the call. */
typedef struct {
	const char *ca_file;   /* PEM with more trust anchors, beside the system's; NULL: none */
	const char *pin;       /* SHA-256 of the peer's SubjectPublicKeyInfo (64 hex digits, colons allowed, or "sha256//" and
	                          base64 as curl writes it); NULL: none.  A pin that matches stands in for chain and name */
	const char *cert_file; /* the client's certificate and key, PEM; NULL: none */
	const char *key_file;  /* NULL: in cert_file */
} NetTlsConfig;

/* Checks the form of a pin, so that a wrong one is an error of the configuration. */
bool net_tls_pin_valid(const char *pin, GError **error);

/* Takes @below (freed even on failure) and performs the handshake, blocking for at most @timeout_ms.  The peer must
 * present a valid chain to a trusted anchor for @host (a DNS name, sent as SNI, or an IP address), or the pinned key.
 *
 * NULL with CORE_ERROR_UNTRUSTED (the message says what was wrong: expired, unknown issuer, another name, too old a
 * protocol, pin), CORE_ERROR_UNREACHABLE (cut, timed out), CORE_ERROR_CONFIG (a file of @config cannot be read),
 * CORE_ERROR_LOGIN (the server wants a certificate from us, or another one; with TLS 1.3 the first read tells it),
 * CORE_ERROR_PROTOCOL (nonsense) or CORE_ERROR_CANCELLED.
 *
 * A peer that closes without close_notify is reported as NET_EOF by read, so that a truncated protocol is judged by the
 * protocol above; to one that has closed we say no goodbye.  The system's anchors are read for each handshake (some 6 ms
 * and 4 MB) and let go after it: what the system no longer trusts is noticed, and idle connections stay small. */
NetStream *net_tls_new(NetStream *below, const NetTlsConfig *config, const char *host, int timeout_ms, GError **error);

/* "TLS1.3 TLS_AES_256_GCM_SHA384" for people; valid until the stream is freed.  @stream must be a TLS stream. */
const char *net_tls_describe(const NetStream *stream);
