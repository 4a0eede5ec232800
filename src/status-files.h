/* What "mailtree status" says about files in mail/ and maildir/ that are no messages, and so stay on this computer. */
#pragma once

#include "store/store.h"

typedef struct {
	GPtrArray *paths; /* of the first few, for people; NULL: not read */
} StatusFiles;

bool status_files_read(Store *store, int64_t account_id, StatusFiles *files_r, GError **error);
void status_files_clear(StatusFiles *files);

/* A line with @count of them, and one for each of the first few; nothing if there are none. */
void status_files_append_text(GString *text, const StatusFiles *files, uint64_t count);
