/* Deriving from any bytes: safe UTF-8, the same from memory, from a file and from small windows, the same header hash. */
#include "mime/derive.h"
#include "mime/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void
check(bool fine)
{
	if (!fine)
		abort();
}

static void
check_safe(const char *text, gsize length)
{
	check(g_utf8_validate_len(text, length, NULL));
	for (const char *p = text, *end = p + length; p < end; p += g_utf8_skip[(uint8_t)*p]) {
		gunichar c = g_utf8_get_char(p);
		check(c == '\n' || c == '\t' || !g_unichar_iscntrl(c));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static bool ready;
	int fd = memfd_create("message", MFD_CLOEXEC);
	MimeSource memory = { .bytes = bytes, .fd = -1, .length = length };
	MimeSource file = { .fd = fd, .length = length };
	g_auto(MimeDerived) derived = { 0 }, other = { 0 };
	uint8_t sha256[32];

	if (!ready)
		mime_init();
	ready = true;
	check(fd >= 0 && write(fd, bytes, length) == (ssize_t)length);
	mime_derive(&memory, true, &derived);
	mime_derive(&file, true, &other);
	check_safe(derived.text->str, derived.text->len);
	check(derived.text->len > 0 && derived.text->str[derived.text->len - 1] == '\n');
	check(g_string_equal(derived.text, other.text));
	check(g_strcmp0(derived.from, other.from) == 0 && g_strcmp0(derived.subject, other.subject) == 0);
	if (derived.from)
		check_safe(derived.from, strlen(derived.from));
	if (derived.subject)
		check_safe(derived.subject, strlen(derived.subject));
	mime_header_hash(bytes, length, sha256);
	check(memcmp(sha256, derived.header_sha256, sizeof sha256) == 0);

	if (memchr(bytes, '\n', length)) { /* else a lone CR may end the lines */
		MimeReader reader;
		g_autoptr(GString) small = g_string_new(NULL);

		mime_reader_init(&reader, &file, MIME_WINDOW_MIN_BYTES);
		mime_text_render(&reader, small, MIME_TEXT_MAX_BYTES);
		mime_reader_clear(&reader);
		check(g_string_equal(small, derived.text));
	}
	close(fd);
	return 0;
}
