/* src/store/files.h: ids, names, times, what is told of, and what else knows of files. */
#include "store-writing.h"

#define ADD(path, test) g_test_add("/store-file-rules/" path, World, NULL, world_set_up, test, world_tear_down)

static StoreOperationCounts
count_operations(World *world)
{
	g_autoptr(GError) error = NULL;
	StoreOperationCounts counts = { 0 };

	store_operation_counts(world->base.store, world->base.account, &counts, &error);
	g_assert_no_error(error);
	return counts;
}

static void
test_what_waits_for_a_file_is_not_confirmed(World *world, const void *data)
{
	Writing writing = { world, world->message, 0 };
	unsigned count = 0;

	write_step(&writing, "w!:x");
	StoreTxn *txn = begin(&world->base);
	g_assert_true(store_operation_confirm(txn, 0, &count, NULL));
	commit(txn);
	g_assert_cmpuint(count, ==, 1);
	g_autofree char *tasks = list_tasks(world, LATER);
	g_assert_cmpstr(tasks, ==, "");
	StoreOperationCounts counts = count_operations(world);
	g_assert_cmpuint(counts.waiting, ==, 1);
	g_assert_cmpuint(counts.pending, ==, 0);
	g_assert_cmpint(counts.next_s, ==, 0); /* nobody need look after it */
	write_step(&writing, "w:X");
	counts = count_operations(world);
	g_assert_cmpuint(counts.waiting, ==, 0);
	g_assert_cmpuint(counts.pending, ==, 2);
	g_assert_cmpint(counts.next_s, >, 0);
}

static void
test_reserved_ids_are_nobody_elses(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t first = 0, second = 0;
	StoreTxn *txn = begin(fixture);

	g_assert_true(store_file_reserve(txn, 10, &first, &error));
	commit(txn);
	fixture_reopen(fixture);
	txn = begin(fixture);
	g_assert_true(store_file_reserve(txn, 1, &second, &error));
	commit(txn);
	g_assert_cmpint(first, ==, 1);
	g_assert_cmpint(second, ==, 11);
	g_assert_cmpint(add_message(fixture, fixture->inbox, 1, "m"), ==, 12);
	World world = { .base = *fixture, .inbox = fixture->inbox, .a = fixture->inbox };
	Writing writing = { &world, 0, 0 };
	write_new(&writing, "v", 0);
	g_assert_cmpint(writing.id, ==, 13);
	g_assert_cmpint(add_message(fixture, fixture->inbox, 2, "n"), ==, 14);
}

/* A save of the row with other things than write_over() has. */
static void
save_with(World *world, int64_t id, const char *bytes, const uint8_t *hash, const char *flags, GError **error)
{
	g_autoptr(StoreWriter) writer = NULL;
	StoreBody body = write_letter(world, &writer, bytes);
	StoreFile file = { .id = id, .state = STORE_MESSAGE_TO_APPEND, .body = &body, .header_sha256 = hash, .flags = flags };
	StoreTxn *txn = begin(&world->base);

	store_file_save(txn, &file, removal(world, false), error);
	commit(txn);
}

static void
test_flags_may_be_given(World *world, const void *data)
{
	g_autoptr(GError) error = NULL;

	save_with(world, world->message, "X", header, "\\Flagged", &error);
	g_assert_no_error(error);
	g_autofree char *told = tell_all(world);
	g_assert_cmpstr(told, ==, "X 1.eml \\Flagged@1001 I: append I +\\Flagged; m 1.eml \\Seen@1001 T: removal I>T ^");
	check_invariants(world, "flags");
}

static void
test_what_has_the_same_bytes_stays(World *world, const void *data)
{
	g_autoptr(GError) error = NULL;

	save_with(world, world->message, "m", header, NULL, &error);
	g_assert_no_error(error);
	g_autofree char *told = tell_all(world);
	g_assert_cmpstr(told, ==, "m 1.eml \\Seen@1001 I:");
	save_with(world, world->message, "m", header, "\\Flagged", &error);
	g_assert_no_error(error);
	g_autofree char *flagged = tell_all(world);
	g_assert_cmpstr(flagged, ==, "m 1.eml \\Flagged@1001 I: flags +\\Flagged -\\Seen");
}

