/* What users do, queued for the next synchronisation, in a store that no process has open: for tests.
 *
 *   queue-change STORE flag ADD REMOVE MESSAGE…       flags separated by spaces
 *   queue-change STORE move|copy FOLDER MESSAGE…
 *   queue-change STORE delete MESSAGE…                to the Trash, if there is one
 *   queue-change STORE expunge UNDO_S MESSAGE…
 *   queue-change STORE append FOLDER FLAGS DATE FILE…
 *   queue-change STORE save|jot MESSAGE FILE          saved over; jot: with what is to stay a file
 *   queue-change STORE write|note FOLDER/NAME DATE FILE  a new message, or with note a file
 *   queue-change STORE over MESSAGE MESSAGE           renamed to the place and name of the second
 *   queue-change STORE create|rmdir FOLDER…
 *   queue-change STORE rename FOLDER PATH
 *   queue-change STORE confirm|retry ACCOUNT
 *
 * FOLDER is ACCOUNT/PATH, MESSAGE is FOLDER/~UID or FOLDER/NAME, by the name that people see.  All of a call is one
 * transaction.
 */
#include "store/files.h"
#include "store/mailboxes.h"
#include "store/operations.h"
#include "sync/derive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
	Store *store;
	StoreTxn *txn;
	char **words; /* behind the verb */
	size_t count;
} Call;

static void G_GNUC_NORETURN
fail(const char *what, GError *error)
{
	fprintf(stderr, "queue-change: %s%s%s\n", what, error ? ": " : "", error ? error->message : "");
	exit(1);
}

static void
check(bool ok, const char *what, GError *error)
{
	if (!ok)
		fail(what, error);
}

static int64_t
find_account(const Call *call, const char *name)
{
	g_auto(StoreAccount) account = { 0 };
	GError *error = NULL;

	check(store_account_find(call->store, name, &account, &error), name, error);
	return account.id;
}

/* @path: "ACCOUNT/A/B". */
static int64_t
find_folder(const Call *call, const char *path)
{
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);
	int64_t account_id = find_account(call, parts[0]), id = 0;

	for (char **part = parts + 1; *part; part++) {
		g_auto(StoreMailbox) mailbox = { 0 };
		GError *error = NULL;
		check(store_mailbox_find(call->store, account_id, id, *part, &mailbox, &error), path, error);
		id = mailbox.id;
	}
	return id;
}

typedef struct {
	char *name;
	char *end; /* " ~1.eml" */
	int64_t id;
} Search;

static bool
compare(const StoreEntry *entry, void *data)
{
	Search *search = data;

	if (g_str_has_suffix(entry->name, search->end) || g_str_equal(entry->name, search->name))
		search->id = entry->id;
	return search->id == 0;
}

static int64_t
find_message(const Call *call, const char *path)
{
	g_autofree char *folder = g_path_get_dirname(path), *name = g_path_get_basename(path);
	g_autofree char *end = g_strdup_printf(" %s.eml", name);
	Search search = { .name = name, .end = end };
	GError *error = NULL;

	check(store_entry_list(call->store, find_folder(call, folder), 0, 0, compare, &search, &error) && search.id != 0, path,
	      error);
	return search.id;
}

static int64_t
find_trash(const Call *call, const char *path)
{
	g_auto(GStrv) parts = g_strsplit(path, "/", 2);
	GError *error = NULL;
	int64_t id = 0;

	check(store_mailbox_special(call->txn, find_account(call, parts[0]), STORE_MAILBOX_TRASH, &id, &error), path, error);
	return id;
}

static char *
flags_of(const char *text)
{
	g_auto(GStrv) words = g_strsplit_set(text, " ", -1);

	return store_flags_normalise((const char *const *)words, g_strv_length(words));
}

static bool
do_flag(Call *call, size_t i, GError **error)
{
	g_autofree char *add = flags_of(call->words[0]), *removed = flags_of(call->words[1]);

	return i < 2 || store_change_flags(call->txn, find_message(call, call->words[i]), add, removed, error);
}

static bool
do_move(Call *call, size_t i, GError **error)
{
	return i < 1 || store_change_move(call->txn, find_message(call, call->words[i]), find_folder(call, call->words[0]), NULL,
	                                  false, error);
}

