/* src/imap/response: transcripts in pieces of all sizes, the sink, bounds, memory. */
#include "imap/response.h"
#include "tests/lib/imap-render.h"
#include "tests/unit/imap-transcripts.h"

#include <string.h>

/* The bytes of a row as they go over the wire. */
static GString *
wire(const struct Transcript *row)
{
	GString *bytes = g_string_new(NULL);

	for (size_t i = 0; i < row->length; i++) {
		if (row->input[i] == '\n' && !row->raw)
			g_string_append_c(bytes, '\r');
		g_string_append_c(bytes, row->input[i]);
	}
	return bytes;
}

static void
check_pieces(const GString *bytes, size_t first, size_t step, const char *expected)
{
	g_autofree char *got = imap_render(bytes->str, bytes->len, first, step, NULL);

	if (strcmp(got, expected) != 0)
		g_test_message("in pieces of %zu, then %zu", first, step);
	g_assert_cmpstr(got, ==, expected);
}

static void
test_transcript(gconstpointer data)
{
	const struct Transcript *row = data;
	g_autoptr(GString) bytes = wire(row);

	check_pieces(bytes, bytes->len, bytes->len, row->expected);
	check_pieces(bytes, 1, 1, row->expected);
	check_pieces(bytes, 7, 7, row->expected);
	for (size_t at = 1; at < bytes->len; at++)
		check_pieces(bytes, at, bytes->len, row->expected);
}

/* All rows one after the other on one connection: no row may spoil the next. */
static void
test_transcripts_together(void)
{
	g_autoptr(GString) all = g_string_new(NULL), expected = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(transcripts); i++) {
		g_autoptr(GString) bytes = wire(&transcripts[i]);

		if (g_str_has_suffix(transcripts[i].expected, "busy\n"))
			continue; /* it ends in the midst of a response */
		g_string_append_len(all, bytes->str, (gssize)bytes->len);
		g_string_append(expected, transcripts[i].expected);
	}
	check_pieces(all, all->len, all->len, expected->str);
	check_pieces(all, 1, 1, expected->str);
	check_pieces(all, 997, 997, expected->str);
}

/* A sink that counts, and refuses when it is told to. */
typedef struct {
	unsigned begun, ended;
	uint64_t bytes, announced;
	const char *refuse; /* "begin", "write", "end" */
	bool silently;
} Counter;

static bool
answer(Counter *counter, const char *call, GError **error)
{
	if (g_strcmp0(counter->refuse, call) != 0)
		return true;
	return counter->silently ? false : core_throw(error, CORE_ERROR_IO, "disk full in %s", call);
}

static bool
count_begin(void *data, uint32_t seq, uint32_t uid, const ImapFetchSection *section, GError **error)
{
	Counter *counter = data;

	counter->begun++;
	counter->announced += section->size_bytes;
	return answer(counter, "begin", error);
}

static bool
count_write(void *data, const void *bytes, size_t length, GError **error)
{
	Counter *counter = data;

	counter->bytes += length;
	return answer(counter, "write", error);
}

static bool
count_end(void *data, GError **error)
{
	Counter *counter = data;

	counter->ended++;
	return answer(counter, "end", error);
}

static const ImapSink counting = { count_begin, count_write, count_end };

/* Feeds @text, which must not fail; returns the number of responses and how many of them were damaged. */
static unsigned
feed(ImapParser *parser, const char *text, size_t length, unsigned *damaged_r)
{
	g_autoptr(GError) error = NULL;
	ImapResponse response;
	unsigned count = 0, damaged = 0;

	while (length > 0) {
		size_t used;
		ImapParseResult result = imap_parser_next(parser, text, length, &used, &response, &error);

		g_assert_no_error(error);
		if (result == IMAP_PARSE_RESPONSE) {
			count++;
			damaged += response.damaged;
		}
		text += used;
		length -= used;
	}
	if (damaged_r)
		*damaged_r = damaged;
	return count;
}

