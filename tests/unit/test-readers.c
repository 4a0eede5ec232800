/* src/readers: who is a crawler, by the names of threads, and how much others may read. */
#include "config-private.h"
#include "core/clock.h"
#include "readers.h"

#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static char *none[] = { NULL };

static void
call_myself(const char *name)
{
	g_assert_cmpint(prctl(PR_SET_NAME, name), ==, 0);
}

static bool
admits(Readers *readers, pid_t reader, CoreErrorCode code)
{
	g_autoptr(GError) error = NULL;
	bool admitted = readers_admit(readers, reader, core_clock_ms(), &error);

	if (!admitted)
		g_assert_error(error, CORE_ERROR, (gint)code);
	else
		g_assert_no_error(error);
	return admitted;
}

static void
test_default_crawlers(void)
{
	static const struct {
		const char *name;
		bool crawls;
	} rows[] = {
		{ "updatedb", true },        { "updatedb.plocate", true }, { "updatedb.mlocate", true }, { "tracker-extract-3", true },
		{ "tracker-miner-fs-3", true }, { "localsearch-3", true },    { "localsearch-extractor-3", true },
		{ "baloo_file", true },      { "baloo_file_extractor", true }, { "recollindex", true },
		{ "grep", false },           { "mutt", false },            { "updatedbx", false },       { "tracker", false },
		{ "recoll", false },         { "locate", false },          { "rsync", false },           { "mailtree", false },
	};
	g_auto(GStrv) crawlers = config_default_crawlers();
	g_autoptr(Readers) readers = readers_new(crawlers, 0);

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		call_myself(rows[i].name); /* which cuts it */
		g_test_message("%s", rows[i].name);
		g_assert_true(admits(readers, getpid(), CORE_ERROR_REFUSED) == !rows[i].crawls);
	}
}

static void
test_names_and_patterns(void)
{
	static const struct {
		const char *pattern, *name;
		bool crawls;
	} rows[] = {
		{ "indexer", "indexer", true },
		{ "indexer", "indexer2", false },
		{ "indexer?", "indexer2", true },
		{ "*dex*", "indexer", true },
		{ "an-indexer-of-files", "an-indexer-of-f", true }, /* cut at 15 bytes, as the kernel does */
		{ "an-indexer-of-f", "an-indexer-of-files", true },
		{ "an indexer", "an indexer", true },
		{ "Indexer", "indexer", false },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		char *crawlers[] = { (char *)(uintptr_t)rows[i].pattern, NULL };
		g_autoptr(Readers) readers = readers_new(crawlers, 0);
		call_myself(rows[i].name);
		g_test_message("%s %s", rows[i].pattern, rows[i].name);
		g_assert_true(admits(readers, getpid(), CORE_ERROR_REFUSED) == !rows[i].crawls);
	}
}

typedef struct {
	const char *name;
	pid_t thread;
	int gate[2];
} Other;

static void *
be(void *data)
{
	Other *other = data;
	char byte;

	call_myself(other->name);
	other->thread = gettid();
	g_assert_cmpint(write(other->gate[1], "x", 1), ==, 1);
	g_assert_cmpint(read(other->gate[0], &byte, 1), ==, 1);
	return NULL;
}

/* A worker of an indexer has another name than it; and a thread of another program may have the name of one. */
static void
test_threads_have_names_of_their_own(void)
{
	static const struct {
		const char *process, *thread;
		bool crawls;
	} rows[] = { { "indexer", "pool-7", true }, { "shell", "indexer", true }, { "shell", "pool-7", false } };
	char *crawlers[] = { (char[]){ "indexer" }, NULL };
	g_autoptr(Readers) readers = readers_new(crawlers, 0);

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		Other other = { .name = rows[i].thread };
		int back[2];
		pthread_t thread;
		char byte;
		call_myself(rows[i].process);
		g_assert_cmpint(pipe(other.gate), ==, 0);
		g_assert_cmpint(pipe(back), ==, 0);
		int to_us = other.gate[0];
		other.gate[0] = back[0];
		g_assert_cmpint(pthread_create(&thread, NULL, be, &other), ==, 0);
		g_assert_cmpint(read(to_us, &byte, 1), ==, 1);
		g_assert_true(admits(readers, other.thread, CORE_ERROR_REFUSED) == !rows[i].crawls);
		g_assert_cmpint(write(back[1], "x", 1), ==, 1);
		pthread_join(thread, NULL);
		for (int k = 0; k < 2; k++)
			close(back[k]);
		close(to_us);
		close(other.gate[1]);
	}
}

