#include "imap/number.h"

#include <glib.h>

const char *
imap_number_read(const char *at, uint64_t max, uint64_t *value_r)
{
	uint64_t value = 0;

	if (!g_ascii_isdigit(*at))
		return NULL;
	for (; g_ascii_isdigit(*at); at++) {
		unsigned digit = (unsigned)(*at - '0');

		if (value > (max - digit) / 10)
			return NULL;
		value = value * 10 + digit;
	}
	*value_r = value;
	return at;
}

bool
imap_number_parse(const char *text, uint64_t max, uint64_t *value_r)
{
	uint64_t value;
	const char *behind = imap_number_read(text, max, &value);

	if (!behind || *behind)
		return false;
	*value_r = value;
	return true;
}

bool
imap_number_is_set(const char *text)
{
	bool in_range = false;
	uint64_t value;

	for (;; text++) {
		text = imap_number_read(text, UINT32_MAX, &value);
		if (!text || value == 0)
			return false;
		if (*text == '\0')
			return true;
		if (*text == ':' && !in_range)
			in_range = true;
		else if (*text == ',')
			in_range = false;
		else
			return false;
	}
}
