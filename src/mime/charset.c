#include "mime/charset.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#define HELD_MAX_BYTES 4096
#define NAME_MAX_BYTES 40

/* Names that iconv does not know, or for which mail means a superset.  "": as utf8.h reads bytes. */
static const char *const aliases[][2] = {
	{ "utf-8", "" }, { "utf8", "" }, { "us-ascii", "" }, { "ascii", "" }, { "ansi_x3.4-1968", "" },
	{ "iso-8859-1", "" }, { "iso8859-1", "" }, { "iso_8859-1", "" }, { "latin1", "" }, { "latin-1", "" },
	{ "windows-1252", "" }, { "cp1252", "" }, { "unknown-8bit", "" }, { "x-unknown", "" }, { "default", "" },
	{ "gb2312", "GB18030" }, { "gb_2312-80", "GB18030" }, { "gbk", "GB18030" }, { "x-gbk", "GB18030" },
	{ "cp936", "GB18030" },
	{ "shift_jis", "CP932" }, { "shift-jis", "CP932" }, { "sjis", "CP932" }, { "x-sjis", "CP932" },
	{ "ks_c_5601-1987", "CP949" }, { "ks_c_5601", "CP949" }, { "euc-kr", "CP949" }, { "big5", "BIG5-HKSCS" },
	{ "iso-8859-8-i", "ISO-8859-8" }, { "iso-8859-8-e", "ISO-8859-8" }, { "iso-8859-6-i", "ISO-8859-6" },
	{ "iso-8859-6-e", "ISO-8859-6" }, { "x-mac-roman", "MACINTOSH" }, { "x-mac-ce", "MAC-CENTRALEUROPE" },
	{ "tis-620", "CP874" }, { "iso-8859-11", "CP874" },
};

/* glibc unloads a converter that was idle for a while, and to load it takes 60 us (measured, four charsets in turn);
 * so one of each of these is kept once it was asked for. */
static const char *const common[] = {
	"iso-8859-2", "iso-8859-15", "cp1250", "cp1251", "koi8-r", "GB18030", "iso-2022-jp", "CP932", "BIG5-HKSCS", "CP949",
	"euc-jp", "ISO-8859-8", "utf-7",
};
static atomic_bool was_opened[G_N_ELEMENTS(common)];
static iconv_t kept[G_N_ELEMENTS(common)] __attribute__((used)); /* never read: it keeps them loaded */

/* The name to give to iconv; "" to do without. */
static const char *
iconv_name(const char *name, char buffer[NAME_MAX_BYTES + 1])
{
	gsize length = name ? strlen(name) : 0;

	if (length == 0 || length > NAME_MAX_BYTES)
		return "";
	for (gsize i = 0; i < length; i++) {
		if (!g_ascii_isalnum(name[i]) && !strchr("-_.:+", name[i]))
			return ""; /* "//" is syntax to iconv */
		buffer[i] = g_ascii_tolower(name[i]);
	}
	buffer[length] = '\0';
	for (gsize i = 0; i < G_N_ELEMENTS(aliases); i++) {
		if (strcmp(buffer, aliases[i][0]) == 0)
			return aliases[i][1];
	}

	/* "windows-1250", "windows1250", "cp-1250" */
	const char *number = buffer + (g_str_has_prefix(buffer, "windows") ? 7 : g_str_has_prefix(buffer, "cp") ? 2 : length);
	number += *number == '-';
	if (g_ascii_isdigit(*number)) {
		memmove(buffer + 2, number, strlen(number) + 1);
		memcpy(buffer, "cp", 2);
	}
	return buffer;
}

static iconv_t
open_converter(const char *known)
{
	for (gsize i = 0; i < G_N_ELEMENTS(common); i++) {
		if (strcmp(known, common[i]) == 0 && !atomic_exchange(&was_opened[i], true))
			kept[i] = iconv_open("UTF-8", known);
	}
	return iconv_open("UTF-8", known);
}

static bool
is_single_byte(const char *name)
{
	return g_ascii_strncasecmp(name, "iso-8859-", 9) == 0 || g_str_has_prefix(name, "iso8859-") ||
	       g_str_has_prefix(name, "cp125") || g_str_has_prefix(name, "koi8-");
}

void
mime_charset_init(MimeCharset *charset, const char *name, GString *out, bool drop_controls)
{
	char buffer[NAME_MAX_BYTES + 1];
	const char *known = iconv_name(name, buffer);

	memset(charset, 0, sizeof *charset);
	mime_utf8_init(&charset->utf8, out, drop_controls);
	if (*known) {
		charset->iconv = open_converter(known);
		charset->converts = charset->iconv != (iconv_t)-1;
		charset->may_be_utf8 = charset->converts && is_single_byte(known);
	}
}

