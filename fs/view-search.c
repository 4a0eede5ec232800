/* search/ACCOUNT/QUERY/: symbolic links into mail/ to what matches.  Any query can be looked up; those that somebody made
 * (mkdir) are listed, until they are removed (rmdir). */
#include "fs/view-search.h"

#include "fs/change.h"
#include "fs/error.h"
#include "fs/process.h"
#include "fs/searches.h"
#include "store/mailboxes.h"
#include "store/messages.h"
#include "store/searches.h"

#include <errno.h>
#include <string.h>

static FsNode
directory_node(const Fs *fs, FsInode inode, bool fleeting)
{
	return (FsNode){ .inode = inode, .number = inode, .mtime_s = fs->changed_s, .directory = true, .writable = true,
		             .fleeting = fleeting };
}

/* The query that a name stands for: %2F is a slash, which a name cannot have.  NULL: none, as names with a leading dot are
 * looked for by all kinds of programs. */
static char *
query_of(const char *name)
{
	if (*name == '.')
		return NULL;
	g_auto(GStrv) pieces = g_strsplit(name, "%2F", -1);
	g_autofree char *upper = g_strjoinv("/", pieces);
	g_auto(GStrv) rest = g_strsplit(upper, "%2f", -1);
	return g_strjoinv("/", rest);
}

/* And back, for the listing. */
static char *
name_of(const char *query)
{
	g_auto(GStrv) pieces = g_strsplit(query, "/", -1);

	return g_strjoinv("%2F", pieces);
}

/* The id of the row of a query that is kept; 0: it is not. */
static bool
saved_id(const Fs *fs, int64_t account_id, const char *query, int64_t *id_r, GError **error)
{
	StoreSavedSearch saved = { 0 };
	GError *failure = NULL;

	if (store_saved_search_find(fs->store, account_id, query, &saved, &failure))
		g_free((char *)(uintptr_t)saved.query);
	else if (failure)
		g_propagate_error(error, failure);
	*id_r = saved.id;
	return !failure;
}

/* Where the message is: "../../../mail/ACCOUNT/FOLDER/NAME".  NULL with *error unset: it is not seen any more. */
static char *
target_of(const Fs *fs, int64_t id, GError **error)
{
	g_auto(StoreMessage) message = { 0 };
	g_auto(StoreMailbox) mailbox = { 0 };
	g_autofree char *account = NULL, *path = NULL;

	if (!store_message_get(fs->store, id, &message, error) || message.place_id == 0 || !message.name ||
	    !store_mailbox_get(fs->store, message.place_id, &mailbox, error) ||
	    !(account = store_account_name(fs->store, mailbox.account_id, error)) ||
	    !(path = store_mailbox_path(fs->store, mailbox.id, error)))
		return NULL;
	return g_strconcat("../../../mail/", account, "/", path, "/", message.name, NULL);
}

static bool
link_node(const Fs *fs, int64_t id, FsNode *node_r, GError **error)
{
	FsInode inode = fs_inode(FS_TAG_SEARCH, FS_SEARCH_LINK, id);
	g_autofree char *target = target_of(fs, id, error);

	if (!target)
		return false;
	*node_r = (FsNode){ .inode = inode, .number = inode, .size = strlen(target), .mtime_s = fs->changed_s, .link = true,
		                .fleeting = true, .changing = true };
	return true;
}

static bool
lookup_query(Fs *fs, int64_t account_id, const char *name, FsNode *node_r, GError **error)
{
	g_autofree char *query = query_of(name);
	g_autoptr(GError) failure = NULL;
	int64_t saved = 0, number;

	if (!query || !saved_id(fs, account_id, query, &saved, error))
		return false;
	if (!fs_searches_look(fs->searches, account_id, query, saved, &number, &failure)) {
		if (core_error_code(failure) == CORE_ERROR_USAGE && fs->calls->bad_query) {
			g_autofree char *words = g_strconcat(query, ": ", failure->message, NULL);
			fs->calls->bad_query(words, fs->calls->data);
		}
		g_propagate_error(error, g_steal_pointer(&failure));
		return false;
	}
	if (number == 0)
		return fs_throw(error, EBUSY);
	*node_r = directory_node(fs, fs_searches_inode(number), saved == 0);
	return true;
}

