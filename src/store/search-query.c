/* The parser of queries: recursive descent, bounded by the query's length and by STORE_SEARCH_NESTING_MAX. */
#include "store/search-query.h"

#include "store/search-date.h"
#include "store/search-token.h"

#include <string.h>

typedef struct {
	const char *start, *at;
	unsigned depth, terms;
} Parser;

static StoreTerm *parse_or(Parser *parser, GError **error);

static void
term_free(void *data)
{
	StoreTerm *term = data;

	if (!term)
		return;
	g_clear_pointer(&term->parts, g_ptr_array_unref);
	g_free(term->text);
	g_free(term);
}

typedef StoreTerm Term;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Term, term_free)

static StoreTerm *
term_new(StoreTermKind kind)
{
	StoreTerm *term = g_new0(StoreTerm, 1);

	term->kind = kind;
	if (kind <= STORE_TERM_NOT)
		term->parts = g_ptr_array_new_with_free_func(term_free);
	return term;
}

/* Sets *error for what stands at @at. */
static StoreTerm *G_GNUC_PRINTF(4, 5)
fail(const Parser *parser, const char *at, GError **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *what = g_strdup_vprintf(format, args);
	va_end(args);
	core_throw(error, CORE_ERROR_USAGE, "query, character %ld: %s", g_utf8_pointer_to_offset(parser->start, at) + 1,
	           what);
	return NULL;
}

static void
skip_blanks(Parser *parser)
{
	while (*parser->at && g_unichar_isspace(g_utf8_get_char(parser->at)))
		parser->at = g_utf8_next_char(parser->at);
}

/* The end of the word that begins at @at. */
static const char *
word_end(const char *at)
{
	while (*at && !strchr("()\"", *at) && !g_unichar_isspace(g_utf8_get_char(at)))
		at = g_utf8_next_char(at);
	return at;
}

static bool
is_word(const char *at, const char *word)
{
	size_t length = strlen(word);

	return strncmp(at, word, length) == 0 && word_end(at) == at + length;
}

/* What stands at @at, for a message. */
static char *
show(const char *at)
{
	const char *end = *at && strchr("()\"", *at) ? at + 1 : word_end(at);

	return *at ? g_strndup(at, (gsize)(end - at)) : g_strdup("the end");
}

/* The word or the phrase at the parser's place; NULL: neither, or no end (then with *error).  g_free(). */
static char *
take_value(Parser *parser, GError **error)
{
	const char *start = parser->at, *end;

	if (*start == '"') {
		end = strchr(start + 1, '"');
		if (!end) {
			fail(parser, start, error, "this \" has no other one behind it");
			return NULL;
		}
		parser->at = end + 1;
		return g_strndup(start + 1, (gsize)(end - start - 1));
	}
	end = word_end(start);
	parser->at = end;
	return end > start ? g_strndup(start, (gsize)(end - start)) : NULL;
}

static bool
count(Parser *parser, const char *at, GError **error)
{
	if (++parser->terms > STORE_SEARCH_TERMS_MAX)
		fail(parser, at, error, "more than %d terms", STORE_SEARCH_TERMS_MAX);
	return parser->terms <= STORE_SEARCH_TERMS_MAX;
}

/* The word or phrase @text (taken) that begins at @at. */
static StoreTerm *
make_text(Parser *parser, const char *at, char *text, StoreTermColumn column, GError **error)
{
	g_autoptr(Term) term = term_new(STORE_TERM_TEXT);
	size_t length = strlen(text);
	bool is_phrase = parser->at[-1] == '"';

	term->text = text;
	term->column = column;
	if (is_phrase && *parser->at == '*') {
		term->prefix = true;
		parser->at++;
	} else if (!is_phrase && length > 0 && text[length - 1] == '*') {
		term->prefix = true;
		text[length - 1] = '\0';
	}
	if (!store_token_any(text))
		return fail(parser, at, error, "there is no letter or digit to look for");
	term->prefix |= store_token_is_open(text);
	return g_steal_pointer(&term);
}

/* What comes behind a prefix: @value (taken), at @at. */
typedef StoreTerm *(*MakeFn)(Parser *parser, const char *at, char *value, GError **error);

static StoreTerm *
make_from(Parser *parser, const char *at, char *value, GError **error)
{
	return make_text(parser, at, value, STORE_IN_FROM, error);
}

static StoreTerm *
make_to(Parser *parser, const char *at, char *value, GError **error)
{
	return make_text(parser, at, value, STORE_IN_TO, error);
}

