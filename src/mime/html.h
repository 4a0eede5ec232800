/* Readable text from HTML, as it comes in: nothing is kept of it but the tag that is being read, so memory is bounded
 * by the output, and time by the length of the input, whatever it is.
 *
 * This is a tokenizer for reading, not a validating parser: tags that nobody closed need no mending when no tree is
 * built.  libxml2's push parser was tried: it is quadratic in open elements and in attributes (measured: 0.3 MB of
 * "<b>" then "</i>" take it 2.3 s, so 10 MB an hour).  It gives the named entities here.
 *
 * Blocks begin lines, "<p>" and headings stand between empty ones; script, style and title are dropped, comments too;
 * items of lists get "- ", quotations "> ", table cells a tab between them; a link's http, https or mailto address
 * stands behind its text as " <address>" where it differs; an image is "[its alt text]"; <pre> keeps its white space.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct MimeHtml MimeHtml;

/* Text is appended to @out (borrowed) as UTF-8 with LF, up to @max_bytes of it. */
MimeHtml *mime_html_new(GString *out, gsize max_bytes);
/* @utf8: as mime_utf8_feed() makes it. */
void mime_html_feed(MimeHtml *html, const char *utf8, gsize length);
void mime_html_free(MimeHtml *html); /* finishes the last line; NULL is fine */
