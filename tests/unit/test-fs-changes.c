/* fs: what is seen of changes, by several at once, and how a mount ends. */
#include "fs-server.h"

#include "fs/freshness.h"

#include <dirent.h>

/* Everything is looked at before each change, so that the kernel remembers what becomes stale. */

static void
test_message_added(void)
{
	static const char added[] = "2023-11-14 22.13 Dan - Third ~9";
	Server server;

	server_start(&server);
	g_autofree char *mail = g_strdup_printf("mail/web4u/INBOX/%s.eml", added);
	g_autofree char *text = g_strdup_printf("text/web4u/INBOX/%s.txt", added);
	assert_names(&server, "mail/web4u/INBOX", FIRST ".eml|" SECOND ".eml|");
	assert_names(&server, "text/web4u/INBOX", FIRST ".txt|" SECOND ".txt|");
	g_assert_false(exists(&server, mail));
	g_assert_false(exists(&server, text));

	g_autofree char *name = g_strconcat(added, ".eml", NULL);
	add_message(&server, server.inbox, 9, name, SECOND_BODY);
	run(&server, do_settle);
	g_assert_true(exists(&server, mail));
	g_assert_true(exists(&server, text));
	g_autofree char *names = names_in(&server, "mail/web4u/INBOX");
	g_assert_nonnull(strstr(names, name));
	g_autofree char *texts = names_in(&server, "text/web4u/INBOX");
	g_assert_nonnull(strstr(texts, added));
	assert_content(&server, mail, SECOND_BODY);
	server_stop(&server);
}

static int64_t
do_first_id(World *world, const Call *call)
{
	g_auto(StoreMessage) message = { 0 };

	check(store_message_find(world->store, call->a, call->name, &message, &error));
	return message.id;
}

static void
test_message_removed(void)
{
	Server server;
	char byte;

	server_start(&server);
	assert_content(&server, "mail/web4u/INBOX/" FIRST ".eml", FIRST_BODY);
	assert_names(&server, "text/web4u/INBOX", FIRST ".txt|" SECOND ".txt|");
	int fd = open(at(&server, "mail/web4u/INBOX/" SECOND ".eml"), O_RDONLY | O_CLOEXEC);
	g_assert_cmpint(read(fd, &byte, 1), ==, 1);

	int64_t first = run(&server, do_first_id, .a = server.inbox, .name = FIRST ".eml");
	run(&server, do_message_remove, .a = first);
	run(&server, do_settle);
	g_assert_false(exists(&server, "mail/web4u/INBOX/" FIRST ".eml"));
	g_assert_false(exists(&server, "text/web4u/INBOX/" FIRST ".txt"));
	assert_names(&server, "mail/web4u/INBOX", SECOND ".eml|");
	assert_names(&server, "text/web4u/INBOX", SECOND ".txt|");
	g_assert_cmpint(read(fd, &byte, 1), ==, 1); /* others are not disturbed */
	close(fd);
	server_stop(&server);
}

/* The name that a new UID brings after a UIDVALIDITY change. */
static int64_t
do_rename(World *world, const Call *call)
{
	const StoreMessage message = { .mailbox_id = call->a, .uid = 77, .internaldate_s = DATE_S + 1, .base_flags = "" };
	g_auto(StoreMessage) first = { 0 };
	StoreTxn *txn;

	check(store_message_find(world->store, call->a, FIRST ".eml", &first, &error));
	check(txn = store_begin(world->store, &error));
	check(store_mailbox_forget_uids(txn, call->a, 99, &error));
	check(store_message_match(txn, first.id, &message, call->name, &error));
	check(store_commit(txn, &error));
	return first.id;
}

static void
test_message_renamed(void)
{
	Server server;

	server_start(&server);
	ino_t inode = stat_of(&server, "mail/web4u/INBOX/" FIRST ".eml").st_ino;
	g_assert_true(exists(&server, "text/web4u/INBOX/" FIRST ".txt"));
	assert_names(&server, "mail/web4u/INBOX", FIRST ".eml|" SECOND ".eml|");
	run(&server, do_rename, .a = server.inbox, .name = "other ~77.eml");
	run(&server, do_settle);
	g_assert_cmpuint(stat_of(&server, "mail/web4u/INBOX/" FIRST ".eml").st_ino, ==, inode); /* unlisted */
	g_assert_false(exists(&server, "text/web4u/INBOX/" FIRST ".txt"));
	assert_names(&server, "mail/web4u/INBOX", SECOND ".eml|other ~77.eml|");
	assert_names(&server, "text/web4u/INBOX", SECOND ".txt|other ~77.txt|");
	g_assert_cmpuint(stat_of(&server, "mail/web4u/INBOX/other ~77.eml").st_ino, ==, inode);
	assert_content(&server, "mail/web4u/INBOX/other ~77.eml", FIRST_BODY);
	server_stop(&server);
}

