/* fs: what folders and messages are called in maildir/, and what is seen of changes there. */
#include "fs-maildir-server.h"

#include "fs/maildir-name.h"
#include "store/maildir.h"

/* Names. */

static void
test_letters(void)
{
	static const struct {
		const char *flags, *name; /* of base "b" */
	} rows[] = {
		{ "", "b:2," },
		{ "\\Seen", "b:2,S" },
		{ "\\Seen \\Answered \\Flagged \\Deleted \\Draft $Forwarded", "b:2,DFPRST" },
		{ "$forwarded", "b:2,P" },
		{ "\\seen \\flagged", "b:2,FS" },
		{ "$Junk Work", "b:2," },
		{ "\\Seen $Forwarded2 Seen S T", "b:2,S" },
		{ "\\Recent", "b:2," },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *name = fs_maildir_name("b", fs_maildir_letters(rows[i].flags));
		g_assert_cmpstr(name, ==, rows[i].name);
	}
}

static void
test_letters_and_back(void)
{
	for (unsigned letters = 0; letters < 64; letters++) {
		g_auto(FsMaildirName) parsed = { 0 };
		g_autofree char *flags = fs_maildir_flags(letters), *name = fs_maildir_name("1.M2P3.host,S=4", letters);
		g_assert_cmpuint(fs_maildir_letters(flags), ==, letters);
		g_assert_true(fs_maildir_name_parse(name, &parsed));
		g_assert_cmpstr(parsed.base, ==, "1.M2P3.host,S=4");
		g_assert_cmpuint(parsed.letters, ==, letters);
		g_assert_true(parsed.has_info);
	}
}

/* "BASE|LETTERS", with a '-' before it without ":2,"; NULL: it is no message's. */
static void
assert_parsed(const char *name, const char *expected)
{
	g_auto(FsMaildirName) parsed = { 0 };

	if (!fs_maildir_name_parse(name, &parsed)) {
		g_assert_null(expected);
		return;
	}
	g_autofree char *again = fs_maildir_name("", parsed.letters);
	g_autofree char *told = g_strdup_printf("%s%s|%s", parsed.has_info ? "" : "-", parsed.base, again + strlen(":2,"));
	g_assert_cmpstr(told, ==, expected);
}

static void
test_hostile_names_of_messages(void)
{
	g_autofree char *longest = g_strnfill(255, 'x');

	assert_parsed("a", "-a|");
	assert_parsed("a:2,", "a|");
	assert_parsed("a:2,SF", "a|FS");
	assert_parsed("a:2,SSS", "a|S");
	assert_parsed("a:2,Sabcz", "a|S"); /* Dovecot's keywords */
	assert_parsed("a:2,S:2,F", "a:2,S|F"); /* the last one counts */
	assert_parsed("a:1,S", "-a:1,S|");
	assert_parsed("a:2", "-a:2|");
	assert_parsed(":2,S", NULL);
	assert_parsed("", NULL);
	assert_parsed(".", NULL);
	assert_parsed(".a:2,S", NULL);
	assert_parsed("\xff\xfe:2,T", "\xff\xfe|T");
	assert_parsed("a\nb\x1b[1m:2,", "a\nb\x1b[1m|");
	g_autofree char *expected = g_strconcat("-", longest, "|", NULL);
	assert_parsed(longest, expected);
}

static void
test_own_bases(void)
{
	static const char *const others[] = { "", "1", "1.2", "1.2.mailtre", "1.2.mailtree2", "01.2.mailtree", "1.02.mailtree",
		"1.-2.mailtree", "1.0.mailtree", " 1.2.mailtree", "1. 2.mailtree", "+1.2.mailtree", "1.+2.mailtree", ".2.mailtree",
		"99999999999999999999.2.mailtree", "1.99999999999999999999.mailtree", "1.2.mailtree:2,S", "a.2.mailtree" };
	static const int64_t dates[] = { 0, 1, 1700000000, -5, INT64_MAX, INT64_MIN };
	int64_t date_s;

	for (unsigned i = 0; i < G_N_ELEMENTS(others); i++)
		g_assert_cmpint(fs_maildir_own_id(others[i], &date_s), ==, 0);
	for (unsigned i = 0; i < G_N_ELEMENTS(dates); i++) {
		g_autofree char *base = fs_maildir_own_base(dates[i], 77 + i);
		g_assert_cmpint(fs_maildir_own_id(base, &date_s), ==, 77 + i);
		g_assert_cmpint(date_s, ==, dates[i]);
	}
}

