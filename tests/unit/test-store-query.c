/* src/store: queries, and what words are. */
#include "store/search-query.h"
#include "store/search-token.h"

#include <sqlite3.h>
#include <string.h>

static void
show_moment(GString *text, const StoreMoment *moment)
{
	static const char *const bases[] = { "", "midnight", "now" };

	if (moment->since == STORE_SINCE_EPOCH && (moment->offset_s == INT64_MIN || moment->offset_s == INT64_MAX)) {
		g_string_append(text, moment->offset_s < 0 ? "ever" : "never");
	} else if (moment->since == STORE_SINCE_EPOCH) {
		g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(moment->offset_s);
		g_autofree char *day = date ? g_date_time_format(date, "%Y-%m-%dT%H") : g_strdup("far");
		g_string_append(text, day);
	} else {
		g_string_append_printf(text, "%s%+d", bases[moment->since], (int)(moment->offset_s / 3600));
	}
}

static void
show(GString *text, const StoreTerm *term)
{
	static const char *const kinds[] = { "and", "or", "not", "text", "date", "flag", "folder", "attachment" };
	static const char *const columns[] = { "", "from ", "to ", "subject " };

	g_string_append_printf(text, "(%s", kinds[term->kind]);
	for (guint i = 0; term->parts && i < term->parts->len; i++) {
		g_string_append_c(text, ' ');
		show(text, term->parts->pdata[i]);
	}
	if (term->text)
		g_string_append_printf(text, " %s%s%s", columns[term->column], term->text, term->prefix ? "*" : "");
	if (term->kind == STORE_TERM_DATE) {
		g_string_append_c(text, ' ');
		show_moment(text, &term->first);
		g_string_append_c(text, ' ');
		show_moment(text, &term->end);
	}
	g_string_append_c(text, ')');
}

static void
assert_tree(const char *query, const char *expected)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StoreSearch) search = store_search_new(query, &error);
	g_autoptr(GString) text = g_string_new(NULL);

	g_assert_no_error(error);
	show(text, search->term);
	g_assert_cmpstr(text->str, ==, expected);
}

static void
assert_error(const char *query, const char *expected)
{
	g_autoptr(GError) error = NULL;
	StoreSearch *search = store_search_new(query, &error);

	g_assert_null(search);
	g_assert_error(error, CORE_ERROR, CORE_ERROR_USAGE);
	g_assert_cmpstr(error->message, ==, expected);
}

static const struct {
	const char *query, *tree;
} good[] = {
	{ "word", "(text word)" },
	{ "  two \t words ", "(and (text two) (text words))" },
	{ "\"a phrase\" word*", "(and (text a phrase) (text word*))" },
	{ "\"a phra\"*", "(text a phra*)" },
	{ "a\"b c\"d", "(and (text a) (text b c) (text d))" },
	{ "from:alice to:bob@example.org subject:\"the end\"",
	  "(and (text from alice) (text to bob@example.org) (text subject the end))" },
	{ "From:Alice", "(text from Alice)" },
	{ "from:ali*", "(text from ali*)" },
	{ "http://example.org/x?y re:view", "(and (text http://example.org/x?y) (text re:view))" },
	{ "a OR b c OR d", "(or (text a) (and (text b) (text c)) (text d))" },
	{ "a AND b OR c", "(or (and (text a) (text b)) (text c))" },
	{ "(a OR b) c", "(and (or (text a) (text b)) (text c))" },
	{ "((a) (b c))", "(and (text a) (text b) (text c))" },
	{ "(a OR (b OR c))", "(or (text a) (text b) (text c))" },
	{ "a NOT b", "(and (text a) (not (text b)))" },
	{ "a -b -(c d) -\"e f\"", "(and (text a) (not (text b)) (not (and (text c) (text d))) (not (text e f)))" },
	{ "-a", "(not (text a))" },
	{ "NOT NOT a", "(not (not (text a)))" },
	{ "NOT -a b", "(and (not (not (text a))) (text b))" },
	{ "follow-up and or not", "(and (text follow-up) (text and) (text or) (text not))" },
	{ "ANDREW ORBIT NOTE", "(and (text ANDREW) (text ORBIT) (text NOTE))" },
	{ "(a)OR(b)", "(or (text a) (text b))" },
	{ "\"AND\"", "(text AND)" },
	{ "is:unread", "(not (flag \\Seen))" },
	{ "is:read is:flagged is:answered is:draft is:forwarded",
	  "(and (flag \\Seen) (flag \\Flagged) (flag \\Answered) (flag \\Draft) (flag $Forwarded))" },
	{ "-is:unread flag:$Work flag:\\Deleted", "(and (not (not (flag \\Seen))) (flag $Work) (flag \\Deleted))" },
	{ "folder:INBOX folder:/Archiv/2024/ folder:\"Sent Items\"",
	  "(and (folder INBOX) (folder Archiv/2024) (folder Sent Items))" },
	{ "has:attachment", "(attachment)" },
	{ "date:2024", "(date 2024-01-01T00 2025-01-01T00)" },
	{ "date:2024-02", "(date 2024-02-01T00 2024-03-01T00)" },
	{ "date:2023-12", "(date 2023-12-01T00 2024-01-01T00)" },
	{ "date:2024-02-29", "(date 2024-02-29T00 2024-03-01T00)" },
	{ "date:2024-12-31", "(date 2024-12-31T00 2025-01-01T00)" },
	{ "date:2024-03-01..2024-06-30", "(date 2024-03-01T00 2024-07-01T00)" },
	{ "date:2023..2024-06", "(date 2023-01-01T00 2024-07-01T00)" },
	{ "date:..2024", "(date ever 2025-01-01T00)" },
	{ "date:2024..", "(date 2024-01-01T00 never)" },
	{ "date:0001", "(date 1-01-01T00 2-01-01T00)" },
	{ "date:9999-12-31", "(date 9999-12-31T00 far)" },
	{ "date:today", "(date midnight+0 midnight+24)" },
	{ "date:Yesterday", "(date midnight-24 midnight+0)" },
	{ "date:yesterday..today", "(date midnight-24 midnight+24)" },
	{ "date:2024-05-01..today", "(date 2024-05-01T00 midnight+24)" },
	{ "date:7d", "(date now-168 never)" },
	{ "日本語", "(text 日本語)" },
	{ "日", "(text 日*)" },
	{ "ab日。", "(text ab日。*)" },
	{ "subject:\"a 語\"", "(text subject a 語*)" },
	{ "한글　café", "(and (text 한글) (text café))" },
};

