/* Any bytes taken for an outline that was kept: refused, or harmless to read by, and packed again the same. */
#include "../lib/outline-check.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const char message[] = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo=\nbegin 644 x\n#86)C\n`\nend\na=\n =3D  \n";
	MimeSource source = { .bytes = (const uint8_t *)message, .fd = -1, .length = sizeof message - 1 };
	g_autoptr(MimeOutline) outline = mime_outline_unpack(bytes, length, source.length);

	if (!outline)
		return 0;
	outline_try(outline, &source);
	g_autoptr(GByteArray) packed = mime_outline_pack(outline);
	g_autoptr(MimeOutline) again = mime_outline_unpack(packed->data, packed->len, source.length);
	if (!again || again->n_entries != outline->n_entries)
		abort();
	return 0;
}
