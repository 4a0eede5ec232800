/* The parts of a message (RFC 2045, 2046), in one pass and in bounded memory.
 *
 * GMime's parser builds a tree of all there is: 6 MB of empty parts cost it 1.3 GB (measured), and a header of any size
 * is held in memory.  So the splitting is done here, without recursion, on a window of the message; GMime parses the
 * content fields of each part and decodes transfer encodings.
 */
#pragma once

#include "mime/headers.h"
#include "mime/reader.h"

#include <gmime/gmime.h>

#define MIME_PARTS_MAX 20000             /* in one message; of those behind nothing is told */
#define MIME_PARTS_DEPTH_MAX 64          /* of multiparts and messages inside each other; a deeper one is a leaf */
#define MIME_PARTS_HEADER_MAX_BYTES (1024 * 1024) /* of one header block that is looked at */

typedef enum {
	MIME_PART_LEAF,
	MIME_PART_MULTIPART,
	MIME_PART_MESSAGE, /* message/rfc822; its one child is the message */
} MimePartKind;

typedef struct MimePart MimePart;
struct MimePart {
	const MimePart *parent; /* NULL: the message itself */
	unsigned depth;         /* the number of its ancestors, at most MIME_PARTS_DEPTH_MAX */
	MimePartKind kind;
	MimeHeaders headers;    /* valid during begin() only */
	char type[64];          /* "text/plain", in lower case; what the part is to be taken for */
	GMimeContentType *content_type;             /* NULL: none, or none that can be read */
	GMimeContentDisposition *disposition;       /* the same */
	GMimeContentEncoding encoding;
	char *boundary;
	uint64_t start, end;    /* where its content stands in the message; the end is valid during end() only */
};

typedef enum { MIME_WALK_INTO, MIME_WALK_OVER, MIME_WALK_STOP } MimeWalk;

/* Calls come in the order of the message; begin and end nest. */
typedef struct {
	/* The header was read.  OVER: nothing inside is wanted, only end(). */
	MimeWalk (*begin)(void *user, const MimePart *part);
	/* Of a leaf: its content as it stands, without the line end before a boundary.  Of a multipart: what stands before
	 * the first boundary (a multipart without any boundary line is all preamble). */
	MimeWalk (*body)(void *user, const MimePart *part, const uint8_t *bytes, size_t length);
	void (*end)(void *user, const MimePart *part);
} MimePartEvents;

/* Walks over the message from its beginning.  False if there were too many parts, or an event said STOP; every part
 * that began has ended, though after a STOP not where its content does. */
bool mime_parts_walk(MimeReader *reader, const MimePartEvents *events, void *user);

/* Of a disposition or a content type, decoded; one line; NULL if there is none.  g_free() it. */
char *mime_part_file_name(const MimePart *part);

/* The parameter of the content type, or NULL. */
const char *mime_part_parameter(const MimePart *part, const char *name);
