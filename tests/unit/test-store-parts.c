/* src/store: what parts/ shows of bodies. */
#include "store-fixture.h"

#include "store/schema.h"

#define ADD(path, test) g_test_add("/store-parts/" path, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

static StoreBody
body_of(const char *bytes)
{
	StoreBody body = { .id = 0 };

	core_sha256(bytes, strlen(bytes), body.sha256);
	return body;
}

static void
put(Fixture *fixture, const char *bytes, unsigned version, const char *outline)
{
	g_autoptr(GError) error = NULL;
	StoreBody body = body_of(bytes);

	g_assert_true(store_parts_put(fixture->store, &body, version, outline, strlen(outline), &error));
	g_assert_no_error(error);
}

static void
assert_parts(Fixture *fixture, const char *bytes, unsigned version, const char *expected)
{
	g_autoptr(GError) error = NULL;
	StoreBody body = body_of(bytes);
	g_autoptr(GBytes) parts = store_parts_get(fixture->store, &body, version, &error);

	g_assert_no_error(error);
	if (!expected)
		g_assert_null(parts);
	else
		g_assert_cmpmem(g_bytes_get_data(parts, NULL), g_bytes_get_size(parts), expected, strlen(expected));
}

static void
derived_sql(Fixture *fixture, const char *text)
{
	g_autofree char *path = in_dir(fixture, "derived.db");
	sqlite3 *handle = NULL;

	g_assert_cmpint(sqlite3_open(path, &handle), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(handle, text, NULL, NULL, NULL), ==, SQLITE_OK);
	sqlite3_close(handle);
}

static void
prune(Fixture *fixture, unsigned version)
{
	g_autoptr(GError) error = NULL;

	g_assert_true(store_derived_prune(fixture->store, 1, version, NULL, &error));
	g_assert_no_error(error);
}

static void
test_put_and_get(Fixture *fixture, const void *data)
{
	assert_parts(fixture, "a", 1, NULL);
	put(fixture, "a", 1, "parts of a");
	put(fixture, "b", 1, "parts of b");
	assert_parts(fixture, "a", 1, "parts of a");
	assert_parts(fixture, "b", 1, "parts of b");
	assert_parts(fixture, "a", 2, NULL);
	fixture_reopen(fixture);
	assert_parts(fixture, "a", 1, "parts of a");
}

static void
test_put_again(Fixture *fixture, const void *data)
{
	put(fixture, "a", 1, "first");
	put(fixture, "a", 1, "second");
	assert_parts(fixture, "a", 1, "second");
	put(fixture, "a", 2, "of another version");
	assert_parts(fixture, "a", 1, NULL);
	assert_parts(fixture, "a", 2, "of another version");
}

static void
test_go_with_their_body(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t one = add_message(fixture, fixture->inbox, 1, "one");

	add_message(fixture, fixture->inbox, 2, "two");
	put(fixture, "one", 1, "parts of one");
	put(fixture, "two", 1, "parts of two");
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_message_remove(txn, one, &error));
	commit(txn);
	g_assert_true(store_compact(fixture->store, NULL, &error));
	prune(fixture, 1);
	assert_parts(fixture, "one", 1, "parts of one"); /* it may come back */

	sql(fixture, "UPDATE gone SET since = 0");
	derived_sql(fixture, "UPDATE parts SET created = 0");
	prune(fixture, 1);
	assert_parts(fixture, "one", 1, NULL);
	assert_parts(fixture, "two", 1, "parts of two");
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM gone"), ==, 0);
}

static void
test_all_are_looked_at(Fixture *fixture, const void *data)
{
	add_message(fixture, fixture->inbox, 1, "kept");
	add_message(fixture, fixture->inbox, 2, "old");
	put(fixture, "kept", 2, "x");
	put(fixture, "old", 1, "x");
	put(fixture, "no body", 2, "x");
	derived_sql(fixture, "UPDATE parts SET created = 0");
	put(fixture, "no body yet", 2, "x");
	prune(fixture, 2);
	assert_parts(fixture, "no body", 2, "x"); /* all were looked at not long ago */
	derived_sql(fixture, "UPDATE pruned SET at = 0");
	prune(fixture, 2);
	assert_parts(fixture, "kept", 2, "x");
	assert_parts(fixture, "old", 1, NULL);
	assert_parts(fixture, "no body", 2, NULL);
	assert_parts(fixture, "no body yet", 2, "x");
}

/* A store of before there were any: what it has stays. */
static void
test_second_version_is_kept(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = in_dir(fixture, "derived.db");
	const StoreSchema second = { store_schema_derived.application_id, 2, store_schema_derived.steps };
	sqlite3 *handle = NULL;

	fixture_close(fixture);
	g_assert_cmpint(g_unlink(path), ==, 0);
	g_assert_cmpint(sqlite3_open(path, &handle), ==, SQLITE_OK);
	g_assert_true(store_schema_migrate(handle, &second, &error));
	g_assert_cmpint(sqlite3_exec(handle, "INSERT INTO segments (id) VALUES (5);"
		"INSERT INTO texts VALUES (zeroblob(32), 3, 5, 0, 0, 1)", NULL, NULL, NULL), ==, SQLITE_OK);
	sqlite3_close(handle);
	fixture_open(fixture);
	put(fixture, "a", 1, "parts of a");
	assert_parts(fixture, "a", 1, "parts of a");
	g_assert_cmpint(sqlite3_open(path, &handle), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(handle, "UPDATE texts SET version = 1 / (version = 3)", NULL, NULL, NULL), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_changes(handle), ==, 1);
	sqlite3_close(handle);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("put-and-get", test_put_and_get);
	ADD("put-again", test_put_again);
	ADD("go-with-their-body", test_go_with_their_body);
	ADD("all-are-looked-at", test_all_are_looked_at);
	ADD("second-version-is-kept", test_second_version_is_kept);
	return g_test_run();
}
