/* Where an account's password comes from. */
#pragma once

#include "core/cancel.h"
#include "core/error.h"

#define PASSWORD_COMMAND_TIMEOUT_MS 60000
#define PASSWORD_MAX_BYTES (64 * 1024) /* of a password, a line or a file that holds one */

typedef enum { PASSWORD_NONE, PASSWORD_COMMAND, PASSWORD_FILE, PASSWORD_NETRC, PASSWORD_PROMPT } PasswordKind;

/* What the configuration says. */
typedef struct {
	PasswordKind kind;
	char *value; /* the command, or the file's path; else NULL */
} PasswordConfig;

typedef struct Password Password;

/* @config, @account, @host and @user are borrowed for its life; @cancel (may be NULL) is referenced and ends a command
 * that runs. */
Password *password_new(const PasswordConfig *config, const char *account, const char *host, const char *user,
                       CoreCancel *cancel);
void password_free(Password *password); /* NULL is fine; wipes what was typed */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Password, password_free)

/* With PASSWORD_PROMPT: asks on the terminal, once, and keeps the answer in locked memory; else does nothing.  To be
 * called before threads start.  CORE_ERROR_LOGIN or CORE_ERROR_CANCELLED. */
bool password_ask(Password *password, GError **error);

/* In the child after fork(), where memory is no longer locked. */
void password_forked(Password *password);

/* An ImapPasswordFn: @password is a Password.  Any thread; may block as long as a command may run. */
char *password_get(void *password, GError **error);

/* The sources.  The result is to be wiped and g_free()d; NULL with CORE_ERROR_PASSWORD (the source has none or fails) or
 * CORE_ERROR_CONFIG (a file that others can read). */

/* The first line that "sh -c @command" prints. */
char *password_from_command(const char *command, int timeout_ms, CoreCancel *cancel, GError **error);
/* The first line of a file that only its owner can read. */
char *password_from_file(const char *path, GError **error);
char *password_from_netrc(const char *path, const char *host, const char *user, GError **error);
