/* src/store: the ends of operations. */
#include "store-cases.h"

#include "core/step.h"

#include <sys/wait.h>

#define RIVAL "UPDATE messages SET uid = 9, state = 0, mailbox = 2, place = 2, name = 'rival.eml'," \
	" base_flags = '\\Flagged', body = NULL WHERE id = 3;"
#define MOVING "UPDATE messages SET uid = NULL, state = 6, place = 2 WHERE id = 1;"

static const Case settling[] = {
	{ "flags, nothing told", NULL, "1 flags message=1 add_flags='\\Seen' state='sent'", "flags 1 - 7",
	  "message 1 1/1 1:1.eml there [\\Seen]; operation 1 flags done", "" },
	{ "flags, told", NULL, "1 flags message=1 add_flags='\\Seen' state='sent'", "flags 1 \\Flagged 7",
	  "message 1 1/1 1:1.eml there [\\Flagged]; operation 1 flags done", "flags 1/1.eml" },
	{ "flags of a message that has gone", NULL, "1 flags message=99 add_flags='\\Seen' state='sent'", "flags 1 - 0",
	  "operation 1 flags done", "" },
	{ "flags, done twice", NULL, "1 flags message=1 state='done' ended=5", "!flags 1 - 0", "", "" },

	{ "append", NULL, "1 append message=3 target=2 add_flags='\\Seen' state='sent'", "uid 1 9 a~9.eml",
	  "message 3 2/9 2:a~9.eml there [\\Seen]; operation 1 append done >2", "renamed 2/new.eml, flags 2/a~9.eml" },
	{ "append, name kept", "UPDATE messages SET name_is_users = 1 WHERE id = 3",
	  "1 append message=3 target=2 state='sent'", "uid 1 9 -",
	  "message 3 2/9 2:new.eml! there []; operation 1 append done >2", "flags 2/new.eml" },
	{ "append, moved meanwhile", "UPDATE messages SET place = 1 WHERE id = 3",
	  "1 append message=3 target=2 state='sent'; 2 move message=3 mailbox=2 target=1", "uid 1 9 -",
	  "message 3 2/9 1:new.eml there []; operation 1 append done >2", "flags 1/new.eml" },
	{ "move", "UPDATE messages SET place = 2 WHERE id = 1", "1 move message=1 mailbox=1 target=2 state='sent'",
	  "uid 1 9 a~9.eml", "message 1 2/9 2:a~9.eml there []; operation 1 move done >2",
	  "renamed 2/1.eml, flags 2/a~9.eml" },
	{ "move, its source told of first", MOVING, "1 move message=1 mailbox=1 target=2 state='sent'", "uid 1 9 -",
	  "message 1 2/9 2:1.eml there []; operation 1 move done >2", "flags 2/1.eml" },
	{ "move, in two steps", "UPDATE messages SET place = 2 WHERE id = 1",
	  "1 move message=1 mailbox=1 target=2 state='sent'", "copied 1 9|again 1 0 -|send 1 0 0|uid 1 9 -",
	  "message 1 2/9 2:1.eml there []; operation 1 move done >2", "flags 2/1.eml" },
	{ "move, wanted elsewhere by now", "UPDATE messages SET place = 3 WHERE id = 1",
	  "1 move message=1 mailbox=1 target=2 state='sent'; 2 move message=1 mailbox=2 target=3", "uid 1 9 -",
	  "message 1 2/9 3:1.eml there []; operation 1 move done >2", "flags 3/1.eml" },
	{ "copy", "UPDATE messages SET base_flags = '\\Seen' WHERE id = 1",
	  "1 copy message=4 source=1 target=2 state='sent'",
	  "uid 1 9 a~9.eml", "message 4 2/9 2:a~9.eml there [\\Seen]; operation 1 copy done >2",
	  "renamed 2/copy.eml, flags 2/a~9.eml" },
	{ "copy, source gone", NULL, "1 copy message=4 target=2 state='sent'", "uid 1 9 -",
	  "message 4 2/9 2:copy.eml there []; operation 1 copy done >2", "flags 2/copy.eml" },
	{ "rival", RIVAL "UPDATE messages SET place = 2 WHERE id = 1",
	  "1 move message=1 mailbox=1 target=2 state='sent'; 2 flags message=3 mailbox=2 add_flags='$a'", "uid 1 9 x.eml",
	  "message 1 2/9 2:rival.eml there [\\Flagged]; operation 1 move done >2; -message 3",
	  "removed 2/rival.eml, flags 2/1.eml, renamed 2/1.eml, flags 2/rival.eml" },
	{ "rival that people moved on",
	  RIVAL "UPDATE messages SET place = 2 WHERE id = 1; UPDATE messages SET place = 3 WHERE id = 3",
	  "1 move message=1 mailbox=1 target=2 state='sent'; 2 move message=3 mailbox=2 target=3", "uid 1 9 -",
	  "message 1 2/9 3:1.eml there [\\Flagged]; operation 1 move done >2; -message 3",
	  "removed 3/rival.eml, flags 2/1.eml, removed 2/1.eml, added 3/1.eml, flags 3/1.eml" },
	{ "done for a message that has gone", NULL, "1 move message=99 mailbox=1 target=2 state='sent'", "uid 1 9 -",
	  "operation 1 move done >2", "" },
	{ "done, not sent", NULL, "1 move message=1 mailbox=1 target=2 state='failed'", "!uid 1 9 -", "", "" },

	{ "removed", "UPDATE messages SET place = NULL WHERE id = 1",
	  "1 flags message=1 state='failed'; 2 remove message=1 state='sent'", "gone 2",
	  "operation 1 flags cancelled: the server no longer has the message; operation 2 remove done; -message 1", "" },
	{ "removed, the source of copies",
	  "UPDATE messages SET place = NULL WHERE id = 1; UPDATE messages SET body = NULL WHERE id = 3",
	  "1 remove message=1 state='sent'; 2 copy message=4 source=1 target=2; 3 copy message=3 source=1 target=2",
	  "gone 1",
	  "message 4 2/- 2:copy.eml to append []; operation 1 remove done; operation 2 append queued >2;"
	  " operation 3 copy cancelled >2: the server no longer has the message; -message 1; -message 3",
	  "removed 2/new.eml" },
	{ "moved and gone", MOVING, "1 move message=1 mailbox=1 target=2 state='sent'", "gone 1",
	  "operation 1 move cancelled >2: the server no longer has the message; -message 1", "removed 2/1.eml" },

	{ "on the way", NULL, "1 flags message=1; 2 move message=2 target=2", "send 1 0 0|again 1 50 busy|hold 2 why",
	  "operation 1 flags queued: busy; operation 2 move held >2: why", "" },
	{ "not on the way", NULL, "1 flags message=1 state='held'; 2 flags message=2 state='sent'",
	  "!send 1 0 0|!again 1 0 x|!hold 1 x|!send 2 0 0|!send 99 0 0|!copied 2 7|!arguments 99 x", "", "" },
	{ "again, but it has left", MOVING, "1 move message=1 target=2 state='sent'", "!again 1 0 -", "", "" },
	{ "again, but the source has gone", NULL, "1 copy message=4 source=99 target=2 state='sent'", "again 1 0 -",
	  "message 4 2/- 2:copy.eml to append []; operation 1 append queued >2", "" },
	{ "appended instead", "UPDATE messages SET body = NULL WHERE id = 4",
	  "1 copy message=4 source=1 target=2 state='sent'",
	  "instead 1", "message 4 2/- 2:copy.eml to append []; operation 1 append queued >2",
	  "removed 2/copy.eml, added 2/copy.eml" },
	{ "appended instead, no bytes yet", "UPDATE messages SET body = NULL WHERE id IN (1, 4)",
	  "1 copy message=4 source=1 target=2 state='sent'", "!instead 1", "", "" },
	{ "appended instead, no bytes", "UPDATE messages SET body = NULL WHERE id = 4",
	  "1 copy message=4 target=2 state='sent'",
	  "instead 1", "operation 1 copy cancelled >2: the server no longer has the message; -message 4",
	  "removed 2/copy.eml" },
};

