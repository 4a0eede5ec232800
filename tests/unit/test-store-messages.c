/* src/store: messages, their flags, matching, and what views list. */
#include "store-fixture.h"

#include "store/internal.h"

#define ADD(path, test) g_test_add("/store-messages/" path, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

static void
test_flags_normalise(void)
{
	static const struct {
		const char *from, *to;
	} rows[] = {
		{ "", "" },
		{ "$b \\DRAFT $A \\seen", "\\Seen \\Draft $A $b" },
		{ "\\Recent \\Flagged \\flagged", "\\Flagged" },
		{ "$Label1 $label1 $LABEL1", "$Label1" },
		{ "\\Deleted \\Draft \\Flagged \\Answered \\Seen", "\\Seen \\Answered \\Flagged \\Deleted \\Draft" },
		{ "\\XCustom a]b", "\\XCustom a]b" },
		{ "a\tb \x01 c", "c" },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_auto(GStrv) flags = g_strsplit(rows[i].from, " ", -1);
		g_autofree char *text = store_flags_normalise((const char *const *)flags, g_strv_length(flags));
		g_assert_cmpstr(text, ==, rows[i].to);
	}
	g_autofree char *spaced = store_flags_normalise((const char *const[]){ "a b", "c" }, 2);
	g_assert_cmpstr(spaced, ==, "c");
}

static void
test_flags_apply(void)
{
	static const struct {
		const char *flags, *add, *remove, *to;
	} rows[] = {
		{ "", "", "", "" },
		{ "\\Seen", "\\Flagged", "", "\\Seen \\Flagged" },
		{ "\\Seen $a", "$B", "\\Seen $A", "$B" },
		{ "\\Seen", "\\seen $a", "", "\\Seen $a" },
		{ "$a", "$a", "$a", "$a" },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = store_flags_apply(rows[i].flags, rows[i].add, rows[i].remove);
		g_assert_cmpstr(text, ==, rows[i].to);
	}
}

static void
test_flags_shown(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t id = add_message(fixture, fixture->inbox, 1, "x"), other = add_message(fixture, fixture->inbox, 2, "y");
	/* In the order of ids; what is done is in the base already, what was refused never will be. */
	static const struct {
		const char *state, *add, *remove, *shown;
	} rows[] = {
		{ "queued", "\\Seen", "", "\\Seen" },
		{ "sent", "\\Flagged $x", "", "\\Seen \\Flagged $x" },
		{ "done", "$done", "", "\\Seen \\Flagged $x" },
		{ "held", "", "\\Seen", "\\Flagged $x" },
		{ "failed", "\\Seen", "$X", "\\Flagged $x" },
		{ "queued", "", "$X", "\\Flagged" },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *insert = g_strdup_printf(
			"INSERT INTO operations (account, kind, message, mailbox, add_flags, remove_flags, state, created, ended)"
			" VALUES (1, 'flags', %d, 1, '%s', '%s', '%s', 0, '%s' IN ('done', 'cancelled'))", (int)id, rows[i].add,
			rows[i].remove, rows[i].state, rows[i].state);
		sql(fixture, insert);
		g_autofree char *flags = store_message_flags(fixture->store, id, &error);
		g_assert_no_error(error);
		g_assert_cmpstr(flags, ==, rows[i].shown);
	}
	g_autofree char *others = store_message_flags(fixture->store, other, &error);
	g_assert_cmpstr(others, ==, "");
	g_assert_null(store_message_flags(fixture->store, 999, &error));
	g_assert_no_error(error);
}

