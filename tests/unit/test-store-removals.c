/* src/store/changes.h: removals for good: when they are sent, and how many are too many. */
#include "store-changes.h"

#include "core/clock.h"

#define ADD(path, test) g_test_add("/store-removals/" path, World, NULL, world_set_up, test, world_tear_down)

/* @count visible messages from UID @first on, of one body. */
static void
fill(World *world, int64_t mailbox, uint32_t first, unsigned count)
{
	static const uint8_t header[32] = { 1 };
	g_autoptr(GError) error = NULL;
	g_auto(StoreMessage) model = { 0 };

	g_assert_true(store_message_get(world->base.store, world->message, &model, &error));
	StoreTxn *txn = begin(&world->base);
	for (uint32_t uid = first; uid < first + count; uid++) {
		g_autofree char *name = g_strdup_printf("%u.eml", uid);
		int64_t id = insert_message(txn, mailbox, uid);
		g_assert_true(store_message_share_body(txn, id, model.body_id, name, header, &error));
	}
	commit(txn);
}

/* The @count messages that have been there longest, for good. */
static void
remove_some(World *world, int64_t mailbox, unsigned count)
{
	const StoreRemoval how = { 0, UNDO_S };
	g_autofree char *query = g_strdup_printf("SELECT min(id) FROM messages WHERE place = %d", (int)mailbox);
	g_autoptr(GError) error = NULL;
	int64_t id = sql(&world->base, query);
	StoreTxn *txn = begin(&world->base);

	for (unsigned i = 0; i < count; i++, id++) { /* filled in one go, so the ids follow each other */
		g_assert_true(store_change_remove(txn, id, &how, &error));
		g_assert_no_error(error);
	}
	commit(txn);
	check_invariants(world, "removals");
}

static void
expect(World *world, unsigned queued, unsigned held)
{
	g_assert_cmpint(sql(&world->base, "SELECT count(*) FROM operations WHERE state = 'queued'"), ==, queued);
	g_assert_cmpint(sql(&world->base, "SELECT count(*) FROM operations WHERE state = 'held'"), ==, held);
	g_assert_cmpint(sql(&world->base, "SELECT count(*) FROM operations WHERE (state = 'held') <> (error IS NOT NULL)"
	                    " AND state <> 'cancelled'"), ==, 0);
}

static void
test_half_of_a_folder(World *world, const void *data)
{
	static const struct {
		unsigned there, removed, held;
	} rows[] = {
		{ 50, 50, 0 }, { 51, 50, 0 }, { 51, 51, 51 }, { 101, 50, 0 }, { 101, 51, 51 },
		{ 102, 51, 0 }, { 102, 52, 52 }, { 999, 499, 0 }, { 999, 500, 500 },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		fill(world, world->a, 1, rows[i].there);
		remove_some(world, world->a, rows[i].removed);
		expect(world, rows[i].removed - rows[i].held, rows[i].held);
		StoreTxn *txn = begin(&world->base);
		g_assert_true(store_message_remove_uids(txn, world->a, 1, UINT32_MAX, NULL));
		commit(txn);
		expect(world, 0, 0);
	}
}

static void
test_thousand_of_an_account(World *world, const void *data)
{
	fill(world, world->a, 1, 1600);
	fill(world, world->b, 1, 1600);
	remove_some(world, world->a, 500);
	remove_some(world, world->b, 500);
	expect(world, 1000, 0);
	remove_some(world, world->a, 1);
	expect(world, 0, 1001);
	remove_some(world, world->b, 3);
	expect(world, 0, 1004);
}

static void
test_what_was_sent_goes_on(World *world, const void *data)
{
	fill(world, world->a, 1, 60);
	remove_some(world, world->a, 30);
	StoreTxn *txn = begin(&world->base);
	g_assert_true(store_operation_send(txn, find_operation(world, "queued"), 0, 0, NULL));
	commit(txn);
	remove_some(world, world->a, 21);
	expect(world, 0, 50);
	g_assert_cmpint(sql(&world->base, "SELECT count(*) FROM operations WHERE state = 'sent'"), ==, 1);
}

static void
test_other_folders_are_not_held(World *world, const void *data)
{
	fill(world, world->a, 1, 51);
	fill(world, world->b, 1, 51);
	remove_some(world, world->b, 20);
	remove_some(world, world->a, 51);
	expect(world, 20, 51);
}

static void
test_window_is_a_minute(World *world, const void *data)
{
	fill(world, world->a, 1, 100);
	remove_some(world, world->a, 50);
	sql(&world->base, "UPDATE operations SET created = created - 61");
	remove_some(world, world->a, 50);
	expect(world, 100, 0);
}

