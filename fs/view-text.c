/* text/: messages as decoded text (while only the header is here, that), which is derived when a message arrives, and
 * here when that text was lost. */
#include "fs/tree.h"

#include "core/log.h"
#include "mime/derive.h"
#include "mime/name.h"
#include "store/derived.h"

#include <limits.h>
#include <string.h>

#define LONG_NAME_BYTES (NAME_MAX - 4) /* from here on ".txt" may have cut what stood before it */

/* Deriving is rare and costly: one at a time, so that many readers of one message derive it once.  Nothing but the
 * store's own locks is taken inside. */
static pthread_mutex_t deriving = PTHREAD_MUTEX_INITIALIZER;

static char *
text_name(const char *name)
{
	return mime_name_text(name);
}

typedef struct {
	const char *name;
	StoreEntry entry;
} Wanted;

static bool
is_wanted(const StoreEntry *entry, void *data)
{
	Wanted *wanted = data;
	g_autofree char *name = mime_name_text(entry->name);

	if (strcmp(name, wanted->name) != 0)
		return true;
	wanted->entry = *entry;
	wanted->entry.name = g_strdup(entry->name);
	return false;
}

/* Canonical names end in .eml.  Others were given by users: they have .txt behind them, in place of their last bytes
 * where they are too long. */
static bool
text_find(Fs *fs, int64_t mailbox_id, const char *name, StoreEntry *entry_r, GError **error)
{
	g_autoptr(GError) failed = NULL;
	Wanted wanted = { .name = name };

	if (!g_str_has_suffix(name, ".txt"))
		return false;
	g_autofree char *stem = g_strndup(name, strlen(name) - strlen(".txt"));
	g_autofree char *canonical = g_strconcat(stem, ".eml", NULL);
	if (store_entry_find(fs->store, mailbox_id, canonical, MIME_DERIVE_VERSION, entry_r, &failed) ||
	    (!failed && store_entry_find(fs->store, mailbox_id, stem, MIME_DERIVE_VERSION, entry_r, &failed)))
		return true;
	if (!failed && strlen(name) >= LONG_NAME_BYTES &&
	    store_entry_list(fs->store, mailbox_id, 0, MIME_DERIVE_VERSION, is_wanted, &wanted, &failed) &&
	    wanted.entry.name) {
		*entry_r = wanted.entry;
		return true;
	}
	if (failed)
		g_propagate_error(error, g_steal_pointer(&failed));
	return false;
}

static bool
text_size(const StoreEntry *entry, uint64_t *size_r)
{
	if (entry->text_length == UINT64_MAX)
		return false;
	*size_r = entry->text_length;
	return true;
}

/* Renders the body and stores the text.  A body that cannot be read to its end is not rendered: what came of it would
 * be kept. */
static bool
derive(Fs *fs, const StoreBody *body, GError **error)
{
	g_autoptr(StoreSegment) segment = store_body_segment(fs->store, body, error);
	char last;
	size_t n = 0;

	if (!segment || (body->length > 0 && !store_body_read(fs->store, body, &last, 1, body->length - 1, &n, error)))
		return false;

	MimeSource source = { .fd = store_segment_fd(segment), .offset = body->offset, .length = body->length };
	g_auto(MimeDerived) derived;
	mime_derive(&source, true, &derived);
	return store_derived_put(fs->store, body, MIME_DERIVE_VERSION, derived.text->str, derived.text->len, error) &&
	       store_derived_flush(fs->store, error);
}

/* Where the text of a body is, derived now if need be. */
static bool
place(Fs *fs, int64_t body_id, StoreBody *text_r, GError **error)
{
	g_autoptr(GError) failed = NULL;
	StoreBody body;

	if (store_derived_get(fs->store, body_id, MIME_DERIVE_VERSION, text_r, &failed))
		return true;
	if (failed) {
		g_propagate_error(error, g_steal_pointer(&failed));
		return false;
	}
	pthread_mutex_lock(&deriving);
	bool there = store_derived_get(fs->store, body_id, MIME_DERIVE_VERSION, text_r, &failed) ||
	             (!failed && store_body_get(fs->store, body_id, &body, &failed) && derive(fs, &body, &failed) &&
	              store_derived_get(fs->store, body_id, MIME_DERIVE_VERSION, text_r, &failed));
	pthread_mutex_unlock(&deriving);
	if (failed)
		g_propagate_error(error, g_steal_pointer(&failed));
	return there;
}

static bool
text_measure(Fs *fs, const StoreEntry *entry, uint64_t *size_r, GError **error)
{
	StoreBody text;

	if (!place(fs, entry->body_id ? entry->body_id : entry->header_id, &text, error))
		return false;
	*size_r = text.length;
	return true;
}

/* Of what is not derived, or has gone.  @failure (taken): why it was not found at once; NULL: it is none of those. */
static bool
seek(Fs *fs, FsInode inode, StoreBody *text_r, GError *failure, GError **error)
{
	int64_t body_id, header_id;

	if (failure) {
		g_propagate_error(error, failure);
		return false;
	}
	return fs_tree_body(fs, inode, &body_id, &header_id, error) && place(fs, body_id ? body_id : header_id, text_r, error);
}

static bool
text_read(const FsView *view, Fs *fs, FsInode inode, void *buffer, size_t size, uint64_t offset, size_t *n_r,
          GError **error)
{
	GError *failure = NULL;
	StoreBody text;

	return (store_derived_of_message(fs->store, fs_inode_row(inode), MIME_DERIVE_VERSION, &text, &failure) ||
	        seek(fs, inode, &text, failure, error)) &&
	       store_derived_read(fs->store, &text, buffer, size, offset, n_r, error);
}

const FsTree fs_text_tree = {
	.view = { .tag = FS_TAG_TEXT, .name = "text", .read = text_read, FS_TREE_CALLS },
	.mime_type = "text/plain",
	.text_version = MIME_DERIVE_VERSION,
	.name = text_name,
	.find = text_find,
	.size = text_size,
	.measure = text_measure,
};
