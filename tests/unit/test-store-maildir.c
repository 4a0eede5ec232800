/* src/store/maildir.h: messages as entries of a Maildir. */
#include "store-changes.h"

#include "store/files.h"
#include "store/maildir.h"

#define ADD(path, test) g_test_add("/store-maildir/" path, World, NULL, world_set_up, test, world_tear_down)

static const uint8_t header[32] = { 7 };

static bool
tell_entry(const StoreMaildirEntry *entry, void *data)
{
	g_string_append_printf(data, "%s%s[%s]%s%s", ((GString *)data)->len > 0 ? ", " : "", entry->entry.name, entry->flags,
	                       entry->base ? entry->base : "", entry->is_old ? " old" : "");
	return true;
}

/* "1.eml[\\Seen]BASE old, 2.eml[]": all that is listed. */
static void
assert_listed(World *world, int64_t mailbox, const char *expected)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) told = g_string_new(NULL);

	g_assert_true(store_maildir_list(world->base.store, mailbox, 0, tell_entry, told, &error));
	g_assert_no_error(error);
	g_assert_cmpstr(told->str, ==, expected);
}

static void
set(World *world, int64_t id, const char *base, bool is_old)
{
	g_autoptr(GError) error = NULL;
	StoreTxn *txn = begin(&world->base);

	g_assert_true(store_maildir_set(txn, id, base, is_old, &error));
	g_assert_no_error(error);
	commit(txn);
}

static void
move(World *world, int64_t id, int64_t mailbox)
{
	StoreTxn *txn = begin(&world->base);

	g_assert_true(store_change_move(txn, id, mailbox, NULL, false, NULL));
	commit(txn);
}

static void
change_flags(World *world, int64_t id, const char *add, const char *remove)
{
	StoreTxn *txn = begin(&world->base);

	g_assert_true(store_change_flags(txn, id, add, remove, NULL));
	commit(txn);
}

/* As store_message_flags() tells, of all at once. */
static void
test_flags_are_those_that_people_see(World *world, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) told = g_string_new(NULL);
	g_auto(StoreMaildirEntry) entry = { 0 };

	add_message(&world->base, world->inbox, 2, "second");
	assert_listed(world, world->inbox, "1.eml[\\Seen], 2.eml[]");
	change_flags(world, world->message, "\\Flagged Work", "\\Seen");
	assert_listed(world, world->inbox, "1.eml[\\Flagged Work], 2.eml[]");
	int64_t operation = sql(&world->base, "SELECT id FROM operations");
	StoreTxn *txn = begin(&world->base);
	g_assert_true(store_operation_send(txn, operation, 1, 1, &error)); /* so the next delta is another operation */
	commit(txn);
	change_flags(world, world->message, "\\Draft", "Work");
	g_assert_cmpint(sql(&world->base, "SELECT count(*) FROM operations"), ==, 2);
	assert_listed(world, world->inbox, "1.eml[\\Flagged \\Draft], 2.eml[]");
	g_assert_true(store_maildir_get(world->base.store, world->inbox, world->message, &entry, &error));
	g_autofree char *flags = store_message_flags(world->base.store, world->message, &error);
	g_assert_cmpstr(entry.flags, ==, flags);
	g_assert_true(store_maildir_list(world->base.store, world->inbox, world->message, tell_entry, told, &error));
	g_assert_cmpstr(told->str, ==, "2.eml[]");
}

static void
test_a_base_is_found_and_goes_along(World *world, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_auto(StoreMaildirEntry) entry = { 0 }, other = { 0 };

	set(world, world->message, "17.M1P2.host", true);
	assert_listed(world, world->inbox, "1.eml[\\Seen]17.M1P2.host old");
	g_assert_true(store_maildir_find(world->base.store, world->inbox, "17.M1P2.host", &entry, &error));
	g_assert_cmpint(entry.entry.id, ==, world->message);
	move(world, world->message, world->a);
	assert_listed(world, world->a, "1.eml[\\Seen]17.M1P2.host old");
	g_assert_false(store_maildir_find(world->base.store, world->inbox, "17.M1P2.host", &other, &error));
	g_assert_no_error(error);
	set(world, world->message, NULL, false);
	assert_listed(world, world->a, "1.eml[\\Seen]");
}

/* A base is of one message in a mailbox, however it comes there. */
static void
test_a_base_is_given_once(World *world, const void *data)
{
	int64_t second = add_message(&world->base, world->inbox, 2, "second"), third = add_message(&world->base, world->a, 3, "third");

	set(world, world->message, "same", false);
	set(world, second, "same", true);
	assert_listed(world, world->inbox, "1.eml[\\Seen]same, 2.eml[] old");
	set(world, third, "same", false);
	move(world, third, world->inbox);
	assert_listed(world, world->inbox, "1.eml[\\Seen]same, 2.eml[] old, 3.eml[]");
	set(world, world->message, "same", true); /* its own */
	assert_listed(world, world->inbox, "1.eml[\\Seen]same old, 2.eml[] old, 3.eml[]");
}

