/* src/store/changes.h: what becomes of changes that follow each other, before the server has heard of them and after. */
#include "store-changes.h"

#include "store/files.h"

#define ADD(path, test) g_test_add("/store-changes/" path, World, NULL, world_set_up, test, world_tear_down)

/* Of begin_with(), then steps of do_step(). */
static const struct {
	const char *steps, *told;
} rows[] = {
	{ "m +\\Flagged", "I: flags +\\Flagged" },
	{ "m +\\Seen", "I:" },
	{ "m -$none", "I:" },
	{ "m +\\Flagged +$x", "I: flags +\\Flagged $x" },
	{ "m +\\Flagged -\\Seen", "I: flags +\\Flagged -\\Seen" },
	{ "m +\\Flagged -\\Flagged", "I:" },
	{ "m -\\Seen +\\Seen", "I:" },
	{ "m +$x +$y -$X", "I: flags +$y" },
	{ "m +\\Flagged send +$x", "I: sent flags +\\Flagged, flags +$x" },
	{ "m +\\Flagged send -\\Flagged", "I: sent flags +\\Flagged, flags -\\Flagged" },
	{ "m +\\Flagged send -\\Flagged +\\Flagged", "I: sent flags +\\Flagged" },
	{ "m +\\Flagged send +\\Flagged", "I: sent flags +\\Flagged" },
	{ "m +\\Flagged send fail +\\Flagged", "I: flags +\\Flagged" },
	{ "m +\\Flagged +$x send fail -$x", "I: failed flags +\\Flagged" },

	{ "m >A", "A: move I>A" },
	{ "m >I", "I:" },
	{ "m >A >B", "B: move I>B" },
	{ "m >A >I", "I:" },
	{ "m >A >B >I >A", "A: move I>A" },
	{ "m >A send >B", "B: sent move I>A, move A>B" },
	{ "m >A send >I", "I: sent move I>A, move A>I" },
	{ "m >A send >B >A", "A: sent move I>A" },
	{ "m >A send >B >I", "I: sent move I>A, move A>I" },
	{ "m >A send fail", "I: failed move I>A" },
	{ "m >A send fail >B", "B: move I>B" },
	{ "m >A send >B fail", "B: failed move I>A, move I>B" },
	{ "m >A send >B again >I", "I: move I>A, move A>I" },
	{ "m +\\Flagged send +$x again -\\Flagged", "I: flags +\\Flagged, flags +$x -\\Flagged" },
	{ "m >A +\\Flagged", "A: move I>A, flags +\\Flagged" },
	{ "m +\\Flagged >A -\\Flagged", "A: move I>A" },
	{ "m +\\Flagged >A +$x", "A: flags +\\Flagged $x, move I>A" },

	{ "m rm", "T: removal I>T" },
	{ "m >A rm", "T: removal I>T" },
	{ "m >A send rm", "T: sent move I>A, removal A>T" },
	{ "m +\\Flagged rm", "T: flags +\\Flagged, removal I>T" },
	{ "m +\\Flagged send rm", "T: sent flags +\\Flagged, removal I>T" },
	{ "m rm >A", "A: move I>A" },
	{ "m rm >I", "I:" },
	{ "m rm send >I", "I: sent removal I>T, move T>I" },
	{ "m rm rm", "-: removal I>T, remove T" },
	{ "m rm send rm", "-: sent removal I>T, remove T" },
	{ "m rm send fail rm", "T: removal I>T" },
	{ "m rm!", "-: remove I" },
	{ "m >A rm!", "-: remove A" },
	{ "m >A send rm!", "-: sent move I>A, remove A" },
	{ "m +\\Flagged rm!", "-: flags +\\Flagged, remove I" },
	{ "m rm! send fail", "I: failed remove I" },
	{ "m rm! send fail rm!", "-: remove I" },
	{ "m cp rm", "T: removal I>T" },
	{ "m >A cp rm", "T: removal A>T" },
	{ "m +\\Flagged cp +$x", "I: flags +\\Flagged, flags +$x" },

	{ "n", "A: append A" },
	{ "n >B", "B: append B" },
	{ "n >B >A", "A: append A" },
	{ "n send >B", "B: sent append A, move A>B" },
	{ "n send >B >A", "A: sent append A" },
	{ "n send fail >B", "B: append B" },
	{ "n +\\Flagged", "A: append A +\\Flagged" },
	{ "n +\\Flagged -\\Flagged", "A: append A" },
	{ "n send +\\Flagged", "A: sent append A, flags +\\Flagged" },
	{ "n send fail +\\Flagged", "A: failed append A +\\Flagged" },
	{ "n rm", "T: append T" },
	{ "n send rm", "T: sent append A, removal A>T" },
	{ "n send fail rm", "T: append T" },
	{ "n rm rm", "-: append T, remove T" },
	{ "n rm send rm", "-: sent append T, remove T" },
	{ "n rm send fail rm", "gone:" },
	{ "n rm send rm fail", "gone:" },
	{ "n rm!", "gone:" },
	{ "n send rm!", "-: sent append A, remove A" },
	{ "n send fail rm!", "gone:" },
	{ "n send >B again >I", "I: append I" },
	{ "n send >B again rm", "T: append T" },
	{ "n send >B again rm!", "gone:" },
	{ "n send +\\Flagged again +$x", "A: append A +\\Flagged $x" },
	{ "n send +\\Flagged again -\\Flagged", "A: append A" },
	{ "n send >B fail >I", "I: append I" },

	{ "c", "A: copy I>A" },
	{ "c >B", "B: copy I>B" },
	{ "c send >B", "B: sent copy I>A, move A>B" },
	{ "c +\\Flagged", "A: copy I>A, flags +\\Flagged" },
	{ "c +\\Flagged -\\Flagged", "A: copy I>A" },
	{ "c send +\\Flagged", "A: sent copy I>A, flags +\\Flagged" },
	{ "c rm", "T: copy I>T" },
	{ "c send rm", "T: sent copy I>A, removal A>T" },
	{ "c rm rm", "-: copy I>T, remove T" },
	{ "c send fail >B", "B: copy I>B" },
	{ "c rm!", "gone:" },
	{ "c send rm!", "-: sent copy I>A, remove A" },
};

