/* Messages on their way to the server, and the APPEND that carries them: append.c.  What comes of it is push-append.c's. */
#pragma once

#include "sync/push.h"

/* A message of the batch. */
typedef struct {
	StoreBody body;
	bool has_nul;          /* needs a literal8 (RFC 3516) */
	bool keywords;         /* it has others than the flags that all servers know */
	bool without_keywords; /* they were refused */
	bool accepted;         /* by a server that does not tell its UID */
} SyncUpload;

/* One for each item of @batch, to be g_free()d.  Reads every body once: what is not whole, or what the server cannot take,
 * gets SYNC_END_FAIL here and now, since half a literal cannot be taken back; the others SYNC_END_UNTRIED.  NULL: the store
 * failed, or somebody asked for the work to stop. */
SyncUpload *sync_uploads_new(const SyncWorker *worker, const SyncBatch *batch, GArray *ends, GError **error);

/* Of the messages @from to @to (without it). */
ImapCommand *sync_append_command(Store *store, const SyncBatch *batch, const SyncUpload *uploads, guint from, guint to);
