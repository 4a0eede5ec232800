/* The text rendering of a message; derive.h says what it is. */
#pragma once

#include "mime/reader.h"

#include <glib.h>

/* Appends the rendering to @out, at most @max_bytes of it. */
void mime_text_render(MimeReader *reader, GString *out, gsize max_bytes);
