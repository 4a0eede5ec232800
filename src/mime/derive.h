/* Everything that mailtree derives from one message, in one parse by GMime.
 *
 * The text rendering is what grep is to read in text/: the headers From, To, Cc, Date and Subject decoded, an empty
 * line, then the readable body as UTF-8 with LF line ends (text/plain; else text/html as readable text; one line for
 * each attachment).  docs/filesystem.md shows it.  MIME_DERIVE_VERSION is kept beside every stored rendering; raise it
 * whenever the same message would render otherwise, and the old ones are made anew.
 */
#pragma once

#include "mime/source.h"

#include <glib.h>
#include <stdbool.h>

#define MIME_DERIVE_VERSION 1
#define MIME_TEXT_MAX_BYTES (8 * 1024 * 1024) /* of one rendering; what is beyond is replaced by a line that says so */
#define MIME_HEADER_MAX_BYTES (1024 * 1024)   /* of a header block that is looked at */

typedef struct {
	char *from;    /* display name, else address, of the first author; valid UTF-8; NULL if there is none */
	char *subject; /* decoded, valid UTF-8, unfolded; NULL if there is none */
	uint8_t header_sha256[32]; /* of the header block with the empty line behind it: the bytes of BODY[HEADER] */
	GString *text; /* NULL if it was not asked for */
} MimeDerived;

/* Once per process, from the first thread, before any other call of this layer. */
void mime_init(void);

/* Never fails: unknown charsets, broken encodings, truncated, nested or hostile messages degrade to what can be read;
 * bytes that are no text in any way become U+FFFD.  Memory is bounded (about MIME_TEXT_MAX_BYTES and a few MiB) however
 * large the message is.  An unreadable fd gives what was read before.  Any thread.  *derived_r needs no initialising. */
void mime_derive(const MimeSource *source, bool want_text, MimeDerived *derived_r);

void mime_derived_clear(MimeDerived *derived);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(MimeDerived, mime_derived_clear)

/* SHA-256 of a header block as FETCH BODY[HEADER] gives it: equal to header_sha256 of the whole message.
 */
void mime_header_hash(const uint8_t *header, size_t length, uint8_t sha256_r[32]);
