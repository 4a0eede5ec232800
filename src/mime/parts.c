#include "mime/part-private.h"

#include <string.h>

/* A line is no boundary when it is longer; so that much of one has to be in the window. */
#define BOUNDARY_LINE_MAX_BYTES 1024

typedef struct {
	MimePart part;
	bool parted; /* a boundary was seen: the preamble is over */
} Frame;

typedef struct {
	MimeReader *reader;
	const MimePartEvents *events;
	void *user;
	Frame *frames; /* the open parts, outermost first */
	unsigned open, parts;
	unsigned over; /* how many of the open ones are one of which begin() said OVER, or inside such a one */
	bool stopped, too_many;
	uint64_t content_end; /* of the parts that are closed next */
	GString *header;
} Walk;

/* Which of the open multiparts the line at @line is a boundary of, from the innermost outwards. */
static Frame *
match_boundary(const Walk *walk, const uint8_t *line, size_t length, bool *closing_r)
{
	if (length < 3 || line[0] != '-' || line[1] != '-')
		return NULL;
	for (unsigned i = walk->open; i-- > 0;) {
		Frame *frame = &walk->frames[i];
		size_t n = frame->part.boundary ? strlen(frame->part.boundary) : 0;
		const uint8_t *p = line + 2 + n, *end = line + length;

		if (n == 0 || n + 2 > length || memcmp(line + 2, frame->part.boundary, n) != 0)
			continue;
		*closing_r = end - p >= 2 && p[0] == '-' && p[1] == '-';
		if (*closing_r)
			p += 2;
		while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
			p++;
		if (p == end)
			return frame;
	}
	return NULL;
}

/* The length of the line at @line, with its end, if it is whole (or as long as a boundary may be), else 0. */
static size_t
line_length(const uint8_t *line, size_t available, bool at_end)
{
	const uint8_t *newline = memchr(line, '\n', MIN(available, BOUNDARY_LINE_MAX_BYTES));

	if (newline)
		return (size_t)(newline + 1 - line);
	return at_end || available >= BOUNDARY_LINE_MAX_BYTES ? MIN(available, BOUNDARY_LINE_MAX_BYTES) : 0;
}

static void
tell_body(Walk *walk, const uint8_t *bytes, size_t length)
{
	Frame *top = &walk->frames[walk->open - 1];

	if (length == 0 || walk->over > 0 || walk->stopped || top->part.kind == MIME_PART_MESSAGE ||
	    (top->part.kind == MIME_PART_MULTIPART && top->parted))
		return;
	walk->stopped = walk->events->body(walk->user, &top->part, bytes, length) == MIME_WALK_STOP;
}

/* How much of @length bytes is left without the line end that may belong to a boundary. */
static size_t
without_line_end(const uint8_t *bytes, size_t length)
{
	if (length > 0 && bytes[length - 1] == '\n')
		length--;
	if (length > 0 && bytes[length - 1] == '\r')
		length--;
	return length;
}

/* Tells the body up to the next boundary line, notes where it ends, and goes behind that.  NULL: the message ended. */
static Frame *
read_body(Walk *walk, bool *closing_r)
{
	bool line_start = true; /* the byte at the position begins a line */

	while (!walk->stopped) {
		size_t length, scanned = 0;
		const uint8_t *bytes = mime_reader_window(walk->reader, &length);
		bool at_end = length < walk->reader->window_bytes;

		walk->content_end = walk->reader->position;
		if (length == 0)
			return NULL;
		while (scanned < length) {
			const uint8_t *line = bytes + scanned;
			size_t rest = length - scanned;

			if (line_start && line[0] == '-' && (rest == 1 || line[1] == '-')) {
				size_t n = line_length(line, rest, at_end);
				if (n == 0)
					break; /* the next window begins here */
				Frame *frame = match_boundary(walk, line, n, closing_r);
				if (frame) {
					size_t last = without_line_end(bytes, scanned);

					tell_body(walk, bytes, last);
					walk->content_end += last;
					walk->reader->position += scanned + n;
					return frame;
				}
			}
			const uint8_t *newline = memchr(line, '\n', rest);
			line_start = newline != NULL;
			scanned = newline ? (size_t)(newline + 1 - bytes) : length;
		}

		/* The line end before what may be a boundary is kept back, unless the message ends here. */
		size_t told = at_end && scanned == length ? scanned : without_line_end(bytes, scanned);
		g_assert(told > 0); /* a window holds more than a boundary line and two line ends */
		tell_body(walk, bytes, told);
		walk->reader->position += told;
		line_start = line_start && told == scanned;
	}
	return NULL;
}

