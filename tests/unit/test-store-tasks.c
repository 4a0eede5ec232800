/* src/store: reading operations: which can be done now, and what a list of them costs; what is open, and the log. */
#include "store-operations.h"

#include "store/db.h"

#define ADD(path, test) g_test_add("/store-tasks/" path, Fixture, NULL, world_set_up, test, fixture_tear_down)

#define NOW 1000

typedef struct {
	const char *what;
	const char *with; /* SQL before */
	const char *operations;
	const char *expected; /* ids */
} Case;

static const Case cases[] = {
	{ "nothing", NULL, NULL, "" },
	{ "queued", NULL, "1 flags message=1; 2 flags message=2", "1 2" },
	{ "sent", NULL, "1 flags message=1 state='sent'", "" },
	{ "held", NULL, "1 flags message=1 state='held'", "" },
	{ "failed", NULL, "1 flags message=1 state='failed'", "" },
	{ "ended", NULL, "1 flags message=1 state='done' ended=5; 2 flags message=2 state='cancelled' ended=5", "" },
	{ "of another account", "INSERT INTO accounts (id, name) VALUES (2, 'x')", "1 flags message=1 account=2", "" },

	/* In the order of a message's operations. */
	{ "behind queued", NULL, "1 flags message=1; 2 move message=1 target=2", "1" },
	{ "behind sent", NULL, "1 flags message=1 state='sent'; 2 move message=1 target=2", "" },
	{ "behind held", NULL, "1 remove message=1 state='held'; 2 flags message=1", "" },
	{ "behind failed", NULL, "1 flags message=1 state='failed'; 2 move message=1 target=2", "2" },
	{ "behind done", NULL, "1 flags message=1 state='done' ended=5; 2 move message=1 target=2", "2" },
	{ "behind one that waits", NULL, "1 flags message=1 not_before=2000; 2 move message=1 target=2", "" },

	/* What they need on the server. */
	{ "no UID", NULL, "1 flags message=3; 2 move message=4 target=1", "" },
	{ "a UID that was lost", "UPDATE messages SET uid = NULL, state = 1 WHERE id = 1", "1 flags message=1", "" },
	{ "on its way", "UPDATE messages SET uid = NULL, state = 6 WHERE id = 1", "1 remove message=1", "" },
	{ "no message", NULL, "1 flags message=99", "" },
	{ "append", NULL, "1 append message=3 target=2", "1" },
	{ "append, no body", "UPDATE messages SET body = NULL WHERE id = 3", "1 append message=3 target=2", "" },
	{ "append, no mailbox", NULL, "1 append message=3 target=4", "" },
	{ "append refused, move", NULL, "1 append message=3 target=2 state='failed'; 2 move message=3 target=1", "" },
	{ "move", NULL, "1 move message=1 target=2", "1" },
	{ "move, no mailbox", NULL, "1 move message=1 target=4", "" },
	{ "move, no source", "UPDATE mailboxes SET server_name = NULL WHERE id = 1", "1 move message=1 target=2", "" },
	{ "out of what is to be deleted", NULL, "1 move message=5 target=2", "1" },
	{ "copy", NULL, "1 copy message=4 source=1 target=2", "1" },
	{ "copy, no mailbox", NULL, "1 copy message=4 source=1 target=4", "" },
	{ "copy of what is not uploaded", NULL, "1 append message=3 target=2; 2 copy message=4 source=3 target=2", "1" },
	{ "copy behind its source's", NULL, "1 flags message=1; 2 copy message=4 source=1 target=2", "1" },
	{ "copy before its source's", NULL, "1 copy message=4 source=1 target=2; 2 move message=1 target=3", "1" },
	{ "copy sent before its source's", NULL, "1 copy message=4 source=1 target=2 state='sent'; 2 flags message=1", "" },
	{ "copy failed before its source's", NULL, "1 copy message=4 source=1 target=2 state='failed'; 2 flags message=1",
	  "2" },

	/* Removals wait for uploads of the same content. */
	{ "removal", NULL, "1 remove message=1", "1" },
	{ "removal, other content uploaded", NULL, "1 append message=3 target=2; 2 remove message=1", "1 2" },
	{ "removal, append queued", "UPDATE messages SET body = 1 WHERE id = 3",
	  "1 remove message=1; 2 append message=3 target=2", "2" },
	{ "removal, append sent", "UPDATE messages SET body = 1 WHERE id = 3",
	  "1 append message=3 target=2 state='sent'; 2 remove message=1", "" },
	{ "removal, append held", "UPDATE messages SET body = 1 WHERE id = 3",
	  "1 append message=3 target=2 state='held'; 2 remove message=1", "" },
	{ "removal, append refused", "UPDATE messages SET body = 1, state = 4 WHERE id = 3",
	  "1 append message=3 target=2 state='failed'; 2 remove message=1", "" },
	{ "removal, append done", "UPDATE messages SET body = 1, uid = 9, state = 0 WHERE id = 3",
	  "1 append message=3 target=2 state='done' ended=5; 2 remove message=1", "2" },
	{ "removal, same content stays here", "UPDATE messages SET body = 1, state = 2 WHERE id = 3", "2 remove message=1",
	  "2" },
	{ "move to the Trash, append queued", "UPDATE messages SET body = 1 WHERE id = 3",
	  "1 move message=1 target=3 removal=1; 2 append message=3 target=2", "2" },
	{ "another move, append queued", "UPDATE messages SET body = 1 WHERE id = 3",
	  "1 move message=1 target=2; 2 append message=3 target=2", "1 2" },
	{ "removal, copy of it refused", "UPDATE messages SET body = NULL, state = 4 WHERE id = 4",
	  "1 copy message=4 source=1 target=2 state='failed'; 2 remove message=1", "" },
	{ "removal, copy of it asked for later", NULL,
	  "1 move message=1 target=3 removal=1; 2 copy message=4 source=1 target=2", "1" },

	/* Time. */
	{ "its time", NULL, "1 append message=3 target=2 not_before=1000; 2 flags message=1 not_before=1001", "1" },

	/* Folders. */
	{ "create", NULL, "1 create mailbox=4", "1" },
	{ "creates go together", NULL, "1 create mailbox=4; 2 create mailbox=4", "1 2" },
	{ "create behind another's rename", NULL, "1 rename mailbox=2 former='x' arguments='Archive'; 2 create mailbox=4",
	  "1 2" },
	{ "create where another was", NULL, "1 rename mailbox=2 former='New' arguments='Archive'; 2 create mailbox=4",
	  "1" },
	{ "create below another's new place", "UPDATE mailboxes SET parent = 2 WHERE id = 4",
	  "1 rename mailbox=2 former='x' arguments='Archive'; 2 create mailbox=4", "1" },
	{ "create below another's old place",
	  "UPDATE mailboxes SET parent = 2 WHERE id = 4; UPDATE mailboxes SET parent = 3 WHERE id = 2",
	  "1 rename mailbox=1 former='Trash/Archive' arguments='x'; 2 create mailbox=4", "1" },
	{ "create beside another's old place", NULL,
	  "1 rename mailbox=2 former='Ne' arguments='Archive'; 2 create mailbox=4", "1 2" },
	{ "create behind a failed rename", NULL,
	  "1 rename mailbox=2 former='New' arguments='x' state='failed'; 2 create mailbox=4",
	  "2" },
	{ "create before a rename", NULL, "1 create mailbox=4; 2 rename mailbox=2", "1" },
	{ "rename behind a held create", NULL, "1 create mailbox=4 state='held'; 2 rename mailbox=2", "" },
	{ "rename behind rename", NULL, "1 rename mailbox=2; 2 rename mailbox=3", "1" },
	{ "rename of what is not there", NULL, "1 create mailbox=4 state='failed'; 2 rename mailbox=4", "" },
	{ "delete", NULL, "1 delete mailbox=5", "1" },
	{ "delete behind a rename", NULL, "1 rename mailbox=5; 2 delete mailbox=5", "1" },
	{ "delete behind what begins in it", NULL, "1 move message=5 mailbox=5 target=1; 2 delete mailbox=5", "1" },
	{ "delete behind what is held in it", NULL, "1 remove message=5 mailbox=5 state='held'; 2 delete mailbox=5", "" },
	{ "delete behind what ends in it", NULL, "1 move message=1 mailbox=1 target=5 state='sent'; 2 delete mailbox=5",
	  "" },
	{ "delete, nothing but failed in it", NULL, "1 remove message=5 mailbox=5 state='failed'; 2 delete mailbox=5",
	  "2" },
	{ "delete from below", "UPDATE mailboxes SET state = 2, parent = 5 WHERE id = 3",
	  "1 delete mailbox=5; 2 delete mailbox=3",
	  "2" },
	{ "a delete that waits is passed", NULL,
	  "1 remove message=5 mailbox=5 not_before=2000; 2 delete mailbox=5; 3 create mailbox=4; 4 append message=3 target=2",
	  "3 4" },
	{ "create where something is to be deleted", "UPDATE mailboxes SET name = 'Old' WHERE id = 4",
	  "1 delete mailbox=5; 2 create mailbox=4", "1" },
	{ "rename to where something is to be deleted", "UPDATE mailboxes SET name = 'Old' WHERE id = 2",
	  "1 delete mailbox=5; 2 rename mailbox=2", "1" },
	{ "rename that was asked for before a delete there", "UPDATE mailboxes SET name = 'Old' WHERE id = 2",
	  "1 rename mailbox=2; 2 delete mailbox=5", "1" },
	{ "folders and messages", NULL, "1 create mailbox=4; 2 move message=1 target=4; 3 flags message=2", "1 3" },
};

