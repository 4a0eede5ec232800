/* The bytes of a file that is being written. */
#include "fs/draft-private.h"

#include "core/clock.h"
#include "fs/error.h"
#include "store/messages.h"

#include <errno.h>

#define CHUNK_BYTES (256 * 1024)

/* With the draft's lock held: there is something to save.  @is_written: its bytes are others now; @is_cut: by cutting it. */
static void
note_change(FsDrafts *drafts, FsDraftFile *draft, bool is_written, bool is_cut)
{
	pthread_mutex_lock(&drafts->lock);
	bool was_saved = !draft->is_new && draft->generation == draft->saved;
	draft->generation = ++drafts->generations;
	draft->cut = is_cut && was_saved ? draft->generation : 0;
	draft->copy_of = 0;
	draft->size = draft->content.size;
	draft->written_ms = core_clock_ms();
	if (is_written && draft->is_file && !draft->dated)
		draft->time_s = core_clock_wall_s();
	pthread_mutex_unlock(&drafts->lock);
}

static bool
load(const FsDrafts *drafts, FsContent *content, int64_t body_id, GError **error)
{
	g_autofree char *buffer = g_malloc(CHUNK_BYTES);
	StoreBody body;
	size_t n;

	if (!store_body_get(drafts->store, body_id, &body, error))
		return false;
	do {
		if (!store_body_read(drafts->store, &body, buffer, CHUNK_BYTES, content->size, &n, error) ||
		    !fs_content_write(content, buffer, n, content->size, error))
			return false;
	} while (n > 0);
	return true;
}

/* The row of what is not being written yet.  Who has something open that was removed can go on with it, by himself. */
static bool
read_row(FsDrafts *drafts, int64_t id, bool is_removed, StoreMessage *row_r, GError **error)
{
	GError *failure = NULL;
	bool is_there = store_message_get(drafts->store, id, row_r, &failure);

	if (failure) {
		g_propagate_error(error, failure);
		return false;
	}
	return is_removed || (is_there && row_r->place_id != 0 && row_r->name) || fs_throw(error, ENOENT);
}

/* With the table's lock held. */
static void
add(FsDrafts *drafts, int64_t id, const StoreMessage *row, const FsContent *content, const FsEnds *ends, bool is_removed)
{
	FsDraftFile *draft = fs_drafts_add(drafts, id, row->place_id, row->name);

	draft->content = *content;
	draft->size = content->size;
	draft->ends = ends ? *ends : (FsEnds){ 0 };
	draft->is_file = store_message_is_file(row->state);
	draft->is_tmp = row->state == STORE_MESSAGE_TMP;
	draft->is_users_name = row->name_is_users;
	draft->is_gone = is_removed;
	draft->time_s = row->internaldate_s;
}

/* What is in the store becomes a draft.  @keep: its bytes are wanted. */
static bool
begin(FsDrafts *drafts, int64_t id, bool keep, GError **error)
{
	bool is_removed = fs_drafts_is_removed(drafts, id);
	g_auto(StoreMessage) row = { 0 };
	FsContent content;

	if (!read_row(drafts, id, is_removed, &row, error))
		return false;
	if (keep && row.body_id == 0)
		return fs_throw(error, is_removed ? ESTALE : EHOSTUNREACH);
	fs_content_init(&content, store_dir(drafts->store));
	if (keep && !load(drafts, &content, row.body_id, error)) {
		fs_content_clear(&content);
		return false;
	}
	pthread_mutex_lock(&drafts->lock);
	if (g_hash_table_contains(drafts->table, &id)) /* somebody else's, meanwhile */
		fs_content_clear(&content);
	else
		add(drafts, id, &row, &content, keep ? g_hash_table_lookup(drafts->ends, &id) : NULL, is_removed);
	pthread_mutex_unlock(&drafts->lock);
	return true;
}

/* With the draft's lock held. */
static FsDraftFile *
hold_or_begin(FsDrafts *drafts, int64_t id, bool keep, GError **error)
{
	FsDraftFile *draft;

	while (!(draft = fs_drafts_hold(drafts, id)))
		if (!begin(drafts, id, keep, error))
			return NULL;
	return draft;
}

