/* fs: what the mounted tree looks like. */
#include "fs-server.h"

#include <dirent.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

static void
test_tree(void)
{
	Server server;

	server_start(&server);
	assert_names(&server, "", "README|ctl|mail|maildir|parts|search|status|status.json|text|");
	assert_names(&server, "mail", "empty|web4u|");
	assert_names(&server, "mail/empty", "");
	assert_names(&server, "mail/web4u", "Archiv|INBOX|Koš|");
	assert_names(&server, "mail/web4u/INBOX", FIRST ".eml|" SECOND ".eml|");
	assert_names(&server, "mail/web4u/Archiv", "2024|");
	assert_names(&server, "mail/web4u/Archiv/2024", NESTED ".eml|");
	assert_names(&server, "mail/web4u/Koš", "");
	assert_names(&server, "text", "empty|web4u|");
	assert_names(&server, "text/web4u/INBOX", FIRST ".txt|" SECOND ".txt|");
	assert_names(&server, "text/web4u/Archiv/2024", NESTED ".txt|");
	assert_names(&server, "parts/web4u/INBOX", FIRST "|" SECOND "|");
	assert_names(&server, "parts/web4u/Archiv/2024/" NESTED, "body.txt|");
	g_assert_false(exists(&server, "parts/web4u/INBOX/" FIRST ".eml"));
	g_assert_false(exists(&server, "parts/web4u/INBOX/" FIRST "/body.html"));
	g_assert_false(exists(&server, "mail/web4u/INBOX/" FIRST ".txt"));
	g_assert_false(exists(&server, "text/web4u/INBOX/" FIRST ".eml"));
	g_assert_false(exists(&server, "mail/nobody"));
	g_assert_false(exists(&server, "mail/web4u/INBOX/x"));
	g_assert_false(exists(&server, "maildirs"));
	server_stop(&server);
}

static void
test_content(void)
{
	Server server;

	server_start(&server);
	assert_content(&server, "README", "Read me.\n");
	assert_content(&server, "mail/web4u/INBOX/" FIRST ".eml", FIRST_BODY);
	assert_content(&server, "mail/web4u/INBOX/" SECOND ".eml", SECOND_BODY);
	assert_content(&server, "mail/web4u/Archiv/2024/" NESTED ".eml", NESTED_BODY);
	assert_content(&server, "parts/web4u/Archiv/2024/" NESTED "/body.txt", "Nested body.\r\n");
	g_autofree char *text = content_of(&server, "text/web4u/INBOX/" FIRST ".txt");
	g_assert_nonnull(strstr(text, "žluťoučký"));
	g_assert_nonnull(strstr(text, "Alice"));
	g_assert_cmpuint((guint64)stat_of(&server, "text/web4u/INBOX/" FIRST ".txt").st_size, ==, strlen(text));
	server_stop(&server);
}

/* Bytes from the middle, across the kernel's pages and its readahead, at and behind the end, and mapped. */
static int64_t
do_large(World *world, const Call *call)
{
	g_autofree uint8_t *bytes = g_malloc((size_t)call->b);
	g_autoptr(StoreWriter) writer = NULL;
	const StoreMessage message = { .mailbox_id = call->a, .uid = 9, .base_flags = "" };
	const uint8_t header_sha256[32] = { 0 };
	StoreBody body;
	StoreTxn *txn;
	int64_t id;

	for (int64_t i = 0; i < call->b; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 4096);
	check(writer = store_writer_new(world->store, &error));
	check(store_writer_begin(writer, (uint64_t)call->b, &error));
	check(store_writer_write(writer, bytes, (size_t)call->b, &error));
	check(store_writer_end(writer, &body, &error));
	check(store_writer_sync(writer, &error));
	check(txn = store_begin(world->store, &error));
	check(store_message_insert(txn, &message, &id, &error));
	check(store_message_set_body(txn, id, &body, call->name, header_sha256, &error));
	check(store_commit(txn, &error));
	return id;
}

