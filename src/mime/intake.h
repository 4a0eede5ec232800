/* What a user wrote as a message, made ready for the server: line ends become CRLF (RFC 5322), and it is found out whether
 * it is a message at all. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
	uint64_t bytes;   /* that came out so far */
	/* private */
	uint8_t last;     /* of what came in */
	GByteArray *head; /* the beginning of what came out */
} MimeIntake;

void mime_intake_init(MimeIntake *intake);
void mime_intake_clear(MimeIntake *intake); /* harmless on zero */
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(MimeIntake, mime_intake_clear)

/* The next bytes, with CR before each LF that has none: appended to @out.  In pieces of any size. */
void mime_intake_feed(MimeIntake *intake, const uint8_t *bytes, size_t length, GByteArray *out);

/* Once all was fed: whether it begins with a header block that has From: or Date: (an mbox file does not: it would be sent
 * with all its messages as one), and that block's hash, as mime_header_hash(). */
bool mime_intake_is_message(const MimeIntake *intake);
/* Whether it begins with a field of any name, as all that programs hand on as mail does; an mbox "From " line may stand before. */
bool mime_intake_has_header(const MimeIntake *intake);
void mime_intake_hash(const MimeIntake *intake, uint8_t sha256_r[32]);
