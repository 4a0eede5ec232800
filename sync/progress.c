#include "sync/progress.h"

#include "core/clock.h"

#include <pthread.h>

const char *const sync_phase_names[] = { "idle", "connecting", "listing", "fetching" };

struct SyncProgress {
	pthread_mutex_t lock; /* a leaf */
	SyncStatus status;    /* protected by lock */
};

SyncProgress *
sync_progress_new(const char *account)
{
	SyncProgress *progress = g_new0(SyncProgress, 1);

	pthread_mutex_init(&progress->lock, NULL);
	progress->status.account = account;
	return progress;
}

void
sync_progress_free(SyncProgress *progress)
{
	pthread_mutex_destroy(&progress->lock);
	sync_status_clear(&progress->status);
	g_free(progress);
}

void
sync_progress_begin(SyncProgress *progress)
{
	pthread_mutex_lock(&progress->lock);
	SyncStatus *status = &progress->status;
	*status = (SyncStatus){
		.account = status->account,
		.last_sync_s = status->last_sync_s,
		.error = status->error,
		.phase = SYNC_CONNECTING,
		.started_ms = core_clock_ms(),
	};
	pthread_mutex_unlock(&progress->lock);
}

void
sync_progress_end(SyncProgress *progress, int64_t last_sync_s, const char *error)
{
	pthread_mutex_lock(&progress->lock);
	SyncStatus *status = &progress->status;
	status->phase = SYNC_IDLE;
	status->started_ms = 0;
	if (last_sync_s)
		status->last_sync_s = last_sync_s;
	g_free(status->error);
	status->error = g_strdup(error);
	pthread_mutex_unlock(&progress->lock);
}

void
sync_progress_phase(SyncProgress *progress, SyncPhase phase)
{
	pthread_mutex_lock(&progress->lock);
	progress->status.phase = phase;
	pthread_mutex_unlock(&progress->lock);
}

void
sync_progress_mailboxes(SyncProgress *progress, unsigned done, unsigned total)
{
	pthread_mutex_lock(&progress->lock);
	progress->status.mailboxes_done += done;
	progress->status.mailboxes_total += total;
	pthread_mutex_unlock(&progress->lock);
}

void
sync_progress_wanted(SyncProgress *progress, uint64_t messages, uint64_t bytes)
{
	pthread_mutex_lock(&progress->lock);
	progress->status.messages_total += messages;
	progress->status.bytes_total += bytes;
	pthread_mutex_unlock(&progress->lock);
}

void
sync_progress_done(SyncProgress *progress, uint64_t messages, uint64_t bytes)
{
	pthread_mutex_lock(&progress->lock);
	progress->status.messages_done += messages;
	progress->status.bytes_done += bytes;
	pthread_mutex_unlock(&progress->lock);
}

void
sync_progress_connections(SyncProgress *progress, int change)
{
	pthread_mutex_lock(&progress->lock);
	progress->status.connections = (unsigned)((int)progress->status.connections + change);
	pthread_mutex_unlock(&progress->lock);
}

void
sync_progress_wire(SyncProgress *progress, uint64_t in, uint64_t out)
{
	pthread_mutex_lock(&progress->lock);
	progress->status.wire_in += in;
	progress->status.wire_out += out;
	pthread_mutex_unlock(&progress->lock);
}

void
sync_progress_warning(SyncProgress *progress)
{
	pthread_mutex_lock(&progress->lock);
	progress->status.warnings++;
	pthread_mutex_unlock(&progress->lock);
}

void
sync_progress_snapshot(SyncProgress *progress, SyncStatus *status_r)
{
	pthread_mutex_lock(&progress->lock);
	*status_r = progress->status;
	status_r->error = g_strdup(progress->status.error);
	pthread_mutex_unlock(&progress->lock);
}

void
sync_status_clear(SyncStatus *status)
{
	g_clear_pointer(&status->error, g_free);
}