static void
test_large_message(void)
{
	const int64_t size = 5000001;
	Server server;
	uint8_t bytes[300000];

	server_start(&server);
	run(&server, do_large, .a = server.inbox, .b = size, .name = "large.eml");
	run(&server, do_settle);
	int fd = open(at(&server, "mail/web4u/INBOX/large.eml"), O_RDONLY | O_CLOEXEC);
	g_assert_cmpint(fd, >=, 0);
	for (int64_t offset = size - 17; offset > 0; offset -= 777777) {
		ssize_t n = pread(fd, bytes, sizeof bytes, offset);
		g_assert_cmpint(n, ==, MIN((int64_t)sizeof bytes, size - offset));
		for (int64_t i = 0; i < n; i++)
			g_assert_cmpuint(bytes[i], ==, (uint8_t)((offset + i) * 7 + (offset + i) / 4096));
	}
	g_assert_cmpint(pread(fd, bytes, sizeof bytes, size), ==, 0);
	g_assert_cmpint(pread(fd, bytes, sizeof bytes, size + 100000), ==, 0);
	const uint8_t *map = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	g_assert_true(map != MAP_FAILED);
	g_assert_cmpuint(map[size - 1], ==, (uint8_t)((size - 1) * 7 + (size - 1) / 4096));
	munmap((void *)(uintptr_t)map, (size_t)size);
	close(fd);
	server_stop(&server);
}

static StoreTxn *under_way;

static int64_t
do_begin(World *world, const Call *call)
{
	check(under_way = store_begin(world->store, &error));
	return 0;
}

static int64_t
do_rollback(World *world, const Call *call)
{
	store_rollback(g_steal_pointer(&under_way));
	return 0;
}

/* A long transaction is under way, as when many messages arrive; closing what was only read asks for none. */
static void
test_readers_wait_for_no_writer(void)
{
	Server server;

	server_start(&server);
	run(&server, do_begin);
	assert_names(&server, "mail/web4u/INBOX", FIRST ".eml|" SECOND ".eml|");
	assert_content(&server, "mail/web4u/INBOX/" FIRST ".eml", FIRST_BODY);
	assert_content(&server, "mail/web4u/INBOX/" FIRST ".eml", FIRST_BODY);
	g_free(content_of(&server, "text/web4u/INBOX/" FIRST ".txt"));
	int fd = open(at(&server, "mail/web4u/INBOX/" SECOND ".eml"), O_RDWR | O_CLOEXEC);
	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(fsync(fd), ==, 0);
	g_assert_cmpint(close(fd), ==, 0);
	run(&server, do_rollback);
	server_stop(&server);
}

static void
test_attributes(void)
{
	Server server;

	server_start(&server);
	struct stat st = stat_of(&server, "mail/web4u/INBOX/" SECOND ".eml");
	g_assert_cmpint(st.st_mode, ==, S_IFREG | 0600);
	g_assert_cmpint(st.st_size, ==, strlen(SECOND_BODY));
	g_assert_cmpint(st.st_mtime, ==, DATE_S + 2);
	g_assert_cmpint(st.st_nlink, ==, 1);
	g_assert_cmpint(st.st_uid, ==, getuid());
	g_assert_cmpint(st.st_gid, ==, getgid());
	st = stat_of(&server, "text/web4u/Archiv");
	g_assert_cmpint(st.st_mode, ==, S_IFDIR | 0700);
	g_assert_cmpint(ABS(time(NULL) - st.st_mtime), <, 600);

	struct statvfs fs;
	g_assert_cmpint(statvfs(server.dir, &fs), ==, 0);
	g_assert_cmpuint(fs.f_namemax, ==, 255);
	g_assert_cmpuint(fs.f_files - fs.f_ffree, ==, 3);
	g_assert_cmpuint(fs.f_blocks, ==, fs.f_bfree + 1);
	unsigned long wanted = ST_NOSUID | ST_NODEV | ST_NOEXEC;
	g_assert_cmpuint(fs.f_flag & wanted, ==, wanted);

	g_autofree char *mounts = NULL;
	g_assert_true(g_file_get_contents("/proc/self/mounts", &mounts, NULL, NULL));
	g_autofree char *line = g_strdup_printf("mailtree %s fuse.mailtree rw,", server.dir);
	const char *found = strstr(mounts, line);
	g_assert_nonnull(found);
	g_autofree char *options = g_strndup(found, strcspn(found, "\n"));
	g_assert_null(strstr(options, "allow_other"));
	server_stop(&server);
}

