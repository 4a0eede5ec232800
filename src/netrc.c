#include "netrc.h"

#include <string.h>

/* The entry that is being read. */
typedef struct {
	bool host_matches;
	bool user_matches; /* true until a login says otherwise */
	char *password;
} Entry;

static void
wipe(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	g_free(secret);
}

/* The next word, quotes and backslashes resolved; NULL at the end. */
static char *
next_word(const char **text)
{
	const char *p = *text;

	for (;;) {
		p += strspn(p, " \t\r\n");
		if (*p != '#')
			break;
		p += strcspn(p, "\n");
	}
	if (!*p) {
		*text = p;
		return NULL;
	}

	char *word = g_malloc(strlen(p) + 1);
	size_t n = 0;
	bool quoted = *p == '"';
	if (quoted)
		p++;
	while (*p && (quoted ? *p != '"' : !strchr(" \t\r\n", *p))) {
		if (*p == '\\' && p[1])
			p++;
		word[n++] = *p++;
	}
	if (quoted && *p)
		p++;
	word[n] = '\0';
	*text = p;
	return word;
}

static void
skip_macro(const char **text)
{
	const char *end = strstr(*text, "\n\n");

	*text = end ? end : *text + strlen(*text);
}

static bool
is_wanted(const Entry *entry)
{
	return entry->host_matches && entry->user_matches && entry->password;
}

static void
begin(Entry *entry, bool host_matches)
{
	wipe(entry->password);
	*entry = (Entry){ .host_matches = host_matches, .user_matches = true };
}

char *
netrc_find(const char *text, const char *host, const char *user)
{
	Entry entry = { false };
	char *word;

	while ((word = next_word(&text)) != NULL) {
		bool machine = g_str_equal(word, "machine"), start = machine || g_str_equal(word, "default");
		bool login = g_str_equal(word, "login"), password = g_str_equal(word, "password");
		bool macro = g_str_equal(word, "macdef"), value_follows = !g_str_equal(word, "default");

		wipe(word);
		if (start && is_wanted(&entry))
			break;
		word = value_follows ? next_word(&text) : NULL;
		if (start) {
			begin(&entry, !machine || (word && g_ascii_strcasecmp(word, host) == 0));
		} else if (login) {
			entry.user_matches = word && g_str_equal(word, user);
		} else if (password) {
			wipe(entry.password);
			entry.password = g_steal_pointer(&word);
		} else if (macro) {
			skip_macro(&text);
		}
		wipe(word);
	}
	if (is_wanted(&entry))
		return entry.password;
	wipe(entry.password);
	return NULL;
}
