/* src/store: migrations, foreign and damaged databases. */
#include "store-fixture.h"

#include "store/db.h"
#include "store/search.h"

#include <sys/wait.h>

#define ADD(path, test) g_test_add("/store-schema/" path, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

static const char *const one[] = { "CREATE TABLE a (x INTEGER PRIMARY KEY) STRICT", "INSERT INTO a VALUES (7)", NULL };
static const char *const two[] = { "ALTER TABLE a ADD COLUMN y TEXT", "CREATE TABLE b (a REFERENCES a)", NULL };
static const char *const fails[] = { "CREATE TABLE c (x)", "INSERT INTO nowhere VALUES (1)", NULL };
static const char *const dangles[] = { "INSERT INTO b VALUES (99)", NULL };
static const char *const *const good_steps[] = { one, two };
static const char *const *const bad_steps[] = { one, two, fails };
static const char *const *const dangling_steps[] = { one, two, dangles };
static const StoreSchema old_schema = { 77, 1, good_steps }, good = { 77, 2, good_steps }, bad = { 77, 3, bad_steps },
	dangling = { 77, 3, dangling_steps };

static int64_t
ask(sqlite3 *handle, const char *text)
{
	sqlite3_stmt *statement = NULL;

	g_assert_cmpint(sqlite3_prepare_v2(handle, text, -1, &statement, NULL), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_step(statement), ==, SQLITE_ROW);
	int64_t value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

static void
test_migrate(void)
{
	g_autoptr(GError) error = NULL;
	sqlite3 *handle = NULL;

	g_assert_cmpint(sqlite3_open(":memory:", &handle), ==, SQLITE_OK);
	g_assert_true(store_schema_migrate(handle, &old_schema, &error));
	g_assert_cmpint(ask(handle, "PRAGMA user_version"), ==, 1);
	g_assert_cmpint(ask(handle, "PRAGMA application_id"), ==, 77);
	g_assert_true(store_schema_migrate(handle, &good, &error));
	g_assert_cmpint(ask(handle, "PRAGMA user_version"), ==, 2);
	g_assert_cmpint(ask(handle, "SELECT x FROM a WHERE y IS NULL"), ==, 7); /* what was there stays */
	g_assert_true(store_schema_migrate(handle, &good, &error)); /* nothing to do */

	/* A step that fails leaves the whole version before it. */
	g_assert_false(store_schema_migrate(handle, &bad, &error));
	g_assert_nonnull(strstr(error->message, "nowhere"));
	g_clear_error(&error);
	g_assert_cmpint(ask(handle, "PRAGMA user_version"), ==, 2);
	g_assert_cmpint(ask(handle, "SELECT count(*) FROM sqlite_schema WHERE name = 'c'"), ==, 0);
	g_assert_false(store_schema_migrate(handle, &dangling, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CORRUPT);
	g_clear_error(&error);
	g_assert_cmpint(ask(handle, "SELECT count(*) FROM b"), ==, 0);

	g_assert_false(store_schema_migrate(handle, &old_schema, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CORRUPT);
	g_assert_nonnull(strstr(error->message, "newer"));
	g_assert_cmpint(ask(handle, "PRAGMA user_version"), ==, 2);
	sqlite3_close(handle);
}

/* A store as version 1 left it. */
static void
make_first_version(const Fixture *fixture)
{
	static const char rows[] =
		"INSERT INTO accounts (name) VALUES ('home');"
		"INSERT INTO mailboxes (account, name, server_name, attributes, uidvalidity, changed) VALUES"
		" (1, 'INBOX', 'INBOX', 1, 5, 9), (1, 'empty', 'empty', 1, 6, 9);"
		"INSERT INTO segments DEFAULT VALUES;"
		"INSERT INTO bodies (sha256, segment, offset, length) VALUES (zeroblob(32), 1, 0, 0);"
		"INSERT INTO messages (mailbox, uid, state, name, internaldate, rfc822_size, base_flags, modseq, body) VALUES"
		" (1, 4, 0, '4.eml', 7, 8, '\\Seen', 3, 1), (1, 5, 0, NULL, 7, 8, '', 3, NULL),"
		" (1, NULL, 1, '9.eml', 7, 8, '', 0, 1);";
	static const char *const ends[] = { "", "-wal", "-shm" };
	const StoreSchema first = { store_schema_mail.application_id, 1, store_schema_mail.steps };
	g_autofree char *path = in_dir(fixture, "mail.db");
	sqlite3 *handle = NULL;

	for (unsigned i = 0; i < G_N_ELEMENTS(ends); i++) {
		g_autofree char *file = g_strconcat(path, ends[i], NULL);
		g_unlink(file);
	}
	g_assert_cmpint(sqlite3_open(path, &handle), ==, SQLITE_OK);
	g_assert_true(store_schema_migrate(handle, &first, NULL));
	g_assert_cmpint(sqlite3_exec(handle, rows, NULL, NULL, NULL), ==, SQLITE_OK);
	sqlite3_close(handle);
}

static void
test_first_version_is_kept(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_auto(StoreMessage) seen = { 0 }, unmatched = { 0 }, invisible = { 0 };
	g_auto(StoreMailbox) mailbox = { 0 };
	uint32_t count;

	fixture_close(fixture);
	make_first_version(fixture);
	fixture_open(fixture);
	g_assert_true(store_message_find(fixture->store, 1, "4.eml", &seen, &error));
	g_assert_cmpint(seen.place_id, ==, 1);
	g_assert_cmpint(seen.since_s, >, 1000000000);
	g_assert_cmpint(seen.state, ==, STORE_MESSAGE_ON_SERVER);
	g_assert_cmpstr(seen.base_flags, ==, "\\Seen");
	g_assert_true(store_message_find(fixture->store, 1, "9.eml", &unmatched, &error));
	g_assert_cmpint(unmatched.state, ==, STORE_MESSAGE_UNMATCHED);
	g_assert_true(store_message_find_uid(fixture->store, 1, 5, &invisible, &error));
	g_assert_null(invisible.name);
	g_assert_cmpint(invisible.place_id, ==, 1);
	g_assert_true(store_mailbox_get(fixture->store, 1, &mailbox, &error));
	g_assert_cmpint(mailbox.state, ==, STORE_MAILBOX_THERE);
	g_assert_cmpuint(mailbox.messages, ==, 2);
	g_assert_true(store_message_count(fixture->store, NULL, 2, &count, &error));
	g_assert_cmpuint(count, ==, 0);

	/* And goes on being counted. */
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_message_remove_uids(txn, 1, 4, 4, &error));
	insert_message(txn, 2, 77);
	g_assert_true(store_message_count(fixture->store, txn, 1, &count, &error));
	g_assert_cmpuint(count, ==, 1);
	g_assert_true(store_message_count(fixture->store, txn, 2, &count, &error));
	g_assert_cmpuint(count, ==, 1);
	commit(txn);
}

static unsigned steps_left;

static void
stop_at_step(const char *step)
{
	if (strcmp(step, "migrate") == 0 && --steps_left == 0)
		_exit(0);
}

static void
test_migrate_interrupted(Fixture *fixture, const void *data)
{
	g_autofree char *path = in_dir(fixture, "other.db");

	for (steps_left = 1; steps_left <= 2; steps_left++) {
		sqlite3 *handle = NULL;
		pid_t child = fork();
		if (child == 0) {
			core_step_hook = stop_at_step;
			sqlite3_open(path, &handle);
			store_schema_migrate(handle, &good, NULL);
			_exit(1);
		}
		int status;
		g_assert_cmpint(waitpid(child, &status, 0), ==, child);
		g_assert_cmpint(status, ==, 0);
		g_assert_cmpint(sqlite3_open(path, &handle), ==, SQLITE_OK);
		g_assert_cmpint(ask(handle, "PRAGMA user_version"), ==, (int)steps_left - 1);
		g_assert_cmpint(ask(handle, "SELECT count(*) FROM sqlite_schema"), ==, (int)steps_left - 1);
		g_assert_true(store_schema_migrate(handle, &good, NULL));
		g_assert_cmpint(ask(handle, "PRAGMA user_version"), ==, 2);
		sqlite3_close(handle);
		g_assert_cmpint(g_unlink(path), ==, 0);
	}
}

static void
test_newer_store_is_refused(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = in_dir(fixture, "mail.db"), *before = NULL, *after = NULL;
	gsize length_before, length_after;

	fixture_close(fixture);
	sql(fixture, "PRAGMA user_version = 99");
	g_assert_true(g_file_get_contents(path, &before, &length_before, NULL));
	g_assert_null(store_open(fixture->dir, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CORRUPT);
	g_assert_nonnull(strstr(error->message, "newer version"));
	g_assert_nonnull(strstr(error->message, path));
	g_assert_true(g_file_get_contents(path, &after, &length_after, NULL));
	g_assert_cmpmem(before, length_before, after, length_after);
}

static void
test_foreign_database_is_refused(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;

	fixture_close(fixture);
	sql(fixture, "PRAGMA application_id = 1");
	g_assert_null(store_open(fixture->dir, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CORRUPT);
}

static void
test_empty_file_is_new(Fixture *fixture, const void *data)
{
	g_autofree char *path = in_dir(fixture, "mail.db");

	/* What is left when the very first start is interrupted. */
	fixture_close(fixture);
	g_assert_true(g_file_set_contents(path, "", 0, NULL));
	fixture_open(fixture);
	g_assert_cmpint(sql(fixture, "PRAGMA user_version"), >, 0);
}

static void
test_garbage_is_reported(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = in_dir(fixture, "mail.db"), *garbage = g_strnfill(8192, 'x'), *after = NULL;
	gsize length;

	fixture_close(fixture);
	g_assert_true(g_file_set_contents(path, garbage, 8192, NULL));
	g_assert_null(store_open(fixture->dir, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CORRUPT);
	g_assert_true(g_file_get_contents(path, &after, &length, NULL));
	g_assert_cmpmem(garbage, 8192, after, length);
}

static bool
ignore_message(const StoreMessage *message, void *data)
{
	return true;
}

static void
test_damaged_pages_are_reported(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = in_dir(fixture, "mail.db"), *garbage = g_strnfill(4096, '\xff');

	for (uint32_t uid = 1; uid < 50; uid++)
		add_message(fixture, fixture->inbox, uid, "x");
	int64_t root = sql(fixture, "SELECT rootpage FROM sqlite_schema WHERE name = 'messages'");
	fixture_close(fixture);
	int fd = open(path, O_WRONLY);
	g_assert_cmpint(pwrite(fd, garbage, 4096, (root - 1) * 4096), ==, 4096);
	close(fd);
	fixture_open(fixture);
	g_assert_false(store_message_list_uids(fixture->store, fixture->inbox, ignore_message, NULL, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CORRUPT);
	g_assert_nonnull(strstr(error->message, "FROM messages")); /* the statement */
	g_assert_nonnull(strstr(error->message, path));
}

static void
test_every_statement_uses_an_index(Fixture *fixture, const void *data)
{
	/* These read a whole table by intent: accounts, segments and AUTOINCREMENT's counters are few, the rest is walked
	 * through once in order, or counted now and then. */
	static const StoreStatement scans[] = {
		STORE_SQL_ACCOUNT_LIST, STORE_SQL_BODIES_SEGMENTS, STORE_SQL_TEXTS_SEGMENTS, STORE_SQL_BODIES_SEGMENTS_USED,
		STORE_SQL_COMPACT_DUE, STORE_SQL_DEPARTED_FORGET, STORE_SQL_TEXT_PRUNED, STORE_SQL_MESSAGE_RESERVE_FIRST,
		STORE_SQL_MESSAGE_RESERVE, STORE_SQL_INDEX_LIVE, STORE_SQL_INDEX_IDENTITY, STORE_SQL_SEARCH_MAILBOXES,
		STORE_SQL_SEARCH_DELTAS,
	};
	g_autofree char *mail = in_dir(fixture, "mail.db"), *derived = in_dir(fixture, "derived.db");
	g_autofree char *index = in_dir(fixture, "search.db");
	StoreSearchState made;
	g_assert_true(store_search_state(fixture->store, 1, &made, NULL));
	g_autoptr(StoreDb) reader = store_db_open_reader(mail, derived, NULL);
	g_autoptr(StoreDb) searcher = store_db_open_search(mail, index, NULL);

	for (int i = 0; i < STORE_STATEMENTS; i++) {
		bool may_scan = false;
		const StoreStatementText *statement_text = store_statement_text((StoreStatement)i);
		if (statement_text->roles & (STORE_DB_DERIVED | STORE_DB_INDEX))
			continue; /* of other databases, where "segments" is another table */
		StoreDb *db = statement_text->roles == STORE_DB_SEARCH ? searcher : reader;
		for (unsigned k = 0; k < G_N_ELEMENTS(scans); k++)
			may_scan |= scans[k] == (StoreStatement)i;
		g_autofree char *text = g_strconcat("EXPLAIN QUERY PLAN ", statement_text->sql, NULL);
		sqlite3_stmt *statement = NULL;
		g_assert_cmpint(sqlite3_prepare_v2(db->handle, text, -1, &statement, NULL), ==, SQLITE_OK);
		while (sqlite3_step(statement) == SQLITE_ROW) {
			const char *detail = (const char *)sqlite3_column_text(statement, 3);
			if (!may_scan && g_str_has_prefix(detail, "SCAN") && !strstr(detail, "CONSTANT ROW") &&
			    !strstr(detail, "VIRTUAL TABLE INDEX") &&
			    !g_str_has_prefix(detail, "SCAN tree") && !g_str_has_prefix(detail, "SCAN up") &&
			    !g_str_has_prefix(detail, "SCAN pairs") && !g_str_has_prefix(detail, "SCAN (subquery"))
				g_error("%s: %s", detail, statement_text->sql);
		}
		sqlite3_finalize(statement);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/store-schema/migrate", test_migrate);
	ADD("migrate-interrupted", test_migrate_interrupted);
	ADD("first-version-is-kept", test_first_version_is_kept);
	ADD("newer-store-is-refused", test_newer_store_is_refused);
	ADD("foreign-database-is-refused", test_foreign_database_is_refused);
	ADD("empty-file-is-new", test_empty_file_is_new);
	ADD("garbage-is-reported", test_garbage_is_reported);
	ADD("damaged-pages-are-reported", test_damaged_pages_are_reported);
	ADD("every-statement-uses-an-index", test_every_statement_uses_an_index);
	return g_test_run();
}