static void
assert_xattr(const Server *server, const char *below, const char *name, const char *expected)
{
	char value[256];
	ssize_t length = getxattr(at(server, below), name, value, sizeof value - 1);

	if (length < 0)
		g_error("%s of %s: %s", name, below, g_strerror(errno));
	g_assert_cmpint(getxattr(at(server, below), name, NULL, 0), ==, length);
	value[length] = '\0';
	g_assert_cmpstr(value, ==, expected);
}

static void
assert_xattr_fails(const Server *server, const char *below, const char *name, int expected)
{
	char value[256];

	g_assert_cmpint(getxattr(at(server, below), name, value, sizeof value), ==, -1);
	g_assert_cmpint(errno, ==, expected);
}

static void
test_extended_attributes(void)
{
	static const char mail[] = "mail/web4u/INBOX/" FIRST ".eml", text[] = "text/web4u/INBOX/" FIRST ".txt";
	Server server;
	char list[512];

	server_start(&server);
	for (const char *const *path = (const char *const[]){ mail, text, NULL }; *path; path++) {
		assert_xattr(&server, *path, "user.imap.flags", "\\Seen");
		assert_xattr(&server, *path, "user.imap.uid", "1");
		assert_xattr(&server, *path, "user.imap.internaldate", "14-Nov-2023 22:13:21 +0000");
		assert_xattr(&server, *path, "user.imap.message-id", "<first@example.cz>");
		assert_xattr(&server, *path, "user.mailtree.state", "cached");
		assert_xattr_fails(&server, *path, "user.other", ENODATA);
		assert_xattr_fails(&server, *path, "security.selinux", EOPNOTSUPP);
		assert_xattr_fails(&server, *path, "system.posix_acl_access", EOPNOTSUPP);
		ssize_t length = listxattr(at(&server, *path), list, sizeof list);
		g_assert_cmpint(length, >, 0);
		g_assert_cmpint(listxattr(at(&server, *path), NULL, 0), ==, length);
		g_assert_cmpint(listxattr(at(&server, *path), list, 3), ==, -1);
		g_assert_cmpint(errno, ==, ERANGE);
		unsigned found = 0;
		for (const char *name = list; name < list + length; name += strlen(name) + 1)
			found += strcmp(name, "user.imap.flags") == 0 || strcmp(name, "user.mime_type") == 0;
		g_assert_cmpuint(found, ==, 2);
	}
	assert_xattr(&server, mail, "user.mime_type", "message/rfc822");
	assert_xattr(&server, text, "user.mime_type", "text/plain");
	assert_xattr(&server, "mail/web4u/INBOX/" SECOND ".eml", "user.imap.message-id", "");
	assert_xattr_fails(&server, "mail/web4u", "user.imap.uid", ENODATA);
	assert_xattr_fails(&server, "mail/web4u", "security.capability", EOPNOTSUPP);
	g_assert_cmpint(listxattr(at(&server, "mail/web4u"), list, sizeof list), ==, 0);
	server_stop(&server);
}

#define assert_read_only(call) \
	do { \
		errno = 0; \
		g_assert_cmpint((call), ==, -1); \
		g_assert_cmpint(errno, ==, EROFS); \
	} while (0)