static void
test_row(World *world, const void *data)
{
	const char *steps_text = rows[GPOINTER_TO_UINT(data)].steps;
	g_auto(GStrv) steps = g_strsplit(steps_text, " ", -1);
	int64_t message = begin_with(world, *steps[0]);

	for (char **step = steps + 1; *step; step++) {
		do_step(world, message, *step);
		check_invariants(world, steps_text);
	}
	g_autofree char *told = tell(world, message);
	g_assert_cmpstr(told, ==, rows[GPOINTER_TO_UINT(data)].told);
}

static char *
shown_flags(World *world, int64_t message)
{
	g_autoptr(GError) error = NULL;
	char *flags = store_message_flags(world->base.store, message, &error);

	g_assert_no_error(error);
	return flags;
}

static void
test_copies_have_the_flags_that_are_shown(World *world, const void *data)
{
	do_step(world, world->message, "+\\Flagged");
	do_step(world, world->message, "-\\Seen");
	int64_t copy = copy_message(world, world->message, world->a), again = copy_message(world, copy, world->b);
	int64_t appended = append_message(world, world->a, "new.eml", "n");
	do_step(world, appended, "+$x");
	int64_t uploaded = copy_message(world, appended, world->b);
	do_step(world, world->message, "+$later");
	check_invariants(world, "copies");

	const struct {
		int64_t message;
		const char *flags, *told;
	} copies[] = {
		{ copy, "\\Flagged", "A: copy I>A" },
		{ again, "\\Flagged", "B: copy A>B" },
		{ uploaded, "$x", "B: append B +$x" }, /* no copy of what the server has not got */
		{ world->message, "\\Flagged $later", "I: flags +\\Flagged -\\Seen, flags +$later" },
	};
	for (unsigned i = 0; i < G_N_ELEMENTS(copies); i++) {
		g_autofree char *flags = shown_flags(world, copies[i].message), *told = tell(world, copies[i].message);
		g_assert_cmpstr(flags, ==, copies[i].flags);
		g_assert_cmpstr(told, ==, copies[i].told);
	}
	g_autofree char *bytes = read_message(&world->base, again);
	g_assert_cmpstr(bytes, ==, "m");
}

