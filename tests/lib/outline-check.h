/* What must be true of the outline of any message, for the unit test and the fuzz targets. */
#pragma once

#include "mime/outline.h"

/* The outline of @bytes, which is the same in memory, from a file in the smallest windows, and packed and unpacked; its
 * names are safe and each once in its folder; what is read of its files has their sizes, and each of some ranges of
 * them, picked by @random, is what reading the whole gives.  Stops the program where something is not so. */
MimeOutline *outline_checked(const uint8_t *bytes, size_t length, GRand *random);

/* @bytes as encoded content, in each transfer encoding, with checkpoints closer than any outline has them: reading from
 * one gives what decoding from the beginning does. */
void outline_check_transfer(const uint8_t *bytes, size_t length, GRand *random);

/* The whole file that the entry is. */
GString *outline_content(const MimeOutline *outline, unsigned index, const MimeSource *message);

/* Whether what can be read by @outline, which was unpacked from any bytes, can be read without harm. */
void outline_try(const MimeOutline *outline, const MimeSource *message);
