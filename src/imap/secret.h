/* What must not be shown while a login is under way, although a server may put it into its answer. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Zero is none. */
typedef struct {
	char *forms[2]; /* the password; what AUTHENTICATE PLAIN makes of it, in base64 */
} ImapSecret;

void imap_secret_set(ImapSecret *secret, const char *user, const char *password);
void imap_secret_clear(ImapSecret *secret); /* wipes */
bool imap_secret_is_set(const ImapSecret *secret);

/* Puts '*' over every place of @text where it stands. */
void imap_secret_mask(const ImapSecret *secret, char *text);

/* The message of SASL PLAIN in base64 (RFC 4616); to be wiped and g_free()d. */
char *imap_secret_plain(const char *user, const char *password);
