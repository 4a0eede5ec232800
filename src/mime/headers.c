#include "mime/headers.h"

#include "mime/words.h"

#include <string.h>

static const struct {
	const char *name;
	gsize length;
} names[MIME_FIELD_COUNT] = {
	[MIME_FIELD_FROM] = { "From", 4 },
	[MIME_FIELD_SENDER] = { "Sender", 6 },
	[MIME_FIELD_TO] = { "To", 2 },
	[MIME_FIELD_CC] = { "Cc", 2 },
	[MIME_FIELD_DATE] = { "Date", 4 },
	[MIME_FIELD_SUBJECT] = { "Subject", 7 },
	[MIME_FIELD_MESSAGE_ID] = { "Message-ID", 10 },
	[MIME_FIELD_CONTENT_TYPE] = { "Content-Type", 12 },
	[MIME_FIELD_CONTENT_ENCODING] = { "Content-Transfer-Encoding", 25 },
	[MIME_FIELD_CONTENT_DISPOSITION] = { "Content-Disposition", 19 },
};

gsize
mime_headers_length(const char *bytes, gsize length)
{
	const char *line = bytes, *end = bytes + length, *newline;

	if (length == 0) /* then there may be no bytes either */
		return 0;
	while ((newline = memchr(line, '\n', (gsize)(end - line)))) {
		if (newline == line || (newline == line + 1 && *line == '\r'))
			return (gsize)(newline + 1 - bytes);
		line = newline + 1;
	}
	return 0;
}

/* The length of the field name at @line, or 0 if the line is no field. */
static gsize
name_length(const char *line, const char *end)
{
	const char *p = line;

	while (p < end && *p > ' ' && *p < 0x7f && *p != ':')
		p++;
	gsize length = (gsize)(p - line);
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return p < end && *p == ':' ? length : 0;
}

bool
mime_headers_begin(const char *bytes, gsize length)
{
	static const char mbox[] = "From ";
	const char *end = bytes + length, *newline = NULL;

	if (length >= strlen(mbox) && memcmp(bytes, mbox, strlen(mbox)) == 0 && name_length(bytes, end) == 0)
		newline = memchr(bytes, '\n', length);
	return name_length(newline ? newline + 1 : bytes, end) > 0;
}

static void
note(MimeHeaders *headers, const char *name, gsize length, const char *value, const char *end)
{
	for (int i = 0; i < MIME_FIELD_COUNT; i++) {
		if (length != names[i].length || g_ascii_strncasecmp(name, names[i].name, length) != 0)
			continue;
		if (!headers->fields[i].value) {
			headers->fields[i].value = value;
			headers->fields[i].length = MIN((gsize)(end - value), MIME_FIELD_MAX_BYTES);
		}
		return;
	}
}

void
mime_headers_scan(const char *block, gsize length, MimeHeaders *headers_r)
{
	const char *line = block, *end = block + length;

	memset(headers_r, 0, sizeof *headers_r);
	while (line < end) {
		gsize named = name_length(line, end);
		const char *next = line;

		do { /* to the end of the field: a line that begins with white space continues it */
			const char *newline = memchr(next, '\n', (gsize)(end - next));
			next = newline ? newline + 1 : end;
		} while (next < end && (*next == ' ' || *next == '\t'));
		if (named > 0) {
			const char *colon = memchr(line, ':', (gsize)(next - line));
			headers_r->any = true;
			note(headers_r, line, named, colon + 1, next);
		}
		line = next;
	}
}

char *
mime_headers_text(const MimeHeaders *headers, MimeField field, const char *raw_charset)
{
	g_autofree char *text = NULL;

	if (!headers->fields[field].value)
		return NULL;
	text = mime_words_decode(headers->fields[field].value, headers->fields[field].length, raw_charset);
	return *text ? g_steal_pointer(&text) : NULL;
}
