/* Canonical names of messages: `YYYY-MM-DD HH.MM FROM - SUBJECT ~UID.eml`.
 *
 * A pure function of its arguments, the same on every computer for ever: raise nothing here without a migration.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MIME_NAME_MAX_BYTES 255           /* NAME_MAX, ending included */
#define MIME_NAME_CANONICAL_MAX_BYTES 200 /* of those made here: notmuch cannot index names much longer (a term of Xapian
                                             has 245 bytes), and copies get endings such as ".gz" and "~" */
#define MIME_NAME_FROM_MAX_BYTES 64       /* of FROM; SUBJECT gets what is left */

/* A message without a UID (0), because the server does not have it yet, has no " ~UID".  The time is @internaldate_s in
 * UTC (years outside 0000 to 9999 are clamped); @from and @subject as MimeDerived has them, NULL or empty for none
 * ("(no sender)", "(no subject)"); any bytes are taken.  The result is NFC, valid UTF-8, holds no '/' ('-' stands for it;
 * no other character is special to a path), no control (Cc, Cf bidi overrides and isolates, zero-width and line/paragraph
 * separators included) characters, begins with a digit, has no runs of white space, FROM begins with no dot or dash, and
 * it is at most MIME_NAME_CANONICAL_MAX_BYTES long with ".eml", cut at a character (an extended grapheme where GLib can
 * tell), never inside " ~UID".  Only the first 1,024 bytes of @from and of @subject are looked at.  g_free() it. */
char *mime_name_make(int64_t internaldate_s, const char *from, const char *subject, uint32_t uid);

/* @name with the fixed suffix that sets it apart when it is taken: " (2)" before its ending, still within the length;
 * where it is too long the text before " ~UID" gives way.  g_free() it. */
char *mime_name_distinct(const char *name, unsigned number);

/* "x.eml" -> "x.txt"; a name without .eml gets ".txt" behind it (cut to fit).  g_free() it. */
char *mime_name_text(const char *name);

/* And back: true if @text_name is what mime_name_text() makes of @name. */
bool mime_name_is_text_of(const char *text_name, const char *name);

/* The name of a file that a part of a message gives, made as safe as canonical names, at most
 * MIME_NAME_CANONICAL_MAX_BYTES long: where it is too long its ending stays.  NULL: nothing of it is left.
 * g_free() it. */
char *mime_name_file(const char *name);

/* The same for a folder, which has no ending to keep. */
char *mime_name_folder(const char *name);

/* @name, as mime_name_file() made it, with " (2)" before its ending, still within the length.  g_free() it. */
char *mime_name_file_distinct(const char *name, unsigned number);
