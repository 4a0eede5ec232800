/* src/store: derived text. */
#include "store-fixture.h"

#define ADD(path, test) g_test_add("/store-derived/" path, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

static void
put_for(Fixture *fixture, int64_t body_id, const char *bytes, unsigned version, const char *text)
{
	g_autoptr(GError) error = NULL;
	StoreBody body = { .id = body_id };

	core_sha256(bytes, strlen(bytes), body.sha256);
	store_derived_put(fixture->store, &body, version, text, strlen(text), &error);
	g_assert_no_error(error);
}

static void
put(Fixture *fixture, const char *bytes, unsigned version, const char *text)
{
	put_for(fixture, 1, bytes, version, text);
}

static void
flush(Fixture *fixture)
{
	g_autoptr(GError) error = NULL;

	store_derived_flush(fixture->store, &error);
	g_assert_no_error(error);
}

/* The text of the message's body; NULL if there is none of that version. */
static char *
text_of(Fixture *fixture, int64_t id, unsigned version)
{
	g_autoptr(GError) error = NULL;
	g_auto(StoreMessage) message = { 0 };
	StoreBody text;
	size_t n = 0;

	g_assert_true(store_message_get(fixture->store, id, &message, &error));
	if (!store_derived_get(fixture->store, message.body_id, version, &text, &error)) {
		g_assert_no_error(error);
		return NULL;
	}
	g_assert_cmpint(text.id, ==, message.body_id);
	g_autofree char *buffer = g_malloc0(text.length + 1);
	g_assert_true(store_derived_read(fixture->store, &text, buffer, text.length + 1, 0, &n, &error));
	g_assert_cmpuint(n, ==, text.length);
	return g_steal_pointer(&buffer);
}

static void
assert_text(Fixture *fixture, int64_t id, unsigned version, const char *expected)
{
	g_autofree char *text = text_of(fixture, id, version);

	g_assert_cmpstr(text, ==, expected);
}

static bool
append_id(const StoreBody *body, void *data)
{
	g_string_append_printf(data, "%d ", (int)body->id);
	return true;
}

static char *
missing(Fixture *fixture, unsigned version, int64_t after, unsigned limit)
{
	g_autoptr(GError) error = NULL;
	GString *ids = g_string_new(NULL);

	g_assert_true(store_derived_missing(fixture->store, version, after, limit, append_id, ids, &error));
	return g_string_free(ids, FALSE);
}

static void
test_put_and_get(Fixture *fixture, const void *data)
{
	put(fixture, "body", 3, "its text");
	put(fixture, "empty", 3, "");
	flush(fixture);
	int64_t id = add_message(fixture, fixture->inbox, 1, "body"), empty = add_message(fixture, fixture->inbox, 2, "empty");

	assert_text(fixture, id, 3, "its text");
	assert_text(fixture, empty, 3, "");
	assert_text(fixture, id, 4, NULL);
	fixture_reopen(fixture);
	assert_text(fixture, id, 3, "its text");
}

static void
test_put_twice(Fixture *fixture, const void *data)
{
	int64_t id = add_message(fixture, fixture->inbox, 1, "body");

	put(fixture, "body", 1, "text");
	put(fixture, "body", 1, "text");
	flush(fixture);
	put(fixture, "body", 1, "text");
	flush(fixture);
	g_assert_cmpint(file_size(fixture, "text/1"), ==, 4);
	put(fixture, "body", 2, "newer text");
	assert_text(fixture, id, 1, "text"); /* until it is flushed */
	flush(fixture);
	assert_text(fixture, id, 1, NULL);
	assert_text(fixture, id, 2, "newer text");
}

/* What a body that was never committed left is replaced, and pending texts of the same count as known. */
static void
test_put_for_new(Fixture *fixture, const void *data)
{
	put_for(fixture, 0, "body", 1, "text");
	flush(fixture);
	put_for(fixture, 0, "body", 1, "text again");
	put_for(fixture, 0, "body", 1, "a third time");
	flush(fixture);
	g_assert_cmpint(file_size(fixture, "text/1"), ==, strlen("texttext again"));
	assert_text(fixture, add_message(fixture, fixture->inbox, 1, "body"), 1, "text again");
}

static void
test_unflushed_is_lost(Fixture *fixture, const void *data)
{
	int64_t id = add_message(fixture, fixture->inbox, 1, "body");

	put(fixture, "body", 1, "text");
	fixture_reopen(fixture);
	assert_text(fixture, id, 1, NULL);
	g_assert_cmpint(file_size(fixture, "text/1"), ==, 0);
}

