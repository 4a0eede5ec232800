/* What a folder is to be called on the server: folder-name.c. */
#pragma once

#include "sync/run.h"

/* The server's name (g_free()) for the folder that people see at @path, by the names of the folders above it.  What
 * stands at the root goes where the server lets this user make folders: Courier's "INBOX." (RFC 2342).  Asks the server
 * for it, and for the separator, where that is not known from a folder above.
 *
 * NULL with *error unset: the server can have no folder of that name. */
char *sync_folder_name(SyncWorker *worker, const char *path, char *separator_r, GError **error);
