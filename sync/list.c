/* Brings the mailboxes in the store to what LIST told.
 *
 * A row stays with its mailbox as long as there is something to know it by: the server's name, and when the server has
 * another name for what stands at the same path (it moved to another separator, or writes Inbox), the path.  Whether
 * the messages are the same is then for UIDVALIDITY to say, or, when the names differ in more than that, for the
 * messages themselves.  While the listing is in doubt nothing is taken away.
 */
#include "sync/listing.h"
#include "sync/path.h"

#include <string.h>

/* A mailbox or directory in the store. */
typedef struct {
	int64_t id;
	char *path;
	bool is_mailbox;
	char separator;
	uint32_t attributes;
	char *server_name;        /* a mailbox's, unless @listed has it */
	const SyncListed *listed; /* what LIST told of it; NULL: nothing */
} Row;

typedef struct {
	SyncRun *run;
	SyncListing listing;
	GPtrArray *rows;       /* of Row, parents before children */
	GHashTable *by_id;     /* id -> Row, borrowed, as in the next two */
	GHashTable *by_path;   /* only mailboxes */
	GHashTable *by_listed; /* SyncListed -> Row */
	unsigned known;        /* mailboxes */
} Lists;

static void
row_free(void *data)
{
	Row *row = data;

	g_free(row->path);
	g_free(row->server_name);
	g_free(row);
}

static void
claim(Lists *lists, Row *row, const SyncListed *listed)
{
	row->listed = listed;
	g_hash_table_insert(lists->by_listed, (void *)(uintptr_t)listed, row);
}

static bool
note_row(const StoreMailbox *mailbox, void *data)
{
	Lists *lists = data;
	const Row *parent = g_hash_table_lookup(lists->by_id, &mailbox->parent_id);
	Row *row = g_new(Row, 1);

	*row = (Row){
		.id = mailbox->id,
		.path = parent ? g_strconcat(parent->path, "/", mailbox->name, NULL) : g_strdup(mailbox->name),
		.is_mailbox = mailbox->server_name != NULL,
		.separator = mailbox->separator,
		.attributes = mailbox->attributes,
	};
	g_ptr_array_add(lists->rows, row);
	g_hash_table_insert(lists->by_id, &row->id, row);
	if (!row->is_mailbox)
		return true; /* a directory goes with the last mailbox below it */
	lists->known++;
	g_hash_table_insert(lists->by_path, row->path, row);
	const SyncListed *listed = g_hash_table_lookup(lists->listing.by_name, mailbox->server_name);
	if (listed)
		claim(lists, row, listed);
	else
		row->server_name = g_strdup(mailbox->server_name);
	return true;
}

/* Names that are new here, at the path of a mailbox whose name is no longer listed. */
static void
claim_by_path(Lists *lists)
{
	const GPtrArray *folders = lists->listing.folders;

	for (guint i = 0; i < folders->len; i++) {
		const SyncListed *listed = g_ptr_array_index(folders, i);
		Row *row = g_hash_table_lookup(lists->by_path, listed->path);
		if (row && !row->listed && !g_hash_table_contains(lists->by_listed, listed))
			claim(lists, row, listed);
	}
}

/* What the configuration does not want goes also while the listing is in doubt. */
static bool
is_gone(const Lists *lists, const Row *row)
{
	return row->is_mailbox && !row->listed &&
	       (!lists->listing.in_doubt || !sync_path_wanted(lists->run->account->folders, row->path));
}

static bool
moves(const Row *row)
{
	return strcmp(row->path, row->listed->path) != 0;
}

/* Whether LIST told something new of a mailbox that is known, and it can be relied on. */
static bool
is_changed(const Lists *lists, const Row *row)
{
	const SyncListed *listed = row->listed;

	if (!listed)
		return false;
	bool loses = (row->attributes & ~listed->attributes) & STORE_MAILBOX_SELECTABLE;
	if (lists->listing.in_doubt && (listed->damaged || loses || moves(row)))
		return false;
	return row->server_name || moves(row) || row->separator != listed->separator || row->attributes != listed->attributes;
}

/* Whether two names of one path differ only in the separator and the spelling of INBOX. */
static bool
is_same_name(const char *a, char a_separator, const char *b, char b_separator)
{
	bool inbox = g_ascii_strncasecmp(a, "INBOX", 5) == 0 && g_ascii_strncasecmp(b, "INBOX", 5) == 0;

	for (size_t i = inbox ? 5 : 0; a[i] || b[i]; i++) {
		bool both_separate = a[i] && a[i] == a_separator && b[i] && b[i] == b_separator;
		if (a[i] != b[i] && !both_separate)
			return false;
	}
	return true;
}

/* Whether @listed is to have a row of its own.  While in doubt, what is in its place does not move away. */
static bool
is_new(const Lists *lists, const SyncListed *listed)
{
	return !g_hash_table_contains(lists->by_listed, listed) &&
	       (!lists->listing.in_doubt || !g_hash_table_contains(lists->by_path, listed->path));
}

