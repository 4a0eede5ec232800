/* src/store: what people say about operations: go on, once more, or not at all. */
#include "store-cases.h"

#include "core/clock.h"

#define ADD(path, test) g_test_add("/store-people/" path, Fixture, NULL, world_set_up, test, fixture_tear_down)

#define MOVING "UPDATE messages SET uid = NULL, state = 6, place = 2 WHERE id = 1;"

static const Case people[] = {
	{ "confirm", NULL, "1 remove message=1 state='held' error='many'; 2 remove message=2 not_before=9999999999;"
	  "3 append message=3 target=2 not_before=9999999999; 4 move message=5 target=1 state='failed' error='no'",
	  "confirm 2",
	  "operation 1 remove queued", "" },
	{ "confirm a move that nobody can find", MOVING, "1 move message=1 mailbox=1 target=2 state='held' error='where'",
	  "confirm 1", "message 1 2/- 2:1.eml to append []; operation 1 append queued >2", "" },
	{ "retry flags", NULL, "1 flags message=1 add_flags='\\Seen' state='failed' error='no'", "retry 1",
	  "operation 1 flags queued", "flags 1/1.eml" },
	{ "retry append", "UPDATE messages SET state = 4, error = 'no' WHERE id = 3",
	  "1 append message=3 target=2 state='failed' error='no'", "retry 1",
	  "message 3 2/- 2:new.eml to append []; operation 1 append queued >2", "flags 2/new.eml" },
	{ "retry copy", "UPDATE messages SET state = 4, error = 'no' WHERE id = 4",
	  "1 copy message=4 source=1 target=2 state='failed' error='no'", "retry 1",
	  "message 4 2/- 2:copy.eml to copy []; operation 1 copy queued >2", "flags 2/copy.eml" },
	{ "retry copy, source gone", "UPDATE messages SET state = 4 WHERE id = 4",
	  "1 copy message=4 source=99 target=2 state='failed'", "retry 1",
	  "message 4 2/- 2:copy.eml to append []; operation 1 append queued >2", "flags 2/copy.eml" },
	{ "retry move", NULL, "1 move message=1 mailbox=1 target=2 state='failed' error='no'", "retry 1",
	  "message 1 1/1 2:1.eml there []; operation 1 move queued >2", "removed 1/1.eml, added 2/1.eml" },
	{ "retry removal", NULL, "1 remove message=1 mailbox=1 state='failed' error='no'", "retry 1",
	  "message 1 1/1 -:1.eml there []; operation 1 remove queued", "removed 1/1.eml" },
	{ "retry move that was overtaken", NULL,
	  "1 move message=1 target=2 state='failed'; 2 move message=1 target=3 state='done' ended=5",
	  "retry 0", "operation 1 move cancelled >2: something later was done with the message", "" },
	{ "retry move, target gone", NULL, "1 move message=1 target=5 state='failed'", "retry 0",
	  "operation 1 move cancelled >5: the folder is gone", "" },
	{ "retry create", NULL, "1 create mailbox=4 state='failed' error='no'", "retry 1", "operation 1 create queued",
	  "" },
	{ "retry rename", NULL, "1 rename mailbox=2 arguments='Y' former='Archive' state='failed'", "retry 1",
	  "mailbox 2 0/Y there Archive; operation 1 rename cancelled: asked for again; operation 2 rename queued",
	  "removed folder 0/Archive, added folder 0/Y" },
	{ "retry rename, no way", NULL, "1 rename mailbox=2 arguments='Trash' former='Archive' state='failed'", "retry 0",
	  "", "" },
	{ "retry delete", "UPDATE mailboxes SET state = 0 WHERE id = 5", "1 delete mailbox=5 state='failed'", "retry 1",
	  "mailbox 5 0/Old to delete Old; operation 1 delete cancelled: asked for again; operation 2 delete queued",
	  "removed folder 0/Old" },
	{ "retry delete, not empty",
	  "UPDATE mailboxes SET state = 0 WHERE id = 5; UPDATE messages SET place = 5 WHERE id = 5",
	  "1 delete mailbox=5 state='failed'", "retry 0", "", "" },

	{ "undo removals", "UPDATE messages SET place = NULL WHERE id = 1; UPDATE messages SET place = 3 WHERE id = 2",
	  "1 remove message=1 mailbox=1; 2 move message=2 mailbox=1 target=3 removal=1; 3 flags message=2; 4 append message=3 target=2",
	  "undo 0 2",
	  "message 1 1/1 1:1.eml there []; message 2 1/2 1:2.eml there []; operation 1 remove cancelled: taken back;"
	  " operation 2 move cancelled >3: taken back", "added 1/1.eml, removed 3/2.eml, added 1/2.eml" },
	{ "undo what was sent", NULL, "1 remove message=1 state='sent'; 2 move message=2 target=3 removal=1 target_uid=7",
	  "undo 0 0|!undo 1 0|!undo 2 0|!undo 99 0", "", "" },
	{ "undo what is held", "UPDATE messages SET place = NULL WHERE id = 1",
	  "1 remove message=1 mailbox=1 state='held'; 2 append message=3 target=2 state='held'; 3 flags message=3 add_flags='$a'",
	  "undo 0 2",
	  "message 1 1/1 1:1.eml there []; message 3 2/- 2:new.eml local [$a]; operation 1 remove cancelled: taken back;"
	  " operation 2 append cancelled >2: taken back; operation 3 flags cancelled: taken back",
	  "added 1/1.eml, flags 2/new.eml" },
	{ "undo a move that nobody can find", MOVING, "1 move message=1 mailbox=1 target=2 state='held'", "undo 0 1",
	  "message 1 2/- 2:1.eml local []; operation 1 move cancelled >2: taken back", "flags 2/1.eml" },
	{ "undo a removal in a folder to be deleted", NULL, "1 remove message=5 mailbox=5; 2 delete mailbox=5", "undo 0 1",
	  "message 5 5/5 5:5.eml there []; mailbox 5 0/Old there Old; operation 1 remove cancelled: taken back;"
	  " operation 2 delete cancelled: a message is shown in it again", "added folder 0/Old, added 5/5.eml" },
	{ "undo flags", NULL, "1 flags message=1 add_flags='\\Seen'", "undo 1 1", "operation 1 flags cancelled: taken back",
	  "flags 1/1.eml" },
	{ "undo a move", "UPDATE messages SET place = 2, name = 'b' WHERE id = 1",
	  "1 move message=1 mailbox=1 target=2 former='a'", "undo 1 1",
	  "message 1 1/1 1:a there []; operation 1 move cancelled >2: taken back", "removed 2/b, added 1/a" },
	{ "undo a move that has marked the message, before another", "UPDATE messages SET place = 3, base_flags = '\\Deleted' WHERE id = 1",
	  "1 move message=1 mailbox=1 target=2 state='held' attempts=1 target_uid=7; 2 move message=1 mailbox=2 target=3",
	  "undo 1 1", "operation 1 move cancelled >2: taken back; operation 3 flags queued", "flags 3/1.eml" },
	{ "undo an append that failed", "UPDATE messages SET state = 4 WHERE id = 3",
	  "1 append message=3 target=2 state='failed'; 2 flags message=3", "undo 1 1",
	  "operation 1 append cancelled >2: taken back; operation 2 flags cancelled: taken back; -message 3",
	  "removed 2/new.eml" },
	{ "undo a copy", NULL, "1 copy message=4 source=1 target=2", "undo 1 1",
	  "operation 1 copy cancelled >2: taken back; -message 4", "removed 2/copy.eml" },
	{ "undo create", NULL, "1 create mailbox=4", "undo 1 1", "operation 1 create cancelled: taken back; -mailbox 4",
	  "removed folder 0/New" },
	{ "undo rename", "UPDATE mailboxes SET name = 'Y' WHERE id = 2",
	  "1 rename mailbox=2 arguments='Y' former='Archive'",
	  "undo 1 1", "mailbox 2 0/Archive there Archive; operation 1 rename cancelled: taken back",
	  "removed folder 0/Y, added folder 0/Archive" },
	{ "undo delete", NULL, "1 delete mailbox=5", "undo 1 1",
	  "mailbox 5 0/Old there Old; operation 1 delete cancelled: taken back", "added folder 0/Old" },
};

