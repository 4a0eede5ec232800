/* store: where the bytes of a message are. */
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

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("body-of-message", test_body_of_message);
	ADD("text-of-message", test_text_of_message);
	return g_test_run();
}
