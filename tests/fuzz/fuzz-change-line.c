/* The words of a change as one line for the control socket: what comes back from a line makes a line of the same words. */
#include "change.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

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
	g_autofree char *line = g_strndup((const char *)bytes, length);
	g_auto(GStrv) words = change_from_line(line);
	g_autofree char *made = change_to_line((const char *const *)words);
	g_auto(GStrv) again = change_from_line(made);

	check(g_str_is_ascii(made) && !strchr(made, '\n'));
	check(g_strv_equal((const char *const *)words, (const char *const *)again));
	return 0;
}
