#include "mime/utf8.h"

#include <string.h>

#define REPLACEMENT 0xfffd
#define LONGEST 3 /* bytes that one byte becomes: U+FFFD, and most of windows-1252 */
#define SLICE_BYTES 4096

/* Windows-1252 from 0x80 to 0x9f; 0 where it has nothing. */
static const uint16_t windows1252[32] = {
	0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017d, 0,
	0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178,
};

void
mime_utf8_init(MimeUtf8 *utf8, GString *out, bool drop_controls)
{
	memset(utf8, 0, sizeof *utf8);
	utf8->out = out;
	utf8->drop_controls = drop_controls;
}

gunichar
mime_utf8_safe(gunichar c)
{
	if (c >= 0x80 && c < 0xa0)
		c = windows1252[c - 0x80];
	if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f || c > 0x10ffff || (c & 0xfffff800) == 0xd800)
		c = REPLACEMENT;
	return c;
}

/* The length of the character at @p and its code point; 0 when its end is not there yet; -1 when it is no UTF-8. */
static int
decode(const uint8_t *p, gsize length, gunichar *c_r)
{
	int want = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	gunichar c = p[0] & (0x7f >> want);

	if (p[0] < 0xc2 || p[0] > 0xf4)
		return -1;
	for (int i = 1; i < want; i++) {
		if ((gsize)i == length)
			return 0;
		if ((p[i] & 0xc0) != 0x80)
			return -1;
		c = c << 6 | (p[i] & 0x3f);
		if (i == 1 && ((want == 3 && c < 0x20) || (want == 4 && (c < 0x10 || c > 0x10f))))
			return -1; /* longer than need be, or beyond Unicode */
	}
	*c_r = c;
	return want;
}

/* Makes room at the end of the output for what @length bytes become; settle() takes back what was not needed. */
static void
reserve(MimeUtf8 *utf8, gsize length)
{
	gsize start = utf8->out->len;

	g_string_set_size(utf8->out, start + length * LONGEST);
	utf8->to = utf8->out->str + start;
}

static void
settle(MimeUtf8 *utf8)
{
	g_string_truncate(utf8->out, (gsize)(utf8->to - utf8->out->str));
}

static void
put(MimeUtf8 *utf8, gunichar c)
{
	utf8->to += g_unichar_to_utf8(c, utf8->to);
}

static void
control(MimeUtf8 *utf8, uint8_t c)
{
	bool after_cr = utf8->after_cr;

	utf8->after_cr = c == '\r';
	if (c == '\r')
		*utf8->to++ = '\n';
	else if (c == '\t' || (c == '\n' && !after_cr))
		*utf8->to++ = (char)c;
	else if (c != '\n' && c != '\f' && !utf8->drop_controls)
		put(utf8, REPLACEMENT);
}

/* Writes the character at @p; returns its length, or 0 when its end is not there yet and more may come. */
static gsize
step(MimeUtf8 *utf8, const uint8_t *p, gsize length, bool more)
{
	bool first = !utf8->started;
	gunichar c = 0;
	int n = 1;

	if (p[0] < 0x20 || p[0] == 0x7f) {
		utf8->started = true;
		control(utf8, p[0]);
		return 1;
	}
	utf8->after_cr = false;
	if (p[0] < 0x80) {
		utf8->started = true;
		*utf8->to++ = (char)p[0];
		return 1;
	}
	n = decode(p, length, &c);
	if (n == 0 && more)
		return 0;
	utf8->started = true;
	if (n <= 0)
		put(utf8, mime_utf8_safe(p[0]));
	else if (c != 0xfeff || !first)
		put(utf8, mime_utf8_safe(c));
	return n <= 0 ? 1 : (gsize)n;
}

static void
drain(MimeUtf8 *utf8, bool more)
{
	gsize n;

	reserve(utf8, sizeof utf8->partial);
	while (utf8->partial_length > 0 && (n = step(utf8, utf8->partial, utf8->partial_length, more)) > 0) {
		utf8->partial_length -= (unsigned)n;
		memmove(utf8->partial, utf8->partial + n, utf8->partial_length);
	}
	settle(utf8);
}

/* Writes what begins in the first @slice of @length bytes; returns how much that is. */
static gsize
feed_slice(MimeUtf8 *utf8, const uint8_t *bytes, gsize slice, gsize length)
{
	const uint8_t *p = bytes, *stop = bytes + slice, *end = bytes + length;
	gsize n = 1;

	reserve(utf8, slice + sizeof utf8->partial);
	while (p < stop && n > 0) {
		char *to = utf8->to;

		for (; p < stop; *to++ = (char)*p++) {
			if (*p == '\r' && stop - p > 1 && p[1] == '\n')
				p++;
			else if (*p < 0x20 || *p >= 0x7f)
				break;
		}
		if (to > utf8->to) {
			utf8->to = to;
			utf8->started = true;
			utf8->after_cr = false;
		}
		if (p < stop)
			p += n = step(utf8, p, (gsize)(end - p), true);
	}
	settle(utf8);
	return (gsize)(p - bytes);
}

void
mime_utf8_feed(MimeUtf8 *utf8, const void *bytes, gsize length)
{
	const uint8_t *p = bytes, *end = p + length;

	while (utf8->partial_length > 0 && p < end) {
		utf8->partial[utf8->partial_length++] = *p++;
		drain(utf8, true);
	}
	while (p < end) {
		gsize slice = (gsize)MIN(end - p, SLICE_BYTES), n = feed_slice(utf8, p, slice, (gsize)(end - p));

		p += n;
		if (n < slice) { /* the end of a character is in the next chunk */
			utf8->partial_length = (unsigned)(end - p);
			memcpy(utf8->partial, p, utf8->partial_length);
			return;
		}
	}
}

void
mime_utf8_finish(MimeUtf8 *utf8)
{
	drain(utf8, false);
}

char *
mime_utf8_line(const char *bytes, gsize length)
{
	GString *line = g_string_sized_new(length);
	MimeUtf8 utf8;
	gsize to = 0;

	mime_utf8_init(&utf8, line, true);
	mime_utf8_feed(&utf8, bytes, length);
	mime_utf8_finish(&utf8);
	for (gsize from = 0; from < line->len; from++) {
		char c = line->str[from];
		if (c == '\n' || c == '\t')
			c = ' ';
		if (c != ' ' || (to > 0 && line->str[to - 1] != ' '))
			line->str[to++] = c;
	}
	if (to > 0 && line->str[to - 1] == ' ')
		to--;
	g_string_truncate(line, to);
	return g_string_free(line, FALSE);
}

gsize
mime_utf8_fit(const char *text, gsize length, gsize max_bytes)
{
	if (length <= max_bytes)
		return length;
	while (max_bytes > 0 && ((uint8_t)text[max_bytes] & 0xc0) == 0x80)
		max_bytes--;
	return max_bytes;
}
