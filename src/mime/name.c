#include "mime/name.h"

#include "mime/utf8.h"

#include <glib.h>
#include <string.h>
#include <time.h>

#define LOOKED_AT_BYTES 1024 /* of FROM and SUBJECT each; far more than fits, and bounds the cost of normalising */
#define GRAPHEME_MAX_BYTES 64
#define ENDING_MAX_BYTES 16  /* of a file, such as ".pdf" */

/* Fixed here, not asked of GLib, whose tables change with Unicode: a name must be the same for ever. */
static bool
is_space(gunichar c)
{
	return c <= ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
	       c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

static bool
is_dropped(gunichar c)
{
	return (c < 0x20 && !(c >= '\t' && c <= '\r')) || (c >= 0x7f && c < 0xa0 && c != 0x85) || /* controls */
	       c == 0xad || c == 0x34f || c == 0x61c || c == 0x180e ||  /* soft hyphen, joiner, Arabic and Mongolian marks */
	       (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) || /* zero-width, bidi marks and overrides */
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||           /* word joiner, isolates, byte order mark */
	       (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe || /* noncharacters */
	       (c >= 0xfff9 && c <= 0xfffc) || (c >= 0xe0000 && c <= 0xe007f); /* annotations, tags */
}

/* True if a name cut before @text would leave half of what a reader takes for one character. */
static bool
is_extending(const char *text, gsize length)
{
	gunichar c = g_utf8_get_char_validated(text, (gssize)length); /* a name that a user gave can be any bytes */

	return c <= 0x10ffff && (g_unichar_ismark(c) || (c >= 0x1f3fb && c <= 0x1f3ff));
}

static gsize
fit_graphemes(const char *text, gsize length, gsize max_bytes)
{
	gsize end = mime_utf8_fit(text, length, max_bytes), cut = end;

	while (cut < length && cut > 0 && end - cut < GRAPHEME_MAX_BYTES && is_extending(text + cut, length - cut))
		cut = mime_utf8_fit(text, length, cut - 1);
	return cut < length && is_extending(text + cut, length - cut) ? end : cut;
}

/* @text made fit to be a part of a name of at most @max_bytes. */
static char *
component(const char *text, gsize max_bytes, bool leading, const char *none)
{
	gsize length = text ? strnlen(text, LOOKED_AT_BYTES + 4) : 0;
	g_autofree char *line = text ? mime_utf8_line(text, mime_utf8_fit(text, length, LOOKED_AT_BYTES)) : g_strdup("");
	g_autofree char *nfc = g_utf8_normalize(line, -1, G_NORMALIZE_DEFAULT_COMPOSE);
	g_autoptr(GString) safe = g_string_sized_new(256);

	for (const char *p = nfc; *p; p += g_utf8_skip[(uint8_t)*p]) {
		gunichar c = g_utf8_get_char(p);

		if (is_dropped(c))
			continue;
		if (leading && safe->len == 0 && (c == '.' || c == '-' || c == '/'))
			continue;
		if (!is_space(c))
			g_string_append_unichar(safe, c == '/' ? '-' : c);
		else if (safe->len > 0 && safe->str[safe->len - 1] != ' ')
			g_string_append_c(safe, ' ');
	}

	/* Dropping what stood between two characters can have made them fit to be composed. */
	g_autofree char *whole = g_utf8_normalize(safe->str, -1, G_NORMALIZE_DEFAULT_COMPOSE);
	gsize end = fit_graphemes(whole, strlen(whole), max_bytes);
	while (end > 0 && whole[end - 1] == ' ')
		end--;
	return end > 0 ? g_strndup(whole, end) : g_strdup(none);
}

char *
mime_name_make(int64_t internaldate_s, const char *from, const char *subject, uint32_t uid)
{
	time_t when = (time_t)CLAMP(internaldate_s, INT64_C(-62167219200), INT64_C(253402300799));
	g_autofree char *safe_from = component(from, MIME_NAME_FROM_MAX_BYTES, true, "(no sender)");
	g_autofree char *tail = uid ? g_strdup_printf(" ~%u.eml", uid) : g_strdup(".eml");
	struct tm tm;

	gmtime_r(&when, &tm);
	g_autofree char *head = g_strdup_printf("%04d-%02d-%02d %02d.%02d %s - ", tm.tm_year + 1900, tm.tm_mon + 1,
		tm.tm_mday, tm.tm_hour, tm.tm_min, safe_from);
	g_autofree char *safe_subject = component(subject, MIME_NAME_CANONICAL_MAX_BYTES - strlen(head) - strlen(tail), false,
		"(no subject)");
	return g_strconcat(head, safe_subject, tail, NULL);
}

/* Where the ending ".eml" of @name begins, or its end. */
static gsize
stem_length(const char *name)
{
	gsize length = strlen(name);

	return length >= 4 && strcmp(name + length - 4, ".eml") == 0 ? length - 4 : length;
}

/* Where " ~UID" begins in the stem of @name, or the end of the stem when there is none. */
static gsize
uid_offset(const char *name, gsize stem)
{
	gsize p = stem;

	while (p > 0 && g_ascii_isdigit(name[p - 1]))
		p--;
	return p < stem && p > 2 && name[p - 1] == '~' && name[p - 2] == ' ' ? p - 2 : stem;
}

char *
mime_name_distinct(const char *name, unsigned number)
{
	gsize stem = stem_length(name), uid = uid_offset(name, stem);
	g_autofree char *tail = g_strdup_printf("%.*s (%u)%s", (int)(stem - uid), name + uid, number, name + stem);
	gsize tail_length = strlen(tail);
	gsize keep = fit_graphemes(name, uid, tail_length < MIME_NAME_MAX_BYTES ? MIME_NAME_MAX_BYTES - tail_length : 0);

	while (keep > 0 && keep < uid && name[keep - 1] == ' ')
		keep--;
	return g_strdup_printf("%.*s%s", (int)keep, name, tail);
}

char *
mime_name_text(const char *name)
{
	gsize stem = fit_graphemes(name, stem_length(name), MIME_NAME_MAX_BYTES - strlen(".txt"));

	return g_strdup_printf("%.*s.txt", (int)stem, name);
}

bool
mime_name_is_text_of(const char *text_name, const char *name)
{
	g_autofree char *expected = mime_name_text(name);

	return strcmp(text_name, expected) == 0;
}

/* Where the ending of a file's name begins: at the last dot, if what is behind it is short and has no blanks. */
static gsize
ending_offset(const char *name)
{
	gsize length = strlen(name);
	const char *dot = memrchr(name, '.', length);

	if (!dot || dot == name || name + length - dot > ENDING_MAX_BYTES || strpbrk(dot, " \t\r\n"))
		return length;
	return (gsize)(dot - name);
}

static char *
take_if_any(char *name)
{
	if (!*name)
		g_clear_pointer(&name, g_free);
	return name;
}

char *
mime_name_folder(const char *name)
{
	return take_if_any(component(name, MIME_NAME_CANONICAL_MAX_BYTES, true, ""));
}

char *
mime_name_file(const char *name)
{
	gsize at = ending_offset(name);
	g_autofree char *ending = name[at] ? component(name + at + 1, ENDING_MAX_BYTES, false, "") : g_strdup("");
	g_autofree char *before = g_strndup(name, at);
	gsize room = MIME_NAME_CANONICAL_MAX_BYTES - (*ending ? strlen(ending) + 1 : 0);
	g_autofree char *stem = component(before, room, true, "");

	if (!*stem || !*ending)
		return *stem ? g_steal_pointer(&stem) : mime_name_folder(name);
	return g_strconcat(stem, ".", ending, NULL);
}

char *
mime_name_file_distinct(const char *name, unsigned number)
{
	gsize at = ending_offset(name);
	g_autofree char *tail = g_strdup_printf(" (%u)%s", number, name + at);
	gsize keep = fit_graphemes(name, at, MIME_NAME_CANONICAL_MAX_BYTES - strlen(tail));

	while (keep > 0 && name[keep - 1] == ' ')
		keep--;
	return g_strdup_printf("%.*s%s", (int)keep, name, tail);
}
