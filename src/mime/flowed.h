/* Paragraphs from format=flowed (RFC 3676), so that grep finds a sentence that the sender's program had broken. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Joins the flowed lines of @text from @start on, in place. */
void mime_flowed_join(GString *text, gsize start, bool delete_space);