static void
test_insert_keeps_what_is_there(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_auto(StoreMessage) got = { 0 };
	int64_t id = add_message(fixture, fixture->inbox, 9, "body"), again = 0;
	StoreMessage message = { .mailbox_id = fixture->inbox, .uid = 9, .internaldate_s = 1, .rfc822_size = 2,
		                     .base_flags = "\\Seen", .modseq = 30, .emailid = "M1", .gm_msgid = 4 };

	StoreTxn *txn = begin(fixture);
	g_assert_true(store_message_insert(txn, &message, &again, &error));
	commit(txn);
	g_assert_cmpint(again, ==, id);
	g_assert_true(store_message_get(fixture->store, id, &got, &error));
	g_assert_cmpstr(got.base_flags, ==, "\\Seen");
	g_assert_cmpuint(got.modseq, ==, 30);
	g_assert_cmpint(got.internaldate_s, ==, 1009);
	g_assert_cmpstr(got.name, ==, "9.eml");

	message.uid = 0;
	txn = begin(fixture);
	g_assert_false(store_message_insert(txn, &message, &again, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_PROTOCOL);
	store_rollback(txn);
}

static void
test_insert_takes_all(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_auto(StoreMessage) got = { 0 };
	int64_t id = 0;
	StoreMessage message = { .mailbox_id = fixture->inbox, .uid = UINT32_MAX, .internaldate_s = -5,
		                     .rfc822_size = 1ull << 40, .base_flags = "$a", .modseq = (1ull << 63) - 1,
		                     .emailid = "M1", .gm_msgid = UINT64_MAX };

	StoreTxn *txn = begin(fixture);
	g_assert_true(store_message_insert(txn, &message, &id, &error));
	commit(txn);
	g_assert_true(store_message_find_uid(fixture->store, fixture->inbox, UINT32_MAX, &got, &error));
	g_assert_cmpint(got.id, ==, id);
	g_assert_cmpint(got.mailbox_id, ==, fixture->inbox);
	g_assert_cmpint(got.internaldate_s, ==, -5);
	g_assert_cmpuint(got.rfc822_size, ==, 1ull << 40);
	g_assert_cmpuint(got.modseq, ==, (1ull << 63) - 1);
	g_assert_cmpstr(got.emailid, ==, "M1");
	g_assert_cmpuint(got.gm_msgid, ==, UINT64_MAX);
	g_assert_cmpint(got.body_id, ==, 0);
	g_assert_null(got.name);
	g_assert_null(got.header_sha256);
}

static void
count_changes(const StoreChange *changes, size_t count, void *data)
{
	for (size_t i = 0; i < count; i++)
		g_string_append_printf(data, "%d:%s ", changes[i].kind, changes[i].name);
}

static void
test_set_flags(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) heard = g_string_new(NULL);
	g_auto(StoreMessage) got = { 0 };
	int64_t id = add_message(fixture, fixture->inbox, 1, "x");
	g_autofree char *once = g_strdup_printf("%d:1.eml ", STORE_CHANGE_MESSAGE_FLAGS);

	store_listen(fixture->store, count_changes, heard);
	StoreTxn *txn = begin(fixture);
	int64_t invisible = insert_message(txn, fixture->inbox, 2);
	g_assert_true(store_message_set_flags(txn, fixture->inbox, 1, "\\Seen", 5, &error));
	g_assert_true(store_message_set_flags(txn, fixture->inbox, 1, "\\Seen", 0, &error)); /* no change */
	g_assert_true(store_message_set_flags(txn, fixture->inbox, 2, "\\Seen", 7, &error)); /* nobody sees it */
	g_assert_true(store_message_set_flags(txn, fixture->inbox, 77, "\\Seen", 7, &error)); /* unknown */
	commit(txn);
	g_assert_cmpstr(heard->str, ==, once);
	g_assert_true(store_message_get(fixture->store, id, &got, &error));
	g_assert_cmpuint(got.modseq, ==, 5);
	store_message_clear(&got);
	g_assert_true(store_message_get(fixture->store, invisible, &got, &error));
	g_assert_cmpstr(got.base_flags, ==, "\\Seen");
	g_assert_cmpuint(got.modseq, ==, 7);
}

static bool
append_uid(const StoreMessage *message, void *data)
{
	g_string_append_printf(data, "%u ", message->uid);
	return true;
}

static bool
append_id(const StoreMessage *message, void *data)
{
	g_string_append_printf(data, "%d ", (int)message->id);
	return true;
}

static void
test_lists_of_uids(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) uids = g_string_new(NULL);
	int64_t other = make_mailbox(fixture, "other");

	add_message(fixture, fixture->inbox, 30, "a");
	add_message(fixture, other, 5, "b");
	StoreTxn *txn = begin(fixture);
	insert_message(txn, fixture->inbox, 10);
	insert_message(txn, fixture->inbox, 40);
	commit(txn);
	g_assert_true(store_message_list_uids(fixture->store, fixture->inbox, append_uid, uids, &error));
	g_assert_cmpstr(uids->str, ==, "10 30 40 ");
	g_string_truncate(uids, 0);
	g_assert_true(store_message_list_missing(fixture->store, fixture->inbox, UINT32_MAX, append_uid, uids, &error));
	g_assert_cmpstr(uids->str, ==, "40 10 ");
	g_string_truncate(uids, 0);
	g_assert_true(store_message_list_missing(fixture->store, fixture->inbox, 39, append_uid, uids, &error));
	g_assert_cmpstr(uids->str, ==, "10 ");
}

