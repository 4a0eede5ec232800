/* src/store: writing and reading bodies, compaction. */
#include "store-fixture.h"

#include "core/cancel.h"

#define ADD(path, test) g_test_add("/store-segments/" path, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

static char *
pattern(size_t length, unsigned seed)
{
	char *bytes = g_malloc(length + 1);

	for (size_t i = 0; i < length; i++)
		bytes[i] = (char)('a' + (i * 7 + i / 251 + seed) % 26);
	bytes[length] = '\0';
	return bytes;
}

static void
assert_reads(Fixture *fixture, const StoreBody *body, const char *expected, size_t length)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *buffer = g_malloc(length + 1);
	size_t n = 0;

	g_assert_true(store_body_read(fixture->store, body, buffer, length + 1, 0, &n, &error));
	g_assert_no_error(error);
	g_assert_cmpmem(buffer, n, expected, length);
}

static void
test_write_in_pieces(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, &error);
	static const size_t pieces[] = { 1, 3, 1000, 65536, 65535, 200000, 7 };
	static const size_t lengths[] = { 0, 1, 65535, 65536, 130000, 262144, 262143, 262145, 700001, 9 };
	StoreBody bodies[G_N_ELEMENTS(lengths)];
	uint8_t sha256[32];

	for (unsigned i = 0; i < G_N_ELEMENTS(lengths); i++) {
		g_autofree char *bytes = pattern(lengths[i], i);
		size_t done = 0;
		g_assert_true(store_writer_begin(writer, 0, &error));
		for (unsigned k = 0; done < lengths[i]; k++) {
			size_t n = MIN(pieces[k % G_N_ELEMENTS(pieces)], lengths[i] - done);
			g_assert_true(store_writer_write(writer, bytes + done, n, &error));
			done += n;
		}
		g_assert_true(store_writer_end(writer, &bodies[i], &error));
		core_sha256(bytes, lengths[i], sha256);
		g_assert_cmpmem(sha256, 32, bodies[i].sha256, 32);
		g_assert_cmpuint(bodies[i].length, ==, lengths[i]);
		g_assert_cmpint(bodies[i].id, ==, 0);
	}
	g_assert_true(store_writer_flush(writer, &error));
	for (unsigned i = 0; i < G_N_ELEMENTS(lengths); i++) { /* before they are synced or committed */
		g_autofree char *bytes = pattern(lengths[i], i);
		assert_reads(fixture, &bodies[i], bytes, lengths[i]);
	}
	for (unsigned i = 1; i < G_N_ELEMENTS(lengths); i++)
		g_assert_cmpuint(bodies[i].offset, >=, bodies[i - 1].offset + bodies[i - 1].length);
}

static void
test_read_parts(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, &error);
	StoreBody before = write_body(writer, "before", 6), body = write_body(writer, "0123456789", 10);
	static const struct {
		uint64_t offset;
		size_t size;
		const char *expected;
	} rows[] = { { 0, 4, "0123" }, { 8, 4, "89" }, { 10, 4, "" }, { UINT64_MAX, 4, "" }, { 3, 0, "" }, { 9, 1, "9" } };
	char buffer[16];
	size_t n;

	write_body(writer, "behind", 6);
	g_assert_true(store_writer_flush(writer, &error));
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_assert_true(store_body_read(fixture->store, &body, buffer, rows[i].size, rows[i].offset, &n, &error));
		g_assert_cmpmem(buffer, n, rows[i].expected, strlen(rows[i].expected));
	}
	g_autoptr(StoreSegment) segment = store_body_segment(fixture->store, &before, &error);
	g_assert_cmpint(pread(store_segment_fd(segment), buffer, 6, (off_t)before.offset), ==, 6);
	g_assert_cmpmem(buffer, 6, "before", 6);
}