static const Case refusals[] = {
	{ "flags", NULL, "1 flags message=1 add_flags='\\Seen' state='sent'", "fail 1 no", "operation 1 flags failed: no",
	  "flags 1/1.eml" },
	{ "append", NULL, "1 append message=3 target=2 state='sent'; 2 flags message=3", "fail 1 too big",
	  "message 3 2/- 2:new.eml refused: too big []; operation 1 append failed >2: too big", "flags 2/new.eml" },
	{ "copy", NULL, "1 copy message=4 source=1 target=2 state='sent'", "fail 1 quota",
	  "message 4 2/- 2:copy.eml refused: quota []; operation 1 copy failed >2: quota", "flags 2/copy.eml" },
	{ "move", "UPDATE messages SET place = 2 WHERE id = 1", "1 move message=1 mailbox=1 target=2 state='sent'",
	  "fail 1 no",
	  "message 1 1/1 1:1.eml there []; operation 1 move failed >2: no", "removed 2/1.eml, added 1/1.eml" },
	{ "move under another name", "UPDATE messages SET place = 2, name = 'b', name_is_users = 1 WHERE id = 1",
	  "1 move message=1 mailbox=1 target=2 state='sent' former='a'", "fail 1 no",
	  "message 1 1/1 1:a there []; operation 1 move failed >2: no", "removed 2/b, added 1/a" },
	{ "move, its name taken", "UPDATE messages SET place = 2, name = '2.eml' WHERE id = 1",
	  "1 move message=1 mailbox=1 target=2 state='sent'", "fail 1 no",
	  "message 1 1/1 1:2 (2).eml there []; operation 1 move failed >2: no", "removed 2/2.eml, added 1/2 (2).eml" },
	{ "move, wanted elsewhere by now", "UPDATE messages SET place = 3, name = 'c' WHERE id = 1",
	  "1 move message=1 mailbox=1 target=2 state='sent' former='a' former_is_users=1; 2 move message=1 target=3 former='b'",
	  "fail 1 no|fail 2 no",
	  "message 1 1/1 1:a! there []; operation 1 move failed >2: no; operation 2 move failed >3: no",
	  "removed 3/c, added 1/a" },
	{ "move that has left", MOVING, "1 move message=1 mailbox=1 target=2 state='sent'", "fail 1 no",
	  "operation 1 move cancelled >2: no; -message 1", "removed 2/1.eml" },
	{ "move out of a folder to be deleted", "UPDATE messages SET place = 1 WHERE id = 5",
	  "1 move message=5 mailbox=5 target=1 state='sent'; 2 delete mailbox=5", "fail 1 no",
	  "message 5 5/5 5:5.eml there []; mailbox 5 0/Old there Old; operation 1 move failed >1: no;"
	  " operation 2 delete cancelled: a message is shown in it again",
	  "added folder 0/Old, removed 1/5.eml, added 5/5.eml" },
	{ "move out of a folder that is being deleted", "UPDATE messages SET place = 1 WHERE id = 5",
	  "1 move message=5 mailbox=5 target=1 state='sent'; 2 delete mailbox=5 state='sent'", "fail 1 no",
	  "message 5 5/5 5:5.eml there []; operation 1 move failed >1: no", "removed 1/5.eml, added 5/5.eml" },
	{ "removal", "UPDATE messages SET place = NULL WHERE id = 1", "1 remove message=1 mailbox=1 state='sent'",
	  "fail 1 no",
	  "message 1 1/1 1:1.eml there []; operation 1 remove failed: no", "added 1/1.eml" },
	{ "create", NULL, "1 create mailbox=4 state='sent'", "fail 1 no", "operation 1 create failed: no", "" },
	{ "rename", "UPDATE mailboxes SET name = 'Y' WHERE id = 2",
	  "1 rename mailbox=2 arguments='Y' former='Archive' state='sent'",
	  "fail 1 no", "mailbox 2 0/Archive there Archive; operation 1 rename failed: no",
	  "removed folder 0/Y, added folder 0/Archive" },
	{ "rename, no way back",
	  "UPDATE mailboxes SET name = 'Y' WHERE id = 2; UPDATE mailboxes SET name = 'Archive' WHERE id = 4",
	  "1 rename mailbox=2 arguments='Y' former='Archive' state='sent'", "fail 1 no", "operation 1 rename failed: no",
	  "" },
	{ "delete", NULL, "1 delete mailbox=5 state='sent'", "fail 1 not empty",
	  "mailbox 5 0/Old there Old; operation 1 delete failed: not empty", "added folder 0/Old" },
	{ "delete, the name taken", "UPDATE mailboxes SET name = 'Old' WHERE id = 4", "1 delete mailbox=5 state='sent'",
	  "fail 1 not empty", "mailbox 5 0/Old (2) there Old; operation 1 delete failed: not empty",
	  "added folder 0/Old (2)" },
	{ "delete below one to be deleted", "UPDATE mailboxes SET parent = 5, state = 2 WHERE id = 2",
	  "1 delete mailbox=2 state='sent'; 2 delete mailbox=5", "fail 1 not empty",
	  "mailbox 2 5/Archive there Archive; mailbox 5 0/Old there Old; operation 1 delete failed: not empty;"
	  " operation 2 delete cancelled: not empty", "added folder 5/Archive, added folder 0/Old" },
	{ "what has ended", NULL, "1 flags message=1 state='done' ended=5; 2 flags message=1 state='failed'",
	  "!fail 1 no|!fail 2 no|!fail 99 no", "", "" },
};

