#include "change-flags.h"

#include "core/error.h"
#include "store/messages.h"

#include <string.h>

static const char *const system_flags[] = { "\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft" };

static bool
is_flag(const char *word)
{
	for (size_t i = 0; i < G_N_ELEMENTS(system_flags); i++)
		if (g_ascii_strcasecmp(word, system_flags[i]) == 0)
			return true;
	for (const char *at = word; *at; at++)
		if (!g_ascii_isgraph(*at) || strchr("(){%*\"]\\", *at)) /* an atom, RFC 9051 section 9 */
			return false;
	return true;
}

/* What a shell makes of \Seen: as a keyword it would be seen by nobody. */
static bool
check_quoted(const char *word, GError **error)
{
	for (size_t i = 0; i < G_N_ELEMENTS(system_flags); i++)
		if (g_ascii_strcasecmp(word, system_flags[i] + 1) == 0)
			return core_throw(error, CORE_ERROR_USAGE, "%s: the flag is called %s; quote it, as a shell takes the backslash",
			                  word, system_flags[i]);
	return true;
}

bool
change_flags_parse(const char *text, bool is_removal, char **flags_r, GError **error)
{
	g_auto(GStrv) words = g_strsplit_set(text, " ,", -1);

	for (char **word = words; *word; word++)
		if (!is_flag(*word))
			return core_throw(error, CORE_ERROR_USAGE, "%s is no flag that can be set", *word);
	for (char **word = words; *word && !is_removal; word++)
		if (!check_quoted(*word, error))
			return false;
	*flags_r = store_flags_normalise((const char *const *)words, g_strv_length(words));
	return true;
}

char *
change_flags_without(const char *have, const char *keep)
{
	g_auto(GStrv) flags = g_strsplit(have, " ", -1), kept = g_strsplit(keep, " ", -1);
	g_autoptr(GPtrArray) left = g_ptr_array_new();

	for (char **flag = flags; *flag; flag++) {
		bool is_kept = false;
		for (char **other = kept; *other && !is_kept; other++)
			is_kept = g_ascii_strcasecmp(*flag, *other) == 0;
		if (!is_kept)
			g_ptr_array_add(left, *flag);
	}
	return store_flags_normalise((const char *const *)left->pdata, left->len);
}
