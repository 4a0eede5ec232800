/* mailtree, but it can be stopped at any of its steps (core/step.h): what a crash leaves is found out by trying them all.
 *
 *   MAILTREE_STOP_AT=N   the process is killed at its N-th step, from 1
 *   MAILTREE_STEPS=FILE  the name of each step is appended to FILE
 *
 * and it waits less for what takes minutes otherwise:
 *
 *   MAILTREE_POLL_MS=N       how often servers are asked that do not tell
 *   MAILTREE_KEEPALIVE_MS=N  how long a connection may be silent
 *   MAILTREE_RETRY_MS=N      how long a lost connection is first waited for
 *   MAILTREE_QUIET_MS=N      how long it is looked for what was sent before a connection ended
 *   MAILTREE_FETCH_MS=N      how long a reader waits for a message that is not here
 *   MAILTREE_LOOK_MS=N       how often it is looked for what was written and not closed
 *
 * or longer:
 *
 *   MAILTREE_LINGER_MS=N     how long a connection stays where a body was fetched for a reader
 */
#include "core/step.h"
#include "fs/saver.h"
#include "owner.h"
#include "sync/alarm.h"
#include "sync/follow.h"
#include "sync/quiet.h"
#include "sync/retry.h"
#include "sync/watch.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_long steps;
static long stop_at;
static int log_fd = -1;

static void
on_step(const char *step)
{
	long number = atomic_fetch_add(&steps, 1) + 1;

	if (log_fd >= 0)
		dprintf(log_fd, "%s\n", step);
	if (number == stop_at)
		kill(getpid(), SIGKILL);
}

__attribute__((constructor)) static void
set_up(void)
{
	const char *number = getenv("MAILTREE_STOP_AT"), *path = getenv("MAILTREE_STEPS");
	const char *fetch = getenv("MAILTREE_FETCH_MS"), *linger = getenv("MAILTREE_LINGER_MS");
	const char *poll = getenv("MAILTREE_POLL_MS"), *keepalive = getenv("MAILTREE_KEEPALIVE_MS");
	const char *retry = getenv("MAILTREE_RETRY_MS"), *look = getenv("MAILTREE_LOOK_MS");
	const char *quiet = getenv("MAILTREE_QUIET_MS");

	if (number)
		stop_at = atol(number);
	if (poll)
		sync_poll_ms = atoi(poll);
	if (keepalive)
		sync_keepalive_ms = atoi(keepalive);
	if (retry)
		sync_retry_ms = atoi(retry);
	if (quiet)
		sync_quiet_ms = atoi(quiet);
	if (linger)
		sync_linger_ms = atoi(linger);
	if (fetch)
		owner_fetch_ms = atoi(fetch);
	if (look)
		fs_saver_look_ms = atoi(look);
	if (path)
		log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	core_step_hook = on_step;
}
