/* The content of one text part, as it comes, made into text: transfer encoding, charset, then plain or HTML. */
#pragma once

#include "mime/charset.h"
#include "mime/html.h"
#include "mime/parts.h"

typedef struct {
	GString *out; /* borrowed */
	gsize start, max_bytes;
	bool is_html, flowed, delete_space, decodes;
	GMimeEncoding encoding;
	GByteArray *decoded; /* scratch */
	char *charset_name;
	bool charset_open;
	MimeCharset charset;
	GString *head;       /* of HTML without a charset: its beginning, where a <meta> can name one */
	GString *markup;     /* scratch: HTML in UTF-8 */
	MimeHtml *html;
} MimeLeaf;

/* Text is appended to @out (borrowed).  @part is needed during this call only; NULL: plain text of no known charset. */
void mime_leaf_init(MimeLeaf *leaf, const MimePart *part, GString *out, gsize max_bytes);
void mime_leaf_feed(MimeLeaf *leaf, const uint8_t *bytes, size_t length);

/* Frees; afterwards @out holds the whole text of the part, without empty lines around it and with a line end, or
 * nothing more than at the beginning if it is all white space.  True if there is any text. */
bool mime_leaf_finish(MimeLeaf *leaf);
