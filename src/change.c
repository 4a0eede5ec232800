#include "change.h"

#include "change-append.h"
#include "change-flags.h"
#include "change-path.h"
#include "core/clock.h"
#include "mime/name.h"
#include "store/mailboxes.h"
#include "store/operations.h"
#include "sync/derive.h"
#include "sync/recall.h"

#include <string.h>

/* One verb in progress. */
typedef struct {
	const ChangeContext *context;
	const char *const *words; /* behind the verb */
	size_t count;
	StoreTxn *txn;
	StoreWriter *writer; /* made when it is needed */
	unsigned changed;
} Change;

static bool
usage(const char *what, GError **error)
{
	return core_throw(error, CORE_ERROR_USAGE, "%s", what);
}

static bool
change_flags(Change *change, GError **error)
{
	const char *mode = change->words[0];
	g_autofree char *flags = NULL;

	if (change->count < 3 || (strcmp(mode, "add") && strcmp(mode, "remove") && strcmp(mode, "set")))
		return usage("expected: flag add|remove|set FLAGS PATH…", error);
	if (!change_flags_parse(change->words[1], *mode == 'r', &flags, error))
		return false;
	for (size_t i = 2; i < change->count; i++) {
		g_auto(ChangePath) path = { 0 };
		g_auto(StoreMessage) message = { 0 };
		if (!change_path_message(change->context, change->words[i], &path, &message, error))
			return false;
		g_autofree char *have = store_message_flags(change->context->store, message.id, error);
		if (!have)
			return false;
		g_autofree char *extra = *mode == 's' ? change_flags_without(have, flags) : g_strdup("");
		if (!store_change_flags(change->txn, message.id, *mode == 'r' ? "" : flags, *mode == 'r' ? flags : extra, error))
			return false;
		change->changed++;
	}
	return true;
}

static bool
removal_of(Change *change, const ChangePath *path, StoreRemoval *how_r, GError **error)
{
	const ConfigAccount *account = path->account;
	int64_t trash_id = 0;

	if (!account->delete_expunges &&
	    !store_mailbox_special(change->txn, path->account_id, STORE_MAILBOX_TRASH, &trash_id, error))
		return false;
	if (!account->delete_expunges && trash_id == 0) {
		const char *name = config_account_special(account, STORE_MAILBOX_TRASH);
		g_auto(GStrv) components = g_strsplit(name ? name : "Trash", "/", -1);
		if (!store_change_create(change->txn, path->account_id, components, STORE_MAILBOX_TRASH, &trash_id, error))
			return false;
	}
	*how_r = (StoreRemoval){ .trash_id = trash_id, .undo_s = account->undo_s };
	return true;
}

static bool
remove_one(Change *change, const ChangePath *path, int64_t message_id, GError **error)
{
	StoreRemoval how;

	return removal_of(change, path, &how, error) && store_change_remove(change->txn, message_id, &how, error);
}

static bool
change_delete(Change *change, GError **error)
{
	for (size_t i = 0; i < change->count; i++) {
		g_auto(ChangePath) path = { 0 };
		g_auto(StoreMessage) message = { 0 };
		if (!change_path_message(change->context, change->words[i], &path, &message, error) ||
		    !remove_one(change, &path, message.id, error))
			return false;
		change->changed++;
	}
	return change->count > 0 || usage("expected: delete PATH…", error);
}

/* A name that is free in @mailbox_id for a message that has no UID yet. */
static char *
free_name(StoreTxn *txn, int64_t mailbox_id, int64_t date_s, const MimeDerived *derived, GError **error)
{
	g_autofree char *canonical = mime_name_make(date_s, derived->from, derived->subject, 0);

	for (unsigned number = 1;; number++) {
		char *name = number == 1 ? g_strdup(canonical) : mime_name_distinct(canonical, number);
		bool taken;
		if (!store_name_taken(txn, mailbox_id, name, 0, &taken, error)) {
			g_free(name);
			return NULL;
		}
		if (!taken)
			return name;
		g_free(name);
	}
}

