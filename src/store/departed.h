/* Messages that were removed lately (messages.h: store_message_gone()).  What is kept is under store->pins_lock. */
#pragma once

#include "store/internal.h"

StoreDeparted *store_departed_new(void);
void store_departed_free(StoreDeparted *departed);

/* Of StoreGone, before the transaction that removes them is committed: no reader sees them neither here nor there.  If that
 * fails they are kept for nothing. */
void store_departed_keep(Store *store, const GArray *gone);

/* Adds the bodies that are still to be readable (int64_t, as long as store->pins_lock is held, which the caller has). */
void store_departed_pin(Store *store, GHashTable *pins);
