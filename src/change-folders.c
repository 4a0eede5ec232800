/* folder create, delete, rename. */
#include "change-path.h"
#include "change-private.h"
#include "store/mailboxes.h"

#include <string.h>

static bool
folder_one(Change *change, const char *verb, const char *word, GError **error)
{
	g_auto(ChangePath) path = { 0 };
	int64_t id;

	if (strcmp(verb, "delete") == 0)
		return change_path_mailbox(change->context, word, &path, error) &&
		       store_change_delete(change->txn, path.mailbox_id, error);
	if (!change_path_folder(change->context, word, &path, error))
		return false;
	return store_change_create(change->txn, path.account_id, path.components, 0, &id, error) ||
	       core_prefix(error, "%s: ", word);
}

static bool
folder_rename(Change *change, GError **error)
{
	g_auto(ChangePath) from = { 0 }, to = { 0 };

	if (change->count != 3)
		return change_usage("expected: folder rename FOLDER NEW", error);
	if (!change_path_mailbox(change->context, change->words[1], &from, error) ||
	    !change_path_folder(change->context, change->words[2], &to, error))
		return false;
	if (from.account_id != to.account_id)
		return change_usage("a folder cannot be moved to another account", error);
	g_autofree char *path = g_strjoinv("/", to.components);
	change->changed = 1;
	return store_change_rename(change->txn, from.mailbox_id, path, error);
}

bool
change_folder(Change *change, GError **error)
{
	const char *verb = change->count > 0 ? change->words[0] : "";

	if (strcmp(verb, "rename") == 0)
		return folder_rename(change, error);
	if (change->count < 2 || (strcmp(verb, "create") && strcmp(verb, "delete")))
		return change_usage("expected: folder create|delete FOLDER…, or folder rename FOLDER NEW", error);
	for (size_t i = 1; i < change->count; i++) {
		if (!folder_one(change, verb, change->words[i], error))
			return false;
		change->changed++;
	}
	return true;
}