static bool
queue_append(Change *change, int64_t mailbox_id, const StoreBody *body, const MimeDerived *derived, const char *flags,
             int64_t date_s, GError **error)
{
	g_autofree char *name = free_name(change->txn, mailbox_id, date_s, derived, error);
	StoreAppend append = {
		.mailbox_id = mailbox_id,
		.body = body,
		.name = name,
		.flags = flags,
		.internaldate_s = date_s,
		.header_sha256 = derived->header_sha256,
	};
	int64_t id;

	return name && store_change_append(change->txn, &append, &id, error);
}

/* Into a folder of another account: the bytes are here, so they are uploaded there. */
static bool
copy_across(Change *change, const StoreMessage *message, int64_t mailbox_id, GError **error)
{
	Store *store = change->context->store;
	g_auto(MimeDerived) derived = { 0 };
	g_autofree char *flags = store_message_flags(store, message->id, error);
	GError *failure = NULL;
	StoreBody body;

	if (!flags)
		return false;
	if (message->body_id == 0)
		return usage("only its header is here, so it cannot be uploaded; read it once below mail/, then try again", error);
	if (!store_body_get(store, message->body_id, &body, &failure)) {
		if (!failure)
			return usage("it has just gone", error);
		g_propagate_error(error, failure);
		return false;
	}
	return sync_derive(store, &body, NULL, false, &derived, error) &&
	       queue_append(change, mailbox_id, &body, &derived, flags, message->internaldate_s, error);
}

static bool
relocate(Change *change, bool is_move, GError **error)
{
	g_auto(ChangePath) target = { 0 };

	if (change->count < 2)
		return usage("expected: PATH… FOLDER", error);
	if (!change_path_mailbox(change->context, change->words[change->count - 1], &target, error))
		return false;
	for (size_t i = 0; i + 1 < change->count; i++) {
		g_auto(ChangePath) path = { 0 };
		g_auto(StoreMessage) message = { 0 };
		int64_t copy_id;
		if (!change_path_message(change->context, change->words[i], &path, &message, error))
			return false;
		bool ok = path.account_id != target.account_id
		                  ? copy_across(change, &message, target.mailbox_id, error) &&
		                            (!is_move || remove_one(change, &path, message.id, error))
		          : is_move ? store_change_move(change->txn, message.id, target.mailbox_id, NULL, false, error)
		                    : store_change_copy(change->txn, message.id, target.mailbox_id, NULL, false, &copy_id, error);
		if (!ok)
			return core_prefix(error, "%s: ", change->words[i]);
		change->changed++;
	}
	return true;
}

static bool
change_move(Change *change, GError **error)
{
	return relocate(change, true, error);
}

static bool
change_copy(Change *change, GError **error)
{
	return relocate(change, false, error);
}

/* Bodies are read before the transaction: a writer may need one of its own. */
typedef struct {
	StoreBody body;
	MimeDerived derived;
} Read;

static void
read_clear(void *data)
{
	mime_derived_clear(&((Read *)data)->derived);
}

static bool
parse_date(const char *text, int64_t *date_s_r, GError **error)
{
	*date_s_r = core_clock_wall_s();
	if (!*text || g_ascii_string_to_signed(text, 10, 0, G_MAXINT64, date_s_r, NULL))
		return true;
	return core_throw(error, CORE_ERROR_USAGE, "%s is no date", text);
}

static bool
read_all(Change *change, uint64_t limit_bytes, GArray *reads, GError **error)
{
	Store *store = change->context->store;

	change->writer = store_writer_new(store, error);
	if (!change->writer)
		return false;
	for (size_t i = 3; i < change->count; i++) {
		Read one = { 0 };
		if (!change_append_read(store, change->writer, change->words[i], limit_bytes, change->context->cancel, &one.body,
		                        &one.derived, error))
			return false;
		g_array_append_val(reads, one);
	}
	return true;
}

/* The largest message that the server of the account takes, as it said last; 0: it did not. */
static bool
append_limit(const Change *change, const ChangePath *target, uint64_t *bytes_r, GError **error)
{
	g_auto(StoreAccount) account = { 0 };

	if (!store_account_find(change->context->store, target->account->name, &account, error))
		return false;
	*bytes_r = sync_recall_append_limit(account.capabilities);
	return true;
}

