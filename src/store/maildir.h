/* Messages as entries of a Maildir: what they are called there is made of more than their name in mail/. */
#pragma once

#include "store/messages.h"

typedef struct StoreMaildirEntry {
	StoreEntry entry; /* its name is that in mail/, or, of STORE_MESSAGE_TMP, "tmp/NAME"; without text */
	const char *flags; /* as store_message_flags() */
	const char *base;  /* what a mail program called it, without flags; unique in its mailbox; NULL: none did */
	bool is_old;       /* a mail program has moved it out of new/ */
} StoreMaildirEntry;   /* the strings live for the callback, or until store_maildir_entry_clear() */
void store_maildir_entry_clear(StoreMaildirEntry *entry); /* of what find and get filled */
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StoreMaildirEntry, store_maildir_entry_clear)

/* Visible messages, and files in the three directories (STORE_MESSAGE_TMP), but not those of mail/ (STORE_MESSAGE_FILE), in the
 * order of ids, from the first id greater than @after.  One statement for all, deltas of flags included. */
typedef bool (*StoreMaildirFn)(const StoreMaildirEntry *entry, void *data); /* false: enough */
bool store_maildir_list(Store *store, int64_t place_id, int64_t after, StoreMaildirFn fn, void *data, GError **error);

/* One of them, by what a mail program called it, or by id.  False with *error unset: there is none in @place_id. */
bool store_maildir_find(Store *store, int64_t place_id, const char *base, StoreMaildirEntry *entry_r, GError **error);
bool store_maildir_get(Store *store, int64_t place_id, int64_t id, StoreMaildirEntry *entry_r, GError **error);

/* From now on the listener also hears what changed messages and mailboxes were called before (StoreChange.was and .paths), which
 * costs a look-up for each.  Transactions whose commit has begun already may not say it yet. */
void store_maildir_listen(Store *store);

/* A mail program calls it @base (NULL: nothing special) from now on, and has it in new/ or not any more.  The listener hears
 * STORE_CHANGE_MESSAGE_FLAGS.  If another message there is called so, it is as if @base were NULL.  CORE_ERROR_NOT_FOUND: it
 * has gone. */
bool store_maildir_set(StoreTxn *txn, int64_t id, const char *base, bool is_old, GError **error);
