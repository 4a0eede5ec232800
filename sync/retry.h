/* When an account that has lost its connection, or did not get one, connects again: after twice as long each time, and for no
 * two alike, so that many who lost it together do not come back together.  A connection that ends soon after it came
 * about is no success, however well its first pass went.
 *
 * Pure: the caller tells the time.
 */
#pragma once

#include "core/error.h"

#include <stdint.h>

/* After the first failure.  The tests' build of the program shortens it before threads start. */
extern int sync_retry_ms;

#define SYNC_RETRY_MAX_MS (5 * 60 * 1000)
#define SYNC_RETRY_BUSY_MS (60 * 1000)          /* at least, for a server that asks to be left alone */
/* Where a command that may ask a person failed: of sync_retry_ms at least, and at most. */
#define SYNC_RETRY_PASSWORD_TIMES 15
#define SYNC_RETRY_PASSWORD_MAX_MS (15 * 60 * 1000)
#define SYNC_RETRY_LASTING_MS (60 * 1000)       /* a connection that lived so long was a good one */

/* Zero: there is no connection, and the first is due. */
typedef struct {
	unsigned failures; /* in a row */
	int64_t begun_ms;  /* when the connection came about; 0: there is none */
	int64_t due_ms;    /* when to connect; INT64_MAX: not before somebody asks */
} SyncRetry;

/* What the connection is for has gone well. */
void sync_retry_connected(SyncRetry *retry, int64_t now_ms);

/* @failure has ended the connection, or kept it from coming about. */
void sync_retry_lost(SyncRetry *retry, const GError *failure, int64_t now_ms);

/* The computer has another address, or was asleep. */
void sync_retry_network_changed(SyncRetry *retry, int64_t now_ms);

/* How long to wait after @failures others and @failure. */
int64_t sync_retry_pause_ms(unsigned failures, const GError *failure);
