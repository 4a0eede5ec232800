/* A token bucket: so many at once, and in the long run so many a minute. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Belongs to its owner's lock. */
typedef struct {
	uint64_t per_minute;
	uint64_t full;   /* in the parts that a minute brings per_minute of in each millisecond */
	uint64_t credit; /* at most full */
	int64_t at_ms;   /* when that was so */
} CoreBucket;

/* Full.  @per_minute and @burst: from 1 to a million.  @now_ms, here and below: core_clock_ms(). */
void core_bucket_init(CoreBucket *bucket, unsigned per_minute, unsigned burst, int64_t now_ms);
/* True: one was taken.  False: there is none yet. */
bool core_bucket_take(CoreBucket *bucket, int64_t now_ms);
/* What was taken last was not needed. */
void core_bucket_give_back(CoreBucket *bucket);
