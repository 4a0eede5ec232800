/* Any bytes made into UTF-8 that is safe to show: the last stage of everything that comes out of this layer.
 *
 * Valid UTF-8 stays.  A byte that is no part of a valid sequence is taken as windows-1252, the commonest encoding of
 * unlabelled mail; C1 controls likewise, since they are windows-1252 passed off as Latin-1 (and some terminals obey
 * them).  What windows-1252 lacks, and surrogates, become U+FFFD.  CRLF and CR become LF.  Other control characters but
 * tab are replaced by U+FFFD, or dropped.  A byte order mark in front is dropped.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
	GString *out; /* borrowed */
	char *to;     /* where the next byte of it goes */
	bool drop_controls;
	bool after_cr;
	bool started;
	uint8_t partial[8]; /* the beginning of a character whose end is in the next chunk */
	unsigned partial_length;
} MimeUtf8;

void mime_utf8_init(MimeUtf8 *utf8, GString *out, bool drop_controls);
void mime_utf8_feed(MimeUtf8 *utf8, const void *bytes, gsize length);
void mime_utf8_finish(MimeUtf8 *utf8); /* writes what is left of a character cut off by the end */

/* What is shown for one code point, by the same rules. */
gunichar mime_utf8_safe(gunichar c);

/* All of it as one line without controls, white space collapsed and trimmed.  g_free() it. */
char *mime_utf8_line(const char *bytes, gsize length);

/* The longest beginning of @text (valid UTF-8) of at most @max_bytes that ends at a character. */
gsize mime_utf8_fit(const char *text, gsize length, gsize max_bytes);
