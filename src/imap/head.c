#include "imap/head.h"

#include "imap/number.h"

#include <string.h>

static const struct Keyword {
	const char *name;
	ImapResponseKind kind;
	ImapShape shape;
	bool numbered; /* "* 5 NAME" */
	ImapGrammar grammar;
} keywords[] = {
	{ "FETCH", IMAP_RESPONSE_FETCH, IMAP_SHAPE_VALUES, true, IMAP_GRAMMAR_FETCH },
	{ "OK", IMAP_RESPONSE_OK, IMAP_SHAPE_STATUS, false, IMAP_GRAMMAR_PLAIN },
	{ "NO", IMAP_RESPONSE_NO, IMAP_SHAPE_STATUS, false, IMAP_GRAMMAR_PLAIN },
	{ "BAD", IMAP_RESPONSE_BAD, IMAP_SHAPE_STATUS, false, IMAP_GRAMMAR_PLAIN },
	{ "BYE", IMAP_RESPONSE_BYE, IMAP_SHAPE_STATUS, false, IMAP_GRAMMAR_PLAIN },
	{ "PREAUTH", IMAP_RESPONSE_PREAUTH, IMAP_SHAPE_STATUS, false, IMAP_GRAMMAR_PLAIN },
	{ "CAPABILITY", IMAP_RESPONSE_CAPABILITY, IMAP_SHAPE_VALUES, false, IMAP_GRAMMAR_PLAIN },
	{ "ENABLED", IMAP_RESPONSE_ENABLED, IMAP_SHAPE_VALUES, false, IMAP_GRAMMAR_PLAIN },
	{ "FLAGS", IMAP_RESPONSE_FLAGS, IMAP_SHAPE_VALUES, false, IMAP_GRAMMAR_PLAIN },
	{ "LIST", IMAP_RESPONSE_LIST, IMAP_SHAPE_VALUES, false, IMAP_GRAMMAR_SEPARATOR },
	{ "LSUB", IMAP_RESPONSE_LIST, IMAP_SHAPE_VALUES, false, IMAP_GRAMMAR_SEPARATOR },
	{ "XLIST", IMAP_RESPONSE_LIST, IMAP_SHAPE_VALUES, false, IMAP_GRAMMAR_SEPARATOR },
	{ "NAMESPACE", IMAP_RESPONSE_NAMESPACE, IMAP_SHAPE_VALUES, false, IMAP_GRAMMAR_SEPARATOR },
	{ "STATUS", IMAP_RESPONSE_STATUS, IMAP_SHAPE_VALUES, false, IMAP_GRAMMAR_PLAIN },
	{ "SEARCH", IMAP_RESPONSE_SEARCH, IMAP_SHAPE_SEARCH, false, IMAP_GRAMMAR_PLAIN },
	{ "ESEARCH", IMAP_RESPONSE_SEARCH, IMAP_SHAPE_VALUES, false, IMAP_GRAMMAR_PLAIN },
	{ "EXISTS", IMAP_RESPONSE_EXISTS, IMAP_SHAPE_VALUES, true, IMAP_GRAMMAR_PLAIN },
	{ "RECENT", IMAP_RESPONSE_RECENT, IMAP_SHAPE_VALUES, true, IMAP_GRAMMAR_PLAIN },
	{ "EXPUNGE", IMAP_RESPONSE_EXPUNGE, IMAP_SHAPE_VALUES, true, IMAP_GRAMMAR_PLAIN },
	{ "VANISHED", IMAP_RESPONSE_VANISHED, IMAP_SHAPE_VALUES, false, IMAP_GRAMMAR_PLAIN },
	{ "ID", IMAP_RESPONSE_ID, IMAP_SHAPE_VALUES, false, IMAP_GRAMMAR_PLAIN },
	{ "QUOTA", IMAP_RESPONSE_QUOTA, IMAP_SHAPE_VALUES, false, IMAP_GRAMMAR_PLAIN },
	{ "QUOTAROOT", IMAP_RESPONSE_QUOTAROOT, IMAP_SHAPE_VALUES, false, IMAP_GRAMMAR_PLAIN },
	{ "ACL", IMAP_RESPONSE_ACL, IMAP_SHAPE_VALUES, false, IMAP_GRAMMAR_PLAIN },
	{ "LISTRIGHTS", IMAP_RESPONSE_ACL, IMAP_SHAPE_VALUES, false, IMAP_GRAMMAR_PLAIN },
	{ "MYRIGHTS", IMAP_RESPONSE_MYRIGHTS, IMAP_SHAPE_VALUES, false, IMAP_GRAMMAR_PLAIN },
};

