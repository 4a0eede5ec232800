/* sync/path: server names to directories, and the folders that are wanted. */
#include "sync/path.h"

#include <glib.h>
#include <stdint.h>
#include <string.h>

typedef struct {
	const char *server_name;
	char separator;
	bool utf8;
	const char *path; /* components joined by '|'; NULL: cannot be shown */
} PathRow;

static const PathRow path_rows[] = {
	{ "INBOX", '/', false, "INBOX" },
	{ "inbox", '.', false, "INBOX" },
	{ "Inbox.Sub", '.', false, "INBOX|Sub" },
	{ "INBOXES", '/', false, "INBOXES" },
	{ "Archiv/2024", '/', false, "Archiv|2024" },
	{ "Archiv.2024", '.', false, "Archiv|2024" },
	{ "Archiv.2024", '/', false, "Archiv.2024" },
	{ "a/b", '.', false, "a%2Fb" },
	{ "flat.name", 0, false, "flat.name" },
	{ "Odeslan&AOE-", '/', false, "Odeslaná" },
	{ "&ZeVnLIqe-", '/', false, "日本語" },
	{ "&-", '/', false, "&" },
	{ "&bad", '/', false, "%26bad" },
	{ "Odeslaná", '/', true, "Odeslaná" },
	{ "..", '/', false, "%2E%2E" },
	{ ".", '/', false, "%2E" },
	{ "../../etc", '/', false, "%2E%2E|%2E%2E|etc" },
	{ "...", '/', false, "..." },
	{ ".hidden", '/', false, ".hidden" },
	{ "a//b", '/', false, "a|%00|b" },
	{ "/a", '/', false, "%00|a" },
	{ "dir/", '/', false, "dir" },
	{ "100%", '/', false, "100%" },
	{ "%2F", '/', false, "%252F" },
	{ "50%25", '/', false, "50%2525" },
	{ "x\x01y", '/', false, "x%01y" },
	{ "del\x7f", '/', false, "del%7F" },
	{ "latin\xe9", '/', true, "latin%E9" },
	{ "c1\xc2\x85", '/', true, "c1%C2%85" },
	{ "", '/', false, NULL },
};

static void
test_names(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(path_rows); i++) {
		const PathRow *row = &path_rows[i];
		g_auto(GStrv) parts = sync_path_from_server(row->server_name, strlen(row->server_name), row->separator, row->utf8);
		g_autofree char *joined = parts ? g_strjoinv("|", parts) : NULL;
		g_test_message("%s", row->server_name);
		g_assert_cmpstr(joined, ==, row->path);
	}
	g_assert_null(sync_path_from_server("a\0b", 3, '/', false));
}

/* No two different names of a server may become one directory. */
static void
test_one_to_one(void)
{
	static const char bytes[] = { 'a', '%', '2', 'F', '.', '&', '-', '\x01', '\xc3', '\xa9' };
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

	for (int n = 0; n < 10000; n++) {
		char name[5] = { bytes[n % 10], bytes[n / 10 % 10], bytes[n / 100 % 10], bytes[n / 1000 % 10] };
		for (size_t length = 1; length <= 4; length++) {
			g_autofree char *cut = g_strndup(name, length);
			g_auto(GStrv) parts = sync_path_from_server(cut, length, '/', true);
			char *joined = g_strjoinv("/", parts);
			const char *other = g_hash_table_lookup(seen, joined);
			g_assert_true(!other || strcmp(other, cut) == 0);
			g_assert_true(g_utf8_validate(joined, -1, NULL));
			g_hash_table_replace(seen, joined, g_steal_pointer(&cut));
		}
	}
}

typedef struct {
	const char *path; /* components joined by '|' */
	char separator;
	bool utf8;
	const char *server_name; /* NULL: it cannot be one */
} ToServerRow;

