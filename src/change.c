#include "change-private.h"
#include "store/operations.h"

bool
change_usage(const char *what, GError **error)
{
	return core_throw(error, CORE_ERROR_USAGE, "%s", what);
}

typedef struct {
	const char *name;
	bool (*run)(Change *change, GError **error);
	bool begins_itself; /* it needs what cannot be done inside a transaction first */
	bool may_be_held;
} Verb;

static const Verb verbs[] = {
	{ "flag", change_flag },
	{ "move", change_move, .may_be_held = true },
	{ "copy", change_copy },
	{ "delete", change_delete, .may_be_held = true },
	{ "append", change_append, .begins_itself = true },
	{ "folder", change_folder },
	{ "confirm", change_confirm },
	{ "retry", change_retry },
	{ "undo", change_undo },
};

static const Verb *
find_verb(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++)
		if (g_strcmp0(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static bool
note_account(const StoreAccount *account, void *data)
{
	g_array_append_val((GArray *)data, account->id);
	return true;
}

/* For people: 0 if it cannot be told. */
static unsigned
count_held(Store *store)
{
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
	unsigned held = 0;

	store_account_list(store, note_account, ids, NULL);
	for (guint i = 0; i < ids->len; i++) {
		StoreOperationCounts counts = { 0 };
		if (store_operation_counts(store, g_array_index(ids, int64_t, i), &counts, NULL))
			held += counts.held;
	}
	return held;
}

bool
change_do(const ChangeContext *context, const char *const *words, ChangeResult *result_r, GError **error)
{
	const Verb *verb = find_verb(words[0]);
	Change change = { .context = context, .words = words + 1 };

	if (!verb)
		return core_throw(error, CORE_ERROR_USAGE, "there is no change called %s", words[0] ? words[0] : "");
	change.count = g_strv_length((char **)(uintptr_t)change.words);
	unsigned held = verb->may_be_held ? count_held(context->store) : 0;
	if (!verb->begins_itself && !(change.txn = store_begin(context->store, error)))
		return false;
	bool ok = verb->run(&change, error);
	if (ok)
		ok = store_commit(g_steal_pointer(&change.txn), error);
	else
		store_rollback(change.txn);
	store_writer_free(change.writer);
	if (ok) {
		unsigned held_now = verb->may_be_held ? count_held(context->store) : 0;
		*result_r = (ChangeResult){ .count = change.changed, .held = held_now > held ? held_now - held : 0 };
	}
	/* What has gone since it was looked up is for the user like what never was there, and what cannot be is his mistake. */
	if (!ok && error && *error &&
	    (core_error_code(*error) == CORE_ERROR_NOT_FOUND || core_error_code(*error) == CORE_ERROR_REFUSED))
		(*error)->code = CORE_ERROR_USAGE;
	return ok;
}
