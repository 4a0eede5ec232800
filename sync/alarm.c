#include "sync/alarm.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

int sync_keepalive_ms = 4 * 60 * 1000;

enum { KEEPALIVE, CLOCK_STEP, ADDRESSES };

/* Readable when an address comes or goes, and read without looking: what is told may be lost, but not that it was. */
static int
open_addresses(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* A timer that is cancelled, and so readable, when the wall clock is set: the kernel does that also on resume. */
static void
watch_clock(int fd)
{
	struct itimerspec never = { .it_value.tv_sec = (time_t)1 << 40 };

	if (fd >= 0)
		timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

void
sync_alarm_init(SyncAlarm *alarm)
{
	alarm->fds[KEEPALIVE] = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	alarm->fds[CLOCK_STEP] = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	alarm->fds[ADDRESSES] = open_addresses();
	watch_clock(alarm->fds[CLOCK_STEP]);
	sync_alarm_rearm(alarm);
}

void
sync_alarm_clear(SyncAlarm *alarm)
{
	for (int i = 0; i < SYNC_ALARM_FDS; i++)
		if (alarm->fds[i] >= 0)
			close(alarm->fds[i]);
}

void
sync_alarm_rearm(SyncAlarm *alarm)
{
	struct itimerspec due = {
		.it_value = { .tv_sec = sync_keepalive_ms / 1000, .tv_nsec = sync_keepalive_ms % 1000 * 1000000L },
	};

	if (alarm->fds[KEEPALIVE] >= 0)
		timerfd_settime(alarm->fds[KEEPALIVE], 0, &due, NULL);
}

/* The clock's timer answers ECANCELED once it was set, the other sockets ENOBUFS when they had too much to tell. */
static bool
drain(int fd)
{
	char buffer[8192];
	bool any = false;

	while (fd >= 0) {
		ssize_t n = read(fd, buffer, sizeof buffer);
		if (n < 0 && errno != ECANCELED && errno != ENOBUFS && errno != EINTR)
			break;
		any |= n > 0 || (n < 0 && errno != EINTR);
		if (n < 0 && errno == ECANCELED)
			break; /* readable until it is set anew */
	}
	return any;
}

bool
sync_alarm_take(SyncAlarm *alarm, bool *network_r)
{
	bool time = drain(alarm->fds[KEEPALIVE]), set = drain(alarm->fds[CLOCK_STEP]), moved = drain(alarm->fds[ADDRESSES]);

	if (set)
		watch_clock(alarm->fds[CLOCK_STEP]);
	if (network_r)
		*network_r = set || moved;
	return time || set || moved;
}