static const ToServerRow to_server_rows[] = {
	{ "INBOX", '/', false, "INBOX" },
	{ "INBOX|Sub", '.', false, "INBOX.Sub" },
	{ "inbox", '/', false, NULL },
	{ "Inbox|Sub", '/', false, NULL },
	{ "Archiv|INBOX", '/', false, "Archiv/INBOX" },
	{ "Archiv|2024", '/', false, "Archiv/2024" },
	{ "Archiv|2024", '.', false, "Archiv.2024" },
	{ "Archiv|2024", 0, false, NULL },
	{ "Archiv.2024", '/', false, "Archiv.2024" },
	{ "Archiv.2024", '.', false, NULL },
	{ "v1.0", 0, false, "v1.0" },
	{ "a%2Fb", '.', false, "a/b" },
	{ "a%2Fb", '/', false, NULL },
	{ "a%2Eb", '.', false, NULL },
	{ "Odeslaná", '/', false, "Odeslan&AOE-" },
	{ "Odeslaná", '/', true, "Odeslaná" },
	{ "日本語|☺", '/', false, "&ZeVnLIqe-/&Jjo-" },
	{ "R&D", '/', false, "R&-D" },
	{ "R&D", '/', true, "R&D" },
	{ "%26bad", '/', false, NULL }, /* only a name that is no modified UTF-7 looks so */
	{ "100%", '/', false, "100%" },
	{ "50%25", '/', false, NULL },
	{ "50%2525", '/', false, "50%25" },
	{ "%2f", '.', false, NULL }, /* escapes are written in capitals */
	{ "%41", '/', false, NULL },
	{ "%00", '/', false, NULL },
	{ "a|%00|b", '/', false, NULL },
	{ "%2E%2E", '/', false, NULL },
	{ "...", '/', false, "..." },
	{ "x%01y", '/', false, NULL },
	{ "latin%E9", '/', true, NULL },
	{ "latin%E9", '/', false, NULL },
	{ "c1%C2%85", '/', true, NULL },
	{ "-rf", '/', false, "-rf" },
	{ "a\\\"b", '/', false, "a\\\"b" },
};

static void
test_to_server(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(to_server_rows); i++) {
		const ToServerRow *row = &to_server_rows[i];
		g_auto(GStrv) components = g_strsplit(row->path, "|", -1);
		g_autofree char *name = sync_path_to_server(components, row->separator, row->utf8);
		g_test_message("%s", row->path);
		g_assert_cmpstr(name, ==, row->server_name);
	}

	g_autofree char *long_name = g_strnfill(300, 'x');
	char *too_long[] = { long_name, NULL };
	g_assert_null(sync_path_to_server(too_long, '/', false));
	char *deep[SYNC_PATH_MAX_DEPTH + 2] = { NULL };
	for (gsize i = 0; i < SYNC_PATH_MAX_DEPTH + 1; i++)
		deep[i] = (char *)(uintptr_t)"d";
	g_assert_null(sync_path_to_server(deep, '/', false));
	deep[SYNC_PATH_MAX_DEPTH] = NULL;
	g_autofree char *deepest = sync_path_to_server(deep, '/', false);
	g_assert_nonnull(deepest);
}

/* Whatever a user types: the name that the server would be given is shown as what was typed. */
static void
test_round_trip(void)
{
	static const char *const pieces[] = { "a", "B", ".", "/", "%", "2F", "26", "00", "&", "-", "AOk-", "é", "☺", "\x01", "\xff", " ",
		                              "INBOX", "inbox", "~", "日" };
	static const char separators[] = { '/', '.', '\\', '-', '&', 'a', 0 };
	unsigned given = 0;

	for (int n = 0; n < 200000; n++) {
		char *components[4] = { NULL };
		size_t depth = (size_t)g_test_rand_int_range(1, 4);
		char separator = separators[g_test_rand_int_range(0, G_N_ELEMENTS(separators))];
		bool utf8 = g_test_rand_bit();
		for (size_t i = 0; i < depth; i++) {
			GString *component = g_string_new(NULL);
			for (int k = g_test_rand_int_range(1, 5); k > 0; k--)
				g_string_append(component, pieces[g_test_rand_int_range(0, G_N_ELEMENTS(pieces))]);
			components[i] = g_string_free(component, FALSE);
		}
		g_autofree char *name = sync_path_to_server(components, separator, utf8);
		if (name) {
			g_auto(GStrv) back = sync_path_from_server(name, strlen(name), separator, utf8);
			g_assert_nonnull(back);
			g_assert_true(g_strv_equal((const char *const *)back, (const char *const *)components));
			given++;
		}
		for (size_t i = 0; i < depth; i++)
			g_free(components[i]);
	}
	g_assert_cmpuint(given, >, 1000);
}

