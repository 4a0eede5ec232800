#include "imap/refusal.h"

#include <string.h>

#define WORDS_MAX_CHARS 300

/* In lower case, as Gmail, Exchange, Yahoo, Dovecot and others say it. */

/* "not connected": Exchange, after a login that went well. */
static const char *const account_words[] = {
	"too many", "maximum number of connections", "connection limit", "connections exceeded", "rate limit",
	"throttl", "backoff time", "not connected", "server busy", "bandwidth limits", NULL,
};

static const char *const other_words[] = { "try again later", "temporar", NULL };

static bool
has_any(const char *text, const char *const *words)
{
	g_autofree char *lower = g_ascii_strdown(text ? text : "", -1);

	for (; *words; words++) {
		if (strstr(lower, *words))
			return true;
	}
	return false;
}

bool
imap_refusal_is_of_account(ImapCodeKind code, const char *text)
{
	return code == IMAP_CODE_LIMIT || code == IMAP_CODE_THROTTLED || has_any(text, account_words);
}

bool
imap_refusal_is_busy(ImapCodeKind code, const char *text)
{
	return code == IMAP_CODE_UNAVAILABLE || code == IMAP_CODE_INUSE || imap_refusal_is_of_account(code, text) ||
	       has_any(text, other_words);
}

char *
imap_refusal_words(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text ? text : "", -1);
	GString *words = g_string_new(NULL);
	glong count = 0;

	for (char *p = valid; *p && count < WORDS_MAX_CHARS; p = g_utf8_next_char(p), count++) {
		gunichar c = g_utf8_get_char(p);
		g_string_append_unichar(words, g_unichar_isprint(c) ? c : ' ');
	}
	if (count == WORDS_MAX_CHARS)
		g_string_append(words, "…");
	if (words->len == 0)
		g_string_append(words, "no reason given");
	return g_string_free(words, false);
}