bool
fs_drafts_begin(FsDrafts *drafts, int64_t id, GError **error)
{
	FsDraftFile *draft = hold_or_begin(drafts, id, true, error);

	if (!draft)
		return false;
	note_change(drafts, draft, false, false);
	fs_drafts_let_go(drafts, draft);
	return true;
}

bool
fs_drafts_load_source(FsDrafts *drafts, FsDraftFile *draft, GError **error)
{
	if (draft->copy_of == 0 || draft->is_loaded)
		return true;
	if (draft->source_body_id == 0)
		return fs_throw(error, EHOSTUNREACH);
	draft->is_loaded = load(drafts, &draft->content, draft->source_body_id, error);
	return draft->is_loaded;
}

bool
fs_drafts_copy(FsDrafts *drafts, int64_t id, const StoreMessage *source, uint64_t size)
{
	FsDraftFile *draft = fs_drafts_hold(drafts, id);

	if (!draft)
		return false;
	pthread_mutex_lock(&drafts->lock);
	bool ok = draft->is_new && draft->size == 0 && draft->content.size == 0;
	if (ok) {
		draft->copy_of = source->id;
		draft->source_body_id = source->body_id;
		draft->size = size;
		draft->written_ms = core_clock_ms();
		draft->generation = ++drafts->generations;
	}
	pthread_mutex_unlock(&drafts->lock);
	fs_drafts_let_go(drafts, draft);
	return ok;
}

/* Where the program means: perhaps the end, as it was when it last heard of it. */
static uint64_t
meant(const FsDraftFile *draft, uint64_t offset)
{
	for (unsigned i = 0; i < FS_ENDS && offset != 0; i++)
		if (draft->ends.at[i] == offset)
			return draft->content.size;
	return offset;
}

/* Behind a write that ends at @end, as he who has written takes it (0: it was not at the end); or the kernel has just been
 * told of more, before that write. */
static void
note_end(FsDraftFile *draft, uint64_t end, uint64_t before)
{
	FsEnds ends = { { end } };
	unsigned count = 1;

	if (end != 0 && before > end)
		ends.at[count++] = before;
	for (unsigned i = 0; i < FS_ENDS && end != 0 && count < FS_ENDS; i++)
		if (draft->ends.at[i] > end)
			ends.at[count++] = draft->ends.at[i];
	draft->ends = ends;
}

/* Who finds no room and gives up leaves something half. */
static void
note_breach(FsDraftFile *draft, bool is_written, uint64_t offset)
{
	if (!is_written && !draft->is_broken)
		draft->broken_at = offset;
	if (!is_written || offset <= draft->broken_at)
		draft->is_broken = !is_written;
}

bool
fs_drafts_write(FsDrafts *drafts, int64_t id, const void *bytes, size_t length, uint64_t offset, GError **error)
{
	FsDraftFile *draft = hold_or_begin(drafts, id, true, error);

	if (!draft)
		return false;
	uint64_t at = meant(draft, offset), before = draft->content.size;
	bool ok = fs_drafts_load_source(drafts, draft, error) && fs_content_write(&draft->content, bytes, length, at, error);
	if (ok)
		note_change(drafts, draft, true, false);
	note_end(draft, at != offset ? offset + length : 0, before);
	note_breach(draft, ok, at);
	fs_drafts_let_go(drafts, draft);
	return ok;
}

bool
fs_drafts_resize(FsDrafts *drafts, int64_t id, uint64_t size, GError **error)
{
	FsDraftFile *draft = hold_or_begin(drafts, id, size > 0, error);

	if (!draft)
		return false;
	bool ok = (size == 0 || fs_drafts_load_source(drafts, draft, error)) && fs_content_resize(&draft->content, size, error);
	draft->ends = (FsEnds){ 0 };
	if (ok)
		note_change(drafts, draft, true, true);
	if (ok && size == 0)
		draft->is_broken = false;
	fs_drafts_let_go(drafts, draft);
	return ok;
}

bool
fs_drafts_read(FsDrafts *drafts, int64_t id, void *buffer, size_t length, uint64_t offset, size_t *n_r, GError **error)
{
	FsDraftFile *draft = fs_drafts_hold(drafts, id);

	if (!draft)
		return false;
	bool ok = fs_drafts_load_source(drafts, draft, error) && fs_content_read(&draft->content, buffer, length, offset, n_r, error);
	fs_drafts_let_go(drafts, draft);
	return ok;
}
