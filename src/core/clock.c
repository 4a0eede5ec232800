#include "core/clock.h"

#include <time.h>

static int64_t
read_ms(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
core_clock_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
}

int64_t
core_clock_boot_ms(void)
{
	return read_ms(CLOCK_BOOTTIME);
}

int64_t
core_clock_wall_s(void)
{
	return read_ms(CLOCK_REALTIME) / 1000;
}
