#include "mime/flowed.h"

#include <string.h>

void
mime_flowed_join(GString *text, gsize start, bool delete_space)
{
	const char *p = text->str + start, *end = text->str + text->len;
	char *to = text->str + start; /* never beyond p: lines only shrink */
	gsize open_quotes = 0;        /* of the line before, when that is flowed */
	bool open = false;

	while (p < end) {
		const char *newline = memchr(p, '\n', (gsize)(end - p)), *line_end = newline ? newline : end;
		const char *line = p;
		gsize quotes;

		while (line < line_end && *line == '>')
			line++;
		quotes = (gsize)(line - p);
		if (line < line_end && *line == ' ')
			line++; /* space-stuffed */
		gsize length = (gsize)(line_end - line);
		bool signature = length == 3 && memcmp(line, "-- ", 3) == 0;
		bool flowed = length > 0 && line[length - 1] == ' ' && !signature;

		if (open && quotes == open_quotes && !signature) {
			to--; /* the line end */
			to -= delete_space && to > text->str + start && to[-1] == ' ';
		} else if (quotes > 0) {
			memmove(to, p, quotes);
			to += quotes;
			if (length > 0 && line > p + quotes)
				*to++ = ' ';
		}
		memmove(to, line, length);
		to += length;
		if (newline)
			*to++ = '\n';
		open = flowed && newline;
		open_quotes = quotes;
		p = newline ? newline + 1 : end;
	}
	g_string_truncate(text, (gsize)(to - text->str));
}