static void
test_cases(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(people); i++)
		run_case(&people[i]);
}

static void
test_prune(Fixture *fixture, const void *data)
{
	int64_t now = core_clock_wall_s(), day = 86400;
	g_autofree char *operations = g_strdup_printf(
		"1 flags message=1 state='done' ended=%" G_GINT64_FORMAT "; 2 flags message=1 state='cancelled' ended=%" G_GINT64_FORMAT
		"; 3 flags message=1 state='failed'", now - (STORE_LOG_DAYS + 1) * day, now - (STORE_LOG_DAYS - 1) * day);

	insert_operations(fixture, operations);
	g_autofree char *before = dump(fixture);
	g_assert_true(store_operation_prune(fixture->store, NULL));
	g_autofree char *after = dump(fixture), *changed = changes_between(before, after);
	g_assert_cmpstr(changed, ==, "-operation 1");
}

static void
test_account(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	unsigned count;

	sql(fixture, "INSERT INTO accounts (id, name) VALUES (2, 'x')");
	insert_operations(fixture, "1 remove message=1 state='held'; 2 remove message=2 account=2 state='held'");
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_operation_confirm(txn, 2, &count, &error));
	g_assert_cmpuint(count, ==, 1);
	g_assert_false(store_operation_undo(txn, 2, 1, &count, &error)); /* which is the other account's */
	g_assert_error(error, CORE_ERROR, CORE_ERROR_NOT_FOUND);
	g_clear_error(&error);
	g_assert_true(store_operation_confirm(txn, 0, &count, &error));
	g_assert_cmpuint(count, ==, 1);
	commit(txn);
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM operations WHERE state = 'queued'"), ==, 2);
}

/* A folder cannot be taken back with what is in it. */
static void
test_undo_what_is_used(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	unsigned count = 99;

	sql(fixture, "UPDATE messages SET mailbox = 4, place = 4 WHERE id = 3");
	insert_operations(fixture, "1 create mailbox=4 state='held'; 2 append message=3 target=4");
	g_autofree char *before = dump(fixture);
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_operation_undo(txn, 1, 0, &count, &error));
	g_assert_cmpuint(count, ==, 0);
	g_assert_false(store_operation_undo(txn, 1, 1, &count, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_REFUSED);
	store_rollback(txn);
	g_autofree char *after = dump(fixture);
	g_assert_cmpstr(before, ==, after);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/store-people/cases", test_cases);
	ADD("prune", test_prune);
	ADD("account", test_account);
	ADD("undo-what-is-used", test_undo_what_is_used);
	return g_test_run();
}
