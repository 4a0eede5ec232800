/* Shared by those who make an outline: from a message, and from what was kept of one. */
#pragma once

#include "mime/outline.h"

MimeOutline *mime_outline_empty(void);

/* Appends a copy of @entry, whose strings are copied too; its index.  outline->entries is valid again after it. */
unsigned mime_outline_add(MimeOutline *outline, const MimeEntry *entry);

/* The <meta> that names @charset; "" if that is "".  g_free() it. */
char *mime_outline_prefix(const char *charset);