static bool
note_id(const StoreTask *task, void *data)
{
	GString *ids = data;

	g_string_append_printf(ids, "%s%" G_GINT64_FORMAT, ids->len > 0 ? " " : "", task->operation.id);
	return true;
}

static char *
list(Fixture *fixture, int64_t now_s, int64_t irreversible_now_s)
{
	g_autoptr(GError) error = NULL;
	GString *ids = g_string_new(NULL);

	g_assert_true(store_task_list(fixture->store, 1, now_s, irreversible_now_s, note_id, ids, &error));
	g_assert_no_error(error);
	return g_string_free(ids, FALSE);
}

static void
test_rules(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		Fixture fixture = { 0 };
		world_set_up(&fixture, NULL);
		sql_all(&fixture, cases[i].with);
		insert_operations(&fixture, cases[i].operations);
		g_autofree char *ids = list(&fixture, NOW, NOW);
		if (strcmp(ids, cases[i].expected) != 0)
			g_error("%s: \"%s\" instead of \"%s\"", cases[i].what, ids, cases[i].expected);
		fixture_tear_down(&fixture, NULL);
	}
}

static void
test_time(Fixture *fixture, const void *data)
{
	insert_operations(fixture, "1 append message=3 target=2 not_before=2000; 2 remove message=1 not_before=2000;"
	                           "3 move message=2 target=3 removal=1");
	static const struct {
		int64_t now_s, irreversible_now_s;
		const char *expected;
	} times[] = {
		{ 1999, 1999, "3" }, { 2000, 1999, "1 3" }, { INT64_MAX, 1999, "1 3" }, { INT64_MAX, 2000, "1 2 3" },
	};
	for (unsigned i = 0; i < G_N_ELEMENTS(times); i++) {
		g_autofree char *ids = list(fixture, times[i].now_s, times[i].irreversible_now_s);
		g_assert_cmpstr(ids, ==, times[i].expected);
	}
}

