#include "sync/unsent.h"

#include "store/mailboxes.h"
#include "store/operations.h"

#define SHOWN_MAX 10 /* operations; "mailtree status --json" has more of them */

typedef struct {
	Store *store;
	bool with_put_off;
	SyncUnsentFn line;
	void *data;
	unsigned shown;
} Unsent;

static bool
show(const StoreOperation *operation, void *data)
{
	Unsent *unsent = data;

	bool is_stopped = operation->state == STORE_OPERATION_HELD || operation->state == STORE_OPERATION_FAILED;

	if (!is_stopped && !(unsent->with_put_off && operation->error))
		return true;
	g_autofree char *path = store_mailbox_path(unsent->store, operation->mailbox_id, NULL);
	g_autofree char *words = g_strdup_printf(
		"#%" G_GINT64_FORMAT " %s in %s: %s: %s", operation->id, store_operation_kinds[operation->kind],
		path ? path : "a folder that has gone", store_operation_states[operation->state],
		operation->error ? operation->error : "");
	unsent->line(words, unsent->data);
	return ++unsent->shown < SHOWN_MAX;
}

bool
sync_unsent_check(Store *store, int64_t account_id, bool with_put_off, SyncUnsentFn line, void *data, GError **error)
{
	StoreOperationCounts counts;
	Unsent unsent = { store, with_put_off, line, data, 0 };

	if (!store_operation_counts(store, account_id, &counts, error))
		return false;
	if (counts.held + counts.failed + counts.pending == 0)
		return true;
	if (line && !store_operation_list(store, account_id, show, &unsent, error))
		return false;
	return core_throw(error, CORE_ERROR_BUSY, "changes that the server has not got: %u held, %u refused, %u not sent yet; "
	                  "see mailtree status", counts.held, counts.failed, counts.pending);
}