static bool
lookup_link(Fs *fs, int64_t number, const char *name, FsNode *node_r, GError **error)
{
	int64_t id;

	return fs_searches_find(fs->searches, number, name, &id, error) && link_node(fs, id, node_r, error);
}

static bool
search_lookup(const FsView *view, Fs *fs, FsInode directory, const char *name, FsNode *node_r, GError **error)
{
	g_auto(StoreAccount) account = { 0 };

	switch (fs_inode_kind(directory)) {
	case FS_SEARCH_TOP:
		if (!store_account_find(fs->store, name, &account, error))
			return false;
		*node_r = directory_node(fs, fs_inode(FS_TAG_SEARCH, FS_SEARCH_ACCOUNT, account.id), false);
		return true;
	case FS_SEARCH_ACCOUNT:
		return lookup_query(fs, fs_inode_row(directory), name, node_r, error);
	case FS_SEARCH_QUERY:
		return lookup_link(fs, fs_inode_row(directory), name, node_r, error);
	default:
		return false;
	}
}

/* mkdir() looks first, and would be told that it is there already. */
static bool
search_hides(const FsView *view, Fs *fs, FsInode directory, const char *name, pid_t reader)
{
	g_autofree char *query = fs_inode_kind(directory) == FS_SEARCH_ACCOUNT ? query_of(name) : NULL;
	int64_t saved;

	return query && fs_process_makes_directory(reader) &&
	       saved_id(fs, fs_inode_row(directory), query, &saved, NULL) && saved == 0;
}

static bool
search_attributes(const FsView *view, Fs *fs, FsInode inode, FsNode *node_r, GError **error)
{
	int64_t account_id;

	switch (fs_inode_kind(inode)) {
	case FS_SEARCH_TOP:
	case FS_SEARCH_ACCOUNT:
		*node_r = directory_node(fs, inode, false);
		return true;
	case FS_SEARCH_QUERY:
		*node_r = directory_node(fs, inode, false);
		return fs_searches_account(fs->searches, fs_inode_row(inode), &account_id);
	default:
		return link_node(fs, fs_inode_row(inode), node_r, error);
	}
}

typedef struct {
	Fs *fs;
	uint64_t after;
	FsListFn fn;
	void *data;
} Listing;

static bool
list_account(const StoreAccount *account, void *data)
{
	const Listing *listing = data;
	FsNode node = directory_node(listing->fs, fs_inode(FS_TAG_SEARCH, FS_SEARCH_ACCOUNT, account->id), false);
	uint64_t cookie = (uint64_t)account->id + FS_COOKIE_FIRST;

	return cookie <= listing->after || listing->fn(account->name, &node, cookie, listing->data);
}

/* Not looked up by being listed: whoever wants it looks it up. */
static bool
list_saved(const StoreSavedSearch *saved, void *data)
{
	const Listing *listing = data;
	FsNode node = directory_node(listing->fs, fs_searches_inode(saved->id), true);
	g_autofree char *name = name_of(saved->query);

	return listing->fn(name, &node, (uint64_t)saved->id + FS_COOKIE_FIRST, listing->data);
}

static bool
list_found(const Listing *listing, int64_t number, GError **error)
{
	g_autoptr(GPtrArray) results = fs_searches_results(listing->fs->searches, number, error);

	for (guint i = 0; results && i < results->len; i++) {
		const FsFound *found = results->pdata[i];
		FsInode inode = fs_inode(FS_TAG_SEARCH, FS_SEARCH_LINK, found->id);
		FsNode node = { .inode = inode, .number = inode, .link = true, .fleeting = true };
		uint64_t cookie = (uint64_t)found->id + FS_COOKIE_FIRST;
		if (cookie > listing->after && !listing->fn(found->name, &node, cookie, listing->data))
			break;
	}
	return results != NULL;
}

static bool
search_list(const FsView *view, Fs *fs, FsInode directory, uint64_t after, FsListFn fn, void *data, GError **error)
{
	Listing listing = { fs, after, fn, data };
	int64_t row = fs_inode_row(directory), after_id = after > FS_COOKIE_FIRST ? (int64_t)(after - FS_COOKIE_FIRST) : 0;

	switch (fs_inode_kind(directory)) {
	case FS_SEARCH_TOP:
		return store_account_list(fs->store, list_account, &listing, error);
	case FS_SEARCH_ACCOUNT:
		return store_saved_search_list(fs->store, row, after_id, list_saved, &listing, error);
	default:
		return list_found(&listing, row, error);
	}
}

