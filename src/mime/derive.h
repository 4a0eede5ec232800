/* Everything that mailtree derives from one message, in one pass over it.
 *
 * The text rendering is what grep is to read in text/: the headers From, To, Cc, Date and Subject (those that are there,
 * in this order, the first of each; decoded, one line each), an empty line, then the readable body as UTF-8 with LF line
 * ends.  docs/filesystem.md shows it.
 *   - Text parts come in order, an empty line between them.  Of a multipart/alternative the text/plain is taken if it has
 *     any text, else the first form that has some.  HTML becomes readable text (html.h), format=flowed paragraphs.
 *   - A part that is no text, or is text sent as an attachment, is one line, its size that of the decoded content:
 *     "[attachment: name.pdf, application/pdf, 12.3 kB]"; "[encrypted: …]" likewise.
 *   - A message in the message stands between "[attached message]" and "[end of attached message]", its headers first.
 *   - Charsets: as charset.h says, so without or with an unknown one what is valid UTF-8 is UTF-8, the rest windows-1252.
 *   - There are no control characters but LF and tab: CR is removed, escapes and NUL become U+FFFD.
 *
 * MIME_DERIVE_VERSION is kept beside every stored rendering; raise it whenever the same message would render otherwise,
 * and the old ones are made anew.
 */
#pragma once

#include "mime/source.h"

#include <glib.h>
#include <stdbool.h>

#define MIME_DERIVE_VERSION 1
#define MIME_TEXT_MAX_BYTES (8 * 1024 * 1024) /* of one rendering; what is beyond is replaced by a line that says so */
#define MIME_WORDS_MAX_BYTES 1024             /* more than any name can hold; many of these wait at once */
#define MIME_HEADER_MAX_BYTES (1024 * 1024)   /* of a header block that is looked at */

typedef struct {
	char *from;    /* display name, else address, of the first author (From, else Sender); one line of valid UTF-8
	                * without controls, less than 192 KiB; NULL if there is none */
	char *subject; /* decoded; the same */
	uint8_t header_sha256[32]; /* of the header block with the empty line behind it: the bytes of BODY[HEADER] */
	GString *text; /* NULL if it was not asked for */
} MimeDerived;

/* Once per process, from the first thread, before any other call of this layer (names need none). */
void mime_init(void);

/* Never fails: unknown charsets, broken encodings, truncated, nested or hostile messages degrade to what can be read;
 * bytes that are no text in any way become U+FFFD.  Memory is bounded (about MIME_TEXT_MAX_BYTES and a few MiB) however
 * large the message is.  An unreadable fd gives what was read before.  Any thread.  *derived_r needs no initialising. */
void mime_derive(const MimeSource *source, bool want_text, MimeDerived *derived_r);

void mime_derived_clear(MimeDerived *derived);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(MimeDerived, mime_derived_clear)

/* SHA-256 of a header block as FETCH BODY[HEADER] gives it: equal to header_sha256 of the whole message.  Of a longer one
 * only the first MIME_HEADER_MAX_BYTES count. */
void mime_header_hash(const uint8_t *header, size_t length, uint8_t sha256_r[32]);

/* Whether the header block has a Message-ID that is not empty, and so is that of one message only. */
bool mime_header_has_message_id(const uint8_t *header, size_t length);
