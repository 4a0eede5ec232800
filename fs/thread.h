/* Threads of fs/ leave all signals to the program's own. */
#pragma once

#include <pthread.h>
#include <signal.h>

static inline int
fs_thread_start(pthread_t *thread, void *(*run)(void *), void *data)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int result = pthread_create(thread, NULL, run, data);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return result;
}
