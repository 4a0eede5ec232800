/* The root of the mount: README, status, status.json, and a directory for each view. */
#pragma once

#include "fs/view.h"

extern const FsView fs_root_view;

/* Its files that change, so that the kernel can be told: NULL-terminated. */
extern const char *const fs_root_changing[];
