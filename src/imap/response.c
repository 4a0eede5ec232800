/* The front of the parser: cuts the stream into lines and literals, knows what kind of response a line begins, sends
 * message data to the sink, and has the rest decoded once the response is whole.
 *
 *   LINE ──"{n}" at its end──> LITERAL   a value; kept in the arena
 *     ^                   ├──> STREAM    message data; to the sink
 *     │                   └──> SPLICE    inside a [section] or a response code: put into the line as a quoted string
 *     └───── n bytes later ────┘
 */
#include "imap/response.h"

#include "imap/decode.h"
#include "imap/head.h"
#include "imap/number.h"

#include <string.h>

/* A section or a response code with literals in it is no longer than this; more is damage. */
#define SPLICE_BYTES 8192

/* A line of up to this length is copied to the arena, so that its buffer can be used again. */
#define PENDING_BYTES (32 * 1024)

const ImapLimits imap_limits_default = {
	.line_bytes = 64 << 20,
	.literal_bytes = 4 << 20,
	.body_bytes = 2ULL << 30,
	.nesting = 64,
	.nodes = 1000 * 1000,
};

typedef enum { STATE_LINE, STATE_LITERAL, STATE_STREAM, STATE_SPLICE } State;

struct ImapParser {
	ImapLimits limits;
	const ImapSink *sink;
	void *sink_data;
	ImapArena arena;
	ImapLexer lexer;

	char *pending; /* the part of a line that has come */
	size_t pending_length, pending_allocated;

	ImapHead head;
	bool begun;          /* head is filled: in the midst of a response, behind a literal */
	bool delivered;      /* the caller holds a response; its memory is taken back at the next call */
	size_t response_bytes; /* that count for limits.line_bytes */

	State state;
	uint64_t left;   /* bytes of the literal that are still to come */
	char *literal;   /* STATE_LITERAL: where it is kept */
	size_t literal_length;

	GError *failed;
};

ImapParser *
imap_parser_new(const ImapLimits *limits, const ImapSink *sink, void *sink_data)
{
	ImapParser *parser = g_new0(ImapParser, 1);

	parser->limits = limits ? *limits : imap_limits_default;
	parser->sink = sink;
	parser->sink_data = sink_data;
	imap_lexer_init(&parser->lexer, &parser->arena, parser->limits.nesting, parser->limits.nodes);
	return parser;
}

void
imap_parser_free(ImapParser *parser)
{
	if (!parser)
		return;
	imap_lexer_clear(&parser->lexer);
	imap_arena_clear(&parser->arena);
	g_free(parser->pending);
	g_clear_error(&parser->failed);
	g_free(parser);
}

size_t
imap_parser_memory(const ImapParser *parser)
{
	return sizeof *parser + parser->arena.held_bytes + parser->pending_allocated;
}

bool
imap_parser_busy(const ImapParser *parser)
{
	return parser->state != STATE_LINE || parser->begun || parser->pending_length > 0;
}

static ImapParseResult
fail(ImapParser *parser, GError **error)
{
	g_propagate_error(error, g_error_copy(parser->failed));
	return IMAP_PARSE_FAILED;
}

static bool
stop(ImapParser *parser, const char *why)
{
	return core_throw(&parser->failed, CORE_ERROR_PROTOCOL, "the server's answer cannot be read: %s", why);
}

/* The result of a call of the sink. */
static bool
sunk(ImapParser *parser, bool fine)
{
	if (!fine && !parser->failed)
		stop(parser, "nobody takes the message");
	return fine;
}

static bool
sink_begin(ImapParser *parser, const ImapFetchSection *section)
{
	return !parser->sink || sunk(parser, parser->sink->begin(parser->sink_data, parser->head.value, parser->lexer.uid,
	                                                         section, &parser->failed));
}

static bool
sink_write(ImapParser *parser, const void *bytes, size_t length)
{
	return !parser->sink || sunk(parser, parser->sink->write(parser->sink_data, bytes, length, &parser->failed));
}

