/* Responses as text, in one spelling: for tests that compare parsing the same bytes in different pieces. */
#pragma once

#include "imap/response.h"

/* Parses @length bytes, given as a first piece of @first bytes and then pieces of @step, each in memory of its own that
 * is gone at the next call.  A line each for a response, for what the sink received, for the error, and "busy" if
 * something is cut off. */
char *imap_render(const void *bytes, size_t length, size_t first, size_t step, const ImapLimits *limits);
