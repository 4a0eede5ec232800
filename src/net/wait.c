#include "net/wait.h"

#include "core/clock.h"

#include <errno.h>

int
net_wait(struct pollfd *fds, size_t n, CoreCancel *cancel, int64_t deadline_ms, GError **error)
{
	fds[n] = (struct pollfd){ .fd = core_cancel_fd(cancel), .events = POLLIN };
	for (;;) {
		int64_t left_ms = CLAMP(deadline_ms - core_clock_ms(), 0, G_MAXINT);
		int ready = poll(fds, n + 1, (int)left_ms);

		if (ready < 0 && errno != EINTR) {
			core_throw_errno(error, "cannot wait for the network");
			return -1;
		}
		if (!core_cancel_check(cancel, error))
			return -1;
		if (ready > 0)
			return 1;
		if (ready == 0 && core_clock_ms() >= deadline_ms)
			return 0;
	}
}