static int64_t
write_file(World *world, const char *name, StoreMessageState state)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = store_writer_new(world->base.store, &error);
	StoreBody body = write_body(writer, name, strlen(name));
	const StoreRemoval how = { 0 };
	StoreFile file = { .mailbox_id = world->a, .name = name, .name_is_users = true, .state = state, .body = &body,
		               .header_sha256 = state == STORE_MESSAGE_TO_APPEND ? header : NULL, .time_s = 5 };

	g_assert_true(store_writer_sync(writer, &error));
	StoreTxn *txn = begin(&world->base);
	g_assert_true(store_file_reserve(txn, 1, &file.id, &error));
	g_assert_true(store_file_save(txn, &file, &how, &error));
	commit(txn);
	return file.id;
}

static bool
tell_name(const StoreEntry *entry, void *data)
{
	g_string_append_printf(data, "%s|", entry->name);
	return true;
}

static void
assert_files(World *world, const char *directory, const char *expected)
{
	g_autoptr(GString) told = g_string_new(NULL);

	g_assert_true(store_entry_list_tmp(world->base.store, world->a, directory, 0, tell_name, told, NULL));
	g_assert_cmpstr(told->str, ==, expected);
}

static void
test_files_of_the_directories(World *world, const void *data)
{
	g_autoptr(GString) told = g_string_new(NULL);

	write_file(world, "tmp/x", STORE_MESSAGE_TMP);
	write_file(world, "tmp/y", STORE_MESSAGE_TMP);
	write_file(world, "cur/z", STORE_MESSAGE_TMP);
	write_file(world, "tmp.eml", STORE_MESSAGE_TO_APPEND);
	write_file(world, "tmp0", STORE_MESSAGE_FILE);
	assert_files(world, "tmp", "tmp/x|tmp/y|");
	assert_files(world, "cur", "cur/z|");
	assert_files(world, "new", "");
	assert_listed(world, world->a, "tmp/x[], tmp/y[], cur/z[], tmp.eml[]");
	g_assert_true(store_entry_list(world->base.store, world->a, 0, 0, tell_name, told, NULL));
	g_assert_cmpstr(told->str, ==, "tmp.eml|tmp0|");
}

