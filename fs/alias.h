/* Names that messages had: a message that was moved or uploaded gets the name with its new UID, and programs go on with
 * the one that they know.  It is not listed, and stands for the message until the tree is unmounted or something else is
 * called so. */
#pragma once

#include "fs/inode.h"

typedef struct FsAliases FsAliases;
FsAliases *fs_aliases_new(void);
void fs_aliases_free(FsAliases *aliases); /* NULL is fine */

/* Any thread; a leaf.  Message @id was called @name in the mailbox up to now.  The oldest are forgotten when there are
 * too many. */
void fs_aliases_note(FsAliases *aliases, int64_t mailbox_id, const char *name, int64_t id);

/* The message that was called so last; 0: none.  It may be anywhere now. */
int64_t fs_aliases_find(FsAliases *aliases, int64_t mailbox_id, const char *name);
