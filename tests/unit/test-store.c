/* src/store: opening, accounts, mailboxes, messages, flags, changes. */
#include "store-fixture.h"

#include <sys/wait.h>

#define ADD(path, test) g_test_add("/store/" path, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

static void
test_open_private(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *deep = g_build_filename(fixture->dir, "a", "b", NULL);
	g_autofree char *parent = g_build_filename(fixture->dir, "a", NULL);
	struct stat st;

	g_autoptr(Store) store = store_open(deep, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(store_dir(store), ==, deep);
	g_assert_cmpint(stat(parent, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 0777, ==, 0700);
	g_assert_cmpint(stat(deep, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 0777, ==, 0700);
	static const char *const files[] = { "mail.db", "derived.db", "lock" };
	for (unsigned i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_build_filename(deep, files[i], NULL);
		g_assert_cmpint(stat(path, &st), ==, 0);
		g_assert_cmpint(st.st_mode & 0777, ==, 0600);
	}

	fixture_close(fixture);
	g_assert_cmpint(chmod(fixture->dir, 0755), ==, 0);
	fixture_open(fixture);
	g_assert_cmpint(stat(fixture->dir, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 0777, ==, 0700);
}

/* As store = /tmp would be: to make that private would shut everybody else out. */
static void
test_open_leaves_a_shared_directory_alone(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *shared = g_build_filename(fixture->dir, "shared", NULL);
	g_autofree char *letter = g_build_filename(shared, "letter", NULL);
	struct stat st;

	g_assert_cmpint(g_mkdir(shared, 0700), ==, 0);
	g_assert_cmpint(chmod(shared, 01777), ==, 0);
	g_assert_true(g_file_set_contents(letter, "", 0, NULL));
	g_assert_null(store_open(shared, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_IO);
	g_assert_cmpint(stat(shared, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 07777, ==, 01777);

	g_assert_cmpint(g_unlink(letter), ==, 0);
	g_clear_error(&error);
	g_autoptr(Store) empty = store_open(shared, &error);
	g_assert_no_error(error);
	g_assert_cmpint(stat(shared, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 0777, ==, 0700);
}

static void
test_open_not_a_directory(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = in_dir(fixture, "lock");

	g_assert_null(store_open(path, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_IO);
}

static void
test_lock_names_the_owner(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *pid = g_strdup_printf("process %ld ", (long)getpid());

	g_assert_null(store_open(fixture->dir, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_LOCKED);
	g_assert_nonnull(strstr(error->message, pid));
	g_assert_nonnull(strstr(error->message, fixture->dir));
}

static void
test_lock_ends_with_its_owner(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	int ready[2];
	char byte;

	fixture_close(fixture);
	g_assert_cmpint(pipe(ready), ==, 0);
	pid_t child = fork();
	if (child == 0) {
		Store *store = store_open(fixture->dir, NULL);
		if (write(ready[1], store ? "y" : "n", 1) == 1)
			pause();
		_exit(0);
	}
	g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
	g_assert_cmpint(byte, ==, 'y');
	g_assert_null(store_open(fixture->dir, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_LOCKED);

	g_assert_cmpint(kill(child, SIGKILL), ==, 0);
	g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
	fixture_open(fixture);
	close(ready[0]);
	close(ready[1]);
}

static bool
count_account(const StoreAccount *account, void *data)
{
	(*(unsigned *)data)++;
	return true;
}

static void
test_accounts(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t again = 0, other = 0;
	unsigned count = 0;

	StoreTxn *txn = begin(fixture);
	g_assert_true(store_account_ensure(txn, "home", &again, &error));
	g_assert_true(store_account_ensure(txn, "work", &other, &error));
	g_assert_true(store_account_set_result(txn, other, 77, NULL, &error));
	g_assert_true(store_account_set_result(txn, other, 0, "refused", &error));
	commit(txn);
	g_assert_cmpint(again, ==, fixture->account);
	g_assert_cmpint(other, !=, fixture->account);

	g_auto(StoreAccount) account = { 0 };
	g_assert_true(store_account_find(fixture->store, "work", &account, &error));
	g_assert_cmpint(account.id, ==, other);
	g_assert_cmpint(account.last_sync_s, ==, 77); /* a failure does not forget the last success */
	g_assert_cmpstr(account.last_error, ==, "refused");
	g_assert_true(store_account_list(fixture->store, count_account, &count, &error));
	g_assert_cmpuint(count, ==, 2);
	g_assert_false(store_account_find(fixture->store, "nobody", &account, &error));
	g_assert_no_error(error);
}

static void
test_rollback(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t id = 0;
	g_auto(StoreAccount) account = { 0 };

	StoreTxn *txn = begin(fixture);
	g_assert_true(store_account_ensure(txn, "work", &id, &error));
	store_rollback(txn);
	g_assert_false(store_account_find(fixture->store, "work", &account, &error));
	g_assert_no_error(error);
}

static void
test_nested(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;

	if (!g_test_subprocess()) {
		g_test_trap_subprocess(NULL, 0, 0);
		g_test_trap_assert_failed();
		g_test_trap_assert_stderr("*inside a transaction of the same thread*");
		return;
	}
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, &error);
	begin(fixture);
	remove_tree(fixture->dir);
	store_writer_begin(writer, 0, &error); /* rather at once than on the day it needs a new segment */
}

static void
test_wal_is_bounded(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *flags = g_strnfill(3000, 'f');
	StoreMessage message = { .mailbox_id = fixture->inbox, .base_flags = flags };
	int64_t id;

	StoreTxn *txn = begin(fixture);
	for (message.uid = 1; message.uid <= 10000; message.uid++)
		g_assert_true(store_message_insert(txn, &message, &id, &error));
	commit(txn);
	g_assert_cmpint(file_size(fixture, "mail.db-wal"), >, 24 << 20);
	for (uint32_t uid = 1; uid <= 2; uid++) {
		txn = begin(fixture);
		g_assert_true(store_message_set_flags(txn, fixture->inbox, uid, "", 0, &error));
		commit(txn);
	}
	g_assert_cmpint(file_size(fixture, "mail.db-wal"), <=, 16 << 20);
}

static void
test_name_and_uid(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	g_auto(StoreMessage) message = { 0 };
	int64_t id = add_message(fixture, fixture->inbox, 7, "From: a\r\n\r\nhello");
	g_autofree char *text = read_message(fixture, id);

	g_assert_cmpstr(text, ==, "From: a\r\n\r\nhello");
	g_assert_true(store_message_find(fixture->store, fixture->inbox, "7.eml", &message, &error));
	g_assert_cmpint(message.id, ==, id);
	g_assert_cmpuint(message.uid, ==, 7);
	g_assert_cmpint(message.internaldate_s, ==, 1007);
	g_assert_cmpint(message.header_sha256[2], ==, 3);
	store_message_clear(&message);
	g_assert_true(store_message_find_uid(fixture->store, fixture->inbox, 7, &message, &error));
	g_assert_cmpint(message.id, ==, id);
	g_assert_cmpstr(message.name, ==, "7.eml");
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("open/private", test_open_private);
	ADD("open/shared", test_open_leaves_a_shared_directory_alone);
	ADD("open/not-a-directory", test_open_not_a_directory);
	ADD("lock/names-the-owner", test_lock_names_the_owner);
	ADD("lock/ends-with-its-owner", test_lock_ends_with_its_owner);
	ADD("accounts", test_accounts);
	ADD("transaction/rollback", test_rollback);
	ADD("transaction/nested", test_nested);
	ADD("wal-is-bounded", test_wal_is_bounded);
	ADD("message/name-and-uid", test_name_and_uid);
	return g_test_run();
}