static void
test_folders_both_ways(void)
{
	static const char *const rows[][2] = {
		{ "A", ".A" },
		{ "A/B/C", ".A.B.C" },
		{ "Archiv/2024", ".Archiv.2024" },
		{ "Koš", ".Koš" },
		{ "a.b/c", ".a%2Eb.c" },
		{ ".hidden", ".%2Ehidden" },
		{ "...", ".%2E%2E%2E" },
		{ "100%", ".100%" },
		{ "100%2", ".100%2" },
		{ "a%2Fb", ".a%252Fb" }, /* the server's "a/b", as mail/ writes it */
		{ "%2E", ".%252E" },
		{ "%%25", ".%%2525" },
		{ "INBOX/Sub", ".INBOX.Sub" },
		{ "with blank/ü~", ".with blank.ü~" },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *name = fs_maildir_folder_name(rows[i][0]), *path = fs_maildir_folder_path(rows[i][1]);
		g_assert_cmpstr(name, ==, rows[i][1]);
		g_assert_cmpstr(path, ==, rows[i][0]);
	}
}

static void
test_hostile_names_of_folders(void)
{
	static const char *const none[] = { "", "A", ".", "..", "...", ".A.", "..A", ".A..B", ".%2E", ".%2E%2E", ".A.%2E", ".%2e",
		".%25", ".%2525x%25", ".%41", ".a%2ax", "A.B", "%2EA" };

	for (unsigned i = 0; i < G_N_ELEMENTS(none); i++) {
		g_autofree char *path = fs_maildir_folder_path(none[i]);
		g_assert_cmpstr(path, ==, NULL);
	}
}

/* Whatever the name is: it is nothing's, or that of one path. */
static void
test_any_name_of_a_folder(void)
{
	static const char bytes[] = ".%2E5a/";

	for (unsigned i = 0; i < 20000; i++) {
		char name[12] = { 0 };
		for (int k = 0; k < g_test_rand_int_range(1, sizeof name); k++)
			name[k] = bytes[g_test_rand_int_range(0, (int)sizeof bytes - 2)];
		g_autofree char *path = fs_maildir_folder_path(name);
		g_autofree char *again = path ? fs_maildir_folder_name(path) : NULL;
		if (path && !strchr(name, '/'))
			g_assert_cmpstr(again, ==, name);
		g_autofree char *made = fs_maildir_folder_name(name), *back = fs_maildir_folder_path(made);
		if (back)
			g_assert_cmpstr(back, ==, name);
	}
}

static void
test_names_that_are_no_folders(void)
{
	g_assert_true(fs_maildir_name_is_private(".notmuch"));
	g_assert_true(fs_maildir_name_is_private(".Trash-1000"));
	g_assert_false(fs_maildir_name_is_private(".Trash"));
	g_assert_false(fs_maildir_name_is_private(".Trash-"));
	g_assert_false(fs_maildir_name_is_private(".Trash-2024 old"));
	g_assert_false(fs_maildir_name_is_private(".Archiv"));
}

/* What is seen.  The first message is row 1, with \Seen, as all that do_message() makes. */