static bool
search_readlink(const FsView *view, Fs *fs, FsInode inode, char **target_r, GError **error)
{
	*target_r = fs_inode_kind(inode) == FS_SEARCH_LINK ? target_of(fs, fs_inode_row(inode), error) : NULL;
	return *target_r != NULL;
}

static bool
search_read(const FsView *view, Fs *fs, FsInode inode, void *buffer, size_t size, uint64_t offset, size_t *n_r,
            GError **error)
{
	return fs_throw(error, EISDIR);
}

static const char *const *
search_xattr_names(Fs *fs, FsInode inode)
{
	static const char *const none[] = { NULL };

	return none;
}

static bool
search_xattr(const FsView *view, Fs *fs, FsInode inode, const char *name, char **value_r, GError **error)
{
	return false;
}

static void
search_forget(Fs *fs, FsInode inode, uint64_t count)
{
	if (fs_inode_kind(inode) == FS_SEARCH_QUERY)
		fs_searches_forget(fs->searches, fs_inode_row(inode), count);
}

static int64_t
search_account(Fs *fs, FsInode inode)
{
	int64_t account_id = fs_inode_kind(inode) == FS_SEARCH_ACCOUNT ? fs_inode_row(inode) : 0;

	if (fs_inode_kind(inode) == FS_SEARCH_QUERY)
		fs_searches_account(fs->searches, fs_inode_row(inode), &account_id);
	return account_id;
}

/* Keeping searches. */

static bool
mkdir_check(FsChange *change, GError **error)
{
	if (fs_inode_kind(change->directory) != FS_SEARCH_ACCOUNT)
		return fs_throw(error, EPERM);
	change->value = query_of(change->name);
	if (!change->value)
		return fs_throw(error, EPERM);
	g_autoptr(StoreSearch) search = store_search_new(change->value, error);
	return search != NULL;
}

static bool
mkdir_apply(FsChange *change, StoreTxn *txn, GError **error)
{
	g_autoptr(GError) failure = NULL;

	if (store_saved_search_add(txn, fs_inode_row(change->directory), change->value, &change->row_id, &failure))
		return true;
	if (core_error_code(failure) == CORE_ERROR_REFUSED)
		return fs_throw(error, EEXIST);
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

static void
mkdir_applied(FsChange *change)
{
	int64_t number;

	if (fs_searches_look(change->fs->searches, fs_inode_row(change->directory), change->value, change->row_id, &number,
	                     NULL))
		change->inode = fs_searches_inode(number);
}

static const FsVerb search_mkdir = { .check = mkdir_check, .apply = mkdir_apply, .applied = mkdir_applied };

static bool
rmdir_check(FsChange *change, GError **error)
{
	int64_t account_id;

	if (fs_inode_kind(change->directory) != FS_SEARCH_ACCOUNT)
		return fs_throw(error, change->is_directory ? EPERM : ENOTDIR);
	g_autofree char *query = query_of(change->name);
	account_id = fs_inode_row(change->directory);
	if (!query || !saved_id(change->fs, account_id, query, &change->row_id, error))
		return false;
	return change->row_id != 0 || fs_throw(error, ENOENT);
}

static bool
rmdir_apply(FsChange *change, StoreTxn *txn, GError **error)
{
	return store_saved_search_remove(txn, change->row_id, error);
}

static const FsVerb search_rmdir = { .check = rmdir_check, .apply = rmdir_apply };

static const FsChanges changes = { .mkdir = &search_mkdir, .rmdir = &search_rmdir };

const FsView fs_search_view = {
	.tag = FS_TAG_SEARCH,
	.name = "search",
	.lookup = search_lookup,
	.hides = search_hides,
	.attributes = search_attributes,
	.list = search_list,
	.read = search_read,
	.readlink = search_readlink,
	.xattr_names = search_xattr_names,
	.xattr = search_xattr,
	.forget = search_forget,
	.account = search_account,
	.changes = &changes,
};
