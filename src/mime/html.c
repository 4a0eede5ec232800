#include "mime/html.h"

#include "mime/html-layout.h"
#include "mime/html-tag.h"
#include "mime/utf8.h"

#include <string.h>

#define TAG_MAX_BYTES 8192 /* of one tag that is looked at */
#define ENTITY_MAX_BYTES 32

typedef enum {
	STATE_TEXT,
	STATE_ENTITY,    /* behind "&": its name is collected */
	STATE_OPEN,      /* behind "<" */
	STATE_TAG,       /* what stands in the angles is collected */
	STATE_MARKUP,    /* behind "<!" */
	STATE_COMMENT,   /* behind "<!--" */
	STATE_BOGUS,     /* to the next ">" */
	STATE_RAW,       /* in an element whose content is no text */
	STATE_RAW_CLOSE, /* there, in what may be its closing tag */
} State;

struct MimeHtml {
	MimeLayout layout;
	State state;
	GString *buffer;    /* of the tag or the entity that is being read */
	char quote;         /* in a tag: the quotation mark that closes the value */
	bool after_equals;  /* in a tag: a value begins here */
	unsigned dashes;    /* in a comment: how many stand before this point */
	const char *raw;    /* the element that STATE_RAW is in */
	char *link;         /* the address of the link that is open */
	gsize link_start;   /* where its text begins in the output */
};

MimeHtml *
mime_html_new(GString *out, gsize max_bytes)
{
	MimeHtml *html = g_new0(MimeHtml, 1);

	mime_layout_init(&html->layout, out, max_bytes);
	html->buffer = g_string_sized_new(256);
	return html;
}

/* Writes the address behind the text of the link, unless that says the same. */
static void
finish_link(MimeHtml *html)
{
	GString *out = html->layout.out;
	g_autofree char *link = g_steal_pointer(&html->link);

	if (!link || mime_layout_full(&html->layout))
		return;
	const char *text = out->str + html->link_start;
	text += strspn(text, " \t\n>-"); /* what the layout put before it */
	if (*text && !mime_html_same_address(link, text))
		g_string_append_printf(out, " <%s>", link);
}

static void
image(MimeHtml *html)
{
	g_autofree char *alt = mime_html_attribute(html->buffer->str, html->buffer->len, "alt");

	if (alt && *alt) {
		g_autofree char *text = g_strdup_printf("[%s]", alt);
		mime_layout_word(&html->layout, text, strlen(text));
	}
}

static void
opening_tag(MimeHtml *html, const MimeHtmlElement *element)
{
	MimeLayout *layout = &html->layout;

	switch (element->kind) {
	case MIME_HTML_NEWLINE:
		mime_layout_newline(layout);
		break;
	case MIME_HTML_RULE:
		mime_layout_word(layout, "---", 3);
		mime_layout_break(layout, 1);
		break;
	case MIME_HTML_CELL:
		layout->cell = true;
		break;
	case MIME_HTML_ITEM:
		layout->item = true;
		break;
	case MIME_HTML_QUOTE:
		layout->quotes++;
		break;
	case MIME_HTML_PRE:
		layout->pre++;
		break;
	case MIME_HTML_LINK:
		finish_link(html);
		html->link = mime_html_address(html->buffer->str, html->buffer->len);
		html->link_start = layout->out->len;
		break;
	case MIME_HTML_IMAGE:
		image(html);
		break;
	case MIME_HTML_RAW:
		html->raw = element->name;
		html->state = STATE_RAW;
		break;
	case MIME_HTML_BLOCK:
		break;
	}
}

static void
closing_tag(MimeHtml *html, const MimeHtmlElement *element)
{
	MimeLayout *layout = &html->layout;

	if (element->kind == MIME_HTML_ITEM)
		layout->item = false;
	else if (element->kind == MIME_HTML_QUOTE && layout->quotes > 0)
		layout->quotes--;
	else if (element->kind == MIME_HTML_PRE && layout->pre > 0)
		layout->pre--;
	else if (element->kind == MIME_HTML_LINK)
		finish_link(html);
	else if (element->kind == MIME_HTML_NEWLINE)
		mime_layout_newline(layout); /* "</br>" is taken for "<br>" everywhere */
}

static void
finish_tag(MimeHtml *html)
{
	bool closing = html->buffer->str[0] == '/';
	const MimeHtmlElement *element = mime_html_element(html->buffer->str + closing);

	html->state = STATE_TEXT;
	if (!element)
		return;
	if (element->breaks > 0)
		mime_layout_break(&html->layout, element->breaks);
	if (closing)
		closing_tag(html, element);
	else
		opening_tag(html, element);
}

static void
finish_entity(MimeHtml *html, bool semicolon)
{
	char utf8[8];
	gsize length = mime_html_entity(html->buffer->str, semicolon, utf8);

	html->state = STATE_TEXT;
	if (length > 0) {
		mime_layout_text(&html->layout, utf8, length);
		return;
	}
	mime_layout_text(&html->layout, "&", 1);
	mime_layout_text(&html->layout, html->buffer->str, html->buffer->len);
	if (semicolon)
		mime_layout_text(&html->layout, ";", 1);
}

