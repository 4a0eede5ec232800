#include "imap/secret.h"

#include <string.h>

#define SHORT_BYTES 3 /* fewer would cover half of every text, and are no secret */

char *
imap_secret_plain(const char *user, const char *password)
{
	size_t user_length = strlen(user), password_length = strlen(password);
	size_t length = user_length + password_length + 2;
	char *message = g_malloc0(length);

	memcpy(message + 1, user, user_length);
	memcpy(message + 2 + user_length, password, password_length);
	char *base64 = g_base64_encode((const guchar *)message, length);
	explicit_bzero(message, length);
	g_free(message);
	return base64;
}

void
imap_secret_set(ImapSecret *secret, const char *user, const char *password)
{
	imap_secret_clear(secret);
	secret->forms[0] = g_strdup(password);
	secret->forms[1] = imap_secret_plain(user, password);
}

void
imap_secret_clear(ImapSecret *secret)
{
	for (size_t i = 0; i < G_N_ELEMENTS(secret->forms); i++) {
		if (secret->forms[i])
			explicit_bzero(secret->forms[i], strlen(secret->forms[i]));
		g_clear_pointer(&secret->forms[i], g_free);
	}
}

bool
imap_secret_is_set(const ImapSecret *secret)
{
	return secret->forms[0];
}

void
imap_secret_mask(const ImapSecret *secret, char *text)
{
	for (size_t i = 0; i < G_N_ELEMENTS(secret->forms); i++) {
		size_t length = secret->forms[i] ? strlen(secret->forms[i]) : 0;
		char *found = text;

		while (length >= SHORT_BYTES && (found = strstr(found, secret->forms[i])))
			memset(found, '*', length);
	}
}
