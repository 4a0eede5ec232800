#include "status-files.h"

#include "json.h"
#include "store/mailboxes.h"

#define SHOWN_MAX 10

typedef struct {
	Store *store;
	GPtrArray *paths;
} Reading;

void
status_files_clear(StatusFiles *files)
{
	g_clear_pointer(&files->paths, g_ptr_array_unref);
}

static bool
take(int64_t mailbox_id, const char *name, bool is_maildirs, void *data)
{
	const Reading *reading = data;
	g_autofree char *folder = store_mailbox_path(reading->store, mailbox_id, NULL);
	g_autofree char *path = g_strconcat(folder ? folder : "", "/", name, is_maildirs ? ", in maildir/" : NULL, NULL);

	g_ptr_array_add(reading->paths, text_printable(path));
	return reading->paths->len < SHOWN_MAX;
}

bool
status_files_read(Store *store, int64_t account_id, StatusFiles *files_r, GError **error)
{
	Reading reading = { store, g_ptr_array_new_with_free_func(g_free) };

	files_r->paths = reading.paths;
	return store_account_list_files(store, account_id, take, &reading, error);
}

void
status_files_append_text(GString *text, const StatusFiles *files, uint64_t count)
{
	guint shown = files->paths ? files->paths->len : 0;

	if (count == 0)
		return;
	g_string_append_printf(text, "  only here     %" G_GUINT64_FORMAT " %s\n", count,
	                       count == 1 ? "file that is no message" : "files that are no messages");
	for (guint i = 0; i < shown; i++)
		g_string_append_printf(text, "    %s\n", (const char *)g_ptr_array_index(files->paths, i));
	if (count > shown)
		g_string_append_printf(text, "    and %" G_GUINT64_FORMAT " more\n", count - shown);
}
