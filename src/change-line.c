/* A change on its way to the process that owns the store. */
#include "change.h"

char *
change_to_line(const char *const *words)
{
	GString *line = g_string_new(NULL);

	for (; *words; words++) {
		g_autofree char *escaped = g_strescape(*words, NULL);
		g_string_append_printf(line, "%s%s", line->len ? "\t" : "", escaped);
	}
	return g_string_free(line, FALSE);
}

char **
change_from_line(const char *line)
{
	char **words = g_strsplit(line, "\t", -1);

	for (char **word = words; *word; word++) {
		char *plain = g_strcompress(*word);
		g_free(*word);
		*word = plain;
	}
	return words;
}
