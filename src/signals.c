#include "signals.h"

#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>

int
signals_block(GError **error)
{
	sigset_t stop;
	int fd;

	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &stop, NULL);
	fd = signalfd(-1, &stop, SFD_CLOEXEC);
	if (fd < 0)
		core_throw_errno(error, "cannot watch signals");
	return fd;
}
