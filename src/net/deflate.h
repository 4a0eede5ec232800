/* COMPRESS=DEFLATE (RFC 4978): raw deflate in both directions. */
#pragma once

#include "net/stream.h"

/* Takes @below.  Never fails by itself; corrupt input makes read return NET_FAILED with CORE_ERROR_PROTOCOL.  Memory is
 * bounded whatever the ratio: a read inflates at most what its buffer holds. */
NetStream *net_deflate_new(NetStream *below);

/* Hands over compressed bytes that the caller had already read from the layer below, together with the answer that
 * switched compression on.  At most once, before the first read. */
void net_deflate_feed(NetStream *stream, const void *bytes, size_t length);
