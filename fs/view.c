#include "fs/view.h"

#include "fs/view-root.h"
#include "fs/view-search.h"
#include "fs/tree.h"

#include <limits.h>
#include <string.h>

const FsView *const fs_views[FS_TAG_COUNT] = {
	[FS_TAG_ROOT] = &fs_root_view,
	[FS_TAG_MAIL] = &fs_mail_tree.view,
	[FS_TAG_TEXT] = &fs_text_tree.view,
	[FS_TAG_PARTS] = &fs_parts_tree.view,
	[FS_TAG_MAILDIR] = &fs_maildir_tree.view,
	[FS_TAG_SEARCH] = &fs_search_view,
};

const FsView *
fs_view_of(FsInode inode)
{
	unsigned tag = fs_inode_tag(inode);

	return tag < FS_TAG_COUNT ? fs_views[tag] : NULL;
}

bool
fs_name_valid(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length <= NAME_MAX && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}
