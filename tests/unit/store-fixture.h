/* What the tests of src/store share: a store in a directory of its own, with an account and a mailbox. */
#pragma once

#include "core/sha256.h"
#include "store/derived.h"
#include "store/mailboxes.h"
#include "store/messages.h"
#include "store/segments.h"
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
	char *dir;
	Store *store;
	int64_t account, inbox;
} Fixture;

static inline void
remove_tree(const char *path)
{
	DIR *dir = opendir(path);

	if (dir) {
		for (struct dirent *entry; (entry = readdir(dir));) {
			if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
				continue;
			g_autofree char *child = g_build_filename(path, entry->d_name, NULL);
			remove_tree(child);
		}
		closedir(dir);
	}
	g_remove(path);
}

static inline char *
in_dir(const Fixture *fixture, const char *name)
{
	return g_build_filename(fixture->dir, name, NULL);
}

static inline void
fixture_open(Fixture *fixture)
{
	g_autoptr(GError) error = NULL;

	fixture->store = store_open(fixture->dir, &error);
	g_assert_no_error(error);
	g_assert_nonnull(fixture->store);
}

static inline void
fixture_close(Fixture *fixture)
{
	g_clear_pointer(&fixture->store, store_close);
}

static inline void
fixture_reopen(Fixture *fixture)
{
	fixture_close(fixture);
	fixture_open(fixture);
}

static inline StoreTxn *
begin(Fixture *fixture)
{
	g_autoptr(GError) error = NULL;
	StoreTxn *txn = store_begin(fixture->store, &error);

	g_assert_no_error(error);
	return txn;
}

static inline void
commit(StoreTxn *txn)
{
	g_autoptr(GError) error = NULL;
	bool ok = store_commit(txn, &error);

	g_assert_no_error(error);
	g_assert_true(ok);
}

static inline int64_t
make_mailbox(Fixture *fixture, const char *path)
{
	g_autoptr(GError) error = NULL;
	g_auto(GStrv) components = g_strsplit(path, "/", -1);
	int64_t id = 0;
	StoreTxn *txn = begin(fixture);

	store_mailbox_ensure(txn, fixture->account, components, &id, &error);
	g_assert_no_error(error);
	store_mailbox_set_listing(txn, id, path, '/', STORE_MAILBOX_SELECTABLE, &error);
	g_assert_no_error(error);
	commit(txn);
	return id;
}

static inline void
fixture_set_up(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;

	fixture->dir = g_dir_make_tmp("mailtree-store-XXXXXX", &error);
	g_assert_no_error(error);
	fixture_open(fixture);
	StoreTxn *txn = begin(fixture);
	store_account_ensure(txn, "home", &fixture->account, &error);
	g_assert_no_error(error);
	commit(txn);
	fixture->inbox = make_mailbox(fixture, "INBOX");
}

static inline void
fixture_tear_down(Fixture *fixture, const void *data)
{
	fixture_close(fixture);
	remove_tree(fixture->dir);
	g_free(fixture->dir);
}

/* One SQL statement on mail.db behind the store's back; the first column of its first row, or 0. */
static inline int64_t
sql(const Fixture *fixture, const char *text)
{
	g_autofree char *path = in_dir(fixture, "mail.db");
	sqlite3 *handle = NULL;
	sqlite3_stmt *statement = NULL;
	int64_t value = 0;

	g_assert_cmpint(sqlite3_open(path, &handle), ==, SQLITE_OK);
	sqlite3_busy_timeout(handle, 10000);
	if (sqlite3_prepare_v2(handle, text, -1, &statement, NULL) != SQLITE_OK)
		g_error("%s: %s", text, sqlite3_errmsg(handle));
	int rc = sqlite3_step(statement);
	g_assert_true(rc == SQLITE_ROW || rc == SQLITE_DONE);
	if (rc == SQLITE_ROW)
		value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(handle);
	return value;
}

static inline StoreBody
write_body(StoreWriter *writer, const void *bytes, size_t length)
{
	g_autoptr(GError) error = NULL;
	StoreBody body = { 0 };

	store_writer_begin(writer, length, &error);
	g_assert_no_error(error);
	store_writer_write(writer, bytes, length, &error);
	g_assert_no_error(error);
	store_writer_end(writer, &body, &error);
	g_assert_no_error(error);
	return body;
}

static inline int64_t
insert_message(StoreTxn *txn, int64_t mailbox, uint32_t uid)
{
	g_autoptr(GError) error = NULL;
	StoreMessage message = { .mailbox_id = mailbox, .uid = uid, .internaldate_s = 1000 + uid, .rfc822_size = uid,
		                     .base_flags = "", .modseq = 1 };
	int64_t id = 0;

	store_message_insert(txn, &message, &id, &error);
	g_assert_no_error(error);
	g_assert_cmpint(id, >, 0);
	return id;
}

static inline void
set_body(StoreTxn *txn, int64_t id, const StoreBody *body, const char *name)
{
	static const uint8_t header[32] = { 1, 2, 3 };
	g_autoptr(GError) error = NULL;

	store_message_set_body(txn, id, body, name, header, &error);
	g_assert_no_error(error);
}

/* A visible message of that UID, called "UID.eml". */
static inline int64_t
add_message(Fixture *fixture, int64_t mailbox, uint32_t uid, const char *bytes)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, &error);
	StoreBody body = write_body(writer, bytes, strlen(bytes));
	g_autofree char *name = g_strdup_printf("%u.eml", uid);

	store_writer_sync(writer, &error);
	g_assert_no_error(error);
	StoreTxn *txn = begin(fixture);
	int64_t id = insert_message(txn, mailbox, uid);
	set_body(txn, id, &body, name);
	commit(txn);
	return id;
}

/* What reading the message's body gives; NULL if the message or its body is not there. */
static inline char *
read_message(Fixture *fixture, int64_t id)
{
	g_autoptr(GError) error = NULL;
	g_auto(StoreMessage) message = { 0 };
	StoreBody body;
	size_t n = 0;

	if (!store_message_get(fixture->store, id, &message, &error) || message.body_id == 0) {
		g_assert_no_error(error);
		return NULL;
	}
	g_assert_true(store_body_get(fixture->store, message.body_id, &body, &error));
	g_assert_cmpuint(message.length, ==, body.length);
	g_autofree char *text = g_malloc0(body.length + 1);
	store_body_read(fixture->store, &body, text, body.length + 1, 0, &n, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(n, ==, body.length);
	return g_steal_pointer(&text);
}

/* The bytes of a file; -1: there is none. */
static inline int64_t
file_size(const Fixture *fixture, const char *name)
{
	g_autofree char *path = in_dir(fixture, name);
	struct stat st;

	return stat(path, &st) == 0 ? (int64_t)st.st_size : -1;
}
