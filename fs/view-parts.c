/* parts/: a message is a directory, and what it consists of are files in it, under their own names and decoded.
 *
 * Which those are says the outline of the body (mime/outline.h), which is made when somebody looks first, and kept.  The
 * files are decoded from the message whenever they are read.  The inode of one is its message and its number in the
 * outline; its generation is made of the body, since the bytes of a message that is only here can become others.
 */
#include "fs/tree.h"

#include "core/log.h"
#include "fs/error.h"
#include "mime/derive.h"
#include "mime/outline.h"
#include "mime/reader.h"
#include "store/derived.h"
#include "store/mailboxes.h"

#include <errno.h>
#include <string.h>

#define NUMBER_BITS 10 /* of an inode's row: which of the parts; the rest is the message */
#define MESSAGE_ID_MAX (((int64_t)1 << (56 - NUMBER_BITS)) - 1)

G_STATIC_ASSERT(MIME_OUTLINE_ENTRIES_MAX <= 1 << NUMBER_BITS);

/* Making an outline is rare and can be costly: one at a time, so that many readers of one message make it once.  Nothing
 * but the store's own locks is taken inside. */
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

/* A message that somebody looks into. */
typedef struct {
	int64_t id;
	int64_t date_s;
	StoreBody body;
	MimeOutline *outline; /* NULL: the body is not here */
} Opened;

