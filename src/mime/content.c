#include "mime/content.h"

#include "mime/reader.h"

#include <string.h>

#define BLOCK_BYTES (24 * 1024) /* of the message, read at once */

/* Decoding under way. */
typedef struct {
	const MimeSource *message;
	const MimeContent *content;
	MimeDecoder decoder;
	uint64_t encoded, decoded; /* how much has been taken and given */
	uint64_t block_start;      /* of block, in the content */
	size_t block_length, out_length;
	uint8_t block[BLOCK_BYTES];
	uint8_t out[MIME_TRANSFER_OUT_BYTES]; /* what the last step gave */
} Decoding;

static void
begin_at(Decoding *decoding, const MimeSource *message, const MimeContent *content, MimeCheckpoint at)
{
	memset(decoding, 0, offsetof(Decoding, block));
	decoding->message = message;
	decoding->content = content;
	decoding->encoded = decoding->block_start = at.encoded;
	decoding->decoded = at.decoded;
	mime_decoder_init(&decoding->decoder, content->transfer, at.encoded > 0);
}

static bool
fill_block(Decoding *decoding, GError **error)
{
	const MimeContent *content = decoding->content;
	size_t length = (size_t)MIN(content->length - decoding->encoded, sizeof decoding->block);

	decoding->block_start = decoding->encoded;
	decoding->block_length = mime_source_read(decoding->message, content->start + decoding->encoded, decoding->block,
	                                          length);
	return decoding->block_length == length || core_throw(error, CORE_ERROR_IO, "a message cannot be read to its end");
}

/* Decodes at most @most bytes more into out; behind the last one, what is left then. */
static bool
step(Decoding *decoding, size_t most, GError **error)
{
	size_t used = (size_t)(decoding->encoded - decoding->block_start);

	if (decoding->encoded == decoding->content->length) {
		decoding->out_length = mime_decoder_finish(&decoding->decoder, decoding->out);
	} else {
		if (used == decoding->block_length) {
			if (!fill_block(decoding, error))
				return false;
			used = 0;
		}
		size_t length = MIN(decoding->block_length - used, most);
		decoding->out_length = mime_decoder_feed(&decoding->decoder, decoding->block + used, length, decoding->out);
		decoding->encoded = decoding->decoder.ended ? decoding->content->length : decoding->encoded + length;
	}
	decoding->decoded += decoding->out_length;
	return true;
}

static void
note_checkpoint(const Decoding *decoding, uint64_t spacing, uint64_t *next, GArray *checkpoints)
{
	unsigned back;

	if (!mime_decoder_is_clean(&decoding->decoder, &back) || decoding->encoded < *next + back)
		return;
	MimeCheckpoint here = { decoding->encoded - back, decoding->decoded };
	g_array_append_val(checkpoints, here);
	*next = here.encoded + spacing;
}

/* Up to where a checkpoint is due; from there byte by byte to where there can be one. */
static size_t
next_length(const Decoding *decoding, uint64_t due)
{
	if (decoding->content->transfer == MIME_TRANSFER_UU && !decoding->decoder.found)
		return MIME_TRANSFER_PIECE_BYTES;
	return due > decoding->encoded ? (size_t)MIN(due - decoding->encoded, MIME_TRANSFER_PIECE_BYTES) : 1;
}

static bool
measure(Decoding *decoding, uint64_t spacing, GArray *checkpoints, GByteArray *head, unsigned head_bytes,
        GError **error)
{
	uint64_t next = spacing, length = decoding->content->length;

	while (decoding->encoded < length) {
		if (!step(decoding, next_length(decoding, next), error))
			return false;
		if (head && head->len < head_bytes)
			g_byte_array_append(head, decoding->out, (guint)MIN(decoding->out_length, head_bytes - head->len));
		if (decoding->encoded < length)
			note_checkpoint(decoding, spacing, &next, checkpoints);
	}
	if (!step(decoding, 1, error))
		return false;
	if (head && head->len < head_bytes)
		g_byte_array_append(head, decoding->out, (guint)MIN(decoding->out_length, head_bytes - head->len));
	return true;
}

bool
mime_content_measure(const MimeSource *message, MimeContent *content, uint64_t spacing, GArray *checkpoints,
                     GByteArray *head, unsigned head_bytes, GError **error)
{
	Decoding decoding;

	if (content->transfer != MIME_TRANSFER_AS_IS) {
		begin_at(&decoding, message, content, (MimeCheckpoint){ 0, 0 });
		if (!measure(&decoding, spacing, checkpoints, head, head_bytes, error))
			return false;
		if (content->transfer != MIME_TRANSFER_UU || decoding.decoder.found) {
			content->size = decoding.decoded;
			return true;
		}
	}
	content->transfer = MIME_TRANSFER_AS_IS;
	content->size = content->length;
	if (!head)
		return true;
	g_byte_array_set_size(head, (guint)MIN(content->length, head_bytes));
	return mime_source_read(message, content->start, head->data, head->len) == head->len ||
	       core_throw(error, CORE_ERROR_IO, "a message cannot be read to its end");
}

/* The last checkpoint that is not behind @offset. */
static MimeCheckpoint
find_checkpoint(const MimeContent *content, uint64_t offset)
{
	unsigned low = 0, high = content->n_checkpoints;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (content->checkpoints[middle].decoded <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? content->checkpoints[low - 1] : (MimeCheckpoint){ 0, 0 };
}

static bool
decode_range(const MimeSource *message, const MimeContent *content, uint8_t *to, size_t size, uint64_t offset,
             GError **error)
{
	Decoding decoding;
	uint64_t end = offset + size;

	begin_at(&decoding, message, content, find_checkpoint(content, offset));
	while (decoding.decoded < end) {
		bool last = decoding.encoded == content->length;
		uint64_t before = decoding.decoded;

		if (!step(&decoding, MIME_TRANSFER_PIECE_BYTES, error))
			return false;
		uint64_t from = MAX(before, offset), upto = MIN(decoding.decoded, end);
		if (from < upto)
			memcpy(to + (from - offset), decoding.out + (from - before), (size_t)(upto - from));
		if (last && decoding.decoded < end)
			return core_throw(error, CORE_ERROR_IO, "a part of a message is shorter than it was");
	}
	return true;
}

bool
mime_content_read(const MimeSource *message, const MimeContent *content, void *buffer, size_t size, uint64_t offset,
                  size_t *n_r, GError **error)
{
	size_t n = offset < content->size ? (size_t)MIN(content->size - offset, size) : 0;

	if (n > 0 && content->transfer != MIME_TRANSFER_AS_IS) {
		if (!decode_range(message, content, buffer, n, offset, error))
			return false;
	} else if (n > 0 && mime_source_read(message, content->start + offset, buffer, n) != n) {
		return core_throw(error, CORE_ERROR_IO, "a message cannot be read to its end");
	}
	*n_r = n;
	return true;
}
