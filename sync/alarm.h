/* What says that a connection which seems well may be dead: the computer slept, its addresses changed, or nobody has said
 * anything for a long time (a router has forgotten us).  Whoever waits has the descriptors in his poll(), and sends a
 * short probe when one is readable.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYNC_ALARM_FDS 3
#define SYNC_PROBE_MS (10 * 1000) /* how long the answer to a probe may take */

/* How long a connection may be silent.  Routers that forget sooner than after five minutes are rare (RFC 5382 wants 124).
 * The tests' build of the program shortens it before threads start. */
extern int sync_keepalive_ms;

typedef struct {
	int fds[SYNC_ALARM_FDS]; /* -1 where the kernel gives none: then there is one sign less */
} SyncAlarm;

void sync_alarm_init(SyncAlarm *alarm);
void sync_alarm_clear(SyncAlarm *alarm);

/* Nothing is due for sync_keepalive_ms, measured on a clock that goes on while the computer sleeps. */
void sync_alarm_rearm(SyncAlarm *alarm);

/* Reads the descriptors empty; true if one of them had something to say, with *network_r (may be NULL) if it was more
 * than the time that has passed. */
bool sync_alarm_take(SyncAlarm *alarm, bool *network_r);
