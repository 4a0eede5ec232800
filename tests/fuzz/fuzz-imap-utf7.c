/* Modified UTF-7: what can be decoded is encoded to the same again; what is UTF-8 comes back from its encoding. */
#include "imap/utf7.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void
check(bool fine)
{
	if (!fine)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	g_autofree char *text = g_strndup((const char *)bytes, length);
	g_autofree char *utf8 = imap_utf7_decode(text);

	if (utf8) {
		g_autofree char *again = imap_utf7_encode(utf8);

		check(g_utf8_validate(utf8, -1, NULL));
		check(g_str_equal(again, text));
	}
	if (g_utf8_validate(text, -1, NULL)) {
		g_autofree char *utf7 = imap_utf7_encode(text);
		g_autofree char *again = imap_utf7_decode(utf7);

		check(g_str_is_ascii(utf7));
		check(again && g_str_equal(again, text));
	}
	return 0;
}