static void
test_what_is_seen(void)
{
	Server server;

	server_start(&server);
	assert_names(&server, "maildir", "empty|web4u|");
	assert_names(&server, "maildir/empty", "");
	assert_names(&server, "maildir/web4u", ".Archiv|.Archiv.2024|.Koš|cur|new|tmp|");
	assert_names(&server, "maildir/web4u/.Archiv", "cur|new|tmp|");
	assert_names(&server, "maildir/web4u/cur", FIRST_BASE ":2,S|" SECOND_BASE ":2,S|");
	assert_names(&server, "maildir/web4u/new", "");
	assert_names(&server, "maildir/web4u/tmp", "");
	assert_content(&server, "maildir/web4u/cur/" FIRST_BASE ":2,S", FIRST_BODY);
	g_assert_cmpint(stat_of(&server, "maildir/web4u/cur/" FIRST_BASE ":2,S").st_size, ==, strlen(FIRST_BODY));
	g_assert_cmpint(stat_of(&server, "maildir/web4u/cur/" FIRST_BASE ":2,S").st_mtime, ==, DATE_S + 1);
	server_stop(&server);
}

static int64_t
do_base(World *world, const Call *call)
{
	StoreTxn *txn;

	check(txn = store_begin(world->store, &error));
	check(store_maildir_set(txn, call->a, call->name[0] ? call->name : NULL, call->b != 0, &error));
	check(store_commit(txn, &error));
	return 0;
}

/* A name that says what is no longer so stands for nothing, also when it was just looked up. */
static void
test_flags_are_names(void)
{
	Server server;

	server_start(&server);
	struct stat before = stat_of(&server, "maildir/web4u/cur/" FIRST_BASE ":2,S");
	struct stat cur = stat_of(&server, "maildir/web4u/cur"), mail = stat_of(&server, "mail/web4u/INBOX");
	run(&server, do_flags, .a = server.inbox, .b = 1, .name = "\\Seen \\Flagged Work");
	run(&server, do_settle);
	g_assert_false(exists(&server, "maildir/web4u/cur/" FIRST_BASE ":2,S"));
	g_assert_false(exists(&server, "maildir/web4u/new/" FIRST_BASE));
	g_assert_cmpuint(stat_of(&server, "maildir/web4u/cur/" FIRST_BASE ":2,FS").st_ino, ==, before.st_ino);
	g_assert_cmpuint(stat_of(&server, "maildir/web4u/cur/" FIRST_BASE ":2,SF").st_ino, ==, before.st_ino); /* in any order */
	assert_names(&server, "maildir/web4u/cur", FIRST_BASE ":2,FS|" SECOND_BASE ":2,S|");
	struct stat now = stat_of(&server, "maildir/web4u/cur");
	g_assert_true(now.st_mtim.tv_sec > cur.st_mtim.tv_sec ||
	              (now.st_mtim.tv_sec == cur.st_mtim.tv_sec && now.st_mtim.tv_nsec > cur.st_mtim.tv_nsec));
	g_assert_cmpint(stat_of(&server, "mail/web4u/INBOX").st_mtime, ==, mail.st_mtime);
	server_stop(&server);
}

static void
test_new_and_cur(void)
{
	Server server;

	server_start(&server);
	g_assert_true(exists(&server, "maildir/web4u/cur/" FIRST_BASE ":2,S"));
	run(&server, do_flags, .a = server.inbox, .b = 1, .name = "Work");
	run(&server, do_settle);
	assert_names(&server, "maildir/web4u/cur", SECOND_BASE ":2,S|");
	assert_names(&server, "maildir/web4u/new", FIRST_BASE "|");
	g_assert_false(exists(&server, "maildir/web4u/cur/" FIRST_BASE ":2,"));
	g_assert_false(exists(&server, "maildir/web4u/cur/" FIRST_BASE));
	g_assert_true(exists(&server, "maildir/web4u/new/" FIRST_BASE ":2,"));
	run(&server, do_base, .a = 1, .b = 1, .name = "17.host,S=5");
	run(&server, do_settle);
	assert_names(&server, "maildir/web4u/cur", "17.host,S=5:2,|" SECOND_BASE ":2,S|");
	assert_names(&server, "maildir/web4u/new", "");
	g_assert_false(exists(&server, "maildir/web4u/new/" FIRST_BASE));
	g_assert_false(exists(&server, "maildir/web4u/cur/" FIRST_BASE ":2,"));
	g_assert_true(exists(&server, "maildir/web4u/cur/17.host,S=5:2,"));
	server_stop(&server);
}

