#include "fs/foreign.h"

#include <glib.h>
#include <string.h>

bool
fs_name_is_foreign(const char *name)
{
	static const char *const endings[] = { "~", ".swp", ".tmp", ".part" };
	size_t length = strlen(name);

	if (*name == '.' || (length > 1 && *name == '#' && name[length - 1] == '#') ||
	    (length == 9 && g_str_has_prefix(name, "sed")))
		return true;
	for (size_t i = 0; i < G_N_ELEMENTS(endings); i++)
		if (g_str_has_suffix(name, endings[i]))
			return true;
	return false;
}