static const struct {
	const char *query, *error;
} bad[] = {
	{ "", "the query is empty" },
	{ " \t ", "the query is empty" },
	{ "\xff", "the query is not UTF-8" },
	{ "(a", "query, character 1: this ( has no ) behind it" },
	{ "a)", "query, character 2: this ) has no ( before it" },
	{ "příliš \"b", "query, character 8: this \" has no other one behind it" },
	{ "a ()", "query, character 4: a word is missing before )" },
	{ "AND a", "query, character 1: a word is missing before AND" },
	{ "a OR", "query, character 5: a word is missing before the end" },
	{ "a OR OR b", "query, character 6: a word is missing before OR" },
	{ "a NOT", "query, character 6: a word is missing before the end" },
	{ "a --", "query, character 4: there is no letter or digit to look for" },
	{ "a - b", "query, character 3: there is no letter or digit to look for" },
	{ "\"\"", "query, character 1: there is no letter or digit to look for" },
	{ "*", "query, character 1: there is no letter or digit to look for" },
	{ "from: alice", "query, character 1: from: needs something behind it" },
	{ "from:\"alice", "query, character 6: this \" has no other one behind it" },
	{ "from:?", "query, character 1: there is no letter or digit to look for" },
	{ "is:new", "query, character 1: is:new is not known; there are unread, read, flagged, answered, draft, forwarded" },
	{ "has:tail", "query, character 1: has:tail is not known; there is has:attachment" },
	{ "folder:/", "query, character 1: folder: needs a name" },
	{ "date:2024-13", "query, character 1: date:2024-13 is no date; such are 2024, 2024-03, 2024-03-01..2024-06-30, today, yesterday,"
	                  " 7d" },
	{ "a date:2023-02-29", "query, character 3: date:2023-02-29 is no date; such are 2024, 2024-03, 2024-03-01..2024-06-30, today,"
	                       " yesterday, 7d" },
	{ "date:2024..2023", "query, character 1: date:2024..2023 ends before it begins" },
	{ "date:today..yesterday", "query, character 1: date:today..yesterday ends before it begins" },
};

static const char *const bad_dates[] = { "..", "24", "02024", "2024-1", "2024-01-1", "2024-01-011", "2024-", "2024-01-", "0000",
	                                     "2024-00", "2024-01-00", "2024-01-32", "7", "0d", "d", "-7d", "7days", "100001d",
	                                     "2024...2025", "2024..7d", "now", "2024-01-01T00:00" };

static void
test_trees(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(good); i++)
		assert_tree(good[i].query, good[i].tree);
}

static void
test_errors(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_error(bad[i].query, bad[i].error);
	for (gsize i = 0; i < G_N_ELEMENTS(bad_dates); i++) {
		g_autofree char *query = g_strconcat("date:", bad_dates[i], NULL);
		g_autoptr(GError) error = NULL;
		g_assert_null(store_search_new(query, &error));
		g_assert_nonnull(strstr(error->message, "is no date; such are"));
	}
}

