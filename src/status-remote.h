/* What "mailtree status" says about messages of which only the header is here (the account's `bodies`). */
#pragma once

#include "store/store.h"

typedef struct {
	GPtrArray *folders; /* the most first; NULL: not read */
} StatusRemote;

bool status_remote_read(Store *store, int64_t account_id, StatusRemote *remote_r, GError **error);
void status_remote_clear(StatusRemote *remote);

/* A line with @messages of them, and one for each of the folders that have the most; nothing if there are none. */
void status_remote_append_text(GString *text, const StatusRemote *remote, uint64_t messages);
/* Members of the account's object. */
void status_remote_append_json(GString *json, const StatusRemote *remote, uint64_t messages);
