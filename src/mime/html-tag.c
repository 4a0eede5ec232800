#include "mime/html-tag.h"

#include "mime/utf8.h"

#include <libxml/HTMLparser.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 15
#define ADDRESS_MAX_BYTES 2000 /* a longer one helps nobody who reads */

/* Sorted by name. */
static const MimeHtmlElement elements[] = {
	{ "a", MIME_HTML_LINK, 0 }, { "address", MIME_HTML_BLOCK, 1 }, { "article", MIME_HTML_BLOCK, 1 },
	{ "aside", MIME_HTML_BLOCK, 1 }, { "blockquote", MIME_HTML_QUOTE, 1 }, { "body", MIME_HTML_BLOCK, 1 },
	{ "br", MIME_HTML_NEWLINE, 0 }, { "caption", MIME_HTML_BLOCK, 1 }, { "center", MIME_HTML_BLOCK, 1 },
	{ "dd", MIME_HTML_BLOCK, 1 }, { "details", MIME_HTML_BLOCK, 1 }, { "dir", MIME_HTML_BLOCK, 1 },
	{ "div", MIME_HTML_BLOCK, 1 }, { "dl", MIME_HTML_BLOCK, 1 }, { "dt", MIME_HTML_BLOCK, 1 },
	{ "fieldset", MIME_HTML_BLOCK, 1 }, { "figcaption", MIME_HTML_BLOCK, 1 }, { "figure", MIME_HTML_BLOCK, 1 },
	{ "footer", MIME_HTML_BLOCK, 1 }, { "form", MIME_HTML_BLOCK, 1 }, { "h1", MIME_HTML_BLOCK, 2 },
	{ "h2", MIME_HTML_BLOCK, 2 }, { "h3", MIME_HTML_BLOCK, 2 }, { "h4", MIME_HTML_BLOCK, 2 },
	{ "h5", MIME_HTML_BLOCK, 2 }, { "h6", MIME_HTML_BLOCK, 2 }, { "header", MIME_HTML_BLOCK, 1 },
	{ "hr", MIME_HTML_RULE, 1 }, { "iframe", MIME_HTML_RAW, 0 }, { "img", MIME_HTML_IMAGE, 0 },
	{ "legend", MIME_HTML_BLOCK, 1 }, { "li", MIME_HTML_ITEM, 1 }, { "main", MIME_HTML_BLOCK, 1 },
	{ "menu", MIME_HTML_BLOCK, 1 }, { "nav", MIME_HTML_BLOCK, 1 }, { "ol", MIME_HTML_BLOCK, 1 },
	{ "optgroup", MIME_HTML_BLOCK, 1 }, { "option", MIME_HTML_BLOCK, 1 }, { "p", MIME_HTML_BLOCK, 2 },
	{ "pre", MIME_HTML_PRE, 1 }, { "script", MIME_HTML_RAW, 0 }, { "section", MIME_HTML_BLOCK, 1 },
	{ "style", MIME_HTML_RAW, 0 }, { "summary", MIME_HTML_BLOCK, 1 }, { "table", MIME_HTML_BLOCK, 1 },
	{ "tbody", MIME_HTML_BLOCK, 1 }, { "td", MIME_HTML_CELL, 0 }, { "tfoot", MIME_HTML_BLOCK, 1 },
	{ "th", MIME_HTML_CELL, 0 }, { "thead", MIME_HTML_BLOCK, 1 }, { "title", MIME_HTML_RAW, 0 },
	{ "tr", MIME_HTML_BLOCK, 1 }, { "ul", MIME_HTML_BLOCK, 1 }, { "xml", MIME_HTML_RAW, 0 },
};

static int
compare_name(const void *name, const void *element)
{
	return strcmp(name, ((const MimeHtmlElement *)element)->name);
}

const MimeHtmlElement *
mime_html_element(const char *tag)
{
	char name[NAME_MAX_BYTES + 1];
	gsize n = 0;

	for (; n < NAME_MAX_BYTES && (g_ascii_isalnum(tag[n]) || tag[n] == ':' || tag[n] == '-'); n++)
		name[n] = g_ascii_tolower(tag[n]);
	name[n] = '\0';
	return bsearch(name, elements, G_N_ELEMENTS(elements), sizeof elements[0], compare_name);
}

/* The accented letters of HTML 5 that libxml2 does not know, since HTML 4 did not have them: "ccaron", "Lstrok".  Their
 * names are the letter and the accent. */
static gunichar
accented_letter(const char *name)
{
	static const struct {
		const char *name;
		gunichar mark;
	} accents[] = {
		{ "acute", 0x301 }, { "breve", 0x306 }, { "caron", 0x30c }, { "cedil", 0x327 }, { "circ", 0x302 },
		{ "dblac", 0x30b }, { "dot", 0x307 },   { "macr", 0x304 },  { "ogon", 0x328 },  { "ring", 0x30a },
		{ "tilde", 0x303 },
	};
	static const char struck[] = "DdHhLlTt"; /* have no decomposition */
	static const gunichar struck_letters[] = { 0x110, 0x111, 0x126, 0x127, 0x141, 0x142, 0x166, 0x167 };
	const char *found = strcmp(name + 1, "strok") == 0 ? strchr(struck, name[0]) : NULL;
	gunichar c = 0;

	if (found)
		return struck_letters[found - struck];
	for (gsize i = 0; i < G_N_ELEMENTS(accents); i++)
		if (strcmp(name + 1, accents[i].name) == 0 && g_ascii_isalpha(name[0]))
			g_unichar_compose((gunichar)name[0], accents[i].mark, &c);
	return c;
}

