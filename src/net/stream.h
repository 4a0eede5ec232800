/* One interface over TCP, TLS and deflate: a byte stream with time-outs that another thread can stop.
 *
 * A stream belongs to one thread at a time.  Layers stack: net_tls_new() and net_deflate_new() take the stream below
 * and free it with themselves.  The methods never block: those who wait are net_stream_pump(), net_stream_listen(),
 * net_tcp_connect() and net_tls_new(), all of them with a time-out and until the stream's CoreCancel is
 * triggered.  SIGPIPE is never raised. */
#pragma once

#include "core/cancel.h"
#include "core/error.h"

#include <stdint.h>

typedef struct NetStream NetStream;

typedef enum {
	NET_DONE,  /* bytes moved */
	NET_AGAIN, /* nothing could be moved now: wait for what wants() says */
	NET_EOF,   /* the peer closed in good order (read only) */
	NET_FAILED /* *error is set; the stream can only be freed */
} NetResult;

/* What a layer implements.  read() and write() are given at least one byte or room for one; NET_DONE means that at least
 * one was moved.  What write() accepted is never given to it again. */
typedef struct {
	const char *name;
	NetResult (*read)(NetStream *stream, void *buffer, size_t size, size_t *n_r, GError **error);
	NetResult (*write)(NetStream *stream, const void *bytes, size_t length, size_t *n_r, GError **error);
	/* Pushes out what write() accepted and a layer still holds (deflate's sync flush); NET_DONE when nothing is left. */
	NetResult (*flush)(NetStream *stream, GError **error);
	/* poll() events for the descriptor after NET_AGAIN: POLLIN, POLLOUT or both, for what was asked (reading, writing). */
	short (*wants)(const NetStream *stream, bool reading, bool writing);
	bool (*pending)(const NetStream *stream); /* decoded bytes wait in memory, so poll() would sleep over them */
	void (*free)(NetStream *stream);          /* says goodbye if that needs no waiting; not the layers below */
} NetStreamClass;

/* The head of each layer's own structure. */
struct NetStream {
	const NetStreamClass *class;
	NetStream *below;    /* owned; NULL at the bottom */
	int fd;              /* of the TCP socket at the bottom, for poll() */
	CoreCancel *cancel;  /* a reference of its own; may be NULL */
	uint64_t bytes_in;   /* what passed through this layer, for figures */
	uint64_t bytes_out;
};

/* For layers.  Takes @below. */
void net_stream_init(NetStream *stream, const NetStreamClass *class, NetStream *below, int fd, CoreCancel *cancel);

/* Moves bytes in both directions at once until at least one byte was read, or all of @out was written and flushed.
 * So a peer that answers while we still write can never block us, nor we it.
 *
 * @out (may be NULL or empty): what was written is removed from its front.  When the call returns because it read
 * something, a layer may still hold some of that: the next call, with @out or without, pushes it on.
 * @buffer, @size: where to read; @n_read_r is 0 when nothing was read.  With size 0 it only writes.
 * @timeout_ms: how long without a byte on the wire in either direction; then CORE_ERROR_UNREACHABLE, "timed out …".
 *
 * What the peer sent before it broke the connection is read before the failure is told.
 * NET_DONE or NET_EOF or NET_FAILED (cancelled: CORE_ERROR_CANCELLED). */
NetResult net_stream_pump(NetStream *stream, GByteArray *out, void *buffer, size_t size, size_t *n_read_r,
                          int timeout_ms, GError **error);

#define NET_WAKE_MAX 8

/* As net_stream_pump(), for one that only listens, so silence is no failure: NET_AGAIN when nothing came for
 * @timeout_ms (-1: for ever), or as soon as one of @wake_fds (at most NET_WAKE_MAX; they are not read) is readable:
 * *woken_r. */
NetResult net_stream_listen(NetStream *stream, GByteArray *out, void *buffer, size_t size, size_t *n_read_r,
                            const int *wake_fds, size_t n_wake_fds, int timeout_ms, bool *woken_r, GError **error);

/* @on: when the socket is closed, by net_stream_free() or because the process ends in whatever way, the kernel throws away
 * what it has not delivered, and tells the peer so (RST); else it goes on delivering that for minutes.  A socket that is no
 * TCP socket stays as it is. */
void net_stream_set_abrupt(NetStream *stream, bool on);

void net_stream_free(NetStream *stream); /* with all layers below; closes the socket.  NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetStream, net_stream_free)