static StoreTerm *
make_subject(Parser *parser, const char *at, char *value, GError **error)
{
	return make_text(parser, at, value, STORE_IN_SUBJECT, error);
}

static StoreTerm *
make_date(Parser *parser, const char *at, char *value, GError **error)
{
	g_autofree char *taken = value;
	g_autoptr(Term) term = term_new(STORE_TERM_DATE);

	switch (store_date_parse(value, &term->first, &term->end)) {
	case STORE_DATE_GOOD:
		return g_steal_pointer(&term);
	case STORE_DATE_REVERSED:
		return fail(parser, at, error, "date:%s ends before it begins", value);
	case STORE_DATE_BAD:
	default:
		return fail(parser, at, error,
		            "date:%s is no date; such are 2024, 2024-03, 2024-03-01..2024-06-30, today, yesterday, 7d", value);
	}
}

/* @is: whether it is to be set. */
static StoreTerm *
flag_term(const char *flag, bool is)
{
	StoreTerm *term = term_new(STORE_TERM_FLAG);

	term->text = g_strdup(flag);
	if (is)
		return term;
	StoreTerm *not = term_new(STORE_TERM_NOT);
	g_ptr_array_add(not->parts, term);
	return not;
}

static StoreTerm *
make_is(Parser *parser, const char *at, char *value, GError **error)
{
	static const struct {
		const char *name, *flag;
		bool is;
	} states[] = {
		{ "unread", "\\Seen", false },      { "read", "\\Seen", true },   { "flagged", "\\Flagged", true },
		{ "answered", "\\Answered", true }, { "draft", "\\Draft", true }, { "forwarded", "$Forwarded", true },
	};
	g_autofree char *taken = value;

	for (gsize i = 0; i < G_N_ELEMENTS(states); i++) {
		if (g_ascii_strcasecmp(value, states[i].name) == 0)
			return flag_term(states[i].flag, states[i].is);
	}
	return fail(parser, at, error, "is:%s is not known; there are unread, read, flagged, answered, draft, forwarded", value);
}

static StoreTerm *
make_flag(Parser *parser, const char *at, char *value, GError **error)
{
	g_autofree char *taken = value;

	return flag_term(value, true);
}

static StoreTerm *
make_folder(Parser *parser, const char *at, char *value, GError **error)
{
	g_autoptr(Term) term = term_new(STORE_TERM_FOLDER);
	g_autofree char *taken = value;
	size_t length;

	value += strspn(value, "/");
	for (length = strlen(value); length > 0 && value[length - 1] == '/'; length--)
		;
	if (length == 0)
		return fail(parser, at, error, "folder: needs a name");
	term->text = g_strndup(value, length);
	return g_steal_pointer(&term);
}

static StoreTerm *
make_has(Parser *parser, const char *at, char *value, GError **error)
{
	g_autofree char *taken = value;

	if (g_ascii_strcasecmp(value, "attachment") != 0)
		return fail(parser, at, error, "has:%s is not known; there is has:attachment", value);
	return term_new(STORE_TERM_ATTACHMENT);
}

static const struct {
	const char *name;
	MakeFn make;
} prefixes[] = {
	{ "from:", make_from }, { "to:", make_to },     { "subject:", make_subject }, { "date:", make_date },
	{ "is:", make_is },     { "flag:", make_flag }, { "folder:", make_folder },   { "has:", make_has },
};

static StoreTerm *
parse_term(Parser *parser, GError **error)
{
	const char *start = parser->at;
	GError *failure = NULL;

	if (!count(parser, start, error))
		return NULL;
	for (gsize i = 0; i < G_N_ELEMENTS(prefixes); i++) {
		size_t length = strlen(prefixes[i].name);
		if (g_ascii_strncasecmp(start, prefixes[i].name, length) != 0)
			continue;
		parser->at += length;
		char *value = take_value(parser, &failure);
		if (!value && !failure)
			fail(parser, start, &failure, "%s needs something behind it", prefixes[i].name);
		if (failure) {
			g_propagate_error(error, failure);
			return NULL;
		}
		return prefixes[i].make(parser, start, value, error);
	}
	char *text = take_value(parser, error);
	return text ? make_text(parser, start, text, STORE_IN_ALL, error) : NULL;
}

static StoreTerm *
parse_group(Parser *parser, GError **error)
{
	const char *start = parser->at++;
	g_autoptr(Term) term = parse_or(parser, error);

	if (!term)
		return NULL;
	if (*parser->at != ')')
		return fail(parser, start, error, "this ( has no ) behind it");
	parser->at++;
	return g_steal_pointer(&term);
}