/* set_body() gives messages of the server this header. */
static const uint8_t theirs[32] = { 1, 2, 3 };

static void
test_equal_headers_do_not_tell_versions_apart(World *world, const void *data)
{
	g_autoptr(GError) error = NULL;
	Writing writing = { world, world->message, 0 };

	write_step(&writing, "w:X"); /* another header */
	g_assert_cmpint(sql(&world->base, "SELECT count(*) FROM messages WHERE header_sha256 IS NULL"), ==, 0);
	write_step(&writing, "undo");
	save_with(world, world->message + 1, "X", theirs, NULL, &error);
	g_assert_no_error(error);
	g_assert_cmpint(sql(&world->base, "SELECT count(*) FROM messages WHERE header_sha256 IS NULL"), ==, 2);
}

static void
test_the_log_goes_with_what_the_server_has(World *world, const void *data)
{
	int64_t message = append_message(world, world->a, "new.eml", "n");
	Writing writing = { world, message, 0 };

	write_step(&writing, "up");
	write_step(&writing, "done");
	write_step(&writing, "w:X");
	int64_t there = sql(&world->base, "SELECT id FROM messages WHERE uid = 50");
	g_assert_cmpint(there, !=, message);
	g_assert_cmpint(sql(&world->base, "SELECT message FROM operations WHERE state = 'done'"), ==, there);
}

static void
listen(const StoreChange *changes, size_t count, void *data)
{
	static const char letters[] = {
		[STORE_CHANGE_MESSAGE_ADDED] = '+',   [STORE_CHANGE_MESSAGE_REMOVED] = '-', [STORE_CHANGE_MESSAGE_RENAMED] = '>',
		[STORE_CHANGE_MESSAGE_FLAGS] = 'f',   [STORE_CHANGE_MESSAGE_CONTENT] = 'c', [STORE_CHANGE_MAILBOX_ADDED] = '?',
		[STORE_CHANGE_MAILBOX_REMOVED] = '?',
	};
	struct {
		const World *world;
		GString *text;
	} *heard = data;

	for (size_t i = 0; i < count; i++)
		g_string_append_printf(heard->text, "%c%c:%s ", letters[changes[i].kind],
		                       letter_of(heard->world, changes[i].mailbox_id), changes[i].name);
}

/* What the listener hears, a step each. */
static void
test_listener_hears_what_people_see(World *world, const void *data)
{
	static const struct {
		const char *step, *heard;
	} steps[] = {
		{ "new:v", "+A:v " },          { "w:x", "cA:v " },          { "t:9", "cA:v " },
		{ "t:9", "" },                 { "w:V", "cA:v " },          { "mv:Bu", "-A:v +B:u " },
		{ "over:M", "-I:1.eml +T:1.eml -B:u +I:1.eml fI:1.eml " }, { "up", "" },
		{ "w:Y", "+T:1 (2).eml cI:1.eml " },                        { "undo", "-I:1.eml -T:1 (2).eml +I:1.eml " },
	};
	g_autoptr(GString) text = g_string_new(NULL);
	struct {
		const World *world;
		GString *text;
	} heard = { world, text };
	Writing writing = { world, world->message, 0 };

	store_listen(world->base.store, listen, &heard);
	for (unsigned i = 0; i < G_N_ELEMENTS(steps); i++) {
		g_string_truncate(text, 0);
		write_step(&writing, steps[i].step);
		if (strcmp(text->str, steps[i].heard) != 0)
			g_error("%s: \"%s\" and not \"%s\"", steps[i].step, text->str, steps[i].heard);
	}
	store_listen(world->base.store, NULL, NULL);
}

static void
refused(const char *what, bool ok, GError **error, int code)
{
	if (ok || !g_error_matches(*error, CORE_ERROR, code))
		g_error("%s: %s", what, ok ? "done" : (*error)->message);
	g_clear_error(error);
}

