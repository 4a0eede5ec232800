#include "core/bucket.h"

#include <glib.h>

#define TOKEN (60u * 1000) /* parts */

void
core_bucket_init(CoreBucket *bucket, unsigned per_minute, unsigned burst, int64_t now_ms)
{
	uint64_t full = (uint64_t)burst * TOKEN;

	*bucket = (CoreBucket){ .per_minute = per_minute, .full = full, .credit = full, .at_ms = now_ms };
}

bool
core_bucket_take(CoreBucket *bucket, int64_t now_ms)
{
	uint64_t passed_ms = now_ms > bucket->at_ms ? (uint64_t)(now_ms - bucket->at_ms) : 0;
	uint64_t missing = bucket->full - bucket->credit;

	bucket->credit += passed_ms > missing / bucket->per_minute ? missing : passed_ms * bucket->per_minute;
	bucket->at_ms = MAX(bucket->at_ms, now_ms);
	if (bucket->credit < TOKEN)
		return false;
	bucket->credit -= TOKEN;
	return true;
}

void
core_bucket_give_back(CoreBucket *bucket)
{
	bucket->credit = MIN(bucket->credit + TOKEN, bucket->full);
}
