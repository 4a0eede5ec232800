/* Errors of fs/ as the kernel hears them. */
#pragma once

#include "core/error.h"

#define FS_ERROR (fs_error_quark()) /* errors whose code is an errno: what POSIX has a number for */
GQuark fs_error_quark(void);

/* Sets *error with an errno and returns false. */
bool fs_throw(GError **error, int number);

/* The errno of any error, the one place where it is chosen; ENOENT of NULL. */
int fs_error_number(const GError *error);