/* Any beginning of a query is a query, or is told to be none. */
static void
test_prefixes(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(good) + G_N_ELEMENTS(bad); i++) {
		const char *query = i < G_N_ELEMENTS(good) ? good[i].query : bad[i - G_N_ELEMENTS(good)].query;
		for (size_t length = 0; length < strlen(query); length++) {
			g_autofree char *part = g_strndup(query, length);
			g_autoptr(GError) error = NULL;
			g_autoptr(StoreSearch) search = store_search_new(part, &error);
			g_assert_true((search != NULL) == (error == NULL));
			if (error)
				g_assert_error(error, CORE_ERROR, CORE_ERROR_USAGE);
		}
	}
}

static char *
repeat(const char *piece, unsigned count, const char *end)
{
	GString *text = g_string_new(NULL);

	while (count-- > 0)
		g_string_append(text, piece);
	return g_string_free(g_string_append(text, end), FALSE);
}

static void
test_bounds(void)
{
	g_autofree char *terms = repeat("a ", 64, ""), *many = repeat("a ", 65, "");
	g_autofree char *deep = repeat("(", 31, "a"), *closed = repeat(")", 31, ""), *whole = g_strconcat(deep, closed, NULL);
	g_autofree char *deeper = repeat("(", 32, "a"), *nots = repeat("NOT ", 32, "a"), *dashes = repeat("-", 1000, "a");
	g_autofree char *longest = repeat("a", 1024, ""), *too_long = repeat("a", 1025, "");
	g_autofree char *open = repeat("(", 1024, "");
	g_autoptr(StoreSearch) fits = store_search_new(terms, NULL), nested = store_search_new(whole, NULL);
	g_autoptr(StoreSearch) long_word = store_search_new(longest, NULL);

	g_assert_nonnull(fits);
	g_assert_cmpuint(fits->terms, ==, 64);
	g_assert_nonnull(nested);
	g_assert_nonnull(long_word);
	assert_error(many, "query, character 129: more than 64 terms");
	assert_error(deeper, "query, character 33: more than 32 of ( and NOT inside each other");
	assert_error(nots, "query, character 129: more than 32 of ( and NOT inside each other");
	assert_error(dashes, "query, character 33: more than 32 of ( and NOT inside each other");
	assert_error(too_long, "the query is longer than 1024 bytes");
	assert_error(open, "query, character 33: more than 32 of ( and NOT inside each other");
}

static void
test_moments(void)
{
	const int64_t noon = 1717243200; /* 2024-06-01 12:00 */
	const StoreMoment then = { STORE_SINCE_EPOCH, 5 }, today = { STORE_SINCE_MIDNIGHT, 0 }, ago = { STORE_SINCE_NOW, -7 };

	g_assert_cmpint(store_moment_at(&then, noon), ==, 5);
	g_assert_cmpint(store_moment_at(&today, noon), ==, noon - 12 * 3600);
	g_assert_cmpint(store_moment_at(&ago, noon), ==, noon - 7);
}

typedef struct {
	sqlite3 *handle;
} Words;

static void
words_set_up(Words *words, const void *data)
{
	g_assert_cmpint(sqlite3_open(":memory:", &words->handle), ==, SQLITE_OK);
	g_assert_true(store_token_register(words->handle, NULL));
	g_assert_cmpint(sqlite3_exec(words->handle,
	                             "CREATE VIRTUAL TABLE t USING fts5 (x, content = '', tokenize = '" STORE_TOKENIZER "');"
	                             "CREATE VIRTUAL TABLE v USING fts5vocab (t, instance)", NULL, NULL, NULL), ==, SQLITE_OK);
}

static void
words_tear_down(Words *words, const void *data)
{
	sqlite3_close(words->handle);
}

static sqlite3_stmt *
prepare(Words *words, const char *sql, const char *text)
{
	sqlite3_stmt *statement = NULL;

	g_assert_cmpint(sqlite3_prepare_v2(words->handle, sql, -1, &statement, NULL), ==, SQLITE_OK);
	sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
	return statement;
}

static void
run(Words *words, const char *sql, const char *text)
{
	sqlite3_stmt *statement = prepare(words, sql, text);

	g_assert_cmpint(sqlite3_step(statement), ==, SQLITE_DONE);
	sqlite3_finalize(statement);
}

static void
put(Words *words, const char *text)
{
	run(words, "INSERT INTO t (t) VALUES ('delete-all')", NULL);
	run(words, "INSERT INTO t (rowid, x) VALUES (1, ?)", text);
}

