#include "sync/retry.h"

int sync_retry_ms = 2000;

static int64_t
first_ms(const GError *failure)
{
	return core_error_code(failure) == CORE_ERROR_PASSWORD ? (int64_t)sync_retry_ms * SYNC_RETRY_PASSWORD_TIMES
	                                                       : sync_retry_ms;
}

static int64_t
max_ms(const GError *failure)
{
	return core_error_code(failure) == CORE_ERROR_PASSWORD ? SYNC_RETRY_PASSWORD_MAX_MS : SYNC_RETRY_MAX_MS;
}

int64_t
sync_retry_pause_ms(unsigned failures, const GError *failure)
{
	int64_t longest_ms = max_ms(failure) / 5 * 4;
	int64_t pause_ms = MIN(first_ms(failure) << MIN(failures, 16), longest_ms);

	if (core_error_code(failure) == CORE_ERROR_BUSY)
		pause_ms = MAX(pause_ms, SYNC_RETRY_BUSY_MS);
	return pause_ms + g_random_int_range(0, (gint32)(pause_ms / 4) + 1);
}

void
sync_retry_connected(SyncRetry *retry, int64_t now_ms)
{
	if (retry->begun_ms == 0)
		retry->begun_ms = now_ms;
}

void
sync_retry_lost(SyncRetry *retry, const GError *failure, int64_t now_ms)
{
	if (retry->begun_ms != 0 && now_ms - retry->begun_ms >= SYNC_RETRY_LASTING_MS)
		retry->failures = 0;
	retry->begun_ms = 0;
	retry->due_ms = now_ms + sync_retry_pause_ms(retry->failures++, failure);
	if (core_error_retry(failure) == CORE_RETRY_NEVER)
		retry->due_ms = INT64_MAX;
}

void
sync_retry_network_changed(SyncRetry *retry, int64_t now_ms)
{
	if (retry->due_ms == INT64_MAX)
		return;
	retry->failures = 0;
	retry->due_ms = now_ms;
}