static void
test_names(World *world, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_auto(StoreMessage) row = { 0 };
	int64_t other = add_message(&world->base, world->a, 1, "other"); /* "1.eml" as well */

	do_step(world, world->message, ">A");
	g_assert_true(store_message_get(world->base.store, world->message, &row, &error));
	g_assert_cmpstr(row.name, ==, "1 (2).eml");
	g_assert_false(row.name_is_users);
	store_message_clear(&row);

	StoreTxn *txn = begin(&world->base);
	g_assert_true(store_change_move(txn, world->message, world->b, "mine", true, &error));
	g_assert_true(store_change_move(txn, other, world->b, NULL, false, &error));
	g_assert_true(store_change_move(txn, world->message, world->b, "ours", true, &error));
	commit(txn);
	g_assert_true(store_message_find(world->base.store, world->b, "ours", &row, &error));
	g_assert_cmpint(row.id, ==, world->message);
	g_assert_true(row.name_is_users);
	store_message_clear(&row);
	g_assert_true(store_message_find(world->base.store, world->b, "1.eml", &row, &error));
	g_assert_cmpint(row.id, ==, other);
	check_invariants(world, "names");
}

static void
listen(const StoreChange *changes, size_t count, void *data)
{
	static const char letters[] = { [STORE_CHANGE_MESSAGE_ADDED] = '+', [STORE_CHANGE_MESSAGE_REMOVED] = '-',
		                            [STORE_CHANGE_MESSAGE_RENAMED] = '>', [STORE_CHANGE_MESSAGE_FLAGS] = 'f' };

	for (size_t i = 0; i < count; i++)
		g_string_append_printf(data, "%c%d:%s ", letters[changes[i].kind], (int)changes[i].mailbox_id, changes[i].name);
}

static void
set_server_flags(World *world, const char *flags)
{
	StoreTxn *txn = begin(&world->base);

	g_assert_true(store_message_set_flags(txn, world->inbox, 1, flags, 0, NULL));
	commit(txn);
}

static void
test_listener_hears_of_places(World *world, const void *data)
{
	g_autoptr(GString) heard = g_string_new(NULL);
	int inbox = (int)world->inbox, a = (int)world->a, b = (int)world->b;

	store_listen(world->base.store, listen, heard);
	do_step(world, world->message, ">A");
	set_server_flags(world, "\\Flagged"); /* of a row that is seen elsewhere */
	do_step(world, world->message, "+$x");
	do_step(world, world->message, ">B");
	do_step(world, world->message, "rm!");
	set_server_flags(world, ""); /* nobody sees it */
	store_listen(world->base.store, NULL, NULL);
	g_autofree char *expected = g_strdup_printf("-%d:1.eml +%d:1.eml f%d:1.eml f%d:1.eml -%d:1.eml +%d:1.eml -%d:1.eml ",
	                                            inbox, a, a, a, a, b, b);
	g_assert_cmpstr(heard->str, ==, expected);
}

