#include "command.h"

#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

int
command_fail(const GError *error)
{
	core_log(CORE_LOG_ERROR, "main", "%s", error->message);
	return core_error_exit_status(error);
}

void
command_open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int
command_finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	core_log(CORE_LOG_ERROR, "main", "cannot write to stdout: %s", g_strerror(errno));
	return status == EX_OK ? EX_IOERR : status;
}
