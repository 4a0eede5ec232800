/* What the kernel says of mounts.  Nothing here touches a mounted file system, so nothing can hang on one. */
#pragma once

#include <stdbool.h>

/* True if the mount that is on top at @path (absolute, without symbolic links) is mailtree's. */
bool mounts_is_mailtree(const char *path);

/* @dir as the kernel names it: absolute and without symbolic links, also where a dead mount is on it.  g_free(); NULL
 * with errno set. */
char *mounts_resolve(const char *dir);
