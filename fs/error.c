#include "fs/error.h"

#include <errno.h>

G_DEFINE_QUARK(mailtree-fs-error, fs_error)

bool
fs_throw(GError **error, int number)
{
	g_set_error_literal(error, FS_ERROR, number, g_strerror(number));
	return false;
}

int
fs_error_number(const GError *error)
{
	if (!error)
		return ENOENT;
	if (error->domain == FS_ERROR)
		return error->code;
	switch (core_error_code(error)) {
	case CORE_ERROR_NOT_FOUND:
		return ENOENT;
	case CORE_ERROR_CANCELLED:
		return EINTR;
	case CORE_ERROR_LOCKED:
	case CORE_ERROR_BUSY:
		return EBUSY; /* EAGAIN would mean "not yet, ask again" to programs */
	case CORE_ERROR_UNREACHABLE:
		return EHOSTUNREACH;
	case CORE_ERROR_FULL:
		return ENOSPC;
	case CORE_ERROR_UNTRUSTED:
	case CORE_ERROR_LOGIN:
	case CORE_ERROR_PASSWORD:
	case CORE_ERROR_REFUSED:
		return EACCES;
	case CORE_ERROR_USAGE:
		return EINVAL;
	case CORE_ERROR_CONFIG:
	case CORE_ERROR_PROTOCOL:
	case CORE_ERROR_IO:
	case CORE_ERROR_CORRUPT:
		return EIO;
	}
	return EIO;
}