static void
test_bounds(void)
{
	g_autofree char *deep = g_strnfill(2 * SYNC_PATH_MAX_DEPTH, '/');
	g_assert_null(sync_path_from_server(deep, strlen(deep), '/', false));

	g_autofree char *longest = g_strnfill(SYNC_PATH_MAX_NAME, 'x'), *longer = g_strnfill(SYNC_PATH_MAX_NAME + 1, 'x');
	g_auto(GStrv) shown = sync_path_from_server(longest, strlen(longest), '/', false);
	g_assert_nonnull(shown);
	g_assert_null(sync_path_from_server(longer, strlen(longer), '/', false));

	GString *name = g_string_new(NULL);
	for (int i = 0; i < 200; i++)
		g_string_append(name, "ž");
	g_auto(GStrv) one = sync_path_from_server(name->str, name->len, '/', true);
	g_string_append(name, "x");
	g_auto(GStrv) two = sync_path_from_server(name->str, name->len, '/', true);
	g_assert_cmpuint(strlen(one[0]), <=, 255);
	g_assert_cmpuint(strlen(one[0]), >, 230);
	g_assert_true(g_utf8_validate(one[0], -1, NULL));
	g_assert_cmpstr(one[0], !=, two[0]);
	g_string_free(name, TRUE);
}

static void
test_tell_apart(void)
{
	g_autofree char *raw = sync_path_tell_apart("a/é", "a/é"), *encoded = sync_path_tell_apart("a/é", "a/&AOk-");
	g_autofree char *flat = sync_path_tell_apart("é", "é"), *again = sync_path_tell_apart("é", "é");

	g_assert_true(g_str_has_prefix(raw, "a/é~"));
	g_assert_cmpuint(strlen(raw), ==, strlen("a/é~") + 16);
	g_assert_cmpstr(raw, !=, encoded);
	g_assert_true(g_str_has_prefix(flat, "é~"));
	g_assert_cmpstr(flat, ==, again);

	/* As long as a component may be, and with a character where it is cut. */
	for (size_t spare = 0; spare < 20; spare++) {
		g_autofree char *x = g_strnfill(255 - 2 * 20 - spare, 'x');
		GString *path = g_string_new("above/");
		g_string_append(path, x);
		while (path->len + strlen("é") <= strlen("above/") + 255)
			g_string_append(path, "é");
		g_autofree char *apart = sync_path_tell_apart(path->str, "s");
		g_assert_cmpuint(strlen(apart), <=, strlen("above/") + 255);
		g_assert_cmpuint(strlen(apart), >=, strlen("above/") + 254);
		g_assert_true(g_utf8_validate(apart, -1, NULL));
		g_string_free(path, TRUE);
	}
}

static void
test_wanted(void)
{
	static const struct {
		const char *patterns, *path;
		bool wanted;
	} rows[] = {
		{ "", "INBOX", true },
		{ "*", "Archiv/2024", true },
		{ "%", "Archiv/2024", false },
		{ "%", "Archiv", true },
		{ "%/%", "Archiv/2024", true },
		{ "INBOX", "Archiv", false },
		{ "inbox", "INBOX", true },
		{ "* !Spam", "Spam", false },
		{ "* !Spam", "Spam/old", true },
		{ "!Spam*", "Spam/old", false },
		{ "!Spam*", "INBOX", true },
		{ "* !Spam* Spam/keep", "Spam/keep", true },
		{ "Archiv/*", "Archiv", false },
		{ "Archiv/*", "Archiv/a/b", true },
		{ "*a*b*c", "xaybzc", true },
		{ "*a%c", "b/ab/ac", true },
		{ "*a*b*d", "xaybzc", false },
		{ "A%Z/*", "AbZ/c", true },
		{ "A%Z/*", "Ab/Z/c", false },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_auto(GStrv) patterns = g_strsplit(rows[i].patterns, " ", -1);
		g_test_message("%s against %s", rows[i].path, rows[i].patterns);
		if (!*rows[i].patterns)
			g_assert_true(sync_path_wanted(NULL, rows[i].path));
		else
			g_assert_cmpint(sync_path_wanted(patterns, rows[i].path), ==, rows[i].wanted);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/sync/path/names", test_names);
	g_test_add_func("/sync/path/one-to-one", test_one_to_one);
	g_test_add_func("/sync/path/to-server", test_to_server);
	g_test_add_func("/sync/path/round-trip", test_round_trip);
	g_test_add_func("/sync/path/bounds", test_bounds);
	g_test_add_func("/sync/path/tell-apart", test_tell_apart);
	g_test_add_func("/sync/path/wanted", test_wanted);
	return g_test_run();
}
