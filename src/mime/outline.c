#include "mime/outline-private.h"

#include <string.h>

MimeOutline *
mime_outline_empty(void)
{
	MimeOutline *outline = g_new0(MimeOutline, 1);

	outline->entry_array = g_array_new(FALSE, FALSE, sizeof(MimeEntry));
	outline->checkpoints = g_array_new(FALSE, FALSE, sizeof(MimeCheckpoint));
	outline->strings = g_string_chunk_new(1024);
	return outline;
}

void
mime_outline_free(MimeOutline *outline)
{
	if (!outline)
		return;
	g_array_free(outline->entry_array, TRUE);
	g_array_free(outline->checkpoints, TRUE);
	g_string_chunk_free(outline->strings);
	g_free(outline);
}

unsigned
mime_outline_add(MimeOutline *outline, const MimeEntry *entry)
{
	MimeEntry copy = *entry;

	copy.name = g_string_chunk_insert(outline->strings, entry->name);
	copy.type = g_string_chunk_insert_const(outline->strings, entry->type);
	copy.charset = g_string_chunk_insert_const(outline->strings, entry->charset);
	g_array_append_val(outline->entry_array, copy);
	outline->entries = (const MimeEntry *)(const void *)outline->entry_array->data;
	return outline->n_entries++;
}

char *
mime_outline_prefix(const char *charset)
{
	return *charset ? g_strdup_printf("<meta charset=\"%s\">\n", charset) : g_strdup("");
}

bool
mime_outline_read(const MimeOutline *outline, unsigned index, const MimeSource *message, void *buffer, size_t size,
                  uint64_t offset, size_t *n_r, GError **error)
{
	const MimeEntry *entry = &outline->entries[index];
	g_autofree char *prefix = mime_outline_prefix(entry->charset);
	size_t length = strlen(prefix), before = offset < length ? (size_t)MIN(length - offset, size) : 0, n = 0;
	MimeContent content = entry->content;

	content.n_checkpoints = entry->n_checkpoints;
	if (entry->n_checkpoints > 0) /* else the array may have no memory */
		content.checkpoints = &g_array_index(outline->checkpoints, MimeCheckpoint, entry->first_checkpoint);
	if (before > 0)
		memcpy(buffer, prefix + offset, before);
	if (!mime_content_read(message, &content, (uint8_t *)buffer + before, size - before,
	                       offset > length ? offset - length : 0, &n, error))
		return false;
	*n_r = before + n;
	return true;
}
