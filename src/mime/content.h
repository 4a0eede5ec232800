/* The content of one part, decoded in any range of it from where it stands in the message: nothing of it is kept but
 * places where decoding can begin.  What reading gives is what was measured, since both decode alike.
 */
#pragma once

#include "core/error.h"
#include "mime/source.h"
#include "mime/transfer.h"

/* A decoder begins at @encoded (from the beginning of the content) with the byte @decoded. */
typedef struct {
	uint64_t encoded, decoded;
} MimeCheckpoint;

typedef struct {
	MimeTransfer transfer;
	uint64_t start, length;      /* as it stands in the message */
	uint64_t size;               /* decoded */
	const MimeCheckpoint *checkpoints; /* borrowed; ascending, none at the beginning */
	unsigned n_checkpoints;
} MimeContent;

/* Decodes it once: sets the size, and appends checkpoints (MimeCheckpoint) to @checkpoints, @spacing encoded bytes apart
 * or a little more.  What says that it is uuencoded but has no "begin" becomes MIME_TRANSFER_AS_IS.  @head (or NULL) gets
 * the first bytes, at most @head_bytes.  False: the message cannot be read (CORE_ERROR_IO). */
bool mime_content_measure(const MimeSource *message, MimeContent *content, uint64_t spacing, GArray *checkpoints,
                          GByteArray *head, unsigned head_bytes, GError **error);

/* Fills @buffer from @offset on unless the content ends before.  False: the message cannot be read, or it is not the one
 * whose content was measured (CORE_ERROR_IO).  Takes 64 KiB of stack. */
bool mime_content_read(const MimeSource *message, const MimeContent *content, void *buffer, size_t size,
                       uint64_t offset, size_t *n_r, GError **error);