static bool
sink_end(ImapParser *parser)
{
	return !parser->sink || sunk(parser, parser->sink->end(parser->sink_data, &parser->failed));
}

/* Counts @more bytes towards the bound of one response. */
static bool
spend(ImapParser *parser, size_t more)
{
	if (more > parser->limits.line_bytes - parser->response_bytes)
		return stop(parser, "a response is too long");
	parser->response_bytes += more;
	return true;
}

static void
append(ImapParser *parser, const char *bytes, size_t length)
{
	size_t wanted = parser->pending_length + length + 1;

	if (wanted > parser->pending_allocated) {
		parser->pending_allocated = MAX(wanted + wanted / 2, 256);
		parser->pending = g_realloc(parser->pending, parser->pending_allocated);
	}
	memcpy(parser->pending + parser->pending_length, bytes, length);
	parser->pending_length += length;
	parser->pending[parser->pending_length] = '\0';
}

/* The pending line, now in memory that lives as long as the response. */
static char *
take_pending(ImapParser *parser)
{
	char *line;

	if (parser->pending_length < PENDING_BYTES) {
		line = imap_arena_text(&parser->arena, parser->pending, parser->pending_length);
	} else {
		line = g_steal_pointer(&parser->pending);
		imap_arena_adopt(&parser->arena, line, parser->pending_allocated);
		parser->pending_allocated = 0;
	}
	parser->pending_length = 0;
	return line;
}

/* "{n}", "{n+}", "~{n}" at the end of a line.  *length_r is how much of the line is before it. */
static bool
find_marker(const char *line, size_t length, size_t *length_r, uint64_t *bytes_r)
{
	size_t at = length, behind;

	if (at < 3 || line[--at] != '}')
		return false;
	if (line[at - 1] == '+')
		at--;
	for (behind = at; at > 0 && g_ascii_isdigit(line[at - 1]);)
		at--;
	if (at == behind || at == 0 || line[at - 1] != '{')
		return false;
	if (!imap_number_read(line + at, UINT64_MAX, bytes_r))
		*bytes_r = UINT64_MAX; /* beyond every bound */
	at--;
	if (at > 0 && line[at - 1] == '~' && (at == 1 || line[at - 2] == ' ' || line[at - 2] == '('))
		at--;
	*length_r = at;
	return true;
}

static bool
literal_done(ImapParser *parser)
{
	State state = parser->state;

	parser->state = STATE_LINE;
	switch (state) {
	case STATE_LITERAL:
		parser->literal[parser->literal_length] = '\0';
		imap_lexer_literal(&parser->lexer, parser->literal, parser->literal_length);
		break;
	case STATE_STREAM:
		imap_lexer_literal(&parser->lexer, NULL, parser->literal_length);
		return sink_end(parser);
	case STATE_SPLICE:
		append(parser, "\"", 1);
		break;
	case STATE_LINE:
		break;
	}
	return true;
}

static bool
begin_literal(ImapParser *parser, uint64_t bytes)
{
	const ImapNode *name = imap_lexer_section(&parser->lexer);

	parser->left = bytes;
	if (name) {
		ImapFetchSection section = imap_decode_section(&parser->arena, name->text);

		if (bytes > parser->limits.body_bytes)
			return stop(parser, "a message is too long");
		section.size_bytes = bytes;
		parser->state = STATE_STREAM;
		parser->literal_length = (size_t)bytes;
		if (!sink_begin(parser, &section))
			return false;
	} else {
		if (bytes > parser->limits.literal_bytes)
			return stop(parser, "a literal is too long");
		if (!spend(parser, (size_t)bytes))
			return false;
		parser->state = STATE_LITERAL;
		parser->literal = imap_arena_alloc(&parser->arena, (size_t)bytes + 1);
		parser->literal_length = 0;
	}
	return bytes > 0 || literal_done(parser);
}

/* Puts the line back up to @length, to go on with the literal in it.  What is read once more counts once more. */
static bool
begin_splice(ImapParser *parser, const char *line, size_t length, uint64_t bytes)
{
	if (!spend(parser, length + (size_t)bytes))
		return false;
	append(parser, line, length);
	append(parser, "\"", 1);
	parser->left = bytes;
	parser->state = STATE_SPLICE;
	return bytes > 0 || literal_done(parser);
}

