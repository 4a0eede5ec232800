/* src/store: whether the bytes of a message are here already, and under which row. */
#include "store-fixture.h"

#define ADD(path, test) g_test_add("/store-alike/" path, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

/* What is known of a message that is here: EMAILID, X-GM-MSGID, size, date, header, bytes. */
typedef struct {
	const char *emailid;
	uint64_t gm_msgid, size;
	int64_t date_s;
	uint8_t header;
	const char *bytes; /* NULL: they are not here */
	bool foreign;      /* in another account */
} Here;

static int64_t
put_here(Fixture *fixture, const Here *here, uint32_t uid)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, &error);
	g_autofree char *name = g_strdup_printf("%u.eml", uid);
	const uint8_t header[32] = { here->header };
	StoreBody body = { 0 };
	int64_t id = 0, account = fixture->account, mailbox = fixture->inbox;

	if (here->bytes) {
		body = write_body(writer, here->bytes, strlen(here->bytes));
		g_assert_true(store_writer_sync(writer, &error));
	}
	StoreTxn *txn = begin(fixture);
	if (here->foreign) {
		g_assert_true(store_account_ensure(txn, "work", &account, &error));
		g_assert_true(store_mailbox_ensure(txn, account, (char *[]){ (char[]){ "INBOX" }, NULL }, &mailbox, &error));
	}
	const StoreMessage message = { .mailbox_id = mailbox, .uid = uid, .internaldate_s = here->date_s,
		                           .rfc822_size = here->size, .emailid = here->emailid, .gm_msgid = here->gm_msgid };
	g_assert_true(store_message_insert(txn, &message, &id, &error));
	if (here->bytes)
		g_assert_true(store_message_set_body(txn, id, &body, name, header, &error));
	commit(txn);
	return id;
}

static int64_t
body_of(Fixture *fixture, int64_t id)
{
	g_autoptr(GError) error = NULL;
	g_auto(StoreMessage) message = { 0 };

	g_assert_true(store_message_get(fixture->store, id, &message, &error));
	g_assert_cmpint(message.body_id, !=, 0);
	return message.body_id;
}

static void
test_known_by_id(Fixture *fixture, const void *data)
{
	static const Here here[] = {
		{ .emailid = "one", .size = 100, .bytes = "a" },
		{ .gm_msgid = 7, .size = 200, .bytes = "b" },
		{ .emailid = "copied", .size = 300, .bytes = "c" },
		{ .emailid = "copied", .size = 300, .bytes = "c" },
		{ .emailid = "copied", .size = 300 },
		{ .emailid = "two", .size = 400, .bytes = "d" },
		{ .emailid = "two", .size = 400, .bytes = "e" },
		{ .emailid = "sizes", .size = 500, .bytes = "f" },
		{ .emailid = "sizes", .size = 501 },
		{ .emailid = "none", .size = 600 },
		{ .emailid = "theirs", .size = 700, .bytes = "g", .foreign = true },
		{ .emailid = "both", .size = 800, .bytes = "h" },
		{ .emailid = "both", .size = 801, .bytes = "i", .foreign = true },
		{ .emailid = "untold", .bytes = "j" },
	};
	static const struct {
		StoreMessage described;
		int expected; /* index into here; -1: none */
	} rows[] = {
		{ { .emailid = "one", .rfc822_size = 100 }, 0 },
		{ { .emailid = "one", .rfc822_size = 101 }, -1 },
		{ { .emailid = "other", .rfc822_size = 100 }, -1 },
		{ { .rfc822_size = 100 }, -1 },
		{ { .gm_msgid = 7, .rfc822_size = 200 }, 1 },
		{ { .gm_msgid = 7, .rfc822_size = 201 }, -1 },
		{ { .emailid = "copied", .rfc822_size = 300 }, 2 },
		{ { .emailid = "two", .rfc822_size = 400 }, -1 },
		{ { .emailid = "sizes", .rfc822_size = 500 }, -1 },
		{ { .emailid = "none", .rfc822_size = 600 }, -1 },
		{ { .emailid = "theirs", .rfc822_size = 700 }, -1 },
		{ { .emailid = "both", .rfc822_size = 800 }, 11 },
		{ { .emailid = "untold" }, -1 },
	};
	g_autoptr(GError) error = NULL;
	int64_t ids[G_N_ELEMENTS(here)];

	for (unsigned i = 0; i < G_N_ELEMENTS(here); i++)
		ids[i] = put_here(fixture, &here[i], i + 1);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		int64_t body = -1, expected = rows[i].expected < 0 ? 0 : body_of(fixture, ids[rows[i].expected]);
		g_assert_true(store_message_known_by_id(fixture->store, fixture->account, &rows[i].described, &body, &error));
		g_assert_no_error(error);
		g_assert_cmpint(body, ==, expected);
	}
}

