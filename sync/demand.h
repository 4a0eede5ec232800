/* Who waits for which body, and who is told what became of it.
 *
 * A thread of its own tells: it holds no lock then, so whoever is told may take his time, and neither that nor a server
 * that does not answer keeps anybody else from being told, at his deadline at the latest.
 */
#pragma once

#include "sync/engine.h"

#define SYNC_DEMAND_FAILED_MS 5000 /* a failure is told at once to who asks again so soon */

typedef struct SyncDemand SyncDemand;
SyncDemand *sync_demand_new(GError **error); /* NULL with CORE_ERROR_IO: no thread */
void sync_demand_free(SyncDemand *demand);   /* who still waits is told CORE_ERROR_CANCELLED.  NULL is fine */

/* Any thread.  @fn is called once, before @deadline_ms (core_clock_ms()) or soon after.  *first_r: nobody waited for the
 * message before, so the caller must see to it that sync_demand_end() is called.  False, and @fn is not called: it
 * has failed just now. */
bool sync_demand_add(SyncDemand *demand, int64_t message_id, int64_t deadline_ms, SyncFetchedFn fn, void *data,
                     bool *first_r, GError **error);

/* Any thread.  Whoever was added with @fn_data waits no longer: he is told CORE_ERROR_CANCELLED, if he was not told
 * yet.  What he waited for goes on. */
void sync_demand_abandon(SyncDemand *demand, int64_t message_id, const void *fn_data);

/* Any thread.  Takes @failure; NULL: the body is here. */
void sync_demand_end(SyncDemand *demand, int64_t message_id, GError *failure);
