/* Happy eyeballs (RFC 8305, sections 4 and 5): one connection out of many addresses.  For src/net only. */
#pragma once

#include "net/resolve.h"

/* Reorders so that the families alternate, beginning with that of the first; otherwise the order stays. */
void net_dial_interleave(NetAddress *addresses, size_t n);

/* Tries @addresses in their order, the next one 250 ms after the last or as soon as one has failed; those begun go on
 * until one of them is connected.  Blocks until @deadline_ms of core_clock_ms().
 *
 * A connected, non-blocking socket; or -1 with CORE_ERROR_UNREACHABLE (the reason alone) or CORE_ERROR_CANCELLED. */
int net_dial(const NetAddress *addresses, size_t n, int64_t deadline_ms, CoreCancel *cancel, GError **error);