static void
opened_clear(Opened *opened)
{
	g_clear_pointer(&opened->outline, mime_outline_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Opened, opened_clear)

/* Names. */

/* NULL: the name in mail/ is the name here. */
static char *
without_ending(const char *name)
{
	g_autofree char *stem = g_str_has_suffix(name, ".eml") ? g_strndup(name, strlen(name) - strlen(".eml")) : NULL;

	return stem && fs_name_valid(stem) ? g_steal_pointer(&stem) : NULL;
}

static char *
parts_name(const char *name)
{
	char *stem = without_ending(name);

	return stem ? stem : g_strdup(name);
}

static bool
is_folder(Fs *fs, int64_t mailbox_id, const char *name, GError **error)
{
	g_auto(StoreMailbox) child = { 0 };

	return store_mailbox_child(fs->store, mailbox_id, name, &child, error);
}

/* Folders keep their names; then those come that end in .eml in mail/. */
static bool
parts_find(Fs *fs, int64_t mailbox_id, const char *name, StoreEntry *entry_r, GError **error)
{
	g_autoptr(GError) failed = NULL;
	g_autofree char *canonical = g_strconcat(name, ".eml", NULL), *stem = without_ending(name);

	if (!is_folder(fs, mailbox_id, name, &failed) && !failed &&
	    (store_entry_find(fs->store, mailbox_id, canonical, MIME_DERIVE_VERSION, entry_r, &failed) ||
	     (!failed && !stem && store_entry_find(fs->store, mailbox_id, name, MIME_DERIVE_VERSION, entry_r, &failed))))
		return true;
	if (failed)
		g_propagate_error(error, g_steal_pointer(&failed));
	return false;
}

/* Looking into a message. */

/* The outline that is kept; NULL with *error unset: none, or nothing that could be one. */
static MimeOutline *
kept_outline(Fs *fs, const StoreBody *body, GError **error)
{
	g_autoptr(GBytes) kept = store_parts_get(fs->store, body, MIME_OUTLINE_VERSION, error);
	gsize length;

	if (!kept)
		return NULL;
	const uint8_t *bytes = g_bytes_get_data(kept, &length);
	return mime_outline_unpack(bytes, length, body->length);
}

/* Where the bytes of @body are.  The segment is to be held while they are read.  Compaction may have moved them since
 * @body was filled, which then is filled again. */
static StoreSegment *
find_bytes(Fs *fs, StoreBody *body, MimeSource *source_r, GError **error)
{
	GError *failure = NULL;
	StoreSegment *segment = store_body_segment(fs->store, body, &failure);

	if (!segment && core_error_code(failure) == CORE_ERROR_NOT_FOUND &&
	    store_body_get(fs->store, body->id, body, NULL)) {
		g_clear_error(&failure);
		segment = store_body_segment(fs->store, body, &failure);
	}
	if (segment)
		*source_r = (MimeSource){ .fd = store_segment_fd(segment), .offset = body->offset, .length = body->length };
	else
		g_propagate_error(error, failure);
	return segment;
}

static MimeOutline *
make_outline(Fs *fs, StoreBody *body, GError **error)
{
	MimeSource source;
	g_autoptr(StoreSegment) segment = find_bytes(fs, body, &source, error);
	g_autoptr(MimeOutline) outline = segment ? mime_outline_new(&source, MIME_WINDOW_BYTES, error) : NULL;
	g_autoptr(GError) failed = NULL;

	if (!outline)
		return NULL;
	g_autoptr(GByteArray) packed = mime_outline_pack(outline);
	if (!store_parts_put(fs->store, body, MIME_OUTLINE_VERSION, packed->data, packed->len, &failed))
		core_log(CORE_LOG_INFO, "fs", "what parts/ shows of body %" G_GINT64_FORMAT " is not kept: %s", body->id,
		         failed->message);
	return g_steal_pointer(&outline);
}

static MimeOutline *
outline_of(Fs *fs, StoreBody *body, GError **error)
{
	GError *failure = NULL;
	MimeOutline *outline = kept_outline(fs, body, &failure);

	if (!outline && !failure) {
		pthread_mutex_lock(&making);
		outline = kept_outline(fs, body, &failure);
		if (!outline && !failure)
			outline = make_outline(fs, body, &failure);
		pthread_mutex_unlock(&making);
	}
	if (failure)
		g_propagate_error(error, failure);
	return outline;
}

/* False with *error unset: there is no such message. */
static bool
open_message(Fs *fs, int64_t id, Opened *opened_r, GError **error)
{
	StoreEntry entry;

	if (id > MESSAGE_ID_MAX)
		return fs_throw(error, EOVERFLOW);
	if (!store_entry_get(fs->store, id, MIME_DERIVE_VERSION, &entry, error))
		return false;
	g_free((char *)(uintptr_t)entry.name);
	*opened_r = (Opened){ .id = id, .date_s = entry.internaldate_s };
	if (entry.body_id == 0)
		return true;
	if (!store_body_get(fs->store, entry.body_id, &opened_r->body, error))
		return false;
	opened_r->outline = outline_of(fs, &opened_r->body, error);
	return opened_r->outline != NULL;
}

/* The message that @inode is, or is a part of. */
static int64_t
message_of(FsInode inode)
{
	int64_t row = fs_inode_row(inode);

	return fs_inode_kind(inode) == FS_TREE_PART ? row >> NUMBER_BITS : row;
}

/* Of a part; else what has no parent in the outline has as its parent. */
static unsigned
number_of(FsInode inode)
{
	return fs_inode_kind(inode) == FS_TREE_PART ? fs_inode_row(inode) & ((1u << NUMBER_BITS) - 1) : MIME_OUTLINE_TOP;
}

/* The same as long as the bytes are. */
static uint64_t
generation_of(const StoreBody *body)
{
	uint64_t generation;

	memcpy(&generation, body->sha256, sizeof generation);
	return generation;
}

static FsNode
part_node(const Opened *opened, unsigned number)
{
	const MimeEntry *entry = &opened->outline->entries[number];
	FsInode inode = fs_inode(FS_TAG_PARTS, FS_TREE_PART, opened->id << NUMBER_BITS | number);

	return (FsNode){ .inode = inode, .number = inode, .generation = generation_of(&opened->body), .size = entry->size,
		             .mtime_s = opened->date_s, .directory = entry->folder, .writable = entry->folder };
}

static bool
is_inside(FsInode inode)
{
	return fs_inode_kind(inode) == FS_TREE_MESSAGE || fs_inode_kind(inode) == FS_TREE_PART;
}

/* The entry that @inode is.  False with *error unset: there is none. */
static bool
open_part(Fs *fs, FsInode inode, Opened *opened, GError **error)
{
	return fs_inode_kind(inode) == FS_TREE_PART && open_message(fs, message_of(inode), opened, error) &&
	       opened->outline && number_of(inode) < opened->outline->n_entries;
}

/* The calls. */

static bool
parts_lookup(const FsView *view, Fs *fs, FsInode directory, const char *name, FsNode *node_r, GError **error)
{
	g_auto(Opened) opened = { 0 };

	if (!is_inside(directory))
		return fs_tree_lookup(view, fs, directory, name, node_r, error);
	if (!open_message(fs, message_of(directory), &opened, error) || !opened.outline)
		return false;
	for (unsigned i = 0; i < opened.outline->n_entries; i++) {
		const MimeEntry *entry = &opened.outline->entries[i];

		if (entry->parent == number_of(directory) && strcmp(entry->name, name) == 0) {
			*node_r = part_node(&opened, i);
			return true;
		}
	}
	return false;
}

static bool
parts_attributes(const FsView *view, Fs *fs, FsInode inode, FsNode *node_r, GError **error)
{
	g_auto(Opened) opened = { 0 };

	if (fs_inode_kind(inode) != FS_TREE_PART)
		return fs_tree_attributes(view, fs, inode, node_r, error);
	if (!open_part(fs, inode, &opened, error))
		return false;
	*node_r = part_node(&opened, number_of(inode));
	return true;
}

static bool
parts_list(const FsView *view, Fs *fs, FsInode directory, uint64_t after, FsListFn fn, void *data, GError **error)
{
	g_auto(Opened) opened = { 0 };
	unsigned first = after > 0 ? (unsigned)fs_inode_row(after) + 1 : 0;

	if (!is_inside(directory))
		return fs_tree_list(view, fs, directory, after, fn, data, error);
	if (!open_message(fs, message_of(directory), &opened, error))
		return false;
	for (unsigned i = first; opened.outline && i < opened.outline->n_entries; i++) {
		const MimeEntry *entry = &opened.outline->entries[i];
		FsNode node = part_node(&opened, i);

		if (entry->parent == number_of(directory) &&
		    !fn(entry->name, &node, fs_inode(FS_TAG_ROOT, FS_TREE_PART, i), data))
			break;
	}
	return true;
}

static bool
parts_read(const FsView *view, Fs *fs, FsInode inode, void *buffer, size_t size, uint64_t offset, size_t *n_r,
           GError **error)
{
	g_auto(Opened) opened = { 0 };
	MimeSource source;

	if (!open_part(fs, inode, &opened, error))
		return false;
	g_autoptr(StoreSegment) segment = find_bytes(fs, &opened.body, &source, error);
	return segment && mime_outline_read(opened.outline, number_of(inode), &source, buffer, size, offset, n_r, error);
}

static const char *const *
parts_xattr_names(Fs *fs, FsInode inode)
{
	static const char *const names[] = { "user.mime_type", NULL };

	return fs_inode_kind(inode) == FS_TREE_PART ? names : fs_tree_xattr_names(fs, inode);
}

static bool
parts_xattr(const FsView *view, Fs *fs, FsInode inode, const char *name, char **value_r, GError **error)
{
	g_auto(Opened) opened = { 0 };

	if (fs_inode_kind(inode) != FS_TREE_PART)
		return fs_tree_xattr(view, fs, inode, name, value_r, error);
	if (strcmp(name, "user.mime_type") != 0 || !open_part(fs, inode, &opened, error))
		return false;
	*value_r = g_strdup(opened.outline->entries[number_of(inode)].type);
	return true;
}

static int64_t
parts_account(Fs *fs, FsInode inode)
{
	if (fs_inode_kind(inode) == FS_TREE_PART)
		inode = fs_inode(FS_TAG_PARTS, FS_TREE_MESSAGE, message_of(inode));
	return fs_tree_account(fs, inode);
}

const FsTree fs_parts_tree = {
	.view = { .tag = FS_TAG_PARTS, .name = "parts", .lookup = parts_lookup, .attributes = parts_attributes,
	          .list = parts_list, .read = parts_read, .xattr_names = parts_xattr_names, .xattr = parts_xattr,
	          .account = parts_account, .changed = fs_tree_changed },
	.mime_type = "message/rfc822",
	.is_directory = true,
	.text_version = MIME_DERIVE_VERSION, /* no text is wanted, but without files that are no messages */
	.name = parts_name,
	.find = parts_find,
};
