#include "imap/auth.h"

#include "imap/secret.h"

#include <string.h>

#define CREDENTIAL_MAX_BYTES 4096 /* keeps the login within the buffer that is wiped after it */

bool
imap_auth_channel_allowed(ImapTlsMode tls, bool loopback, bool insecure)
{
	return tls != IMAP_TLS_NONE || loopback || insecure;
}

static ImapCommand *
plain_command(const char *user, const char *password, bool initial_response)
{
	ImapCommand *command = imap_command_new(initial_response ? "AUTHENTICATE PLAIN " : "AUTHENTICATE PLAIN");
	char *base64 = imap_secret_plain(user, password);

	if (!initial_response)
		imap_command_wait(command);
	imap_command_secret(command, base64, strlen(base64));

	explicit_bzero(base64, strlen(base64));
	g_free(base64);
	return command;
}

static ImapCommand *
login_command(const char *user, const char *password)
{
	ImapCommand *command = imap_command_new("LOGIN ");

	imap_command_secret(command, user, strlen(user));
	imap_command_text(command, " ");
	imap_command_secret(command, password, strlen(password));
	return command;
}

ImapCommand *
imap_auth_command(const ImapConfig *config, const ImapCapabilities *capabilities, const char *password, GError **error)
{
	bool plain = config->auth != IMAP_AUTH_LOGIN && capabilities->has[IMAP_CAP_AUTH_PLAIN];
	bool login = config->auth != IMAP_AUTH_PLAIN && !capabilities->has[IMAP_CAP_LOGINDISABLED];

	if (strlen(config->user) > CREDENTIAL_MAX_BYTES || strlen(password) > CREDENTIAL_MAX_BYTES) {
		core_throw(error, CORE_ERROR_CONFIG, "cannot log in: %s: user name or password are longer than %d bytes",
		           config->host, CREDENTIAL_MAX_BYTES);
		return NULL;
	}
	if (plain)
		return plain_command(config->user, password, capabilities->has[IMAP_CAP_SASL_IR]);
	if (login)
		return login_command(config->user, password);
	core_throw(error, CORE_ERROR_LOGIN, "cannot log in: %s: the server takes no %s on this connection", config->host,
	           config->auth == IMAP_AUTH_PLAIN ? "AUTHENTICATE PLAIN" : "password");
	return NULL;
}
