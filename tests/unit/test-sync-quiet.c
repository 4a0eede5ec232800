/* sync/quiet: when it is believed that what was sent was not done. */
#include "sync/quiet.h"

#include <glib.h>

static void
test_it_counts_from_the_end_of_the_last_connection(void)
{
	SyncQuiet quiet = { 0 };

	sync_quiet_open(&quiet, 1000);
	g_assert_false(sync_quiet_is_over(&quiet, 1000));
	g_assert_false(sync_quiet_is_over(&quiet, 1000 + sync_quiet_ms - 1));
	g_assert_true(sync_quiet_is_over(&quiet, 1000 + sync_quiet_ms));
	sync_quiet_close(&quiet, 100000);
	g_assert_false(sync_quiet_is_over(&quiet, 100000 + sync_quiet_ms - 1));
	sync_quiet_open(&quiet, 100000 + sync_quiet_ms - 1); /* what was waited before it came about counts */
	g_assert_true(sync_quiet_is_over(&quiet, 100000 + sync_quiet_ms));
}

/* Looks until it is over, each of no time; how many looks there were, and when the last was. */
static unsigned
look(SyncQuiet *quiet, int64_t *now_ms)
{
	unsigned looks = 1;
	int64_t before_ms = 0;

	for (; !sync_quiet_is_over(quiet, *now_ms); looks++) {
		int64_t pause_ms = sync_quiet_pause_ms(quiet, *now_ms);
		g_assert_cmpint(pause_ms, >, before_ms);
		before_ms = pause_ms;
		*now_ms += pause_ms;
		g_assert_cmpuint(looks, <, 20);
	}
	return looks;
}

static void
test_looks_become_rarer_and_the_last_is_when_it_counts(void)
{
	SyncQuiet quiet = { 0 };
	int64_t now_ms = 1000;

	sync_quiet_open(&quiet, now_ms);
	g_assert_cmpuint(look(&quiet, &now_ms), ==, 5);
	g_assert_cmpint(now_ms, ==, 1000 + sync_quiet_ms);
	g_assert_cmpint(sync_quiet_pause_ms(&quiet, now_ms + 1), ==, 0);
}

static void
test_as_long_as_more_comes_it_begins_anew(void)
{
	SyncQuiet quiet = { 0 };
	int64_t now_ms = 1000;

	sync_quiet_open(&quiet, now_ms);
	for (unsigned i = 0; i < 100; i++) {
		now_ms += sync_quiet_pause_ms(&quiet, now_ms);
		sync_quiet_note_more(&quiet, now_ms);
		g_assert_false(sync_quiet_is_over(&quiet, now_ms));
	}
	int64_t last_ms = now_ms;
	look(&quiet, &now_ms);
	g_assert_cmpint(now_ms, ==, last_ms + sync_quiet_ms);
}

/* It may have been there for long. */
static void
test_what_the_first_look_shows_tells_nothing_of_the_rest(void)
{
	SyncQuiet quiet = { 0 };

	sync_quiet_open(&quiet, 1000);
	sync_quiet_note_more(&quiet, 1000 + sync_quiet_ms);
	g_assert_true(sync_quiet_is_over(&quiet, 1000 + sync_quiet_ms));
}

static void
test_no_time_at_all(void)
{
	SyncQuiet quiet = { 0 };
	int usual_ms = sync_quiet_ms;

	sync_quiet_ms = 0;
	sync_quiet_open(&quiet, 1000);
	g_assert_true(sync_quiet_is_over(&quiet, 1000));
	g_assert_cmpint(sync_quiet_pause_ms(&quiet, 1000), ==, 0);
	sync_quiet_ms = usual_ms;
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/quiet/from-the-last-connection", test_it_counts_from_the_end_of_the_last_connection);
	g_test_add_func("/quiet/looks", test_looks_become_rarer_and_the_last_is_when_it_counts);
	g_test_add_func("/quiet/more", test_as_long_as_more_comes_it_begins_anew);
	g_test_add_func("/quiet/first-look", test_what_the_first_look_shows_tells_nothing_of_the_rest);
	g_test_add_func("/quiet/none", test_no_time_at_all);
	return g_test_run();
}