static void
test_folders_come_and_go(void)
{
	Server server;

	server_start(&server);
	assert_names(&server, "mail", "empty|web4u|");
	assert_names(&server, "mail/web4u", "Archiv|INBOX|Koš|");
	assert_names(&server, "text/web4u/Archiv", "2024|");
	g_assert_false(exists(&server, "text/web4u/Archiv/2025"));

	int64_t year = run(&server, do_mailbox, .a = server.account, .name = "Archiv/2025");
	run(&server, do_mailbox, .a = server.account, .name = "Nové");
	run(&server, do_account, .name = "third");
	run(&server, do_settle);
	assert_names(&server, "text/web4u/Archiv", "2024|2025|");
	assert_names(&server, "mail/web4u", "Archiv|INBOX|Koš|Nové|");
	assert_names(&server, "mail", "empty|third|web4u|");
	g_assert_true(exists(&server, "text/web4u/Archiv/2025"));

	run(&server, do_mailbox_remove, .a = year);
	run(&server, do_mailbox_remove, .a = server.inbox);
	run(&server, do_settle);
	assert_names(&server, "text/web4u/Archiv", "2024|");
	assert_names(&server, "mail/web4u", "Archiv|Koš|Nové|");
	g_assert_false(exists(&server, "text/web4u/Archiv/2025"));
	g_assert_false(exists(&server, "mail/web4u/INBOX"));
	g_assert_false(exists(&server, "mail/web4u/INBOX/" FIRST ".eml"));
	server_stop(&server);
}

static int64_t
do_status(World *world, const Call *call)
{
	pthread_mutex_lock(&world->lock);
	g_free(world->status);
	world->status = call->a ? g_strnfill((gsize)call->a, (char)call->b) : g_strdup(call->name);
	pthread_mutex_unlock(&world->lock);
	if (call->b)
		fs_mount_status_changed(world->mount);
	return 0;
}

static void
test_status_is_read_anew(void)
{
	Server server;
	char bytes[64];

	server_start(&server);
	assert_content(&server, "status", "idle\n");
	assert_content(&server, "status.json", "{\"status\": \"idle\"}\n");
	int old = open(at(&server, "status"), O_RDONLY | O_CLOEXEC);
	g_assert_cmpint(old, >=, 0);
	run(&server, do_status, .name = "busy with a longer line");
	assert_content(&server, "status", "busy with a longer line\n");
	run(&server, do_status, .name = "x", .b = 1);
	assert_content(&server, "status", "x\n");
	assert_content(&server, "status.json", "{\"status\": \"x\"}\n");
	g_assert_cmpint(stat_of(&server, "status").st_size, ==, 2);
	g_assert_cmpint(read(old, bytes, sizeof bytes), ==, 5); /* who opened it earlier reads what was there then */
	close(old);
	server_stop(&server);
}

static void *
churn_status(void *data)
{
	World *world = data;
	g_autofree Call *call = g_new0(Call, 1);

	for (unsigned i = 0; !world->stop_churning; i++) {
		call->a = 1000 + i * 7919 % 300000;
		call->b = 'a' + i % 26;
		do_status(world, call);
	}
	return NULL;
}

static int64_t
do_churn_status(World *world, const Call *call)
{
	world->stop_churning = !call->a;
	if (call->a)
		g_assert_cmpint(pthread_create(&world->churner, NULL, churn_status, world), ==, 0);
	else
		pthread_join(world->churner, NULL);
	return 0;
}

