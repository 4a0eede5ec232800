#include "imap/utf7.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* What stands for itself, "&" apart. */
static bool
is_plain(gunichar c)
{
	return c >= 0x20 && c <= 0x7e;
}

/* Bits of UTF-16 on their way into base64. */
typedef struct {
	GString *out;
	guint32 bits;
	unsigned count;
} Encoder;

static void
encode_unit(Encoder *encoder, guint32 unit)
{
	encoder->bits = encoder->bits << 16 | unit;
	encoder->count += 16;
	while (encoder->count >= 6) {
		encoder->count -= 6;
		g_string_append_c(encoder->out, alphabet[encoder->bits >> encoder->count & 63]);
		encoder->bits &= (1u << encoder->count) - 1;
	}
}

static void
encode_end(Encoder *encoder)
{
	if (encoder->count > 0)
		g_string_append_c(encoder->out, alphabet[encoder->bits << (6 - encoder->count) & 63]);
	encoder->bits = encoder->count = 0;
	g_string_append_c(encoder->out, '-');
}

char *
imap_utf7_encode(const char *name)
{
	Encoder encoder = { .out = g_string_new(NULL) };
	bool shifted = false;

	g_return_val_if_fail(g_utf8_validate(name, -1, NULL), g_string_free(encoder.out, FALSE));
	for (; *name; name += g_utf8_skip[(guchar)*name]) {
		gunichar c = g_utf8_get_char(name);

		if (shifted && is_plain(c)) {
			encode_end(&encoder);
			shifted = false;
		}
		if (c == '&') {
			g_string_append(encoder.out, "&-");
		} else if (is_plain(c)) {
			g_string_append_c(encoder.out, (char)c);
		} else {
			if (!shifted)
				g_string_append_c(encoder.out, '&');
			shifted = true;
			if (c >= 0x10000)
				encode_unit(&encoder, 0xd800 + ((c - 0x10000) >> 10));
			encode_unit(&encoder, c >= 0x10000 ? 0xdc00 + ((c - 0x10000) & 0x3ff) : c);
		}
	}
	if (shifted)
		encode_end(&encoder);
	return g_string_free(encoder.out, FALSE);
}

/* Adds one unit of UTF-16; *high is the first half of a pair that waits for the second, or 0. */
static bool
decode_unit(GString *out, guint32 unit, guint32 *high)
{
	if (unit >= 0xd800 && unit < 0xdc00) {
		if (*high)
			return false;
		*high = unit;
		return true;
	}
	if (unit >= 0xdc00 && unit < 0xe000) {
		if (!*high)
			return false;
		unit = 0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00);
		*high = 0;
	} else if (*high) {
		return false;
	}
	if (unit == 0)
		return false;
	g_string_append_unichar(out, unit);
	return true;
}

/* @at is behind "&".  Returns what is behind "-", or NULL. */
static const char *
decode_shifted(GString *out, const char *at)
{
	guint32 bits = 0, high = 0;
	unsigned count = 0;

	for (; *at != '-'; at++) {
		const char *digit = *at ? strchr(alphabet, *at) : NULL;

		if (!digit)
			return NULL;
		bits = bits << 6 | (guint32)(digit - alphabet);
		count += 6;
		if (count >= 16) {
			count -= 16;
			if (!decode_unit(out, bits >> count & 0xffff, &high))
				return NULL;
			bits &= (1u << count) - 1;
		}
	}
	return high ? NULL : at + 1;
}

char *
imap_utf7_decode(const char *name)
{
	g_autoptr(GString) out = g_string_new(NULL);

	for (const char *at = name; *at;) {
		if (*at != '&') {
			if (!is_plain((guchar)*at))
				return NULL;
			g_string_append_c(out, *at++);
		} else if (at[1] == '-') {
			g_string_append_c(out, '&');
			at += 2;
		} else {
			at = decode_shifted(out, at + 1);
			if (!at)
				return NULL;
		}
	}

	/* Exactly one spelling of each name is the one that we write ourselves: that settles padding bits, plain characters in
	 * base64, and a shift that ends only to begin again. */
	g_autofree char *again = imap_utf7_encode(out->str);
	return strcmp(again, name) == 0 ? g_string_free(g_steal_pointer(&out), FALSE) : NULL;
}
