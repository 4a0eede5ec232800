#include "mime/html-layout.h"

#include <string.h>

#define QUOTES_SHOWN_MAX 8

void
mime_layout_init(MimeLayout *layout, GString *out, gsize max_bytes)
{
	memset(layout, 0, sizeof *layout);
	layout->out = out;
	layout->start = out->len;
	layout->max_length = out->len + max_bytes;
}

bool
mime_layout_full(const MimeLayout *layout)
{
	return layout->out->len >= layout->max_length;
}

static bool
line_begins(const MimeLayout *layout)
{
	return layout->out->len == layout->start || layout->out->str[layout->out->len - 1] == '\n';
}

/* Writes what has to stand before the next text. */
static void
lead_in(MimeLayout *layout)
{
	GString *out = layout->out;

	if (layout->breaks > 0 && out->len > layout->start) {
		unsigned have = out->str[out->len - 1] != '\n' ? 0 : out->len > layout->start + 1 &&
			out->str[out->len - 2] == '\n' ? 2 : 1;
		for (; have < layout->breaks; have++)
			g_string_append_c(out, '\n');
	}
	if (line_begins(layout)) {
		for (unsigned i = 0; i < MIN(layout->quotes, QUOTES_SHOWN_MAX); i++)
			g_string_append(out, "> ");
	} else if (layout->cell) {
		g_string_append_c(out, '\t');
	} else if (layout->space) {
		g_string_append_c(out, ' ');
	}
	if (layout->item)
		g_string_append(out, "- ");
	layout->breaks = 0;
	layout->cell = layout->space = layout->item = false;
}

void
mime_layout_word(MimeLayout *layout, const char *utf8, gsize length)
{
	if (mime_layout_full(layout) || length == 0)
		return;
	lead_in(layout);
	g_string_append_len(layout->out, utf8, (gssize)length);
}

/* The bytes at @p that are shown as a space, or as nothing (*nothing_r): so HTML is padded, and words are hyphenated. */
static gsize
blank_length(const char *p, const char *end, bool *nothing_r)
{
	static const struct {
		const char *bytes;
		bool nothing;
	} blanks[] = {
		{ "\xc2\xa0", false },    /* no-break space */
		{ "\xe3\x80\x80", false }, /* ideographic space */
		{ "\xe2\x80\xaf", false }, /* narrow no-break space */
		{ "\xc2\xad", true },     /* soft hyphen */
		{ "\xcd\x8f", true },     /* combining grapheme joiner */
		{ "\xe2\x80\x8b", true },  /* zero-width space */
		{ "\xef\xbb\xbf", true },  /* zero-width no-break space */
	};

	*nothing_r = false;
	if ((guchar)*p <= ' ')
		return 1;
	if ((guchar)*p < 0xc2)
		return 0;
	for (gsize i = 0; i < G_N_ELEMENTS(blanks); i++) {
		gsize n = strlen(blanks[i].bytes);
		if ((gsize)(end - p) >= n && memcmp(p, blanks[i].bytes, n) == 0) {
			*nothing_r = blanks[i].nothing;
			return n;
		}
	}
	return 0;
}

static void
preformatted(MimeLayout *layout, const char *p, const char *end)
{
	while (p < end && !mime_layout_full(layout)) {
		const char *newline = memchr(p, '\n', (gsize)(end - p)), *to = newline ? newline : end;

		mime_layout_word(layout, p, (gsize)(to - p));
		if (newline)
			g_string_append_c(layout->out, '\n');
		p = newline ? newline + 1 : end;
	}
}

void
mime_layout_text(MimeLayout *layout, const char *utf8, gsize length)
{
	const char *p = utf8, *end = p + length;

	if (layout->pre > 0) {
		preformatted(layout, p, end);
		return;
	}
	while (p < end) {
		const char *word = p;
		bool nothing;
		gsize n = 0;

		while (p < end && (guchar)*p > ' ' && ((guchar)*p < 0xc2 || (n = blank_length(p, end, &nothing)) == 0))
			p++;
		mime_layout_word(layout, word, (gsize)(p - word));
		if (p == end)
			return;
		if (n == 0)
			n = blank_length(p, end, &nothing);
		p += n;
		layout->space |= !nothing;
	}
}

void
mime_layout_break(MimeLayout *layout, unsigned lines)
{
	layout->breaks = MAX(layout->breaks, lines);
}

void
mime_layout_newline(MimeLayout *layout)
{
	layout->breaks = MIN(layout->breaks + 1, 2);
}