/* Copies of tasks in which everything is told. */
static bool
check_task(const StoreTask *task, void *data)
{
	const StoreOperation *operation = &task->operation;
	unsigned *count = data;

	switch (++*count) {
	case 1:
		g_assert_cmpint(operation->kind, ==, STORE_OPERATION_APPEND);
		g_assert_cmpint(operation->target_id, ==, 2);
		g_assert_cmpstr(operation->add_flags, ==, "\\Seen");
		g_assert_cmpint(task->message.id, ==, 3);
		g_assert_cmpstr(task->message.name, ==, "new.eml");
		g_assert_cmpint(task->message.length, ==, 5);
		g_assert_cmpint(task->body_id, ==, task->message.body_id);
		break;
	case 2: /* the source, where the server has it; the body is the copy's own */
		g_assert_cmpint(operation->kind, ==, STORE_OPERATION_COPY);
		g_assert_cmpint(operation->source_id, ==, 1);
		g_assert_cmpint(task->message.id, ==, 1);
		g_assert_cmpint(task->message.mailbox_id, ==, 1);
		g_assert_cmpint(task->message.uid, ==, 1);
		g_assert_cmpint(task->body_id, ==, 0);
		break;
	default:
		g_assert_cmpint(operation->kind, ==, STORE_OPERATION_CREATE);
		g_assert_cmpint(operation->mailbox_id, ==, 4);
		g_assert_cmpint(task->message.id, ==, 0);
		g_assert_cmpint(operation->created_s, ==, 1);
		return false;
	}
	return true;
}

