#include "change-path.h"

#include "mime/derive.h"
#include "mime/name.h"
#include "store/mailboxes.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

void
change_path_clear(ChangePath *path)
{
	g_strfreev(path->components);
	g_free(path->name);
	*path = (ChangePath){ 0 };
}

static bool
no_such(const char *what, const char *word, GError **error)
{
	return core_throw(error, CORE_ERROR_USAGE, "there is no %s %s", what, word);
}

/* What stands behind mail/ or text/ for a path below the mount; else the word itself.  *is_text_r: it was text/. */
static const char *
logical(const ChangeContext *context, const char *word, bool *is_text_r, GError **error)
{
	size_t length = context->mounted ? strlen(context->mounted) : 0;

	*is_text_r = false;
	if (*word != '/')
		return word;
	if (length > 0 && strncmp(word, context->mounted, length) == 0) {
		const char *below = word + length;
		if (g_str_has_prefix(below, "/mail/"))
			return below + strlen("/mail/");
		*is_text_r = g_str_has_prefix(below, "/text/");
		if (*is_text_r)
			return below + strlen("/text/");
	}
	if (context->mounted)
		core_throw(error, CORE_ERROR_USAGE, "%s is not below mail/ or text/ of %s, and is no ACCOUNT/FOLDER", word,
		           context->mounted);
	else
		core_throw(error, CORE_ERROR_USAGE, "nothing is mounted that %s could be in; ACCOUNT/FOLDER needs no mount", word);
	return NULL;
}

static bool
find_account(const ChangeContext *context, const char *name, ChangePath *path, GError **error)
{
	g_auto(StoreAccount) row = { 0 };
	GError *failure = NULL;

	path->account = config_account(context->config, name, error);
	if (!path->account)
		return false;
	if (store_account_find(context->store, name, &row, &failure)) {
		path->account_id = row.id;
		return true;
	}
	if (!failure)
		return core_throw(error, CORE_ERROR_USAGE, "%s was never synchronised; run mailtree sync first", name);
	g_propagate_error(error, failure);
	return false;
}

static bool
find_mailbox(const ChangeContext *context, ChangePath *path, GError **error)
{
	int64_t parent_id = 0;

	for (char **component = path->components; *component; component++) {
		g_auto(StoreMailbox) mailbox = { 0 };
		GError *failure = NULL;
		if (!store_mailbox_find(context->store, path->account_id, parent_id, *component, &mailbox, &failure)) {
			if (failure)
				g_propagate_error(error, failure);
			return !failure;
		}
		parent_id = mailbox.id;
	}
	path->mailbox_id = parent_id;
	return true;
}

/* Whether it can be the name of a folder or message. */
static bool
check_part(const char *part, const char *word, GError **error)
{
	if (strlen(part) > NAME_MAX)
		return core_throw(error, CORE_ERROR_USAGE, "%s: a name is longer than %d bytes", word, NAME_MAX);
	return (*part && strcmp(part, ".") != 0 && strcmp(part, "..") != 0) ||
	       core_throw(error, CORE_ERROR_USAGE, "%s: a name cannot be \"%s\"", word, part);
}

static bool
check_parts(char *const *parts, guint count, const char *word, GError **error)
{
	for (guint i = 1; i < count; i++)
		if (!check_part(parts[i], word, error))
			return false;
	return true;
}

/* Account, folder and, if it @has_name, the name of the message in "ACCOUNT/FOLDER/…". */
static bool
split(const ChangeContext *context, const char *word, bool has_name, bool *is_text_r, ChangePath *path, GError **error)
{
	const char *text = logical(context, word, is_text_r, error);

	if (!text)
		return false;
	g_auto(GStrv) parts = g_strsplit(text, "/", -1);
	GStrvBuilder *folder = g_strv_builder_new();
	guint count = 0, last = g_strv_length(parts);
	while (last > 0 && !*parts[last - 1]) /* a slash at the end */
		last--;
	for (guint i = 1; i + (has_name ? 1 : 0) < last; i++, count++)
		g_strv_builder_add(folder, parts[i]);
	path->components = g_strv_builder_end(folder);
	g_strv_builder_unref(folder);
	if (count == 0)
		return core_throw(error, CORE_ERROR_USAGE, "%s: expected ACCOUNT/FOLDER%s", word, has_name ? "/NAME" : "");
	if (has_name)
		path->name = g_strdup(parts[last - 1]);
	return check_parts(parts, last, word, error) && find_account(context, parts[0], path, error) &&
	       find_mailbox(context, path, error);
}

bool
change_path_folder(const ChangeContext *context, const char *word, ChangePath *path_r, GError **error)
{
	bool is_text;

	return split(context, word, false, &is_text, path_r, error);
}

bool
change_path_mailbox(const ChangeContext *context, const char *word, ChangePath *path_r, GError **error)
{
	return change_path_folder(context, word, path_r, error) &&
	       (path_r->mailbox_id != 0 || no_such("folder", word, error));
}

/* The UID in "~123"; 0: it is none. */
static uint32_t
uid_of(const char *name)
{
	guint64 uid;

	return *name == '~' && g_ascii_string_to_unsigned(name + 1, 10, 1, UINT32_MAX, &uid, NULL) ? (uint32_t)uid : 0;
}

typedef struct {
	const char *text_name;
	char *name; /* the message's that has this name in text/ */
} Search;

static bool
compare_text_name(const StoreEntry *entry, void *data)
{
	Search *search = data;

	if (mime_name_is_text_of(search->text_name, entry->name))
		search->name = g_strdup(entry->name);
	return search->name == NULL;
}

bool
change_path_message(const ChangeContext *context, const char *word, ChangePath *path_r, StoreMessage *message_r,
                    GError **error)
{
	GError *failure = NULL;
	bool is_text, found = false;

	if (!split(context, word, true, &is_text, path_r, error))
		return false;
	if (path_r->mailbox_id == 0)
		return no_such("message", word, error);
	if (is_text) {
		Search search = { .text_name = path_r->name };
		if (!store_entry_list(context->store, path_r->mailbox_id, 0, MIME_DERIVE_VERSION, compare_text_name, &search, error))
			return false;
		if (!search.name)
			return no_such("message", word, error);
		g_free(path_r->name);
		path_r->name = search.name;
	}
	uint32_t uid = uid_of(path_r->name);
	found = uid ? store_message_find_uid(context->store, path_r->mailbox_id, uid, message_r, &failure) &&
	              message_r->place_id == path_r->mailbox_id
	            : store_message_find(context->store, path_r->mailbox_id, path_r->name, message_r, &failure);
	if (failure)
		g_propagate_error(error, failure);
	return found || (!failure && no_such("message", word, error));
}
