#include "command.h"

#include "core/log.h"

#include <errno.h>
#include <stdio.h>
#include <sysexits.h>

int
command_fail(const GError *error)
{
	core_log(CORE_LOG_ERROR, "main", "%s", error->message);
	return core_error_exit_status(error);
}

int
command_finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	core_log(CORE_LOG_ERROR, "main", "cannot write to stdout: %s", g_strerror(errno));
	return status == EX_OK ? EX_IOERR : status;
}
