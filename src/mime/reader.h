/* A window that slides over the bytes of a message, so that one of any size costs the memory of a window. */
#pragma once

#include "mime/source.h"

#include <stdbool.h>

#define MIME_WINDOW_BYTES (64 * 1024)
#define MIME_WINDOW_MIN_BYTES 2048

typedef struct {
	const MimeSource *source; /* borrowed */
	uint64_t position;        /* of the next byte, from the beginning of the message */
	size_t window_bytes;
	bool cr_lines;            /* lines end with a lone CR, shown as LF */
	/* private */
	uint8_t *buffer;
	uint64_t buffer_start;
	size_t buffer_length;
} MimeReader;

/* At most @length bytes from @position on, which with @length must lie in the source; fewer if they cannot be read. */
size_t mime_source_read(const MimeSource *source, uint64_t position, uint8_t *to, size_t length);

/* @window_bytes: MIME_WINDOW_BYTES; tests take less, but at least MIME_WINDOW_MIN_BYTES. */
void mime_reader_init(MimeReader *reader, const MimeSource *source, size_t window_bytes);
void mime_reader_clear(MimeReader *reader);

/* Sets cr_lines if the message begins with lines that end so: CRs, and no LF far and wide.  Goes to its beginning. */
void mime_reader_find_line_ends(MimeReader *reader);

/* The bytes from the position on: a whole window of them, fewer only before the end of the message (or of what can be
 * read of it); none at the end.  Valid until the next call.  Going on, or back, is setting the position. */
const uint8_t *mime_reader_window(MimeReader *reader, size_t *length_r);
