/* src/store: what the server takes away while users are doing something with it. */
#include "store-changes.h"

#define ADD(path, test) g_test_add("/store-vanish/" path, World, NULL, world_set_up, test, world_tear_down)

/* As in test-store-changes.c, and of the server: gone (UID 1 of INBOX), forget (the UIDVALIDITY of INBOX is another),
 * unmatched (and the message was not found again), lost:MAILBOX. */
static const struct {
	const char *steps, *told;
} rows[] = {
	{ "m gone", "gone:" },
	{ "m +\\Flagged gone", "gone:" },
	{ "m +\\Flagged send gone", "gone:" },
	{ "m >A gone", "gone:" },
	{ "m >A send gone", "A: sent move I>A" },
	{ "m >A send +\\Flagged gone", "A: sent move I>A, flags +\\Flagged" },
	{ "m >A send again gone", "gone:" },
	{ "m >A send fail gone", "gone:" },
	{ "m >A send copied gone", "A: sent move I>A" },
	{ "m >A send copied again gone", "A: sent move I>A" }, /* nothing is left to be done but to say so */
	{ "m >A send hold gone", "A: held move I>A" },
	{ "m >A send >B gone", "B: sent move I>A, move A>B" },
	{ "m rm! gone", "gone:" },
	{ "m rm! send gone", "-: sent remove I" },
	{ "m rm rm send gone", "-: sent removal I>T, remove T" },

	{ "m >A forget", "A: move I>A" },
	{ "m >A send forget", "A: sent move I>A" },
	{ "m +\\Flagged unmatched", "gone:" },
	{ "m >A unmatched", "gone:" },
	{ "m >A send unmatched", "A: sent move I>A" },
	{ "n forget", "A: append A" },

	{ "m >A lost:A", "I:" },
	{ "m >A +\\Flagged lost:A", "I: flags +\\Flagged" },
	{ "m >A send lost:A", "I:" },
	{ "m >A send fail lost:A", "I:" },
	{ "m >A send >B lost:A", "B: move A>B" },
	{ "m >A send gone lost:A", "gone:" },
	{ "m >A send rm! lost:A", "-: remove A" },
	{ "m lost:I", "gone:" },
	{ "m >A lost:I", "gone:" },
	{ "m >A send lost:I", "A: sent move I>A" },
	{ "m >A send gone lost:I", "A: sent move I>A" },
	{ "m rm! send lost:I", "gone:" },

	{ "n lost:A", "A: append A" },
	{ "n lost:A lost:A", "A: append A" },
	{ "n send lost:A", "A: sent append A" },
	{ "n send fail lost:A", "A: failed append A" },
	{ "n >B lost:A", "B: append B" },
	{ "n send >B lost:A", "B: append B" },
	{ "n send >B >A lost:A", "A: sent append A" },
	{ "n send rm! lost:A", "gone:" },

	{ "c gone", "A: append A +\\Seen" },
	{ "c +\\Flagged gone", "A: append A +\\Seen, flags +\\Flagged" },
	{ "c send gone", "A: sent copy I>A" },
	{ "c send fail gone", "A: failed append A +\\Seen" },
	{ "c lost:A", "A: copy I>A" },
	{ "c lost:I", "A: append A +\\Seen" },
	{ "c >B lost:A", "B: copy I>B" },
};

static bool
take_server_step(World *world, const char *step)
{
	bool is_lost = g_str_has_prefix(step, "lost:"), forget = strcmp(step, "forget") == 0, ok = true;

	if (!is_lost && !forget && strcmp(step, "gone") != 0 && strcmp(step, "unmatched") != 0)
		return false;
	StoreTxn *txn = begin(&world->base);
	if (is_lost)
		ok = store_mailbox_remove(txn, mailbox_of(world, step[5]), NULL);
	else if (strcmp(step, "gone") == 0)
		ok = store_message_remove_uids(txn, world->inbox, 1, 1, NULL);
	else
		ok = store_mailbox_forget_uids(txn, world->inbox, 77, NULL) &&
		     (forget || store_message_remove_unmatched(txn, world->inbox, NULL));
	g_assert_true(ok);
	commit(txn);
	return true;
}

