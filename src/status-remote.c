#include "status-remote.h"

#include "json.h"
#include "store/mailboxes.h"

#define FOLDERS_SHOWN 10

typedef struct {
	int64_t mailbox_id;
	char *path;
	uint64_t messages;
} Folder;

static void
folder_free(void *data)
{
	Folder *folder = data;

	g_free(folder->path);
	g_free(folder);
}

void
status_remote_clear(StatusRemote *remote)
{
	g_clear_pointer(&remote->folders, g_ptr_array_unref);
}

static bool
take(int64_t mailbox_id, uint64_t messages, void *data)
{
	Folder *folder = g_new0(Folder, 1);

	folder->mailbox_id = mailbox_id;
	folder->messages = messages;
	g_ptr_array_add(data, folder);
	return true;
}

bool
status_remote_read(Store *store, int64_t account_id, StatusRemote *remote_r, GError **error)
{
	remote_r->folders = g_ptr_array_new_with_free_func(folder_free);
	if (!store_account_list_remote(store, account_id, take, remote_r->folders, error))
		return false;
	for (guint i = 0; i < remote_r->folders->len; i++) {
		Folder *folder = g_ptr_array_index(remote_r->folders, i);
		g_autofree char *raw = store_mailbox_path(store, folder->mailbox_id, NULL);
		folder->path = text_printable(raw ? raw : ""); /* it may have gone since */
	}
	return true;
}

void
status_remote_append_text(GString *text, const StatusRemote *remote, uint64_t messages)
{
	guint count = remote->folders ? remote->folders->len : 0;

	if (messages == 0)
		return;
	g_string_append_printf(text, "  headers only  %" G_GUINT64_FORMAT " %s\n", messages,
	                       messages == 1 ? "message" : "messages");
	for (guint i = 0; i < count && i < FOLDERS_SHOWN; i++) {
		const Folder *folder = g_ptr_array_index(remote->folders, i);
		g_string_append_printf(text, "    %" G_GUINT64_FORMAT " in %s\n", folder->messages, folder->path);
	}
	if (count > FOLDERS_SHOWN)
		g_string_append_printf(text, "    and in %u other folders\n", count - FOLDERS_SHOWN);
}

void
status_remote_append_json(GString *json, const StatusRemote *remote, uint64_t messages)
{
	json_number(json, "remote", messages);
	json_open(json, "remote_mailboxes", '[');
	for (guint i = 0; remote->folders && i < remote->folders->len; i++) {
		const Folder *folder = g_ptr_array_index(remote->folders, i);
		json_open(json, NULL, '{');
		json_string(json, "path", folder->path);
		json_number(json, "messages", folder->messages);
		json_close(json, '}');
	}
	json_close(json, ']');
}
