/* src/core/bucket: so many at once, and so many a minute. */
#include "core/bucket.h"

#include <glib.h>

#define NOW_MS 1000000
#define MINUTE_MS 60000

static unsigned
take_all(CoreBucket *bucket, int64_t now_ms)
{
	unsigned count = 0;

	while (core_bucket_take(bucket, now_ms))
		count++;
	return count;
}

static void
test_a_burst_and_then_the_rate(void)
{
	CoreBucket bucket;

	core_bucket_init(&bucket, 600, 50, NOW_MS);
	g_assert_cmpuint(take_all(&bucket, NOW_MS), ==, 50);
	g_assert_cmpuint(take_all(&bucket, NOW_MS + 99), ==, 0);
	g_assert_cmpuint(take_all(&bucket, NOW_MS + 100), ==, 1);
	g_assert_cmpuint(take_all(&bucket, NOW_MS + 1100), ==, 10);
	g_assert_cmpuint(take_all(&bucket, NOW_MS + 1100 + MINUTE_MS), ==, 50); /* never more than the burst */
}

/* However often it is asked for in between. */
static void
test_nothing_is_lost_between(void)
{
	CoreBucket bucket;
	unsigned count = 0;

	core_bucket_init(&bucket, 7, 2, NOW_MS);
	g_assert_cmpuint(take_all(&bucket, NOW_MS), ==, 2);
	for (int64_t ms = 1; ms <= 10 * MINUTE_MS; ms++)
		count += core_bucket_take(&bucket, NOW_MS + ms);
	g_assert_cmpuint(count, ==, 70);
}

static void
test_what_was_given_back_can_be_taken(void)
{
	CoreBucket bucket;

	core_bucket_init(&bucket, 1, 2, NOW_MS);
	core_bucket_give_back(&bucket); /* it is full */
	g_assert_cmpuint(take_all(&bucket, NOW_MS), ==, 2);
	core_bucket_give_back(&bucket);
	g_assert_cmpuint(take_all(&bucket, NOW_MS), ==, 1);
}

static void
test_no_time_is_too_long_and_none_goes_back(void)
{
	CoreBucket bucket;

	core_bucket_init(&bucket, 1000000, 1000000, 0);
	g_assert_cmpuint(take_all(&bucket, 0), ==, 1000000);
	g_assert_cmpuint(take_all(&bucket, INT64_MAX), ==, 1000000);
	g_assert_cmpuint(take_all(&bucket, 0), ==, 0);
	g_assert_cmpuint(take_all(&bucket, INT64_MAX), ==, 0);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/core/bucket/a-burst-and-then-the-rate", test_a_burst_and_then_the_rate);
	g_test_add_func("/core/bucket/nothing-is-lost-between", test_nothing_is_lost_between);
	g_test_add_func("/core/bucket/what-was-given-back-can-be-taken", test_what_was_given_back_can_be_taken);
	g_test_add_func("/core/bucket/no-time-is-too-long-and-none-goes-back", test_no_time_is_too_long_and_none_goes_back);
	return g_test_run();
}
