/* src/store: messages of which only the header is kept. */
#include "store-fixture.h"

#include "store/changes.h"

#define ADD(path, test) g_test_add("/store-remote/" path, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

static const uint8_t header_hash[32] = { 7, 7 };

static StoreBody
write_durably(StoreWriter *writer, const char *bytes)
{
	g_autoptr(GError) error = NULL;
	StoreBody body = write_body(writer, bytes, strlen(bytes));

	store_writer_sync(writer, &error);
	g_assert_no_error(error);
	return body;
}

/* A message of which only the header is here, called "UID.eml". */
static int64_t
add_remote(Fixture *fixture, int64_t mailbox, uint32_t uid, const char *header)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, &error);
	StoreBody body = write_durably(writer, header);
	g_autofree char *name = g_strdup_printf("%u.eml", uid);
	StoreTxn *txn = begin(fixture);
	int64_t id = insert_message(txn, mailbox, uid);

	store_message_set_header(txn, id, &body, name, header_hash, &error);
	g_assert_no_error(error);
	commit(txn);
	return id;
}

static bool
drop_body(Fixture *fixture, int64_t id, const char *header, GError **error)
{
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, NULL);
	StoreBody body = write_durably(writer, header);
	StoreTxn *txn = begin(fixture);
	bool ok = store_message_drop_body(txn, id, &body, error);

	commit(txn);
	return ok;
}

static void
give_body(Fixture *fixture, int64_t id, const char *bytes)
{
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, NULL);
	StoreBody body = write_durably(writer, bytes);
	StoreTxn *txn = begin(fixture);

	set_body(txn, id, &body, "x.eml");
	commit(txn);
}

static bool
collect(const StoreMessage *message, void *data)
{
	g_string_append_printf(data, "%u ", message->uid);
	return true;
}

static char *
missing(Fixture *fixture)
{
	g_autoptr(GError) error = NULL;
	GString *uids = g_string_new(NULL);

	g_assert_true(store_message_list_missing(fixture->store, fixture->inbox, UINT32_MAX, collect, uids, &error));
	return g_string_free(uids, FALSE);
}

static char *
remote(Fixture *fixture, int64_t since_s)
{
	g_autoptr(GError) error = NULL;
	GString *uids = g_string_new(NULL);

	g_assert_true(store_message_list_remote(fixture->store, fixture->inbox, since_s, INT64_MAX, INT64_MAX, collect, uids, &error));
	return g_string_free(uids, FALSE);
}

static char *
kept(Fixture *fixture, int64_t before_s, int64_t asked_before_s)
{
	g_autoptr(GError) error = NULL;
	GString *uids = g_string_new(NULL);

	g_assert_true(store_message_list_kept(fixture->store, fixture->account, before_s, asked_before_s, collect, uids, &error));
	return g_string_free(uids, FALSE);
}

static StoreCounts
counts(Fixture *fixture)
{
	g_autoptr(GError) error = NULL;
	StoreCounts now;

	g_assert_true(store_account_counts(fixture->store, fixture->account, &now, &error));
	return now;
}

static bool
note_folder(int64_t mailbox_id, uint64_t messages, void *data)
{
	g_string_append_printf(data, " %s%" G_GUINT64_FORMAT, mailbox_id ? "" : "nowhere ", messages);
	return true;
}

static void
test_folders_with_remote_ones(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) found = g_string_new(NULL);
	int64_t moved = add_remote(fixture, fixture->inbox, 5, "A: b\r\n\r\n");
	int64_t other = make_mailbox(fixture, "Other");

	g_assert_true(store_account_list_remote(fixture->store, fixture->account, note_folder, found, &error));
	g_assert_cmpstr(found->str, ==, " 1");
	add_remote(fixture, fixture->inbox, 6, "A: c\r\n\r\n");
	StoreTxn *txn = store_begin(fixture->store, &error);
	g_assert_true(store_change_move(txn, moved, other, NULL, false, &error));
	g_assert_true(store_commit(txn, &error));
	add_remote(fixture, fixture->inbox, 7, "A: d\r\n\r\n");
	give_body(fixture, add_remote(fixture, other, 1, "A: e\r\n\r\n"), "A: e\r\n\r\nbody");
	g_string_truncate(found, 0);
	g_assert_true(store_account_list_remote(fixture->store, fixture->account, note_folder, found, &error));
	g_assert_cmpstr(found->str, ==, " 2 1"); /* where people see them */
}

