#include "net/stream.h"

#include "core/clock.h"
#include "net/wait.h"

/* One call of net_stream_pump(). */
typedef struct {
	NetStream *stream;
	const uint8_t *out;
	size_t out_length, written;
	bool flushed;
	void *buffer;
	size_t size, n_read;
} Pump;

/* Writes or, once all is written, flushes.  NET_DONE when there is nothing left to do. */
static NetResult
pump_out(Pump *pump, GError **error)
{
	NetStream *stream = pump->stream;

	while (pump->written < pump->out_length) {
		size_t n = 0;
		NetResult result = stream->class->write(stream, pump->out + pump->written, pump->out_length - pump->written, &n,
		                                        error);
		if (result != NET_DONE)
			return result;
		pump->written += n;
	}
	if (!pump->flushed) {
		NetResult result = stream->class->flush(stream, error);
		if (result != NET_DONE)
			return result;
		pump->flushed = true;
	}
	return NET_DONE;
}

/* How many bytes the socket has moved: what tells a slow peer from a silent one. */
static uint64_t
moved(const NetStream *stream)
{
	while (stream->below)
		stream = stream->below;
	return stream->bytes_in + stream->bytes_out;
}

static NetResult
pump_run(Pump *pump, int timeout_ms, GError **error)
{
	NetStream *stream = pump->stream;
	bool until_written = pump->out_length > 0 || pump->size == 0;
	uint64_t moved_before = moved(stream);
	int64_t deadline_ms = core_clock_ms() + timeout_ms;

	for (;;) {
		g_autoptr(GError) write_error = NULL;
		NetResult out, in = NET_AGAIN;

		if (!core_cancel_check(stream->cancel, error))
			return NET_FAILED;
		out = pump_out(pump, &write_error);
		if (pump->size > 0)
			in = stream->class->read(stream, pump->buffer, pump->size, &pump->n_read, out == NET_FAILED ? NULL : error);
		if (in == NET_DONE)
			return NET_DONE; /* even if writing failed: a server that hangs up says why first */
		if (out == NET_FAILED) {
			g_propagate_error(error, g_steal_pointer(&write_error));
			return NET_FAILED;
		}
		if (in != NET_AGAIN)
			return in;
		if (out == NET_DONE && until_written)
			return NET_DONE;

		if (moved(stream) != moved_before) {
			moved_before = moved(stream);
			deadline_ms = core_clock_ms() + timeout_ms;
		}
		struct pollfd fds[2] = {
			{ .fd = stream->fd, .events = stream->class->wants(stream, pump->size > 0, out == NET_AGAIN) },
		};
		int ready = net_wait(fds, 1, stream->cancel, deadline_ms, error);
		if (ready == 0)
			core_throw(error, CORE_ERROR_UNREACHABLE, "timed out after %g s", timeout_ms / 1000.0);
		if (ready <= 0)
			return NET_FAILED;
	}
}

NetResult
net_stream_pump(NetStream *stream, GByteArray *out, void *buffer, size_t size, size_t *n_read_r, int timeout_ms,
                GError **error)
{
	Pump pump = {
		.stream = stream,
		.out = out ? out->data : NULL,
		.out_length = out ? out->len : 0,
		.buffer = buffer,
		.size = size,
	};
	NetResult result = pump_run(&pump, timeout_ms, error);

	if (pump.written > 0)
		g_byte_array_remove_range(out, 0, (guint)pump.written);
	if (n_read_r)
		*n_read_r = pump.n_read;
	return result;
}

void
net_stream_init(NetStream *stream, const NetStreamClass *class, NetStream *below, int fd, CoreCancel *cancel)
{
	*stream = (NetStream){
		.class = class,
		.below = below,
		.fd = fd,
		.cancel = cancel ? core_cancel_ref(cancel) : NULL,
	};
}

void
net_stream_free(NetStream *stream)
{
	if (!stream)
		return;

	NetStream *below = stream->below;
	CoreCancel *cancel = stream->cancel;
	stream->class->free(stream);
	core_cancel_unref(cancel);
	net_stream_free(below);
}
