/* fs: the kernel remembers names in maildir/, and is told of each that has become wrong, whoever looks meanwhile. */
#include "fs-maildir-server.h"

#define LOOKERS 3

typedef struct {
	const Server *server;
	const char *const *names; /* below the account */
	pthread_t threads[LOOKERS];
	_Atomic bool stop;
} Looker;

static void *
look_all_the_time(void *data)
{
	const Looker *looker = data;
	g_autofree char *top = g_build_filename(looker->server->dir, "maildir/web4u", NULL);
	g_autofree char *cur = g_build_filename(top, "cur", NULL);
	const char *const *name = looker->names;

	for (unsigned i = 0; !looker->stop; i++) {
		name = *name ? name : looker->names;
		g_autofree char *path = g_build_filename(top, *name++, NULL);
		g_access(path, F_OK);
		g_autoptr(GDir) dir = i % 8 == 0 ? g_dir_open(i % 16 == 0 ? cur : top, 0, NULL) : NULL;
		while (dir && g_dir_read_name(dir)) {
		}
	}
	return NULL;
}

static void
looker_start(Looker *looker)
{
	for (unsigned i = 0; i < LOOKERS; i++)
		g_assert_cmpint(pthread_create(&looker->threads[i], NULL, look_all_the_time, looker), ==, 0);
}

static void
looker_stop(Looker *looker)
{
	looker->stop = true;
	for (unsigned i = 0; i < LOOKERS; i++)
		pthread_join(looker->threads[i], NULL);
}

static void
test_flags(void)
{
	static const struct {
		const char *flags, *name;
	} states[] = { { "\\Seen", "cur/" FIRST_BASE ":2,S" }, { "", "new/" FIRST_BASE }, { "\\Flagged", "cur/" FIRST_BASE ":2,F" },
		           { "\\Seen \\Flagged", "cur/" FIRST_BASE ":2,FS" } };
	static const char *const names[] = { "cur/" FIRST_BASE ":2,S", "cur/" FIRST_BASE ":2,F", "cur/" FIRST_BASE ":2,FS",
		                                 "new/" FIRST_BASE, "cur/" FIRST_BASE ":2,", NULL };
	Server server;
	Looker looker = { .server = &server, .names = names };

	server_start(&server);
	looker_start(&looker);
	for (unsigned i = 0; i < 200; i++) {
		unsigned now = (i + 1) % G_N_ELEMENTS(states);
		Call call = { .fn = do_flags, .a = server.inbox, .b = 1 };
		g_strlcpy(call.name, states[now].flags, sizeof call.name);
		call_server(&server, call);
		run(&server, do_settle);
		for (unsigned k = 0; k < G_N_ELEMENTS(states); k++) {
			g_autofree char *path = g_strconcat("maildir/web4u/", states[k].name, NULL);
			g_assert_cmpint(exists(&server, path), ==, k == now);
		}
	}
	looker_stop(&looker);
	server_stop(&server);
}

static void
test_a_folder(void)
{
	static const char *const names[] = { ".Archiv.2024/cur", ".Alt.2024/new", ".Archiv.2024", NULL };
	Server server;
	Looker looker = { .server = &server, .names = names };

	server_start(&server);
	looker_start(&looker);
	for (unsigned i = 0; i < 100; i++) {
		run(&server, do_rename_folder, .a = server.year, .name = "Alt/2024");
		run(&server, do_settle);
		g_assert_false(exists(&server, "maildir/web4u/.Archiv.2024"));
		g_assert_true(exists(&server, "maildir/web4u/.Alt.2024/cur"));
		run(&server, do_rename_folder, .a = server.year, .name = "Archiv/2024");
		run(&server, do_settle);
		g_assert_false(exists(&server, "maildir/web4u/.Alt.2024"));
		g_assert_true(exists(&server, "maildir/web4u/.Archiv.2024/cur"));
	}
	looker_stop(&looker);
	server_stop(&server);
}

/* A path that was never there is not remembered either: who walks down while folders are renamed can come to a folder
 * that was never below the one where he was. */
static void
test_a_path_that_never_was(void)
{
	static const char *const names[] = { ".Eins.Zwei", NULL };
	Server server;
	Looker looker = { .server = &server, .names = names };

	server_start(&server);
	int64_t one = run(&server, do_mailbox, .a = server.account, .name = "Eins");
	int64_t two = run(&server, do_mailbox, .a = server.account, .name = "Zwei");
	looker_start(&looker);
	for (unsigned i = 0; i < 300; i++) {
		run(&server, do_rename_folder, .a = one, .b = two, .name = "Drei|Drei/Zwei");
		run(&server, do_settle);
		g_assert_false(exists(&server, "maildir/web4u/.Eins.Zwei"));
		run(&server, do_rename_folder, .a = one, .b = two, .name = "Eins|Zwei");
		run(&server, do_settle);
		g_assert_false(exists(&server, "maildir/web4u/.Eins.Zwei"));
	}
	looker_stop(&looker);
	server_stop(&server);
}

static int
tests(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	if (fuse_is_unusable()) {
		g_test_add_func("/fs-maildir-races/mounted", skip_without_fuse);
		return g_test_run();
	}
	g_test_add_func("/fs-maildir-races/flags", test_flags);
	g_test_add_func("/fs-maildir-races/a-folder", test_a_folder);
	g_test_add_func("/fs-maildir-races/a-path-that-never-was", test_a_path_that_never_was);
	return g_test_run();
}

int
main(int argc, char **argv)
{
	return guard(tests, argc, argv);
}
