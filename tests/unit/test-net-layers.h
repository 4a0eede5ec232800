/* For the tests of src/net: pairs of connected streams, and a layer that makes everything awkward. */
#pragma once

#include "net/stream.h"
#include "net/tcp.h"

#include <sys/socket.h>

#define TEST_TIMEOUT_MS 60000 /* for what must not time out */

static inline void
test_pair(int fds[2])
{
	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
}

/* Moves one byte a call, and every other call nothing at all. */
typedef struct {
	NetStream base;
	bool read_turn, write_turn;
} TestDribble;

static inline NetResult
test_dribble_read(NetStream *stream, void *buffer, size_t size, size_t *n_r, GError **error)
{
	TestDribble *dribble = (TestDribble *)stream;

	dribble->read_turn = !dribble->read_turn;
	return dribble->read_turn ? NET_AGAIN : stream->below->class->read(stream->below, buffer, 1, n_r, error);
}

static inline NetResult
test_dribble_write(NetStream *stream, const void *bytes, size_t length, size_t *n_r, GError **error)
{
	TestDribble *dribble = (TestDribble *)stream;

	dribble->write_turn = !dribble->write_turn;
	return dribble->write_turn ? NET_AGAIN : stream->below->class->write(stream->below, bytes, 1, n_r, error);
}

static inline NetResult
test_dribble_flush(NetStream *stream, GError **error)
{
	return stream->below->class->flush(stream->below, error);
}

static inline short
test_dribble_wants(const NetStream *stream, bool reading, bool writing)
{
	return stream->below->class->wants(stream->below, reading, writing);
}

static inline bool
test_dribble_pending(const NetStream *stream)
{
	return stream->below->class->pending(stream->below);
}

static inline void
test_dribble_free(NetStream *stream)
{
	g_free(stream);
}

static inline NetStream *
test_dribble_new(NetStream *below)
{
	static const NetStreamClass class = {
		.name = "dribble",
		.read = test_dribble_read,
		.write = test_dribble_write,
		.flush = test_dribble_flush,
		.wants = test_dribble_wants,
		.pending = test_dribble_pending,
		.free = test_dribble_free,
	};
	TestDribble *dribble = g_new0(TestDribble, 1);

	net_stream_init(&dribble->base, &class, below, below->fd, below->cancel);
	return &dribble->base;
}

/* Bytes that do not repeat soon; every @seed gives others. */
static inline GByteArray *
test_noise(size_t length, uint32_t seed)
{
	GByteArray *bytes = g_byte_array_sized_new((guint)length);

	g_byte_array_set_size(bytes, (guint)length);
	for (size_t i = 0; i < length; i++) {
		seed = seed * 1664525 + 1013904223;
		bytes->data[i] = (uint8_t)(seed >> 24);
	}
	return bytes;
}

static inline void
test_assert_same(const GByteArray *bytes, const GByteArray *wanted)
{
	g_assert_cmpmem(bytes->data, bytes->len, wanted->data, wanted->len);
}

/* Sends all of @out while it receives exactly @expected bytes. */
static inline GByteArray *
test_exchange(NetStream *stream, const GByteArray *out, size_t expected)
{
	g_autoptr(GByteArray) left = g_byte_array_new();
	GByteArray *received = g_byte_array_new();
	static const size_t size = 30000;
	g_autofree uint8_t *buffer = g_malloc(size);

	if (out)
		g_byte_array_append(left, out->data, out->len);
	while (left->len > 0 || received->len < expected) {
		g_autoptr(GError) error = NULL;
		size_t n = 0;
		NetResult result = net_stream_pump(stream, left, buffer, MIN(size, expected - received->len), &n, TEST_TIMEOUT_MS,
		                                   &error);
		g_assert_no_error(error);
		g_assert_cmpint(result, ==, NET_DONE);
		g_byte_array_append(received, buffer, (guint)n);
	}
	/* The last call may have returned for what it read. */
	g_assert_cmpint(net_stream_pump(stream, NULL, NULL, 0, NULL, TEST_TIMEOUT_MS, NULL), ==, NET_DONE);
	return received;
}

/* Reads until the stream ends or fails, at most @size bytes a call.  Returns how it ended. */
static inline NetResult
test_read_all(NetStream *stream, size_t size, GByteArray *received, GError **error)
{
	g_autofree uint8_t *buffer = g_malloc(size);

	for (;;) {
		size_t n = 0;
		NetResult result = net_stream_pump(stream, NULL, buffer, size, &n, TEST_TIMEOUT_MS, error);

		g_assert_cmpuint(n, <=, size);
		if (result != NET_DONE)
			return result;
		g_assert_cmpuint(n, >, 0);
		g_byte_array_append(received, buffer, (guint)n);
	}
}
