/* A message file on its way into the store: lines end with CRLF from then on, as mail's do. */
#pragma once

#include "mime/derive.h"
#include "store/segments.h"

/* Reads @path through @writer and makes it durable.  CORE_ERROR_USAGE: it is no message (a header block with From: or
 * Date:); CORE_ERROR_IO.  @derived_r is to be cleared. */
bool change_append_read(Store *store, StoreWriter *writer, const char *path, StoreBody *body_r, MimeDerived *derived_r,
                        GError **error);
