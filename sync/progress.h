/* What a run has done so far, for people: written by the account's threads, read by anybody. */
#pragma once

#include "sync/engine.h"

typedef struct SyncProgress SyncProgress;

SyncProgress *sync_progress_new(const char *account);
void sync_progress_free(SyncProgress *progress);

void sync_progress_begin(SyncProgress *progress); /* a run: counters to zero */
void sync_progress_end(SyncProgress *progress, int64_t last_sync_s, const char *error);
void sync_progress_phase(SyncProgress *progress, SyncPhase phase);
void sync_progress_mailboxes(SyncProgress *progress, unsigned done, unsigned total); /* added */
void sync_progress_wanted(SyncProgress *progress, uint64_t messages, uint64_t bytes); /* added to the totals */
void sync_progress_done(SyncProgress *progress, uint64_t messages, uint64_t bytes);   /* added */
void sync_progress_connections(SyncProgress *progress, int change);
void sync_progress_wire(SyncProgress *progress, uint64_t in, uint64_t out); /* added */
void sync_progress_warning(SyncProgress *progress);

void sync_progress_snapshot(SyncProgress *progress, SyncStatus *status_r);
