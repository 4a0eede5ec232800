/* What of a mailbox is planned when the jobs before are being done, so that a huge one does not fill the memory with jobs.
 *
 * A SyncRest belongs to the last of those jobs, then to the thread that plans it.  Of a mailbox that is planned anew
 * meanwhile only one rest counts: SyncRests tells which.  Any thread; its lock is a leaf.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct SyncRest SyncRest;
struct SyncRest {
	const SyncRest *before; /* what it is the rest of; only to be compared */
	int64_t mailbox_id;
	char *server_name, *path;
	uint32_t uidvalidity;
	uint32_t upto; /* of the messages of which nothing is here those up to this UID, and all of which the header is; */
	int64_t upto_s, upto_id; /* when upto is 0, of the latter from here on (store_message_list_remote()) */
};
/* A copy, as the rest of @before; upto, upto_s and upto_id are the caller's. */
SyncRest *sync_rest_new(const SyncRest *before);
void sync_rest_free(SyncRest *rest); /* NULL is fine */

typedef struct SyncRests SyncRests;
SyncRests *sync_rests_new(void);
void sync_rests_free(SyncRests *rests);
void sync_rests_clear(SyncRests *rests); /* before what is noted is freed, if it has not ended */

/* @rest is to be planned: it counts, unless it is covered by another that does. */
void sync_rests_note(SyncRests *rests, SyncRest *rest);
bool sync_rests_count(SyncRests *rests, const SyncRest *rest);
/* @rest was planned, or is not going to be. */
void sync_rests_end(SyncRests *rests, const SyncRest *rest);
/* UIDs of the mailbox with that UIDVALIDITY that are below this are to be planned yet; 0: none are. */
uint32_t sync_rests_below(SyncRests *rests, int64_t mailbox_id, uint32_t uidvalidity);
