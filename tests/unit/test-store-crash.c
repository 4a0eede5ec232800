/* src/store: stopped at every durable step, and with a full disk. */
#include "store-fixture.h"

#include "store/db.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define ADD(path, test) g_test_add("/store-crash/" path, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

#define MESSAGES 4
#define STOPPED 0
#define FINISHED 1

static unsigned steps_left;

static void
stop_at_step(const char *step)
{
	if (--steps_left == 0)
		_exit(STOPPED);
}

static char *
bytes_of(uint32_t uid)
{
	char *bytes = g_strnfill(uid == 1 ? 100000 : 10, (char)('a' + uid));

	return bytes;
}

/* The first column of the first row of a statement on derived.db; 0: it has none. */
static int64_t
derived_sql(const Fixture *fixture, const char *text)
{
	g_autofree char *path = in_dir(fixture, "derived.db");
	sqlite3_stmt *statement = NULL;
	sqlite3 *handle = NULL;

	g_assert_cmpint(sqlite3_open(path, &handle), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_prepare_v2(handle, text, -1, &statement, NULL), ==, SQLITE_OK);
	int64_t value = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	sqlite3_finalize(statement);
	sqlite3_close(handle);
	return value;
}

/* What a run does however often it was stopped before: four messages with their texts, the first of which, large, is
 * then removed and its space given back, more than an hour later. */
static void
work(Fixture *fixture)
{
	g_autoptr(GError) error = NULL;

	for (uint32_t uid = 1; uid <= MESSAGES; uid++) {
		g_auto(StoreMessage) message = { 0 };
		g_autofree char *bytes = bytes_of(uid);
		StoreBody body = { 0 };
		if (store_message_find_uid(fixture->store, fixture->inbox, uid, &message, &error) && message.body_id)
			continue;
		core_sha256(bytes, strlen(bytes), body.sha256);
		g_assert_true(store_derived_put(fixture->store, &body, 1, bytes, strlen(bytes), &error));
		g_assert_true(store_derived_flush(fixture->store, &error));
		add_message(fixture, fixture->inbox, uid, bytes);
	}
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_message_remove_uids(txn, fixture->inbox, 1, 1, &error));
	commit(txn);
	g_assert_true(store_compact(fixture->store, NULL, &error));
	sql(fixture, "UPDATE gone SET since = 0");
	derived_sql(fixture, "UPDATE texts SET created = 0");
	g_assert_true(store_derived_prune(fixture->store, 1, 1, NULL, &error));
}

/* Every body that a row names is there whole, and no segment has a byte more than the rows say. */
static void
assert_consistent(Fixture *fixture)
{
	g_autoptr(GError) error = NULL;

	for (uint32_t uid = 1; uid <= MESSAGES; uid++) {
		g_auto(StoreMessage) message = { 0 };
		if (!store_message_find_uid(fixture->store, fixture->inbox, uid, &message, &error))
			continue;
		g_assert_nonnull(message.name); /* row, name and body come in one transaction here */
		g_autofree char *bytes = bytes_of(uid), *text = read_message(fixture, message.id);
		g_assert_cmpstr(text, ==, bytes);
		StoreBody derived;
		char buffer[16];
		size_t n;
		if (store_derived_get(fixture->store, message.body_id, 1, &derived, &error)) {
			g_assert_true(store_derived_read(fixture->store, &derived, buffer, 10, 0, &n, &error));
			g_assert_cmpmem(buffer, n, bytes, 10);
		}
	}
	g_assert_no_error(error);
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM segments s WHERE used <> (SELECT ifnull(sum(length), 0) FROM bodies"
	                             " WHERE segment = s.id)"), ==, 0);
	g_assert_cmpint(derived_sql(fixture, "SELECT count(*) FROM segments s WHERE used <> (SELECT ifnull(sum(length), 0)"
	                                     " FROM texts WHERE segment = s.id)"), ==, 0);

	g_autofree char *path = in_dir(fixture, "bodies");
	GDir *dir = g_dir_open(path, 0, &error);
	for (const char *name; (name = g_dir_read_name(dir));) {
		g_autofree char *query = g_strdup_printf(
			"SELECT coalesce((SELECT max(offset + length) FROM bodies WHERE segment = s.id), 0)"
			" FROM segments s WHERE id = %s UNION ALL SELECT -2", name);
		g_autofree char *file = g_build_filename("bodies", name, NULL);
		g_assert_cmpint(file_size(fixture, file), ==, sql(fixture, query));
	}
	g_dir_close(dir);
}