static void
test_what_cannot_be(World *world, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = NULL;
	Writing writing = { world, world->message, 0 };
	int64_t copy;

	write_step(&writing, "new:v");
	int64_t file = writing.id, gone = append_message(world, world->a, "gone.eml", "n");
	int64_t directory = sql(&world->base, "INSERT INTO mailboxes (account, name, changed) VALUES (1, 'dir', 0)"
	                                      " RETURNING id");
	do_step(world, gone, "rm!");
	do_step(world, world->message, "rm");
	do_step(world, world->message, "rm"); /* nobody sees it any more */
	StoreBody body = write_letter(world, &writer, "x");
	StoreFile save = { .id = gone, .body = &body, .state = STORE_MESSAGE_FILE, .name = "u" };
	StoreFileRename rename = { .id = file, .mailbox_id = world->b, .name = "v", .state = STORE_MESSAGE_FILE };
	const StoreRemoval *how = removal(world, false);
	StoreTxn *txn = begin(&world->base);
	refused("gone", store_file_save(txn, &save, how, &error), &error, CORE_ERROR_NOT_FOUND);
	save.id = world->message;
	refused("not seen", store_file_save(txn, &save, how, &error), &error, CORE_ERROR_NOT_FOUND);
	save.id = 1000;
	save.mailbox_id = directory;
	refused("new in a directory", store_file_save(txn, &save, how, &error), &error, CORE_ERROR_REFUSED);
	rename.mailbox_id = directory;
	refused("into a directory", store_file_rename(txn, &rename, how, &error), &error, CORE_ERROR_REFUSED);
	rename.id = world->message;
	refused("not seen, renamed", store_file_rename(txn, &rename, how, &error), &error, CORE_ERROR_NOT_FOUND);
	refused("flags", store_change_flags(txn, file, "$x", "", &error), &error, CORE_ERROR_REFUSED);
	refused("copy", store_change_copy(txn, file, world->b, NULL, false, &copy, &error), &error, CORE_ERROR_REFUSED);
	g_assert_true(store_file_rename(txn, &(StoreFileRename){ .id = file, .mailbox_id = world->b, .name = "v",
	                                                         .target_id = gone, .state = STORE_MESSAGE_FILE },
	                                how, &error)); /* that the target has gone is no error */
	commit(txn);
	check_invariants(world, "what cannot be");
}

static void
test_names_that_are_taken(World *world, const void *data)
{
	g_autoptr(GError) error = NULL;
	Writing writing = { world, world->message, 0 };
	const StoreRemoval *how = removal(world, false);

	make_mailbox(&world->base, "A/sub");
	write_step(&writing, "new:v");
	write_step(&writing, "new:w");
	StoreFileRename rename = { .id = writing.id, .mailbox_id = world->a, .name = "v", .state = STORE_MESSAGE_FILE,
		                       .target_id = world->message };
	StoreTxn *txn = begin(&world->base);
	refused("another row", store_file_rename(txn, &rename, how, &error), &error, CORE_ERROR_NOT_FOUND);
	rename.name = "sub";
	refused("a folder", store_file_rename(txn, &rename, how, &error), &error, CORE_ERROR_NOT_FOUND);
	commit(txn);
	/* A message of the server comes by a free name; what a user wrote keeps its own. */
	txn = begin(&world->base);
	g_autofree char *name = store_free_name(txn, world->a, "w", 0, &error);
	g_assert_cmpstr(name, ==, "w (2)");
	int64_t old = 0;
	g_assert_true(store_message_find_unmatched_name(txn, world->a, "w", &old, &error));
	g_assert_cmpint(old, ==, 0);
	commit(txn);
}

