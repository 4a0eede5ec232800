/* Bytes in some charset to UTF-8 that is safe to show (utf8.h), in pieces cut anywhere.
 *
 * US-ASCII, Latin-1, windows-1252, UTF-8, no charset and unknown charsets are all read as utf8.h reads bytes: what is
 * valid UTF-8 is UTF-8, the rest windows-1252.  Others go through iconv; what is invalid in them is read in that way
 * too.  Text in a single-byte charset that turns out to be UTF-8 throughout is taken as UTF-8.
 */
#pragma once

#include "mime/utf8.h"

#include <iconv.h>

typedef struct {
	MimeUtf8 utf8;
	iconv_t iconv;
	bool converts;
	bool may_be_utf8; /* single-byte charset, not looked at closely yet */
	uint8_t carry[16]; /* the beginning of a character whose end is in the next chunk */
	unsigned carry_length;
	GByteArray *held;  /* from the first byte above 0x7f on, until it is known whether it may be UTF-8 */
} MimeCharset;

/* Output is appended to @out (borrowed).  @name: any bytes from a message, or NULL. */
void mime_charset_init(MimeCharset *charset, const char *name, GString *out, bool drop_controls);
void mime_charset_feed(MimeCharset *charset, const void *bytes, gsize length);
void mime_charset_finish(MimeCharset *charset); /* writes what is left, frees */
