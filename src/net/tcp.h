/* TCP connections by happy eyeballs (RFC 8305). */
#pragma once

#include "net/stream.h"

/* Resolves @host and tries all its addresses, families interleaved, a new attempt every 250 ms or as soon as one
 * fails; the first that answers wins.  Blocks for at most @timeout_ms, name resolution included, and returns at once
 * when @cancel is triggered (a resolver that hangs is left behind on a thread of its own).
 *
 * NULL with CORE_ERROR_UNREACHABLE (unknown host, refused, timed out; the message names host, port and the last
 * address's reason) or CORE_ERROR_CANCELLED.  The stream takes a reference of @cancel (may be NULL). */
NetStream *net_tcp_connect(const char *host, uint16_t port, int timeout_ms, CoreCancel *cancel, GError **error);

/* A stream over a connected socket, which it takes and makes non-blocking.  For tests and for socketpair(). */
NetStream *net_tcp_new_from_fd(int fd, CoreCancel *cancel);

/* True if the peer really connected to has a loopback address (127.0.0.0/8, ::1, or a Unix socket): the only ones to
 * whom credentials may go without TLS.  @stream must be a TCP stream. */
bool net_tcp_is_loopback(const NetStream *stream);