static bool
do_copy(Call *call, size_t i, GError **error)
{
	int64_t id = 0;

	return i < 1 || store_change_copy(call->txn, find_message(call, call->words[i]), find_folder(call, call->words[0]), NULL,
	                                  false, &id, error);
}

static bool
do_delete(Call *call, size_t i, GError **error)
{
	StoreRemoval how = { .trash_id = find_trash(call, call->words[i]) };

	return store_change_remove(call->txn, find_message(call, call->words[i]), &how, error);
}

static bool
do_expunge(Call *call, size_t i, GError **error)
{
	StoreRemoval how = { .undo_s = atoi(call->words[0]) };

	return i < 1 || store_change_remove(call->txn, find_message(call, call->words[i]), &how, error);
}

/* Into a segment, before the transaction. */
static bool
write_body(const Call *call, StoreWriter *writer, const char *path, StoreBody *body_r, MimeDerived *derived_r, GError **error)
{
	g_autofree char *bytes = NULL;
	gsize length;

	return writer && g_file_get_contents(path, &bytes, &length, error) && store_writer_begin(writer, length, error) &&
	       store_writer_write(writer, bytes, length, error) && store_writer_end(writer, body_r, error) &&
	       sync_derive(call->store, body_r, (const uint8_t *)bytes, true, derived_r, error) &&
	       store_writer_sync(writer, error);
}

static bool
do_append(Call *call, size_t i, GError **error)
{
	g_autofree char *flags = flags_of(call->words[1]), *file = g_path_get_basename(call->words[i]);
	g_autofree char *name = g_strconcat(file, ".eml", NULL);
	g_autoptr(StoreWriter) writer = store_writer_new(call->store, error);
	g_auto(MimeDerived) derived = { 0 };
	StoreBody body = { 0 };
	int64_t id;

	if (i < 3)
		return true;
	if (!write_body(call, writer, call->words[i], &body, &derived, error))
		return false;
	g_autoptr(StoreTxn) txn = store_begin(call->store, error);
	StoreAppend append = {
		.mailbox_id = find_folder(call, call->words[0]), .body = &body, .name = name, .flags = flags,
		.internaldate_s = atoll(call->words[2]), .header_sha256 = derived.header_sha256,
	};
	return txn && store_change_append(txn, &append, &id, error) && store_commit(g_steal_pointer(&txn), error);
}

/* As the mount has it: of Drafts for good. */
static bool
removal_from(Call *call, StoreTxn *txn, const char *path, StoreRemoval *how_r, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(path);
	g_auto(StoreMailbox) mailbox = { 0 };

	*how_r = (StoreRemoval){ 0 };
	if (!store_mailbox_get(call->store, find_folder(call, folder), &mailbox, error))
		return false;
	return (mailbox.attributes & STORE_MAILBOX_DRAFTS) != 0 ||
	       store_mailbox_special(txn, mailbox.account_id, STORE_MAILBOX_TRASH, &how_r->trash_id, error);
}

/* words[0] has the bytes of @path from now on, or is new with them. */
static bool
save(Call *call, const char *path, bool is_new, StoreMessageState state, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(call->words[0]), *name = g_path_get_basename(call->words[0]);
	g_autoptr(StoreWriter) writer = store_writer_new(call->store, error);
	g_auto(MimeDerived) derived = { 0 };
	bool is_message = state == STORE_MESSAGE_TO_APPEND;
	StoreBody body = { 0 };
	StoreRemoval how;
	StoreFile file = { .body = &body, .state = state };

	if (!write_body(call, writer, path, &body, &derived, error))
		return false;
	g_autoptr(StoreTxn) txn = store_begin(call->store, error);
	if (!txn || (is_new && !store_file_reserve(txn, 1, &file.id, error)) ||
	    !removal_from(call, txn, call->words[0], &how, error))
		return false;
	file.header_sha256 = is_message ? derived.header_sha256 : NULL;
	if (is_new) {
		file.mailbox_id = find_folder(call, folder);
		file.name = name;
		file.time_s = atoll(call->words[1]);
	} else {
		file.id = find_message(call, call->words[0]);
	}
	return store_file_save(txn, &file, &how, error) && store_commit(g_steal_pointer(&txn), error);
}

static bool
do_save(Call *call, size_t i, GError **error)
{
	return i < 1 || save(call, call->words[1], false, STORE_MESSAGE_TO_APPEND, error);
}

