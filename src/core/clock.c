#include "core/clock.h"

#include <pthread.h>
#include <time.h>

#define DRIFT_S 60 /* what is less is no jump */

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

int64_t
core_clock_wall_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

int64_t
core_clock_patience(CoreClockPatience *patience, int64_t wall_s, int64_t boot_s)
{
	int64_t offset_s = wall_s - boot_s;

	if (patience->is_set && offset_s > patience->offset_s + DRIFT_S) {
		if (!patience->has_jumped)
			patience->jumped_s = boot_s;
		patience->has_jumped = true;
		if (boot_s - patience->jumped_s < CORE_CLOCK_PATIENCE_S)
			return boot_s + patience->offset_s;
	}
	*patience = (CoreClockPatience){ .is_set = true, .offset_s = offset_s };
	return wall_s;
}

int64_t
core_clock_patient_s(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static CoreClockPatience patience;

	pthread_mutex_lock(&lock);
	int64_t now_s = core_clock_patience(&patience, core_clock_wall_s(), core_clock_boot_ms() / 1000);
	pthread_mutex_unlock(&lock);
	return now_s;
}
