#include "imap/quoted.h"

#include <glib.h>
#include <string.h>

static char *
next_quote(char *at, char *end)
{
	for (; at < end && *at != '"'; at++) {
		if (*at == '\\')
			at++;
	}
	return at < end ? at : NULL;
}

static bool
ends_value(const char *at, const char *end)
{
	return at == end || *at == ' ' || *at == ')' || *at == '(' || *at == '\t' || *at == '\r';
}

/* The end of the line, a closing parenthesis, or a space and then a string, a list, a number or NIL. */
static bool
structure_behind(const char *at, const char *end)
{
	const char *start;

	if (at == end || *at == ')' || *at == '(')
		return true;
	if (*at != ' ')
		return false;
	while (at < end && (*at == ' ' || *at == '\r'))
		at++;
	if (at == end || *at == '"' || *at == '(' || *at == ')')
		return true;
	if (end - at >= 3 && g_ascii_strncasecmp(at, "NIL", 3) == 0)
		return ends_value(at + 3, end);
	for (start = at; at < end && g_ascii_isdigit(*at);)
		at++;
	return at > start && ends_value(at, end);
}

/* A space and the name of a FETCH item: all in upper case. */
static bool
item_behind(const char *at, const char *end)
{
	const char *start = at + 1;

	if (at == end || *at != ' ')
		return false;
	for (at = start; at < end && (g_ascii_isupper(*at) || g_ascii_isdigit(*at) || *at == '.' || *at == '-'); at++)
		;
	return at - start >= 3 && (ends_value(at, end) || *at == '[');
}

char *
imap_quoted_find_end(char *at, char *end, ImapBehind behind, bool may_guess, bool *guessed_r)
{
	char *close = next_quote(at, end);

	if (!close)
		return NULL;
	if (behind == IMAP_BEHIND_STRUCTURE ? structure_behind(close + 1, end) : ends_value(close + 1, end))
		return close;
	*guessed_r = true;
	if (!may_guess)
		return NULL;
	while ((close = next_quote(close + 1, end))) {
		if (structure_behind(close + 1, end) || (behind == IMAP_BEHIND_ANYTHING && item_behind(close + 1, end)))
			return close;
	}
	return NULL;
}

size_t
imap_quoted_unescape(char *at, char *end)
{
	char *from = memchr(at, '\\', (size_t)(end - at)), *to = from;

	if (!from) {
		*end = '\0';
		return (size_t)(end - at);
	}
	for (; from < end; from++) {
		if (*from == '\\' && from + 1 < end && (from[1] == '"' || from[1] == '\\'))
			from++;
		*to++ = *from;
	}
	*to = '\0';
	return (size_t)(to - at);
}