static void
test_remove_uids(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) uids = g_string_new(NULL);
	g_autoptr(GString) heard = g_string_new(NULL);
	int64_t first = add_message(fixture, fixture->inbox, 1, "a");
	g_autofree char *expected = g_strdup_printf("%d:2.eml %d:1.eml ", STORE_CHANGE_MESSAGE_REMOVED,
	                                            STORE_CHANGE_MESSAGE_REMOVED);

	add_message(fixture, fixture->inbox, 2, "b");
	add_message(fixture, fixture->inbox, 4, "d");
	store_listen(fixture->store, count_changes, heard);
	StoreTxn *txn = begin(fixture);
	insert_message(txn, fixture->inbox, 3);
	g_assert_true(store_message_remove_uids(txn, fixture->inbox, 2, 3, &error));
	g_assert_true(store_message_remove(txn, first, &error));
	g_assert_true(store_message_remove(txn, first, &error)); /* gone already: no error */
	commit(txn);
	g_assert_cmpstr(heard->str, ==, expected);
	store_message_list_uids(fixture->store, fixture->inbox, append_uid, uids, &error);
	g_assert_cmpstr(uids->str, ==, "4 ");

	txn = begin(fixture);
	g_assert_true(store_message_remove_uids(txn, fixture->inbox, 1, UINT32_MAX, &error));
	commit(txn);
	g_string_truncate(uids, 0);
	store_message_list_uids(fixture->store, fixture->inbox, append_uid, uids, &error);
	g_assert_cmpstr(uids->str, ==, "");
}

