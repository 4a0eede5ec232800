/* src/core: errors, the cancel switch, the log. */
#include "core/cancel.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/size.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static void
test_error_table(void)
{
	static const struct {
		CoreErrorCode code;
		int exit_status;
		CoreRetry retry;
	} rows[] = {
		{ CORE_ERROR_USAGE, EX_USAGE, CORE_RETRY_NEVER },
		{ CORE_ERROR_CONFIG, EX_CONFIG, CORE_RETRY_NEVER },
		{ CORE_ERROR_UNREACHABLE, EX_UNAVAILABLE, CORE_RETRY_LATER },
		{ CORE_ERROR_LOGIN, EX_NOPERM, CORE_RETRY_NEVER },
		{ CORE_ERROR_PASSWORD, EX_NOPERM, CORE_RETRY_LATER },
		{ CORE_ERROR_LOCKED, EX_TEMPFAIL, CORE_RETRY_LATER },
		{ CORE_ERROR_IO, EX_IOERR, CORE_RETRY_LATER },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;
		g_assert_false(core_throw(&error, rows[i].code, "row %d", (int)i));
		g_assert_cmpint(core_error_exit_status(error), ==, rows[i].exit_status);
		g_assert_cmpint(core_error_retry(error), ==, rows[i].retry);
	}
}

static void
test_error_words(void)
{
	g_autoptr(GError) error = NULL;

	errno = ENOSPC;
	g_assert_false(core_throw_errno(&error, "cannot write %s", "x"));
	g_assert_false(core_prefix(&error, "saving: "));
	g_assert_cmpstr(error->message, ==, "saving: cannot write x: No space left on device");

	g_autoptr(GError) foreign = g_error_new_literal(G_FILE_ERROR, G_FILE_ERROR_NOENT, "gone");
	g_assert_cmpint(core_error_exit_status(foreign), ==, EX_IOERR);
}

static void *
trigger(void *data)
{
	core_cancel_trigger(data);
	return NULL;
}

static void
test_cancel_wakes_poll(void)
{
	g_autoptr(CoreCancel) cancel = core_cancel_new();
	g_autoptr(GError) error = NULL;
	struct pollfd fd = { .fd = core_cancel_fd(cancel), .events = POLLIN };
	pthread_t thread;

	g_assert_true(core_cancel_check(cancel, &error));
	g_assert_cmpint(poll(&fd, 1, 0), ==, 0);
	g_assert_cmpint(pthread_create(&thread, NULL, trigger, cancel), ==, 0);
	g_assert_cmpint(poll(&fd, 1, 10000), ==, 1);
	pthread_join(thread, NULL);
	g_assert_true(core_cancel_triggered(cancel));
	g_assert_false(core_cancel_check(cancel, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CANCELLED);
	g_assert_false(core_cancel_triggered(NULL));
	g_assert_cmpint(core_cancel_fd(NULL), ==, -1);
}

static void
test_log_file(void)
{
	g_autofree char *dir = g_dir_make_tmp("mailtree-core-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "log", NULL);
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;

	g_assert_true(core_log_to_file(path, 200, &error));
	core_log(CORE_LOG_INFO, "core", "hidden");
	core_log(CORE_LOG_ERROR, "core", "bell\a and\nnewline ž\xc2\x9b\xe2\x80\xae\xff.");
	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_assert_null(strstr(text, "hidden"));
	g_assert_nonnull(strstr(text, "error core: bell\\x07 and\\x0anewline ž\\xc2\\x9b\\xe2\\x80\\xae\\xff.\n"));

	for (int i = 0; i < 20; i++)
		core_log(CORE_LOG_ERROR, "core", "a line that makes the file grow, number %d", i);
	g_autofree char *after = NULL;
	gsize length = 0;
	g_assert_true(g_file_get_contents(path, &after, &length, NULL));
	g_assert_cmpuint(length, <, 400);
	g_assert_nonnull(strstr(after, "number 19"));
	g_unlink(path);
	g_rmdir(dir);
}

static void
test_clock(void)
{
	int64_t start = core_clock_ms();

	g_usleep(2000);
	g_assert_cmpint(core_clock_ms(), >, start);
	g_assert_cmpint(core_clock_boot_ms(), >=, start); /* boot time includes what monotonic leaves out */
	g_assert_cmpint(core_clock_wall_s(), >, 1700000000);
}

static void
test_clock_that_is_set(void)
{
	CoreClockPatience patience = { 0 };
	const int64_t year = 365 * 86400, hour = CORE_CLOCK_PATIENCE_S;

	g_assert_cmpint(core_clock_patience(&patience, 1000, 10), ==, 1000);
	g_assert_cmpint(core_clock_patience(&patience, 1500, 480), ==, 1500); /* it drifts */
	g_assert_cmpint(core_clock_patience(&patience, 1600 + year, 580), ==, 1600);
	g_assert_cmpint(core_clock_patience(&patience, 1600 + year + hour - 1, 580 + hour - 1), ==, 1600 + hour - 1);
	g_assert_cmpint(core_clock_patience(&patience, 1600 + year + hour, 580 + hour), ==, 1600 + year + hour);
	g_assert_cmpint(core_clock_patience(&patience, 1700 + hour, 680 + hour), ==, 1700 + hour); /* back, at once */
	/* Sleep is no jump: the time since boot has it, too. */
	g_assert_cmpint(core_clock_patience(&patience, 1700 + hour + year, 680 + hour + year), ==, 1700 + hour + year);
}

static void
test_size(void)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{ 0, "0 bytes" },          { 999, "999 bytes" },      { 1000, "1.0 kB" },        { 12345, "12.3 kB" },
		{ 999949, "999.9 kB" },    { 999950, "1.0 MB" },      { 5368709120, "5.4 GB" },  { INT64_MAX, "9223372.0 TB" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = core_size_text(rows[i].bytes);
		g_assert_cmpstr(text, ==, rows[i].text);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/core/error/table", test_error_table);
	g_test_add_func("/core/error/words", test_error_words);
	g_test_add_func("/core/cancel/wakes-poll", test_cancel_wakes_poll);
	g_test_add_func("/core/log/file", test_log_file);
	g_test_add_func("/core/clock", test_clock);
	g_test_add_func("/core/clock/that-is-set", test_clock_that_is_set);
	g_test_add_func("/core/size", test_size);
	return g_test_run();
}
