/* src/store: messages that were removed and that somebody may have open. */
#include "store-fixture.h"

#define ADD(path, test) g_test_add("/store-departed/" path, Fixture, NULL, fixture_set_up, test, fixture_tear_down)
#define MANY 4096 /* how many are known at most */

static void
ignore(const StoreChange *changes, size_t count, void *data)
{
}

static void
remove_all(Fixture *fixture)
{
	g_autoptr(GError) error = NULL;
	StoreTxn *txn = begin(fixture);

	store_message_remove_uids(txn, fixture->inbox, 1, UINT32_MAX, &error);
	g_assert_no_error(error);
	commit(txn);
}

static bool
compact(Fixture *fixture)
{
	g_autoptr(GError) error = NULL;
	bool due = false;

	store_compact_due(fixture->store, &due, &error);
	g_assert_no_error(error);
	store_compact(fixture->store, NULL, &error);
	g_assert_no_error(error);
	return due;
}

static void
assert_readable(Fixture *fixture, int64_t id, const char *expected)
{
	g_autoptr(GError) error = NULL;
	char buffer[100] = "";
	StoreGone gone;
	StoreBody body;
	size_t n = 0;

	g_assert_true(store_message_gone(fixture->store, id, &gone));
	g_assert_cmpint(gone.message_id, ==, id);
	g_assert_true(store_body_get(fixture->store, gone.body_id, &body, &error));
	g_assert_true(store_body_read(fixture->store, &body, buffer, sizeof buffer, 0, &n, &error));
	g_assert_no_error(error);
	g_assert_cmpstr(buffer, ==, expected);
}

static void
test_while_somebody_listens(Fixture *fixture, const void *data)
{
	int64_t first = add_message(fixture, fixture->inbox, 1, "one"), second = add_message(fixture, fixture->inbox, 2, "two");
	StoreGone gone;

	store_listen(fixture->store, ignore, NULL);
	g_assert_false(store_message_gone(fixture->store, first, &gone));
	remove_all(fixture);
	g_assert_null(read_message(fixture, first));
	g_assert_false(compact(fixture)); /* nothing can be given back yet */
	assert_readable(fixture, first, "one");
	assert_readable(fixture, second, "two");
	g_assert_true(store_message_gone(fixture->store, second, &gone));
	g_assert_cmpint(gone.internaldate_s, ==, 1002);
	fixture_reopen(fixture);
	g_assert_false(store_message_gone(fixture->store, first, &gone));
	g_assert_true(compact(fixture));
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM bodies"), ==, 0);
}

static void
test_while_nobody_listens(Fixture *fixture, const void *data)
{
	int64_t id = add_message(fixture, fixture->inbox, 1, "one");
	StoreGone gone;

	remove_all(fixture);
	g_assert_false(store_message_gone(fixture->store, id, &gone));
	g_assert_true(compact(fixture));
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM bodies"), ==, 0);
}

static void
test_very_many(Fixture *fixture, const void *data)
{
	int64_t first = add_message(fixture, fixture->inbox, 1, "one"), last = 0;
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, &error);
	StoreBody body = write_body(writer, "of many", 7);
	StoreGone gone;

	g_assert_true(store_writer_sync(writer, &error));
	StoreTxn *txn = begin(fixture);
	for (uint32_t uid = 2; uid < 2 + MANY; uid++) {
		g_autofree char *name = g_strdup_printf("%u.eml", uid);
		last = insert_message(txn, fixture->inbox, uid);
		set_body(txn, last, &body, name);
	}
	commit(txn);
	g_clear_pointer(&writer, store_writer_free);
	store_listen(fixture->store, ignore, NULL);
	remove_all(fixture);
	g_assert_false(store_message_gone(fixture->store, first, &gone));
	g_assert_true(store_message_gone(fixture->store, first + 1, &gone));
	g_assert_true(compact(fixture));
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM bodies"), ==, 1);
	assert_readable(fixture, last, "of many");

	int64_t another = add_message(fixture, fixture->inbox, 1, "another");
	remove_all(fixture);
	g_assert_false(store_message_gone(fixture->store, first + 1, &gone));
	assert_readable(fixture, another, "another");
}

static void
test_rolled_back(Fixture *fixture, const void *data)
{
	int64_t id = add_message(fixture, fixture->inbox, 1, "one");
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	StoreGone gone;

	store_listen(fixture->store, ignore, NULL);
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_message_remove_uids(txn, fixture->inbox, 1, 1, &error));
	store_rollback(txn);
	g_assert_false(store_message_gone(fixture->store, id, &gone));
	text = read_message(fixture, id);
	g_assert_cmpstr(text, ==, "one");
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("while-somebody-listens", test_while_somebody_listens);
	ADD("while-nobody-listens", test_while_nobody_listens);
	ADD("very-many", test_very_many);
	ADD("rolled-back", test_rolled_back);
	return g_test_run();
}
