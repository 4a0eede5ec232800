#include "net/pin.h"

#include "net/tls.h"

#include <string.h>

static bool
parse_hex(const char *text, uint8_t pin[static NET_PIN_SIZE])
{
	size_t n = 0;

	for (; *text; text++) {
		int digit = g_ascii_xdigit_value(*text);

		if (*text == ':' && n > 0 && n % 2 == 0)
			continue;
		if (digit < 0 || n == 2 * NET_PIN_SIZE)
			return false;
		pin[n / 2] = (uint8_t)(n % 2 ? pin[n / 2] << 4 | digit : digit);
		n++;
	}
	return n == 2 * NET_PIN_SIZE;
}

static bool
parse_base64(const char *text, uint8_t pin[static NET_PIN_SIZE])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	gsize size = 0;

	if (strlen(text) != 44 || strspn(text, digits) != 43 || text[43] != '=')
		return false;
	g_autofree uint8_t *bytes = g_base64_decode(text, &size);
	if (size != NET_PIN_SIZE)
		return false;
	memcpy(pin, bytes, NET_PIN_SIZE);
	return true;
}

bool
net_pin_parse(const char *text, uint8_t pin[static NET_PIN_SIZE], GError **error)
{
	bool ok = g_str_has_prefix(text, "sha256//") ? parse_base64(text + 8, pin) : parse_hex(text, pin);

	return ok || core_throw(error, CORE_ERROR_CONFIG,
	                        "the pin \"%s\" is neither 64 hexadecimal digits nor sha256// and base64", text);
}

bool
net_tls_pin_valid(const char *pin, GError **error)
{
	uint8_t ignored[NET_PIN_SIZE];

	return net_pin_parse(pin, ignored, error);
}