static void
test_names_of_others_are_nothing(void)
{
	static const char *const none[] = { "cur/1700000001.2.mailtree:2,S", "cur/1.1.mailtree:2,S", "cur/" FIRST_BASE ":2,",
		"cur/" FIRST_BASE ":2,FS", "cur/1700000001.999.mailtree:2,S", "new/" FIRST_BASE ":2,S", "tmp/" FIRST_BASE ":2,S",
		"cur/:2,S", "cur/.", "INBOX", ".INBOX", ".Archiv.2024.cur", ".archiv", ".Archiv/2024", ".Archiv..2024", ".cur", "other",
		".Archiv/cur/" NESTED ".eml" };

	Server server;
	server_start(&server);
	for (unsigned i = 0; i < G_N_ELEMENTS(none); i++) {
		g_autofree char *path = g_strconcat("maildir/web4u/", none[i], NULL);
		struct stat st;
		bool is_dot = g_str_has_suffix(path, "/.");
		g_assert_cmpint(stat(at(&server, path), &st), ==, is_dot ? 0 : -1);
	}
	server_stop(&server);
}

static int64_t
do_listing(World *world, const Call *call)
{
	StoreTxn *txn;

	check(txn = store_begin(world->store, &error));
	check(store_mailbox_set_listing(txn, call->a, call->name, '/', (uint32_t)call->b, &error));
	check(store_commit(txn, &error));
	return 0;
}

/* Also where only what is above it gets another name, or comes to hold messages. */
static void
test_folders_come_and_go(void)
{
	Server server;

	server_start(&server);
	assert_names(&server, "maildir/web4u", ".Archiv|.Archiv.2024|.Koš|cur|new|tmp|");
	ino_t inode = stat_of(&server, "maildir/web4u/.Archiv.2024").st_ino;
	g_assert_true(exists(&server, "maildir/web4u/.Archiv.2024/cur"));
	int kept = open(at(&server, "maildir/web4u/.Koš"), O_PATH | O_DIRECTORY | O_CLOEXEC);
	g_assert_cmpint(kept, >=, 0);
	run(&server, do_listing, .a = server.archive, .b = 0, .name = "Archiv");
	run(&server, do_settle);
	assert_names(&server, "maildir/web4u", ".Archiv.2024|.Koš|cur|new|tmp|");
	g_assert_false(exists(&server, "maildir/web4u/.Archiv"));
	run(&server, do_listing, .a = server.archive, .b = STORE_MAILBOX_SELECTABLE, .name = "Archiv");
	run(&server, do_settle);
	assert_names(&server, "maildir/web4u", ".Archiv|.Archiv.2024|.Koš|cur|new|tmp|");
	run(&server, do_rename_folder, .a = server.year, .name = "Alt/2024");
	run(&server, do_settle);
	assert_names(&server, "maildir/web4u", ".Alt.2024|.Archiv|.Koš|cur|new|tmp|");
	g_assert_false(exists(&server, "maildir/web4u/.Archiv.2024"));
	g_assert_false(exists(&server, "maildir/web4u/.Archiv.2024/cur"));
	g_assert_cmpuint(stat_of(&server, "maildir/web4u/.Alt.2024").st_ino, ==, inode);
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", kept);
	g_autofree char *path = g_file_read_link(link, NULL);
	g_assert_true(g_str_has_suffix(path, "/maildir/web4u/.Koš")); /* whoever is in another folder is not disturbed */
	close(kept);

	run(&server, do_mailbox_remove, .a = server.inbox);
	run(&server, do_settle);
	assert_names(&server, "maildir/web4u", ".Alt.2024|.Archiv|.Koš|");
	g_assert_false(exists(&server, "maildir/web4u/cur"));
	run(&server, do_mailbox, .a = server.account, .name = "INBOX");
	run(&server, do_settle);
	assert_names(&server, "maildir/web4u/cur", "");
	server_stop(&server);
}