static void
test_an_id_of_very_many_proves_nothing(Fixture *fixture, const void *data)
{
	const StoreMessage described = { .emailid = "all", .rfc822_size = 5 };
	const Here copy = { .emailid = "all", .size = 5, .bytes = "same" };
	g_autoptr(GError) error = NULL;
	int64_t first = put_here(fixture, &copy, 1), body = 0;

	g_assert_true(store_message_known_by_id(fixture->store, fixture->account, &described, &body, &error));
	g_assert_cmpint(body, ==, body_of(fixture, first));
	sql(fixture, "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 300)"
	             " INSERT INTO messages (mailbox, uid, internaldate, rfc822_size, base_flags, modseq, emailid)"
	             " SELECT 1, i, 0, 5, '', 0, 'all' FROM n");
	g_assert_true(store_message_known_by_id(fixture->store, fixture->account, &described, &body, &error));
	g_assert_cmpint(body, ==, 0);
}

static void
test_known_by_header(Fixture *fixture, const void *data)
{
	static const Here here[] = {
		{ .size = 100, .date_s = 1, .header = 1, .bytes = "a" },
		{ .size = 100, .date_s = 1, .header = 1, .bytes = "a" },
		{ .size = 100, .date_s = 1, .header = 2, .bytes = "b" },
		{ .size = 200, .date_s = 2, .header = 3, .bytes = "c" },
		{ .size = 200, .date_s = 2, .header = 3, .bytes = "d" },
		{ .size = 300, .date_s = 3, .header = 4, .bytes = "e", .foreign = true },
		{ .size = 400, .date_s = 4, .header = 5 },
		{ .date_s = 5, .header = 6, .bytes = "f" },
	};
	static const struct {
		uint64_t size;
		int64_t date_s;
		uint8_t header;
		int expected; /* index into here; -1: none */
		bool alike;
	} rows[] = {
		{ 100, 1, 1, 0, true },  { 100, 1, 2, 2, true },  { 100, 1, 9, -1, true }, { 100, 2, 1, -1, false },
		{ 101, 1, 1, -1, false }, { 200, 2, 3, -1, true }, { 300, 3, 4, -1, true }, { 400, 4, 5, -1, false },
		{ 0, 5, 6, -1, false },
	};
	g_autoptr(GError) error = NULL;
	int64_t ids[G_N_ELEMENTS(here)];

	for (unsigned i = 0; i < G_N_ELEMENTS(here); i++)
		ids[i] = put_here(fixture, &here[i], i + 1);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		const uint8_t header[32] = { rows[i].header };
		const StoreMessage described = { .rfc822_size = rows[i].size, .internaldate_s = rows[i].date_s,
			                             .header_sha256 = header };
		int64_t body = -1, expected = rows[i].expected < 0 ? 0 : body_of(fixture, ids[rows[i].expected]);
		bool any = !rows[i].alike;
		g_assert_true(store_message_known_by_header(fixture->store, fixture->account, &described, &body, &error));
		g_assert_cmpint(body, ==, expected);
		g_assert_true(store_message_any_alike(fixture->store, &described, &any, &error));
		g_assert_cmpint(any, ==, rows[i].alike);
	}
}

static void
count_removed(const StoreChange *changes, size_t count, void *data)
{
	for (size_t i = 0; i < count; i++) {
		g_assert_cmpint(changes[i].kind, ==, STORE_CHANGE_MESSAGE_REMOVED);
		++*(unsigned *)data;
	}
}