static void
test_row(World *world, const void *data)
{
	const char *steps_text = rows[GPOINTER_TO_UINT(data)].steps;
	g_auto(GStrv) steps = g_strsplit(steps_text, " ", -1);
	int64_t message = begin_with(world, *steps[0]);

	for (char **step = steps + 1; *step; step++) {
		if (!take_server_step(world, *step))
			do_step(world, message, *step);
		check_invariants(world, steps_text);
	}
	g_autofree char *told = tell(world, message);
	g_assert_cmpstr(told, ==, rows[GPOINTER_TO_UINT(data)].told);
}

static void
test_message_on_its_way(World *world, const void *data)
{
	g_auto(StoreMessage) row = { 0 };

	do_step(world, world->message, ">A");
	do_step(world, world->message, "send");
	take_server_step(world, "gone");
	g_assert_true(store_message_get(world->base.store, world->message, &row, NULL));
	g_assert_cmpint(row.state, ==, STORE_MESSAGE_MOVING);
	g_assert_cmpuint(row.uid, ==, 0);
	g_assert_cmpint(row.mailbox_id, ==, world->inbox);
	store_message_clear(&row);

	/* Its mailbox goes, too: all that is left is where it is going. */
	take_server_step(world, "lost:I");
	g_assert_true(store_message_get(world->base.store, world->message, &row, NULL));
	g_assert_cmpint(row.mailbox_id, ==, world->a);
	StoreTxn *txn = begin(&world->base);
	g_assert_true(store_operation_done_uid(txn, find_operation(world, "sent"), 3, NULL, NULL));
	commit(txn);
	check_invariants(world, "arrived");
	g_autofree char *told = tell(world, world->message), *bytes = read_message(&world->base, world->message);
	g_assert_cmpstr(told, ==, "A:");
	g_assert_cmpstr(bytes, ==, "m");
}

static void
test_why_it_was_cancelled(World *world, const void *data)
{
	int64_t other = add_message(&world->base, world->inbox, 2, "x");

	do_step(world, world->message, ">A");
	do_step(world, other, ">B");
	take_server_step(world, "gone");
	take_server_step(world, "lost:B");
	g_assert_cmpint(sql(&world->base, "SELECT count(*) FROM operations WHERE state = 'cancelled' AND"
	                                  " error IN ('the server no longer has the message', 'the folder is gone')"), ==, 2);
}

/* A copy of what is not here goes with its source. */
static void
test_copy_without_bytes(World *world, const void *data)
{
	StoreTxn *txn = begin(&world->base);
	int64_t bare = insert_message(txn, world->inbox, 5);

	commit(txn);
	int64_t copy = copy_message(world, bare, world->a), again = copy_message(world, copy, world->b);
	txn = begin(&world->base);
	g_assert_true(store_message_remove_uids(txn, world->inbox, 5, 5, NULL));
	commit(txn);
	check_invariants(world, "copy without bytes");
	g_autofree char *first = tell(world, copy), *second = tell(world, again);
	g_assert_cmpstr(first, ==, "gone:");
	g_assert_cmpstr(second, ==, "gone:");
}

static void
expect_mailbox(World *world, int64_t id, StoreMailboxState state, const char *server_name)
{
	g_auto(StoreMailbox) mailbox = { 0 };

	g_assert_true(store_mailbox_get(world->base.store, id, &mailbox, NULL));
	g_assert_cmpint(mailbox.state, ==, state);
	g_assert_cmpstr(mailbox.server_name, ==, server_name);
}

