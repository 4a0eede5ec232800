/* Names in maildir/, which programs choose: what is understood is written again so that it is understood as the same; a folder's
 * name is that of one path. */
#include "fs/maildir-name.h"

#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void
check(bool fine)
{
	if (!fine)
		abort();
}

static void
look_at_message(const char *name)
{
	g_auto(FsMaildirName) parsed = { 0 }, twice = { 0 };
	int64_t date_s;

	if (!fs_maildir_name_parse(name, &parsed))
		return;
	check(*parsed.base && *parsed.base != '.');
	g_autofree char *again = fs_maildir_name(parsed.base, parsed.letters);
	g_autofree char *flags = fs_maildir_flags(parsed.letters);
	check(fs_maildir_name_parse(again, &twice) && twice.has_info);
	check(g_str_equal(twice.base, parsed.base) && twice.letters == parsed.letters);
	check(fs_maildir_letters(flags) == parsed.letters);
	int64_t id = fs_maildir_own_id(parsed.base, &date_s);
	g_autofree char *own = id != 0 ? fs_maildir_own_base(date_s, id) : NULL;
	check(id >= 0 && (!own || g_str_equal(own, parsed.base)));
}

static bool
is_path(const char *text)
{
	g_auto(GStrv) components = g_strsplit(text, "/", -1);

	for (char **component = components; *component; component++)
		if (!**component || g_str_equal(*component, ".") || g_str_equal(*component, ".."))
			return false;
	return components[0] != NULL;
}

static void
look_at_folder(const char *name)
{
	g_autofree char *path = fs_maildir_folder_path(name);
	g_autofree char *made = fs_maildir_folder_name(name), *back = fs_maildir_folder_path(made);

	if (path && !strchr(name, '/')) { /* the kernel gives no other */
		g_autofree char *again = fs_maildir_folder_name(path);
		check(is_path(path) && g_str_equal(again, name));
	}
	check(is_path(name) ? back && g_str_equal(back, name) : !back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	g_autofree char *name = g_strndup((const char *)bytes, length);

	look_at_message(name);
	look_at_folder(name);
	fs_maildir_letters(name);
	fs_maildir_name_is_private(name);
	return 0;
}