/* Rows that lost their UIDs: found by their bytes and by their names. */
static void
test_unmatched(Fixture *fixture, const void *data)
{
	static const Here here[] = {
		{ .size = 1, .date_s = 50, .bytes = "twin" },
		{ .size = 1, .date_s = 60, .bytes = "twin" },
		{ .size = 1, .date_s = 70, .bytes = "other" },
	};
	g_autoptr(GError) error = NULL;
	unsigned removed = 0;
	int64_t ids[G_N_ELEMENTS(here)], id = -1;
	uint8_t twin[32], unknown[32];

	core_sha256("twin", 4, twin);
	core_sha256("unknown", 7, unknown);
	for (unsigned i = 0; i < G_N_ELEMENTS(here); i++)
		ids[i] = put_here(fixture, &here[i], i + 1);
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_message_find_unmatched(txn, fixture->inbox, twin, 60, &id, &error));
	g_assert_cmpint(id, ==, 0); /* all have their UIDs */
	g_assert_true(store_message_find_unmatched_name(txn, fixture->inbox, "1.eml", &id, &error));
	g_assert_cmpint(id, ==, 0);
	g_assert_true(store_mailbox_forget_uids(txn, fixture->inbox, 2, &error));
	g_assert_true(store_message_find_unmatched(txn, fixture->inbox, twin, 60, &id, &error));
	g_assert_cmpint(id, ==, ids[1]);
	g_assert_true(store_message_find_unmatched(txn, fixture->inbox, twin, 99, &id, &error));
	g_assert_cmpint(id, ==, ids[0]);
	g_assert_true(store_message_find_unmatched(txn, fixture->inbox, unknown, 60, &id, &error));
	g_assert_cmpint(id, ==, 0);
	g_assert_true(store_message_find_unmatched(txn, fixture->inbox + 1, twin, 60, &id, &error));
	g_assert_cmpint(id, ==, 0);
	g_assert_true(store_message_find_unmatched_name(txn, fixture->inbox, "3.eml", &id, &error));
	g_assert_cmpint(id, ==, ids[2]);
	const StoreMessage message = { .mailbox_id = fixture->inbox, .uid = 9, .internaldate_s = 60, .rfc822_size = 1 };
	g_assert_true(store_message_match(txn, ids[1], &message, NULL, &error));
	g_assert_true(store_message_find_unmatched(txn, fixture->inbox, twin, 60, &id, &error));
	g_assert_cmpint(id, ==, ids[0]); /* each is given once */
	commit(txn);

	store_listen(fixture->store, count_removed, &removed);
	txn = begin(fixture);
	g_assert_true(store_message_remove_unmatched(txn, fixture->inbox, &error));
	commit(txn);
	g_assert_cmpuint(removed, ==, 2);
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM messages"), ==, 1);
}

/* A message that another client moved: gone from one mailbox before it turns up in the other. */
static void
test_departed(Fixture *fixture, const void *data)
{
	static const uint8_t header[32] = { 9 };
	static const Here moving = { .emailid = "E", .size = 5, .date_s = 6, .header = 9, .bytes = "moved" };
	const StoreMessage by_id = { .emailid = "E", .rfc822_size = 5 };
	const StoreMessage by_header = { .rfc822_size = 5, .internaldate_s = 6, .header_sha256 = header };
	g_autoptr(GError) error = NULL;
	bool due = true, any = false;
	int64_t id = put_here(fixture, &moving, 1), body = body_of(fixture, id), found = 0;

	g_assert_true(store_compact_due(fixture->store, &due, &error));
	g_assert_false(due);
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_message_remove_uids(txn, fixture->inbox, 1, 1, &error));
	commit(txn);
	fixture_reopen(fixture);
	g_assert_true(store_compact_due(fixture->store, &due, &error));
	g_assert_true(due);
	g_assert_true(store_message_any_alike(fixture->store, &by_header, &any, &error));
	g_assert_true(any);
	g_assert_true(store_message_known_by_header(fixture->store, fixture->account, &by_header, &found, &error));
	g_assert_cmpint(found, ==, body);
	g_assert_true(store_message_known_by_id(fixture->store, fixture->account, &by_id, &found, &error));
	g_assert_cmpint(found, ==, body);

	txn = begin(fixture);
	int64_t here = insert_message(txn, fixture->inbox, 2);
	g_assert_true(store_message_share_body(txn, here, found, "here.eml", header, &error));
	commit(txn);
	g_assert_true(store_compact(fixture->store, NULL, &error));
	g_assert_true(store_compact_due(fixture->store, &due, &error));
	g_assert_false(due);
	g_autofree char *bytes = read_message(fixture, here);
	g_assert_cmpstr(bytes, ==, "moved");
	txn = begin(fixture);
	g_assert_true(store_message_remove(txn, here, &error));
	commit(txn);
	g_assert_true(store_compact(fixture->store, NULL, &error));
	g_assert_true(store_message_known_by_id(fixture->store, fixture->account, &by_id, &found, &error));
	g_assert_cmpint(found, ==, 0);
	g_assert_true(store_message_any_alike(fixture->store, &by_header, &any, &error));
	g_assert_false(any);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("by-id", test_known_by_id);
	ADD("an-id-of-very-many-proves-nothing", test_an_id_of_very_many_proves_nothing);
	ADD("by-header", test_known_by_header);
	ADD("unmatched", test_unmatched);
	ADD("departed", test_departed);
	return g_test_run();
}