static void
test_folder_is_created_again_for_what_is_only_here(World *world, const void *data)
{
	int64_t message = begin_with(world, 'n');

	add_message(&world->base, world->a, 4, "pulled");
	take_server_step(world, "lost:A");
	expect_mailbox(world, world->a, STORE_MAILBOX_TO_CREATE, NULL);
	g_assert_cmpint(sql(&world->base, "SELECT count(*) FROM messages WHERE uid = 4"), ==, 0);
	g_assert_cmpint(sql(&world->base, "SELECT count(*) FROM operations WHERE kind = 'create' AND ended = 0"), ==, 1);

	/* Somebody else creates it. */
	StoreTxn *txn = begin(&world->base);
	g_assert_true(store_mailbox_set_listing(txn, world->a, "A", '/', STORE_MAILBOX_SELECTABLE, NULL));
	commit(txn);
	expect_mailbox(world, world->a, STORE_MAILBOX_THERE, "A");
	g_assert_cmpint(sql(&world->base, "SELECT count(*) FROM operations WHERE kind = 'create' AND state = 'done'"), ==, 1);
	g_autofree char *told = tell(world, message);
	g_assert_cmpstr(told, ==, "A: append A");
	check_invariants(world, "created by others");
}

static void
test_mailbox_comes_to_where_one_is_to_be_created(World *world, const void *data)
{
	const char *const components[] = { "new", NULL };
	StoreMailboxMove move = { world->b, "new" };
	g_auto(StoreMessage) row = { 0 };
	int64_t created;

	add_message(&world->base, world->b, 1, "other"); /* called as the one that comes */
	StoreTxn *txn = begin(&world->base);
	g_assert_true(store_change_create(txn, world->base.account, (char *const *)(uintptr_t)components, 0, &created, NULL));
	g_assert_true(store_change_move(txn, world->message, created, NULL, false, NULL));
	commit(txn);
	txn = begin(&world->base);
	g_assert_true(store_mailboxes_move(txn, &move, 1, NULL));
	commit(txn);
	check_invariants(world, "merged");
	g_autofree char *told = tell(world, world->message), *path = store_mailbox_path(world->base.store, world->b, NULL);
	g_assert_cmpstr(told, ==, "B: move I>B");
	g_assert_cmpstr(path, ==, "new");
	g_assert_true(store_message_get(world->base.store, world->message, &row, NULL));
	g_assert_cmpstr(row.name, ==, "1 (2).eml");
	g_assert_cmpint(sql(&world->base, "SELECT count(*) FROM operations WHERE kind = 'create' AND ended = 0"), ==, 0);
}

static void
test_mailbox_comes_to_where_one_was_renamed_to(World *world, const void *data)
{
	StoreMailboxMove move = { world->b, "new" };

	StoreTxn *txn = begin(&world->base);
	g_assert_true(store_change_rename(txn, world->a, "new", NULL));
	commit(txn);
	txn = begin(&world->base);
	g_assert_true(store_mailboxes_move(txn, &move, 1, NULL));
	commit(txn);
	check_invariants(world, "made way");
	g_autofree char *first = store_mailbox_path(world->base.store, world->a, NULL);
	g_autofree char *second = store_mailbox_path(world->base.store, world->b, NULL);
	g_assert_cmpstr(first, ==, "A");
	g_assert_cmpstr(second, ==, "new");
	g_assert_cmpint(sql(&world->base, "SELECT count(*) FROM operations WHERE kind = 'rename' AND state = 'failed'"), ==, 1);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *path = g_strdup_printf("/store-vanish/row/%s", rows[i].steps);
		g_test_add(path, World, GUINT_TO_POINTER(i), world_set_up, test_row, world_tear_down);
	}
	ADD("message-on-its-way", test_message_on_its_way);
	ADD("why-it-was-cancelled", test_why_it_was_cancelled);
	ADD("copy-without-bytes", test_copy_without_bytes);
	ADD("folder-is-created-again-for-what-is-only-here", test_folder_is_created_again_for_what_is_only_here);
	ADD("mailbox-comes-to-where-one-is-to-be-created", test_mailbox_comes_to_where_one_is_to_be_created);
	ADD("mailbox-comes-to-where-one-was-renamed-to", test_mailbox_comes_to_where_one_was_renamed_to);
	return g_test_run();
}
