#include "imap/lexer.h"

#include "imap/number.h"
#include "imap/quoted.h"

#include <string.h>

void
imap_lexer_init(ImapLexer *lexer, ImapArena *arena, unsigned nesting, unsigned nodes)
{
	*lexer = (ImapLexer){ .arena = arena, .max_depth = nesting, .max_nodes = nodes };
	lexer->levels = g_new0(struct ImapLevel, (size_t)nesting + 1);
	imap_lexer_begin(lexer, IMAP_GRAMMAR_PLAIN);
}

void
imap_lexer_clear(ImapLexer *lexer)
{
	g_clear_pointer(&lexer->levels, g_free);
}

void
imap_lexer_begin(ImapLexer *lexer, ImapGrammar grammar)
{
	lexer->grammar = grammar;
	lexer->root = (ImapNode){ .kind = IMAP_NODE_LIST };
	lexer->levels[0] = (struct ImapLevel){ .list = &lexer->root };
	lexer->depth = 0;
	lexer->beyond = 0;
	lexer->nodes = 0;
	lexer->uid = 0;
	lexer->in_structure = false;
	lexer->damaged = false;
}

static bool
is_atom(const ImapNode *node, const char *text)
{
	return node && node->kind == IMAP_NODE_ATOM && g_ascii_strcasecmp(node->text, text) == 0;
}

static ImapNode *
add(ImapLexer *lexer, ImapNodeKind kind, const char *text, size_t length)
{
	struct ImapLevel *level = &lexer->levels[lexer->depth];
	ImapNode *node;

	if (lexer->beyond)
		return NULL;
	if (lexer->nodes >= lexer->max_nodes) {
		lexer->damaged = true;
		return NULL;
	}
	lexer->nodes++;
	node = imap_arena_alloc(lexer->arena, sizeof *node);
	*node = (ImapNode){ .kind = kind, .text = text, .length = length };
	if (level->last)
		level->last->next = node;
	else
		level->list->first = node;
	level->last = node;
	return node;
}

static void
open_list(ImapLexer *lexer)
{
	const ImapNode *before = lexer->levels[lexer->depth].last;
	ImapNode *list = lexer->depth < lexer->max_depth ? add(lexer, IMAP_NODE_LIST, NULL, 0) : NULL;

	if (!list) {
		lexer->damaged = true;
		lexer->beyond++;
		return;
	}
	if (lexer->grammar == IMAP_GRAMMAR_FETCH && lexer->depth == 1)
		lexer->in_structure = is_atom(before, "ENVELOPE") || is_atom(before, "BODYSTRUCTURE") || is_atom(before, "BODY");
	lexer->levels[++lexer->depth] = (struct ImapLevel){ .list = list };
}

static void
close_list(ImapLexer *lexer)
{
	if (lexer->beyond)
		lexer->beyond--;
	else if (lexer->depth == 0)
		lexer->damaged = true;
	else if (--lexer->depth <= 1)
		lexer->in_structure = false;
}

/* "\" where only one character can stand. */
static bool
is_lone_backslash(const ImapLexer *lexer, const char *at, const char *end)
{
	const ImapNode *before = lexer->levels[lexer->depth].last;

	if (lexer->grammar != IMAP_GRAMMAR_SEPARATOR || end - at < 3 || at[0] != '\\' || at[1] != '"' || !before)
		return false;
	return lexer->depth == 0 ? before->kind == IMAP_NODE_LIST && at[2] == ' ' : at[2] == ')';
}

/* @at is the opening quote.  Returns where to go on; a quote that nothing closes is skipped. */
static char *
take_string(ImapLexer *lexer, char *at, char *end, bool *may_guess)
{
	ImapBehind behind = lexer->in_structure ? IMAP_BEHIND_STRUCTURE : IMAP_BEHIND_ANYTHING;
	bool guessed = false;
	char *text = at + 1, *close;

	if (is_lone_backslash(lexer, text, end))
		close = text + 1;
	else
		close = imap_quoted_find_end(text, end, behind, *may_guess, &guessed);
	if (guessed || !close)
		lexer->damaged = true;
	if (!close) {
		*may_guess = *may_guess && !guessed;
		return text;
	}
	size_t length = imap_quoted_unescape(text, close);
	add(lexer, IMAP_NODE_STRING, text, length);
	return close + 1;
}

static bool
has_section(const char *name, size_t length)
{
	static const char *const names[] = { "BODY", "BODY.PEEK", "BINARY", "BINARY.PEEK", "BINARY.SIZE" };

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		if (strlen(names[i]) == length && g_ascii_strncasecmp(name, names[i], length) == 0)
			return true;
	}
	return false;
}

/* @at is the opening bracket.  Returns the closing one, or NULL.  *@in_names_r: it
 * ended inside parentheses. */