static const Case folders[] = {
	{ "created", NULL, "1 create mailbox=4 state='sent'", "mailbox 1 New /",
	  "mailbox 4 0/New there New; operation 1 create done", "" },
	{ "created, listed as another", "INSERT INTO mailboxes (account, name, server_name, attributes, changed)"
	  " VALUES (1, 'Neu', 'Neu', 1, 1); UPDATE messages SET mailbox = 4, place = 4 WHERE id = 3",
	  "1 create mailbox=4 state='sent'; 2 append message=3 mailbox=4 target=4", "mailbox 1 Neu /",
	  "message 3 6/- 6:new.eml to append []; mailbox 6 0/New there Neu; operation 1 create done;"
	  " operation 2 append queued >6; -mailbox 4",
	  "removed folder 0/Neu, removed 4/new.eml, added 6/new.eml, removed folder 0/New, added folder 0/New" },
	{ "renamed, with what is below", "UPDATE mailboxes SET server_name = 'Archive/Old' WHERE id = 5;"
	  "UPDATE mailboxes SET server_name = 'Archive2' WHERE id = 3", "1 rename mailbox=2 arguments='x' state='sent'",
	  "mailbox 1 &Y/x /", "mailbox 2 0/Archive there &Y/x; mailbox 5 0/Old to delete &Y/x/Old; operation 1 rename done",
	  "" },
	{ "renamed, and listed so already", "UPDATE mailboxes SET server_name = 'x' WHERE id = 2",
	  "1 rename mailbox=2 arguments='x' state='sent'", "mailbox 1 x /", "operation 1 rename done", "" },
	{ "deleted", "UPDATE messages SET place = NULL WHERE id = 5", "1 delete mailbox=5 state='sent'", "deleted 1",
	  "operation 1 delete done; -message 5; -mailbox 5", "" },
	{ "deleted, something only here in it", "UPDATE messages SET mailbox = 5, place = 5 WHERE id = 3",
	  "1 append message=3 mailbox=5 target=5; 2 delete mailbox=5 state='sent'", "deleted 2",
	  "mailbox 5 0/Old to create; operation 2 delete done; operation 3 create queued; -message 5",
	  "added folder 0/Old" },
	{ "no such mailbox", NULL, "1 create mailbox=99 state='sent'; 2 delete mailbox=99 state='sent'",
	  "mailbox 1 x /|deleted 2",
	  "operation 1 create done; operation 2 delete done", "" },
};