static bool
do_jot(Call *call, size_t i, GError **error)
{
	return i < 1 || save(call, call->words[1], false, STORE_MESSAGE_FILE, error);
}

static bool
do_write(Call *call, size_t i, GError **error)
{
	return i < 2 || save(call, call->words[2], true, STORE_MESSAGE_TO_APPEND, error);
}

static bool
do_note(Call *call, size_t i, GError **error)
{
	return i < 2 || save(call, call->words[2], true, STORE_MESSAGE_FILE, error);
}

static bool
do_over(Call *call, size_t i, GError **error)
{
	g_auto(StoreMessage) target = { 0 }, row = { 0 };
	g_auto(MimeDerived) derived = { 0 };
	StoreRemoval how;
	StoreBody body;

	if (i < 1)
		return true;
	if (!store_message_get(call->store, find_message(call, call->words[0]), &row, error) ||
	    !store_message_get(call->store, find_message(call, call->words[1]), &target, error) ||
	    (store_message_is_file(row.state) && (!store_body_get(call->store, row.body_id, &body, error) ||
	                                          !sync_derive(call->store, &body, NULL, false, &derived, error))) ||
	    !removal_from(call, call->txn, call->words[1], &how, error))
		return false;
	StoreFileRename rename = {
		.id = row.id, .target_id = target.id, .mailbox_id = target.place_id, .name = target.name,
		.name_is_users = true, .state = STORE_MESSAGE_TO_APPEND, .header_sha256 = derived.header_sha256,
	};
	return store_file_rename(call->txn, &rename, &how, error);
}

static bool
do_create(Call *call, size_t i, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(call->words[i], "/", -1);
	int64_t id;

	return store_change_create(call->txn, find_account(call, parts[0]), parts + 1, 0, &id, error);
}

static bool
do_rmdir(Call *call, size_t i, GError **error)
{
	return store_change_delete(call->txn, find_folder(call, call->words[i]), error);
}

static bool
do_rename(Call *call, size_t i, GError **error)
{
	return i < 1 || store_change_rename(call->txn, find_folder(call, call->words[0]), call->words[1], error);
}

static bool
do_confirm(Call *call, size_t i, GError **error)
{
	unsigned count;

	return store_operation_confirm(call->txn, find_account(call, call->words[i]), &count, error);
}

static bool
do_retry(Call *call, size_t i, GError **error)
{
	unsigned count;

	return store_operation_retry(call->txn, find_account(call, call->words[i]), &count, error);
}

static const struct {
	const char *verb;
	size_t words;     /* at least */
	bool (*fn)(Call *call, size_t i, GError **error); /* for each word */
	bool writes;      /* it begins the transaction itself */
} verbs[] = {
	{ "flag", 3, do_flag }, { "move", 2, do_move }, { "copy", 2, do_copy }, { "delete", 1, do_delete },
	{ "expunge", 2, do_expunge }, { "append", 4, do_append, true }, { "create", 1, do_create }, { "rmdir", 1, do_rmdir },
	{ "rename", 2, do_rename }, { "confirm", 1, do_confirm }, { "retry", 1, do_retry },
	{ "save", 2, do_save, true }, { "jot", 2, do_jot, true }, { "write", 3, do_write, true }, { "note", 3, do_note, true },
	{ "over", 2, do_over },
};

int
main(int argc, char **argv)
{
	GError *error = NULL;
	size_t verb = 0;

	if (argc < 3)
		fail("expected: STORE VERB …", NULL);
	mime_init();
	while (verb < G_N_ELEMENTS(verbs) && strcmp(verbs[verb].verb, argv[2]) != 0)
		verb++;
	Call call = { .words = argv + 3, .count = (size_t)argc - 3 };
	if (verb == G_N_ELEMENTS(verbs) || call.count < verbs[verb].words)
		fail("no such verb, or too few words", NULL);
	call.store = store_open(argv[1], &error);
	check(call.store != NULL, argv[1], error);
	bool writes = verbs[verb].writes;
	call.txn = writes ? NULL : store_begin(call.store, &error);
	check(writes || call.txn, "begin", error);
	for (size_t i = 0; i < call.count; i++)
		check(verbs[verb].fn(&call, i, &error), call.words[i], error);
	check(writes || store_commit(g_steal_pointer(&call.txn), &error), "commit", error);
	check(store_derived_flush(call.store, &error), "texts", error);
	store_close(call.store);
	return 0;
}
