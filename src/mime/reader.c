#include "mime/reader.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#define LINE_ENDS_MAX_BYTES (1024 * 1024) /* of the beginning, where they are looked for: the longest header */

void
mime_reader_init(MimeReader *reader, const MimeSource *source, size_t window_bytes)
{
	memset(reader, 0, sizeof *reader);
	reader->source = source;
	reader->window_bytes = window_bytes;
}

void
mime_reader_clear(MimeReader *reader)
{
	g_clear_pointer(&reader->buffer, g_free);
}

size_t
mime_source_read(const MimeSource *source, uint64_t position, uint8_t *to, size_t length)
{
	size_t done = 0;

	if (length == 0) /* then there may be no memory either */
		return 0;
	if (source->bytes) {
		memcpy(to, source->bytes + position, length);
		return length;
	}
	while (done < length) {
		ssize_t n = pread(source->fd, to + done, length - done, (off_t)(source->offset + position + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}

/* Fills the buffer with a window from the position on, keeping what it has of that already. */
static void
slide(MimeReader *reader)
{
	uint64_t end = reader->buffer_start + reader->buffer_length;
	size_t size = (size_t)MIN(reader->source->length, 2 * reader->window_bytes); /* so that small steps do not move much */
	size_t kept = 0;

	if (!reader->buffer)
		reader->buffer = g_malloc(size);
	if (reader->position >= reader->buffer_start && reader->position < end) {
		kept = (size_t)(end - reader->position);
		memmove(reader->buffer, reader->buffer + (reader->position - reader->buffer_start), kept);
	}
	reader->buffer_start = reader->position;
	reader->buffer_length = kept;

	uint64_t rest = reader->source->length - reader->position;
	size_t wanted = (size_t)MIN(rest, size);
	size_t got = mime_source_read(reader->source, reader->position + kept, reader->buffer + kept, wanted - kept);
	if (reader->cr_lines) {
		for (size_t i = kept; i < kept + got; i++) {
			if (reader->buffer[i] == '\r')
				reader->buffer[i] = '\n';
		}
	}
	reader->buffer_length += got;
}

const uint8_t *
mime_reader_window(MimeReader *reader, size_t *length_r)
{
	const MimeSource *source = reader->source;
	size_t length = 0;

	if (reader->position < source->length)
		length = (size_t)MIN(source->length - reader->position, reader->window_bytes);
	*length_r = length;
	if (length == 0)
		return (const uint8_t *)"";
	if (source->bytes && !reader->cr_lines)
		return source->bytes + reader->position;
	if (reader->position < reader->buffer_start ||
	    reader->position + length > reader->buffer_start + reader->buffer_length)
		slide(reader);
	*length_r = MIN(length, reader->buffer_length - (size_t)(reader->position - reader->buffer_start));
	return reader->buffer + (reader->position - reader->buffer_start);
}

void
mime_reader_find_line_ends(MimeReader *reader)
{
	bool any_cr = false, any_lf = false;
	size_t length = 1;

	reader->cr_lines = false;
	reader->position = 0;
	while (length > 0 && !any_lf && reader->position < LINE_ENDS_MAX_BYTES) {
		const uint8_t *bytes = mime_reader_window(reader, &length);

		any_lf = memchr(bytes, '\n', length);
		any_cr = any_cr || memchr(bytes, '\r', length);
		reader->position += length;
	}
	reader->position = 0;
	if (any_lf || !any_cr)
		return;
	reader->cr_lines = true;
	reader->buffer_length = 0; /* what is there has the CRs still */
}
