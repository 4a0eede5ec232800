/* Whom a TLS client trusts, and as whom it presents itself: anchors, pin, host name, certificate.  For src/net only. */
#pragma once

#include "core/error.h"
#include "net/tls.h"

#include <gnutls/gnutls.h>

typedef struct NetTrust NetTrust;

/* Reads the files of @config.  NULL with CORE_ERROR_CONFIG.  @host is a DNS name (in Unicode or not, with or without the
 * last dot) or an IP address. */
NetTrust *net_trust_new(const NetTlsConfig *config, const char *host, GError **error);

/* Gives @session its credentials and, for a DNS name, SNI.  @trust must live until the handshake is over. */
bool net_trust_apply(NetTrust *trust, gnutls_session_t session, GError **error);

/* Judges what the peer of @session has presented.  False with CORE_ERROR_UNTRUSTED. */
bool net_trust_check(const NetTrust *trust, gnutls_session_t session, GError **error);

/* To be called when no session uses it any more (see gnutls_credentials_clear()).  NULL is fine. */
void net_trust_free(NetTrust *trust);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetTrust, net_trust_free)
