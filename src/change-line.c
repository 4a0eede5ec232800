/* A change on its way to the process that owns the store. */
#include "change.h"

char *
change_to_line(const char *const *words)
{
	GString *line = g_string_new(NULL);

	for (const char *const *word = words; *word; word++) {
		g_autofree char *escaped = g_strescape(*word, NULL);
		g_string_append_printf(line, "%s%s", word == words ? "" : "\t", escaped);
	}
	return g_string_free(line, FALSE);
}

char **
change_from_line(const char *line)
{
	static const char *const one_empty[] = { "", NULL }; /* g_strsplit() makes no word of "" */
	char **words = *line ? g_strsplit(line, "\t", -1) : g_strdupv((char **)(uintptr_t)one_empty);

	for (char **word = words; *word; word++) {
		char *plain = g_strcompress(*word);
		g_free(*word);
		*word = plain;
	}
	return words;
}
