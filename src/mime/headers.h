/* The fields of a header block (RFC 5322) that mailtree looks at. */
#pragma once

#include "mime/reader.h"

#include <glib.h>
#include <stdbool.h>

typedef enum {
	MIME_FIELD_FROM,
	MIME_FIELD_SENDER,
	MIME_FIELD_TO,
	MIME_FIELD_CC,
	MIME_FIELD_DATE,
	MIME_FIELD_SUBJECT,
	MIME_FIELD_MESSAGE_ID,
	MIME_FIELD_CONTENT_TYPE,
	MIME_FIELD_CONTENT_ENCODING,
	MIME_FIELD_CONTENT_DISPOSITION,
	MIME_FIELD_COUNT,
} MimeField;

#define MIME_FIELD_MAX_BYTES (64 * 1024) /* of one value; the rest is not looked at */

typedef struct {
	struct {
		const char *value; /* folded, as it stands in the block; NULL: there is no such field */
		gsize length;
	} fields[MIME_FIELD_COUNT]; /* the first of each name */
	bool any; /* false: the block has no field at all, so it is no header */
} MimeHeaders;

/* The length of the header block at the beginning of @bytes with the empty line behind it; 0 if there is no such line. */
gsize mime_headers_length(const char *bytes, gsize length);

/* Whether @bytes begin with a field, or an mbox "From " line and a field. */
bool mime_headers_begin(const char *bytes, gsize length);

/* Lines that are no field (such as an mbox "From " line) are passed over.  @headers_r points into @block. */
void mime_headers_scan(const char *block, gsize length, MimeHeaders *headers_r);

/* A field decoded, one line of valid UTF-8; NULL if there is none or it is empty.  @raw_charset as in words.h.
 * g_free() it. */
char *mime_headers_text(const MimeHeaders *headers, MimeField field, const char *raw_charset);

/* Who wrote it: of the first author in From, else Sender, the display name, else the address; NULL if there is none.
 * g_free() it. */
char *mime_headers_author(const MimeHeaders *headers, const char *raw_charset);
