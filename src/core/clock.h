/* Time, in milliseconds. */
#pragma once

#include <stdint.h>

int64_t core_clock_ms(void);      /* CLOCK_MONOTONIC: for time-outs and rates */
int64_t core_clock_boot_ms(void); /* CLOCK_BOOTTIME: goes on during suspend, so a jump against core_clock_ms() tells of one */
int64_t core_clock_wall_s(void);  /* seconds since 1970: for what people read */