/* One that changes all the time, and by size, is read as it was at one moment. */
static void
test_status_is_never_torn(void)
{
	Server server;

	server_start(&server);
	run(&server, do_churn_status, .a = 1);
	for (unsigned i = 0; i < 300; i++) {
		int fd = open(at(&server, "status"), O_RDONLY | O_CLOEXEC);
		g_autoptr(GString) content = g_string_new(NULL);
		char bytes[4096];
		struct stat st;
		ssize_t n;

		g_assert_cmpint(fd, >=, 0);
		while ((n = read(fd, bytes, sizeof bytes)) > 0)
			g_string_append_len(content, bytes, n);
		g_assert_cmpint(n, ==, 0);
		g_assert_cmpint(fstat(fd, &st), ==, 0);
		g_assert_cmpint(st.st_size, ==, content->len);
		if (content->len > 5) {
			g_assert_cmpuint(strspn(content->str, (char[]){ content->str[0], '\0' }), ==, content->len - 1);
			g_assert_cmpint(content->str[content->len - 1], ==, '\n');
		}
		close(fd);
	}
	run(&server, do_churn_status, .a = 0);
	server_stop(&server);
}

/* @b messages with UIDs from 100 in mailbox @a, in one transaction, all with the body of its first one. */
static int64_t
do_many(World *world, const Call *call)
{
	g_auto(StoreMessage) first = { 0 };
	StoreTxn *txn;
	int64_t id;

	check(store_message_find(world->store, call->a, FIRST ".eml", &first, &error));
	check(txn = store_begin(world->store, &error));
	for (int64_t i = 0; i < call->b; i++) {
		const StoreMessage message = { .mailbox_id = call->a, .uid = (uint32_t)(100 + i), .base_flags = "" };
		g_autofree char *name = g_strdup_printf("stable ~%d.eml", (int)i);
		check(store_message_insert(txn, &message, &id, &error));
		check(store_message_share_body(txn, id, first.body_id, name, first.header_sha256, &error));
	}
	check(store_commit(txn, &error));
	return id;
}

static void *
churn_messages(void *data)
{
	World *world = data;
	g_autofree Call *call = g_new0(Call, 1);
	int64_t ids[8] = { 0 };

	call->a = 1; /* INBOX is the first mailbox */
	call->length = strlen(SECOND_BODY);
	memcpy(call->text, SECOND_BODY, call->length);
	for (unsigned i = 0; !world->stop_churning; i++) {
		int64_t *id = &ids[i % G_N_ELEMENTS(ids)];
		if (*id)
			do_message_remove(world, &(Call){ .a = *id });
		call->b = 1000000 + i;
		g_snprintf(call->name, sizeof call->name, "passing ~%u.eml", i);
		*id = do_message(world, call);
	}
	return NULL;
}

static int64_t
do_churn_messages(World *world, const Call *call)
{
	world->stop_churning = !call->a;
	if (call->a)
		g_assert_cmpint(pthread_create(&world->churner, NULL, churn_messages, world), ==, 0);
	else
		pthread_join(world->churner, NULL);
	return 0;
}

#define MANY 20000

/* Every entry that is there all the time is listed exactly once, while others come and go. */
static void
list_once(const Server *server, const char *below)
{
	g_autofree uint8_t *seen = g_new0(uint8_t, MANY);
	DIR *dir = opendir(at(server, below));
	const struct dirent *entry;
	unsigned stable = 0;
	int number;

	g_assert_nonnull(dir);
	while ((entry = readdir(dir))) {
		if (sscanf(entry->d_name, "stable ~%d", &number) != 1)
			continue;
		g_assert_cmpint(number, <, MANY);
		g_assert_cmpuint(seen[number]++, ==, 0);
		stable++;
	}
	g_assert_cmpuint(stable, ==, MANY);
	closedir(dir);
}

static void
test_listing_while_it_changes(void)
{
	Server server;

	server_start(&server);
	g_assert_cmpint(server.inbox, ==, 1);
	run(&server, do_many, .a = server.inbox, .b = MANY);
	run(&server, do_settle);
	run(&server, do_churn_messages, .a = 1);
	for (unsigned i = 0; i < 5; i++) {
		list_once(&server, "mail/web4u/INBOX");
		list_once(&server, "text/web4u/INBOX");
	}
	run(&server, do_churn_messages, .a = 0);
	run(&server, do_settle);
	g_autofree char *before = names_in(&server, "mail/web4u/INBOX");
	int64_t first = run(&server, do_first_id, .a = server.inbox, .name = FIRST ".eml");
	run(&server, do_message_remove, .a = first);
	run(&server, do_settle);
	g_autofree char *after = names_in(&server, "mail/web4u/INBOX");
	g_assert_cmpuint(strlen(after), ==, strlen(before) - strlen(FIRST ".eml|"));
	server_stop(&server);
}