static bool
change_append(Change *change, GError **error)
{
	Store *store = change->context->store;
	g_autoptr(GArray) reads = g_array_new(FALSE, FALSE, sizeof(Read));
	g_auto(ChangePath) asked = { 0 }, target = { 0 };
	g_autofree char *flags = NULL;
	uint64_t limit_bytes;
	int64_t date_s;

	g_array_set_clear_func(reads, read_clear);
	if (change->count < 4)
		return usage("expected: append FOLDER FLAGS DATE FILE…", error);
	if (!change_flags_parse(change->words[1], false, &flags, error) || !parse_date(change->words[2], &date_s, error) ||
	    !change_path_mailbox(change->context, change->words[0], &asked, error) ||
	    !append_limit(change, &asked, &limit_bytes, error) || !read_all(change, limit_bytes, reads, error) || !(change->txn = store_begin(store, error)) ||
	    !change_path_mailbox(change->context, change->words[0], &target, error))
		return false;
	for (guint i = 0; i < reads->len; i++) {
		const Read *one = &g_array_index(reads, Read, i);
		if (!queue_append(change, target.mailbox_id, &one->body, &one->derived, flags, date_s, error))
			return false;
		change->changed++;
	}
	return true;
}

static bool
folder_one(Change *change, const char *verb, const char *word, GError **error)
{
	g_auto(ChangePath) path = { 0 };
	int64_t id;

	if (strcmp(verb, "delete") == 0)
		return change_path_mailbox(change->context, word, &path, error) &&
		       store_change_delete(change->txn, path.mailbox_id, error);
	if (!change_path_folder(change->context, word, &path, error))
		return false;
	return store_change_create(change->txn, path.account_id, path.components, 0, &id, error) ||
	       core_prefix(error, "%s: ", word);
}

static bool
folder_rename(Change *change, GError **error)
{
	g_auto(ChangePath) from = { 0 }, to = { 0 };

	if (change->count != 3)
		return usage("expected: folder rename FOLDER NEW", error);
	if (!change_path_mailbox(change->context, change->words[1], &from, error) ||
	    !change_path_folder(change->context, change->words[2], &to, error))
		return false;
	if (from.account_id != to.account_id)
		return usage("a folder cannot be moved to another account", error);
	g_autofree char *path = g_strjoinv("/", to.components);
	change->changed = 1;
	return store_change_rename(change->txn, from.mailbox_id, path, error);
}

static bool
change_folder(Change *change, GError **error)
{
	const char *verb = change->count > 0 ? change->words[0] : "";

	if (strcmp(verb, "rename") == 0)
		return folder_rename(change, error);
	if (change->count < 2 || (strcmp(verb, "create") && strcmp(verb, "delete")))
		return usage("expected: folder create|delete FOLDER…, or folder rename FOLDER NEW", error);
	for (size_t i = 1; i < change->count; i++) {
		if (!folder_one(change, verb, change->words[i], error))
			return false;
		change->changed++;
	}
	return true;
}

typedef bool (*PeopleFn)(StoreTxn *txn, int64_t account_id, unsigned *count_r, GError **error);

/* For the accounts that are named, or all. */
static bool
for_accounts(Change *change, PeopleFn fn, GError **error)
{
	if (change->count == 0)
		return fn(change->txn, 0, &change->changed, error);
	for (size_t i = 0; i < change->count; i++) {
		g_auto(StoreAccount) row = { 0 };
		unsigned count = 0;
		if (!config_account(change->context->config, change->words[i], error))
			return false;
		if (store_account_find(change->context->store, change->words[i], &row, NULL) &&
		    !fn(change->txn, row.id, &count, error))
			return false;
		change->changed += count;
	}
	return true;
}

static bool
change_confirm(Change *change, GError **error)
{
	return for_accounts(change, store_operation_confirm, error);
}

static bool
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
		core_throw(error, CORE_ERROR_USAGE, "there is no change %s that can be taken back: what is done, or was begun, cannot",
		           word);
	}
	return false;
}

static bool
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

typedef struct {
	const char *name;
	bool (*run)(Change *change, GError **error);
	bool begins_itself; /* it needs what cannot be done inside a transaction first */
	bool may_be_held;
} Verb;

static const Verb verbs[] = {
	{ "flag", change_flags },
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
