/* src/change: what the owner of the store makes of the words of a command; test_commands.py has the commands. */
#include "change.h"
#include "control.h"
#include "store-fixture.h"

static const char settings[] = "[account home]\nhost = localhost\nuser = u\npassword_command = true\n";

static Config *
make_config(void)
{
	g_autoptr(GError) error = NULL;
	Config *config = config_parse("/config", settings, strlen(settings), &error);

	g_assert_no_error(error);
	return config;
}

static void
test_a_store_that_cannot_tell_is_an_error(Fixture *fixture, const void *data)
{
	static const char *const verbs[] = { "confirm", "retry", "undo" };
	g_autoptr(Config) config = make_config();
	ChangeContext context = { .store = fixture->store, .config = config };
	ChangeResult result = { 0 };

	sql(fixture, "ALTER TABLE accounts RENAME COLUMN name TO label");
	for (gsize i = 0; i < G_N_ELEMENTS(verbs); i++) {
		const char *const words[] = { verbs[i], "home", NULL };
		g_autoptr(GError) error = NULL;
		g_assert_false(change_do(&context, words, &result, &error));
		g_assert_error(error, CORE_ERROR, CORE_ERROR_IO);
	}
	sql(fixture, "ALTER TABLE accounts RENAME COLUMN label TO name");
}

static void
test_people_may_name_what_was_never_synchronised(Fixture *fixture, const void *data)
{
	g_autoptr(Config) config = make_config();
	ChangeContext context = { .store = fixture->store, .config = config };
	const char *const words[] = { "confirm", "home", NULL };
	g_autoptr(GError) error = NULL;
	ChangeResult result = { .count = 7 };

	sql(fixture, "UPDATE accounts SET name = 'other'");
	g_assert_true(change_do(&context, words, &result, &error));
	g_assert_no_error(error);
	g_assert_cmpuint(result.count, ==, 0);
}

static void
test_words_travel_as_one_line(void)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();

	g_ptr_array_add(words, (char *)(uintptr_t) "a\tb\n\\ \"č\"\x01");
	g_ptr_array_add(words, (char *)(uintptr_t) "");
	while (words->len < CONTROL_LINE_MAX / 2)
		g_ptr_array_add(words, (char *)(uintptr_t) "x");
	g_ptr_array_add(words, NULL);
	g_autofree char *line = change_to_line((const char *const *)words->pdata);
	g_auto(GStrv) back = change_from_line(line);
	g_assert_null(strchr(line, '\n'));
	g_assert_true(g_str_is_ascii(line));
	g_assert_true(g_strv_equal((const char *const *)words->pdata, (const char *const *)back));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add("/change/" #name, Fixture, NULL, fixture_set_up, test_##name, fixture_tear_down)
	ADD(a_store_that_cannot_tell_is_an_error);
	ADD(people_may_name_what_was_never_synchronised);
	g_test_add_func("/change/words_travel_as_one_line", test_words_travel_as_one_line);
	return g_test_run();
}