typedef struct {
	const Server *server;
	unsigned start;
	unsigned wrong;
} Reader;

#define READERS 8
#define FILES 200

static void *
read_files(void *data)
{
	Reader *reader = data;

	for (unsigned i = 0; i < FILES; i++) {
		unsigned number = (i + reader->start) % FILES;
		g_autofree char *path = g_strdup_printf("%s/mail/web4u/Koš/%u.eml", reader->server->dir, number);
		g_autofree char *expected = g_strdup_printf("Subject: %u\r\n\r\n%0*u\r\n", number, (int)(number * 17), number);
		g_autofree char *content = NULL;
		if (!g_file_get_contents(path, &content, NULL, NULL) || strcmp(content, expected) != 0)
			reader->wrong++;
	}
	return NULL;
}

static void
test_many_readers(void)
{
	Server server;
	pthread_t threads[READERS];
	Reader readers[READERS];

	server_start(&server);
	int64_t folder = run(&server, do_mailbox, .a = server.account, .name = "Koš");
	for (unsigned i = 0; i < FILES; i++) {
		g_autofree char *name = g_strdup_printf("%u.eml", i);
		g_autofree char *body = g_strdup_printf("Subject: %u\r\n\r\n%0*u\r\n", i, (int)(i * 17), i);
		add_message(&server, folder, i + 1, name, body);
	}
	for (unsigned i = 0; i < READERS; i++) {
		readers[i] = (Reader){ .server = &server, .start = i * FILES / READERS };
		g_assert_cmpint(pthread_create(&threads[i], NULL, read_files, &readers[i]), ==, 0);
	}
	for (unsigned i = 0; i < READERS; i++) {
		pthread_join(threads[i], NULL);
		g_assert_cmpuint(readers[i].wrong, ==, 0);
	}
	server_stop(&server);
}

static int64_t
do_gone(World *world, const Call *call)
{
	struct pollfd fd = { .fd = fs_mount_gone_fd(world->mount), .events = POLLIN };

	return poll(&fd, 1, (int)call->a);
}

static void
test_unmounted_by_somebody_else(void)
{
	const char *arguments[] = { "fusermount3", "-u", "-z", "--", NULL, NULL }; /* other views are mounted inside */
	int status;
	Server server;

	server_start(&server);
	assert_content(&server, "README", "Read me.\n");
	g_assert_cmpint(run(&server, do_gone, .a = 0), ==, 0);
	arguments[4] = server.dir;
	g_assert_true(g_spawn_sync(NULL, (char **)(uintptr_t)arguments, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
	                           &status, NULL));
	g_assert_cmpint(status, ==, 0);
	g_assert_cmpint(run(&server, do_gone, .a = 10000), ==, 1);
	assert_names(&server, "", "");
	add_message(&server, server.inbox, 9, "late.eml", SECOND_BODY); /* nobody is told, and nothing breaks */
	run(&server, do_settle);
	run(&server, do_unmount);
	run(&server, do_mount);
	g_assert_true(exists(&server, "mail/web4u/INBOX/late.eml"));
	server_stop(&server);
}

