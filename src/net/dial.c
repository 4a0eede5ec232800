#include "net/dial.h"

#include "core/clock.h"
#include "net/wait.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define ATTEMPT_DELAY_MS 250 /* RFC 8305, section 8 */

/* A race between addresses.  The attempts under way are fds[0..n_fds-1]; one more element is for the cancel switch. */
typedef struct {
	const NetAddress *addresses;
	size_t n, next;
	struct pollfd *fds;
	size_t n_fds;
	int64_t next_start_ms;
	int reason; /* errno of the attempt that tells most about the failure; 0: none has failed */
} Race;

void
net_dial_interleave(NetAddress *addresses, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		size_t other = i;

		while (other < n && addresses[other].address.ss_family == addresses[i - 1].address.ss_family)
			other++;
		if (other == n)
			return; /* one family is left */
		NetAddress found = addresses[other];
		memmove(addresses + i + 1, addresses + i, (other - i) * sizeof *addresses);
		addresses[i] = found;
	}
}

/* A family that this machine does not have must not hide why the other one failed. */
static void
note_failure(Race *race, int reason)
{
	bool dull = reason == ENETUNREACH || reason == EAFNOSUPPORT || reason == EADDRNOTAVAIL;

	if (race->reason == 0 || !dull)
		race->reason = reason;
	race->next_start_ms = core_clock_ms();
}

/* The socket if it was connected at once, else -1. */
static int
start_next(Race *race)
{
	const NetAddress *address = &race->addresses[race->next++];
	int fd = socket(address->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	race->next_start_ms = core_clock_ms() + ATTEMPT_DELAY_MS;
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address->address, address->length) == 0)
		return fd;
	if (fd >= 0 && (errno == EINPROGRESS || errno == EINTR)) {
		race->fds[race->n_fds++] = (struct pollfd){ .fd = fd, .events = POLLOUT };
		return -1;
	}
	note_failure(race, errno);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The socket of an attempt that has succeeded, or -1; those that have failed are closed. */
static int
collect(Race *race)
{
	for (size_t i = 0; i < race->n_fds;) {
		int fd = race->fds[i].fd, reason = 0;
		socklen_t length = sizeof reason;

		if (!race->fds[i].revents) {
			i++;
			continue;
		}
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &length) < 0)
			reason = errno;
		memmove(race->fds + i, race->fds + i + 1, (--race->n_fds - i) * sizeof *race->fds);
		if (reason == 0)
			return fd;
		note_failure(race, reason);
		close(fd);
	}
	return -1;
}

static int
run(Race *race, int64_t deadline_ms, CoreCancel *cancel, GError **error)
{
	for (;;) {
		while (race->next < race->n && (race->n_fds == 0 || core_clock_ms() >= race->next_start_ms)) {
			int fd = start_next(race);
			if (fd >= 0)
				return fd;
		}
		if (race->n_fds == 0) {
			core_throw(error, CORE_ERROR_UNREACHABLE, "%s", g_strerror(race->reason));
			return -1;
		}

		bool more = race->next < race->n;
		int ready = net_wait(race->fds, race->n_fds, cancel, more ? MIN(deadline_ms, race->next_start_ms) : deadline_ms,
		                     error);
		if (ready < 0)
			return -1;
		if (ready > 0) {
			int fd = collect(race);
			if (fd >= 0)
				return fd;
		}
		if (core_clock_ms() >= deadline_ms) {
			core_throw(error, CORE_ERROR_UNREACHABLE, "timed out");
			return -1;
		}
	}
}

int
net_dial(const NetAddress *addresses, size_t n, int64_t deadline_ms, CoreCancel *cancel, GError **error)
{
	g_autofree struct pollfd *fds = g_new0(struct pollfd, n + 1);
	Race race = { .addresses = addresses, .n = n, .fds = fds };
	int fd = run(&race, deadline_ms, cancel, error);

	for (size_t i = 0; i < race.n_fds; i++)
		close(race.fds[i].fd);
	return fd;
}