/* Converts what is whole; returns how many bytes at the end are the beginning of a character. */
static gsize
convert(MimeCharset *charset, const uint8_t *bytes, gsize length)
{
	char *in = (char *)(uintptr_t)bytes; /* iconv() does not write there */

	while (length > 0) {
		char buffer[8192], *to = buffer;
		gsize room = sizeof buffer, before = length;
		gsize result = iconv(charset->iconv, &in, &length, &to, &room);
		int why = result == (gsize)-1 ? errno : 0;

		mime_utf8_feed(&charset->utf8, buffer, sizeof buffer - room);
		if (why == EINVAL)
			break;
		if (length > 0 && (why == EILSEQ || (length == before && room == sizeof buffer))) {
			mime_utf8_feed(&charset->utf8, in, 1);
			in++;
			length--;
		}
	}
	return length;
}

static void
convert_piece(MimeCharset *charset, const uint8_t *bytes, gsize length)
{
	const uint8_t *end = bytes + length;

	if (!charset->converts) {
		mime_utf8_feed(&charset->utf8, bytes, length);
		return;
	}
	while (charset->carry_length > 0 && bytes < end) {
		charset->carry[charset->carry_length++] = *bytes++;
		gsize left = convert(charset, charset->carry, charset->carry_length);
		gsize done = charset->carry_length - left;
		if (left == sizeof charset->carry) {
			mime_utf8_feed(&charset->utf8, charset->carry, 1); /* no charset has characters that long */
			done = 1;
		}
		charset->carry_length -= (unsigned)done;
		memmove(charset->carry, charset->carry + done, charset->carry_length);
	}
	if (bytes == end)
		return;

	gsize left = convert(charset, bytes, (gsize)(end - bytes));
	for (; left >= sizeof charset->carry; left--)
		mime_utf8_feed(&charset->utf8, end - left, 1);
	memcpy(charset->carry, end - left, left);
	charset->carry_length = (unsigned)left;
}

/* Three characters above ASCII, and nothing that is no UTF-8: hardly a single-byte charset. */
static bool
looks_like_utf8(const GByteArray *held)
{
	const char *invalid;
	gsize beyond = 0;

	if (!g_utf8_validate_len((const char *)held->data, held->len, &invalid) &&
	    g_utf8_get_char_validated(invalid, (gssize)(held->len - (gsize)(invalid - (const char *)held->data))) !=
	        (gunichar)-2)
		return false; /* -2: only its end is missing */
	for (guint i = 0; i < held->len; i++)
		beyond += held->data[i] >= 0xc0;
	return beyond >= 3;
}

static void
decide(MimeCharset *charset)
{
	charset->may_be_utf8 = false;
	if (!charset->held)
		return;
	if (looks_like_utf8(charset->held)) {
		iconv_close(charset->iconv);
		charset->converts = false;
	}
	convert_piece(charset, charset->held->data, charset->held->len);
	g_clear_pointer(&charset->held, g_byte_array_unref);
}

void
mime_charset_feed(MimeCharset *charset, const void *bytes, gsize length)
{
	const uint8_t *p = bytes, *end = p + length;

	if (charset->may_be_utf8 && !charset->held) {
		while (p < end && *p < 0x80)
			p++;
		mime_utf8_feed(&charset->utf8, bytes, (gsize)(p - (const uint8_t *)bytes));
		if (p < end)
			charset->held = g_byte_array_sized_new(HELD_MAX_BYTES);
	}
	if (charset->held) {
		gsize take = MIN((gsize)(end - p), HELD_MAX_BYTES - charset->held->len);
		g_byte_array_append(charset->held, p, (guint)take);
		p += take;
		if (charset->held->len == HELD_MAX_BYTES)
			decide(charset);
	}
	if (p < end)
		convert_piece(charset, p, (gsize)(end - p));
}

void
mime_charset_finish(MimeCharset *charset)
{
	decide(charset);
	mime_utf8_feed(&charset->utf8, charset->carry, charset->carry_length);
	if (charset->converts) {
		char buffer[64], *to = buffer;
		gsize room = sizeof buffer;
		if (iconv(charset->iconv, NULL, NULL, &to, &room) != (gsize)-1)
			mime_utf8_feed(&charset->utf8, buffer, sizeof buffer - room);
		iconv_close(charset->iconv);
		charset->converts = false;
	}
	mime_utf8_finish(&charset->utf8);
	charset->carry_length = 0;
}