static char *
find_section_end(char *at, char *end, bool *in_names_r)
{
	bool quoted = false, in_names = false;

	for (; at < end; at++) {
		if (quoted && *at == '\\')
			at++;
		else if (*at == '"')
			quoted = !quoted;
		else if (!quoted && *at == '(')
			in_names = true;
		else if (!quoted && *at == ')')
			in_names = false;
		else if (!quoted && *at == ']')
			return at;
	}
	*in_names_r = in_names && !quoted;
	return NULL;
}

/* What a run over one piece of a line has to remember. */
typedef struct {
	char *cut;        /* where a NUL belongs once the character there was looked at */
	char *open;       /* an atom whose section is not closed in this piece */
	bool may_guess;   /* see imap_quoted_find_end() */
	bool may_section; /* false once a bracket was found that nothing closes: looking again would be quadratic */
	bool literal_follows;
} Run;

static char *
take_atom(ImapLexer *lexer, char *at, char *end, Run *run)
{
	char *start = at;
	bool section = false;

	for (; at < end && *at != ' ' && *at != '(' && *at != ')' && *at != '\t' && *at != '\r'; at++) {
		if (*at == '[' && lexer->grammar == IMAP_GRAMMAR_FETCH && run->may_section && !section &&
		    has_section(start, (size_t)(at - start))) {
			bool in_names = false;
			char *close = find_section_end(at, end, &in_names);

			if (!close && in_names && run->literal_follows) {
				run->open = start;
				return end;
			}
			if (!close) {
				run->may_section = false;
				lexer->damaged = true;
			} else {
				at = close;
				section = true;
			}
		} else if (*at == '"') {
			if (section)
				break;
			lexer->damaged = true;
		}
	}
	size_t length = (size_t)(at - start);
	bool nil = length == 3 && g_ascii_strncasecmp(start, "NIL", 3) == 0;
	const ImapNode *before = lexer->levels[lexer->depth].last;

	run->cut = at;
	if (add(lexer, nil ? IMAP_NODE_NIL : IMAP_NODE_ATOM, start, length) && lexer->depth == 1 &&
	    lexer->grammar == IMAP_GRAMMAR_FETCH && is_atom(before, "UID")) {
		char saved = *at;
		uint64_t uid;

		*at = '\0';
		if (imap_number_parse(start, UINT32_MAX, &uid))
			lexer->uid = (uint32_t)uid;
		*at = saved;
	}
	return at;
}

char *
imap_lexer_text(ImapLexer *lexer, char *at, char *end, bool literal_follows)
{
	Run run = { .may_guess = true, .may_section = true, .literal_follows = literal_follows };

	while (at < end) {
		char c = *at;

		if (run.cut) {
			*run.cut = '\0';
			run.cut = NULL;
		}
		switch (c) {
		case ' ':
		case '\t':
		case '\r':
			at++;
			break;
		case '(':
			open_list(lexer);
			at++;
			break;
		case ')':
			close_list(lexer);
			at++;
			break;
		case '"':
			at = take_string(lexer, at, end, &run.may_guess);
			break;
		default:
			at = take_atom(lexer, at, end, &run);
		}
	}
	if (!run.open)
		*end = '\0';
	return run.open;
}

bool
imap_lexer_is_section(const ImapNode *name, const ImapNode *value, bool at_top)
{
	static const char *const plain[] = { "RFC822", "RFC822.HEADER", "RFC822.TEXT" };

	if (!name || name->kind != IMAP_NODE_ATOM)
		return false;
	if (value && (value->kind == IMAP_NODE_ATOM || value->kind == IMAP_NODE_LIST))
		return false;
	if (g_ascii_strncasecmp(name->text, "BODY[", 5) == 0 || g_ascii_strncasecmp(name->text, "BINARY[", 7) == 0)
		return true;
	for (size_t i = 0; at_top && i < G_N_ELEMENTS(plain); i++) {
		if (g_ascii_strcasecmp(name->text, plain[i]) == 0)
			return true;
	}
	return false;
}

const ImapNode *
imap_lexer_section(const ImapLexer *lexer)
{
	const ImapNode *before = lexer->levels[lexer->depth].last;

	if (lexer->grammar != IMAP_GRAMMAR_FETCH || lexer->beyond || lexer->nodes >= lexer->max_nodes)
		return NULL;
	return imap_lexer_is_section(before, NULL, lexer->depth == 1) ? before : NULL;
}

void
imap_lexer_literal(ImapLexer *lexer, const char *text, size_t length)
{
	add(lexer, text ? IMAP_NODE_STRING : IMAP_NODE_STREAMED, text, length);
}

const ImapNode *
imap_lexer_end(ImapLexer *lexer)
{
	if (lexer->depth > 0 || lexer->beyond > 0)
		lexer->damaged = true;
	return lexer->root.first;
}