static void
assert_fails(ImapParser *parser, const char *text, CoreErrorCode code, const char *why)
{
	for (int i = 0; i < 2; i++) { /* the second time: it only fails now */
		g_autoptr(GError) error = NULL;
		ImapResponse response;
		size_t used = 0;
		ImapParseResult result = IMAP_PARSE_RESPONSE;

		for (size_t at = 0; result == IMAP_PARSE_RESPONSE && at < strlen(text); at += used)
			result = imap_parser_next(parser, text + at, strlen(text) - at, &used, &response, &error);
		g_assert_cmpint(result, ==, IMAP_PARSE_FAILED);
		g_assert_error(error, CORE_ERROR, (gint)code);
		g_assert_nonnull(strstr(error->message, why));
	}
}

static void
test_sink_errors_stop_the_parser(void)
{
	static const char *const calls[] = { "begin", "write", "end" };
	static const char *const inputs[] = {
		"* 1 FETCH (BODY[] {3}\r\nabc)\r\n* 2 EXISTS\r\n",
		"* 1 FETCH (BODY[] \"abc\")\r\n* 2 EXISTS\r\n",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(calls) * G_N_ELEMENTS(inputs) * 2; i++) {
		Counter counter = { .refuse = calls[i % 3], .silently = i >= 6 };
		g_autoptr(ImapParser) parser = imap_parser_new(NULL, &counting, &counter);

		if (counter.silently)
			assert_fails(parser, inputs[i / 3 % 2], CORE_ERROR_PROTOCOL, "nobody takes the message");
		else
			assert_fails(parser, inputs[i / 3 % 2], CORE_ERROR_IO, counter.refuse);
		g_assert_cmpuint(counter.begun, ==, 1);
	}
}

static void
test_no_sink_drops_message_data(void)
{
	g_autoptr(ImapParser) parser = imap_parser_new(NULL, NULL, NULL);
	const char *text = "* 1 FETCH (BODY[] {3}\r\nabc BODY[1] \"x\" UID 7)\r\nA1 OK x\r\n";

	g_assert_cmpuint(feed(parser, text, strlen(text), NULL), ==, 2);
	g_assert_false(imap_parser_busy(parser));
}

static void
test_message_data_is_not_kept(void)
{
	enum { PIECES = 256, PIECE = 64 * 1024 };
	Counter counter = { 0 };
	g_autoptr(ImapParser) parser = imap_parser_new(NULL, &counting, &counter);
	g_autofree char *piece = g_strnfill(PIECE, 'x');
	g_autofree char *head = g_strdup_printf("* 1 FETCH (UID 3 BODY[] {%u}\r\n", PIECES * PIECE);
	unsigned damaged;

	g_assert_cmpuint(feed(parser, head, strlen(head), NULL), ==, 0);
	for (int i = 0; i < PIECES; i++) {
		g_assert_true(imap_parser_busy(parser));
		feed(parser, piece, PIECE, NULL);
		g_assert_cmpuint(imap_parser_memory(parser), <, 128 * 1024);
	}
	g_assert_cmpuint(counter.bytes, ==, PIECES * PIECE);
	g_assert_cmpuint(counter.announced, ==, PIECES * PIECE);
	g_assert_cmpuint(counter.ended, ==, 1);
	g_assert_cmpuint(feed(parser, " FLAGS ())\r\n", 12, &damaged), ==, 1);
	g_assert_cmpuint(damaged, ==, 0);
}

static void
test_memory_goes_back(void)
{
	g_autoptr(ImapParser) parser = imap_parser_new(NULL, NULL, NULL);
	g_autoptr(GString) huge = g_string_new("* X {3000000}\r\n");
	ImapResponse response;
	size_t used;

	for (int i = 0; i < 3000000; i++)
		g_string_append_c(huge, 'y');
	for (int i = 0; i < 100000; i++)
		g_string_append(huge, " (word)");
	for (size_t at = 0; at < huge->len; at += 1000)
		feed(parser, huge->str + at, MIN(1000, huge->len - at), NULL);
	g_assert_cmpuint(imap_parser_memory(parser), >, 3000000);
	g_assert_cmpuint(feed(parser, "\r\n", 2, NULL), ==, 1);
	g_assert_cmpint(imap_parser_next(parser, "", 0, &used, &response, NULL), ==, IMAP_PARSE_MORE);
	g_assert_cmpuint(imap_parser_memory(parser), <, 128 * 1024);
}

