/* How a directory becomes a mount point, and an ordinary directory again: by fusermount3, which does for everybody what
 * only root may do. */
#pragma once

#include "core/error.h"

#include <sys/types.h>

#define FS_MOUNTPOINT_TYPE "fuse.mailtree" /* how our mounts are known */

/* A directory that can be mounted on: absolute and without symbolic links; g_free().  What a mailtree that was killed
 * left mounted there is detached.  NULL with CORE_ERROR_IO: it is none, not empty, or already a mount. */
char *fs_mountpoint_check(const char *dir, GError **error);

/* Mounts a FUSE file system with @options ("ro,noexec,…") on @dir.  The connection's descriptor (close-on-exec), or -1
 * with CORE_ERROR_IO. */
int fs_mountpoint_mount(const char *dir, const char *options, GError **error);

/* The device number of what is mounted on @dir, topmost; 0: nothing.  Asks no file system, so it cannot hang. */
dev_t fs_mountpoint_device(const char *dir);

/* Detaches what is mounted on @dir, at once for new users and for the present ones when they let go. */
bool fs_mountpoint_unmount(const char *dir, GError **error);