static void
test_text_cannot_be_written(void)
{
	static const char *const folders[] = { "text", "text/web4u", "text/web4u/INBOX", NULL };
	static const char *const files[] = { "text/web4u/INBOX/" FIRST ".txt", NULL };
	Server server;

	server_start(&server);
	for (const char *const *folder = folders; *folder; folder++) {
		g_autofree char *path = g_build_filename(server.dir, *folder, "new", NULL);
		assert_read_only(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
		assert_read_only(mkdir(path, 0700));
		assert_read_only(symlink("target", path));
		assert_read_only(mknod(path, S_IFIFO | 0600, 0));
		assert_read_only(link(at(&server, files[0]), path));
		assert_read_only(chmod(at(&server, *folder), 0500));
		assert_read_only(setxattr(at(&server, *folder), "user.x", "1", 1, 0));
	}
	for (const char *const *file = files; *file; file++) {
		g_autofree char *path = g_strdup(at(&server, *file));
		const struct timespec times[2] = { { 1, 0 }, { 1, 0 } };
		assert_read_only(open(path, O_WRONLY | O_CLOEXEC));
		assert_read_only(open(path, O_RDWR | O_CLOEXEC));
		assert_read_only(open(path, O_RDONLY | O_TRUNC | O_CLOEXEC));
		assert_read_only(truncate(path, 0));
		assert_read_only(unlink(path));
		assert_read_only(rename(path, at(&server, "text/web4u/INBOX/new")));
		assert_read_only(chmod(path, 0600));
		assert_read_only(chown(path, getuid(), getgid()));
		assert_read_only(utimensat(AT_FDCWD, path, times, 0));
		assert_read_only(setxattr(path, "user.imap.flags", "", 0, 0));
		assert_read_only(removexattr(path, "user.imap.flags"));
		assert_read_only(access(path, W_OK));
		g_assert_cmpint(access(path, R_OK), ==, 0);
	}
	assert_read_only(rmdir(at(&server, "text/web4u/INBOX")));
	server_stop(&server);
}

static void
test_inodes_survive_remounting(void)
{
	static const char *const paths[] = {
		"", "README", "status", "mail", "mail/web4u", "mail/web4u/Archiv", "mail/web4u/INBOX/" FIRST ".eml",
		"mail/web4u/Archiv/2024/" NESTED ".eml", "text/web4u/Archiv", "text/web4u/INBOX/" FIRST ".txt",
	};
	Server server;
	ino_t before[G_N_ELEMENTS(paths)];
	g_autoptr(GHashTable) all = g_hash_table_new(g_int64_hash, g_int64_equal);

	server_start(&server);
	for (gsize i = 0; i < G_N_ELEMENTS(paths); i++) {
		before[i] = stat_of(&server, paths[i]).st_ino;
		g_assert_true(g_hash_table_add(all, &before[i]));
	}
	run(&server, do_close);
	run(&server, do_open);
	for (gsize i = G_N_ELEMENTS(paths); i-- > 0;)
		g_assert_cmpuint(stat_of(&server, paths[i]).st_ino, ==, before[i]);
	server_stop(&server);
}

/* readdir() tells the numbers and types that stat() tells, with and without the kernel having asked for attributes. */
static void
test_listing_agrees_with_attributes(void)
{
	static const char *const folders[] = { "", "mail", "mail/web4u", "text/web4u/INBOX", NULL };
	Server server;

	server_start(&server);
	for (unsigned round = 0; round < 3; round++) {
		for (const char *const *folder = folders; *folder; folder++) {
			DIR *dir = opendir(at(&server, *folder));
			const struct dirent *entry;
			unsigned dots = 0;
			g_assert_nonnull(dir);
			while ((entry = readdir(dir))) {
				struct stat st;
				g_assert_cmpint(fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW), ==, 0);
				g_assert_cmpint(entry->d_type, ==, IFTODT(st.st_mode));
				dots += entry->d_name[0] == '.';
				if (entry->d_name[0] != '.')
					g_assert_cmpuint(entry->d_ino, ==, st.st_ino);
			}
			g_assert_cmpuint(dots, ==, 2);
			closedir(dir);
		}
	}
	server_stop(&server);
}