static StoreTerm *parse_unary(Parser *parser, GError **error);

static StoreTerm *
parse_not(Parser *parser, size_t length, GError **error)
{
	parser->at += length;
	g_autoptr(Term) part = parse_unary(parser, error);
	if (!part)
		return NULL;
	StoreTerm *term = term_new(STORE_TERM_NOT);
	g_ptr_array_add(term->parts, g_steal_pointer(&part));
	return term;
}

/* The sign before a term; alone it is none. */
static bool
is_minus(const char *at)
{
	return *at == '-' && (at[1] == '"' || at[1] == '(' || word_end(at) > at + 1);
}

static StoreTerm *
parse_unary(Parser *parser, GError **error)
{
	StoreTerm *term;

	skip_blanks(parser);
	if (parser->depth == STORE_SEARCH_NESTING_MAX)
		return fail(parser, parser->at, error, "more than %d of ( and NOT inside each other", STORE_SEARCH_NESTING_MAX);
	parser->depth++;
	if (!*parser->at || *parser->at == ')' || is_word(parser->at, "AND") || is_word(parser->at, "OR")) {
		g_autofree char *found = show(parser->at);
		term = fail(parser, parser->at, error, "a word is missing before %s", found);
	} else if (is_word(parser->at, "NOT")) {
		term = parse_not(parser, strlen("NOT"), error);
	} else if (is_minus(parser->at)) {
		term = parse_not(parser, 1, error);
	} else {
		term = *parser->at == '(' ? parse_group(parser, error) : parse_term(parser, error);
	}
	parser->depth--;
	return term;
}

/* @part (taken) as a further one of @whole (taken; NULL: none yet). */
static StoreTerm *
join(StoreTermKind kind, StoreTerm *whole, StoreTerm *part)
{
	if (!whole)
		return part;
	if (whole->kind != kind) {
		StoreTerm *first = whole;
		whole = term_new(kind);
		g_ptr_array_add(whole->parts, first);
	}
	if (part->kind == kind) {
		g_ptr_array_extend_and_steal(whole->parts, g_steal_pointer(&part->parts));
		term_free(part);
	} else {
		g_ptr_array_add(whole->parts, part);
	}
	return whole;
}

static StoreTerm *
parse_and(Parser *parser, GError **error)
{
	g_autoptr(Term) whole = NULL;

	for (;;) {
		StoreTerm *part = parse_unary(parser, error);
		if (!part)
			return NULL;
		whole = join(STORE_TERM_AND, whole, part);
		skip_blanks(parser);
		if (!*parser->at || *parser->at == ')' || is_word(parser->at, "OR"))
			return g_steal_pointer(&whole);
		if (is_word(parser->at, "AND"))
			parser->at += strlen("AND");
	}
}

static StoreTerm *
parse_or(Parser *parser, GError **error)
{
	g_autoptr(Term) whole = NULL;

	for (;;) {
		StoreTerm *part = parse_and(parser, error);
		if (!part)
			return NULL;
		whole = join(STORE_TERM_OR, whole, part);
		if (!is_word(parser->at, "OR"))
			return g_steal_pointer(&whole);
		parser->at += strlen("OR");
	}
}

StoreSearch *
store_search_new(const char *query, GError **error)
{
	Parser parser = { .start = query, .at = query };

	if (strlen(query) > STORE_SEARCH_QUERY_MAX_BYTES) {
		core_throw(error, CORE_ERROR_USAGE, "the query is longer than %d bytes", STORE_SEARCH_QUERY_MAX_BYTES);
		return NULL;
	}
	if (!g_utf8_validate(query, -1, NULL)) {
		core_throw(error, CORE_ERROR_USAGE, "the query is not UTF-8");
		return NULL;
	}
	skip_blanks(&parser);
	if (!*parser.at) {
		core_throw(error, CORE_ERROR_USAGE, "the query is empty");
		return NULL;
	}
	g_autoptr(Term) term = parse_or(&parser, error);
	if (!term)
		return NULL;
	if (*parser.at) {
		fail(&parser, parser.at, error, "this ) has no ( before it");
		return NULL;
	}
	StoreSearch *search = g_new0(StoreSearch, 1);
	search->term = g_steal_pointer(&term);
	search->terms = parser.terms;
	return search;
}

void
store_search_free(StoreSearch *search)
{
	if (search) {
		term_free(search->term);
		g_free(search);
	}
}