static void
test_forget_and_match(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) ids = g_string_new(NULL), heard = g_string_new(NULL);
	g_auto(StoreMailbox) mailbox = { 0 };
	g_auto(StoreMessage) got = { 0 };
	int64_t kept = add_message(fixture, fixture->inbox, 1, "a"), renamed = add_message(fixture, fixture->inbox, 2, "b");
	g_autofree char *both = g_strdup_printf("%d %d ", (int)kept, (int)renamed);

	StoreTxn *txn = begin(fixture);
	insert_message(txn, fixture->inbox, 3); /* never seen: not worth matching */
	g_assert_true(store_mailbox_set_state(txn, fixture->inbox, 1, 4, 9, "F", &error));
	g_assert_true(store_mailbox_forget_uids(txn, fixture->inbox, 2, &error));
	commit(txn);
	g_assert_true(store_mailbox_get(fixture->store, fixture->inbox, &mailbox, &error));
	g_assert_cmpuint(mailbox.uidvalidity, ==, 2);
	g_assert_cmpuint(mailbox.uidnext, ==, 0);
	g_assert_cmpuint(mailbox.highestmodseq, ==, 0);
	g_assert_cmpstr(mailbox.mailboxid, ==, "F");
	g_assert_true(store_message_list_unmatched(fixture->store, fixture->inbox, append_id, ids, &error));
	g_assert_cmpstr(ids->str, ==, both);
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM messages"), ==, 2);

	store_listen(fixture->store, count_changes, heard);
	StoreMessage message = { .mailbox_id = fixture->inbox, .uid = 71, .internaldate_s = 5, .rfc822_size = 6,
		                     .base_flags = "", .modseq = 8, .emailid = "E" };
	txn = begin(fixture);
	int64_t rival = insert_message(txn, fixture->inbox, 71); /* told of before it was matched */
	g_assert_true(store_message_match(txn, kept, &message, NULL, &error));
	message.uid = 72;
	message.base_flags = "\\Seen";
	message.emailid = NULL;
	g_assert_true(store_message_match(txn, renamed, &message, "72.eml", &error));
	commit(txn);
	g_autofree char *expected = g_strdup_printf("%d:1.eml %d:2.eml %d:72.eml %d:2.eml ", STORE_CHANGE_MESSAGE_CONTENT,
	                                            STORE_CHANGE_MESSAGE_RENAMED, STORE_CHANGE_MESSAGE_CONTENT,
	                                            STORE_CHANGE_MESSAGE_FLAGS); /* both have another date */
	g_assert_cmpstr(heard->str, ==, expected);
	g_assert_false(store_message_get(fixture->store, rival, &got, &error));
	g_assert_true(store_message_find_uid(fixture->store, fixture->inbox, 71, &got, &error));
	g_assert_cmpint(got.id, ==, kept);
	g_assert_cmpstr(got.name, ==, "1.eml");
	g_assert_cmpstr(got.emailid, ==, "E");
	g_assert_cmpint(got.internaldate_s, ==, 5);
	store_message_clear(&got);
	g_assert_true(store_message_find(fixture->store, fixture->inbox, "72.eml", &got, &error));
	g_assert_cmpint(got.id, ==, renamed);
	g_autofree char *text = read_message(fixture, renamed);
	g_assert_cmpstr(text, ==, "b");
	g_string_truncate(ids, 0);
	store_message_list_unmatched(fixture->store, fixture->inbox, append_id, ids, &error);
	g_assert_cmpstr(ids->str, ==, "");

	/* Whoever comes second: nothing changes. */
	message.uid = 73;
	txn = begin(fixture);
	g_assert_false(store_message_match(txn, kept, &message, "73.eml", &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_NOT_FOUND);
	g_clear_error(&error);
	commit(txn);
	store_message_clear(&got);
	g_assert_false(store_message_find_uid(fixture->store, fixture->inbox, 73, &got, &error));
	g_assert_true(store_message_find_uid(fixture->store, fixture->inbox, 71, &got, &error));
	g_assert_cmpint(got.id, ==, kept);

	txn = begin(fixture);
	g_assert_false(store_message_match(txn, 999, &message, NULL, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_NOT_FOUND);
	commit(txn); /* which spoils nothing */
}

static void
test_rename(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) heard = g_string_new(NULL);
	g_auto(StoreMessage) got = { 0 };
	int64_t id = add_message(fixture, fixture->inbox, 1, "x");
	g_autofree char *once = g_strdup_printf("%d:1.eml ", STORE_CHANGE_MESSAGE_RENAMED);

	store_listen(fixture->store, count_changes, heard);
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_message_rename(txn, id, "other.eml", &error));
	g_assert_true(store_message_rename(txn, id, "other.eml", &error)); /* no change */
	g_assert_false(store_message_rename(txn, id + 1, "none.eml", &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_NOT_FOUND);
	g_clear_error(&error);
	commit(txn);
	g_assert_cmpstr(heard->str, ==, once);
	g_assert_true(store_message_find(fixture->store, fixture->inbox, "other.eml", &got, &error));
	g_assert_cmpint(got.id, ==, id);
}

static void
test_share_body(Fixture *fixture, const void *data)
{
	static const uint8_t header[32] = { 9 };
	g_autoptr(GError) error = NULL;
	g_auto(StoreMessage) first = { 0 }, second = { 0 };
	int64_t id = add_message(fixture, fixture->inbox, 1, "shared");

	g_assert_true(store_message_get(fixture->store, id, &first, &error));
	StoreTxn *txn = begin(fixture);
	int64_t copy = insert_message(txn, fixture->inbox, 2);
	g_assert_true(store_message_share_body(txn, copy, first.body_id, "copy", header, &error));
	commit(txn);
	g_assert_true(store_message_get(fixture->store, copy, &second, &error));
	g_assert_cmpint(second.body_id, ==, first.body_id);
	g_assert_cmpuint(second.length, ==, 6);
	g_assert_cmpint(second.header_sha256[0], ==, 9);

	txn = begin(fixture);
	g_assert_false(store_message_share_body(txn, copy, first.body_id + 9, "copy", header, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_NOT_FOUND);
	g_clear_error(&error);
	g_assert_false(store_message_share_body(txn, copy + 9, first.body_id, "copy", header, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_NOT_FOUND);
	commit(txn);
}

static void
test_other_body(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) heard = g_string_new(NULL);
	int64_t id = add_message(fixture, fixture->inbox, 1, "before");
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, &error);
	StoreBody body = write_body(writer, "after", 5);
	g_assert_true(store_writer_sync(writer, &error));
	g_autofree char *expected = g_strdup_printf("%d:1.eml %d:1.eml ", STORE_CHANGE_MESSAGE_REMOVED,
	                                            STORE_CHANGE_MESSAGE_ADDED);

	store_listen(fixture->store, count_changes, heard);
	StoreTxn *txn = begin(fixture);
	set_body(txn, id, &body, "1.eml");
	commit(txn);
	g_assert_cmpstr(heard->str, ==, expected);
	g_autofree char *text = read_message(fixture, id);
	g_assert_cmpstr(text, ==, "after");
}