static void
test_abort(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, &error);
	StoreBody first = write_body(writer, "first", 5);
	g_autofree char *large = pattern(300000, 1);

	store_writer_abort(writer); /* nothing begun: harmless */
	g_assert_true(store_writer_begin(writer, 0, &error));
	g_assert_true(store_writer_write(writer, large, 300000, &error));
	store_writer_abort(writer);
	StoreBody second = write_body(writer, "second", 6);
	g_assert_cmpuint(second.offset, ==, first.offset + 5);
	g_assert_true(store_writer_begin(writer, 0, &error));
	g_assert_true(store_writer_write(writer, "third", 5, &error));
	store_writer_abort(writer);
	g_assert_true(store_writer_flush(writer, &error));
	assert_reads(fixture, &first, "first", 5);
	assert_reads(fixture, &second, "second", 6);
	g_assert_cmpint(file_size(fixture, "bodies/1"), ==, 11);
}

static void
test_known_bytes_are_shared(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *large = pattern(300000, 2);
	int64_t id = add_message(fixture, fixture->inbox, 1, large);
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, &error);
	StoreBody body = write_body(writer, large, 300000);

	g_assert_cmpint(body.id, >, 0);
	g_assert_cmpint(file_size(fixture, "bodies/1"), ==, 300000); /* taken back */
	StoreTxn *txn = begin(fixture);
	int64_t copy = insert_message(txn, fixture->inbox, 2);
	set_body(txn, copy, &body, "copy");
	commit(txn);
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM bodies"), ==, 1);
	g_autofree char *first = read_message(fixture, id), *second = read_message(fixture, copy);
	g_assert_cmpstr(first, ==, large);
	g_assert_cmpstr(second, ==, large);
}

static void
test_twins_in_a_batch(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) one = store_writer_new(fixture->store, &error), two = store_writer_new(fixture->store, &error);
	StoreBody bodies[3] = { write_body(one, "same", 4), write_body(one, "same", 4), write_body(two, "same", 4) };
	int64_t ids[3];

	g_assert_cmpint(bodies[0].segment_id, !=, bodies[2].segment_id); /* a segment for each writer */
	g_assert_true(store_writer_sync(one, &error));
	g_assert_true(store_writer_sync(two, &error));
	StoreTxn *txn = begin(fixture);
	for (unsigned i = 0; i < 3; i++) {
		g_autofree char *name = g_strdup_printf("%u", i);
		ids[i] = insert_message(txn, fixture->inbox, i + 1);
		set_body(txn, ids[i], &bodies[i], name);
	}
	commit(txn);
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM bodies"), ==, 1);
	for (unsigned i = 0; i < 3; i++) {
		g_autofree char *text = read_message(fixture, ids[i]);
		g_assert_cmpstr(text, ==, "same");
	}
}

static void
test_rotation(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, &error);
	StoreBody first = write_body(writer, "a", 1), second, third;

	/* One that is announced larger than what is left begins a segment; one larger than any is taken all the same. */
	g_assert_true(store_writer_begin(writer, STORE_SEGMENT_BYTES, &error));
	g_assert_true(store_writer_write(writer, "b", 1, &error));
	g_assert_true(store_writer_end(writer, &second, &error));
	g_assert_cmpint(second.segment_id, !=, first.segment_id);
	g_assert_true(store_writer_begin(writer, UINT64_MAX, &error));
	g_assert_true(store_writer_write(writer, "c", 1, &error));
	g_assert_true(store_writer_end(writer, &third, &error));
	g_assert_cmpint(third.segment_id, !=, second.segment_id);
	g_assert_true(store_writer_sync(writer, &error)); /* all three */
	assert_reads(fixture, &first, "a", 1);
	assert_reads(fixture, &second, "b", 1);
	assert_reads(fixture, &third, "c", 1);
}

static void
test_segments_are_taken_over(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	StoreBody given_up;

	add_message(fixture, fixture->inbox, 1, "first");
	{
		g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, &error);
		given_up = write_body(writer, "given up", 8);
	}
	add_message(fixture, fixture->inbox, 2, "second");
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM segments"), ==, 1);
	/* What was handed out is not overwritten while the process lives, so even this comes out right. */
	StoreTxn *txn = begin(fixture);
	int64_t id = insert_message(txn, fixture->inbox, 3);
	set_body(txn, id, &given_up, "3.eml");
	commit(txn);
	g_autofree char *text = read_message(fixture, id);
	g_assert_cmpstr(text, ==, "given up");

	fixture_reopen(fixture);
	add_message(fixture, fixture->inbox, 4, "fourth");
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM segments"), ==, 1);
}

