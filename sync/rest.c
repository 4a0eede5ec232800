#include "sync/rest.h"

#include <pthread.h>

struct SyncRests {
	pthread_mutex_t lock;
	GHashTable *by_mailbox; /* mailbox_id of a SyncRest -> the SyncRest that counts; borrowed */
};

SyncRest *
sync_rest_new(const SyncRest *before)
{
	SyncRest *rest = g_memdup2(before, sizeof *before);

	rest->before = before;
	rest->server_name = g_strdup(before->server_name);
	rest->path = g_strdup(before->path);
	return rest;
}

void
sync_rest_free(SyncRest *rest)
{
	if (!rest)
		return;
	g_free(rest->server_name);
	g_free(rest->path);
	g_free(rest);
}

SyncRests *
sync_rests_new(void)
{
	SyncRests *rests = g_new0(SyncRests, 1);

	pthread_mutex_init(&rests->lock, NULL);
	rests->by_mailbox = g_hash_table_new(g_int64_hash, g_int64_equal);
	return rests;
}

void
sync_rests_free(SyncRests *rests)
{
	g_hash_table_unref(rests->by_mailbox);
	pthread_mutex_destroy(&rests->lock);
	g_free(rests);
}

void
sync_rests_clear(SyncRests *rests)
{
	pthread_mutex_lock(&rests->lock);
	g_hash_table_remove_all(rests->by_mailbox);
	pthread_mutex_unlock(&rests->lock);
}

/* Of two plans of a mailbox the one that reaches further up covers the other. */
void
sync_rests_note(SyncRests *rests, SyncRest *rest)
{
	pthread_mutex_lock(&rests->lock);
	const SyncRest *other = g_hash_table_lookup(rests->by_mailbox, &rest->mailbox_id);
	if (!other || other == rest->before || other->uidvalidity != rest->uidvalidity || other->upto < rest->upto)
		g_hash_table_replace(rests->by_mailbox, &rest->mailbox_id, rest);
	pthread_mutex_unlock(&rests->lock);
}

bool
sync_rests_count(SyncRests *rests, const SyncRest *rest)
{
	pthread_mutex_lock(&rests->lock);
	bool counts = g_hash_table_lookup(rests->by_mailbox, &rest->mailbox_id) == rest;
	pthread_mutex_unlock(&rests->lock);
	return counts;
}

void
sync_rests_end(SyncRests *rests, const SyncRest *rest)
{
	pthread_mutex_lock(&rests->lock);
	if (g_hash_table_lookup(rests->by_mailbox, &rest->mailbox_id) == rest)
		g_hash_table_remove(rests->by_mailbox, &rest->mailbox_id);
	pthread_mutex_unlock(&rests->lock);
}

uint32_t
sync_rests_below(SyncRests *rests, int64_t mailbox_id, uint32_t uidvalidity)
{
	pthread_mutex_lock(&rests->lock);
	const SyncRest *rest = g_hash_table_lookup(rests->by_mailbox, &mailbox_id);
	uint32_t below = rest && rest->uidvalidity == uidvalidity ? MIN(rest->upto, UINT32_MAX - 1) + 1 : 0;
	pthread_mutex_unlock(&rests->lock);
	return below;
}