static void
test_many_flush_themselves(Fixture *fixture, const void *data)
{
	int64_t id = add_message(fixture, fixture->inbox, 1, "0");

	for (unsigned i = 0; i < 1000; i++) {
		g_autofree char *body = g_strdup_printf("%u", i);
		put(fixture, body, 1, body);
	}
	assert_text(fixture, id, 1, "0");
}

static void
test_missing(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;

	add_message(fixture, fixture->inbox, 1, "a");
	int64_t gone = add_message(fixture, fixture->inbox, 2, "b");
	add_message(fixture, fixture->inbox, 3, "c");
	add_message(fixture, fixture->inbox, 4, "d");
	put(fixture, "c", 1, "text");
	flush(fixture);
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_message_remove(txn, gone, &error));
	commit(txn);

	g_autofree char *all = missing(fixture, 1, 0, 100), *limited = missing(fixture, 1, 0, 1);
	g_autofree char *rest = missing(fixture, 1, 1, 100), *others = missing(fixture, 2, 0, 100);
	g_assert_cmpstr(all, ==, "1 4 ");
	g_assert_cmpstr(limited, ==, "1 ");
	g_assert_cmpstr(rest, ==, "4 ");
	g_assert_cmpstr(others, ==, "1 3 4 ");
}

/* One SQL statement on derived.db. */
static void
derived_sql(Fixture *fixture, const char *text)
{
	g_autofree char *path = in_dir(fixture, "derived.db");
	sqlite3 *handle = NULL;

	g_assert_cmpint(sqlite3_open(path, &handle), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(handle, text, NULL, NULL, NULL), ==, SQLITE_OK);
	sqlite3_close(handle);
}

static int64_t
complete(Fixture *fixture, unsigned version)
{
	g_autoptr(GError) error = NULL;
	int64_t body_id = -1;

	g_assert_true(store_derived_complete(fixture->store, version, &body_id, &error));
	g_assert_no_error(error);
	return body_id;
}

/* It counts for that version and that mail.db only. */
static void
test_complete(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	StoreBody last;

	g_assert_false(store_body_last(fixture->store, &last, &error));
	g_assert_no_error(error);
	g_assert_cmpint(complete(fixture, 1), ==, 0);
	add_message(fixture, fixture->inbox, 1, "one");
	add_message(fixture, fixture->inbox, 2, "two");
	g_assert_true(store_body_last(fixture->store, &last, &error));
	g_assert_true(store_derived_set_complete(fixture->store, 1, &last, &error));
	add_message(fixture, fixture->inbox, 3, "three");
	g_assert_cmpint(complete(fixture, 1), ==, last.id);
	g_assert_cmpint(complete(fixture, 2), ==, 0);
	g_assert_true(store_derived_set_complete(fixture->store, 2, &last, &error));
	g_assert_cmpint(complete(fixture, 1), ==, 0);
	g_assert_cmpint(complete(fixture, 2), ==, last.id);
	sql(fixture, "UPDATE bodies SET sha256 = zeroblob(32) WHERE id = 2");
	g_assert_cmpint(complete(fixture, 2), ==, 0);
}

static void
test_prune(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t id = add_message(fixture, fixture->inbox, 1, "kept");
	g_autofree char *large = g_strnfill(100000, 'x');
	g_auto(StoreMessage) message = { 0 };
	StoreBody old;
	char buffer[16];
	size_t n;

	put(fixture, "gone", 2, large);
	put(fixture, "kept", 2, "its text");
	put(fixture, "old version", 1, large);
	flush(fixture);
	g_assert_true(store_message_get(fixture->store, id, &message, &error));
	g_assert_true(store_derived_get(fixture->store, message.body_id, 2, &old, &error));
	fixture_reopen(fixture); /* lets go of the segment */
	derived_sql(fixture, "UPDATE pruned SET at = 0");
	g_assert_true(store_derived_prune(fixture->store, 2, 1, NULL, &error));
	g_assert_cmpint(file_size(fixture, "text/1"), ==, 200008); /* "gone" may belong to a message on its way */

	derived_sql(fixture, "UPDATE texts SET created = 0");
	g_assert_true(store_derived_prune(fixture->store, 2, 1, NULL, &error)); /* all were looked at just now */
	g_assert_cmpint(file_size(fixture, "text/1"), ==, 200008);
	derived_sql(fixture, "UPDATE pruned SET at = 0");
	g_assert_true(store_derived_prune(fixture->store, 2, 1, NULL, &error));
	g_assert_cmpint(file_size(fixture, "text/1"), ==, -1);
	g_assert_cmpint(file_size(fixture, "text/2"), ==, 8);
	assert_text(fixture, id, 2, "its text");
	g_assert_true(store_derived_read(fixture->store, &old, buffer, sizeof buffer, 0, &n, &error)); /* it has moved */
	g_assert_cmpmem(buffer, n, "its text", 8);
	put(fixture, "another", 2, "goes on");
	flush(fixture);
}