static void
test_what_is_told(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	unsigned count = 0;

	sql(fixture, "UPDATE messages SET body = NULL WHERE id = 4");
	insert_operations(fixture, "1 append message=3 target=2 add_flags='\\Seen'; 2 copy message=4 source=1 target=2;"
	                           "3 create mailbox=4; 4 flags message=2");
	g_assert_true(store_task_list(fixture->store, 1, NOW, NOW, check_task, &count, &error));
	g_assert_cmpuint(count, ==, 3); /* it said "enough" */

	sql(fixture, "UPDATE operations SET state = 'sent' WHERE id <= 3");
	count = 0;
	g_assert_true(store_task_list_sent(fixture->store, 1, check_task, &count, &error));
	g_assert_cmpuint(count, ==, 3);
	g_autofree char *ids = list(fixture, NOW, NOW);
	g_assert_cmpstr(ids, ==, "4");
}

typedef struct {
	GString *ids;
	unsigned left;
} Reading;

static bool
note_operation(const StoreOperation *operation, void *data)
{
	Reading *reading = data;

	g_string_append_printf(reading->ids, "%s%" G_GINT64_FORMAT, reading->ids->len > 0 ? " " : "", operation->id);
	return --reading->left > 0;
}

static void
test_open_and_log(Fixture *fixture, const void *data)
{
	static const struct {
		bool is_log;
		int64_t account, message;
		unsigned limit, enough;
		const char *expected;
	} rows[] = {
		{ false, 1, 0, 0, 99, "1 3 4 6" }, { false, 2, 0, 0, 99, "8" },      { false, 1, 0, 0, 2, "1 3" },
		{ true, 1, 0, 99, 99, "5 7 2" },   { true, 1, 0, 2, 99, "5 7" },     { true, 1, 0, 99, 1, "5" },
		{ true, 1, 1, 99, 99, "7 2" },     { true, 1, 3, 99, 99, "" },       { true, 2, 0, 99, 99, "" },
	};

	sql(fixture, "INSERT INTO accounts (id, name) VALUES (2, 'x')");
	insert_operations(fixture, "1 flags message=1; 2 flags message=1 state='done' ended=10; 3 remove message=2 state='held';"
	                           "4 create mailbox=4 state='failed'; 5 delete mailbox=9 state='cancelled' ended=30;"
	                           "6 append message=3 target=2 state='sent'; 7 move message=1 state='done' ended=20;"
	                           "8 flags message=5 account=2");
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GString) ids = g_string_new(NULL);
		Reading reading = { ids, rows[i].enough };
		g_assert_true(rows[i].is_log ? store_operation_log(fixture->store, rows[i].account, rows[i].message, rows[i].limit,
		                                                   note_operation, &reading, NULL)
		                             : store_operation_list(fixture->store, rows[i].account, note_operation, &reading, NULL));
		g_assert_cmpstr(ids->str, ==, rows[i].expected);
	}
}

static void
test_counts(Fixture *fixture, const void *data)
{
	StoreOperationCounts counts;

	g_assert_true(store_operation_counts(fixture->store, 1, &counts, NULL));
	g_assert_cmpuint(counts.pending + counts.waiting + counts.held + counts.failed, ==, 0);
	g_assert_cmpint(counts.next_s, ==, 0);
	insert_operations(fixture, "1 remove message=1 not_before=9999999999; 2 remove message=2 not_before=9999999998;"
	                           "3 remove message=2 state='held'; 4 flags message=2 state='failed';"
	                           "5 flags message=2 state='done' ended=5; 6 flags message=2 state='sent'");
	g_assert_true(store_operation_counts(fixture->store, 1, &counts, NULL));
	g_assert_cmpuint(counts.pending, ==, 1);
	g_assert_cmpuint(counts.waiting, ==, 2);
	g_assert_cmpuint(counts.held, ==, 1);
	g_assert_cmpuint(counts.failed, ==, 1);
	g_assert_cmpint(counts.next_s, ==, 9999999998);
	insert_operations(fixture, "7 append message=3 target=2 not_before=9999999997; 8 remove message=1 not_before=5");
	g_assert_true(store_operation_counts(fixture->store, 1, &counts, NULL));
	g_assert_cmpuint(counts.pending, ==, 3);
	g_assert_cmpuint(counts.waiting, ==, 2);
	g_assert_cmpint(counts.next_s, ==, 5);
}

