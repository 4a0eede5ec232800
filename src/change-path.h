/* Paths as users write them, into accounts, folders and messages of the store. */
#pragma once

#include "change.h"

typedef struct {
	const ConfigAccount *account;
	int64_t account_id;
	char **components;   /* of the folder; none: the account itself */
	int64_t mailbox_id;  /* 0: there is no such folder */
	char *name;          /* of the message; NULL: it is a folder's path */
} ChangePath;

void change_path_clear(ChangePath *path);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ChangePath, change_path_clear)

/* @word names a folder, which need not exist.  CORE_ERROR_USAGE: no such account, or it was never synchronised; no folder in
 * the path; a part of it that no file can be called. */
bool change_path_folder(const ChangeContext *context, const char *word, ChangePath *path_r, GError **error);

/* @word names a folder that is here. */
bool change_path_mailbox(const ChangeContext *context, const char *word, ChangePath *path_r, GError **error);

/* @word names a message that is here: its row in *message_r (store_message_clear()). */
bool change_path_message(const ChangeContext *context, const char *word, ChangePath *path_r, StoreMessage *message_r,
                         GError **error);
