/* A message file on its way into the store: lines end with CRLF from then on, as mail's do. */
#pragma once

#include "core/cancel.h"
#include "mime/derive.h"
#include "store/segments.h"

#define CHANGE_FILE_MAX_BYTES (2ull << 30) /* as much as can be fetched again */

/* Reads @path through @writer and makes it durable.  @limit_bytes: of the server (APPENDLIMIT, RFC 7889); 0: none is known.
 * @cancel may be NULL.  CORE_ERROR_USAGE: it is no message (a header block with From: or Date:), or too large;
 * CORE_ERROR_CANCELLED; CORE_ERROR_IO.  @derived_r is to be cleared. */
bool change_file_read(Store *store, StoreWriter *writer, const char *path, uint64_t limit_bytes, CoreCancel *cancel,
                      StoreBody *body_r, MimeDerived *derived_r, GError **error);
