/* How what was written gets into the store. */
#include "fs/draft-private.h"

#include "fs/error.h"
#include "fs/foreign.h"
#include "mime/intake.h"
#include "store/messages.h"

#define CHUNK_BYTES (256 * 1024)
#define ENDS_MAX 65536 /* files of which is remembered that they grew when they were saved */

void
fs_draft_bytes_clear(FsDraftBytes *bytes)
{
	g_clear_pointer(&bytes->name, g_free);
	g_clear_pointer(&bytes->flags, g_free);
}

/* @intake NULL: as they are. */
static bool
copy_out(const FsContent *content, MimeIntake *intake, StoreWriter *writer, uint64_t upto, GError **error)
{
	g_autofree uint8_t *buffer = g_malloc(CHUNK_BYTES);
	g_autoptr(GByteArray) out = g_byte_array_new();
	uint64_t offset = 0;
	size_t n;

	while (offset < upto) {
		if (!fs_content_read(content, buffer, CHUNK_BYTES, offset, &n, error))
			return false;
		if (n == 0)
			break;
		offset += n;
		g_byte_array_set_size(out, 0);
		if (intake)
			mime_intake_feed(intake, buffer, n, out);
		if (writer && !store_writer_write(writer, intake ? out->data : buffer, intake ? out->len : n, error))
			return false;
	}
	return true;
}

/* Whether the bytes are a message: its beginning tells. */
static bool
is_message(const FsContent *content, bool is_delivered, bool *is_message_r, GError **error)
{
	g_auto(MimeIntake) intake;

	mime_intake_init(&intake);
	if (!copy_out(content, &intake, NULL, 1024 * 1024, error))
		return false;
	*is_message_r = is_delivered ? mime_intake_has_header(&intake) : mime_intake_is_message(&intake);
	return true;
}

static bool
write_out(const FsContent *content, FsDraftBytes *bytes, StoreWriter *writer, GError **error)
{
	g_auto(MimeIntake) intake;

	mime_intake_init(&intake);
	if (!store_writer_begin(writer, content->size, error))
		return false;
	if (!copy_out(content, bytes->is_message ? &intake : NULL, writer, content->size, error)) {
		store_writer_abort(writer);
		return false;
	}
	if (bytes->is_message) {
		mime_intake_hash(&intake, bytes->header_sha256);
		bytes->grown = intake.bytes - content->size;
	}
	return store_writer_end(writer, &bytes->body, error);
}

/* Whether it can be saved as a copy of a message: one with its time, and a name that a message can have. */
static bool
may_be_copy(const FsDrafts *drafts, const FsDraftFile *draft, const FsDraftBytes *bytes, const char *as_name)
{
	g_auto(StoreMessage) source = { 0 };

	return draft->copy_of != 0 && bytes->is_new && !bytes->is_tmp && !fs_name_is_foreign(as_name ? as_name : bytes->name) &&
	       store_message_get(drafts->store, draft->copy_of, &source, NULL) && !store_message_is_file(source.state) &&
	       (draft->source_body_id == 0 || source.body_id == draft->source_body_id) &&
	       (!bytes->dated || bytes->time_s == source.internaldate_s);
}

/* @is_delivered: into maildir/; @as_name is not looked at then. */
static bool
judge(const FsDraftFile *draft, FsDraftBytes *bytes, const char *as_name, bool is_delivered, GError **error)
{
	bool is_file = bytes->is_tmp || fs_name_is_foreign(as_name ? as_name : bytes->name);

	if (draft->is_broken)
		return true;
	if (is_file && !is_delivered)
		return true;
	if (!is_message(&draft->content, is_delivered, &bytes->is_message, error))
		return false;
	bytes->is_tmp &= !bytes->is_message;
	return true;
}

static bool
put(FsDrafts *drafts, int64_t id, const char *as_name, bool is_delivered, StoreWriter *writer, FsDraftBytes *bytes_r,
    GError **error)
{
	FsDraftBytes bytes = { 0 };
	FsDraftFile *draft = fs_drafts_hold(drafts, id);

	*bytes_r = bytes;
	if (!draft)
		return true;
	pthread_mutex_lock(&drafts->lock);
	bool due = !draft->is_gone && draft->generation != draft->saved;
	if (due)
		bytes = (FsDraftBytes){
			.id = id, .mailbox_id = draft->mailbox_id, .predecessor = draft->predecessor,
			.is_users_name = draft->is_users_name,
			.name = g_strdup(draft->name), .is_new = draft->is_new, .is_tmp = draft->is_tmp,
			.time_s = draft->time_s, .dated = draft->dated, .flags = g_strdup(draft->flags),
			.generation = draft->generation,
		};
	/* Begun for a write that failed: it is only what the store has. */
	if (!draft->is_new && !draft->is_gone && draft->generation == draft->saved)
		fs_drafts_take_out(drafts, draft);
	pthread_mutex_unlock(&drafts->lock);
	bool ok = true;
	bytes.copy_of = due && may_be_copy(drafts, draft, &bytes, as_name) ? draft->copy_of : 0;
	if (due && bytes.copy_of == 0)
		ok = fs_drafts_load_source(drafts, draft, error) && judge(draft, &bytes, as_name, is_delivered, error) &&
		     write_out(&draft->content, &bytes, writer, error);
	fs_drafts_let_go(drafts, draft);
	if (ok)
		*bytes_r = bytes;
	else
		fs_draft_bytes_clear(&bytes);
	return ok;
}

bool
fs_drafts_put(FsDrafts *drafts, int64_t id, const char *as_name, StoreWriter *writer, FsDraftBytes *bytes_r,
              GError **error)
{
	return put(drafts, id, as_name, false, writer, bytes_r, error);
}

bool
fs_drafts_deliver(FsDrafts *drafts, int64_t id, StoreWriter *writer, FsDraftBytes *bytes_r, GError **error)
{
	return put(drafts, id, NULL, true, writer, bytes_r, error);
}

/* Who goes on writing does not know that it has grown. */
static void
note_growth(FsDrafts *drafts, const FsDraftFile *draft, const FsDraftBytes *bytes)
{
	FsEnds ends = draft->ends;

	if (bytes->grown > 0)
		for (unsigned i = FS_ENDS - 1; i > 0; i--)
			ends.at[i] = ends.at[i - 1];
	if (bytes->grown > 0)
		ends.at[0] = draft->content.size;
	if (g_hash_table_size(drafts->ends) >= ENDS_MAX)
		g_hash_table_remove_all(drafts->ends);
	if (ends.at[0] != 0)
		g_hash_table_insert(drafts->ends, g_memdup2(&bytes->id, sizeof bytes->id), g_memdup2(&ends, sizeof ends));
	else
		g_hash_table_remove(drafts->ends, &bytes->id);
}

void
fs_drafts_saved(FsDrafts *drafts, const FsDraftBytes *bytes)
{
	FsDraftFile *draft = fs_drafts_hold(drafts, bytes->id);

	if (!draft)
		return;
	pthread_mutex_lock(&drafts->lock);
	drafts->news -= draft->is_new && !draft->is_gone ? 1 : 0;
	draft->is_new = false;
	draft->saved = bytes->generation;
	draft->is_file = !bytes->is_message;
	draft->is_tmp &= !bytes->is_message;
	if (draft->generation == bytes->generation && !draft->is_gone) {
		note_growth(drafts, draft, bytes);
		fs_drafts_take_out(drafts, draft);
	}
	pthread_mutex_unlock(&drafts->lock);
	fs_drafts_let_go(drafts, draft);
}