static bool
may_splice(size_t length, uint64_t bytes)
{
	return length < SPLICE_BYTES && bytes < SPLICE_BYTES;
}

/* Takes bytes of a literal; returns how many. */
static size_t
take_literal(ImapParser *parser, const char *bytes, size_t length)
{
	size_t take = (size_t)MIN(parser->left, length);

	switch (parser->state) {
	case STATE_LITERAL:
		memcpy(parser->literal + parser->literal_length, bytes, take);
		parser->literal_length += take;
		break;
	case STATE_STREAM:
		if (!sink_write(parser, bytes, take))
			return take;
		break;
	case STATE_SPLICE:
		for (size_t i = 0; i < take; i++) {
			if (bytes[i] == '"' || bytes[i] == '\\')
				append(parser, "\\", 1);
			if (bytes[i] != '\0')
				append(parser, bytes + i, 1);
		}
		break;
	case STATE_LINE:
		break;
	}
	parser->left -= take;
	if (parser->left == 0)
		literal_done(parser);
	return take;
}

/* Sends what came as quoted strings the way that literals went.  In the order of ImapFetch.sections. */
static bool
sink_strings(ImapParser *parser, const ImapNode *first, bool at_top, const ImapFetchSection **section)
{
	for (const ImapNode *node = first; node; node = node->next) {
		const ImapNode *value = imap_decode_section_value(node, at_top);

		if (node->kind == IMAP_NODE_LIST && !sink_strings(parser, node->first, false, section))
			return false;
		if (value && value->kind == IMAP_NODE_STRING &&
		    (!sink_begin(parser, *section) || (value->length > 0 && !sink_write(parser, value->text, value->length)) ||
		     !sink_end(parser)))
			return false;
		*section += value ? 1 : 0;
	}
	return true;
}

static void
begin_response(ImapParser *parser, ImapResponse *response)
{
	memset(response, 0, sizeof *response);
	response->kind = parser->head.kind;
	response->tag = parser->head.tag;
	response->keyword = parser->head.keyword;
	response->damaged = parser->head.damaged;
}

static bool
finish_values(ImapParser *parser, ImapResponse *response)
{
	const ImapNode *values = imap_lexer_end(&parser->lexer);

	begin_response(parser, response);
	response->damaged |= parser->lexer.damaged;
	imap_decode_values(&parser->arena, &parser->head, values, response);
	if (response->kind != IMAP_RESPONSE_FETCH || response->fetch.section_count == 0)
		return true;

	const ImapFetchSection *section = response->fetch.sections;
	bool is_list = values->kind == IMAP_NODE_LIST;
	return sink_strings(parser, is_list ? values->first : values, is_list, &section);
}

/* A line of text, a status or a SEARCH: one line, but for literals in its response code. */
static bool
take_text(ImapParser *parser, char *line, char *text, size_t length, ImapResponse *response_r, bool *whole_r)
{
	size_t before;
	uint64_t bytes;
	bool balanced;

	if (parser->head.shape == IMAP_SHAPE_STATUS) {
		char *code = text + strspn(text, " \t");

		if (*code == '[' && !imap_decode_code_end(code, &balanced) && find_marker(line, length, &before, &bytes) &&
		    line + before > code && may_splice(before, bytes))
			return begin_splice(parser, line, before, bytes);
	}
	begin_response(parser, response_r);
	switch (parser->head.shape) {
	case IMAP_SHAPE_STATUS:
		imap_decode_status(&parser->lexer, text, response_r);
		break;
	case IMAP_SHAPE_SEARCH:
		imap_decode_search(text, response_r);
		break;
	case IMAP_SHAPE_TEXT:
	case IMAP_SHAPE_VALUES:
		if (response_r->kind == IMAP_RESPONSE_CONTINUE) {
			response_r->status.text = text + strspn(text, " ");
		} else {
			imap_lexer_begin(&parser->lexer, IMAP_GRAMMAR_PLAIN);
			imap_lexer_text(&parser->lexer, text, line + length, false);
			imap_decode_values(&parser->arena, &parser->head, imap_lexer_end(&parser->lexer), response_r);
		}
		break;
	}
	*whole_r = true;
	return true;
}