static void
test_inodes_are_stable(void)
{
	Server server;

	server_start(&server);
	struct stat file = stat_of(&server, "maildir/web4u/cur/" FIRST_BASE ":2,S"), cur = stat_of(&server, "maildir/web4u/cur");
	struct stat tmp = stat_of(&server, "maildir/web4u/tmp"), folder = stat_of(&server, "maildir/web4u/.Archiv");
	g_assert_cmpuint(file.st_ino, !=, stat_of(&server, "mail/web4u/INBOX/" FIRST ".eml").st_ino);
	run(&server, do_unmount);
	run(&server, do_flags, .a = server.inbox, .b = 1, .name = "\\Flagged");
	run(&server, do_mount);
	g_assert_cmpuint(stat_of(&server, "maildir/web4u/cur/" FIRST_BASE ":2,F").st_ino, ==, file.st_ino);
	g_assert_cmpuint(stat_of(&server, "maildir/web4u/cur").st_ino, ==, cur.st_ino);
	g_assert_cmpuint(stat_of(&server, "maildir/web4u/tmp").st_ino, ==, tmp.st_ino);
	g_assert_cmpuint(stat_of(&server, "maildir/web4u/.Archiv").st_ino, ==, folder.st_ino);
	server_stop(&server);
}

static int64_t
do_long_folder(World *world, const Call *call)
{
	g_autofree char *component = g_strnfill(130, 'x'), *path = g_strconcat(component, "/", component, NULL);
	Call inner = { .a = call->a };

	g_strlcpy(inner.name, path, sizeof inner.name);
	return do_mailbox(world, &inner);
}

static void
test_a_path_that_is_too_long_is_left_out(void)
{
	Server server;

	server_start(&server);
	run(&server, do_long_folder, .a = server.account);
	run(&server, do_settle);
	assert_names(&server, "maildir/web4u", ".Archiv|.Archiv.2024|.Koš|cur|new|tmp|");
	server_stop(&server);
}

/* Ids of rows are reserved for some thousands of new files at a time. */
static void
test_any_number_of_files_can_be_made(void)
{
	Server server;

	server_start(&server);
	for (unsigned i = 0; i < 8200; i++) {
		g_autofree char *name = g_strdup_printf("maildir/web4u/tmp/%u", i);
		int fd = open(at(&server, name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0)
			g_error("%s: %s", name, g_strerror(errno));
		close(fd);
	}
	server_stop(&server);
}

static int
tests(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fs-maildir/letters", test_letters);
	g_test_add_func("/fs-maildir/letters-and-back", test_letters_and_back);
	g_test_add_func("/fs-maildir/hostile-names-of-messages", test_hostile_names_of_messages);
	g_test_add_func("/fs-maildir/own-bases", test_own_bases);
	g_test_add_func("/fs-maildir/folders-both-ways", test_folders_both_ways);
	g_test_add_func("/fs-maildir/hostile-names-of-folders", test_hostile_names_of_folders);
	g_test_add_func("/fs-maildir/any-name-of-a-folder", test_any_name_of_a_folder);
	g_test_add_func("/fs-maildir/names-that-are-no-folders", test_names_that_are_no_folders);
	if (fuse_is_unusable()) {
		g_test_add_func("/fs-maildir/mounted", skip_without_fuse);
		return g_test_run();
	}
	g_test_add_func("/fs-maildir/what-is-seen", test_what_is_seen);
	g_test_add_func("/fs-maildir/flags-are-names", test_flags_are_names);
	g_test_add_func("/fs-maildir/new-and-cur", test_new_and_cur);
	g_test_add_func("/fs-maildir/names-of-others-are-nothing", test_names_of_others_are_nothing);
	g_test_add_func("/fs-maildir/folders-come-and-go", test_folders_come_and_go);
	g_test_add_func("/fs-maildir/inodes-are-stable", test_inodes_are_stable);
	g_test_add_func("/fs-maildir/a-path-that-is-too-long-is-left-out", test_a_path_that_is_too_long_is_left_out);
	g_test_add_func("/fs-maildir/any-number-of-files-can-be-made", test_any_number_of_files_can_be_made);
	return g_test_run();
}

int
main(int argc, char **argv)
{
	return guard(tests, argc, argv);
}