static void
test_header_makes_visible(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_auto(StoreMessage) message = { 0 };
	int64_t id = add_remote(fixture, fixture->inbox, 5, "A: b\r\n\r\n");
	StoreEntry entry;

	g_assert_true(store_entry_find(fixture->store, fixture->inbox, "5.eml", 0, &entry, &error));
	g_free((char *)(uintptr_t)entry.name);
	g_assert_cmpint(entry.id, ==, id);
	g_assert_cmpint(entry.body_id, ==, 0);
	g_assert_cmpint(entry.header_id, !=, 0);
	g_assert_cmpuint(entry.length, ==, 5); /* the server's word */
	g_assert_true(store_message_get(fixture->store, id, &message, &error));
	g_assert_cmpint(message.header_id, ==, entry.header_id);
	g_assert_cmpmem(message.header_sha256, 32, header_hash, 32);
	StoreCounts now = counts(fixture);
	g_assert_cmpuint(now.remote, ==, 1);
	g_assert_cmpuint(now.missing + now.messages, ==, 0);
}

static void
test_body_takes_the_place_of_the_header(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_auto(StoreMessage) message = { 0 };
	int64_t id = add_remote(fixture, fixture->inbox, 5, "A: b\r\n\r\n");

	give_body(fixture, id, "A: b\r\n\r\nbody");
	g_assert_true(store_message_get(fixture->store, id, &message, &error));
	g_assert_cmpint(message.header_id, ==, 0);
	g_assert_cmpuint(message.length, ==, 12);
	g_assert_cmpuint(counts(fixture).remote, ==, 0);

	/* A header that comes late changes nothing. */
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, &error);
	StoreBody header = write_durably(writer, "A: b\r\n\r\n");
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_message_set_header(txn, id, &header, "5.eml", header_hash, &error));
	commit(txn);
	g_autofree char *text = read_message(fixture, id);
	g_assert_cmpstr(text, ==, "A: b\r\n\r\nbody");
}

static void
test_what_is_listed(Fixture *fixture, const void *data)
{
	StoreTxn *txn = begin(fixture);

	insert_message(txn, fixture->inbox, 9);
	commit(txn);
	add_remote(fixture, fixture->inbox, 1, "h1"); /* of UID n the INTERNALDATE is 1000 + n */
	add_remote(fixture, fixture->inbox, 2, "h2");
	add_remote(fixture, fixture->inbox, 3, "h3");
	add_message(fixture, fixture->inbox, 4, "m4");
	add_message(fixture, fixture->inbox, 5, "m5");
	g_autofree char *none = missing(fixture), *all = remote(fixture, INT64_MIN), *young = remote(fixture, 1002);
	g_assert_cmpstr(none, ==, "9 ");
	g_assert_cmpstr(all, ==, "3 2 1 ");
	g_assert_cmpstr(young, ==, "3 2 ");
	g_autofree char *old = kept(fixture, 1005, 1), *every = kept(fixture, INT64_MAX, 1);
	g_assert_cmpstr(old, ==, "4 ");
	g_assert_cmpstr(every, ==, "4 5 ");
}

static void
test_asked_bodies_stay(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t id = add_message(fixture, fixture->inbox, 4, "m4");
	StoreTxn *txn = begin(fixture);

	g_assert_true(store_message_note_asked(txn, id, 500, &error));
	commit(txn);
	g_autofree char *before = kept(fixture, INT64_MAX, 500), *after = kept(fixture, INT64_MAX, 501);
	g_assert_cmpstr(before, ==, "");
	g_assert_cmpstr(after, ==, "4 ");
}

