/* Time, in milliseconds. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

int64_t core_clock_ms(void);      /* CLOCK_MONOTONIC: for time-outs and rates */
int64_t core_clock_boot_ms(void); /* CLOCK_BOOTTIME: goes on during suspend, so a jump against core_clock_ms() tells of one */
int64_t core_clock_wall_s(void);  /* seconds since 1970: for what people read */
int64_t core_clock_wall_ms(void); /* the same in milliseconds */

/* The wall clock for what must not be done too early: when it is set forward (a machine without a battery, once it knows the
 * time), that counts CORE_CLOCK_PATIENCE_S later; set back, at once.  Any thread; knows what happened since its first call. */
#define CORE_CLOCK_PATIENCE_S 3600
int64_t core_clock_patient_s(void);

/* What that is made of: zero at first. */
typedef struct {
	bool is_set, has_jumped;
	int64_t offset_s; /* of the wall clock, from the time since boot, as it counts */
	int64_t jumped_s; /* when it was set forward, since boot */
} CoreClockPatience;
int64_t core_clock_patience(CoreClockPatience *patience, int64_t wall_s, int64_t boot_s);
