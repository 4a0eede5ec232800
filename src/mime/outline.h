/* What parts/ shows of a message: a small tree of its parts as files, without a copy of any.
 *
 *   - Leaves are files.  Multiparts are transparent.  A message in the message is a folder, named by its subject, else
 *     by its file name, and holds the message itself, byte for byte as message.eml, and its parts;
 *     MIME_OUTLINE_NESTED_MAX of them inside each other, a deeper one is a file.
 *   - The content is what the transfer encoding holds (transfer.h), in the charset it came in.  The one exception: a
 *     text/html body whose charset only the header names begins with a <meta> that names it, or no browser would show
 *     it right.
 *   - A file has the name that its sender gave it, made safe (name.h); a text/plain or text/html body without one is
 *     body.txt or body.html, others are part-N.EXT.  Names are unique in their folder, also where case does not count:
 *     "name (2).ext".
 *   - A multipart without any boundary is a text, as it stands.
 *
 * MIME_OUTLINE_VERSION is kept beside every stored outline; raise it whenever the same message would have another.
 */
#pragma once

#include "mime/content.h"

#define MIME_OUTLINE_VERSION 1
#define MIME_OUTLINE_ENTRIES_MAX 1000   /* of one message; what is behind them is left out */
#define MIME_OUTLINE_NESTED_MAX 8       /* folders inside each other */
#define MIME_OUTLINE_CHECKPOINTS_MAX 4096 /* of one message, about: they stand farther apart in a huge one */
#define MIME_OUTLINE_CHECKPOINT_BYTES (64 * 1024)
#define MIME_OUTLINE_TOP UINT16_MAX     /* the parent of what is in no folder */

typedef struct {
	uint16_t parent;      /* index of a folder before it, or MIME_OUTLINE_TOP */
	bool folder;
	const char *name;     /* as name.h makes it; at most MIME_NAME_CANONICAL_MAX_BYTES */
	const char *type;     /* "image/png", in lower case */
	const char *charset;  /* of the <meta> before the content, else "" */
	uint64_t size;        /* of the file: exactly what mime_outline_read() gives */
	MimeContent content;  /* of a file; its checkpoints are taken from the outline's when it is read */
	unsigned first_checkpoint, n_checkpoints;
} MimeEntry;

typedef struct {
	unsigned n_entries;
	const MimeEntry *entries; /* in the order of the message; a folder stands before what is in it */
	/* private */
	GArray *entry_array, *checkpoints;
	GStringChunk *strings;
} MimeOutline;

/* In one pass over the message and one more over what is encoded, in memory bounded by the number of entries.  NULL: it
 * cannot be read to its end (CORE_ERROR_IO).  @window_bytes as for mime_reader_init().  Any thread. */
MimeOutline *mime_outline_new(const MimeSource *message, size_t window_bytes, GError **error);
void mime_outline_free(MimeOutline *outline);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MimeOutline, mime_outline_free)

/* A part of the file that the entry @index is, as pread(): *n_r is 0 at its end.  CORE_ERROR_IO: @message cannot be
 * read, or is not the one of which the outline was made. */
bool mime_outline_read(const MimeOutline *outline, unsigned index, const MimeSource *message, void *buffer, size_t size,
                       uint64_t offset, size_t *n_r, GError **error);

/* To be kept, and taken back.  NULL: it is no outline of this version, or not one of a message of @message_length bytes.
 * What is taken back is safe to use, whatever @bytes are. */
GByteArray *mime_outline_pack(const MimeOutline *outline);
MimeOutline *mime_outline_unpack(const uint8_t *bytes, size_t length, uint64_t message_length);