/* Steps of SQLite's machine that the list takes. */
static int
cost(Fixture *fixture)
{
	g_autofree char *mail = in_dir(fixture, "mail.db"), *derived = in_dir(fixture, "derived.db");
	g_autoptr(StoreDb) db = store_db_open_reader(mail, derived, NULL);
	g_autoptr(StoreQuery) query = store_db_query(db, STORE_SQL_TASK_LIST);

	store_bind_int(query, ":account", 1);
	store_bind_int(query, ":now", NOW);
	store_bind_int(query, ":irreversible_now", NOW);
	while (store_query_step(db, query, NULL) == STORE_ROW)
		;
	return sqlite3_stmt_status(query, SQLITE_STMTSTATUS_VM_STEP, 1);
}

/* However the operations are made, four times as many cost four times as much. */
static void
test_cost(Fixture *fixture, const void *data)
{
	/* One more for each x: messages from 1000 on have their own bodies or all the same one. */
	static const char *const shapes[][3] = {
		{ "flags", "x, 1, 'flags', x, 1, NULL, 0, 'queued'", "1" },
		{ "moves into a folder to be created", "x, 1, 'move', x, 1, 4, 0, 'queued'", "1" },
		{ "removals of one content", "x, 1, 'remove', x, 1, NULL, 1, 'queued'", "1" },
		{ "removals of one content that is refused elsewhere", "x, 1, 'move', x, 1, 3, 1, 'queued'", "3" },
		{ "failed ones of one message", "x, 1, 'flags', 1, 1, NULL, 0, 'failed'", "1" },
		{ "queued ones of one message", "x, 1, 'flags', 1, 1, NULL, 0, 'queued'", "1" },
		{ "creates", "x, 1, 'create', NULL, 4, NULL, 0, 'queued'", "1" },
		{ "renames", "x, 1, 'rename', NULL, 2, NULL, 0, 'queued'", "1" },
		{ "deletes of a folder in use",
		  "x, 1, iif(x % 2, 'delete', 'remove'), iif(x % 2, NULL, x), 5, NULL, 0, 'queued'", "1" },
	};

	sql(fixture, "UPDATE messages SET state = 4 WHERE id = 3");
	for (unsigned i = 0; i < G_N_ELEMENTS(shapes); i++) {
		int steps[2];
		for (int k = 0; k < 2; k++) {
			int n = k == 0 ? 500 : 2000;
			g_autofree char *rows = g_strdup_printf(
				"WITH RECURSIVE n (x) AS (SELECT 1000 UNION ALL SELECT x + 1 FROM n WHERE x < %d)"
				" INSERT INTO messages (id, mailbox, place, uid, internaldate, rfc822_size, base_flags, modseq, body)"
				" SELECT x, 1, 1, x, 1, 1, '', 0, %s FROM n", 999 + n, shapes[i][2]);
			g_autofree char *operations = g_strdup_printf(
				"WITH RECURSIVE n (x) AS (SELECT 1000 UNION ALL SELECT x + 1 FROM n WHERE x < %d)"
				" INSERT INTO operations (id, account, kind, message, mailbox, target, removal, state, created)"
				" SELECT %s, 1 FROM n", 999 + n, shapes[i][1]);
			sql(fixture, rows);
			sql(fixture, operations);
			steps[k] = cost(fixture);
			sql(fixture, "DELETE FROM operations");
			sql(fixture, "DELETE FROM messages WHERE id >= 1000");
		}
		g_test_message("%s: %d, %d", shapes[i][0], steps[0], steps[1]);
		g_assert_cmpint(steps[0], >, 500);
		g_assert_cmpint(steps[1], <, 5 * steps[0]);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/store-tasks/rules", test_rules);
	ADD("time", test_time);
	ADD("what-is-told", test_what_is_told);
	ADD("open-and-log", test_open_and_log);
	ADD("counts", test_counts);
	ADD("cost", test_cost);
	return g_test_run();
}
