/* The name of an author, from an address list (RFC 5322, 3.4).  Encoded words are opaque here: they may hold anything. */
#include "mime/headers.h"
#include "mime/words.h"

#include <string.h>

typedef struct {
	GString *phrase;  /* words and quoted strings outside angles, unquoted, not decoded yet */
	GString *address; /* what stands in angles */
	GString *comment; /* the last one */
	GString *group;   /* the phrase before a ':' */
} Mailbox;

/* Copies what stands from the opening character at @p to its end; returns where that is. */
static const char *
take_enclosed(const char *p, const char *end, char close, GString *to)
{
	char open = *p++;
	int depth = 1;

	for (; p < end; p++) {
		gsize word = mime_words_match(p, (gsize)(end - p));
		if (word > 0) {
			g_string_append_len(to, p, (gssize)word);
			p += word - 1;
			continue;
		}
		if (*p == '\\' && p + 1 < end)
			p++;
		else if (*p == close && --depth == 0)
			return p + 1;
		else if (*p == open && open == '(')
			depth++;
		g_string_append_c(to, *p);
	}
	return end;
}

static bool
is_empty(const GString *text)
{
	return strspn(text->str, " \t\r\n") == text->len;
}

/* The first mailbox of the list. */
static void
parse(const char *p, const char *end, Mailbox *mailbox)
{
	while (p < end) {
		gsize word = mime_words_match(p, (gsize)(end - p));
		if (word > 0) {
			g_string_append_len(mailbox->phrase, p, (gssize)word);
			p += word;
		} else if (*p == '"') {
			p = take_enclosed(p, end, '"', mailbox->phrase);
		} else if (*p == '(') {
			g_string_truncate(mailbox->comment, 0);
			p = take_enclosed(p, end, ')', mailbox->comment);
		} else if (*p == '<') {
			g_string_truncate(mailbox->address, 0);
			p = take_enclosed(p, end, '>', mailbox->address);
		} else if (*p == ':' && is_empty(mailbox->group)) {
			g_string_assign(mailbox->group, mailbox->phrase->str);
			g_string_truncate(mailbox->phrase, 0);
			p++;
		} else if (*p == ',' || *p == ';') {
			if (!is_empty(mailbox->phrase) || !is_empty(mailbox->address))
				return;
			p++;
		} else {
			g_string_append_c(mailbox->phrase, *p++);
		}
	}
}

static char *
decode(const GString *text, const char *raw_charset)
{
	g_autofree char *line = mime_words_decode(text->str, text->len, raw_charset);
	gsize length = strlen(line);

	if (length > 2 && line[0] == '\'' && line[length - 1] == '\'') /* some programs quote twice */
		return g_strndup(line + 1, length - 2);
	return length > 0 ? g_steal_pointer(&line) : NULL;
}

static char *
name_of(const char *value, gsize length, const char *raw_charset)
{
	Mailbox mailbox = { g_string_new(NULL), g_string_new(NULL), g_string_new(NULL), g_string_new(NULL) };
	const GString *order[4] = { mailbox.phrase, mailbox.address, mailbox.comment, mailbox.group };
	char *name = NULL;

	parse(value, value + length, &mailbox);
	if (is_empty(mailbox.address)) { /* so the phrase is the address, and its name in a comment */
		order[0] = mailbox.comment;
		order[1] = mailbox.phrase;
		order[2] = mailbox.group;
	} else if (is_empty(mailbox.phrase)) {
		order[0] = mailbox.comment;
	}
	for (gsize i = 0; i < G_N_ELEMENTS(order) && !name; i++)
		name = decode(order[i], raw_charset);
	for (gsize i = 0; i < G_N_ELEMENTS(order); i++)
		g_string_free((GString *[]){ mailbox.phrase, mailbox.address, mailbox.comment, mailbox.group }[i], TRUE);
	return name;
}

char *
mime_headers_author(const MimeHeaders *headers, const char *raw_charset)
{
	static const MimeField candidates[] = { MIME_FIELD_FROM, MIME_FIELD_SENDER };

	for (gsize i = 0; i < G_N_ELEMENTS(candidates); i++) {
		const char *value = headers->fields[candidates[i]].value;
		gsize length = headers->fields[candidates[i]].length;
		char *name = value ? name_of(value, length, raw_charset) : NULL;

		if (!name)
			name = mime_headers_text(headers, candidates[i], raw_charset);
		if (name)
			return name;
	}
	return NULL;
}
