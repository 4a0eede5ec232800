/* src/store: what one change costs does not grow with what the store holds.  Counted are the steps of SQLite's virtual
 * machine, of all connections: a statement that looks at every row cannot hide among them. */
#include "store-fixture.h"

#include "store/operations.h"

#define FEW 300
#define MANY 6000

static uint64_t steps;

static int
count_step(void *data)
{
	steps++;
	return 0;
}

static int
count_steps(sqlite3 *handle, char **error_r, const void *api)
{
	sqlite3_progress_handler(handle, 1, count_step, NULL);
	return SQLITE_OK;
}

/* Messages with texts, each in its own body. */
static void
fill(Fixture *fixture, uint32_t count)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, &error);
	g_autoptr(GArray) bodies = g_array_new(FALSE, FALSE, sizeof(StoreBody));

	for (uint32_t uid = 1; uid <= count; uid++) {
		g_autofree char *bytes = g_strdup_printf("message %u", uid);
		StoreBody body = write_body(writer, bytes, strlen(bytes));
		g_array_append_val(bodies, body);
		g_assert_true(store_derived_put(fixture->store, &body, 1, "text", 4, &error));
	}
	g_assert_true(store_derived_flush(fixture->store, &error));
	g_assert_true(store_writer_sync(writer, &error));
	StoreTxn *txn = begin(fixture);
	for (uint32_t uid = 1; uid <= count; uid++) {
		g_autofree char *name = g_strdup_printf("%u.eml", uid);
		set_body(txn, insert_message(txn, fixture->inbox, uid), &g_array_index(bodies, StoreBody, uid - 1), name);
	}
	commit(txn);
}

/* As the end of a run does it. */
static void
tidy(Fixture *fixture)
{
	g_autoptr(GError) error = NULL;
	StoreBody last;
	int64_t noted;
	bool due;

	g_assert_true(store_compact_due(fixture->store, &due, &error));
	g_assert_true(!due || store_compact(fixture->store, NULL, &error));
	g_assert_true(store_derived_prune(fixture->store, 1, 1, NULL, &error));
	g_assert_true(store_operation_prune(fixture->store, &error));
	g_assert_true(store_body_last(fixture->store, &last, &error));
	g_assert_true(store_derived_complete(fixture->store, 1, &noted, &error));
	g_assert_true(store_derived_set_complete(fixture->store, 1, &last, &error));
}

static void
expunge(Fixture *fixture, uint32_t uid)
{
	g_autoptr(GError) error = NULL;
	StoreTxn *txn = begin(fixture);

	g_assert_true(store_message_remove_uids(txn, fixture->inbox, uid, uid, &error));
	commit(txn);
}

static void
flag(Fixture *fixture, uint32_t uid)
{
	g_autoptr(GError) error = NULL;
	StoreTxn *txn = begin(fixture);

	g_assert_true(store_message_set_flags(txn, fixture->inbox, uid, "\\Flagged", 9, &error));
	commit(txn);
}

static void
deliver(Fixture *fixture, uint32_t uid)
{
	add_message(fixture, fixture->inbox, uid, "new");
}

static void
nothing(Fixture *fixture, uint32_t uid)
{
}

/* An hour later; and the texts are as old as that. */
static void
age(const Fixture *fixture)
{
	g_autofree char *path = in_dir(fixture, "derived.db");
	sqlite3 *handle = NULL;

	sql(fixture, "UPDATE gone SET since = 0");
	g_assert_cmpint(sqlite3_open(path, &handle), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(handle, "UPDATE texts SET created = 0", NULL, NULL, NULL), ==, SQLITE_OK);
	sqlite3_close(handle);
}

typedef void (*ChangeFn)(Fixture *fixture, uint32_t uid);
static const struct {
	const char *name;
	ChangeFn fn;
} changes[] = {
	{ "nothing", nothing }, { "flag", flag }, { "expunge", expunge }, { "text of what was expunged", nothing }, { "new", deliver },
};

static void
measure(uint32_t count, uint64_t costs_r[G_N_ELEMENTS(changes)])
{
	Fixture fixture = { 0 };

	fixture_set_up(&fixture, NULL);
	fill(&fixture, count);
	tidy(&fixture);
	for (unsigned i = 0; i < G_N_ELEMENTS(changes); i++) {
		steps = 0;
		changes[i].fn(&fixture, changes[i].fn == deliver ? count + 1 : count / 2);
		tidy(&fixture);
		costs_r[i] = steps;
		age(&fixture);
	}
	g_assert_cmpint(sql(&fixture, "SELECT count(*) FROM bodies"), ==, count);
	g_assert_cmpint(sql(&fixture, "SELECT count(*) FROM gone"), ==, 0);
	fixture_tear_down(&fixture, NULL);
}

static void
test_independent_of_size(void)
{
	uint64_t few[G_N_ELEMENTS(changes)], many[G_N_ELEMENTS(changes)];

	measure(FEW, few);
	measure(MANY, many);
	for (unsigned i = 0; i < G_N_ELEMENTS(changes); i++) {
		g_test_message("%s: %llu steps among few, %llu among many", changes[i].name, (unsigned long long)few[i],
		               (unsigned long long)many[i]);
		g_assert_cmpuint(few[i], >, 10);
		g_assert_cmpuint(many[i], <=, few[i] + few[i] / 10);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	sqlite3_auto_extension((void (*)(void))count_steps);
	g_test_add_func("/store-cost/independent-of-size", test_independent_of_size);
	return g_test_run();
}
