/* Errors: what went wrong, told by what the caller can do next.
 *
 * Every function that can fail takes a GError ** last and, unless its comment says otherwise, leaves its outputs
 * untouched on failure.  The code of an error decides three things, and nothing else does: how much is spoilt (scope),
 * whether trying again helps (retry), and with what status a command exits.  The message is one line in the form
 * "what failed: where: why", and keeps the words of the server or of the operating system.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define CORE_ERROR (core_error_quark())

typedef enum {
	CORE_ERROR_USAGE,       /* the command line is wrong */
	CORE_ERROR_CONFIG,      /* the configuration is wrong or cannot be read */
	CORE_ERROR_UNREACHABLE, /* unknown host, refused, timed out, cut: the network or the server is away */
	CORE_ERROR_UNTRUSTED,   /* the peer could not be verified, or offered less protection than was asked for */
	CORE_ERROR_LOGIN,       /* the server did not take the credentials, or there are none */
	CORE_ERROR_PASSWORD,    /* where the password should come from gave none (a locked keyring?): the server was not asked */
	CORE_ERROR_PROTOCOL,    /* the server broke the protocol, or a bound that protects us from it */
	CORE_ERROR_REFUSED,     /* the server answered NO or BAD to one command; the connection is fine */
	CORE_ERROR_BUSY,        /* the server asked us to come back later (throttled, too many connections) */
	CORE_ERROR_LOCKED,      /* another process owns the store */
	CORE_ERROR_IO,          /* a local file or disk failed (unreadable, …) */
	CORE_ERROR_FULL,        /* there is no room on the disk, or in the quota there */
	CORE_ERROR_CORRUPT,     /* the store holds what it should not, or was made by a newer version */
	CORE_ERROR_NOT_FOUND,   /* there is no such account, mailbox, message or body */
	CORE_ERROR_CANCELLED,   /* somebody asked for the work to stop */
} CoreErrorCode;

/* How much cannot go on after this error. */
typedef enum { CORE_SCOPE_MESSAGE, CORE_SCOPE_MAILBOX, CORE_SCOPE_ACCOUNT, CORE_SCOPE_PROGRAM } CoreScope;

/* When trying the same again can help without somebody mending something first. */
typedef enum { CORE_RETRY_NOW, CORE_RETRY_LATER, CORE_RETRY_NEVER } CoreRetry;

GQuark core_error_quark(void);

/* These take any GError; one of another domain counts as CORE_ERROR_IO. */
CoreErrorCode core_error_code(const GError *error);
CoreScope core_error_scope(const GError *error);
CoreRetry core_error_retry(const GError *error);
int core_error_exit_status(const GError *error); /* of sysexits.h */

/* Sets *error and returns false, so that a failing function ends with "return core_throw(error, …);". */
bool core_throw(GError **error, CoreErrorCode code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* The same with ": " and the text of errno appended.  The code is CORE_ERROR_IO, or CORE_ERROR_FULL for
 * ENOSPC and EDQUOT. */
bool core_throw_errno(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Puts text before the message of *error and returns false. */
bool core_prefix(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
