/* store: where the bytes of a message are, and which are read next. */
#include "store-fixture.h"

#define ADD(name, test) g_test_add("/store/reading/" name, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

static void
test_body_of_message(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t id = add_message(fixture, fixture->inbox, 1, "Subject: x\r\n\r\nx\r\n");
	StoreTxn *txn = begin(fixture);
	int64_t without = insert_message(txn, fixture->inbox, 2);
	StoreBody body, same;
	g_auto(StoreMessage) message = { 0 };

	commit(txn);
	g_assert_true(store_body_of_message(fixture->store, id, &body, &error));
	g_assert_true(store_message_get(fixture->store, id, &message, &error));
	g_assert_true(store_body_get(fixture->store, message.body_id, &same, &error));
	g_assert_cmpmem(&body, sizeof body, &same, sizeof same);
	g_assert_false(store_body_of_message(fixture->store, without, &body, &error));
	g_assert_no_error(error);
	g_assert_false(store_body_of_message(fixture->store, 4711, &body, &error));
	g_assert_no_error(error);
}

static void
test_text_of_message(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t id = add_message(fixture, fixture->inbox, 1, "Subject: x\r\n\r\nx\r\n");
	StoreBody body, text;
	char read[16];
	size_t n;

	g_assert_false(store_derived_of_message(fixture->store, id, 3, &text, &error));
	g_assert_no_error(error);
	g_assert_true(store_body_of_message(fixture->store, id, &body, &error));
	g_assert_true(store_derived_put(fixture->store, &body, 3, "text", 4, &error));
	g_assert_true(store_derived_flush(fixture->store, &error));
	g_assert_true(store_derived_of_message(fixture->store, id, 3, &text, &error));
	g_assert_true(store_derived_read(fixture->store, &text, read, sizeof read, 0, &n, &error));
	g_assert_cmpmem(read, n, "text", 4);
	g_assert_false(store_derived_of_message(fixture->store, id, 4, &text, &error)); /* of another version */
	g_assert_no_error(error);
}

static void
test_expected_are_those_of_the_folder(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t other = make_mailbox(fixture, "Other"), ids[10], middle, last;

	for (unsigned i = 0; i < G_N_ELEMENTS(ids); i++) {
		g_autofree char *text = g_strdup_printf("message %u", i), *elsewhere = g_strdup_printf("other %u", i);
		ids[i] = add_message(fixture, fixture->inbox, i + 1, text);
		add_message(fixture, other, i + 1, elsewhere);
	}
	g_assert_true(store_body_expect(fixture->store, ids[1], 4, &middle, &last, &error));
	g_assert_cmpint(middle, ==, ids[4]);
	g_assert_cmpint(last, ==, ids[5]);
	g_assert_true(store_body_expect(fixture->store, ids[8], 4, &middle, &last, &error));
	g_assert_cmpint(middle, ==, ids[9]);
	g_assert_cmpint(last, ==, ids[9]);
	g_assert_true(store_body_expect(fixture->store, ids[9], 4, &middle, &last, &error)); /* the last */
	g_assert_cmpint(last, ==, INT64_MAX);
	g_assert_true(store_body_expect(fixture->store, 4711, 4, &middle, &last, &error)); /* it has gone */
	g_assert_cmpint(last, ==, INT64_MAX);

	/* Of large ones not so many. */
	g_autofree char *large = g_strnfill(9 * 1024 * 1024, 'x');
	int64_t large_id = add_message(fixture, fixture->inbox, 50, large);
	add_message(fixture, fixture->inbox, 51, "behind it");
	g_assert_true(store_body_expect(fixture->store, ids[9], 4, &middle, &last, &error));
	g_assert_cmpint(middle, ==, large_id);
	g_assert_cmpint(last, ==, large_id);

	/* What is damaged is for whoever reads it to find out. */
	fixture_close(fixture);
	g_autofree char *path = in_dir(fixture, "bodies/1");
	g_assert_cmpint(unlink(path), ==, 0);
	fixture_open(fixture);
	g_assert_true(store_body_expect(fixture->store, ids[1], 4, &middle, &last, &error));
	g_assert_cmpint(last, ==, ids[5]);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("body-of-message", test_body_of_message);
	ADD("text-of-message", test_text_of_message);
	ADD("expected-are-those-of-the-folder", test_expected_are_those_of_the_folder);
	return g_test_run();
}