/* Nothing is written when the listing is what the store has, so a quiet account costs no commit. */
static bool
is_anything_to_write(const Lists *lists)
{
	for (guint i = 0; i < lists->rows->len; i++) {
		const Row *row = g_ptr_array_index(lists->rows, i);
		if (is_gone(lists, row) || is_changed(lists, row))
			return true;
	}
	for (guint i = 0; i < lists->listing.folders->len; i++)
		if (is_new(lists, g_ptr_array_index(lists->listing.folders, i)))
			return true;
	return false;
}

static bool
write_moves(const Lists *lists, StoreTxn *txn, GError **error)
{
	g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(StoreMailboxMove));

	for (guint i = 0; i < lists->rows->len; i++) {
		const Row *row = g_ptr_array_index(lists->rows, i);
		if (is_changed(lists, row) && moves(row)) {
			StoreMailboxMove move = { row->id, row->listed->path };
			g_array_append_val(all, move);
		}
	}
	return all->len == 0 || store_mailboxes_move(txn, (const StoreMailboxMove *)(void *)all->data, all->len, error);
}

static bool
write_listed(Lists *lists, StoreTxn *txn, const SyncListed *listed, GError **error)
{
	Row *row = g_hash_table_lookup(lists->by_listed, listed);

	if (row ? !is_changed(lists, row) : !is_new(lists, listed))
		return true;
	if (!row) {
		g_auto(GStrv) components = g_strsplit(listed->path, "/", -1);
		row = g_new0(Row, 1);
		g_ptr_array_add(lists->rows, row);
		if (!store_mailbox_ensure(txn, lists->run->account_id, components, &row->id, error))
			return false;
		claim(lists, row, listed);
	}
	/* "&AOk-" where there was a raw "é": the same mailbox in another encoding, or another one with the same UIDVALIDITY. */
	if (row->server_name && !is_same_name(row->server_name, row->separator, listed->server_name, listed->separator) &&
	    !store_mailbox_forget_uids(txn, row->id, 0, error))
		return false;
	row->attributes = listed->attributes;
	return store_mailbox_set_listing(txn, row->id, listed->server_name, listed->separator, listed->attributes, error);
}

/* What is gone becomes a directory first, out of the way of what moves to its path, and is removed last, so that the
 * directories that are still needed stay. */
static bool
write_all(Lists *lists, GError **error)
{
	g_autoptr(StoreTxn) txn = store_begin(lists->run->store, error);
	g_autoptr(GArray) gone = g_array_new(FALSE, FALSE, sizeof(int64_t));

	if (!txn)
		return false;
	for (guint i = 0; i < lists->rows->len; i++) {
		const Row *row = g_ptr_array_index(lists->rows, i);
		if (!is_gone(lists, row))
			continue;
		g_array_append_val(gone, row->id);
		if (!store_mailbox_set_listing(txn, row->id, NULL, 0, 0, error))
			return false;
	}
	if (!write_moves(lists, txn, error))
		return false;
	for (guint i = 0; i < lists->listing.folders->len; i++)
		if (!write_listed(lists, txn, g_ptr_array_index(lists->listing.folders, i), error))
			return false;
	for (guint i = 0; i < gone->len; i++)
		if (!store_mailbox_remove(txn, g_array_index(gone, int64_t, i), error))
			return false;
	return store_commit(g_steal_pointer(&txn), error);
}

static bool
bring_up_to_date(Lists *lists, GArray *mailboxes, GError **error)
{
	SyncRun *run = lists->run;

	if (!store_mailbox_list(run->store, run->account_id, note_row, lists, error))
		return false;
	/* Every account has an INBOX: a server that lists nothing is broken, and is not to empty the store. */
	if (!lists->listing.any && lists->known > 0)
		return core_throw(error, CORE_ERROR_PROTOCOL, "the server lists no folders at all; nothing was changed here");
	if (lists->listing.folders->len == 0 && lists->listing.any)
		return core_throw(error, CORE_ERROR_CONFIG,
		                  "none of the server's folders is wanted by \"folders\" in the configuration; nothing was changed");
	claim_by_path(lists);
	if (is_anything_to_write(lists) && !write_all(lists, error))
		return false;
	for (guint i = 0; i < lists->listing.folders->len; i++) {
		const Row *row = g_hash_table_lookup(lists->by_listed, g_ptr_array_index(lists->listing.folders, i));
		if (row && (row->attributes & STORE_MAILBOX_SELECTABLE))
			g_array_append_val(mailboxes, row->id);
	}
	return true;
}

bool
sync_list(SyncWorker *worker, GArray *mailboxes, GError **error)
{
	g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(row_free);
	g_autoptr(GHashTable) by_id = g_hash_table_new(g_int64_hash, g_int64_equal);
	g_autoptr(GHashTable) by_path = g_hash_table_new(g_str_hash, g_str_equal);
	g_autoptr(GHashTable) by_listed = g_hash_table_new(NULL, NULL);
	Lists lists = { .run = worker->run, .rows = rows, .by_id = by_id, .by_path = by_path, .by_listed = by_listed };

	bool ok = sync_listing_ask(worker, &lists.listing, error) && bring_up_to_date(&lists, mailboxes, error);
	sync_listing_clear(&lists.listing);
	return ok;
}