/* Of an entity by name; 0: there is none of that name. */
static gunichar
named(const char *name)
{
	const htmlEntityDesc *entity = *name ? htmlEntityLookup((const xmlChar *)name) : NULL;

	if (entity)
		return entity->value;
	return *name ? accented_letter(name) : 0;
}

gsize
mime_html_entity(const char *name, bool semicolon, char utf8_r[8])
{
	gunichar c = 0;

	if (name[0] == '#') {
		bool hex = name[1] == 'x' || name[1] == 'X';
		const char *digits = name + 1 + hex;
		char *end;
		guint64 value = g_ascii_strtoull(digits, &end, hex ? 16 : 10);
		if (end == digits || *end)
			return 0;
		c = value == '\r' ? '\n' : (gunichar)MIN(value, 0x110000);
	} else {
		c = named(name);
		if (c == 0 || (!semicolon && c >= 0x100))
			return 0;
	}

	return (gsize)g_unichar_to_utf8(mime_utf8_safe(c), utf8_r);
}

/* @value with its entities decoded, as one line. */
static char *
attribute_text(const char *value, gsize length)
{
	g_autoptr(GString) text = g_string_sized_new(length);
	const char *p = value, *end = value + length;

	while (p < end) {
		char name[33], utf8[8];
		gsize n = 0, size = 0;

		if (*p == '&') {
			const char *q = p + 1;
			for (; q < end && n < sizeof name - 1 && (g_ascii_isalnum(*q) || (*q == '#' && n == 0)); q++)
				name[n++] = *q;
			name[n] = '\0';
			bool semicolon = q < end && *q == ';';
			if (semicolon || q == end || *q != '=')
				size = mime_html_entity(name, semicolon, utf8);
			n += semicolon;
		}
		if (size > 0)
			g_string_append_len(text, utf8, (gssize)size);
		else
			g_string_append_c(text, *p);
		p += size > 0 ? n + 1 : 1;
	}
	return mime_utf8_line(text->str, text->len);
}

char *
mime_html_attribute(const char *tag, gsize length, const char *name)
{
	const char *p = tag, *end = tag + length;

	while (p < end && !g_ascii_isspace(*p) && *p != '/') /* the name of the element */
		p++;
	while (p < end) {
		const char *key, *key_end, *value = NULL, *value_end = NULL;

		while (p < end && (g_ascii_isspace(*p) || *p == '/'))
			p++;
		for (key = p; p < end && !g_ascii_isspace(*p) && *p != '/' && *p != '='; p++)
			;
		key_end = p;
		while (p < end && g_ascii_isspace(*p))
			p++;
		if (p < end && *p == '=') {
			for (p++; p < end && g_ascii_isspace(*p); p++)
				;
			char quote = p < end && (*p == '"' || *p == '\'') ? *p++ : '\0';
			for (value = p; p < end && (quote ? *p != quote : !g_ascii_isspace(*p)); p++)
				;
			value_end = p;
			p += quote && p < end;
		}
		if (value && (gsize)(key_end - key) == strlen(name) && g_ascii_strncasecmp(key, name, strlen(name)) == 0)
			return attribute_text(value, (gsize)(value_end - value));
	}
	return NULL;
}

char *
mime_html_address(const char *tag, gsize length)
{
	static const char *const schemes[] = { "http://", "https://", "mailto:" };
	g_autofree char *href = mime_html_attribute(tag, length, "href");

	if (!href || strlen(href) > ADDRESS_MAX_BYTES)
		return NULL;
	for (gsize i = 0; i < G_N_ELEMENTS(schemes); i++) {
		gsize n = strlen(schemes[i]);
		if (g_ascii_strncasecmp(href, schemes[i], n) == 0 && href[n])
			return g_steal_pointer(&href);
	}
	return NULL;
}

/* What is left of an address, or of text that may be one, to be compared. */
static const char *
core_of(const char *text, gsize *length_r)
{
	static const char *const leading[] = { "http://", "https://", "mailto:", "www." };

	for (gsize i = 0; i < G_N_ELEMENTS(leading); i++) {
		if (g_ascii_strncasecmp(text, leading[i], strlen(leading[i])) == 0)
			text += strlen(leading[i]);
	}
	*length_r = strlen(text);
	while (*length_r > 0 && (g_ascii_isspace(text[*length_r - 1]) || text[*length_r - 1] == '/'))
		--*length_r;
	return text;
}

bool
mime_html_same_address(const char *address, const char *text)
{
	gsize address_length, text_length;

	address = core_of(address, &address_length);
	text = core_of(text, &text_length);
	return address_length == text_length && g_ascii_strncasecmp(address, text, text_length) == 0;
}
