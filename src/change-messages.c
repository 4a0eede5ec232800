/* flag, move, copy, delete. */
#include "change-flags.h"
#include "change-path.h"
#include "change-private.h"
#include "removal.h"
#include "store/mailboxes.h"
#include "sync/derive.h"

#include <string.h>

bool
change_flag(Change *change, GError **error)
{
	const char *mode = change->words[0];
	g_autofree char *flags = NULL;

	if (change->count < 3 || (strcmp(mode, "add") && strcmp(mode, "remove") && strcmp(mode, "set")))
		return change_usage("expected: flag add|remove|set FLAGS PATH…", error);
	if (!change_flags_parse(change->words[1], *mode == 'r', &flags, error))
		return false;
	for (size_t i = 2; i < change->count; i++) {
		g_auto(ChangePath) path = { 0 };
		g_auto(StoreMessage) message = { 0 };
		if (!change_path_message(change->context, change->words[i], &path, &message, error))
			return false;
		g_autofree char *have = store_message_flags(change->context->store, message.id, error);
		if (!have)
			return false;
		g_autofree char *extra = *mode == 's' ? store_flags_without(have, flags) : g_strdup("");
		if (!store_change_flags(change->txn, message.id, *mode == 'r' ? "" : flags, *mode == 'r' ? flags : extra, error))
			return core_prefix(error, "%s: ", change->words[i]);
		change->changed++;
	}
	return true;
}

static bool
remove_one(Change *change, const ChangePath *path, int64_t message_id, GError **error)
{
	StoreRemoval how;

	return removal_of(change->txn, path->account, path->account_id, &how, error) && store_change_remove(change->txn, message_id, &how, error);
}

bool
change_delete(Change *change, GError **error)
{
	for (size_t i = 0; i < change->count; i++) {
		g_auto(ChangePath) path = { 0 };
		g_auto(StoreMessage) message = { 0 };
		if (!change_path_message(change->context, change->words[i], &path, &message, error) ||
		    !remove_one(change, &path, message.id, error))
			return false;
		change->changed++;
	}
	return change->count > 0 || change_usage("expected: delete PATH…", error);
}

/* Into a folder of another account: the bytes are here, so they are uploaded there. */
static bool
copy_across(Change *change, const StoreMessage *message, int64_t mailbox_id, GError **error)
{
	Store *store = change->context->store;
	g_auto(MimeDerived) derived = { 0 };
	g_autofree char *flags = store_message_flags(store, message->id, error);
	GError *failure = NULL;
	StoreBody body;

	if (!flags)
		return false;
	if (store_message_is_file(message->state))
		return change_usage("it is a file that is no message, and only here", error);
	if (message->body_id == 0)
		return change_usage("only its header is here, so it cannot be uploaded; read it once below mail/, then try again",
		                    error);
	if (!store_body_get(store, message->body_id, &body, &failure)) {
		if (!failure)
			return change_usage("it has just gone", error);
		g_propagate_error(error, failure);
		return false;
	}
	return sync_derive(store, &body, NULL, false, &derived, error) &&
	       change_append_queue(change, mailbox_id, &body, &derived, flags, message->internaldate_s, error);
}

static bool
relocate(Change *change, bool is_move, GError **error)
{
	g_auto(ChangePath) target = { 0 };

	if (change->count < 2)
		return change_usage("expected: PATH… FOLDER", error);
	if (!change_path_mailbox(change->context, change->words[change->count - 1], &target, error))
		return false;
	for (size_t i = 0; i + 1 < change->count; i++) {
		g_auto(ChangePath) path = { 0 };
		g_auto(StoreMessage) message = { 0 };
		int64_t copy_id = 0;
		if (!change_path_message(change->context, change->words[i], &path, &message, error))
			return false;
		bool ok = path.account_id != target.account_id
		                  ? copy_across(change, &message, target.mailbox_id, error) &&
		                            (!is_move || remove_one(change, &path, message.id, error))
		          : is_move ? store_change_move(change->txn, message.id, target.mailbox_id, NULL, false, error)
		                    : store_change_copy(change->txn, message.id, target.mailbox_id, NULL, false, &copy_id, error);
		if (!ok)
			return core_prefix(error, "%s: ", change->words[i]);
		change->changed++;
	}
	return true;
}

bool
change_move(Change *change, GError **error)
{
	return relocate(change, true, error);
}

bool
change_copy(Change *change, GError **error)
{
	return relocate(change, false, error);
}
