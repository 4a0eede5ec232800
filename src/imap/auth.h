/* How to log in: what may travel over which connection, and the command for it (RFC 9051 6.2.2 and 6.2.3, RFC 4616,
 * RFC 4959). */
#pragma once

#include "imap/capability.h"

/* Whether credentials may go over a connection made in this way.  Without TLS only to a loopback address, or where the
 * user said so. */
bool imap_auth_channel_allowed(ImapTlsMode tls, bool loopback, bool insecure);

/* AUTHENTICATE PLAIN, with the initial response where the server takes one, or LOGIN: by config->auth, else the first
 * of them that is offered.  NULL with CORE_ERROR_LOGIN if the server takes neither, CORE_ERROR_CONFIG if user or
 * password are endless. */
ImapCommand *imap_auth_command(const ImapConfig *config, const ImapCapabilities *capabilities, const char *password,
                               GError **error);
