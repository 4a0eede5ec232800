/* src/mime/name: canonical names, with subjects that want to be something else. */
#include "mime/name.h"

#include <glib.h>
#include <string.h>

#define X16(s) s s s s s s s s s s s s s s s s
#define X256(s) X16(X16(s))

/* What every name must be, whatever it was made of. */
static void
check_invariants(const char *name, uint32_t uid)
{
	g_autofree char *tail = g_strdup_printf(" ~%u.eml", uid);
	g_autofree char *nfc = NULL;

	g_assert_true(g_utf8_validate(name, -1, NULL));
	g_assert_cmpuint(strlen(name), <=, MIME_NAME_CANONICAL_MAX_BYTES);
	g_assert_true(g_str_has_suffix(name, tail));
	g_assert_true(g_ascii_isdigit(name[0]));
	g_assert_null(strchr(name, '/'));
	g_assert_null(strstr(name, "  "));
	nfc = g_utf8_normalize(name, -1, G_NORMALIZE_DEFAULT_COMPOSE);
	g_assert_cmpstr(name, ==, nfc);
	for (const char *p = name; *p; p += g_utf8_skip[(uint8_t)*p]) {
		gunichar c = g_utf8_get_char(p);
		g_assert_false(g_unichar_iscntrl(c));
		g_assert_false((c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f));
	}
}

