#include "mime/leaf.h"

#include "mime/flowed.h"

#include <string.h>

#define HEAD_BYTES 1024 /* HTML: where a <meta charset> must stand */

void
mime_leaf_init(MimeLeaf *leaf, const MimePart *part, GString *out, gsize max_bytes)
{
	memset(leaf, 0, sizeof *leaf);
	leaf->out = out;
	leaf->start = out->len;
	leaf->max_bytes = max_bytes;
	if (part) {
		const char *format = mime_part_parameter(part, "format"), *delsp = mime_part_parameter(part, "delsp");

		leaf->is_html = strcmp(part->type, "text/html") == 0 || strcmp(part->type, "application/xhtml+xml") == 0;
		leaf->flowed = !leaf->is_html && format && g_ascii_strcasecmp(format, "flowed") == 0;
		leaf->delete_space = delsp && g_ascii_strcasecmp(delsp, "yes") == 0;
		leaf->charset_name = g_strdup(mime_part_parameter(part, "charset"));
		leaf->decodes = part->encoding == GMIME_CONTENT_ENCODING_BASE64 ||
		                part->encoding == GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE;
		if (leaf->decodes) {
			g_mime_encoding_init_decode(&leaf->encoding, part->encoding);
			leaf->decoded = g_byte_array_new();
		}
	}
	if (leaf->is_html) {
		leaf->markup = g_string_new(NULL);
		leaf->html = mime_html_new(out, max_bytes);
		if (!leaf->charset_name || !*leaf->charset_name)
			leaf->head = g_string_new(NULL);
	}
}

/* The charset that a <meta> in the beginning of a document names, or NULL. */
static char *
sniff(const GString *head)
{
	static const char mark[] = "charset=";

	for (const char *p = head->str, *end = p + head->len; p + sizeof mark <= end; p++) {
		if (g_ascii_strncasecmp(p, mark, sizeof mark - 1) != 0)
			continue;
		p += sizeof mark - 1;
		p += *p == '"' || *p == '\'';
		const char *name = p;
		while (p < end && (g_ascii_isalnum(*p) || strchr("-_.:+", *p)) && *p)
			p++;
		/* Whoever wrote this in bytes of 8 bits did not write UTF-16. */
		return g_ascii_strncasecmp(name, "utf-16", 6) != 0 ? g_strndup(name, (gsize)(p - name)) : NULL;
	}
	return NULL;
}

static void
feed_charset(MimeLeaf *leaf, const void *bytes, gsize length)
{
	if (!leaf->charset_open) {
		mime_charset_init(&leaf->charset, leaf->charset_name, leaf->is_html ? leaf->markup : leaf->out, false);
		leaf->charset_open = true;
	}
	mime_charset_feed(&leaf->charset, bytes, length);
}

static void
drain_markup(MimeLeaf *leaf)
{
	if (leaf->is_html) {
		mime_html_feed(leaf->html, leaf->markup->str, leaf->markup->len);
		g_string_truncate(leaf->markup, 0);
	}
}

/* The head is complete: now the charset is known. */
static void
finish_head(MimeLeaf *leaf)
{
	g_autoptr(GString) head = g_steal_pointer(&leaf->head);

	g_free(leaf->charset_name);
	leaf->charset_name = sniff(head);
	feed_charset(leaf, head->str, head->len);
}

static void
feed_decoded(MimeLeaf *leaf, const uint8_t *bytes, size_t length)
{
	if (leaf->head) {
		size_t take = MIN(length, HEAD_BYTES - leaf->head->len);

		g_string_append_len(leaf->head, (const char *)bytes, (gssize)take);
		bytes += take;
		length -= take;
		if (leaf->head->len == HEAD_BYTES)
			finish_head(leaf);
	}
	if (length > 0)
		feed_charset(leaf, bytes, length);
	drain_markup(leaf);
}

void
mime_leaf_feed(MimeLeaf *leaf, const uint8_t *bytes, size_t length)
{
	if (leaf->out->len - leaf->start >= leaf->max_bytes)
		return;
	if (!leaf->decodes) {
		feed_decoded(leaf, bytes, length);
		return;
	}
	g_byte_array_set_size(leaf->decoded, (guint)g_mime_encoding_outlen(&leaf->encoding, length));
	size_t n = g_mime_encoding_step(&leaf->encoding, (const char *)bytes, length, (char *)leaf->decoded->data);
	feed_decoded(leaf, leaf->decoded->data, n);
}

/* Removes white space behind the text, and empty lines before it. */
static bool
trim(GString *out, gsize start)
{
	const char *text = out->str + start;
	gsize blank = strspn(text, " \t\n");

	if (blank == out->len - start) {
		g_string_truncate(out, start);
		return false;
	}
	while (g_ascii_isspace(out->str[out->len - 1]))
		g_string_truncate(out, out->len - 1);
	while (blank > 0 && text[blank - 1] != '\n')
		blank--;
	g_string_erase(out, (gssize)start, (gssize)blank);
	g_string_append_c(out, '\n');
	return true;
}

bool
mime_leaf_finish(MimeLeaf *leaf)
{
	if (leaf->decodes && leaf->encoding.encoding == GMIME_CONTENT_ENCODING_BASE64)
		mime_leaf_feed(leaf, (const uint8_t *)"==", 2); /* the padding that may be missing */
	if (leaf->head)
		finish_head(leaf);
	if (leaf->charset_open)
		mime_charset_finish(&leaf->charset);
	drain_markup(leaf);
	g_clear_pointer(&leaf->html, mime_html_free);
	if (leaf->flowed)
		mime_flowed_join(leaf->out, leaf->start, leaf->delete_space);
	if (leaf->markup)
		g_string_free(leaf->markup, TRUE);
	if (leaf->decoded)
		g_byte_array_unref(leaf->decoded);
	g_free(leaf->charset_name);
	return trim(leaf->out, leaf->start);
}
