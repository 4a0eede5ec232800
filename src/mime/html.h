/* Readable text from HTML, by libxml2's push parser: no tree is built, so memory is bounded by the output. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct MimeHtml MimeHtml;

/* Text is appended to @out (borrowed) as UTF-8 with LF, up to @max_bytes of it. */
MimeHtml *mime_html_new(GString *out, gsize max_bytes);
void mime_html_feed(MimeHtml *html, const char *utf8, gsize length);
void mime_html_free(MimeHtml *html); /* finishes the last line; NULL is fine */
