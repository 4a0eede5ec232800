/* What HTML's elements, attributes and entities mean for text. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum {
	MIME_HTML_BLOCK,
	MIME_HTML_NEWLINE,
	MIME_HTML_RULE,
	MIME_HTML_CELL,
	MIME_HTML_ITEM,
	MIME_HTML_QUOTE,
	MIME_HTML_PRE,
	MIME_HTML_LINK,
	MIME_HTML_IMAGE,
	MIME_HTML_RAW, /* what it holds is no text, and no markup */
} MimeHtmlKind;

typedef struct {
	const char *name;
	MimeHtmlKind kind;
	unsigned breaks; /* before and behind it: 0, 1 for a line, 2 for an empty line */
} MimeHtmlElement;

/* The element that @tag (what stands behind "<" or "</") names, or NULL if it means nothing for text. */
const MimeHtmlElement *mime_html_element(const char *tag);

/* The value of an attribute of @tag, its entities decoded, as one line of text; NULL if there is none.  g_free() it. */
char *mime_html_attribute(const char *tag, gsize length, const char *name);

/* The http, https or mailto address in the href of @tag, or NULL.  g_free() it. */
char *mime_html_address(const char *tag, gsize length);

/* True if @text shows @address: it may lack the scheme, or a slash at the end. */
bool mime_html_same_address(const char *address, const char *text);

/* The character of the entity @name ("amp", "#233", "#xe9") as safe UTF-8 (no terminator); returns its length, 0 if
 * there is no such.  Without a semicolon only those of Latin-1 count, as in browsers ("&lang=" is part of an address). */
gsize mime_html_entity(const char *name, bool semicolon, char utf8_r[8]);
