/* The thread that keeps the full-text index up to date in a process that owns the store: when somebody asks, and, while the
 * store is mounted, when new messages have come and nothing is brought from a server. */
#pragma once

#include "core/cancel.h"
#include "store/search.h"

typedef struct Indexer Indexer;

/* What comes together is indexed together: unasked so long after it came, a second.  For tests. */
extern int indexer_pause_ms;

/* @is_quiet: whether it may index unasked.  NULL: only when it is asked.  @advanced: the index may know more now; NULL.  Both
 * are called on the thread, with no lock held.  @store and @data are borrowed for its life.  NULL with CORE_ERROR_IO. */
Indexer *indexer_new(Store *store, bool (*is_quiet)(void *data), void (*advanced)(void *data), void *data,
                     GError **error);

/* Ends the thread at the next document; whoever waits is told CORE_ERROR_CANCELLED.  NULL is fine, as for free. */
void indexer_stop(Indexer *indexer);
void indexer_free(Indexer *indexer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Indexer, indexer_free)

typedef struct {
	uint64_t done, total; /* of what is indexed at the moment; 0: not known yet */
} IndexerProgress;

/* Any thread.  Called now and then while somebody waits; false: he has gone. */
typedef bool (*IndexerWaitFn)(const IndexerProgress *progress, void *data);

/* Any thread.  Has all indexed that was there when it was called, and waits for that.  @wait is called each @every_ms.
 * CORE_ERROR_CANCELLED: the thread ends, or @wait returned false; else what store_search_update() says. */
bool indexer_catch_up(Indexer *indexer, int every_ms, IndexerWaitFn wait, void *data, GError **error);
