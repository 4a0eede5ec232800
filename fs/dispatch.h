/* FUSE's operations in terms of views.  A session's userdata is an FsConnection (reply.h). */
#pragma once

#include "fs/reply.h"

/* Those that read.  There are neither OPEN nor FLUSH among them. */
extern const struct fuse_lowlevel_ops fs_operations;

/* With those that change something, and FLUSH. */
void fs_operations_add_changes(struct fuse_lowlevel_ops *operations);
