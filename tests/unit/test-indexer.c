/* src/indexer: when it indexes, and who waits for it. */
#include "store-fixture.h"

#include "indexer.h"
#include "mime/derive.h"

#include <pthread.h>
#include <stdatomic.h>

#define ADD(path, test) g_test_add("/indexer/" path, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

#define EVERY_MS 10

static atomic_bool quiet;
static atomic_uint looks; /* how often it was asked */

static bool
is_quiet(void *data)
{
	atomic_fetch_add(&looks, 1);
	return atomic_load(&quiet);
}

static uint64_t
to_do(Fixture *fixture)
{
	StoreSearchState state;

	g_assert_true(store_search_state(fixture->store, MIME_DERIVE_VERSION, &state, NULL));
	return state.to_do;
}

static void
fill(Fixture *fixture, uint32_t from, uint32_t to)
{
	for (uint32_t uid = from; uid <= to; uid++) {
		g_autofree char *bytes = g_strdup_printf("Subject: mail %u\r\n\r\ntext\r\n", uid);
		add_message(fixture, fixture->inbox, uid, bytes);
	}
}

static bool
stay(const IndexerProgress *progress, void *data)
{
	g_assert_cmpuint(progress->done, <=, progress->total);
	return true;
}

static bool
go(const IndexerProgress *progress, void *data)
{
	return false;
}

static void
test_only_when_it_is_asked(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Indexer) indexer = indexer_new(fixture->store, NULL, NULL, NULL, &error);

	fill(fixture, 1, 60);
	g_assert_cmpuint(to_do(fixture), ==, 60);
	for (int turn = 0; turn < 2; turn++) {
		bool ok = indexer_catch_up(indexer, EVERY_MS, stay, NULL, &error);
		g_assert_no_error(error);
		g_assert_true(ok);
		g_assert_cmpuint(to_do(fixture), ==, 0);
	}
	fill(fixture, 61, 62);
	g_assert_true(indexer_catch_up(indexer, EVERY_MS, stay, NULL, NULL));
	g_assert_cmpuint(to_do(fixture), ==, 0);
}

static void
wait_until_done(Fixture *fixture)
{
	while (to_do(fixture) > 0)
		g_usleep(1000);
}

static void
test_by_itself_when_it_is_quiet(Fixture *fixture, const void *data)
{
	fill(fixture, 1, 3); /* before it begins */
	atomic_store(&quiet, false);
	atomic_store(&looks, 0);
	g_autoptr(Indexer) indexer = indexer_new(fixture->store, is_quiet, NULL, NULL, NULL);
	while (atomic_load(&looks) < 2)
		g_usleep(1000);
	g_assert_cmpuint(to_do(fixture), ==, 3);
	atomic_store(&quiet, true);
	wait_until_done(fixture);
	fill(fixture, 4, 5);
	wait_until_done(fixture);

	atomic_store(&quiet, false);
	fill(fixture, 6, 7);
	g_assert_true(indexer_catch_up(indexer, EVERY_MS, stay, NULL, NULL)); /* who asks is served */
	g_assert_cmpuint(to_do(fixture), ==, 0);
}

/* It begins, and stops as soon as something is brought; then it does the rest. */
static bool
is_quiet_at_first(void *data)
{
	return atomic_load(&quiet) || atomic_fetch_add(&looks, 1) == 0;
}

static void
test_it_gives_way(Fixture *fixture, const void *data)
{
	fill(fixture, 1, 120);
	atomic_store(&quiet, false);
	atomic_store(&looks, 0);
	g_autoptr(Indexer) indexer = indexer_new(fixture->store, is_quiet_at_first, NULL, NULL, NULL);
	while (atomic_load(&looks) < 3)
		g_usleep(1000);
	g_assert_cmpuint(to_do(fixture), ==, 70); /* it asks after each 50 */
	atomic_store(&quiet, true);
	wait_until_done(fixture);
}

static void
test_who_goes_away_is_not_waited_for(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Indexer) indexer = indexer_new(fixture->store, NULL, NULL, NULL, NULL);

	fill(fixture, 1, 20);
	if (!indexer_catch_up(indexer, 0, go, NULL, &error)) /* it may be quicker */
		g_assert_error(error, CORE_ERROR, CORE_ERROR_CANCELLED);
	g_assert_true(indexer_catch_up(indexer, EVERY_MS, stay, NULL, NULL));
	g_assert_cmpuint(to_do(fixture), ==, 0);
}

typedef struct {
	Indexer *indexer;
	atomic_bool begun;
} Waiter;

static void *
wait_for_it(void *data)
{
	Waiter *waiter = data;
	g_autoptr(GError) error = NULL;

	atomic_store(&waiter->begun, true);
	if (!indexer_catch_up(waiter->indexer, EVERY_MS, stay, NULL, &error))
		g_assert_error(error, CORE_ERROR, CORE_ERROR_CANCELLED);
	return NULL;
}

static void
test_stopped_while_somebody_waits(Fixture *fixture, const void *data)
{
	fill(fixture, 1, 30);
	for (int turn = 0; turn < 5; turn++) {
		Waiter waiter = { .indexer = indexer_new(fixture->store, NULL, NULL, NULL, NULL) };
		pthread_t threads[3];
		for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
			g_assert_cmpint(pthread_create(&threads[i], NULL, wait_for_it, &waiter), ==, 0);
		while (!atomic_load(&waiter.begun))
			g_usleep(100);
		indexer_stop(waiter.indexer);
		for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
			pthread_join(threads[i], NULL);
		g_autoptr(GError) error = NULL;
		g_assert_false(indexer_catch_up(waiter.indexer, EVERY_MS, stay, NULL, &error)); /* too late */
		g_assert_error(error, CORE_ERROR, CORE_ERROR_CANCELLED);
		indexer_free(waiter.indexer);
	}
}

static void
test_failures_are_told(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = in_dir(fixture, "search.db");
	g_autoptr(Indexer) indexer = NULL;

	fill(fixture, 1, 1);
	g_assert_cmpint(g_mkdir(path, 0700), ==, 0); /* so it cannot be opened */
	indexer = indexer_new(fixture->store, NULL, NULL, NULL, NULL);
	g_assert_false(indexer_catch_up(indexer, EVERY_MS, stay, NULL, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_IO);
	g_assert_nonnull(strstr(error->message, path));
	g_assert_cmpint(g_rmdir(path), ==, 0);
	g_assert_true(indexer_catch_up(indexer, EVERY_MS, stay, NULL, NULL));
	g_assert_cmpuint(to_do(fixture), ==, 0);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	mime_init();
	indexer_pause_ms = 20;
	ADD("only-when-it-is-asked", test_only_when_it_is_asked);
	ADD("by-itself-when-it-is-quiet", test_by_itself_when_it_is_quiet);
	ADD("it-gives-way", test_it_gives_way);
	ADD("who-goes-away-is-not-waited-for", test_who_goes_away_is_not_waited_for);
	ADD("stopped-while-somebody-waits", test_stopped_while_somebody_waits);
	ADD("failures-are-told", test_failures_are_told);
	return g_test_run();
}