/* Names that users gave have .txt behind them, even where that cuts them; what the kernel would refuse is left out. */
static void
test_unusual_names(void)
{
	g_autofree char *longest = g_strnfill(255, 'x');
	g_autofree char *cut = g_strdup(longest);
	Server server;

	memcpy(cut + 251, ".txt", 4);
	server_start(&server);
	int64_t folder = run(&server, do_mailbox, .a = server.account, .name = "names");
	add_message(&server, folder, 1, "plain", SECOND_BODY);
	add_message(&server, folder, 2, "note.txt", FIRST_BODY);
	add_message(&server, folder, 3, longest, NESTED_BODY);
	add_message(&server, folder, 4, "..", "");
	add_message(&server, folder, 5, "a/b", "x");
	run(&server, do_settle);

	g_autofree char *mail_names = g_strdup_printf("note.txt|plain|%s|", longest);
	g_autofree char *text_names = g_strdup_printf("note.txt.txt|plain.txt|%s|", cut);
	assert_names(&server, "mail/web4u/names", mail_names);
	assert_names(&server, "text/web4u/names", text_names);
	g_assert_cmpint(stat_of(&server, "mail/web4u/names/note.txt").st_size, ==, strlen(FIRST_BODY));
	g_autofree char *path = g_strconcat("text/web4u/names/", cut, NULL);
	g_autofree char *text = content_of(&server, path);
	g_assert_nonnull(strstr(text, "Nested body."));
	g_autofree char *plain = content_of(&server, "text/web4u/names/plain.txt");
	g_assert_nonnull(strstr(plain, "Second body."));
	g_assert_false(exists(&server, "text/web4u/names/plain"));
	g_assert_false(exists(&server, "text/web4u/names/note.txt"));
	server_stop(&server);
}

/* After derived.db was lost, sizes and bytes are what they were. */
static void
test_text_is_derived_again(void)
{
	static const char path[] = "text/web4u/INBOX/" FIRST ".txt", other[] = "text/web4u/INBOX/" SECOND ".txt";
	Server server;

	server_start(&server);
	g_autofree char *before = content_of(&server, path);
	run(&server, do_close);
	for (const char *const *name = (const char *const[]){ "", "-wal", "-shm", NULL }; *name; name++) {
		g_autofree char *file = g_strdup_printf("%s/store/derived.db%s", server.root, *name);
		g_assert_true(g_unlink(file) == 0 || **name);
	}
	run(&server, do_open);
	assert_names(&server, "text/web4u/INBOX", FIRST ".txt|" SECOND ".txt|");
	struct stat st = stat_of(&server, path);
	g_assert_cmpuint((guint64)st.st_size, ==, strlen(before));
	assert_content(&server, path, before);
	g_autofree char *text = content_of(&server, other);
	g_assert_nonnull(strstr(text, "Second body."));
	server_stop(&server);
}

/* One unreadable body is an error for who reads it, and for nobody else. */
static void
test_damaged_body(void)
{
	Server server;
	char bytes[16];

	server_start(&server);
	run(&server, do_close);
	g_autofree char *bodies = g_build_filename(server.root, "store", "bodies", "1", NULL);
	g_assert_cmpint(truncate(bodies, strlen(FIRST_BODY)), ==, 0);
	g_autofree char *derived = g_build_filename(server.root, "store", "derived.db", NULL);
	g_unlink(derived);
	run(&server, do_open);

	assert_names(&server, "mail/web4u/INBOX", FIRST ".eml|" SECOND ".eml|");
	int fd = open(at(&server, "mail/web4u/INBOX/" SECOND ".eml"), O_RDONLY | O_CLOEXEC);
	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(pread(fd, bytes, sizeof bytes, 0), ==, -1);
	g_assert_cmpint(errno, ==, EIO);
	close(fd);
	g_assert_cmpint(open(at(&server, "text/web4u/INBOX/" SECOND ".txt"), O_RDONLY | O_CLOEXEC), ==, -1);
	g_assert_cmpint(errno, ==, EIO);
	assert_content(&server, "mail/web4u/INBOX/" FIRST ".eml", FIRST_BODY);
	g_autofree char *text = content_of(&server, "text/web4u/INBOX/" FIRST ".txt");
	g_assert_nonnull(strstr(text, "žluťoučký"));
	server_stop(&server);
}