/* What programs were writing does not keep a mailbox from being removed; what somebody put beside the messages does. */
static void
test_only_tmp_goes_with_its_mailbox(World *world, const void *data)
{
	g_autoptr(GError) error = NULL;

	write_file(world, "tmp/x", STORE_MESSAGE_TMP);
	int64_t file = write_file(world, "cur/z", STORE_MESSAGE_TMP);
	StoreTxn *txn = begin(&world->base);
	g_assert_false(store_change_delete(txn, world->a, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_REFUSED);
	g_clear_error(&error);
	g_assert_true(store_change_remove(txn, file, &(StoreRemoval){ 0 }, &error));
	g_assert_true(store_change_delete(txn, world->a, &error));
	commit(txn);
	assert_files(world, "tmp", "");
}

static int64_t
stirred(World *world, int64_t mailbox_id)
{
	g_auto(StoreMailbox) mailbox = { 0 };

	g_assert_true(store_mailbox_get(world->base.store, mailbox_id, &mailbox, NULL));
	return mailbox.stirred_ms;
}

/* Each change of what is called how makes the time greater, however fast they follow each other. */
static void
test_every_change_is_later(World *world, const void *data)
{
	int64_t before = stirred(world, world->inbox), a = stirred(world, world->a);

	g_assert_cmpint(before, >, 0);
	for (unsigned i = 0; i < 20; i++) {
		change_flags(world, world->message, i % 2 ? "" : "\\Flagged", i % 2 ? "\\Flagged" : "");
		int64_t after = stirred(world, world->inbox);
		g_assert_cmpint(after, >, before);
		before = after;
	}
	set(world, world->message, "base", true);
	g_assert_cmpint(stirred(world, world->inbox), >, before);
	g_assert_cmpint(stirred(world, world->a), ==, a);
	move(world, world->message, world->a);
	g_assert_cmpint(stirred(world, world->a), >, a);
}

static int64_t
changed(World *world)
{
	return sql(&world->base, "SELECT changed FROM mailboxes WHERE name = 'A'");
}

static void
test_mail_does_not_change_by_what_it_does_not_show(World *world, const void *data)
{
	sql(&world->base, "UPDATE mailboxes SET changed = 5");
	int64_t file = write_file(world, "tmp/x", STORE_MESSAGE_TMP);
	g_assert_cmpint(changed(world), ==, 5);
	StoreTxn *txn = begin(&world->base);
	g_assert_true(store_change_remove(txn, file, &(StoreRemoval){ 0 }, NULL));
	commit(txn);
	g_assert_cmpint(changed(world), ==, 5);
	move(world, world->message, world->a);
	g_assert_cmpint(changed(world), >, 5);
}

static bool
tell_mailbox(const StoreMailbox *mailbox, void *data)
{
	g_string_append_printf(data, "%s|", mailbox->name);
	return true;
}

static void
test_mailboxes_that_hold_messages(World *world, const void *data)
{
	g_autoptr(GString) told = g_string_new(NULL), rest = g_string_new(NULL);

	make_mailbox(&world->base, "Only/Below");
	StoreTxn *txn = begin(&world->base);
	g_assert_true(store_change_delete(txn, world->b, NULL));
	commit(txn);
	g_assert_true(store_mailbox_list_holding(world->base.store, world->base.account, 0, tell_mailbox, told, NULL));
	g_assert_cmpstr(told->str, ==, "INBOX|A|T|Below|");
	g_assert_true(store_mailbox_list_holding(world->base.store, world->base.account, world->a, tell_mailbox, rest, NULL));
	g_assert_cmpstr(rest->str, ==, "T|Below|");
}

static void
note_what_was(const StoreChange *changes, size_t count, void *data)
{
	for (size_t i = 0; i < count; i++) {
		const StoreMaildirEntry *was = changes[i].was;
		g_autofree char *paths = changes[i].paths ? g_strjoinv("+", (char **)(uintptr_t)changes[i].paths) : NULL;
		if (was)
			g_string_append_printf(data, "%s[%s]%s%s ", was->entry.name, was->flags, was->base ? was->base : "",
			                       was->is_old ? " old" : "");
		else
			g_string_append_printf(data, "%s ", paths ? paths : "-");
	}
}

static void
assert_heard(GString *heard, const char *expected)
{
	g_assert_cmpstr(heard->str, ==, expected);
	g_string_truncate(heard, 0);
}

/* Before the transaction, whatever happened to it in that. */
static void
test_the_listener_hears_what_was(World *world, const void *data)
{
	g_autoptr(GString) heard = g_string_new(NULL);
	int64_t second = add_message(&world->base, world->inbox, 2, "second");

	store_listen(world->base.store, note_what_was, heard);
	change_flags(world, world->message, "\\Flagged", "");
	assert_heard(heard, "- ");
	store_maildir_listen(world->base.store);
	change_flags(world, world->message, "", "\\Seen");
	assert_heard(heard, "1.eml[\\Seen \\Flagged] ");
	StoreTxn *txn = begin(&world->base);
	g_assert_true(store_maildir_set(txn, world->message, "base", true, NULL));
	g_assert_true(store_change_flags(txn, world->message, "\\Seen", "", NULL));
	g_assert_true(store_change_move(txn, world->message, world->a, NULL, false, NULL));
	commit(txn);
	assert_heard(heard, "1.eml[\\Flagged] 1.eml[\\Flagged] 1.eml[\\Flagged] - ");
	txn = begin(&world->base);
	g_assert_true(store_message_remove(txn, second, NULL));
	commit(txn);
	assert_heard(heard, "2.eml[] ");
	int64_t deep = make_mailbox(&world->base, "A/x/y");
	assert_heard(heard, "- - - ");
	txn = begin(&world->base);
	g_assert_true(store_change_rename(txn, world->a, "Z", NULL));
	commit(txn);
	assert_heard(heard, "A+A/x+A/x/y - ");
	txn = begin(&world->base);
	g_assert_true(store_change_delete(txn, deep, NULL));
	commit(txn);
	assert_heard(heard, "Z/x/y ");
	store_listen(world->base.store, NULL, NULL);
}

/* By the time that the server tells after a UIDVALIDITY change: names of ours begin with it. */
static void
test_the_listener_hears_of_another_date(World *world, const void *data)
{
	g_autoptr(GString) heard = g_string_new(NULL);
	const StoreMessage message = { .mailbox_id = world->inbox, .uid = 9, .internaldate_s = 5000, .rfc822_size = 1,
		                           .base_flags = "\\Seen" };

	sql(&world->base, "UPDATE messages SET uid = NULL, state = 1");
	store_listen(world->base.store, note_what_was, heard);
	store_maildir_listen(world->base.store);
	StoreTxn *txn = begin(&world->base);
	g_assert_true(store_message_match(txn, world->message, &message, NULL, NULL));
	commit(txn);
	assert_heard(heard, "1.eml[\\Seen] ");
	store_listen(world->base.store, NULL, NULL);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("flags-are-those-that-people-see", test_flags_are_those_that_people_see);
	ADD("a-base-is-found-and-goes-along", test_a_base_is_found_and_goes_along);
	ADD("a-base-is-given-once", test_a_base_is_given_once);
	ADD("files-of-the-directories", test_files_of_the_directories);
	ADD("only-tmp-goes-with-its-mailbox", test_only_tmp_goes_with_its_mailbox);
	ADD("every-change-is-later", test_every_change_is_later);
	ADD("mail-does-not-change-by-what-it-does-not-show", test_mail_does_not_change_by_what_it_does_not_show);
	ADD("the-listener-hears-what-was", test_the_listener_hears_what_was);
	ADD("the-listener-hears-of-another-date", test_the_listener_hears_of_another_date);
	ADD("mailboxes-that-hold-messages", test_mailboxes_that_hold_messages);
	return g_test_run();
}
