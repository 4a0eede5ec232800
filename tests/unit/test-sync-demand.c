/* sync: who waits for a body is told once, whatever becomes of it. */
#include "sync/demand.h"

#include "core/clock.h"

#include <pthread.h>

typedef struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int told;
	CoreErrorCode code; /* of the last failure */
	bool failed;
} Told;

static Told *
told_new(void)
{
	Told *told = g_new0(Told, 1);

	pthread_mutex_init(&told->lock, NULL);
	pthread_cond_init(&told->changed, NULL);
	return told;
}

static void
told_free(Told *told)
{
	pthread_cond_destroy(&told->changed);
	pthread_mutex_destroy(&told->lock);
	g_free(told);
}

static void
note(const GError *failure, void *data)
{
	Told *told = data;

	pthread_mutex_lock(&told->lock);
	told->told++;
	told->failed = failure != NULL;
	if (failure)
		told->code = core_error_code(failure);
	pthread_cond_broadcast(&told->changed);
	pthread_mutex_unlock(&told->lock);
}

static void
wait_told(Told *told, int count)
{
	pthread_mutex_lock(&told->lock);
	while (told->told < count)
		pthread_cond_wait(&told->changed, &told->lock);
	pthread_mutex_unlock(&told->lock);
}

static bool
add(SyncDemand *demand, int64_t id, int64_t in_ms, Told *told, bool *first_r, GError **error)
{
	return sync_demand_add(demand, id, core_clock_ms() + in_ms, note, told, first_r, error);
}

static void
test_all_who_wait_are_told(void)
{
	g_autoptr(GError) error = NULL;
	SyncDemand *demand = sync_demand_new(&error);
	Told *told = told_new();
	bool first = false;

	g_assert_true(add(demand, 1, 60000, told, &first, &error));
	g_assert_true(first);
	g_assert_true(add(demand, 1, 60000, told, &first, &error));
	g_assert_false(first);
	sync_demand_end(demand, 1, NULL);
	wait_told(told, 2);
	g_assert_false(told->failed);
	g_assert_true(add(demand, 1, 60000, told, &first, &error));
	g_assert_true(first);
	sync_demand_end(demand, 1, NULL);
	sync_demand_free(demand);
	g_assert_cmpint(told->told, ==, 3);
	told_free(told);
}

static void
test_a_failure_is_remembered(void)
{
	g_autoptr(GError) error = NULL, failure = NULL;
	SyncDemand *demand = sync_demand_new(&error);
	Told *told = told_new();
	bool first;

	g_assert_true(add(demand, 1, 60000, told, &first, &error));
	core_throw(&failure, CORE_ERROR_PROTOCOL, "no");
	sync_demand_end(demand, 1, g_steal_pointer(&failure));
	wait_told(told, 1);
	g_assert_cmpint(told->code, ==, CORE_ERROR_PROTOCOL);
	g_assert_false(add(demand, 1, 60000, told, &first, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_PROTOCOL);
	g_clear_error(&error);
	sync_demand_end(demand, 1, NULL); /* it has come after all */
	g_assert_true(add(demand, 1, 60000, told, &first, &error));
	sync_demand_free(demand);
	told_free(told);
}

static void
test_the_deadline(void)
{
	g_autoptr(GError) error = NULL;
	SyncDemand *demand = sync_demand_new(&error);
	Told *told = told_new();
	bool first;

	g_assert_true(add(demand, 1, 60000, told, &first, &error));
	g_assert_true(add(demand, 1, 1, told, &first, &error));
	wait_told(told, 1);
	g_assert_cmpint(told->code, ==, CORE_ERROR_UNREACHABLE);
	sync_demand_end(demand, 1, NULL);
	wait_told(told, 2);
	g_assert_false(told->failed);
	sync_demand_free(demand);
	told_free(told);
}

static void
test_who_is_interrupted_waits_no_longer(void)
{
	g_autoptr(GError) error = NULL;
	SyncDemand *demand = sync_demand_new(&error);
	Told *told = told_new(), *other = told_new();
	bool first;

	sync_demand_abandon(demand, 1, told); /* he does not wait */
	g_assert_true(add(demand, 1, 60000, told, &first, &error));
	g_assert_true(add(demand, 1, 60000, other, &first, &error));
	sync_demand_abandon(demand, 1, told);
	wait_told(told, 1);
	g_assert_cmpint(told->code, ==, CORE_ERROR_CANCELLED);
	g_assert_true(add(demand, 1, 60000, told, &first, &error)); /* that is no failure to be remembered */
	g_assert_false(first);
	sync_demand_end(demand, 1, NULL);
	wait_told(told, 2);
	wait_told(other, 1);
	g_assert_false(told->failed);
	g_assert_false(other->failed);
	sync_demand_abandon(demand, 1, told);
	sync_demand_free(demand);
	g_assert_cmpint(told->told, ==, 2);
	g_assert_cmpint(other->told, ==, 1);
	told_free(told);
	told_free(other);
}

static void
test_the_end(void)
{
	g_autoptr(GError) error = NULL;
	SyncDemand *demand = sync_demand_new(&error);
	Told *told = told_new();
	bool first;

	g_assert_true(add(demand, 1, 60000, told, &first, &error));
	g_assert_true(add(demand, 2, 60000, told, &first, &error));
	sync_demand_free(demand);
	g_assert_cmpint(told->told, ==, 2);
	g_assert_cmpint(told->code, ==, CORE_ERROR_CANCELLED);
	told_free(told);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/sync-demand/all-who-wait-are-told", test_all_who_wait_are_told);
	g_test_add_func("/sync-demand/a-failure-is-remembered", test_a_failure_is_remembered);
	g_test_add_func("/sync-demand/the-deadline", test_the_deadline);
	g_test_add_func("/sync-demand/who-is-interrupted-waits-no-longer", test_who_is_interrupted_waits_no_longer);
	g_test_add_func("/sync-demand/the-end", test_the_end);
	return g_test_run();
}
