#include "net/stream.h"

#include "core/clock.h"
#include "net/wait.h"

#include <sys/socket.h>

/* One call of net_stream_pump() or net_stream_listen(). */
typedef struct {
	NetStream *stream;
	const uint8_t *out;
	size_t out_length, written;
	bool flushed;
	void *buffer;
	size_t size, n_read;
	bool listening; /* silence is no failure, and having written all is no end */
	const int *wake_fds;
	size_t n_wake_fds;
	bool woken;
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

/* Waits for what the stream wants, or for somebody who wakes.  1, 0 and -1 as net_wait(). */
static int
pump_wait(Pump *pump, bool writing, int64_t deadline_ms, GError **error)
{
	NetStream *stream = pump->stream;
	struct pollfd fds[NET_WAKE_MAX + 2] = {
		{ .fd = stream->fd, .events = stream->class->wants(stream, pump->size > 0, writing) },
	};

	for (size_t i = 0; i < pump->n_wake_fds; i++)
		fds[1 + i] = (struct pollfd){ .fd = pump->wake_fds[i], .events = POLLIN };
	int ready = net_wait(fds, 1 + pump->n_wake_fds, stream->cancel, deadline_ms, error);
	for (size_t i = 0; i < pump->n_wake_fds && ready > 0; i++)
		pump->woken |= fds[1 + i].revents != 0;
	return ready;
}

/* What the bytes that can be moved now lead to; NET_AGAIN: there are no more. */
static NetResult
pump_move(Pump *pump, bool until_written, bool *writing_r, GError **error)
{
	NetStream *stream = pump->stream;
	g_autoptr(GError) write_error = NULL;
	NetResult out = pump_out(pump, &write_error), in = NET_AGAIN;

	*writing_r = out == NET_AGAIN;
	if (pump->size > 0)
		in = stream->class->read(stream, pump->buffer, pump->size, &pump->n_read, out == NET_FAILED ? NULL : error);
	if (in == NET_DONE)
		return NET_DONE; /* even if writing failed: a server that hangs up says why first */
	if (out == NET_FAILED) {
		g_propagate_error(error, g_steal_pointer(&write_error));
		return NET_FAILED;
	}
	return in == NET_AGAIN && out == NET_DONE && until_written ? NET_DONE : in;
}

static NetResult
pump_run(Pump *pump, int timeout_ms, GError **error)
{
	NetStream *stream = pump->stream;
	bool until_written = !pump->listening && (pump->out_length > 0 || pump->size == 0);
	uint64_t moved_before = moved(stream);
	int64_t deadline_ms = timeout_ms < 0 ? INT64_MAX : core_clock_ms() + timeout_ms;

	for (bool waited = false;; waited = true) {
		bool writing;

		if (!core_cancel_check(stream->cancel, error))
			return NET_FAILED;
		NetResult result = pump_move(pump, until_written, &writing, error);
		if (result != NET_AGAIN || pump->woken)
			return result;
		if (pump->listening && waited && core_clock_ms() >= deadline_ms)
			return NET_AGAIN; /* though bytes may go on to trickle in, of which nothing can be read yet */

		if (!pump->listening && moved(stream) != moved_before) {
			moved_before = moved(stream);
			deadline_ms = core_clock_ms() + timeout_ms;
		}
		int ready = pump_wait(pump, writing, deadline_ms, error);
		if (ready < 0)
			return NET_FAILED;
		if (ready == 0 && pump->listening)
			return NET_AGAIN;
		if (ready == 0) {
			core_throw(error, CORE_ERROR_UNREACHABLE, "timed out after %g s", timeout_ms / 1000.0);
			return NET_FAILED;
		}
	}
}

static NetResult
pump(Pump *pump, GByteArray *out, size_t *n_read_r, int timeout_ms, GError **error)
{
	pump->out = out ? out->data : NULL;
	pump->out_length = out ? out->len : 0;
	NetResult result = pump_run(pump, timeout_ms, error);

	if (pump->written > 0)
		g_byte_array_remove_range(out, 0, (guint)pump->written);
	if (n_read_r)
		*n_read_r = pump->n_read;
	return result;
}

NetResult
net_stream_pump(NetStream *stream, GByteArray *out, void *buffer, size_t size, size_t *n_read_r, int timeout_ms,
                GError **error)
{
	return pump(&(Pump){ .stream = stream, .buffer = buffer, .size = size }, out, n_read_r, timeout_ms, error);
}

NetResult
net_stream_listen(NetStream *stream, GByteArray *out, void *buffer, size_t size, size_t *n_read_r,
                  const int *wake_fds, size_t n_wake_fds, int timeout_ms, bool *woken_r, GError **error)
{
	Pump listening = {
		.stream = stream,
		.buffer = buffer,
		.size = size,
		.listening = true,
		.wake_fds = wake_fds,
		.n_wake_fds = n_wake_fds,
	};

	g_return_val_if_fail(n_wake_fds <= NET_WAKE_MAX, NET_FAILED);
	NetResult result = pump(&listening, out, n_read_r, timeout_ms, error);
	*woken_r = listening.woken;
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
net_stream_set_abrupt(NetStream *stream, bool on)
{
	struct linger linger = { .l_onoff = on, .l_linger = 0 };

	setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
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
