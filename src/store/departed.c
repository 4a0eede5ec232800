/* What was removed lately, for those who have it open.  In memory: nobody has a file open after a restart. */
#include "store/departed.h"

#include "core/clock.h"

#define KEPT_MS INT64_C(3600000)
#define KEPT_MAX 4096

typedef struct {
	StoreGone gone;
	int64_t until_ms;
} Kept;

struct StoreDeparted {
	GQueue kept;     /* of Kept, the first removed first */
	GHashTable *ids; /* message id -> Kept of the queue */
};

StoreDeparted *
store_departed_new(void)
{
	StoreDeparted *departed = g_new0(StoreDeparted, 1);

	g_queue_init(&departed->kept);
	departed->ids = g_hash_table_new(g_int64_hash, g_int64_equal);
	return departed;
}

void
store_departed_free(StoreDeparted *departed)
{
	g_hash_table_unref(departed->ids);
	g_queue_clear_full(&departed->kept, g_free);
	g_free(departed);
}

static void
forget_old(StoreDeparted *departed, unsigned most)
{
	int64_t now_ms = core_clock_ms();

	while (departed->kept.length > 0) {
		Kept *oldest = g_queue_peek_head(&departed->kept);
		if (departed->kept.length <= most && oldest->until_ms > now_ms)
			break;
		g_queue_pop_head(&departed->kept);
		if (g_hash_table_lookup(departed->ids, &oldest->gone.message_id) == oldest)
			g_hash_table_remove(departed->ids, &oldest->gone.message_id);
		g_free(oldest);
	}
}

void
store_departed_keep(Store *store, const GArray *gone)
{
	StoreDeparted *departed = store->departed;
	guint from = gone->len > KEPT_MAX ? gone->len - KEPT_MAX : 0;

	if (gone->len == 0)
		return;
	pthread_mutex_lock(&store->pins_lock);
	forget_old(departed, KEPT_MAX - (gone->len - from));
	for (guint i = from; i < gone->len; i++) {
		Kept *kept = g_new(Kept, 1);
		*kept = (Kept){ g_array_index(gone, StoreGone, i), core_clock_ms() + KEPT_MS };
		g_queue_push_tail(&departed->kept, kept);
		g_hash_table_replace(departed->ids, &kept->gone.message_id, kept);
	}
	pthread_mutex_unlock(&store->pins_lock);
}

void
store_departed_pin(Store *store, GHashTable *pins)
{
	forget_old(store->departed, KEPT_MAX);
	for (GList *each = store->departed->kept.head; each; each = each->next) {
		Kept *kept = each->data;
		g_hash_table_add(pins, &kept->gone.body_id);
		g_hash_table_add(pins, &kept->gone.header_id);
	}
}

bool
store_message_gone(Store *store, int64_t id, StoreGone *gone_r)
{
	pthread_mutex_lock(&store->pins_lock);
	const Kept *kept = g_hash_table_lookup(store->departed->ids, &id);
	if (kept)
		*gone_r = kept->gone;
	pthread_mutex_unlock(&store->pins_lock);
	return kept != NULL;
}