static void
test_confirmed_do_not_count(World *world, const void *data)
{
	unsigned count;

	fill(world, world->a, 1, 200);
	remove_some(world, world->a, 101);
	expect(world, 0, 101);
	StoreTxn *txn = begin(&world->base);
	g_assert_true(store_operation_confirm(txn, world->base.account, &count, NULL));
	commit(txn);
	g_assert_cmpuint(count, ==, 101);
	remove_some(world, world->a, 40);
	expect(world, 141, 0);
}

static void
test_taken_back_do_not_count(World *world, const void *data)
{
	unsigned count;

	fill(world, world->a, 1, 60);
	remove_some(world, world->a, 40);
	StoreTxn *txn = begin(&world->base);
	g_assert_true(store_operation_undo(txn, world->base.account, 0, &count, NULL));
	commit(txn);
	g_assert_cmpuint(count, ==, 40);
	remove_some(world, world->a, 40);
	expect(world, 40, 0);
}

static void
test_the_trash_holds_any_number(World *world, const void *data)
{
	const StoreRemoval how = { world->trash, UNDO_S };

	fill(world, world->a, 1, 1100);
	int64_t id = sql(&world->base, "SELECT min(id) FROM messages WHERE uid = 1 AND mailbox <> 1");
	StoreTxn *txn = begin(&world->base);
	for (int64_t last = id + 1100; id < last; id++)
		g_assert_true(store_change_remove(txn, id, &how, NULL));
	commit(txn);
	expect(world, 1100, 0);
	g_assert_cmpint(sql(&world->base, "SELECT count(*) FROM operations WHERE removal AND kind = 'move' AND not_before = 0"),
	                ==, 1100);
}

static void
remove_one(World *world, int64_t id, int64_t trash, int64_t undo_s)
{
	const StoreRemoval how = { trash, undo_s };
	StoreTxn *txn = begin(&world->base);

	g_assert_true(store_change_remove(txn, id, &how, NULL));
	commit(txn);
}

static void
test_undo_counts_from_when_it_was_asked_for(World *world, const void *data)
{
	int64_t in_trash = add_message(&world->base, world->trash, 7, "t");

	/* However long it has been in the Trash: a removed tree takes the Trash along. */
	sql(&world->base, "UPDATE messages SET since = 1000 WHERE uid = 7");
	int64_t before = core_clock_wall_s();
	remove_one(world, in_trash, world->trash, UNDO_S);
	g_assert_cmpint(sql(&world->base, "SELECT not_before FROM operations"), >=, before + UNDO_S);

	/* The same where there is no Trash. */
	before = core_clock_wall_s();
	remove_one(world, world->message, 0, UNDO_S);
	int64_t not_before = sql(&world->base, "SELECT not_before FROM operations WHERE mailbox = 1");
	g_assert_cmpint(not_before, >=, before + UNDO_S);
	g_assert_cmpint(not_before, <=, core_clock_wall_s() + UNDO_S);
}

static void
test_a_move_into_the_trash_begins_anew(World *world, const void *data)
{
	sql(&world->base, "UPDATE messages SET since = 1000");
	int64_t before = core_clock_wall_s();
	remove_one(world, world->message, world->trash, UNDO_S);
	remove_one(world, world->message, world->trash, UNDO_S);
	g_assert_cmpint(sql(&world->base, "SELECT not_before FROM operations WHERE kind = 'remove'"), >=, before + UNDO_S);
	g_assert_cmpint(sql(&world->base, "SELECT not_before FROM operations WHERE kind = 'move'"), ==, 0);
	g_autofree char *told = tell(world, world->message);
	g_assert_cmpstr(told, ==, "-: removal I>T, remove T");
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("half-of-a-folder", test_half_of_a_folder);
	ADD("thousand-of-an-account", test_thousand_of_an_account);
	ADD("what-was-sent-goes-on", test_what_was_sent_goes_on);
	ADD("other-folders-are-not-held", test_other_folders_are_not_held);
	ADD("window-is-a-minute", test_window_is_a_minute);
	ADD("confirmed-do-not-count", test_confirmed_do_not_count);
	ADD("taken-back-do-not-count", test_taken_back_do_not_count);
	ADD("the-trash-holds-any-number", test_the_trash_holds_any_number);
	ADD("undo-counts-from-when-it-was-asked-for", test_undo_counts_from_when_it_was_asked_for);
	ADD("a-move-into-the-trash-begins-anew", test_a_move_into_the_trash_begins_anew);
	return g_test_run();
}