static void
assert_finished(Fixture *fixture)
{
	assert_consistent(fixture);
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM messages WHERE name IS NOT NULL"), ==, MESSAGES - 1);
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM bodies"), ==, MESSAGES - 1);
	g_assert_cmpint(sql(fixture, "SELECT sum(length) FROM bodies"), ==, (MESSAGES - 1) * 10);
	g_assert_cmpint(derived_sql(fixture, "SELECT sum(length) FROM texts"), ==, (MESSAGES - 1) * 10);
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM loose") + sql(fixture, "SELECT count(*) FROM gone"), ==, 0);
}

/* Runs work() in a child that stops at the step of that number. */
static int
run_child(Fixture *fixture, unsigned steps)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		steps_left = steps;
		core_step_hook = stop_at_step;
		fixture_open(fixture);
		work(fixture);
		_exit(FINISHED); /* without closing: a crash after the last step */
	}
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	g_assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
test_stopped_at_every_step(Fixture *fixture, const void *data)
{
	unsigned step = 1;

	for (;; step++) {
		Fixture fresh = { 0 };
		fixture_set_up(&fresh, NULL);
		fixture_close(&fresh);
		int outcome = run_child(&fresh, step);
		fixture_open(&fresh);
		assert_consistent(&fresh);
		work(&fresh);
		fixture_reopen(&fresh); /* what a segment held of what was given up goes now at the latest */
		assert_finished(&fresh);
		fixture_tear_down(&fresh, NULL);
		if (outcome == FINISHED)
			break;
	}
	g_assert_cmpuint(step, >, 20); /* else the steps are not told */
}

static void
test_stopped_again_and_again(Fixture *fixture, const void *data)
{
	/* The same store all the time; each run may do one step more than the one before. */
	fixture_close(fixture);
	for (unsigned steps = 1; run_child(fixture, steps) != FINISHED; steps++)
		g_assert_cmpuint(steps, <, 100);
	fixture_open(fixture);
	assert_finished(fixture);
}

static void
test_stopped_in_a_transaction(Fixture *fixture, const void *data)
{
	int64_t kept = add_message(fixture, fixture->inbox, 1, "committed");
	int status;

	fixture_close(fixture);
	pid_t child = fork();
	if (child == 0) {
		fixture_open(fixture);
		StoreWriter *writer = store_writer_new(fixture->store, NULL);
		StoreBody body = write_body(writer, "not committed", 13);
		store_writer_sync(writer, NULL);
		StoreTxn *txn = begin(fixture);
		set_body(txn, insert_message(txn, fixture->inbox, 2), &body, "2.eml");
		store_message_remove(txn, kept, NULL);
		_exit(STOPPED);
	}
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	g_assert_cmpint(status, ==, 0);
	fixture_open(fixture);
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM messages"), ==, 1);
	g_assert_cmpint(file_size(fixture, "bodies/1"), ==, 9); /* the rest was cut */
	g_autofree char *text = read_message(fixture, kept);
	g_assert_cmpstr(text, ==, "committed");
}

static void
test_strays(Fixture *fixture, const void *data)
{
	g_autofree char *stray = in_dir(fixture, "bodies/99"), *foreign = in_dir(fixture, "bodies/notes.txt");
	g_autofree char *odd = in_dir(fixture, "bodies/007");

	fixture_close(fixture);
	g_assert_true(g_file_set_contents(stray, "x", 1, NULL));
	g_assert_true(g_file_set_contents(foreign, "x", 1, NULL));
	g_assert_true(g_file_set_contents(odd, "x", 1, NULL));
	fixture_open(fixture);
	g_assert_cmpint(file_size(fixture, "bodies/99"), ==, -1);
	g_assert_cmpint(file_size(fixture, "bodies/notes.txt"), ==, 1); /* not ours */
	g_assert_cmpint(file_size(fixture, "bodies/007"), ==, 1);
}