/* A piece of a response of values: up to the end of the line, which ends the response or leads into a literal. */
static bool
take_values(ImapParser *parser, char *line, char *at, size_t length, ImapResponse *response_r, bool *whole_r)
{
	size_t before = length;
	uint64_t bytes = 0;
	bool literal = find_marker(line, length, &before, &bytes) && line + before >= at;
	char *end = line + (literal ? before : length);
	char *open = imap_lexer_text(&parser->lexer, at, end, literal);

	if (open && may_splice((size_t)(end - open), bytes))
		return begin_splice(parser, open, (size_t)(end - open), bytes);
	if (open)
		imap_lexer_text(&parser->lexer, open, end, false);
	if (literal)
		return begin_literal(parser, bytes);
	parser->begun = false;
	*whole_r = true;
	return finish_values(parser, response_r);
}

/* Takes back the memory of the response that the caller has seen. */
static void
forget(ImapParser *parser)
{
	if (parser->pending_length == 0 && parser->pending_allocated > PENDING_BYTES) {
		g_clear_pointer(&parser->pending, g_free);
		parser->pending_allocated = 0;
	}
	imap_arena_reset(&parser->arena);
	imap_lexer_begin(&parser->lexer, IMAP_GRAMMAR_PLAIN);
	parser->response_bytes = 0;
	parser->delivered = false;
}

/* A line without its LF. */
static bool
take_line(ImapParser *parser, char *line, size_t length, ImapResponse *response_r, bool *whole_r)
{
	char *at = line;

	if (memchr(line, '\0', length))
		return stop(parser, "a NUL byte in a line");
	while (length > 0 && line[length - 1] == '\r')
		length--;
	line[length] = '\0';
	if (!parser->begun) {
		at = imap_head_read(&parser->arena, line, &parser->head);
		if (!at) { /* an empty line */
			forget(parser);
			return true;
		}
		if (parser->head.shape != IMAP_SHAPE_VALUES)
			return take_text(parser, line, at, length, response_r, whole_r);
		imap_lexer_begin(&parser->lexer, parser->head.grammar);
		parser->begun = true;
	}
	return take_values(parser, line, at, length, response_r, whole_r);
}

/* Takes up to the end of a line; returns how much. */
static size_t
take_bytes(ImapParser *parser, const char *bytes, size_t length, ImapResponse *response_r, bool *whole_r)
{
	const char *lf = memchr(bytes, '\n', length);
	size_t take = lf ? (size_t)(lf - bytes) : length;
	size_t line_length = parser->pending_length + take;
	char *line;

	if (!spend(parser, take))
		return take;
	if (!lf || parser->pending_length > 0)
		append(parser, bytes, take);
	if (!lf)
		return take;
	line = parser->pending_length > 0 ? take_pending(parser) : imap_arena_text(&parser->arena, bytes, take);
	take_line(parser, line, line_length, response_r, whole_r);
	return take + 1;
}

ImapParseResult
imap_parser_next(ImapParser *parser, const void *bytes, size_t length, size_t *used_r, ImapResponse *response_r,
                 GError **error)
{
	const char *at = bytes;

	*used_r = 0;
	if (parser->failed)
		return fail(parser, error);
	if (parser->delivered)
		forget(parser);
	while (*used_r < length) {
		const char *from = at + *used_r;
		size_t left = length - *used_r;

		if (parser->state == STATE_LINE)
			*used_r += take_bytes(parser, from, left, response_r, &parser->delivered);
		else
			*used_r += take_literal(parser, from, left);
		if (parser->failed)
			return fail(parser, error);
		if (parser->delivered)
			return IMAP_PARSE_RESPONSE;
	}
	return IMAP_PARSE_MORE;
}
