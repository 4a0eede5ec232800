/* confirm, retry, undo: what people decide about operations. */
#include "change-private.h"
#include "store/operations.h"

typedef bool (*PeopleFn)(StoreTxn *txn, int64_t account_id, unsigned *count_r, GError **error);

/* An account that was never synchronised has nothing. */
static bool
for_account(Change *change, const char *name, PeopleFn fn, GError **error)
{
	g_auto(StoreAccount) row = { 0 };
	GError *failure = NULL;
	unsigned count = 0;

	if (!config_account(change->context->config, name, error))
		return false;
	if (store_account_find(change->context->store, name, &row, &failure)) {
		bool ok = fn(change->txn, row.id, &count, error);
		change->changed += count;
		return ok;
	}
	if (failure)
		g_propagate_error(error, failure);
	return !failure;
}

/* For the accounts that are named, or all. */
static bool
for_accounts(Change *change, PeopleFn fn, GError **error)
{
	if (change->count == 0)
		return fn(change->txn, 0, &change->changed, error);
	for (size_t i = 0; i < change->count; i++)
		if (!for_account(change, change->words[i], fn, error))
			return false;
	return true;
}

bool
change_confirm(Change *change, GError **error)
{
	return for_accounts(change, store_operation_confirm, error);
}

bool
change_retry(Change *change, GError **error)
{
	return for_accounts(change, store_operation_retry, error);
}

static bool
undo_account(StoreTxn *txn, int64_t account_id, unsigned *count_r, GError **error)
{
	return store_operation_undo(txn, account_id, 0, count_r, error);
}

/* "7" or "#7", which a shell may take for a comment; an account may be called 7, too.  0: it is none. */
static int64_t
operation_of(const Change *change, const char *word)
{
	const char *number = *word == '#' ? word + 1 : word;
	gint64 id;

	if (*word != '#' && config_account(change->context->config, word, NULL))
		return 0;
	return g_ascii_string_to_signed(number, 10, 1, G_MAXINT64, &id, NULL) ? id : 0;
}

static bool
undo_operation(Change *change, const char *word, GError **error)
{
	int64_t id = operation_of(change, word);
	unsigned count = 0;

	if (id == 0)
		return core_throw(error, CORE_ERROR_USAGE, "%s is no number of an operation", word);
	if (store_operation_undo(change->txn, 0, id, &count, error)) {
		change->changed += count;
		return true;
	}
	if (error && *error && core_error_code(*error) == CORE_ERROR_NOT_FOUND) {
		g_clear_error(error);
		core_throw(error, CORE_ERROR_USAGE,
		           "there is no change %s that can be taken back: what is done, or was begun, cannot", word);
	}
	return false;
}

bool
change_undo(Change *change, GError **error)
{
	bool by_number = change->count > 0 && (*change->words[0] == '#' || operation_of(change, change->words[0]) != 0);

	if (!by_number)
		return for_accounts(change, undo_account, error);
	for (size_t i = 0; i < change->count; i++)
		if (!undo_operation(change, change->words[i], error))
			return false;
	return true;
}
