/* Shared by the walk over the parts and the reading of what one says about itself. */
#pragma once

#include "mime/parts.h"

/* Reads type, encoding, disposition and kind from the headers, which are set, as is the depth. */
void mime_part_init(MimePart *part, const MimePart *parent);
void mime_part_clear(MimePart *part);
