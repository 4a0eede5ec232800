/* src/imap/uidset: ranges stay sorted and joined; text in, text out. */
#include "imap/uidset.h"

#include <string.h>

static char *
text_of(const ImapUidSet *set)
{
	size_t position = 0;
	char *text = imap_uidset_format(set, &position, G_MAXSIZE);

	g_assert_cmpuint(position, ==, set->count);
	return text ? text : g_strdup("");
}

static void
test_parse(void)
{
	static const struct {
		const char *text;
		uint32_t star;
		const char *expected; /* NULL: refused */
	} rows[] = {
		{ "1", 0, "1" },
		{ "1,2,3", 0, "1:3" },
		{ "3,1,2", 0, "1:3" },
		{ "1,3:5,9", 0, "1,3:5,9" },
		{ "7:3", 0, "3:7" },
		{ "5,5,5", 0, "5" },
		{ "1:10,3:5,11", 0, "1:11" },
		{ "9,7,5,3,1", 0, "1,3,5,7,9" },
		{ "10:12,1:3,4:9", 0, "1:12" },
		{ "4294967295", 0, "4294967295" },
		{ "1:4294967295", 0, "1:4294967295" },
		{ "4294967294:4294967295,1", 0, "1,4294967294:4294967295" },
		{ "007", 0, "7" },
		{ "5:*", 9, "5:9" },
		{ "*:5", 3, "3:5" },
		{ "*", 4294967295u, "4294967295" },
		{ "*", 0, NULL },
		{ "1:*", 0, NULL },
		{ "", 9, NULL },
		{ "0", 9, NULL },
		{ "0:5", 9, NULL },
		{ "1,", 9, NULL },
		{ ",1", 9, NULL },
		{ "1,,2", 9, NULL },
		{ "1:2:3", 9, NULL },
		{ "1:", 9, NULL },
		{ ":1", 9, NULL },
		{ "4294967296", 9, NULL },
		{ "99999999999999999999999", 9, NULL },
		{ "-1", 9, NULL },
		{ "+1", 9, NULL },
		{ "1 2", 9, NULL },
		{ " 1", 9, NULL },
		{ "1 ", 9, NULL },
		{ "1;2", 9, NULL },
		{ "x", 9, NULL },
		{ "**", 9, NULL },
		{ "9.37e+06", 9, NULL },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_auto(ImapUidSet) set = { 0 };
		bool fine = imap_uidset_parse(&set, rows[i].text, rows[i].star);
		g_autofree char *got = text_of(&set);

		g_test_message("\"%s\"", rows[i].text);
		g_assert_cmpint(fine, ==, rows[i].expected != NULL);
		g_assert_cmpstr(got, ==, rows[i].expected ? rows[i].expected : "");
	}
}

static void
test_parse_adds_or_leaves_alone(void)
{
	g_auto(ImapUidSet) set = { 0 };

	g_assert_true(imap_uidset_parse(&set, "10:20,30", 0));
	g_assert_true(imap_uidset_parse(&set, "5:9,25,29", 0));
	g_assert_false(imap_uidset_parse(&set, "1:4,x", 0));
	g_assert_true(imap_uidset_parse(&set, "31,40", 0));
	g_autofree char *text = text_of(&set);
	g_assert_cmpstr(text, ==, "5:20,25,29:31,40");
}

/* Against a table of bits: every way in which ranges can touch. */
static void
test_add_agrees_with_a_bitmap(void)
{
	enum { UIDS = 40 };
	g_autoptr(GRand) random = g_rand_new_with_seed(7);

	for (int round = 0; round < 2000; round++) {
		g_auto(ImapUidSet) set = { 0 };
		bool bits[UIDS + 2] = { false };
		unsigned size = 0;

		for (int add = g_rand_int_range(random, 1, 10); add > 0; add--) {
			uint32_t first = (uint32_t)g_rand_int_range(random, 0, UIDS), last = first;

			if (g_rand_boolean(random)) {
				last = (uint32_t)g_rand_int_range(random, 0, UIDS);
				imap_uidset_add_range(&set, first, last);
			} else {
				imap_uidset_add(&set, first);
			}
			for (uint32_t uid = MIN(first, last); uid <= MAX(first, last); uid++)
				bits[uid] = uid > 0;
		}
		for (uint32_t uid = 0; uid < UIDS + 2; uid++) {
			bool has_all = true;
			g_assert_cmpint(imap_uidset_has(&set, uid), ==, bits[uid]);
			for (uint32_t last = uid; last < UIDS + 2; last++) {
				has_all &= bits[last];
				g_assert_cmpint(imap_uidset_has_range(&set, uid, last), ==, has_all);
			}
			size += bits[uid];
		}
		g_assert_cmpuint(imap_uidset_size(&set), ==, size);
		for (size_t i = 0; i < set.count; i++) {
			g_assert_cmpuint(set.ranges[i].first, <=, set.ranges[i].last);
			if (i > 0)
				g_assert_cmpuint(set.ranges[i].first, >, set.ranges[i - 1].last + 1);
		}
	}
}