static void
test_other_account(World *world, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t account, mailbox;
	StoreTxn *txn = begin(&world->base);
	char *const inbox[] = { (char *)(uintptr_t)"INBOX", NULL };

	g_assert_true(store_account_ensure(txn, "other", &account, &error));
	g_assert_true(store_mailbox_ensure(txn, account, inbox, &mailbox, &error));
	g_assert_true(store_mailbox_set_listing(txn, mailbox, "INBOX", '/', STORE_MAILBOX_SELECTABLE, &error));
	StoreFileRename rename = { .id = world->message, .mailbox_id = mailbox, .name = "v", .state = STORE_MESSAGE_TO_APPEND };
	refused("another account", store_file_rename(txn, &rename, removal(world, false), &error), &error, CORE_ERROR_REFUSED);
	commit(txn);
}

static void
test_the_time_of_what_the_server_has_is_its_own(World *world, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t appended = append_message(world, world->a, "new.eml", "n");
	int64_t copy = copy_message(world, world->message, world->b);
	Writing writing = { world, appended, 0 };

	write_step(&writing, "t:8");
	g_assert_cmpint(sql(&world->base, "SELECT not_before FROM operations WHERE kind = 'append'"), ==, 5);
	write_step(&writing, "up");
	StoreTxn *txn = begin(&world->base);
	refused("of the server", store_file_set_time(txn, world->message, 5, 0, &error), &error, CORE_ERROR_REFUSED);
	refused("sent", store_file_set_time(txn, appended, 5, 0, &error), &error, CORE_ERROR_REFUSED);
	refused("to be copied", store_file_set_time(txn, copy, 5, 0, &error), &error, CORE_ERROR_REFUSED);
	g_assert_true(store_file_set_time(txn, world->message, 1001, 0, &error)); /* which it is */
	g_assert_true(store_file_set_time(txn, appended, 8, 0, &error));
	commit(txn);
}

static void
test_an_upload_waits_while_it_is_written(World *world, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t appended = append_message(world, world->a, "new.eml", "n");
	StoreTxn *txn = begin(&world->base);

	g_assert_true(store_file_postpone(txn, appended, LATER, &error));
	g_assert_true(store_file_postpone(txn, world->message, LATER, &error)); /* nothing to wait */
	commit(txn);
	g_assert_cmpint(sql(&world->base, "SELECT not_before FROM operations"), ==, LATER);
	g_assert_cmpint(sql(&world->base, "SELECT count(*) FROM operations"), ==, 1);
}

static int64_t
write_tmp(World *world, int64_t mailbox)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = NULL;
	StoreBody body = write_letter(world, &writer, "T");
	StoreFile file = { .id = reserve(world, 1), .mailbox_id = mailbox, .name = "tmp/T", .name_is_users = true,
		               .state = STORE_MESSAGE_TMP, .body = &body, .time_s = 3 };
	StoreTxn *txn = begin(&world->base);

	store_file_save(txn, &file, removal(world, false), &error);
	g_assert_no_error(error);
	commit(txn);
	return file.id;
}

static bool
note_entry(const StoreEntry *entry, void *data)
{
	g_string_append_printf(data, "%s%s ", store_message_is_file(entry->state) ? "*" : "", entry->name);
	return true;
}

static char *
list_entries(World *world, int64_t mailbox, int version)
{
	g_autoptr(GError) error = NULL;
	GString *text = g_string_new(NULL);

	if (version < 0)
		store_entry_list_tmp(world->base.store, mailbox, "tmp", 0, note_entry, text, &error);
	else
		store_entry_list(world->base.store, mailbox, 0, (unsigned)version, note_entry, text, &error);
	g_assert_no_error(error);
	return g_string_free(text, FALSE);
}