/* The words in their order; of one place joined by "+". */
static void
assert_words(Words *words, const char *text, const char *expected)
{
	g_autoptr(GString) found = g_string_new(NULL);
	int last = -1;

	put(words, text);
	sqlite3_stmt *statement = prepare(words, "SELECT term, offset FROM v ORDER BY offset, length(term) DESC", NULL);
	while (sqlite3_step(statement) == SQLITE_ROW) {
		int offset = sqlite3_column_int(statement, 1);
		g_string_append(found, last < 0 ? "" : offset == last ? "+" : " ");
		g_string_append(found, (const char *)sqlite3_column_text(statement, 0));
		last = offset;
	}
	sqlite3_finalize(statement);
	g_assert_cmpstr(found->str, ==, expected);
}

static void
test_words(Words *words, const void *data)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ "Příliš ŽLUŤOUČKÝ kůň", "prilis zlutoucky kun" },
		{ "nai\xcc\x88ve cafe\xcc\x81", "naive cafe" }, /* decomposed */
		{ "Письмо ПОЕЗД", "письмо поезд" },
		{ "alice@example.cz, 12:30 a_b it's", "alice example cz 12 30 a b it s" },
		{ "日本語", "日本 本語+語" },
		{ "語", "語" },
		{ "東京abc大阪x", "東京+京 abc 大阪+阪 x" },
		{ "カード、テスト。", "カー ード+ド テス スト+ト" },
		{ "ｶｰﾄﾞ", "カー ード+ド" },                    /* half width, with its mark apart */
		{ "한국어 글", "한국 국어+어 글" },
		{ "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab\xe1\x84\x80\xe1\x85\xb3\xe1\x86\xaf", "한글+글" }, /* decomposed */
		{ "𠮷野家", "𠮷野 野家+家" },
		{ "“日本”—日", "日本+本 日" },
		{ "", "" },
		{ "—…€", "" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
		assert_words(words, rows[i].text, rows[i].words);
	put(words, "a\xff\xe6\x97"); /* what is no UTF-8 does no harm */
}

static void
test_long_words_are_cut(Words *words, const void *data)
{
	g_autofree char *ascii = repeat("x", 100, ""), *cut = repeat("x", 64, "");
	g_autofree char *czech = repeat("ж", 100, ""), *czech_cut = repeat("ж", 32, ""), *odd = g_strconcat("y", czech, NULL);
	g_autofree char *odd_cut = repeat("ж", 31, ""), *expected = g_strconcat("y", odd_cut, NULL);

	assert_words(words, ascii, cut);
	assert_words(words, czech, czech_cut);
	assert_words(words, odd, expected);
}

/* As a query's text is looked for. */
static bool
finds(Words *words, const char *text)
{
	g_autofree char *match = g_strdup_printf("\"%s\"%s", text, store_token_is_open(text) ? " *" : "");
	sqlite3_stmt *statement = prepare(words, "SELECT 1 FROM t WHERE t MATCH ?", match);
	bool found = sqlite3_step(statement) == SQLITE_ROW;

	sqlite3_finalize(statement);
	return found;
}

static void
test_running_text_is_found(Words *words, const void *data)
{
	static const char *const found[] = { "東京都", "東京", "京都", "都", "東", "市", "京都 大阪", "大阪市abc", "abc", "ABC 日", "日本",
		                                 "市abc日", "Abc日本" };
	static const char *const absent[] = { "都大", "京大", "本日", "阪abc", "東都", "東京 大阪", "日abc" };

	put(words, "私は東京都、大阪市abc日本。");
	for (gsize i = 0; i < G_N_ELEMENTS(found); i++) {
		if (!finds(words, found[i]))
			g_error("not found: %s", found[i]);
	}
	for (gsize i = 0; i < G_N_ELEMENTS(absent); i++) {
		if (finds(words, absent[i]))
			g_error("found: %s", absent[i]);
	}
}

static void
test_open_ends(void)
{
	g_assert_true(store_token_is_open("日"));
	g_assert_true(store_token_is_open("abc日"));
	g_assert_true(store_token_is_open("本 日。"));
	g_assert_false(store_token_is_open("日本"));
	g_assert_false(store_token_is_open("日a"));
	g_assert_false(store_token_is_open("abc"));
	g_assert_false(store_token_is_open(""));
	g_assert_false(store_token_is_open("。"));
	g_assert_true(store_token_any("- 7"));
	g_assert_true(store_token_any("語"));
	g_assert_false(store_token_any("-—*"));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/store-query/trees", test_trees);
	g_test_add_func("/store-query/errors-say-what-and-where", test_errors);
	g_test_add_func("/store-query/any-beginning", test_prefixes);
	g_test_add_func("/store-query/bounds", test_bounds);
	g_test_add_func("/store-query/moments", test_moments);
	g_test_add_func("/store-query/open-ends", test_open_ends);
#define ADD(path, test) g_test_add("/store-query/" path, Words, NULL, words_set_up, test, words_tear_down)
	ADD("words", test_words);
	ADD("long-words-are-cut", test_long_words_are_cut);
	ADD("running-text-is-found", test_running_text_is_found);
	return g_test_run();
}