static void
test_ends_of_the_range(void)
{
	g_auto(ImapUidSet) set = { 0 };

	imap_uidset_add(&set, UINT32_MAX);
	imap_uidset_add(&set, UINT32_MAX);
	imap_uidset_add(&set, UINT32_MAX - 2);
	imap_uidset_add(&set, 1);
	imap_uidset_add(&set, 0);
	g_assert_cmpuint(imap_uidset_size(&set), ==, 3);
	g_assert_true(imap_uidset_has(&set, UINT32_MAX));
	g_assert_false(imap_uidset_has(&set, UINT32_MAX - 1));
	imap_uidset_add_range(&set, 0, UINT32_MAX);
	g_assert_cmpuint(set.count, ==, 1);
	g_assert_cmpuint(imap_uidset_size(&set), ==, UINT32_MAX);
	g_assert_false(imap_uidset_has(&set, 0));
	imap_uidset_clear(&set);
	g_assert_cmpuint(imap_uidset_size(&set), ==, 0);
	g_assert_false(imap_uidset_has(&set, 1));
}

static void
test_format_cuts_at_a_length(void)
{
	g_auto(ImapUidSet) set = { 0 }, again = { 0 };
	size_t position = 0, pieces = 0;
	char *text;

	for (uint32_t uid = 1000000; uid < 1001000; uid += 2)
		imap_uidset_add(&set, uid);
	imap_uidset_add_range(&set, 2000000000, 2100000000);
	while ((text = imap_uidset_format(&set, &position, 100))) {
		g_assert_cmpuint(strlen(text), <=, 100);
		g_assert_cmpuint(strlen(text), >, 0);
		g_assert_true(imap_uidset_parse(&again, text, 0));
		g_free(text);
		pieces++;
	}
	g_assert_cmpuint(pieces, ==, 42); /* 12 of 7 digits to a piece */
	g_assert_cmpuint(position, ==, set.count);
	g_assert_cmpuint(again.count, ==, set.count);
	g_assert_cmpmem(again.ranges, again.count * sizeof *again.ranges, set.ranges, set.count * sizeof *set.ranges);

	position = set.count - 1; /* longer than the bound, but there must be progress */
	text = imap_uidset_format(&set, &position, 5);
	g_assert_cmpstr(text, ==, "2000000000:2100000000");
	g_assert_null(imap_uidset_format(&set, &position, 5));
	g_free(text);
}

/* Would take hours if each number moved all others. */
static void
test_descending_text_is_read_in_linear_time(void)
{
	enum { NUMBERS = 500 * 1000 };
	g_autoptr(GString) text = g_string_new(NULL);
	g_auto(ImapUidSet) set = { 0 };

	for (unsigned i = NUMBERS; i > 0; i--)
		g_string_append_printf(text, "%u%s", i * 3, i > 1 ? "," : "");
	g_assert_true(imap_uidset_parse(&set, text->str, 0));
	g_assert_cmpuint(set.count, ==, NUMBERS);
	g_assert_cmpuint(set.ranges[0].first, ==, 3);
}

/* Would take hours if each number were looked up. */
static void
test_a_large_range_is_looked_up_at_once(void)
{
	g_auto(ImapUidSet) set = { 0 };

	imap_uidset_add_range(&set, 2, UINT32_MAX);
	for (uint32_t first = 2; first < 1000 * 1000; first++)
		g_assert_true(imap_uidset_has_range(&set, first, UINT32_MAX));
	g_assert_false(imap_uidset_has_range(&set, 1, UINT32_MAX));
	g_assert_false(imap_uidset_has_range(&set, 0, UINT32_MAX));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/imap/uidset/parse", test_parse);
	g_test_add_func("/imap/uidset/parse-adds-or-leaves-alone", test_parse_adds_or_leaves_alone);
	g_test_add_func("/imap/uidset/add-agrees-with-a-bitmap", test_add_agrees_with_a_bitmap);
	g_test_add_func("/imap/uidset/ends-of-the-range", test_ends_of_the_range);
	g_test_add_func("/imap/uidset/format-cuts-at-a-length", test_format_cuts_at_a_length);
	g_test_add_func("/imap/uidset/descending-text-is-read-in-linear-time", test_descending_text_is_read_in_linear_time);
	g_test_add_func("/imap/uidset/a-large-range-is-looked-up-at-once", test_a_large_range_is_looked_up_at_once);
	return g_test_run();
}