static void
test_only_mail_shows_files(World *world, const void *data)
{
	g_autoptr(GError) error = NULL;
	Writing writing = { world, world->message, 0 };
	StoreCounts counts;
	StoreEntry entry;

	write_step(&writing, "new:v");
	write_step(&writing, "mv:Iv");
	int64_t tmp = write_tmp(world, world->inbox);
	for (int version = -1; version < 2; version++) {
		g_autofree char *entries = list_entries(world, world->inbox, version);
		g_assert_cmpstr(entries, ==, version < 0 ? "*tmp/T " : version == 0 ? "1.eml *v " : "1.eml ");
	}
	g_assert_true(store_entry_find(world->base.store, world->inbox, "v", 0, &entry, &error));
	g_assert_cmpint(entry.state, ==, STORE_MESSAGE_FILE);
	g_free((char *)(uintptr_t)entry.name);
	g_assert_false(store_entry_find(world->base.store, world->inbox, "v", 1, &entry, &error));
	g_assert_false(store_entry_find(world->base.store, world->inbox, "tmp/T", 0, &entry, &error));
	g_assert_false(store_entry_get(world->base.store, writing.id, 1, &entry, &error));
	g_assert_true(store_entry_get(world->base.store, tmp, 0, &entry, &error)); /* who has the id has seen it */
	g_free((char *)(uintptr_t)entry.name);
	g_assert_no_error(error);
	g_assert_true(store_account_counts(world->base.store, world->base.account, &counts, &error));
	g_assert_cmpuint(counts.messages, ==, 1);
	g_assert_cmpuint(counts.bytes, ==, 1);
}

static void
test_a_folder_goes_with_its_tmp_but_not_with_files(World *world, const void *data)
{
	g_autoptr(GError) error = NULL;
	Writing writing = { world, world->message, 0 };

	int64_t tmp = write_tmp(world, world->a);
	write_step(&writing, "new:v");
	StoreTxn *txn = begin(&world->base);
	refused("not empty", store_change_delete(txn, world->a, &error), &error, CORE_ERROR_REFUSED);
	commit(txn);
	g_assert_cmpint(sql(&world->base, "SELECT count(*) FROM messages WHERE state = 8"), ==, 1);
	write_step(&writing, "rm");
	txn = begin(&world->base);
	g_assert_true(store_change_delete(txn, world->a, &error));
	commit(txn);
	g_autofree char *query = g_strdup_printf("SELECT count(*) FROM messages WHERE id = %d", (int)tmp);
	g_assert_cmpint(sql(&world->base, query), ==, 0);
	check_invariants(world, "a folder goes");
}

static void
test_files_survive_what_others_do_to_their_folder(World *world, const void *data)
{
	g_autoptr(GError) error = NULL;
	Writing writing = { world, world->message, 0 };

	write_step(&writing, "new:v");
	write_tmp(world, world->a);
	StoreTxn *txn = begin(&world->base);
	g_assert_true(store_mailbox_forget_uids(txn, world->a, 7, &error));
	g_assert_true(store_message_remove_unmatched(txn, world->a, &error));
	g_assert_true(store_mailbox_remove(txn, world->a, &error));
	commit(txn);
	g_assert_cmpint(sql(&world->base, "SELECT count(*) FROM messages WHERE state IN (7, 8)"), ==, 2);
	g_assert_cmpint(sql(&world->base, "SELECT state FROM mailboxes WHERE name = 'A'"), ==, STORE_MAILBOX_TO_CREATE);
	check_invariants(world, "its folder has gone");
	/* And what is saved over there waits for the folder, too. */
	write_step(&writing, "w:V");
	g_autofree char *tasks = list_tasks(world, LATER);
	g_assert_cmpstr(tasks, ==, "create");
}

static void
test_tmp_becomes_a_message(World *world, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t tmp = write_tmp(world, world->a);
	StoreFileRename rename = { .id = tmp, .mailbox_id = world->a, .name = "t.eml", .name_is_users = true,
		                       .state = STORE_MESSAGE_TO_APPEND, .header_sha256 = header };
	StoreTxn *txn = begin(&world->base);

	g_assert_true(store_file_rename(txn, &rename, removal(world, false), &error));
	commit(txn);
	g_autofree char *told = tell_all(world);
	g_assert_cmpstr(told, ==, "m 1.eml \\Seen@1001 I:; T t.eml@3 A: append A");
	check_invariants(world, "tmp");
}

