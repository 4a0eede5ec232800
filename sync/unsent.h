/* What users did and the server has not got, in words: for the end of a run. */
#pragma once

#include "store/store.h"

typedef void (*SyncUnsentFn)(const char *words, void *data);

/* CORE_ERROR_BUSY, with the counts: changes of the account are held, were refused or could not be sent, although their time
 * has come.  @line (may be NULL) is told of the first few that need a person, and
 * @with_put_off of those that the server has not taken for the time being. */
bool sync_unsent_check(Store *store, int64_t account_id, bool with_put_off, SyncUnsentFn line, void *data, GError **error);
