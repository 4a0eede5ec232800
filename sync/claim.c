/* Which is which. */
#include "sync/claim.h"

#include "store/operations.h"

#include <string.h>

static void
row_free(void *data)
{
	SyncRow *row = data;

	g_free(row->path);
	g_free(row->server_name);
	g_free(row->mailboxid);
	g_free(row->rights);
	g_free(row);
}

void
sync_rows_clear(SyncRows *rows)
{
	g_clear_pointer(&rows->by_id, g_hash_table_unref);
	g_clear_pointer(&rows->by_path, g_hash_table_unref);
	g_clear_pointer(&rows->by_listed, g_hash_table_unref);
	g_clear_pointer(&rows->being_renamed, g_hash_table_unref);
	g_clear_pointer(&rows->kept_paths, g_hash_table_unref);
	g_clear_pointer(&rows->private_names, g_hash_table_unref);
	g_clear_pointer(&rows->rows, g_ptr_array_unref);
}

/* What failed is not going to happen any more. */
static bool
note_operation(const StoreOperation *operation, void *data)
{
	SyncRows *rows = data;

	if (operation->state == STORE_OPERATION_FAILED)
		return true;
	if (operation->kind == STORE_OPERATION_RENAME) {
		int64_t *id = g_memdup2(&operation->mailbox_id, sizeof operation->mailbox_id);
		g_hash_table_replace(rows->being_renamed, id, operation->state == STORE_OPERATION_QUEUED ? id : NULL);
	}
	bool has_name = operation->kind == STORE_OPERATION_DELETE || operation->kind == STORE_OPERATION_CREATE;
	if (has_name && operation->arguments)
		g_hash_table_add(rows->private_names, g_strdup(operation->arguments));
	return true;
}

static bool
note_row(const StoreMailbox *mailbox, void *data)
{
	SyncRows *rows = data;
	const SyncRow *parent = g_hash_table_lookup(rows->by_id, &mailbox->parent_id);
	SyncRow *row = g_new(SyncRow, 1);

	*row = (SyncRow){
		.id = mailbox->id,
		.path = parent ? g_strconcat(parent->path, "/", mailbox->name, NULL) : g_strdup(mailbox->name),
		.is_mailbox = mailbox->server_name != NULL,
		.is_deleted = mailbox->state == STORE_MAILBOX_TO_DELETE,
		.separator = mailbox->separator,
		.attributes = mailbox->attributes,
		.server_name = g_strdup(mailbox->server_name),
		.mailboxid = g_strdup(mailbox->mailboxid),
		.rights = g_strdup(mailbox->rights),
		.uidvalidity = mailbox->uidvalidity,
		.uidnext = mailbox->uidnext,
		.highestmodseq = mailbox->highestmodseq,
	};
	bool is_being_renamed = g_hash_table_contains(rows->being_renamed, &row->id);
	/* What is below a mailbox went with it. */
	row->stays = row->is_deleted || (parent && parent->stays) || is_being_renamed;
	row->may_follow = !row->is_deleted && (parent && parent->stays ? parent->may_follow
	                                                                 : g_hash_table_lookup(rows->being_renamed, &row->id) != NULL);
	row->is_hidden = row->is_deleted && ((parent && parent->is_hidden) || is_being_renamed);
	g_ptr_array_add(rows->rows, row);
	g_hash_table_insert(rows->by_id, &row->id, row);
	bool is_kept = mailbox->state == STORE_MAILBOX_TO_CREATE || (row->stays && row->is_mailbox);
	if (row->is_hidden || (!row->is_deleted && is_kept))
		g_hash_table_add(rows->kept_paths, row->path);
	if (!row->is_mailbox)
		return true; /* a directory goes with the last mailbox below it */
	rows->known++;
	if (!row->is_deleted)
		g_hash_table_insert(rows->by_path, row->path, row);
	return true;
}

bool
sync_rows_load(SyncRows *rows, const SyncRun *run, GError **error)
{
	*rows = (SyncRows){
		.rows = g_ptr_array_new_with_free_func(row_free),
		.by_id = g_hash_table_new(g_int64_hash, g_int64_equal),
		.by_path = g_hash_table_new(g_str_hash, g_str_equal),
		.by_listed = g_hash_table_new(NULL, NULL),
		.being_renamed = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL),
		.kept_paths = g_hash_table_new(g_str_hash, g_str_equal),
		.private_names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
	};
	return store_operation_list(run->store, run->account_id, note_operation, rows, error) &&
	       store_mailbox_list(run->store, run->account_id, note_row, rows, error);
}

void
sync_row_claim(SyncRows *rows, SyncRow *row, const SyncListed *listed, SyncClaim claim)
{
	row->listed = listed;
	row->claim = claim;
	g_hash_table_insert(rows->by_listed, (void *)(uintptr_t)listed, row);
}

bool
sync_row_is_unlisted(const SyncRow *row)
{
	return row->is_mailbox && !row->listed && !row->stays;
}

