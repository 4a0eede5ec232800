/* Host names to addresses, without ever waiting longer than asked.  For src/net only. */
#pragma once

#include "core/cancel.h"
#include "core/error.h"

#include <stdint.h>
#include <sys/socket.h>

typedef struct {
	struct sockaddr_storage address;
	socklen_t length;
} NetAddress;

/* All addresses of @host (a name, in Unicode or not, or a numeric address), in the order that the system prefers; at
 * most 64.  Blocks until @deadline_ms of core_clock_ms(); getaddrinfo() runs on a thread of its own, which is left
 * behind when it takes longer.
 *
 * An array of NetAddress with at least one, or NULL with CORE_ERROR_UNREACHABLE (the reason alone) or _CANCELLED. */
GArray *net_resolve(const char *host, uint16_t port, int64_t deadline_ms, CoreCancel *cancel, GError **error);