/* Somebody's working directory and open file do not keep the program from ending. */
static void
test_unmounting_while_busy(void)
{
	Server server;
	char byte;

	server_start(&server);
	int dir = open(at(&server, "mail/web4u"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int file = open(at(&server, "mail/web4u/INBOX/" SECOND ".eml"), O_RDONLY | O_CLOEXEC);
	g_assert_cmpint(dir, >=, 0);
	g_assert_cmpint(file, >=, 0);
	run(&server, do_unmount);
	assert_names(&server, "", "");
	g_assert_cmpint(read(file, &byte, 1), ==, -1);
	g_assert_cmpint(faccessat(dir, "nobody", F_OK, 0), ==, -1);
	close(dir);
	close(file);
	run(&server, do_mount);
	assert_content(&server, "README", "Read me.\n");
	server_stop(&server);
}

/* What a server that was killed left behind is no obstacle to the next one. */
static void
test_killed_server(void)
{
	Server server;
	char byte;

	server_start(&server);
	int file = open(at(&server, "mail/web4u/INBOX/" SECOND ".eml"), O_RDONLY | O_CLOEXEC);
	g_assert_cmpint(kill(server.pid, SIGKILL), ==, 0);
	g_assert_cmpint(waitpid(server.pid, NULL, 0), ==, server.pid);
	g_assert_cmpint(read(file, &byte, 1), ==, -1);
	close(file);
	close(server.socket);
	server.pid = start_server(&server);
	run(&server, do_mount);
	assert_content(&server, "mail/web4u/INBOX/" SECOND ".eml", SECOND_BODY);
	server_stop(&server);
}

typedef struct {
	const Server *server;
	_Atomic bool stop;
} Looker;

static void *
look_all_the_time(void *data)
{
	Looker *looker = data;
	g_autofree char *mail = g_strdup_printf("%s/mail/web4u/INBOX", looker->server->dir);
	g_autofree char *file = g_build_filename(mail, "passing.eml", NULL);

	while (!looker->stop) {
		g_autoptr(GDir) dir = g_dir_open(mail, 0, NULL);
		while (dir && g_dir_read_name(dir)) {
		}
		g_access(file, F_OK);
	}
	return NULL;
}

/* Listings and look-ups under way while something changes do not leave the kernel with what was before. */
static void
test_looking_while_it_changes(void)
{
	Server server;
	pthread_t threads[3];
	Looker looker = { .server = &server };

	server_start(&server);
	for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
		g_assert_cmpint(pthread_create(&threads[i], NULL, look_all_the_time, &looker), ==, 0);
	for (unsigned i = 0; i < 150; i++) {
		int64_t id = add_message(&server, server.inbox, 100 + i, "passing.eml", SECOND_BODY);
		run(&server, do_settle);
		assert_names(&server, "mail/web4u/INBOX", FIRST ".eml|" SECOND ".eml|passing.eml|");
		g_assert_true(exists(&server, "mail/web4u/INBOX/passing.eml"));
		run(&server, do_message_remove, .a = id);
		run(&server, do_settle);
		assert_names(&server, "mail/web4u/INBOX", FIRST ".eml|" SECOND ".eml|");
		g_assert_false(exists(&server, "mail/web4u/INBOX/passing.eml"));
	}
	looker.stop = true;
	for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
		pthread_join(threads[i], NULL);
	server_stop(&server);
}

/* No memory for a thread is an error that leaves nothing mounted, and no end of the process. */
static void
test_no_thread_for_telling(void)
{
	g_autoptr(GError) error = NULL;
	pthread_attr_t usual, huge;

	g_assert_cmpint(pthread_getattr_default_np(&usual), ==, 0);
	pthread_attr_init(&huge);
	g_assert_cmpint(pthread_attr_setstacksize(&huge, (size_t)1 << 50), ==, 0);
	g_assert_cmpint(pthread_setattr_default_np(&huge), ==, 0);
	FsFreshness *freshness = fs_freshness_new(NULL, FS_INODE_ROOT, &error);
	g_assert_cmpint(pthread_setattr_default_np(&usual), ==, 0);
	pthread_attr_destroy(&huge);
	pthread_attr_destroy(&usual);
	g_assert_null(freshness);
	g_assert_error(error, CORE_ERROR, CORE_ERROR_IO);
}

static int
run_tests(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fs-changes/no-thread-for-telling", test_no_thread_for_telling);
	if (fuse_is_unusable()) {
		g_test_add_func("/fs-changes/usable", skip_without_fuse);
		return g_test_run();
	}
	g_test_add_func("/fs-changes/message-added", test_message_added);
	g_test_add_func("/fs-changes/message-removed", test_message_removed);
	g_test_add_func("/fs-changes/message-renamed", test_message_renamed);
	g_test_add_func("/fs-changes/folders-come-and-go", test_folders_come_and_go);
	g_test_add_func("/fs-changes/status-is-read-anew", test_status_is_read_anew);
	g_test_add_func("/fs-changes/status-is-never-torn", test_status_is_never_torn);
	g_test_add_func("/fs-changes/listing-while-it-changes", test_listing_while_it_changes);
	g_test_add_func("/fs-changes/many-readers", test_many_readers);
	g_test_add_func("/fs-changes/unmounted-by-somebody-else", test_unmounted_by_somebody_else);
	g_test_add_func("/fs-changes/unmounting-while-busy", test_unmounting_while_busy);
	g_test_add_func("/fs-changes/killed-server", test_killed_server);
	g_test_add_func("/fs-changes/looking-while-it-changes", test_looking_while_it_changes);
	return g_test_run();
}

int
main(int argc, char **argv)
{
	return guard(run_tests, argc, argv);
}