bool
sync_row_is_missed(const SyncRow *row)
{
	return row->is_mailbox && !row->listed && (!row->stays || row->may_follow);
}

bool
sync_rows_lack(const SyncRows *rows, const SyncListed *listed)
{
	return !g_hash_table_contains(rows->by_listed, listed) && !g_hash_table_contains(rows->kept_paths, listed->path) &&
	       !g_hash_table_contains(rows->private_names, listed->server_name);
}

bool
sync_row_is_recreated(const SyncRow *row)
{
	const char *now = row->listed ? row->listed->status.mailboxid : NULL;

	return now && row->mailboxid && strcmp(now, row->mailboxid) != 0;
}

void
sync_rows_claim_by_name(SyncRows *rows, const SyncListing *listing)
{
	for (guint i = 0; i < rows->rows->len; i++) {
		SyncRow *row = g_ptr_array_index(rows->rows, i);
		const SyncListed *listed = row->is_mailbox ? g_hash_table_lookup(listing->by_name, row->server_name) : NULL;
		if (listed)
			sync_row_claim(rows, row, listed, SYNC_CLAIM_NAME);
	}
}

/* Names that are new here, at the path of a mailbox whose name is no longer listed. */
static void
claim_by_path(SyncRows *rows, const SyncListing *listing)
{
	for (guint i = 0; i < listing->folders->len; i++) {
		const SyncListed *listed = g_ptr_array_index(listing->folders, i);
		SyncRow *row = g_hash_table_lookup(rows->by_path, listed->path);
		if (row && sync_row_is_unlisted(row) && sync_rows_lack(rows, listed))
			sync_row_claim(rows, row, listed, SYNC_CLAIM_PATH);
	}
}

/* What tells a mailbox from all others; NULL: nothing does. */
static char *
sign(SyncClaim claim, const char *mailboxid, uint32_t uidvalidity)
{
	if (claim == SYNC_CLAIM_MAILBOXID)
		return g_strdup(mailboxid);
	return uidvalidity ? g_strdup_printf("%" G_GUINT32_FORMAT, uidvalidity) : NULL;
}

static char *
sign_of_listed(const SyncListed *listed, SyncClaim claim)
{
	bool told = listed->status.fields & IMAP_STATUS_UIDVALIDITY;

	return sign(claim, listed->status.mailboxid, told ? listed->status.uidvalidity : 0);
}

/* Takes @key.  The value of one that comes twice is NULL. */
static void
note_unique(GHashTable *table, char *key, void *value)
{
	if (key)
		g_hash_table_replace(table, key, g_hash_table_contains(table, key) ? NULL : value);
}

/* Renaming INBOX leaves an INBOX behind (RFC 9051 6.3.6). */
static bool
may_be_renamed(const SyncRow *row, const SyncListed *listed, SyncClaim claim)
{
	bool inbox = strcmp(row->path, "INBOX") == 0 || strcmp(listed->path, "INBOX") == 0;
	bool ids_differ = claim == SYNC_CLAIM_UIDVALIDITY && row->mailboxid && listed->status.mailboxid;

	return !inbox && !ids_differ;
}

/* Names that are new here, with the sign of a mailbox whose name is no longer listed, if both have it alone. */
static void
claim_by_sign(SyncRows *rows, const SyncListing *listing, SyncClaim claim)
{
	g_autoptr(GHashTable) old = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GHashTable) new = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; i < rows->rows->len; i++) {
		SyncRow *row = g_ptr_array_index(rows->rows, i);
		if (row->is_mailbox)
			note_unique(old, sign(claim, row->mailboxid, row->uidvalidity), row);
	}
	for (guint i = 0; i < listing->folders->len; i++) {
		SyncListed *listed = g_ptr_array_index(listing->folders, i);
		note_unique(new, sign_of_listed(listed, claim), listed);
	}
	for (guint i = 0; i < listing->folders->len; i++) {
		SyncListed *listed = g_ptr_array_index(listing->folders, i);
		g_autofree char *key = sign_of_listed(listed, claim);
		SyncRow *row = key && g_hash_table_lookup(new, key) == listed ? g_hash_table_lookup(old, key) : NULL;
		if (row && row->answers && claim == SYNC_CLAIM_UIDVALIDITY)
			continue;
		if (row && sync_row_is_missed(row) && sync_rows_lack(rows, listed) && may_be_renamed(row, listed, claim))
			sync_row_claim(rows, row, listed, claim);
	}
}

/* While the listing is in doubt a mailbox that it does not show may still be there. */
void
sync_rows_claim_others(SyncRows *rows, const SyncListing *listing)
{
	if (!listing->in_doubt)
		claim_by_sign(rows, listing, SYNC_CLAIM_MAILBOXID);
	claim_by_path(rows, listing);
	if (!listing->in_doubt)
		claim_by_sign(rows, listing, SYNC_CLAIM_UIDVALIDITY);
}
