/* poll() that ends at a deadline or when somebody cancels.  For src/net only. */
#pragma once

#include "core/cancel.h"
#include "core/error.h"

#include <poll.h>
#include <stdint.h>

/* Waits until one of @fds[0..n-1] is ready or @deadline_ms (of core_clock_ms()) has come.  @fds has room for one more,
 * which is used for @cancel (may be NULL).
 *
 * 1: ready; 0: the deadline has come; -1: *error is set (CORE_ERROR_CANCELLED, or poll() itself failed). */
int net_wait(struct pollfd *fds, size_t n, CoreCancel *cancel, int64_t deadline_ms, GError **error);
