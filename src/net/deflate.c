#include "net/deflate.h"

#define ZLIB_CONST
#include <zlib.h>

#define CHUNK 16384
#define MAX_BARREN (1 << 20) /* compressed bytes in a row that may yield nothing (empty blocks) */

typedef struct {
	NetStream base;
	z_stream inflater, deflater;
	uint8_t compressed_in[CHUNK]; /* the inflater's input lies here */
	size_t barren; /* bytes consumed since the last one came out */
	bool more;     /* the last read was filled to the brim, so the inflater may hold more */
	bool ended;    /* the peer's deflate stream or the layer below has ended */
	uint8_t compressed_out[CHUNK];
	size_t out_start, out_end;
	bool unflushed; /* the deflater holds bytes that the peer cannot decode yet */
	bool flushing;  /* it has begun to give them out and must not be given others before it is done */
} Deflate;

/* Fills the inflater's input from the layer below. */
static NetResult
refill(Deflate *layer, GError **error)
{
	NetStream *below = layer->base.below;
	size_t n = 0;
	NetResult result = below->class->read(below, layer->compressed_in, CHUNK, &n, error);

	layer->inflater.next_in = layer->compressed_in;
	layer->inflater.avail_in = (uInt)n;
	layer->ended = result == NET_EOF;
	return result;
}

static bool
inflate_some(Deflate *layer, void *buffer, size_t size, size_t *n_r, GError **error)
{
	z_stream *inflater = &layer->inflater;
	uInt room = (uInt)MIN(size, (size_t)G_MAXINT), before = inflater->avail_in;
	int code;

	inflater->next_out = buffer;
	inflater->avail_out = room;
	code = inflate(inflater, Z_SYNC_FLUSH);
	if (code != Z_OK && code != Z_BUF_ERROR && code != Z_STREAM_END)
		return core_throw(error, CORE_ERROR_PROTOCOL, "the compressed data of the server are corrupt: %s",
		                  inflater->msg ? inflater->msg : zError(code));
	*n_r = room - inflater->avail_out;
	layer->more = inflater->avail_out == 0;
	layer->ended = code == Z_STREAM_END;
	layer->barren = *n_r > 0 ? 0 : layer->barren + before - inflater->avail_in;
	if (layer->barren > MAX_BARREN)
		return core_throw(error, CORE_ERROR_PROTOCOL, "the compressed data of the server hold nothing");
	return true;
}

static NetResult
deflate_read(NetStream *stream, void *buffer, size_t size, size_t *n_r, GError **error)
{
	Deflate *layer = (Deflate *)stream;

	while (!layer->ended) {
		if (layer->inflater.avail_in == 0 && !layer->more) {
			NetResult result = refill(layer, error);
			if (result != NET_DONE)
				return result;
		}

		size_t n = 0;
		if (!inflate_some(layer, buffer, size, &n, error))
			return NET_FAILED;
		if (n > 0) {
			stream->bytes_in += n;
			*n_r = n;
			return NET_DONE;
		}
	}
	return NET_EOF;
}

/* Gives the layer below what was compressed. */
static NetResult
drain(Deflate *layer, GError **error)
{
	NetStream *below = layer->base.below;

	while (layer->out_start < layer->out_end) {
		size_t n = 0;
		NetResult result = below->class->write(below, layer->compressed_out + layer->out_start,
		                                       layer->out_end - layer->out_start, &n, error);
		if (result != NET_DONE)
			return result;
		layer->out_start += n;
	}
	layer->out_start = layer->out_end = 0;
	return NET_DONE;
}

/* Compresses into the empty buffer.  True if there was room left: then all input was taken and, for a flush, all output
 * given (zlib.h). */
static bool
deflate_some(Deflate *layer, int flush)
{
	z_stream *deflater = &layer->deflater;

	deflater->next_out = layer->compressed_out;
	deflater->avail_out = CHUNK;
	if (deflate(deflater, flush) == Z_STREAM_ERROR)
		g_error("deflate: damaged state");
	layer->out_end = CHUNK - deflater->avail_out;
	return deflater->avail_out > 0;
}

/* Makes everything written decodable for the peer. */
static NetResult
sync_flush(Deflate *layer, GError **error)
{
	NetResult result = drain(layer, error);

	while (result == NET_DONE && layer->unflushed) {
		layer->flushing = layer->unflushed = !deflate_some(layer, Z_SYNC_FLUSH);
		result = drain(layer, error);
	}
	return result;
}

static NetResult
deflate_flush(NetStream *stream, GError **error)
{
	NetResult result = sync_flush((Deflate *)stream, error);

	return result == NET_DONE ? stream->below->class->flush(stream->below, error) : result;
}

static NetResult
deflate_write(NetStream *stream, const void *bytes, size_t length, size_t *n_r, GError **error)
{
	Deflate *layer = (Deflate *)stream;
	NetResult result = layer->flushing ? sync_flush(layer, error) : drain(layer, error);
	uInt offered = (uInt)MIN(length, (size_t)CHUNK);

	layer->deflater.next_in = bytes;
	layer->deflater.avail_in = offered;
	while (result == NET_DONE) {
		deflate_some(layer, Z_NO_FLUSH);
		layer->unflushed = true;
		*n_r = offered - layer->deflater.avail_in;
		if (*n_r > 0)
			break;
		result = drain(layer, error); /* older bytes came out instead */
	}
	layer->deflater.avail_in = 0;
	stream->bytes_out += result == NET_DONE ? *n_r : 0;
	return result;
}

static short
deflate_wants(const NetStream *stream, bool reading, bool writing)
{
	const Deflate *layer = (const Deflate *)stream;

	return stream->below->class->wants(stream->below, reading, writing || layer->out_start < layer->out_end);
}

static bool
deflate_pending(const NetStream *stream)
{
	const Deflate *layer = (const Deflate *)stream;

	return layer->inflater.avail_in > 0 || layer->more || stream->below->class->pending(stream->below);
}

static void
deflate_free(NetStream *stream)
{
	Deflate *layer = (Deflate *)stream;

	inflateEnd(&layer->inflater);
	deflateEnd(&layer->deflater);
	g_free(layer);
}

static const NetStreamClass deflate_class = {
	.name = "deflate",
	.read = deflate_read,
	.write = deflate_write,
	.flush = deflate_flush,
	.wants = deflate_wants,
	.pending = deflate_pending,
	.free = deflate_free,
};

NetStream *
net_deflate_new(NetStream *below)
{
	Deflate *layer = g_new0(Deflate, 1);

	net_stream_init(&layer->base, &deflate_class, below, below->fd, below->cancel);
	if (inflateInit2(&layer->inflater, -MAX_WBITS) != Z_OK ||
	    deflateInit2(&layer->deflater, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		g_error("zlib: out of memory");
	return &layer->base;
}