static void
test_bounds_of_sizes(void)
{
	const ImapLimits limits = { .line_bytes = 64, .literal_bytes = 20, .body_bytes = 30, .nesting = 4, .nodes = 10 };
	static const struct {
		const char *fine, *beyond, *why;
	} rows[] = {
		{ "* X {20}\r\n12345678901234567890\r\n", "* X {21}\r\n", "a literal is too long" },
		{ "* 1 FETCH (BODY[] {30}\r\n123456789012345678901234567890)\r\n",
		  "* 1 FETCH (BODY[] {31}\r\n", "a message is too long" },
		{ "* OK x\r\n", "* X {99999999999999999999999999999}\r\n", "a literal is too long" },
		{ "* OK x\r\n", "* X {18446744073709551617}\r\n", "a literal is too long" },
		{ "* 1 FETCH (BODY[] {00000000000000000000000000002}\r\nab)\r\n",
		  "* 1 FETCH (BODY[] {18446744073709551615}\r\n", "a message" },
		{ "* OK 6789012345678901234567890123456789012345678901234567890123\r\n",
		  "* OK 678901234567890123456789012345678901234567890123456789012345", "a response is too long" },
		{ "* X {20}\r\n12345678901234567890 {20}\r\n12345678901234567890\r\n",
		  "* X {20}\r\n12345678901234567890 {20}\r\n12345678901234567890 {20}\r\n", "a response is too long" },
		{ "A1 OK\r\n", "+ this is a line that does not end and does not end and does not end", "a response is too long" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(ImapParser) parser = imap_parser_new(&limits, NULL, NULL);
		unsigned damaged;

		g_assert_cmpuint(feed(parser, rows[i].fine, strlen(rows[i].fine), &damaged), ==, 1);
		g_assert_cmpuint(damaged, ==, 0);
		assert_fails(parser, rows[i].beyond, CORE_ERROR_PROTOCOL, rows[i].why);
	}
}

/* Too deep, too many: left out, and the next response is fine. */
static void
test_bounds_of_values(void)
{
	const ImapLimits limits = { .line_bytes = 1000, .literal_bytes = 20, .body_bytes = 30, .nesting = 3, .nodes = 6 };
	static const struct {
		const char *input, *expected;
	} rows[] = {
		{ "* X (((a)) b)\r\n* 2 EXISTS\r\n", "?X (((a)) b)\nEXISTS 2\n" },
		{ "* X ((((a)) b) c)\r\n* 2 EXISTS\r\n", "?X! ((() b) c)\nEXISTS 2\n" },
		{ "* X ((((((((((({2}\r\nab))) b\r\n* 2 EXISTS\r\n", "?X! ((()))\nEXISTS 2\n" },
		{ "* X a b c d e f\r\n* 2 EXISTS\r\n", "?X a b c d e f\nEXISTS 2\n" },
		{ "* X a b c d e f g\r\n* 2 EXISTS\r\n", "?X! a b c d e f\nEXISTS 2\n" },
		{ "* X a b c d e {1}\r\nf (g {2}\r\nhi) j\r\n* 2 EXISTS\r\n", "?X! a b c d e \"f\"\nEXISTS 2\n" },
		{ "* SEARCH 1 2 3 4 5 6 7 8\r\n", "SEARCH all=\"1,2,3,4,5,6,7,8\"\n" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		size_t length = strlen(rows[i].input);
		g_autofree char *whole = imap_render(rows[i].input, length, length, length, &limits);
		g_autofree char *bytewise = imap_render(rows[i].input, length, 1, 1, &limits);

		g_assert_cmpstr(whole, ==, rows[i].expected);
		g_assert_cmpstr(bytewise, ==, rows[i].expected);
	}
}

static void
test_nul_stops_the_parser(void)
{
	static const char input[] = "* OK a\0b\r\n* 2 EXISTS\r\n";
	g_autofree char *whole = imap_render(input, sizeof input - 1, sizeof input, 1, NULL);
	g_autofree char *bytewise = imap_render(input, sizeof input - 1, 1, 1, NULL);

	g_assert_cmpstr(whole, ==, "failed: the server's answer cannot be read: a NUL byte in a line\n");
	g_assert_cmpstr(bytewise, ==, whole);
}

/* A literal inside a section has the section read again: a few bytes must not cost much memory many times. */
static void
test_literals_in_sections_count(void)
{
	const ImapLimits limits = { .line_bytes = 20000, .literal_bytes = 20, .body_bytes = 30, .nesting = 4, .nodes = 10 };
	g_autoptr(ImapParser) parser = imap_parser_new(&limits, NULL, NULL);
	g_autoptr(GString) text = g_string_new("* 1 FETCH (BODY[HEADER.FIELDS (");

	for (int i = 0; i < 1000; i++)
		g_string_append(text, "{0}\r\n");
	assert_fails(parser, text->str, CORE_ERROR_PROTOCOL, "a response is too long");
	g_assert_cmpuint(imap_parser_memory(parser), <, 256 * 1024);
}

/* Each would take hours if reading were quadratic. */
static void
test_hostile_lines_are_read_in_linear_time(void)
{
	static const struct {
		const char *head, *repeated, *tail;
	} rows[] = {
		{ "* X ", "\"x ", "\r\n" },
		{ "* X ", "\"x\"y ", "\r\n" },
		{ "* X ", "\"\\\" ", "\r\n" },
		{ "* 1 FETCH (ENVELOPE (", "\"a\"b", "))\r\n" },
		{ "* 1 FETCH (", "BODY[(", ")\r\n" },
		{ "* 1 FETCH (", "BODY[ ", ")\r\n" },
		{ "* 1 FETCH (BODY[(", "{0}\r\n", ")\r\n" },
		{ "* 1 FETCH (", "BODY[] {0}\r\n ", ")\r\n" },
		{ "* OK [", "{0}\r\n", "] x\r\n" },
		{ "* OK [", "(", "] x\r\n" },
		{ "* NO ", "[", "] x\r\n" },
		{ "* X ", "(", "\r\n" },
		{ "* X ", "{0}\r\n", "\r\n" },
		{ "* SEARCH", " 1", "\r\n" },
		{ "* LIST () / ", "x ", "\r\n" },
		{ "", "\r\n", "" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GString) text = g_string_new(rows[i].head);
		g_autoptr(ImapParser) parser = imap_parser_new(NULL, NULL, NULL);

		while (text->len < 1000 * 1000)
			g_string_append(text, rows[i].repeated);
		g_string_append(text, rows[i].tail);
		for (size_t at = 0; at < text->len; at += 100)
			feed(parser, text->str + at, MIN(100, text->len - at), NULL);
		g_assert_cmpuint(feed(parser, "* 2 EXISTS\r\n", 12, NULL), ==, 1);
		g_assert_false(imap_parser_busy(parser));
	}
}

static void
test_words(void)
{
	static const char *const items[] = { "IMAP4rev1", "\\Seen" };
	const ImapWords words = { items, G_N_ELEMENTS(items) }, none = { NULL, 0 };

	g_assert_true(imap_words_have(&words, "imap4REV1"));
	g_assert_true(imap_words_have(&words, "\\seen"));
	g_assert_false(imap_words_have(&words, "IMAP4"));
	g_assert_false(imap_words_have(&none, ""));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(transcripts); i++) {
		g_autofree char *path = g_strdup_printf("/imap/parser/transcript/%s", transcripts[i].name);

		g_test_add_data_func(path, &transcripts[i], test_transcript);
	}
	g_test_add_func("/imap/parser/transcripts-together", test_transcripts_together);
	g_test_add_func("/imap/parser/sink-errors-stop-the-parser", test_sink_errors_stop_the_parser);
	g_test_add_func("/imap/parser/no-sink-drops-message-data", test_no_sink_drops_message_data);
	g_test_add_func("/imap/parser/message-data-is-not-kept", test_message_data_is_not_kept);
	g_test_add_func("/imap/parser/memory-goes-back", test_memory_goes_back);
	g_test_add_func("/imap/parser/bounds-of-sizes", test_bounds_of_sizes);
	g_test_add_func("/imap/parser/bounds-of-values", test_bounds_of_values);
	g_test_add_func("/imap/parser/nul-stops-the-parser", test_nul_stops_the_parser);
	g_test_add_func("/imap/parser/literals-in-sections-count", test_literals_in_sections_count);
	g_test_add_func("/imap/parser/hostile-lines-are-read-in-linear-time", test_hostile_lines_are_read_in_linear_time);
	g_test_add_func("/imap/parser/words", test_words);
	return g_test_run();
}