static void
test_what_is_not_there(World *world, const void *data)
{
	const StoreRemoval how = { world->trash, 0 };
	int64_t id = 0;

	do_step(world, world->message, "rm");
	do_step(world, world->message, "rm"); /* nobody sees it any more */
	int64_t there = append_message(world, world->a, "new.eml", "n");
	int64_t directory = sql(&world->base, "INSERT INTO mailboxes (account, name, changed) VALUES (1, 'dir', 0)"
	                                      " RETURNING id");
	StoreTxn *txn = begin(&world->base);
	for (int64_t message = world->message; message; message = message == 999 ? 0 : 999) {
		const bool done[] = {
			store_change_flags(txn, message, "$x", "", NULL), store_change_move(txn, message, world->b, NULL, false, NULL),
			store_change_copy(txn, message, world->b, NULL, false, &id, NULL), store_change_remove(txn, message, &how, NULL),
		};
		for (unsigned i = 0; i < G_N_ELEMENTS(done); i++)
			g_assert_false(done[i]);
	}
	g_autoptr(GError) error = NULL;
	g_assert_false(store_change_flags(txn, world->message, "$x", "", &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_NOT_FOUND);
	g_clear_error(&error);
	g_assert_false(store_change_move(txn, there, 999, NULL, false, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_NOT_FOUND);
	g_clear_error(&error);
	g_assert_false(store_change_move(txn, there, directory, NULL, false, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_REFUSED);
	g_clear_error(&error);
	g_assert_true(store_change_flags(txn, there, "$x", "", &error)); /* which spoilt nothing */
	commit(txn);
	check_invariants(world, "not there");
}

static void
test_other_account(World *world, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t account, mailbox, copy = 0;
	StoreTxn *txn = begin(&world->base);

	g_assert_true(store_account_ensure(txn, "other", &account, &error));
	g_assert_true(store_mailbox_ensure(txn, account, (char *const[]){ (char *)(uintptr_t)"INBOX", NULL }, &mailbox, &error));
	g_assert_true(store_mailbox_set_listing(txn, mailbox, "INBOX", '/', STORE_MAILBOX_SELECTABLE, &error));
	g_assert_false(store_change_move(txn, world->message, mailbox, NULL, false, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_REFUSED);
	g_clear_error(&error);
	g_assert_true(store_change_copy(txn, world->message, mailbox, NULL, false, &copy, &error));
	commit(txn);
	g_assert_cmpint(sql(&world->base, "SELECT account FROM operations WHERE kind = 'append'"), ==, account);
	g_autofree char *flags = shown_flags(world, copy);
	g_assert_cmpstr(flags, ==, "\\Seen");
	check_invariants(world, "other account");
}

/* Two processes have closed the same file: it is saved twice, perhaps in one transaction. */
static void
test_a_copy_that_is_made_already(World *world, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t reserved, copy;

	StoreTxn *txn = begin(&world->base);
	g_assert_true(store_file_reserve(txn, 2, &reserved, &error));
	for (unsigned i = 0; i < 3; i++) {
		copy = reserved;
		g_assert_true(store_change_copy(txn, world->message, world->a, "copy.eml", true, &copy, &error));
		g_assert_cmpint(copy, ==, reserved);
		if (i == 1) {
			commit(txn);
			txn = begin(&world->base);
		}
	}
	commit(txn);
	g_assert_no_error(error);
	g_assert_cmpint(sql(&world->base, "SELECT count(*) FROM operations WHERE kind = 'copy'"), ==, 1);
	g_assert_cmpint(sql(&world->base, "SELECT count(*) FROM messages WHERE name = 'copy.eml'"), ==, 1);
	check_invariants(world, "copied twice");
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *path = g_strdup_printf("/store-changes/row/%s", rows[i].steps);
		g_test_add(path, World, GUINT_TO_POINTER(i), world_set_up, test_row, world_tear_down);
	}
	ADD("copies-have-the-flags-that-are-shown", test_copies_have_the_flags_that_are_shown);
	ADD("names", test_names);
	ADD("listener-hears-of-places", test_listener_hears_of_places);
	ADD("what-is-not-there", test_what_is_not_there);
	ADD("other-account", test_other_account);
	ADD("a-copy-that-is-made-already", test_a_copy_that_is_made_already);
	return g_test_run();
}