static void
test_settling(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(settling); i++)
		run_case(&settling[i]);
}

static void
test_refusals(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(refusals); i++)
		run_case(&refusals[i]);
}

static void
test_folders(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(folders); i++)
		run_case(&folders[i]);
}

static unsigned steps_left;

static void
stop_at_step(const char *step)
{
	if (--steps_left == 0)
		_exit(0);
}

/* One run of those who push: what was sent and not settled was done by the server, as it happens. */
static void
push(Fixture *fixture)
{
	static const Case sending = { .what = "send", .action = "send 1 7 5|send 2 7 5" };
	static const Case ending = { .what = "end", .action = "uid 1 9 a~9.eml|gone 2" };

	if (sql(fixture, "SELECT count(*) FROM operations WHERE state = 'queued'") == 2)
		act_all(fixture, &sending);
	if (sql(fixture, "SELECT count(*) FROM operations WHERE state = 'sent'") == 2)
		act_all(fixture, &ending);
}

/* However far it came: an operation has its effect or is open, and the next run ends alike. */
static void
test_stopped_at_every_step(void)
{
	bool finished = false;

	for (unsigned step = 1; !finished; step++) {
		Fixture fresh = { 0 };
		world_set_up(&fresh, NULL);
		insert_operations(&fresh, "1 append message=3 target=2; 2 remove message=1");
		g_autofree char *before = dump(&fresh);
		fixture_close(&fresh);
		pid_t child = fork();
		if (child == 0) {
			steps_left = step;
			core_step_hook = stop_at_step;
			fixture_open(&fresh);
			push(&fresh);
			_exit(1);
		}
		int status;
		g_assert_cmpint(waitpid(child, &status, 0), ==, child);
		finished = WEXITSTATUS(status) == 1;
		fixture_open(&fresh);
		g_assert_cmpint(sql(&fresh, "SELECT count(*) FROM operations WHERE (id = 1 AND (state = 'done') <>"
		                            " (SELECT uid = 9 AND state = 0 FROM messages WHERE id = 3 AND uid IS NOT NULL"
		                            " UNION ALL SELECT 0 LIMIT 1)) OR (id = 2 AND (state = 'done') ="
		                            " EXISTS (SELECT 1 FROM messages WHERE id = 1))"), ==, 0);
		push(&fresh);
		g_autofree char *after = dump(&fresh), *changed = changes_between(before, after);
		g_assert_cmpstr(changed, ==, "message 3 2/9 2:a~9.eml there []; operation 1 append done >2; operation 2 remove done;"
		                             " -message 1");
		g_assert_cmpint(sql(&fresh, "SELECT sum(attempts) FROM operations"), ==, 2);
		fixture_tear_down(&fresh, NULL);
		g_assert_cmpuint(step, <, 10);
	}
}