static int64_t
texts_left(Fixture *fixture)
{
	g_autofree char *path = in_dir(fixture, "derived.db");
	sqlite3 *handle = NULL;
	sqlite3_stmt *statement = NULL;

	g_assert_cmpint(sqlite3_open(path, &handle), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_prepare_v2(handle, "SELECT count(*) FROM texts", -1, &statement, NULL), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_step(statement), ==, SQLITE_ROW);
	int64_t count = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(handle);
	return count;
}

/* Removed, compacted, and so long ago. */
static void
let_go(Fixture *fixture, int64_t id)
{
	g_autoptr(GError) error = NULL;
	StoreTxn *txn = begin(fixture);

	g_assert_true(store_message_remove(txn, id, &error));
	commit(txn);
	g_assert_true(store_compact(fixture->store, NULL, &error));
	g_assert_true(store_derived_prune(fixture->store, 1, 1, NULL, &error)); /* too soon: it may come back */
	sql(fixture, "UPDATE gone SET since = 0");
	derived_sql(fixture, "UPDATE texts SET created = 0");
}

static void
test_text_goes_with_its_body(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t first = add_message(fixture, fixture->inbox, 1, "one"), second = add_message(fixture, fixture->inbox, 2, "two");

	put(fixture, "one", 1, "text of one");
	put(fixture, "two", 1, "text of two");
	flush(fixture);
	let_go(fixture, first);
	g_assert_cmpint(texts_left(fixture), ==, 2);
	g_assert_true(store_derived_prune(fixture->store, 1, 1, NULL, &error));
	g_assert_cmpint(texts_left(fixture), ==, 1);
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM gone"), ==, 0);

	/* The same bytes have come back meanwhile: their text stays. */
	let_go(fixture, second);
	int64_t again = add_message(fixture, fixture->inbox, 3, "two");
	g_assert_true(store_derived_prune(fixture->store, 1, 1, NULL, &error));
	assert_text(fixture, again, 1, "text of two");
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM gone"), ==, 0);

	/* Its row is still on its way, but its text is new. */
	let_go(fixture, again);
	g_assert_true(store_derived_prune(fixture->store, 1, 1, NULL, &error));
	put(fixture, "two", 1, "text of two");
	flush(fixture);
	g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, "two", -1);
	g_autofree char *gone = g_strdup_printf("INSERT INTO gone VALUES (x'%s', 0)", hash);
	sql(fixture, gone);
	g_assert_true(store_derived_prune(fixture->store, 1, 1, NULL, &error));
	g_assert_cmpint(texts_left(fixture), ==, 1);
}

static void
test_damaged_is_made_again(Fixture *fixture, const void *data)
{
	int64_t id = add_message(fixture, fixture->inbox, 1, "body");
	g_autofree char *path = in_dir(fixture, "derived.db"), *garbage = g_strnfill(8192, 'x');

	put(fixture, "body", 1, "text");
	flush(fixture);
	fixture_close(fixture);
	g_assert_true(g_file_set_contents(path, garbage, 8192, NULL));
	fixture_open(fixture);
	assert_text(fixture, id, 1, NULL);
	g_assert_cmpint(file_size(fixture, "text/1"), ==, -1);
	put(fixture, "body", 1, "text");
	flush(fixture);
	assert_text(fixture, id, 1, "text");
	g_autofree char *body = read_message(fixture, id);
	g_assert_cmpstr(body, ==, "body");
}

static void
test_deleted_is_made_again(Fixture *fixture, const void *data)
{
	int64_t id = add_message(fixture, fixture->inbox, 1, "body");
	g_autofree char *path = in_dir(fixture, "derived.db"), *text = in_dir(fixture, "text");

	put(fixture, "body", 1, "text");
	flush(fixture);
	fixture_close(fixture);
	g_assert_cmpint(g_unlink(path), ==, 0);
	remove_tree(text);
	fixture_open(fixture);
	put(fixture, "body", 1, "text");
	flush(fixture);
	assert_text(fixture, id, 1, "text");
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("put-and-get", test_put_and_get);
	ADD("put-twice", test_put_twice);
	ADD("put-for-new", test_put_for_new);
	ADD("unflushed-is-lost", test_unflushed_is_lost);
	ADD("many-flush-themselves", test_many_flush_themselves);
	ADD("missing", test_missing);
	ADD("complete", test_complete);
	ADD("prune", test_prune);
	ADD("text-goes-with-its-body", test_text_goes_with_its_body);
	ADD("damaged-is-made-again", test_damaged_is_made_again);
	ADD("deleted-is-made-again", test_deleted_is_made_again);
	return g_test_run();
}
