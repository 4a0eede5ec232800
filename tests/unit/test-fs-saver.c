/* fs/saver: when what is submitted is done. */
#include "fs/saver.h"

#include "fs/error.h"
#include "store/store.h"

#include <errno.h>
#include <stdatomic.h>

typedef struct {
	char *dir;
	Store *store;
	FsSaver *saver;
	atomic_uint commits;
} Fixture;

typedef struct {
	FsJob job;
	atomic_uint *done;
	const char *account; /* that it makes */
} Job;

static void
note_commit(void *data)
{
	atomic_fetch_add(&((Fixture *)data)->commits, 1);
}

static void
nothing(void *data)
{
}

static bool
pass(FsJob *job, StoreTxn *txn, GError **error)
{
	return true;
}

static void
finish(FsJob *job, const GError *error)
{
	g_assert_no_error(error);
	atomic_fetch_add(((Job *)job)->done, 1);
	g_free(job);
}

static void
submit(Fixture *fixture, atomic_uint *done)
{
	Job *job = g_new0(Job, 1);

	job->job = (FsJob){ .apply = pass, .done = finish };
	job->done = done;
	fs_saver_submit(fixture->saver, &job->job);
}

static void
set_up(Fixture *fixture, const void *data)
{
	GError *error = NULL;

	fixture->dir = g_dir_make_tmp("XXXXXX", &error);
	g_assert_no_error(error);
	fixture->store = store_open(fixture->dir, &error);
	g_assert_no_error(error);
	fixture->saver = fs_saver_new(fixture->store, note_commit, nothing, fixture);
}

static void
tear_down(Fixture *fixture, const void *data)
{
	store_close(fixture->store);
	g_autofree char *command = g_strdup_printf("rm -rf '%s'", fixture->dir);
	g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
	g_free(fixture->dir);
}

static void
test_nothing_is_done_before_the_start(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	atomic_uint done = 0;

	submit(fixture, &done);
	submit(fixture, &done);
	g_assert_cmpuint(done, ==, 0);
	g_assert_true(fs_saver_start(fixture->saver, &error));
	fs_saver_free(fixture->saver);
	g_assert_cmpuint(done, ==, 2);
	g_assert_cmpuint(fixture->commits, ==, 1); /* together */
}

static void
test_all_are_answered_without_a_start(Fixture *fixture, const void *data)
{
	atomic_uint done = 0;

	submit(fixture, &done);
	fs_saver_free(fixture->saver);
	g_assert_cmpuint(done, ==, 1);
}

static bool
make_account(FsJob *job, StoreTxn *txn, GError **error)
{
	int64_t id;

	return store_account_ensure(txn, ((Job *)job)->account, &id, error);
}

static bool
make_account_and_be_refused(FsJob *job, StoreTxn *txn, GError **error)
{
	return make_account(job, txn, error) && fs_throw(error, EBUSY);
}

static void
finish_refused(FsJob *job, const GError *error)
{
	g_assert_error(error, FS_ERROR, EBUSY);
	atomic_fetch_add(((Job *)job)->done, 1);
	g_free(job);
}

static bool
note_account(const StoreAccount *account, void *data)
{
	g_string_append_printf(data, "%s ", account->name);
	return true;
}

static void
test_what_is_refused_changes_nothing(Fixture *fixture, const void *data)
{
	static const struct {
		const char *account;
		bool is_refused;
	} jobs[] = { { "a", false }, { "b", true }, { "c", false }, { "d", true }, { "e", false } };
	g_autoptr(GString) names = g_string_new(NULL);
	atomic_uint done = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(jobs); i++) {
		Job *job = g_new0(Job, 1);
		job->job = jobs[i].is_refused ? (FsJob){ .apply = make_account_and_be_refused, .done = finish_refused }
		                              : (FsJob){ .apply = make_account, .done = finish };
		job->account = jobs[i].account;
		job->done = &done;
		fs_saver_submit(fixture->saver, &job->job);
	}
	g_assert_true(fs_saver_start(fixture->saver, NULL));
	fs_saver_free(fixture->saver);
	g_assert_cmpuint(done, ==, G_N_ELEMENTS(jobs));
	g_assert_cmpuint(fixture->commits, ==, 1);
	g_assert_true(store_account_list(fixture->store, note_account, names, NULL));
	g_assert_cmpstr(names->str, ==, "a c e ");
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add("/fs-saver/nothing-is-done-before-the-start", Fixture, NULL, set_up, test_nothing_is_done_before_the_start,
	           tear_down);
	g_test_add("/fs-saver/all-are-answered-without-a-start", Fixture, NULL, set_up, test_all_are_answered_without_a_start,
	           tear_down);
	g_test_add("/fs-saver/what-is-refused-changes-nothing", Fixture, NULL, set_up, test_what_is_refused_changes_nothing, tear_down);
	return g_test_run();
}