static void
test_short_segment(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t whole = add_message(fixture, fixture->inbox, 1, "whole");
	int64_t cut = add_message(fixture, fixture->inbox, 2, "is cut");
	g_autofree char *path = in_dir(fixture, "bodies/1");
	g_auto(StoreMessage) message = { 0 };
	StoreBody body;
	char buffer[16];
	size_t n;

	fixture_close(fixture);
	g_assert_cmpint(truncate(path, 7), ==, 0);
	fixture_open(fixture);
	g_autofree char *text = read_message(fixture, whole);
	g_assert_cmpstr(text, ==, "whole");
	g_assert_true(store_message_get(fixture->store, cut, &message, &error));
	g_assert_true(store_body_get(fixture->store, message.body_id, &body, &error));
	g_assert_false(store_body_read(fixture->store, &body, buffer, sizeof buffer, 0, &n, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CORRUPT);
	g_clear_error(&error);

	/* Nothing is appended to it, else the missing bytes would read as zeros; compaction leaves it. */
	int64_t id = add_message(fixture, fixture->inbox, 3, "elsewhere");
	g_autofree char *after = read_message(fixture, id);
	g_assert_cmpstr(after, ==, "elsewhere");
	g_assert_cmpint(file_size(fixture, "bodies/1"), ==, 7);
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_message_remove(txn, whole, &error));
	commit(txn);
	g_assert_true(store_compact(fixture->store, NULL, &error));
	g_assert_cmpint(file_size(fixture, "bodies/1"), ==, 7);

	fixture_close(fixture);
	g_assert_cmpint(unlink(path), ==, 0);
	fixture_open(fixture);
	g_assert_false(store_body_read(fixture->store, &body, buffer, sizeof buffer, 0, &n, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CORRUPT);
}

static void
test_lost_bytes_come_back(Fixture *fixture, const void *data)
{
	int64_t id = add_message(fixture, fixture->inbox, 1, "lost");
	g_autofree char *path = in_dir(fixture, "bodies/1");

	fixture_close(fixture);
	g_assert_cmpint(unlink(path), ==, 0);
	fixture_open(fixture);
	/* Downloaded again, for this or another message, they are not taken for known. */
	int64_t other = add_message(fixture, fixture->inbox, 2, "lost");
	g_autofree char *first = read_message(fixture, id), *second = read_message(fixture, other);
	g_assert_cmpstr(first, ==, "lost");
	g_assert_cmpstr(second, ==, "lost");
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM bodies"), ==, 1);
}

static void
remove_message(Fixture *fixture, int64_t id)
{
	g_autoptr(GError) error = NULL;
	StoreTxn *txn = begin(fixture);

	g_assert_true(store_message_remove(txn, id, &error));
	commit(txn);
}

static void
compact(Fixture *fixture)
{
	g_autoptr(GError) error = NULL;
	bool ok = store_compact(fixture->store, NULL, &error);

	g_assert_no_error(error);
	g_assert_true(ok);
}

static void
test_compact_moves_what_lives(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *large = pattern(600000, 3);
	int64_t dead = add_message(fixture, fixture->inbox, 1, large), live = add_message(fixture, fixture->inbox, 2, "live");
	g_auto(StoreMessage) message = { 0 };
	StoreBody old, gone;
	char buffer[16];
	size_t n;

	g_assert_true(store_message_get(fixture->store, live, &message, &error));
	g_assert_true(store_body_get(fixture->store, message.body_id, &old, &error));
	gone = old;
	gone.id = 0;
	g_autoptr(StoreSegment) reader = store_body_segment(fixture->store, &old, &error);
	compact(fixture);
	g_assert_cmpint(file_size(fixture, "bodies/1"), ==, 600004); /* all of it is used: nothing to do */

	remove_message(fixture, dead);
	compact(fixture);
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM bodies"), ==, 1);
	g_assert_cmpint(file_size(fixture, "bodies/1"), ==, -1);
	g_assert_cmpint(file_size(fixture, "bodies/2"), ==, 4);
	g_autofree char *text = read_message(fixture, live);
	g_assert_cmpstr(text, ==, "live");
	/* Who reads the old file goes on; who asks with the old place is led to the new one. */
	g_assert_cmpint(pread(store_segment_fd(reader), buffer, 4, (off_t)old.offset), ==, 4);
	g_assert_cmpmem(buffer, 4, "live", 4);
	assert_reads(fixture, &old, "live", 4);
	g_assert_null(store_body_segment(fixture->store, &old, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_NOT_FOUND);
	g_clear_error(&error);
	g_assert_false(store_body_read(fixture->store, &gone, buffer, sizeof buffer, 0, &n, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_NOT_FOUND);
	g_clear_pointer(&reader, store_segment_unref);

	fixture_reopen(fixture);
	g_autofree char *after = read_message(fixture, live);
	g_assert_cmpstr(after, ==, "live");
}

static void
test_compact_empties_all(Fixture *fixture, const void *data)
{
	remove_message(fixture, add_message(fixture, fixture->inbox, 1, "x"));
	compact(fixture);
	g_assert_cmpint(file_size(fixture, "bodies/1"), ==, -1);
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM segments"), ==, 0);
	/* The number is not used again. */
	add_message(fixture, fixture->inbox, 2, "y");
	g_assert_cmpint(file_size(fixture, "bodies/2"), ==, 1);
}

static void
test_compact_many_rows(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, &error);
	g_autofree char *large = pattern(2000000, 4);
	StoreBody body = write_body(writer, large, 2000000), bodies[1200];
	int64_t ids[G_N_ELEMENTS(bodies)], dead;

	for (unsigned i = 0; i < G_N_ELEMENTS(ids); i++) {
		g_autofree char *bytes = pattern(i % 100 + 5, i);
		memcpy(bytes, &i, 4);
		bodies[i] = write_body(writer, bytes, i % 100 + 5);
	}
	StoreTxn *txn = begin(fixture);
	dead = insert_message(txn, fixture->inbox, 5000);
	set_body(txn, dead, &body, "dead");
	for (unsigned i = 0; i < G_N_ELEMENTS(ids); i++) {
		g_autofree char *name = g_strdup_printf("%u", i);
		ids[i] = insert_message(txn, fixture->inbox, i + 1);
		set_body(txn, ids[i], &bodies[i], name);
	}
	commit(txn);
	g_clear_pointer(&writer, store_writer_free);
	remove_message(fixture, dead);
	compact(fixture);
	g_assert_cmpint(file_size(fixture, "bodies/1"), ==, -1);
	for (unsigned i = 0; i < G_N_ELEMENTS(ids); i++) {
		g_autofree char *bytes = pattern(i % 100 + 5, i);
		g_auto(StoreMessage) message = { 0 };
		memcpy(bytes, &i, 4);
		g_assert_true(store_message_get(fixture->store, ids[i], &message, &error));
		g_assert_true(store_body_get(fixture->store, message.body_id, &body, &error));
		assert_reads(fixture, &body, bytes, i % 100 + 5);
	}
}

static void
test_compact_leaves_writers_alone(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, &error);
	StoreBody retired = write_body(writer, "retired", 7), current;

	g_assert_true(store_writer_begin(writer, STORE_SEGMENT_BYTES, &error)); /* leaves the first segment */
	g_assert_true(store_writer_write(writer, "current", 7, &error));
	g_assert_true(store_writer_end(writer, &current, &error));
	compact(fixture);
	g_assert_true(store_writer_sync(writer, &error));
	compact(fixture);
	assert_reads(fixture, &retired, "retired", 7);
	assert_reads(fixture, &current, "current", 7);
	StoreTxn *txn = begin(fixture);
	int64_t one = insert_message(txn, fixture->inbox, 1), two = insert_message(txn, fixture->inbox, 2);
	set_body(txn, one, &retired, "1");
	set_body(txn, two, &current, "2");
	commit(txn);
	g_autofree char *first = read_message(fixture, one), *second = read_message(fixture, two);
	g_assert_cmpstr(first, ==, "retired");
	g_assert_cmpstr(second, ==, "current");
}

static void
test_compact_keeps_what_was_given_out(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = NULL;
	int64_t id = add_message(fixture, fixture->inbox, 1, "shared"), again;

	writer = store_writer_new(fixture->store, &error);
	StoreBody body = write_body(writer, "shared", 6);
	g_assert_cmpint(body.id, >, 0);
	remove_message(fixture, id); /* by another thread, say */
	compact(fixture);
	g_assert_true(store_writer_sync(writer, &error));
	compact(fixture);
	StoreTxn *txn = begin(fixture);
	again = insert_message(txn, fixture->inbox, 2);
	set_body(txn, again, &body, "2");
	commit(txn);
	g_autofree char *text = read_message(fixture, again);
	g_assert_cmpstr(text, ==, "shared");

	/* After the second sync it is a body like any other. */
	remove_message(fixture, again);
	g_assert_true(store_writer_sync(writer, &error));
	compact(fixture);
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM bodies"), ==, 0);
}

static void
test_given_up_body_is_refused(Fixture *fixture, const void *data)
{
	static const uint8_t header[32] = { 0 };
	g_autoptr(GError) error = NULL;
	StoreBody body;

	{
		g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, &error);
		body = write_body(writer, "late", 4);
	}
	compact(fixture); /* nobody holds it any more */
	StoreTxn *txn = begin(fixture);
	int64_t id = insert_message(txn, fixture->inbox, 1);
	g_assert_false(store_message_set_body(txn, id, &body, "1", header, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_NOT_FOUND);
	commit(txn);
	g_assert_null(read_message(fixture, id));
}

static void
test_dead_body_lives_again(Fixture *fixture, const void *data)
{
	int64_t id = add_message(fixture, fixture->inbox, 1, "again"), before;

	before = sql(fixture, "SELECT id FROM bodies");
	remove_message(fixture, id);
	id = add_message(fixture, fixture->inbox, 2, "again");
	g_assert_cmpint(sql(fixture, "SELECT id FROM bodies"), ==, before);
	compact(fixture);
	g_autofree char *text = read_message(fixture, id);
	g_assert_cmpstr(text, ==, "again");
}

static void
test_compact_is_cancelled(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(CoreCancel) cancel = core_cancel_new();

	remove_message(fixture, add_message(fixture, fixture->inbox, 1, "x"));
	core_cancel_trigger(cancel);
	g_assert_false(store_compact(fixture->store, cancel, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CANCELLED);
	g_assert_cmpint(file_size(fixture, "bodies/1"), ==, 1);
	compact(fixture);
}

static void
test_many_segments(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, &error);
	StoreBody bodies[150];

	/* More than descriptors are kept. */
	for (unsigned i = 0; i < G_N_ELEMENTS(bodies); i++) {
		g_assert_true(store_writer_begin(writer, STORE_SEGMENT_BYTES, &error));
		g_assert_true(store_writer_write(writer, &i, sizeof i, &error));
		g_assert_true(store_writer_end(writer, &bodies[i], &error));
		g_assert_true(store_writer_sync(writer, &error));
	}
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < G_N_ELEMENTS(bodies); i++)
			assert_reads(fixture, &bodies[i], (const char *)&i, sizeof i);
	}
	unsigned open_files = 0;
	DIR *dir = opendir("/proc/self/fd");
	while (readdir(dir))
		open_files++;
	closedir(dir);
	g_assert_cmpuint(open_files, <, 100);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("write-in-pieces", test_write_in_pieces);
	ADD("read-parts", test_read_parts);
	ADD("abort", test_abort);
	ADD("known-bytes-are-shared", test_known_bytes_are_shared);
	ADD("twins-in-a-batch", test_twins_in_a_batch);
	ADD("rotation", test_rotation);
	ADD("segments-are-taken-over", test_segments_are_taken_over);
	ADD("short-segment", test_short_segment);
	ADD("lost-bytes-come-back", test_lost_bytes_come_back);
	ADD("many-segments", test_many_segments);
	ADD("dead-body-lives-again", test_dead_body_lives_again);
	ADD("given-up-body-is-refused", test_given_up_body_is_refused);
	ADD("compact/moves-what-lives", test_compact_moves_what_lives);
	ADD("compact/empties-all", test_compact_empties_all);
	ADD("compact/many-rows", test_compact_many_rows);
	ADD("compact/leaves-writers-alone", test_compact_leaves_writers_alone);
	ADD("compact/keeps-what-was-given-out", test_compact_keeps_what_was_given_out);
	ADD("compact/is-cancelled", test_compact_is_cancelled);
	return g_test_run();
}
