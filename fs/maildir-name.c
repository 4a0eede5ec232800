#include "fs/maildir-name.h"

#include "store/messages.h"

#include <string.h>

#define INFO ":2,"

/* In the order of their letters, which is that of the bits. */
static const struct {
	char letter;
	const char *flag;
} letters_of[] = {
	{ 'D', "\\Draft" }, { 'F', "\\Flagged" }, { 'P', "$Forwarded" }, { 'R', "\\Answered" }, { 'S', "\\Seen" }, { 'T', "\\Deleted" },
};

static unsigned
letter_of_flag(const char *flag, size_t length)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(letters_of); i++)
		if (strlen(letters_of[i].flag) == length && g_ascii_strncasecmp(letters_of[i].flag, flag, length) == 0)
			return 1U << i;
	return 0;
}

unsigned
fs_maildir_letters(const char *flags)
{
	unsigned letters = 0;

	for (const char *flag = flags; *flag;) {
		size_t length = strcspn(flag, " ");
		letters |= letter_of_flag(flag, length);
		flag += length + (flag[length] == ' ');
	}
	return letters;
}

char *
fs_maildir_flags(unsigned letters)
{
	const char *flags[G_N_ELEMENTS(letters_of)];
	size_t count = 0;

	for (unsigned i = 0; i < G_N_ELEMENTS(letters_of); i++)
		if (letters & 1U << i)
			flags[count++] = letters_of[i].flag;
	return store_flags_normalise(flags, count);
}

char *
fs_maildir_name(const char *base, unsigned letters)
{
	char info[G_N_ELEMENTS(letters_of) + 1], *end = info;

	for (unsigned i = 0; i < G_N_ELEMENTS(letters_of); i++)
		if (letters & 1U << i)
			*end++ = letters_of[i].letter;
	*end = '\0';
	return g_strconcat(base, INFO, info, NULL);
}

/* The last ":2,". */
static const char *
find_info(const char *name)
{
	const char *found = NULL;

	for (const char *at = name; (at = strstr(at, INFO)); at++)
		found = at;
	return found;
}

bool
fs_maildir_name_parse(const char *name, FsMaildirName *name_r)
{
	const char *info = find_info(name);
	size_t length = info ? (size_t)(info - name) : strlen(name);

	if (length == 0 || *name == '.')
		return false;
	*name_r = (FsMaildirName){ .base = g_strndup(name, length), .has_info = info != NULL };
	for (const char *letter = info ? info + strlen(INFO) : ""; *letter; letter++)
		for (unsigned i = 0; i < G_N_ELEMENTS(letters_of); i++)
			if (*letter == letters_of[i].letter)
				name_r->letters |= 1U << i;
	return true;
}

void
fs_maildir_name_clear(FsMaildirName *name)
{
	g_clear_pointer(&name->base, g_free);
}

char *
fs_maildir_own_base(int64_t internaldate_s, int64_t id)
{
	return g_strdup_printf("%" G_GINT64_FORMAT ".%" G_GINT64_FORMAT ".mailtree", internaldate_s, id);
}

int64_t
fs_maildir_own_id(const char *base, int64_t *internaldate_s_r)
{
	char *end;
	int64_t date_s = g_ascii_strtoll(base, &end, 10);

	if (end == base || *end != '.')
		return 0;
	int64_t id = g_ascii_strtoll(end + 1, NULL, 10);
	g_autofree char *own = fs_maildir_own_base(date_s, id);
	if (id <= 0 || strcmp(own, base) != 0) /* as it would be written, and not otherwise */
		return 0;
	*internaldate_s_r = date_s;
	return id;
}

static bool
looks_escaped(const char *at)
{
	return at[0] == '%' && g_ascii_isxdigit(at[1]) && g_ascii_isxdigit(at[2]);
}

char *
fs_maildir_folder_name(const char *path)
{
	GString *name = g_string_new(".");

	for (const char *at = path; *at; at++) {
		if (*at == '/')
			g_string_append_c(name, '.');
		else if (*at == '.')
			g_string_append(name, "%2E");
		else if (looks_escaped(at))
			g_string_append(name, "%25");
		else
			g_string_append_c(name, *at);
	}
	return g_string_free(name, FALSE);
}

static bool
is_component(const char *text)
{
	return *text && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

static char *
decode(const char *text)
{
	GString *component = g_string_new(NULL);

	while (*text) {
		bool is_dot = g_str_has_prefix(text, "%2E"), is_percent = g_str_has_prefix(text, "%25");
		g_string_append_c(component, is_dot ? '.' : *text);
		text += is_dot || is_percent ? 3 : 1;
	}
	return g_string_free(component, FALSE);
}

char *
fs_maildir_folder_path(const char *name)
{
	if (*name != '.')
		return NULL;
	g_auto(GStrv) components = g_strsplit(name + 1, ".", -1);
	bool ok = components[0] != NULL;
	for (char **component = components; *component; component++) {
		char *decoded = decode(*component);
		g_free(*component);
		*component = decoded;
		ok = ok && is_component(decoded);
	}
	g_autofree char *path = g_strjoinv("/", components), *again = fs_maildir_folder_name(path);
	return ok && strcmp(again, name) == 0 ? g_steal_pointer(&path) : NULL; /* each folder has one name */
}

bool
fs_maildir_name_is_private(const char *name)
{
	static const char trash[] = ".Trash-";
	static const char *const names[] = { ".notmuch", ".nnmaildir" };
	size_t digits = g_str_has_prefix(name, trash) ? strspn(name + strlen(trash), "0123456789") : 0;

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return digits > 0 && name[strlen(trash) + digits] == '\0'; /* of file managers */
}
