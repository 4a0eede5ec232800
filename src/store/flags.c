/* Flags as one string: "\Seen \Flagged $Label1". */
#include "store/messages.h"

#include "store/internal.h"

#include <string.h>

static const char *const system_flags[] = { "\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft" };

/* Where @flag stands among the others; keywords come behind the system flags. */
static unsigned
rank(const char *flag)
{
	unsigned i = 0;

	while (i < G_N_ELEMENTS(system_flags) && g_ascii_strcasecmp(flag, system_flags[i]) != 0)
		i++;
	return i;
}

static int
compare(const void *a, const void *b)
{
	const char *first = *(const char *const *)a, *second = *(const char *const *)b;
	unsigned rank_a = rank(first), rank_b = rank(second);

	return rank_a != rank_b ? (rank_a < rank_b ? -1 : 1) : g_ascii_strcasecmp(first, second);
}

const char *
store_flag_system(const char *flag)
{
	unsigned known = rank(flag);

	return known < G_N_ELEMENTS(system_flags) ? system_flags[known] : NULL;
}

/* RFC 9051 section 9, "flag". */
bool
store_flag_is_sendable(const char *flag)
{
	const char *atom = flag + (*flag == '\\');

	for (const char *c = atom; *c; c++)
		if (!g_ascii_isgraph(*c) || strchr("(){%*\"\\", *c))
			return false;
	return *atom && g_ascii_strcasecmp(flag, "\\Recent") != 0;
}

/* What cannot be a flag would break the string: a server's nonsense is left out. */
static bool
acceptable(const char *flag)
{
	if (*flag == '\0' || g_ascii_strcasecmp(flag, "\\Recent") == 0)
		return false;
	for (; *flag; flag++) {
		if ((unsigned char)*flag <= ' ' || *flag == 0x7f)
			return false;
	}
	return true;
}

char *
store_flags_normalise(const char *const *flags, size_t count)
{
	g_autoptr(GPtrArray) sorted = g_ptr_array_sized_new((unsigned)count);
	GString *text = g_string_new(NULL);

	for (size_t i = 0; i < count; i++) {
		const char *system = store_flag_system(flags[i]);
		if (system)
			g_ptr_array_add(sorted, (void *)(uintptr_t)system);
		else if (acceptable(flags[i]))
			g_ptr_array_add(sorted, (void *)(uintptr_t)flags[i]);
	}
	g_ptr_array_sort(sorted, compare); /* stable: of two spellings the first stays */
	for (unsigned i = 0; i < sorted->len; i++) {
		const char *flag = sorted->pdata[i];
		if (i > 0 && g_ascii_strcasecmp(flag, sorted->pdata[i - 1]) == 0)
			continue;
		if (text->len > 0)
			g_string_append_c(text, ' ');
		g_string_append(text, flag);
	}
	return g_string_free(text, FALSE);
}

static bool
contains(char **flags, const char *flag)
{
	for (; *flags; flags++) {
		if (g_ascii_strcasecmp(*flags, flag) == 0)
			return true;
	}
	return false;
}

char *
store_flags_apply(const char *flags, const char *add, const char *remove)
{
	g_auto(GStrv) base = g_strsplit(flags, " ", -1), added = g_strsplit(add, " ", -1);
	g_auto(GStrv) removed = g_strsplit(remove, " ", -1);
	g_autoptr(GPtrArray) result = g_ptr_array_new();

	for (char **flag = base; *flag; flag++) {
		if (!contains(removed, *flag))
			g_ptr_array_add(result, *flag);
	}
	for (char **flag = added; *flag; flag++)
		g_ptr_array_add(result, *flag);
	return store_flags_normalise((const char *const *)result->pdata, result->len);
}

char *
store_flags_without(const char *flags, const char *others)
{
	return store_flags_apply(flags, "", others);
}