static void
test_name_taken(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t id = add_message(fixture, fixture->inbox, 1, "x");
	int64_t other = make_mailbox(fixture, "other");

	make_mailbox(fixture, "INBOX/child");
	const struct {
		int64_t mailbox;
		const char *name;
		int64_t but;
		bool taken;
	} rows[] = {
		{ fixture->inbox, "1.eml", 0, true },      { fixture->inbox, "1.eml", id, false },
		{ fixture->inbox, "1.eml", id + 1, true }, { fixture->inbox, "child", 0, true },
		{ fixture->inbox, "2.eml", 0, false },     { other, "1.eml", 0, false },
	};
	StoreTxn *txn = begin(fixture);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		bool taken = !rows[i].taken;
		g_assert_true(store_name_taken(txn, rows[i].mailbox, rows[i].name, rows[i].but, &taken, &error));
		g_assert_cmpint(taken, ==, rows[i].taken);
	}
	store_rollback(txn);
}

static void
test_taken_name_is_refused(Fixture *fixture, const void *data)
{
	static const uint8_t header[32] = { 0 };
	g_autoptr(GError) error = NULL;
	int64_t first = add_message(fixture, fixture->inbox, 1, "x"), second = add_message(fixture, fixture->inbox, 2, "y");
	g_auto(StoreMessage) got = { 0 };

	g_assert_true(store_message_get(fixture->store, first, &got, &error));
	StoreTxn *txn = begin(fixture);
	g_assert_false(store_message_share_body(txn, second, got.body_id, "1.eml", header, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_IO);
	g_assert_nonnull(strstr(error->message, "UPDATE messages")); /* the statement is in the error */
	g_clear_error(&error);
	g_assert_false(store_commit(txn, &error)); /* a transaction with a failure in it never half happens */
	g_assert_error(error, CORE_ERROR, CORE_ERROR_IO);
	g_autofree char *text = read_message(fixture, second);
	g_assert_cmpstr(text, ==, "y");
}

static bool
append_entry(const StoreEntry *entry, void *data)
{
	g_string_append_printf(data, "%s=%d/%d ", entry->name, (int)entry->length,
	                       entry->text_length == UINT64_MAX ? -1 : (int)entry->text_length);
	return true;
}

static void
test_entries(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) list = g_string_new(NULL);
	int64_t first = add_message(fixture, fixture->inbox, 5, "aaa"), second = add_message(fixture, fixture->inbox, 3, "bb");
	StoreEntry entry;
	StoreBody body = { 0 };

	StoreTxn *txn = begin(fixture);
	insert_message(txn, fixture->inbox, 9);
	commit(txn);
	core_sha256("aaa", 3, body.sha256);
	g_assert_true(store_derived_put(fixture->store, &body, 4, "text!", 5, &error));
	g_assert_true(store_derived_flush(fixture->store, &error));

	g_assert_true(store_entry_list(fixture->store, fixture->inbox, 0, 4, append_entry, list, &error));
	g_assert_cmpstr(list->str, ==, "5.eml=3/5 3.eml=2/-1 ");
	g_string_truncate(list, 0);
	g_assert_true(store_entry_list(fixture->store, fixture->inbox, first, 4, append_entry, list, &error));
	g_assert_cmpstr(list->str, ==, "3.eml=2/-1 ");
	g_string_truncate(list, 0);
	g_assert_true(store_entry_list(fixture->store, fixture->inbox, 0, 5, append_entry, list, &error));
	g_assert_cmpstr(list->str, ==, "5.eml=3/-1 3.eml=2/-1 "); /* another version's text is none */

	g_assert_true(store_entry_find(fixture->store, fixture->inbox, "3.eml", 4, &entry, &error));
	g_assert_cmpint(entry.id, ==, second);
	g_free((char *)(uintptr_t)entry.name);
	g_assert_true(store_entry_get(fixture->store, first, 4, &entry, &error));
	g_assert_cmpstr(entry.name, ==, "5.eml");
	g_assert_cmpuint(entry.text_length, ==, 5);
	g_assert_cmpint(entry.internaldate_s, ==, 1005);
	g_free((char *)(uintptr_t)entry.name);
	g_assert_false(store_entry_get(fixture->store, second + 1, 4, &entry, &error)); /* invisible */
	g_assert_false(store_entry_find(fixture->store, fixture->inbox, "x", 4, &entry, &error));
	g_assert_no_error(error);
}