static void
enter(MimeHtml *html, State state)
{
	html->state = state;
	html->quote = '\0';
	html->after_equals = false;
	html->dashes = 0;
	g_string_truncate(html->buffer, 0);
}

/* Text up to the next "<" or "&". */
static const char *
in_text(MimeHtml *html, const char *p, const char *end)
{
	const char *run = p;

	while (p < end && *p != '<' && *p != '&')
		p++;
	mime_layout_text(&html->layout, run, (gsize)(p - run));
	if (p == end)
		return p;
	enter(html, *p == '<' ? STATE_OPEN : STATE_ENTITY);
	return p + 1;
}

static const char *
in_tag(MimeHtml *html, const char *p, const char *end)
{
	for (; p < end; p++) {
		bool space = g_ascii_isspace(*p);

		if (!html->quote && *p == '>') {
			finish_tag(html);
			return p + 1;
		}
		if (html->quote)
			html->quote = *p == html->quote ? '\0' : html->quote;
		else if (html->after_equals && (*p == '"' || *p == '\''))
			html->quote = *p;
		html->after_equals = !html->quote && (*p == '=' || (html->after_equals && space));
		if (html->buffer->len < TAG_MAX_BYTES)
			g_string_append_c(html->buffer, *p);
	}
	return p;
}

static const char *
in_comment(MimeHtml *html, const char *p, const char *end)
{
	for (; p < end; p++) {
		if (*p == '>' && html->dashes >= 2) {
			html->state = STATE_TEXT;
			return p + 1;
		}
		html->dashes = *p == '-' ? html->dashes + 1 : 0;
	}
	return p;
}

/* The state that follows "<", or "<!", by the character behind it, which is not consumed. */
static void
decide(MimeHtml *html, char c)
{
	if (html->state == STATE_MARKUP) {
		if (c != '-') {
			enter(html, STATE_BOGUS);
		} else if (++html->dashes == 2) {
			enter(html, STATE_COMMENT);
			html->dashes = 1; /* the second one is read again: "<!-->" is whole */
		}
	} else if (g_ascii_isalpha(c) || c == '/') {
		enter(html, STATE_TAG);
	} else if (c == '!') {
		enter(html, STATE_MARKUP);
	} else if (c == '?') {
		enter(html, STATE_BOGUS);
	} else {
		mime_layout_text(&html->layout, "<", 1);
		html->state = STATE_TEXT;
	}
}

static const char *
in_raw(MimeHtml *html, const char *p, const char *end)
{
	if (html->state == STATE_RAW) {
		p = memchr(p, '<', (gsize)(end - p));
		if (!p)
			return end;
		enter(html, STATE_RAW_CLOSE);
		return p + 1;
	}

	gsize have = html->buffer->len, length = strlen(html->raw);
	if (have == length + 1 && (g_ascii_isspace(*p) || *p == '/' || *p == '>')) {
		html->state = STATE_TAG; /* the buffer is "/name" */
		return p;
	}
	if (have <= length && g_ascii_tolower(*p) == (have == 0 ? '/' : html->raw[have - 1])) {
		g_string_append_c(html->buffer, *p);
		return p + 1;
	}
	html->state = STATE_RAW;
	return p;
}

static const char *
in_entity(MimeHtml *html, const char *p)
{
	if ((g_ascii_isalnum(*p) || (*p == '#' && html->buffer->len == 0)) && html->buffer->len < ENTITY_MAX_BYTES) {
		g_string_append_c(html->buffer, *p);
		return p + 1;
	}
	finish_entity(html, *p == ';');
	return *p == ';' ? p + 1 : p;
}

void
mime_html_feed(MimeHtml *html, const char *utf8, gsize length)
{
	const char *p = utf8, *end = p + length, *close;

	while (p < end && !mime_layout_full(&html->layout)) {
		switch (html->state) {
		case STATE_TEXT:
			p = in_text(html, p, end);
			break;
		case STATE_ENTITY:
			p = in_entity(html, p);
			break;
		case STATE_OPEN:
			decide(html, *p);
			if (html->state == STATE_MARKUP)
				p++;
			break;
		case STATE_MARKUP:
			decide(html, *p);
			if (html->state == STATE_MARKUP)
				p++;
			break;
		case STATE_TAG:
			p = in_tag(html, p, end);
			break;
		case STATE_COMMENT:
			p = in_comment(html, p, end);
			break;
		case STATE_BOGUS:
			close = memchr(p, '>', (gsize)(end - p));
			html->state = close ? STATE_TEXT : STATE_BOGUS;
			p = close ? close + 1 : end;
			break;
		case STATE_RAW:
		case STATE_RAW_CLOSE:
			p = in_raw(html, p, end);
			break;
		}
	}
}

void
mime_html_free(MimeHtml *html)
{
	if (!html)
		return;
	if (html->state == STATE_ENTITY)
		finish_entity(html, false);
	else if (html->state == STATE_OPEN)
		mime_layout_text(&html->layout, "<", 1);
	finish_link(html);

	GString *out = html->layout.out;
	if (out->len > html->layout.start && out->str[out->len - 1] != '\n')
		g_string_append_c(out, '\n');
	g_string_free(html->buffer, TRUE);
	g_free(html);
}