static void
limit_file_size(rlim_t bytes)
{
	struct rlimit limit;

	g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &limit), ==, 0);
	limit.rlim_cur = bytes;
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
}

static void
test_body_does_not_fit(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, &error);
	g_autofree char *large = g_strnfill(300000, 'x');
	StoreBody body, before = write_body(writer, "before", 6);
	char buffer[16];
	size_t n;

	limit_file_size(4); /* of what has ended before, too, something is still in the buffer then */
	/* In write(), and (by the buffer) only in sync(). */
	g_assert_true(store_writer_begin(writer, 0, &error));
	g_assert_false(store_writer_write(writer, large, 300000, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_IO);
	g_clear_error(&error);
	store_writer_abort(writer);
	g_assert_false(store_writer_flush(writer, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_IO);
	g_clear_error(&error);
	limit_file_size(RLIM_INFINITY);
	g_assert_true(store_writer_sync(writer, &error));
	g_assert_cmpint(file_size(fixture, "bodies/1"), ==, 6);

	limit_file_size(20);
	g_assert_true(store_writer_begin(writer, 0, &error));
	g_assert_true(store_writer_write(writer, large, 50, &error));
	g_assert_true(store_writer_end(writer, &body, &error));
	g_assert_false(store_writer_sync(writer, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_IO);
	g_clear_error(&error);
	limit_file_size(RLIM_INFINITY);
	g_assert_true(store_writer_sync(writer, &error)); /* of nothing */
	StoreTxn *txn = begin(fixture);
	int64_t id = insert_message(txn, fixture->inbox, 1);
	g_assert_false(store_message_set_body(txn, id, &body, "1.eml", body.sha256, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_NOT_FOUND);
	g_clear_error(&error);
	commit(txn);

	body = write_body(writer, large, 300000);
	g_assert_true(store_writer_sync(writer, &error));
	g_assert_cmpint(body.segment_id, ==, 2);
	txn = begin(fixture);
	set_body(txn, id, &body, "1.eml");
	commit(txn);
	g_autofree char *text = read_message(fixture, id);
	g_assert_cmpstr(text, ==, large);
	g_assert_true(store_body_read(fixture->store, &before, buffer, sizeof buffer, 0, &n, &error));
	g_assert_cmpmem(buffer, n, "before", 6);
}

static void
test_transaction_does_not_fit(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t before = add_message(fixture, fixture->inbox, 1, "x");
	bool ok = true;
	int64_t id;

	limit_file_size((rlim_t)file_size(fixture, "mail.db-wal") + 8192);
	StoreTxn *txn = begin(fixture);
	ok = store_message_remove(txn, before, &error);
	for (uint32_t uid = 2; uid < 5000 && ok; uid++) {
		StoreMessage message = { .mailbox_id = fixture->inbox, .uid = uid, .base_flags = "\\Seen \\Flagged $AKeyword" };
		ok = store_message_insert(txn, &message, &id, &error);
	}
	if (ok)
		ok = store_commit(txn, &error);
	else
		store_rollback(txn);
	limit_file_size(RLIM_INFINITY);
	g_assert_false(ok);
	g_assert_error(error, CORE_ERROR, CORE_ERROR_IO);

	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM messages"), ==, 1);
	g_autofree char *text = read_message(fixture, before);
	g_assert_cmpstr(text, ==, "x");
	add_message(fixture, fixture->inbox, 2, "goes on");
	fixture_reopen(fixture);
	g_assert_cmpint(sql(fixture, "SELECT count(*) FROM messages"), ==, 2);
}

/* A file system of its own, 4 MiB small, mounted on @dir for this process only. */
static bool
mount_small(const char *dir)
{
	g_autofree char *uid_map = g_strdup_printf("0 %d 1", (int)geteuid());
	bool root = geteuid() == 0;

	if (unshare(root ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0)
		return false;
	if (!root) {
		int fd = open("/proc/self/uid_map", O_WRONLY);
		if (fd < 0 || write(fd, uid_map, strlen(uid_map)) < 0)
			return false;
		close(fd);
	}
	return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", dir, "tmpfs", 0, "size=4m,mode=0700") == 0;
}

/* Until the disk is full; then what was acknowledged is there, and with some space the rest goes on. */
static void
fill_disk(const char *dir)
{
	Fixture fixture = { .dir = g_build_filename(dir, "store", NULL) };
	g_autofree char *ballast = g_build_filename(dir, "ballast", NULL), *space = g_strnfill(500000, 'x');
	g_autofree char *large = g_strnfill(30000, 'x');
	g_autoptr(GError) error = NULL;
	static const uint8_t header[32] = { 0 };
	uint32_t acknowledged = 0;
	bool ok = true;

	g_assert_true(g_file_set_contents(ballast, space, 500000, NULL));
	fixture_open(&fixture);
	StoreTxn *txn = begin(&fixture);
	g_assert_true(store_account_ensure(txn, "home", &fixture.account, &error));
	commit(txn);
	fixture.inbox = make_mailbox(&fixture, "INBOX");
	StoreWriter *writer = store_writer_new(fixture.store, &error);

	for (uint32_t uid = 1; uid < 1000 && ok; uid++) {
		g_autofree char *name = g_strdup_printf("%u.eml", uid);
		StoreMessage message = { .mailbox_id = fixture.inbox, .uid = uid, .base_flags = "" };
		StoreBody body;
		int64_t id;
		memcpy(large, &uid, sizeof uid);
		ok = store_writer_begin(writer, 30000, &error) && store_writer_write(writer, large, 30000, &error) &&
		     store_writer_end(writer, &body, &error) && store_writer_sync(writer, &error);
		if (!ok) {
			store_writer_abort(writer);
			break;
		}
		txn = store_begin(fixture.store, &error);
		ok = txn && store_message_insert(txn, &message, &id, &error) &&
		     store_message_set_body(txn, id, &body, name, header, &error);
		if (ok)
			ok = store_commit(txn, &error);
		else
			store_rollback(txn);
		acknowledged += ok;
	}
	g_assert_error(error, CORE_ERROR, CORE_ERROR_FULL);
	g_assert_nonnull(strstr(error->message, "No space left"));
	g_assert_cmpuint(acknowledged, >, 10);
	g_assert_cmpint(g_unlink(ballast), ==, 0);
	add_message(&fixture, fixture.inbox, 2000, "goes on");
	store_writer_free(writer);
	fixture_reopen(&fixture);
	g_assert_cmpint(sql(&fixture, "SELECT count(*) FROM messages WHERE name IS NOT NULL"), ==, acknowledged + 1);
	for (uint32_t uid = 1; uid <= acknowledged; uid++) {
		g_auto(StoreMessage) message = { 0 };
		memcpy(large, &uid, sizeof uid);
		g_clear_error(&error);
		g_assert_true(store_message_find_uid(fixture.store, fixture.inbox, uid, &message, &error));
		g_autofree char *text = read_message(&fixture, message.id);
		g_assert_cmpmem(text, 30000, large, 30000);
	}
	fixture_close(&fixture);
	g_free(fixture.dir);
}

static void
test_disk_full(Fixture *fixture, const void *data)
{
	g_autofree char *dir = in_dir(fixture, "small");
	int status;

	g_assert_cmpint(mkdir(dir, 0700), ==, 0);
	pid_t child = fork();
	if (child == 0) {
		if (!mount_small(dir))
			_exit(77);
		fill_disk(dir);
		_exit(0);
	}
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		g_test_skip("no private mount of a small file system: neither root nor user namespaces");
	else
		g_assert_cmpint(status, ==, 0);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	signal(SIGXFSZ, SIG_IGN); /* a limit is to be an error, as a full disk is */
	ADD("stopped/at-every-step", test_stopped_at_every_step);
	ADD("stopped/again-and-again", test_stopped_again_and_again);
	ADD("stopped/in-a-transaction", test_stopped_in_a_transaction);
	ADD("strays", test_strays);
	ADD("full/body-does-not-fit", test_body_does_not_fit);
	ADD("full/transaction-does-not-fit", test_transaction_does_not_fit);
	ADD("full/disk", test_disk_full);
	return g_test_run();
}
