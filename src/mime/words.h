/* Header values as text: encoded words (RFC 2047) and raw 8-bit bytes.
 *
 * Lenient, as mail is: words longer than allowed, with spaces inside, within other text or quotes, without padding;
 * a character split over two words.  What cannot be decoded stays as it is.
 */
#pragma once

#include <glib.h>

/* @value as it stands in the message, folded; @raw_charset: of bytes outside encoded words that are no
 * UTF-8 (NULL: as utf8.h says).
 * One line of valid UTF-8, safe to show, white space collapsed.  g_free() it. */
char *mime_words_decode(const char *value, gsize length, const char *raw_charset);

/* The length of the encoded word at @text, or 0 if there is none. */
gsize mime_words_match(const char *text, gsize length);