static void
test_counts(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	StoreCounts counts;
	int64_t leaf = make_mailbox(fixture, "directory/leaf");

	add_message(fixture, fixture->inbox, 1, "12345");
	add_message(fixture, leaf, 1, "12345");
	add_message(fixture, leaf, 2, "123");
	StoreTxn *txn = begin(fixture);
	insert_message(txn, leaf, 3);
	commit(txn);
	g_assert_true(store_account_counts(fixture->store, fixture->account, &counts, &error));
	g_assert_cmpuint(counts.mailboxes, ==, 2);
	g_assert_cmpuint(counts.messages, ==, 3);
	g_assert_cmpuint(counts.bytes, ==, 13); /* what people see, though two share their bytes */
	g_assert_cmpuint(counts.missing, ==, 1);
	g_assert_true(store_account_counts(fixture->store, 99, &counts, &error));
	g_assert_cmpuint(counts.messages + counts.mailboxes + counts.missing + counts.bytes, ==, 0);
}

static bool
read_inside(const StoreMessage *message, void *data)
{
	g_autofree char *text = read_message(data, message->id);

	g_assert_nonnull(text);
	return true;
}

static void
test_callbacks_may_read(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;

	add_message(fixture, fixture->inbox, 1, "a");
	add_message(fixture, fixture->inbox, 2, "b");
	g_assert_true(store_message_list_uids(fixture->store, fixture->inbox, read_inside, fixture, &error));
	g_assert_no_error(error);
}

/* What can be sent in a command: system flags, the server's own with a backslash, atoms, and Gmail's keywords with "]". */
static void
test_flags_that_imap_can_carry(void)
{
	static const char *const good[] = { "\\Seen", "\\sEEN", "\\Important", "$Label1", "x", "a]b", "[Gmail]", "'~!" };
	static const char *const bad[] = { "", "\\", "\\Recent", "\\recent", "a b", "a(", "a)", "a{", "a%", "a*", "a\"", "a\\b", "\\\\a",
		                               "a\r", "a\n", "a\177", "\303\241" };

	for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
		g_assert_true(store_flag_is_sendable(good[i]));
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		g_assert_false(store_flag_is_sendable(bad[i]));
	g_assert_cmpstr(store_flag_system("\\sEEN"), ==, "\\Seen");
	g_assert_null(store_flag_system("Seen"));
	g_assert_null(store_flag_system("\\Important"));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/store-messages/flags/normalise", test_flags_normalise);
	g_test_add_func("/store-messages/flags/sendable", test_flags_that_imap_can_carry);
	g_test_add_func("/store-messages/flags/apply", test_flags_apply);
	ADD("flags/shown", test_flags_shown);
	ADD("flags/set", test_set_flags);
	ADD("insert/keeps-what-is-there", test_insert_keeps_what_is_there);
	ADD("insert/takes-all", test_insert_takes_all);
	ADD("lists-of-uids", test_lists_of_uids);
	ADD("remove-uids", test_remove_uids);
	ADD("forget-and-match", test_forget_and_match);
	ADD("rename", test_rename);
	ADD("body/share", test_share_body);
	ADD("body/other", test_other_body);
	ADD("name/taken", test_name_taken);
	ADD("name/taken-is-refused", test_taken_name_is_refused);
	ADD("entries", test_entries);
	ADD("counts", test_counts);
	ADD("callbacks-may-read", test_callbacks_may_read);
	return g_test_run();
}
