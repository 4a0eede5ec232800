#include "fs/alias.h"

#include <glib.h>
#include <pthread.h>

#define COUNT_MAX 16384

typedef struct {
	char *key;
	int64_t id;
	GList link; /* in order */
} Alias;

struct FsAliases {
	pthread_mutex_t lock; /* protects what follows; a leaf */
	GHashTable *table;    /* key to Alias, which it owns */
	GQueue order;         /* the oldest first */
};

static void
alias_free(gpointer data)
{
	Alias *alias = data;

	g_free(alias->key);
	g_free(alias);
}

FsAliases *
fs_aliases_new(void)
{
	FsAliases *aliases = g_new0(FsAliases, 1);

	pthread_mutex_init(&aliases->lock, NULL);
	aliases->table = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, alias_free);
	g_queue_init(&aliases->order);
	return aliases;
}

void
fs_aliases_free(FsAliases *aliases)
{
	if (!aliases)
		return;
	g_hash_table_unref(aliases->table);
	pthread_mutex_destroy(&aliases->lock);
	g_free(aliases);
}

static char *
key_of(int64_t mailbox_id, const char *name)
{
	return g_strdup_printf("%" G_GINT64_FORMAT "/%s", mailbox_id, name);
}

/* With the lock held. */
static void
drop(FsAliases *aliases, Alias *alias)
{
	g_queue_unlink(&aliases->order, &alias->link);
	g_hash_table_remove(aliases->table, alias->key);
}

void
fs_aliases_note(FsAliases *aliases, int64_t mailbox_id, const char *name, int64_t id)
{
	Alias *alias = g_new0(Alias, 1);

	alias->key = key_of(mailbox_id, name);
	alias->id = id;
	alias->link.data = alias;
	pthread_mutex_lock(&aliases->lock);
	Alias *former = g_hash_table_lookup(aliases->table, alias->key);
	if (!former && g_hash_table_size(aliases->table) >= COUNT_MAX)
		former = g_queue_peek_head(&aliases->order);
	if (former)
		drop(aliases, former);
	g_hash_table_insert(aliases->table, alias->key, alias);
	g_queue_push_tail_link(&aliases->order, &alias->link);
	pthread_mutex_unlock(&aliases->lock);
}

int64_t
fs_aliases_find(FsAliases *aliases, int64_t mailbox_id, const char *name)
{
	g_autofree char *key = key_of(mailbox_id, name);

	pthread_mutex_lock(&aliases->lock);
	const Alias *alias = g_hash_table_lookup(aliases->table, key);
	int64_t id = alias ? alias->id : 0;
	pthread_mutex_unlock(&aliases->lock);
	return id;
}
