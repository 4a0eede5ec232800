/* FUSE's operations in terms of views.  The session's userdata is an Fs. */
#pragma once

#include "fs/view.h"

#include <fuse_lowlevel.h>

extern const struct fuse_lowlevel_ops fs_operations;