static void
test_who_cannot_be_known_is_no_crawler(void)
{
	char *all[] = { (char[]){ "*" }, NULL };
	g_autoptr(Readers) readers = readers_new(all, 0);

	g_assert_true(admits(readers, 0, CORE_ERROR_REFUSED));
	g_assert_true(admits(readers, -1, CORE_ERROR_REFUSED));
	g_assert_true(admits(readers, G_MAXINT, CORE_ERROR_REFUSED)); /* it has ended */
	g_assert_false(admits(readers, getpid(), CORE_ERROR_REFUSED));
}

static void
test_beyond_the_rate(void)
{
	g_autoptr(Readers) readers = readers_new(none, 3);
	g_autoptr(GError) error = NULL;
	int64_t now_ms = core_clock_ms();
	ReadersRefused refused;

	for (int i = 0; i < 3; i++)
		g_assert_true(readers_admit(readers, getpid(), now_ms, &error));
	g_assert_false(readers_admit(readers, getpid(), now_ms, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_BUSY);
	readers_spare(readers);
	g_assert_true(readers_admit(readers, getpid(), now_ms, NULL));
	g_assert_false(readers_admit(readers, getpid(), now_ms, NULL));
	g_assert_true(readers_admit(readers, getpid(), now_ms + 20000, NULL));
	readers_refused(readers, &refused);
	g_assert_cmpuint(refused.beyond_rate, ==, 2);
	g_assert_cmpuint(refused.of_crawlers, ==, 0);
	g_assert_cmpstr(refused.last_crawler, ==, "");
}

/* Crawlers take nothing from the others. */
static void
test_crawlers_do_not_count(void)
{
	char *crawlers[] = { (char[]){ "indexer" }, NULL };
	g_autoptr(Readers) readers = readers_new(crawlers, 1);
	ReadersRefused refused;

	call_myself("indexer");
	for (int i = 0; i < 10; i++)
		g_assert_false(admits(readers, getpid(), CORE_ERROR_REFUSED));
	call_myself("mutt");
	g_assert_true(admits(readers, getpid(), CORE_ERROR_REFUSED));
	g_assert_false(admits(readers, getpid(), CORE_ERROR_BUSY));
	readers_refused(readers, &refused);
	g_assert_cmpuint(refused.of_crawlers, ==, 10);
	g_assert_cmpuint(refused.beyond_rate, ==, 1);
	g_assert_cmpstr(refused.last_crawler, ==, "indexer");
}

static void *
read_often(void *data)
{
	for (int i = 0; i < 500; i++) {
		ReadersRefused refused;
		if (readers_admit(data, gettid(), core_clock_ms(), NULL))
			readers_spare(data);
		readers_refused(data, &refused);
	}
	return NULL;
}

static void
test_many_read_at_once(void)
{
	char *crawlers[] = { (char[]){ "indexer" }, NULL };
	g_autoptr(Readers) readers = readers_new(crawlers, 100);
	pthread_t threads[4];

	for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
		g_assert_cmpint(pthread_create(&threads[i], NULL, read_often, readers), ==, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
		pthread_join(threads[i], NULL);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(path, test) g_test_add_func("/readers/" path, test)
	ADD("default-crawlers", test_default_crawlers);
	ADD("names-and-patterns", test_names_and_patterns);
	ADD("threads-have-names-of-their-own", test_threads_have_names_of_their_own);
	ADD("who-cannot-be-known-is-no-crawler", test_who_cannot_be_known_is_no_crawler);
	ADD("beyond-the-rate", test_beyond_the_rate);
	ADD("crawlers-do-not-count", test_crawlers_do_not_count);
	ADD("many-read-at-once", test_many_read_at_once);
	return g_test_run();
}
