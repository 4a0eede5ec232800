/* The outline of any bytes: sizes are what reading gives, ranges are what the whole has there
 * (tests/lib/outline-check.h). */
#include "../lib/outline-check.h"
#include "mime/derive.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static GRand *random;

	if (!random) {
		mime_init();
		random = g_rand_new_with_seed(1);
	}
	mime_outline_free(outline_checked(bytes, length, random));
	outline_check_transfer(bytes, length, random);
	return 0;
}
