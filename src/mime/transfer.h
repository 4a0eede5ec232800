/* Content-Transfer-Encoding decoded (RFC 2045, 6; uuencode: POSIX), in pieces cut anywhere, and from the middle.
 *
 * GMime's decoders look back from the end of each piece for padding, so what they make depends on where pieces end; and
 * a file that is read in any order needs places in the middle from which decoding can begin.  Exact and lenient:
 *   - base64: what is not of its alphabet is passed over.  Padding ends a group and not the content, since some send
 *     pieces one behind the other, each padded; at the end it may be missing.
 *   - quoted-printable: "=" and what is no hexadecimal number stay as they are.  Blanks before a line end, and before
 *     the end of the content, go (of a longer run than MIME_TRANSFER_HELD_MAX_BYTES, the last); so does a line end behind
 *     "=" with or without blanks.  Other line ends stay as they are.
 *   - uuencode: one file, from its "begin" to its "end" or as far as there is something.  What is missing in a line is
 *     zero, as a lost blank would be.
 *   - the others: as it is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
	MIME_TRANSFER_AS_IS,
	MIME_TRANSFER_BASE64,
	MIME_TRANSFER_QUOTED,
	MIME_TRANSFER_UU,
	MIME_TRANSFER_COUNT
} MimeTransfer;

#define MIME_TRANSFER_PIECE_BYTES 1024 /* the most that one call takes */
#define MIME_TRANSFER_HELD_MAX_BYTES 256
#define MIME_TRANSFER_LINE_MAX_BYTES 86 /* of uuencode: the number, 63 bytes in groups of four characters, one more */
/* The most that comes of it. */
#define MIME_TRANSFER_OUT_BYTES (32 * MIME_TRANSFER_PIECE_BYTES + MIME_TRANSFER_HELD_MAX_BYTES)

typedef struct {
	MimeTransfer transfer;
	bool found;           /* uuencode: its "begin" has come */
	bool ended;           /* and its end */
	/* private */
	bool after_soft_cr;   /* quoted-printable: "=" CR was passed over, and so is an LF behind it */
	uint8_t group, pads;  /* base64: how many characters of a group there are, and "=" behind them */
	uint32_t bits;
	unsigned held_length; /* what may yet be passed over (quoted-printable), or be a whole line (uuencode) */
	uint8_t held[MIME_TRANSFER_HELD_MAX_BYTES];
} MimeDecoder;

/* @inside: not at the beginning of the content but where another decoder of it was clean. */
void mime_decoder_init(MimeDecoder *decoder, MimeTransfer transfer, bool inside);

/* Decodes at most MIME_TRANSFER_PIECE_BYTES; returns how many bytes were written to @out, which has room for
 * MIME_TRANSFER_OUT_BYTES. */
size_t mime_decoder_feed(MimeDecoder *decoder, const uint8_t *bytes, size_t length, uint8_t *out);

/* The content ends here: what is left, likewise. */
size_t mime_decoder_finish(MimeDecoder *decoder, uint8_t *out);

/* Whether a new decoder (@inside) could go on from *back_r bytes before here, and write what this one will. */
bool mime_decoder_is_clean(const MimeDecoder *decoder, unsigned *back_r);
