/* COMPRESS=DEFLATE (RFC 4978): raw deflate in both directions. */
#pragma once

#include "net/stream.h"

/* Takes @below; what was read from it so far must end with the answer that switched compression on.  Never fails by
 * itself; corrupt input makes read return NET_FAILED with CORE_ERROR_PROTOCOL.  The end of the peer's deflate stream is
 * NET_EOF.  Memory is bounded whatever the ratio: a read inflates at most what its buffer holds. */
NetStream *net_deflate_new(NetStream *below);
