#include "mime/words.h"

#include "mime/charset.h"

#include <string.h>

#define WORD_MAX_BYTES 8192 /* RFC 2047 says 75 */
#define CHARSET_MAX_BYTES 63

typedef struct {
	char charset[CHARSET_MAX_BYTES + 1];
	char encoding; /* 'q' or 'b' */
	const char *text;
	gsize text_length, length;
} Word;

/* "=?charset*language?encoding?text?=" */
static bool
parse_word(const char *at, gsize length, Word *word_r)
{
	const char *end = at + MIN(length, WORD_MAX_BYTES), *mark, *close;

	if (length < 8 || at[0] != '=' || at[1] != '?')
		return false;
	mark = memchr(at + 2, '?', (gsize)MIN(end - at - 2, CHARSET_MAX_BYTES + 1));
	if (!mark || mark == at + 2 || end - mark < 5 || mark[2] != '?')
		return false;
	word_r->encoding = g_ascii_tolower(mark[1]);
	if (word_r->encoding != 'q' && word_r->encoding != 'b')
		return false;
	word_r->text = mark + 3;
	close = memmem(word_r->text, (gsize)(end - word_r->text), "?=", 2);
	if (!close)
		return false;
	word_r->text_length = (gsize)(close - word_r->text);
	word_r->length = (gsize)(close + 2 - at);
	memcpy(word_r->charset, at + 2, (gsize)(mark - at - 2));
	word_r->charset[mark - at - 2] = '\0';
	word_r->charset[strcspn(word_r->charset, "*")] = '\0';
	return true;
}

gsize
mime_words_match(const char *text, gsize length)
{
	Word word;

	return parse_word(text, length, &word) ? word.length : 0;
}

static void
feed_word(MimeCharset *charset, const Word *word)
{
	g_autofree guchar *bytes = g_malloc(word->text_length + 3);
	gsize n = 0;

	if (word->encoding == 'b') {
		int state = 0;
		guint save = 0;
		n = g_base64_decode_step(word->text, word->text_length, bytes, &state, &save);
		if (state != 0)
			n += g_base64_decode_step("==", (gsize)(4 - ABS(state)) > 2 ? 2 : (gsize)(4 - ABS(state)), bytes + n,
				&state, &save); /* the padding that is missing */
	} else {
		for (gsize i = 0; i < word->text_length; i++) {
			const char *p = word->text + i;
			if (*p == '=' && i + 2 < word->text_length && g_ascii_isxdigit(p[1]) && g_ascii_isxdigit(p[2])) {
				bytes[n++] = (guchar)(g_ascii_xdigit_value(p[1]) << 4 | g_ascii_xdigit_value(p[2]));
				i += 2;
			} else {
				bytes[n++] = *p == '_' ? ' ' : (guchar)*p;
			}
		}
	}
	mime_charset_feed(charset, bytes, n);
}

static bool
is_blank(const char *from, const char *to)
{
	while (from < to && g_ascii_isspace(*from))
		from++;
	return from == to;
}

static void
append_raw(GString *out, const char *from, const char *to, const char *raw_charset)
{
	MimeCharset raw;

	/* UTF-8 is allowed there (RFC 6532), other charsets never were; ISO-2022 hides in ASCII. */
	if (g_utf8_validate_len(from, (gsize)(to - from), NULL) && !memchr(from, '\033', (gsize)(to - from)))
		raw_charset = NULL;
	mime_charset_init(&raw, raw_charset, out, true);
	mime_charset_feed(&raw, from, (gsize)(to - from));
	mime_charset_finish(&raw);
}

char *
mime_words_decode(const char *value, gsize length, const char *raw_charset)
{
	const char *end = value + length, *done = value, *p = value;
	g_autoptr(GString) out = g_string_sized_new(length);
	MimeCharset charset;
	Word word, last = { .length = 0 }; /* last: a word whose charset is still open, so that characters can go on */

	while ((p = memmem(p, (gsize)(end - p), "=?", 2))) {
		if (!parse_word(p, (gsize)(end - p), &word)) {
			p += 2;
			continue;
		}
		bool adjacent = last.length > 0 && is_blank(done, p);
		if (!adjacent || g_ascii_strcasecmp(word.charset, last.charset) != 0) {
			if (last.length > 0)
				mime_charset_finish(&charset);
			if (!adjacent)
				append_raw(out, done, p, raw_charset);
			mime_charset_init(&charset, word.charset, out, true);
		}
		feed_word(&charset, &word);
		last = word;
		done = p += word.length;
	}
	if (last.length > 0)
		mime_charset_finish(&charset);
	append_raw(out, done, end, raw_charset);
	return mime_utf8_line(out->str, out->len);
}
