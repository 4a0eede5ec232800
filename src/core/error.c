#include "core/error.h"

#include <errno.h>
#include <sysexits.h>

G_DEFINE_QUARK(mailtree-core-error, core_error)

/* One row a code, in the order of CoreErrorCode. */
static const struct {
	CoreScope scope;
	CoreRetry retry;
	int exit_status;
} table[] = {
	[CORE_ERROR_USAGE] = { CORE_SCOPE_PROGRAM, CORE_RETRY_NEVER, EX_USAGE },
	[CORE_ERROR_CONFIG] = { CORE_SCOPE_PROGRAM, CORE_RETRY_NEVER, EX_CONFIG },
	[CORE_ERROR_UNREACHABLE] = { CORE_SCOPE_ACCOUNT, CORE_RETRY_LATER, EX_UNAVAILABLE },
	[CORE_ERROR_UNTRUSTED] = { CORE_SCOPE_ACCOUNT, CORE_RETRY_NEVER, EX_UNAVAILABLE },
	[CORE_ERROR_LOGIN] = { CORE_SCOPE_ACCOUNT, CORE_RETRY_NEVER, EX_NOPERM },
	[CORE_ERROR_PASSWORD] = { CORE_SCOPE_ACCOUNT, CORE_RETRY_LATER, EX_NOPERM },
	[CORE_ERROR_PROTOCOL] = { CORE_SCOPE_ACCOUNT, CORE_RETRY_LATER, EX_PROTOCOL },
	[CORE_ERROR_REFUSED] = { CORE_SCOPE_MAILBOX, CORE_RETRY_LATER, EX_UNAVAILABLE },
	[CORE_ERROR_BUSY] = { CORE_SCOPE_ACCOUNT, CORE_RETRY_LATER, EX_TEMPFAIL },
	[CORE_ERROR_LOCKED] = { CORE_SCOPE_PROGRAM, CORE_RETRY_LATER, EX_TEMPFAIL },
	[CORE_ERROR_IO] = { CORE_SCOPE_PROGRAM, CORE_RETRY_LATER, EX_IOERR },
	[CORE_ERROR_FULL] = { CORE_SCOPE_PROGRAM, CORE_RETRY_LATER, EX_IOERR },
	[CORE_ERROR_CORRUPT] = { CORE_SCOPE_PROGRAM, CORE_RETRY_NEVER, EX_IOERR },
	[CORE_ERROR_NOT_FOUND] = { CORE_SCOPE_MESSAGE, CORE_RETRY_NEVER, EX_UNAVAILABLE },
	[CORE_ERROR_CANCELLED] = { CORE_SCOPE_PROGRAM, CORE_RETRY_LATER, EX_TEMPFAIL },
};

CoreErrorCode
core_error_code(const GError *error)
{
	return error->domain == CORE_ERROR ? (CoreErrorCode)error->code : CORE_ERROR_IO;
}

CoreScope
core_error_scope(const GError *error)
{
	return table[core_error_code(error)].scope;
}

CoreRetry
core_error_retry(const GError *error)
{
	return table[core_error_code(error)].retry;
}

int
core_error_exit_status(const GError *error)
{
	return table[core_error_code(error)].exit_status;
}

bool
core_throw(GError **error, CoreErrorCode code, const char *format, ...)
{
	if (error) {
		va_list args;
		va_start(args, format);
		g_propagate_error(error, g_error_new_valist(CORE_ERROR, code, format, args));
		va_end(args);
	}
	return false;
}

bool
core_throw_errno(GError **error, const char *format, ...)
{
	int saved = errno;

	if (error) {
		va_list args;
		va_start(args, format);
		g_autofree char *what = g_strdup_vprintf(format, args);
		va_end(args);
		CoreErrorCode code = saved == ENOSPC || saved == EDQUOT ? CORE_ERROR_FULL : CORE_ERROR_IO;
		g_set_error(error, CORE_ERROR, (int)code, "%s: %s", what, g_strerror(saved));
	}
	return false;
}

bool
core_prefix(GError **error, const char *format, ...)
{
	if (error && *error) {
		va_list args;
		va_start(args, format);
		g_autofree char *prefix = g_strdup_vprintf(format, args);
		va_end(args);
		g_prefix_error(error, "%s", prefix);
	}
	return false;
}
