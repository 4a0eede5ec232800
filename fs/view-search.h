/* search/: see view-search.c. */
#pragma once

#include "fs/view.h"

extern const FsView fs_search_view;

FsInode fs_view_search_inode(int64_t number); /* of a query's directory (searches.h) */