/* Which of the two it was is counted; why is kept until something else is known. */
static void
test_sent_in_vain(void)
{
	Fixture fixture = { 0 };
	g_autoptr(GError) error = NULL;

	world_set_up(&fixture, NULL);
	insert_operations(&fixture, "1 flags message=1; 2 flags message=2");
	StoreTxn *txn = begin(&fixture);
	g_assert_false(store_operation_lost(txn, 1, "cut", &error)); /* it was not sent */
	g_assert_error(error, CORE_ERROR, CORE_ERROR_NOT_FOUND);
	g_clear_error(&error);
	for (int i = 0; i < 3; i++)
		if (!store_operation_send(txn, 1, 0, 0, &error) || !store_operation_lost(txn, 1, "cut", &error) ||
		    !store_operation_again(txn, 1, 0, NULL, &error) || !store_operation_send(txn, 2, 0, 0, &error) ||
		    !store_operation_undone(txn, 2, "busy", &error) || !store_operation_again(txn, 2, 0, NULL, &error))
			g_error("%s", error->message);
	g_assert_true(store_operation_send(txn, 1, 0, 0, &error));
	g_assert_true(store_operation_undone(txn, 1, "later", &error));
	g_assert_true(store_operation_hold(txn, 2, "enough", &error));
	commit(txn);
	g_autofree char *first = sql_text(&fixture, "SELECT printf('%d %d %d %s %s', attempts, losses, undone, state, error)"
	                                            " FROM operations WHERE id = 1");
	g_autofree char *second = sql_text(&fixture, "SELECT printf('%d %d %d %s %s', attempts, losses, undone, state, error)"
	                                             " FROM operations WHERE id = 2");
	g_assert_cmpstr(first, ==, "4 3 1 sent later");
	g_assert_cmpstr(second, ==, "3 0 3 held enough");
	fixture_tear_down(&fixture, NULL);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/store-operations/settling", test_settling);
	g_test_add_func("/store-operations/refusals", test_refusals);
	g_test_add_func("/store-operations/sent-in-vain", test_sent_in_vain);
	g_test_add_func("/store-operations/folders", test_folders);
	g_test_add_func("/store-operations/stopped-at-every-step", test_stopped_at_every_step);
	return g_test_run();
}