static void
test_rows(void)
{
	static const struct {
		const char *from, *subject, *expected; /* what stands between the time and the UID */
	} rows[] = {
		{ "Jiří Novák", "Schůzka ve čtvrtek", "Jiří Novák - Schůzka ve čtvrtek" },
		{ NULL, NULL, "(no sender) - (no subject)" },
		{ "", "", "(no sender) - (no subject)" },
		{ " \t ", "\r\n", "(no sender) - (no subject)" },
		{ "a/b", "../../etc/passwd", "a-b - ..-..-etc-passwd" },
		{ "..", ".", "(no sender) - ." },
		{ "...hidden", "-rf", "hidden - -rf" },
		{ "-/.- x", "a", "x - a" },
		{ "a", "one\r\n two\tthree  four ", "a - one two three four" },
		{ "a", "\033[31mred\033[0m\a", "a - [31mred[0m" },
		{ "a", "abc\xe2\x80\xaetxt.exe", "a - abctxt.exe" },
		{ "a", "\xe2\x81\xa6" "isolate" "\xe2\x81\xa9", "a - isolate" },
		{ "a", "zero\xe2\x80\x8bwidth\xef\xbb\xbf", "a - zerowidth" },
		{ "a", "line\xe2\x80\xa8" "para\xe2\x80\xa9" "end", "a - line para end" },
		{ "a", "nbsp\xc2\xa0 \xe3\x80\x80x", "a - nbsp x" },
		{ "a", "c1 \xc2\x9b" "31m", "a - c1 ›31m" },
		{ "a", "e\xcc\x81", "a - é" },
		{ "a", "e\xe2\x80\x8b\xcc\x81", "a - é" },
		{ "a", "\xed\xa0\x80 lone", "a - \xef\xbf\xbd lone" },
		{ "a", "\xe9t\xe9", "a - été" },
		{ "a", "name.eml", "a - name.eml" },
		{ "a", "x ~7", "a - x ~7" },
		{ "a", "back\\slash: a*b?\"<>|", "a - back\\slash: a*b?\"<>|" },
		{ "a", "👨\xe2\x80\x8d👩\xe2\x80\x8d👧 family", "a - 👨👩👧 family" },
		{ "a", "dots... ", "a - dots..." },
		{ "a", "\xe2\x90\x80 picture", "a - \xe2\x90\x80 picture" },
		{ "a", "שלום עולם", "a - שלום עולם" },
		{ "张三", "会议", "张三 - 会议" },
		{ "a", "\x01\x02\x7f", "a - (no subject)" },
		{ "a", "tag\xf3\xa0\x81\x81s", "a - tags" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *name = mime_name_make(0, rows[i].from, rows[i].subject, 4711);
		g_autofree char *expected = g_strdup_printf("1970-01-01 00.00 %s ~4711.eml", rows[i].expected);

		g_assert_cmpstr(name, ==, expected);
		check_invariants(name, 4711);
	}
}

static void
test_times(void)
{
	static const struct {
		int64_t internaldate_s;
		const char *expected;
	} rows[] = {
		{ 1704103445, "2024-01-01 10.04 a - b ~1.eml" },
		{ -1, "1969-12-31 23.59 a - b ~1.eml" },
		{ INT64_MAX, "9999-12-31 23.59 a - b ~1.eml" },
		{ INT64_MIN, "0000-01-01 00.00 a - b ~1.eml" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *name = mime_name_make(rows[i].internaldate_s, "a", "b", 1);
		g_assert_cmpstr(name, ==, rows[i].expected);
	}
}

static void
test_cut(void)
{
	static const char *const longs[] = {
		X256("x"), X256("ř"), X256("会"), X256("🎉"), X256("e\xcc\x88\xcc\xa3"), X256("\xcc\x81"), X256("long subject "),
		X256("\xe2\x80\x8b"), X256("👍🏽"), X256("\xff"), X256("./"), X256("\x1b[0m"), X256(" . "), X256("ﷺ"),
		X256("\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8"),
	};


	for (gsize i = 0; i < G_N_ELEMENTS(longs); i++) {
		for (gsize j = 0; j < G_N_ELEMENTS(longs); j++) {
			g_autofree char *name = mime_name_make(0, longs[i], longs[j], UINT32_MAX);
			check_invariants(name, UINT32_MAX);
		}
		for (gsize shift = 0; shift < 12; shift++) {
			g_autofree char *subject = g_strconcat("123456789012" + shift, longs[i], NULL);
			g_autofree char *name = mime_name_make(0, "a", subject, 1);
			check_invariants(name, 1);
		}
	}
}

static void
test_cut_shares_space(void)
{
	g_autofree char *name = mime_name_make(0, X256("f"), X256("s"), 1);

	g_assert_cmpuint(strlen(name), ==, MIME_NAME_CANONICAL_MAX_BYTES);
	g_assert_true(g_str_has_prefix(name + 17 + MIME_NAME_FROM_MAX_BYTES, " - sss"));

	/* An accent is not torn from its letter, nor a skin tone from its hand. */
	g_autofree char *from = g_strconcat(X16("xxx"), X16("y"), "\xcc\xa3", NULL); /* y with a dot below composes */
	g_autofree char *accented = mime_name_make(0, from, "s", 1);
	g_assert_true(g_str_has_prefix(accented + 17, X16("xxx") "yyyyyyyyyyyyyyy - s"));
	g_autofree char *hand_from = g_strconcat(X16("xxx"), "yyyyyyyyyy👍🏽", NULL);
	g_autofree char *hand = mime_name_make(0, hand_from, "s", 1);
	g_assert_true(g_str_has_prefix(hand + 17, X16("xxx") "yyyyyyyyyy - s"));
}

static void
test_distinct(void)
{
	static const struct {
		const char *name;
		unsigned number;
		const char *expected;
	} rows[] = {
		{ "1970-01-01 00.00 a - b ~1.eml", 2, "1970-01-01 00.00 a - b ~1 (2).eml" },
		{ "1970-01-01 00.00 a - b ~1.eml", 4294967295u, "1970-01-01 00.00 a - b ~1 (4294967295).eml" },
		{ "notes", 3, "notes (3)" },
		{ "", 2, " (2)" },
		{ ".eml", 2, " (2).eml" },
		{ "~5", 2, "~5 (2)" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *name = mime_name_distinct(rows[i].name, rows[i].number);
		g_assert_cmpstr(name, ==, rows[i].expected);
	}

	g_autofree char *full = mime_name_make(0, "a", X256("ř"), 77);
	g_autofree char *distinct = mime_name_distinct(full, 12);
	g_assert_cmpuint(strlen(distinct), <=, MIME_NAME_MAX_BYTES);
	g_assert_true(g_str_has_suffix(distinct, "ř ~77 (12).eml"));
	g_assert_true(g_utf8_validate(distinct, -1, NULL));

	g_autofree char *bytes = mime_name_distinct(X256("\xf7"), 2); /* a name that is no UTF-8 */
	g_assert_cmpuint(strlen(bytes), <=, MIME_NAME_MAX_BYTES);
	g_assert_true(g_str_has_suffix(bytes, "\xf7 (2)"));
}

static void
test_text(void)
{
	static const char *const rows[][2] = {
		{ "a ~1.eml", "a ~1.txt" }, { "a", "a.txt" }, { "a.EML", "a.EML.txt" }, { ".eml", ".txt" }, { "a.eml.eml", "a.eml.txt" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = mime_name_text(rows[i][0]);
		g_assert_cmpstr(text, ==, rows[i][1]);
		g_assert_true(mime_name_is_text_of(rows[i][1], rows[i][0]));
	}
	g_assert_false(mime_name_is_text_of("a ~1.eml", "a ~1.eml"));
	g_assert_false(mime_name_is_text_of("b.txt", "a.eml"));

	g_autofree char *full = mime_name_make(0, "a", X256("ř"), 77);
	g_autofree char *full_text = mime_name_text(full);
	g_assert_cmpuint(strlen(full_text), ==, strlen(full));
	g_autofree char *foreign = mime_name_text(X256("ř"));
	g_assert_cmpuint(strlen(foreign), <=, MIME_NAME_MAX_BYTES);
	g_assert_true(g_utf8_validate(foreign, -1, NULL));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/mime/name/rows", test_rows);
	g_test_add_func("/mime/name/times", test_times);
	g_test_add_func("/mime/name/cut", test_cut);
	g_test_add_func("/mime/name/cut-shares-space", test_cut_shares_space);
	g_test_add_func("/mime/name/distinct", test_distinct);
	g_test_add_func("/mime/name/text", test_text);
	return g_test_run();
}