static void
test_busy_bodies_stay(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t id = add_message(fixture, fixture->inbox, 4, "m4");

	sql(fixture, "INSERT INTO operations (account, kind, message, mailbox, created) VALUES (1, 'flags', 1, 1, 0)");
	g_autofree char *busy = kept(fixture, INT64_MAX, 1);
	g_assert_cmpstr(busy, ==, "");
	g_assert_false(drop_body(fixture, id, "h", &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_NOT_FOUND);
	g_autofree char *text = read_message(fixture, id);
	g_assert_cmpstr(text, ==, "m4");
}

static unsigned n_removed, n_added;

static void
listen(const StoreChange *changes, size_t count, void *data)
{
	for (size_t i = 0; i < count; i++) {
		n_removed += changes[i].kind == STORE_CHANGE_MESSAGE_REMOVED;
		n_added += changes[i].kind == STORE_CHANGE_MESSAGE_ADDED;
	}
}

static void
test_dropping(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_auto(StoreMessage) message = { 0 };
	int64_t id = add_message(fixture, fixture->inbox, 4, "A: b\r\n\r\nbody");
	bool due = false;

	store_listen(fixture->store, listen, NULL);
	g_assert_true(drop_body(fixture, id, "A: b\r\n\r\n", &error));
	store_listen(fixture->store, NULL, NULL);
	g_assert_cmpuint(n_removed, ==, 1); /* for whoever looks, another file */
	g_assert_cmpuint(n_added, ==, 1);
	g_assert_true(store_message_get(fixture->store, id, &message, &error));
	g_assert_cmpint(message.body_id, ==, 0);
	g_assert_cmpstr(message.name, ==, "4.eml");
	g_assert_false(drop_body(fixture, id, "A: b\r\n\r\n", &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_NOT_FOUND);
	g_clear_error(&error);

	/* The header survives what the body does not. */
	g_assert_true(store_compact_due(fixture->store, &due, &error));
	g_assert_true(due);
	g_assert_true(store_compact(fixture->store, NULL, &error));
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM bodies"), ==, 1);
	g_assert_cmpint(sql(fixture, "SELECT header = (SELECT id FROM bodies) FROM messages"), ==, 1);
	fixture_reopen(fixture);
	StoreBody header;
	char bytes[20];
	size_t n = 0;
	g_assert_true(store_body_get(fixture->store, message.header_id, &header, &error));
	g_assert_true(store_body_read(fixture->store, &header, bytes, sizeof bytes, 0, &n, &error));
	g_assert_cmpmem(bytes, n, "A: b\r\n\r\n", 8);
}

static void
test_matched_by_header(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t id = add_remote(fixture, fixture->inbox, 5, "A: b\r\n\r\n"), found = -1;
	static const uint8_t other[32] = { 8 };
	StoreTxn *txn = begin(fixture);

	g_assert_true(store_mailbox_forget_uids(txn, fixture->inbox, 77, &error));
	g_assert_true(store_message_find_unmatched_header(txn, fixture->inbox, header_hash, 5, 1005, true, &found, &error));
	g_assert_cmpint(found, ==, id);
	g_assert_true(store_message_find_unmatched_header(txn, fixture->inbox, other, 5, 1005, true, &found, &error));
	g_assert_cmpint(found, ==, 0);
	g_assert_true(store_message_find_unmatched_header(txn, fixture->inbox, header_hash, 6, 1005, true, &found, &error));
	g_assert_cmpint(found, ==, 0);
	g_assert_true(store_message_find_unmatched_header(txn, fixture->inbox, header_hash, 5, 1006, true, &found, &error));
	g_assert_cmpint(found, ==, 0);
	g_assert_true(store_message_find_unmatched_header(txn, fixture->inbox, header_hash, 5, 1005, false, &found, &error));
	g_assert_cmpint(found, ==, id);
	commit(txn);
	give_body(fixture, id, "A: b\r\n\r\nbody");
	txn = begin(fixture);
	g_assert_true(store_message_find_unmatched_header(txn, fixture->inbox, header_hash, 5, 1005, false, &found, &error));
	g_assert_cmpint(found, ==, 0);
	commit(txn);
}

static bool
note_length(const StoreBody *body, void *data)
{
	*(uint64_t *)data = body->length;
	return true;
}

static void
test_header_has_a_text(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	static const char header[] = "A: b\r\n\r\n";
	uint64_t length = 0;
	StoreBody body = { 0 };
	StoreEntry entry;
	int64_t id = add_remote(fixture, fixture->inbox, 5, header);

	g_assert_true(store_derived_missing(fixture->store, 1, 0, 10, note_length, &length, &error));
	g_assert_cmpuint(length, ==, strlen(header));
	core_sha256(header, strlen(header), body.sha256);
	g_assert_true(store_derived_put(fixture->store, &body, 1, "text", 4, &error));
	g_assert_true(store_derived_flush(fixture->store, &error));
	g_assert_true(store_entry_get(fixture->store, id, 1, &entry, &error));
	g_free((char *)(uintptr_t)entry.name);
	g_assert_cmpuint(entry.text_length, ==, 4);
	g_assert_cmpuint(entry.length, ==, 5);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("header-makes-visible", test_header_makes_visible);
	ADD("folders-with-remote-ones", test_folders_with_remote_ones);
	ADD("body-takes-the-place-of-the-header", test_body_takes_the_place_of_the_header);
	ADD("what-is-listed", test_what_is_listed);
	ADD("asked-bodies-stay", test_asked_bodies_stay);
	ADD("busy-bodies-stay", test_busy_bodies_stay);
	ADD("dropping", test_dropping);
	ADD("matched-by-header", test_matched_by_header);
	ADD("header-has-a-text", test_header_has_a_text);
	return g_test_run();
}
