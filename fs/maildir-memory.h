/* What maildir/ remembers while it is mounted: whether anybody has looked into it, and which folders lack some of cur/, new/
 * and tmp/.
 *
 * A folder that a program has just made has none of the three: it makes them itself, and takes it as a failure if they are
 * there.  One that it is about to remove has them removed before.  Both end when a message comes, and with the mount. */
#pragma once

#include "fs/view.h"

typedef struct FsMaildirs FsMaildirs;
FsMaildirs *fs_maildirs_new(void);
void fs_maildirs_free(FsMaildirs *maildirs); /* NULL is fine */

/* Any thread; a leaf.  @directory: a bit that the caller gives it. */
#define FS_MAILDIRS_ALL 7u

/* Those that the folder has: all, unless something else was said. */
unsigned fs_maildirs_have(FsMaildirs *maildirs, int64_t mailbox_id);
/* It has these now.  The id of a folder that has all again instead, because so many lack some; 0: of none. */
int64_t fs_maildirs_set(FsMaildirs *maildirs, int64_t mailbox_id, unsigned directories);
/* It has all; true: it had not. */
bool fs_maildirs_complete(FsMaildirs *maildirs, int64_t mailbox_id);

/* Whether the store tells what everything that changes was called before, so that the kernel may remember names; if not, it is
 * asked to, which counts a moment later.  To be asked before the store is: a name that was read earlier may have become wrong
 * by a change of which nobody was told what it was about. */
bool fs_maildirs_names_are_told(Fs *fs);
