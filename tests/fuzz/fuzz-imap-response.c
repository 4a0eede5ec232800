/* The response parser: whatever comes, parsing it whole and in pieces must tell the same. */
#include "tests/lib/imap-render.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* Small, so that they are met. */
static const ImapLimits limits = {
	.line_bytes = 16 * 1024,
	.literal_bytes = 1024,
	.body_bytes = 4096,
	.nesting = 8,
	.nodes = 500,
};

static void
check(const char *whole, const uint8_t *bytes, size_t length, size_t first, size_t step)
{
	g_autofree char *pieces = imap_render(bytes, length, first, step, &limits);

	if (strcmp(whole, pieces) != 0) {
		g_printerr("whole:\n%s\nin pieces of %zu, then %zu:\n%s\n", whole, first, step, pieces);
		abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	g_autofree char *whole = imap_render(bytes, length, length, length, &limits);

	if (length < 2)
		return 0;
	if (length <= 2048)
		check(whole, bytes, length, 1, 1);
	check(whole, bytes, length, 1 + (bytes[0] * 256u + bytes[1]) % (length - 1), length);
	check(whole, bytes, length, 1 + bytes[length / 2] % 16, 3 + bytes[length - 1] % 64);
	return 0;
}