/* Collects the header block at the position into walk->header and goes behind it.  A boundary line ends it too, and is
 * left for read_body(). */
static void
read_header(Walk *walk)
{
	bool line_start = true;

	g_string_truncate(walk->header, 0);
	for (;;) {
		size_t length;
		const uint8_t *bytes = mime_reader_window(walk->reader, &length);
		const uint8_t *newline = memchr(bytes, '\n', length);
		size_t n = newline ? (size_t)(newline + 1 - bytes) : length;
		bool closing;

		if (n == 0 || (line_start && match_boundary(walk, bytes, n, &closing)))
			return;
		walk->reader->position += n;
		if (line_start && newline && without_line_end(bytes, n) == 0)
			return;
		if (walk->header->len < MIME_PARTS_HEADER_MAX_BYTES)
			g_string_append_len(walk->header, (const char *)bytes, (gssize)n);
		line_start = newline != NULL;
	}
}

/* Opens the part whose header is at the position. */
static void
open_part(Walk *walk)
{
	uint64_t start = walk->reader->position;
	Frame *frame = &walk->frames[walk->open];
	MimePart *parent = walk->open > 0 ? &frame[-1].part : NULL;

	memset(frame, 0, sizeof *frame);
	frame->part.parent = parent;
	frame->part.depth = walk->open;
	read_header(walk);
	mime_headers_scan(walk->header->str, walk->header->len, &frame->part.headers);
	if (!frame->part.headers.any && walk->header->len > 0)
		walk->reader->position = start; /* a body without a header */
	frame->part.start = walk->content_end = walk->reader->position;
	mime_part_init(&frame->part, parent);
	walk->open++;
	walk->parts++;
	if (walk->over > 0) {
		walk->over++;
		return;
	}

	MimeWalk answer = walk->events->begin(walk->user, &frame->part);
	memset(&frame->part.headers, 0, sizeof frame->part.headers);
	walk->over = answer != MIME_WALK_INTO;
	walk->stopped = walk->stopped || answer == MIME_WALK_STOP;
}

static void
close_part(Walk *walk)
{
	Frame *frame = &walk->frames[--walk->open];

	frame->part.end = walk->content_end;
	if (walk->over <= 1)
		walk->events->end(walk->user, &frame->part);
	if (walk->over > 0)
		walk->over--;
	mime_part_clear(&frame->part);
}

bool
mime_parts_walk(MimeReader *reader, const MimePartEvents *events, void *user)
{
	Walk walk = { .reader = reader, .events = events, .user = user };
	Frame *frame;

	walk.frames = g_new(Frame, MIME_PARTS_DEPTH_MAX + 1);
	walk.header = g_string_sized_new(4096);
	reader->position = 0;
	do {
		bool closing = false;

		open_part(&walk);
		if (walk.frames[walk.open - 1].part.kind == MIME_PART_MESSAGE && !walk.stopped) {
			frame = &walk.frames[walk.open - 1];
			continue;
		}
		while ((frame = read_body(&walk, &closing))) {
			while (&walk.frames[walk.open - 1] != frame)
				close_part(&walk);
			frame->parted = true;
			walk.too_many = walk.too_many || (!closing && walk.parts >= MIME_PARTS_MAX);
			if (!closing && !walk.too_many)
				break;
		}
	} while (frame && !walk.stopped);
	while (walk.open > 0)
		close_part(&walk);
	g_string_free(walk.header, TRUE);
	g_free(walk.frames);
	return !walk.stopped && !walk.too_many;
}
