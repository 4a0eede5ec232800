#include "change-flags.h"

#include "core/error.h"
#include "store/messages.h"

/* What servers have with a backslash of their own is theirs to set. */
static bool
is_flag(const char *word)
{
	return *word == '\\' ? store_flag_system(word) != NULL : !*word || store_flag_is_sendable(word);
}

/* What a shell makes of \Seen: as a keyword it would be seen by nobody. */
static bool
check_quoted(const char *word, GError **error)
{
	g_autofree char *quoted = g_strconcat("\\", word, NULL);
	const char *flag = store_flag_system(quoted);

	return !flag || core_throw(error, CORE_ERROR_USAGE, "%s: the flag is called %s; quote it, as a shell takes the backslash",
	                           word, flag);
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