static const struct Keyword *
find_keyword(const char *text, size_t length)
{
	for (size_t i = 0; i < G_N_ELEMENTS(keywords); i++) {
		if (g_ascii_strncasecmp(text, keywords[i].name, length) == 0 && keywords[i].name[length] == '\0')
			return &keywords[i];
	}
	return NULL;
}

static char *
skip_spaces(char *at)
{
	return at + strspn(at, " \t\r");
}

/* Servers leave out the space before "(" and "[". */
static size_t
word_length(const char *at)
{
	return strcspn(at, " \t\r([");
}

static const char *
upper(ImapArena *arena, const char *text, size_t length)
{
	char *copy = imap_arena_text(arena, text, length);

	for (char *at = copy; *at; at++)
		*at = g_ascii_toupper(*at);
	return copy;
}

/* Digits, or what was meant as a number: "-1", "9.37e+06". */
static bool
looks_like_number(const char *text, size_t length)
{
	return g_ascii_isdigit(text[0]) ||
	       (length > 1 && (text[0] == '-' || text[0] == '+') && g_ascii_isdigit(text[1]));
}

static void
take_number(ImapArena *arena, const char *text, size_t length, ImapHead *head)
{
	uint64_t value;

	head->number = imap_arena_text(arena, text, length);
	if (imap_number_parse(head->number, UINT32_MAX, &value))
		head->value = (uint32_t)value;
	else
		head->damaged = true;
}

/* At the word that says what the response is. */
static char *
take_keyword(ImapArena *arena, char *at, ImapHead *head)
{
	size_t length = word_length(at);
	const struct Keyword *keyword = length > 0 ? find_keyword(at, length) : NULL;

	if (keyword && head->number && !keyword->numbered)
		keyword = NULL;
	if (!keyword) {
		head->kind = IMAP_RESPONSE_UNKNOWN;
		head->shape = IMAP_SHAPE_VALUES;
		head->keyword = upper(arena, at, length);
		head->damaged |= length == 0;
		return at + length;
	}
	head->kind = keyword->kind;
	head->shape = keyword->shape;
	head->grammar = keyword->grammar;
	head->keyword = keyword->name;
	if (keyword->numbered && head->value == 0 && (!head->number || keyword->kind == IMAP_RESPONSE_EXPUNGE ||
	                                              keyword->kind == IMAP_RESPONSE_FETCH))
		head->damaged = true;
	return at + length;
}

static char *
take_untagged(ImapArena *arena, char *at, ImapHead *head)
{
	if (*at == '[') { /* Exchange: a response code with neither "*" nor OK */
		head->kind = IMAP_RESPONSE_OK;
		head->shape = IMAP_SHAPE_STATUS;
		head->keyword = "OK";
		return at;
	}
	size_t length = word_length(at);
	if (length > 0 && looks_like_number(at, length)) {
		take_number(arena, at, length, head);
		at = skip_spaces(at + length);
	}
	return take_keyword(arena, at, head);
}

static char *
take_tagged(ImapArena *arena, char *at, ImapHead *head)
{
	size_t length = strcspn(at, " \t\r");

	head->tag = imap_arena_text(arena, at, length);
	at = take_keyword(arena, skip_spaces(at + length), head);
	if (head->kind != IMAP_RESPONSE_OK && head->kind != IMAP_RESPONSE_NO && head->kind != IMAP_RESPONSE_BAD) {
		head->kind = IMAP_RESPONSE_UNKNOWN;
		head->shape = IMAP_SHAPE_TEXT;
		head->damaged = true;
	}
	return at;
}

char *
imap_head_read(ImapArena *arena, char *line, ImapHead *head_r)
{
	char *at = skip_spaces(line);

	*head_r = (ImapHead){ .keyword = "" };
	if (*at == '\0')
		return NULL;
	if (*at == '+') {
		head_r->kind = IMAP_RESPONSE_CONTINUE;
		head_r->shape = IMAP_SHAPE_TEXT;
		head_r->keyword = "+";
		return at + 1;
	}
	if (*at == '*')
		return take_untagged(arena, skip_spaces(at + 1), head_r);
	return *at == '[' ? take_untagged(arena, at, head_r) : take_tagged(arena, at, head_r);
}
