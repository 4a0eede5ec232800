/* fs: what maildir/ remembers, and what the kernel may. */
#include "store-fixture.h"

#include "fs/draft.h"
#include "fs/maildir-memory.h"
#include "fs/saver.h"
#include "store/files.h"
#include "store/maildir.h"

static void
test_folders_that_lack_directories(void)
{
	FsMaildirs *maildirs = fs_maildirs_new();

	g_assert_cmpuint(fs_maildirs_have(maildirs, 5), ==, FS_MAILDIRS_ALL);
	g_assert_false(fs_maildirs_complete(maildirs, 5));
	fs_maildirs_set(maildirs, 5, 0);
	fs_maildirs_set(maildirs, 6, 3);
	g_assert_cmpuint(fs_maildirs_have(maildirs, 5), ==, 0);
	g_assert_cmpuint(fs_maildirs_have(maildirs, 6), ==, 3);
	fs_maildirs_set(maildirs, 6, FS_MAILDIRS_ALL);
	g_assert_false(fs_maildirs_complete(maildirs, 6));
	g_assert_true(fs_maildirs_complete(maildirs, 5));
	g_assert_cmpuint(fs_maildirs_have(maildirs, 5), ==, FS_MAILDIRS_ALL);

	/* Only so many are remembered, the latest. */
	int64_t dropped = 0;
	for (int64_t id = 1; id <= 1000; id++) {
		int64_t one = fs_maildirs_set(maildirs, id, 0);
		g_assert_true(one == 0 || one == dropped + 1);
		dropped = one != 0 ? one : dropped;
	}
	g_assert_cmpint(dropped, >, 500);
	g_assert_cmpuint(fs_maildirs_have(maildirs, 1), ==, FS_MAILDIRS_ALL);
	g_assert_cmpuint(fs_maildirs_have(maildirs, 1000), ==, 0);
	fs_maildirs_free(maildirs);
}

typedef struct {
	Fixture *fixture;
	Fs *fs;
	GString *listed;
} Reading;

/* At the first entry the message behind it gets other flags; later the store is asked to tell of such changes, and does so. */
static bool
read_slowly(const char *name, const FsNode *node, uint64_t cookie, void *data)
{
	Reading *reading = data;
	bool is_first = reading->listed->len == 0;

	g_string_append_printf(reading->listed, "%s%s|", name, node->fleeting ? "" : " for ever");
	if (!is_first)
		return true;
	StoreTxn *txn = begin(reading->fixture);
	g_assert_true(store_message_set_flags(txn, reading->fixture->inbox, 1, "\\Flagged", 0, NULL));
	commit(txn);
	while (!fs_maildirs_names_are_told(reading->fs))
		g_usleep(1000);
	return true;
}

static void
nothing(void *data)
{
}

static void
add_file(Fixture *fixture, const char *name)
{
	g_autoptr(StoreWriter) writer = store_writer_new(fixture->store, NULL);
	StoreBody body = write_body(writer, "x", 1);
	StoreTxn *txn = begin(fixture);
	int64_t id;

	g_assert_true(store_writer_sync(writer, NULL));
	g_assert_true(store_file_reserve(txn, 1, &id, NULL));
	const StoreFile file = { .id = id, .mailbox_id = fixture->inbox, .name = name, .name_is_users = true,
		                     .state = STORE_MESSAGE_TMP, .body = &body };
	g_assert_true(store_file_save(txn, &file, &(StoreRemoval){ 0 }, NULL));
	commit(txn);
}

/* What was read before the store told is not remembered, whatever it tells when the answer is written. */
static void
test_a_listing_that_began_too_early(Fixture *fixture, const void *data)
{
	const FsView *view = fs_views[FS_TAG_MAILDIR];
	FsNode account, cur;
	g_autoptr(GString) listed = g_string_new(NULL);
	Fs fs = { .store = fixture->store, .maildirs = fs_maildirs_new() };
	Reading reading = { fixture, &fs, listed };

	add_file(fixture, "cur/x");
	add_message(fixture, fixture->inbox, 1, "one");
	StoreTxn *txn = begin(fixture);
	g_assert_true(store_message_set_flags(txn, fixture->inbox, 1, "\\Seen", 0, NULL));
	commit(txn);
	g_assert_nonnull(fs.drafts = fs_drafts_new(fs.store, NULL));
	fs.saver = fs_saver_new(fs.store, nothing, nothing, NULL);
	g_assert_true(fs_saver_start(fs.saver, NULL));
	g_assert_true(view->lookup(view, &fs, fs_inode(FS_TAG_MAILDIR, 0, 0), "home", &account, NULL));
	g_assert_true(view->lookup(view, &fs, account.inode, "cur", &cur, NULL));

	g_assert_true(view->list(view, &fs, cur.inode, 0, read_slowly, &reading, NULL));
	g_assert_cmpstr(listed->str, ==, "x|1001.2.mailtree:2,S|");
	g_string_assign(listed, " ");
	g_assert_true(view->list(view, &fs, cur.inode, 0, read_slowly, &reading, NULL));
	g_assert_cmpstr(listed->str, ==, " x|1001.2.mailtree:2,F for ever|");
	fs_saver_free(fs.saver);
	fs_drafts_free(fs.drafts);
	fs_maildirs_free(fs.maildirs);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fs-maildir-memory/folders-that-lack-directories", test_folders_that_lack_directories);
	g_test_add("/fs-maildir-memory/a-listing-that-began-too-early", Fixture, NULL, fixture_set_up,
	           test_a_listing_that_began_too_early, fixture_tear_down);
	return g_test_run();
}