static int64_t
do_refused_mount(World *world, const Call *call)
{
	const FsCalls calls = { "", world_status, world };
	g_autoptr(GError) error = NULL;

	g_assert_null(fs_mount_new(call->name, world->store, &calls, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_IO);
	g_assert_null(strchr(error->message, '\n'));
	return strstr(error->message, call->text) ? 1 : (g_test_message("%s", error->message), 0);
}

static int64_t
do_mount_without_program(World *world, const Call *call)
{
	g_setenv("PATH", "/nonexistent", TRUE);
	return do_refused_mount(world, call);
}

static void
assert_refused(Server *server, int64_t (*fn)(World *, const Call *), const char *dir, const char *words)
{
	Call call = { .fn = fn };

	g_strlcpy(call.name, dir, sizeof call.name);
	g_strlcpy(call.text, words, sizeof call.text);
	g_assert_cmpint(call_server(server, call), ==, 1);
}

static void
test_unfit_mount_points(void)
{
	Server server;

	server_start(&server);
	g_autofree char *missing = g_build_filename(server.root, "missing", NULL);
	g_autofree char *file = g_build_filename(server.root, "store", "mail.db", NULL);
	g_autofree char *fresh = g_build_filename(server.root, "fresh", NULL);
	g_assert_cmpint(g_mkdir(fresh, 0700), ==, 0);
	assert_refused(&server, do_refused_mount, server.root, "it is not empty: choose an empty directory");
	assert_refused(&server, do_refused_mount, missing, "No such file or directory");
	assert_refused(&server, do_refused_mount, file, "it is not a directory");
	assert_refused(&server, do_refused_mount, server.dir, "mailtree is mounted there");
	assert_refused(&server, do_refused_mount, "/proc", "something is mounted there: choose another directory");
	assert_refused(&server, do_mount_without_program, fresh, "install fuse3");
	assert_content(&server, "README", "Read me.\n"); /* the mount that was there has taken no harm */
	kill(server.pid, SIGKILL); /* it has lost its PATH, so it cannot unmount */
	waitpid(server.pid, NULL, 0);
	unmount_below(server.dir);
	close(server.socket);
	remove_all(server.root);
	g_free(server.root);
	g_free(server.dir);
}

static int
run_tests(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	if (fuse_is_unusable()) {
		g_test_add_func("/fs/usable", skip_without_fuse);
		return g_test_run();
	}
	g_test_add_func("/fs/tree", test_tree);
	g_test_add_func("/fs/content", test_content);
	g_test_add_func("/fs/large-message", test_large_message);
	g_test_add_func("/fs/readers-wait-for-no-writer", test_readers_wait_for_no_writer);
	g_test_add_func("/fs/attributes", test_attributes);
	g_test_add_func("/fs/extended-attributes", test_extended_attributes);
	g_test_add_func("/fs/writing-is-refused", test_text_cannot_be_written);
	g_test_add_func("/fs/inodes-survive-remounting", test_inodes_survive_remounting);
	g_test_add_func("/fs/listing-agrees-with-attributes", test_listing_agrees_with_attributes);
	g_test_add_func("/fs/unusual-names", test_unusual_names);
	g_test_add_func("/fs/text-is-derived-again", test_text_is_derived_again);
	g_test_add_func("/fs/damaged-body", test_damaged_body);
	g_test_add_func("/fs/unfit-mount-points", test_unfit_mount_points);
	return g_test_run();
}

int
main(int argc, char **argv)
{
	return guard(run_tests, argc, argv);
}
