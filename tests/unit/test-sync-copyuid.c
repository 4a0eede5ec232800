/* sync/copyuid: the UIDs that COPYUID tells, pair by pair. */
#include "sync/copyuid.h"

typedef struct {
	const char *sources, *targets;
	uint32_t uidvalidity;
	const char *pairs; /* "1>5 2>6"; NULL: it is not believed */
} Row;

static const Row rows[] = {
	{ "1:3", "7:9", 10, "1>7 2>8 3>9" },
	{ "304,319:320", "3956:3958", 10, "304>3956 319>3957 320>3958" },
	{ "5,3,4", "10,12,11", 10, "5>10 3>12 4>11" }, /* the order is what counts */
	{ "3:1", "7:9", 10, "1>7 2>8 3>9" },
	{ "4294967295", "6", 10, "4294967295>6" },
	{ "1:3", "5:7", 10, NULL }, /* 5 was there before */
	{ "1:2", "7,7", 10, NULL },
	{ "1:3", "7:9", 11, NULL },
	{ "1:3", "7:8", 10, NULL },
	{ "1:2", "7:9", 10, NULL },
	{ "1:9", "11:19", 10, NULL }, /* more than were copied */
	{ "1:4294967295", "1:4294967295", 10, NULL },
	{ "1:3", "7:*", 10, NULL },
	{ "1,,2", "7:9", 10, NULL },
	{ "", "", 10, NULL },
	{ NULL, "7:9", 10, NULL },
	{ "1:3", NULL, 10, NULL },
};

static void
test_pairs(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_auto(ImapReply) reply = { .uidvalidity = 10, .source_uids = g_strdup(rows[i].sources), .uids = g_strdup(rows[i].targets) };
		g_autoptr(GArray) sources = g_array_new(FALSE, FALSE, sizeof(uint32_t));
		g_autoptr(GArray) targets = g_array_new(FALSE, FALSE, sizeof(uint32_t));
		g_autoptr(GString) pairs = g_string_new(NULL);
		bool believed = sync_copyuid_pairs(&reply, rows[i].uidvalidity, 6, 5, sources, targets);

		g_test_message("%s %s", rows[i].sources, rows[i].targets);
		g_assert_cmpint(believed, ==, rows[i].pairs != NULL);
		if (!believed)
			continue;
		g_assert_cmpuint(sources->len, ==, targets->len);
		for (guint j = 0; j < sources->len; j++)
			g_string_append_printf(pairs, "%s%u>%u", j ? " " : "", g_array_index(sources, uint32_t, j),
			                       g_array_index(targets, uint32_t, j));
		g_assert_cmpstr(pairs->str, ==, rows[i].pairs);
	}
}

static void
test_unknown_uidvalidity(void)
{
	g_auto(ImapReply) reply = { .uidvalidity = 10, .source_uids = g_strdup("1"), .uids = g_strdup("7") };
	g_autoptr(GArray) sources = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	g_autoptr(GArray) targets = g_array_new(FALSE, FALSE, sizeof(uint32_t));

	g_assert_true(sync_copyuid_pairs(&reply, 0, 0, 1, sources, targets));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/sync/copyuid/pairs", test_pairs);
	g_test_add_func("/sync/copyuid/unknown-uidvalidity", test_unknown_uidvalidity);
	return g_test_run();
}
