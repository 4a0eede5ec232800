/* What maildir/ calls all messages and folders, and that the listener hears of each name that is no longer right: the kernel
 * remembers them until somebody says so. */
#pragma once

#include "store/mailboxes.h"
#include "store/maildir.h"
#include "store/store.h"

/* Sets of "PLACE/ID DATE BASE OLD FLAGS" and of the paths of folders. */
typedef GHashTable Names;

typedef struct {
	Store *store;
	Names *names;
	int64_t place;
} NamesOf;

static inline Names *
names_new(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static inline void
names_add_entry(Names *names, int64_t place, const StoreMaildirEntry *entry)
{
	if (entry->entry.state != STORE_MESSAGE_TMP)
		g_hash_table_add(names, g_strdup_printf("%d/%d %d %s %d %s", (int)place, (int)entry->entry.id,
		                                        (int)entry->entry.internaldate_s, entry->base ? entry->base : "-", entry->is_old,
		                                        entry->flags));
}

static inline bool
names_take_entry(const StoreMaildirEntry *entry, void *data)
{
	const NamesOf *of = data;

	names_add_entry(of->names, of->place, entry);
	return true;
}

static inline bool
names_take_mailbox(const StoreMailbox *mailbox, void *data)
{
	NamesOf *of = data;

	of->place = mailbox->id;
	g_hash_table_add(of->names, store_mailbox_path(of->store, mailbox->id, NULL));
	g_assert_true(store_maildir_list(of->store, mailbox->id, 0, names_take_entry, of, NULL));
	return true;
}

static inline bool
names_take_account(const StoreAccount *account, void *data)
{
	const NamesOf *of = data;

	g_assert_true(store_mailbox_list_holding(of->store, account->id, 0, names_take_mailbox, data, NULL));
	return true;
}

static inline Names *
names_list(Store *store)
{
	NamesOf of = { store, names_new(), 0 };

	g_assert_true(store_account_list(store, names_take_account, &of, NULL));
	return of.names;
}

/* Of a listener. */
static inline void
names_hear(Names *heard, const StoreChange *changes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (changes[i].was)
			names_add_entry(heard, changes[i].mailbox_id, changes[i].was);
		for (char *const *path = changes[i].paths; path && *path; path++)
			g_hash_table_add(heard, g_strdup(*path));
	}
}

static inline void
names_assert_heard(Names *before, Names *after, Names *heard, const char *when)
{
	GHashTableIter iter;
	gpointer name;

	g_hash_table_iter_init(&iter, before);
	while (g_hash_table_iter_next(&iter, &name, NULL))
		if (!g_hash_table_contains(after, name) && !g_hash_table_contains(heard, name))
			g_error("%s: nobody heard that \"%s\" is no more", when, (char *)name);
}
