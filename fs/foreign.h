/* Names that programs give to files of their own, which are no messages whatever is in them. */
#pragma once

#include <stdbool.h>

/* `*~`, `.*`, `#*#`, `sed??????`, `*.swp`, `*.tmp`, `*.part`: backups, locks, and what is still being written. */
bool fs_name_is_foreign(const char *name);
