#include "mounts.h"

#include <errno.h>
#include <glib.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 16384 /* a path, doubled and more by octal escapes, and the options */

bool
mounts_is_mailtree(const char *path)
{
	FILE *table = setmntent("/proc/self/mounts", "re");
	g_autofree char *buffer = g_malloc(LINE_MAX_BYTES);
	bool ours = false;
	struct mntent entry;

	while (table && getmntent_r(table, &entry, buffer, LINE_MAX_BYTES)) {
		if (g_str_equal(entry.mnt_dir, path))
			ours = g_str_equal(entry.mnt_type, "fuse.mailtree"); /* the last one is on top */
	}
	if (table)
		endmntent(table);
	return ours;
}

char *
mounts_resolve(const char *dir)
{
	g_autofree char *whole = g_canonicalize_filename(dir, NULL); /* drops slashes at the end, "." and ".." */
	g_autofree char *above = g_path_get_dirname(whole), *name = g_path_get_basename(whole);
	char *real = realpath(dir, NULL), *resolved;

	if (real || errno == ENOENT || errno == ENOTDIR) {
		resolved = g_strdup(real);
		free(real);
		return resolved;
	}
	real = realpath(above, NULL);
	if (!real)
		return NULL;
	resolved = g_build_filename(real, name, NULL);
	free(real);
	return resolved;
}