/* The copy's source goes and its bytes are not here, so it never comes into being: what it was renamed over is back. */
static void
test_what_replaces_it_never_comes(World *world, const void *data)
{
	int64_t other = add_message(&world->base, world->b, 7, "other");
	sql(&world->base, "UPDATE messages SET header = body, body = NULL WHERE uid = 7");
	Writing writing = { world, copy_message(world, other, world->a), 0 };

	write_step(&writing, "over:M");
	g_autofree char *before = tell_all(world);
	g_assert_nonnull(strstr(before, "T: removal I>T ^"));
	StoreTxn *txn = begin(&world->base);
	g_assert_true(store_message_remove_uids(txn, world->b, 7, 7, NULL));
	commit(txn);
	g_autofree char *after = tell_all(world);
	g_assert_cmpstr(after, ==, "m 1.eml \\Seen@1001 I:");
	check_invariants(world, "never comes");
}

/* Others go on in the same transaction. */
static void
test_what_is_refused_for_the_trash_changes_nothing(World *world, const void *data)
{
	g_autoptr(GError) error = NULL, second = NULL;
	g_autoptr(StoreWriter) writer = NULL;
	Writing writing = { world, world->message, 0 };
	StoreBody body = write_letter(world, &writer, "X");
	StoreFile file = { .id = world->message, .state = STORE_MESSAGE_TO_APPEND, .body = &body, .header_sha256 = header };

	write_step(&writing, "new:V");
	StoreFileRename rename = { .id = writing.id, .target_id = world->message, .mailbox_id = world->inbox, .name = "1.eml",
		                       .name_is_users = true, .state = STORE_MESSAGE_TO_APPEND, .header_sha256 = header };
	g_autofree char *before = tell_all(world);
	StoreTxn *txn = begin(&world->base);
	g_assert_true(store_mailbox_set_listing(txn, world->trash, "Trash", '/', STORE_MAILBOX_TRASH, &error));
	g_assert_false(store_file_save(txn, &file, removal(world, false), &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_REFUSED);
	g_assert_false(store_file_rename(txn, &rename, removal(world, false), &second));
	g_assert_error(second, CORE_ERROR, CORE_ERROR_REFUSED);
	commit(txn);
	g_autofree char *after = tell_all(world);
	g_assert_cmpstr(after, ==, before);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add("/store-file-rules/reserved-ids-are-nobody-elses", Fixture, NULL, fixture_set_up, test_reserved_ids_are_nobody_elses,
	           fixture_tear_down);
	ADD("what-waits-for-a-file-is-not-confirmed", test_what_waits_for_a_file_is_not_confirmed);
	ADD("flags-may-be-given", test_flags_may_be_given);
	ADD("what-has-the-same-bytes-stays", test_what_has_the_same_bytes_stays);
	ADD("equal-headers-do-not-tell-versions-apart", test_equal_headers_do_not_tell_versions_apart);
	ADD("the-log-goes-with-what-the-server-has", test_the_log_goes_with_what_the_server_has);
	ADD("listener-hears-what-people-see", test_listener_hears_what_people_see);
	ADD("what-cannot-be", test_what_cannot_be);
	ADD("names-that-are-taken", test_names_that_are_taken);
	ADD("other-account", test_other_account);
	ADD("the-time-of-what-the-server-has-is-its-own", test_the_time_of_what_the_server_has_is_its_own);
	ADD("an-upload-waits-while-it-is-written", test_an_upload_waits_while_it_is_written);
	ADD("only-mail-shows-files", test_only_mail_shows_files);
	ADD("a-folder-goes-with-its-tmp-but-not-with-files", test_a_folder_goes_with_its_tmp_but_not_with_files);
	ADD("files-survive-what-others-do-to-their-folder", test_files_survive_what_others_do_to_their_folder);
	ADD("tmp-becomes-a-message", test_tmp_becomes_a_message);
	ADD("what-replaces-it-never-comes", test_what_replaces_it_never_comes);
	ADD("what-is-refused-for-the-trash-changes-nothing", test_what_is_refused_for_the_trash_changes_nothing);
	return g_test_run();
}
