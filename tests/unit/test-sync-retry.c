/* sync/retry: when a lost connection is tried again. */
#include "sync/retry.h"

static GError *
failure_of(CoreErrorCode code)
{
	return g_error_new_literal(CORE_ERROR, code, "lost");
}

/* Loses one connection after the other, each @life_ms after it came about (0: none did), and tells the last pause. */
static int64_t
pause_after(unsigned times, int64_t life_ms, CoreErrorCode code)
{
	g_autoptr(GError) failure = failure_of(code);
	SyncRetry retry = { 0 };
	int64_t now_ms = 1000;

	g_assert_cmpint(retry.due_ms, <=, now_ms); /* the first is due at once */
	for (unsigned i = 0; i < times; i++) {
		if (i > 0)
			now_ms = retry.due_ms;
		if (life_ms > 0)
			sync_retry_connected(&retry, now_ms);
		if (life_ms > 1)
			sync_retry_connected(&retry, now_ms + life_ms - 1); /* a pass on the same connection */
		now_ms += life_ms;
		sync_retry_lost(&retry, failure, now_ms);
	}
	return retry.due_ms - now_ms;
}

typedef struct {
	const char *what;
	unsigned times;
	int64_t life_ms;
	CoreErrorCode code;
	int64_t least_ms, most_ms;
} Row;

static const Row rows[] = {
	{ "the first", 1, 0, CORE_ERROR_UNREACHABLE, 2000, 2500 },
	{ "the second", 2, 0, CORE_ERROR_UNREACHABLE, 4000, 5000 },
	{ "the sixth", 6, 0, CORE_ERROR_UNREACHABLE, 64000, 80000 },
	{ "the hundredth", 100, 0, CORE_ERROR_UNREACHABLE, 240000, 300000 },
	{ "each ends after a good pass", 6, 500, CORE_ERROR_UNREACHABLE, 64000, 80000 },
	{ "each lasts", 6, SYNC_RETRY_LASTING_MS, CORE_ERROR_UNREACHABLE, 2000, 2500 },
	{ "busy", 1, 0, CORE_ERROR_BUSY, 60000, 75000 },
	{ "busy for long", 100, 0, CORE_ERROR_BUSY, 240000, 300000 },
	{ "no password", 1, 0, CORE_ERROR_PASSWORD, 30000, 37500 },
	{ "no password again", 2, 0, CORE_ERROR_PASSWORD, 60000, 75000 },
	{ "no password for long", 100, 0, CORE_ERROR_PASSWORD, 720000, 900000 },
};

static void
test_row(const void *data)
{
	const Row *row = data;

	for (int i = 0; i < 100; i++) {
		int64_t pause_ms = pause_after(row->times, row->life_ms, row->code);
		g_assert_cmpint(pause_ms, >=, row->least_ms);
		g_assert_cmpint(pause_ms, <=, row->most_ms);
	}
}

static void
test_no_two_are_alike(void)
{
	int64_t first_ms = pause_after(8, 0, CORE_ERROR_UNREACHABLE);
	bool differs = false;

	for (int i = 0; i < 100; i++)
		differs |= pause_after(8, 0, CORE_ERROR_UNREACHABLE) != first_ms;
	g_assert_true(differs);
}

static void
test_refused_credentials_wait_for_a_person(void)
{
	g_autoptr(GError) refused = failure_of(CORE_ERROR_LOGIN);
	SyncRetry retry = { 0 };

	sync_retry_lost(&retry, refused, 1000);
	g_assert_cmpint(retry.due_ms, ==, INT64_MAX);
	sync_retry_network_changed(&retry, 2000);
	g_assert_cmpint(retry.due_ms, ==, INT64_MAX);
}

static void
test_another_network_is_a_new_start(void)
{
	g_autoptr(GError) failure = failure_of(CORE_ERROR_UNREACHABLE);
	SyncRetry retry = { 0 };

	for (int i = 0; i < 10; i++)
		sync_retry_lost(&retry, failure, 1000);
	sync_retry_network_changed(&retry, 5000);
	g_assert_cmpint(retry.due_ms, ==, 5000);
	sync_retry_lost(&retry, failure, 6000);
	g_assert_cmpint(retry.due_ms, <=, 8500);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *name = g_strdup_printf("/sync/retry/%s", rows[i].what);
		g_test_add_data_func(name, &rows[i], test_row);
	}
	g_test_add_func("/sync/retry/no two are alike", test_no_two_are_alike);
	g_test_add_func("/sync/retry/refused credentials wait for a person", test_refused_credentials_wait_for_a_person);
	g_test_add_func("/sync/retry/another network is a new start", test_another_network_is_a_new_start);
	return g_test_run();
}
