/* Names that messages had. */
#include "fs/alias.h"

#include <glib.h>

static void
test_the_last_one_counts(void)
{
	FsAliases *aliases = fs_aliases_new();

	fs_aliases_note(aliases, 1, "a", 10);
	fs_aliases_note(aliases, 2, "a", 20);
	fs_aliases_note(aliases, 1, "a", 11);
	g_assert_cmpint(fs_aliases_find(aliases, 1, "a"), ==, 11);
	g_assert_cmpint(fs_aliases_find(aliases, 2, "a"), ==, 20);
	g_assert_cmpint(fs_aliases_find(aliases, 1, "b"), ==, 0);
	fs_aliases_free(aliases);
}

static void
test_the_oldest_are_forgotten(void)
{
	const unsigned count = 20000, kept = 16384;
	FsAliases *aliases = fs_aliases_new();
	char name[16];

	for (unsigned i = 1; i <= count; i++) {
		g_snprintf(name, sizeof name, "%u", i);
		fs_aliases_note(aliases, 1, name, i);
	}
	fs_aliases_note(aliases, 1, "5000", 7); /* is the latest now */
	g_snprintf(name, sizeof name, "%u", count - kept);
	g_assert_cmpint(fs_aliases_find(aliases, 1, name), ==, 0);
	g_snprintf(name, sizeof name, "%u", count - kept + 1);
	g_assert_cmpint(fs_aliases_find(aliases, 1, name), ==, count - kept + 1);
	g_assert_cmpint(fs_aliases_find(aliases, 1, "5000"), ==, 7);
	fs_aliases_free(aliases);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fs/alias/last", test_the_last_one_counts);
	g_test_add_func("/fs/alias/bound", test_the_oldest_are_forgotten);
	return g_test_run();
}
