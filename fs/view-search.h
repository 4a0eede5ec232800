/* search/: see view-search.c. */
#pragma once

#include "fs/view.h"

extern const FsView fs_search_view;
