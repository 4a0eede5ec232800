#include "sync/follow.h"

#include "core/clock.h"
#include "core/log.h"
#include "sync/account.h"
#include "sync/pool.h"

#include <poll.h>

int sync_linger_ms = 100;

#define LINGERS_MAX 20 /* times that: then others' changes are looked for in between */

void
sync_follow_init(SyncFollow *follow, const SyncRun *run, int wake_fd)
{
	*follow = (SyncFollow){
		.run = *run,
		.wake_fd = wake_fd,
		.pulled = g_array_new(FALSE, FALSE, sizeof(int64_t)),
	};
	follow->worker.run = &follow->run;
	follow->worker.unopened = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	follow->run.recall = sync_recall_new();
	follow->run.pool = sync_pool_new_background(&follow->run, wake_fd);
	sync_watch_init(&follow->watch, &follow->worker);
}

static void
disconnect(SyncFollow *follow)
{
	g_clear_pointer(&follow->rotation, sync_rotation_free);
	sync_worker_close(&follow->worker);
	sync_watch_begin(&follow->watch);
}

void
sync_follow_clear(SyncFollow *follow)
{
	disconnect(follow);
	sync_pool_free(follow->run.pool);
	sync_watch_clear(&follow->watch);
	g_array_unref(follow->pulled);
	g_hash_table_unref(follow->worker.unopened);
	g_clear_pointer(&follow->worker.put_off, g_hash_table_unref);
	sync_recall_free(follow->run.recall);
}

static bool
pass(SyncFollow *follow, bool barrier, GError **error)
{
	bool is_new = follow->worker.session == NULL;
	g_auto(SyncListing) listing = { 0 };

	if (is_new && !sync_account_open(&follow->worker, &listing, error))
		return false;
	if (is_new) {
		sync_watch_begin(&follow->watch);
		follow->rotated = false;
	}
	sync_watch_unselect(&follow->watch);
	return sync_account_pass(&follow->worker, &listing, follow->pulled, barrier, error);
}

bool
sync_follow_pass(SyncFollow *follow, bool barrier, GError **error)
{
	bool was_connected = follow->worker.session != NULL;
	GError *failure = NULL;

	sync_watch_begin_pass(&follow->watch);
	follow->passed_ms = core_clock_ms();
	follow->worker.doubts = 0;
	follow->worker.is_old = was_connected;
	if (pass(follow, barrier, &failure) && follow->worker.doubts == 0)
		return true;
	disconnect(follow);
	/* It may have been dead for long, and nobody has noticed. */
	if (!failure || (was_connected && core_error_code(failure) == CORE_ERROR_UNREACHABLE)) {
		follow->worker.is_old = false;
		g_clear_error(&failure);
		if (pass(follow, barrier, &failure))
			return true;
		disconnect(follow);
	}
	g_propagate_error(error, failure);
	return false;
}

bool
sync_follow_settle(SyncFollow *follow, bool *settled_r, GError **error)
{
	SyncPool *pool = follow->run.pool;
	GError *failure = NULL;

	*settled_r = sync_pool_is_idle(pool);
	if (!*settled_r)
		return true;
	bool ok = sync_account_finish(&follow->run, follow->pulled, &failure);
	g_array_set_size(follow->pulled, 0);
	ok = sync_pool_settle(pool, ok ? &failure : NULL) && ok;
	if (!ok)
		g_propagate_error(error, failure);
	return ok;
}

/* IDLE says nothing of other folders. */
static void
take_rotation(SyncFollow *follow)
{
	int64_t id;

	if (follow->watch.mode == SYNC_WATCH_IDLE && !follow->rotated) {
		follow->rotation = sync_rotation_new(&follow->run, follow->wake_fd);
		follow->rotated = true;
	}
	while (follow->rotation && (id = sync_rotation_take(follow->rotation)) != 0)
		sync_watch_note_stale(&follow->watch, id);
}

static bool
take_news(SyncFollow *follow, bool *pass_r, GError **error)
{
	if (sync_watch_wants_pass(&follow->watch)) {
		*pass_r = true;
		return true;
	}
	return sync_watch_take(&follow->watch, error);
}

/* Somebody waits for a body; or where the server grants one connection only, its owner does the pool's jobs, between all
 * else. */
static bool
help(SyncFollow *follow, GError **error)
{
	unsigned sessions = follow->worker.sessions;

	sync_watch_unselect(&follow->watch);
	follow->worker.waits_soon = true;
	bool ok = sync_pool_help_out(follow->run.pool, &follow->worker, error);
	follow->worker.waits_soon = false;
	if (!ok)
		sync_pool_owner_waits(follow->run.pool, false);
	if (follow->worker.sessions != sessions)
		sync_watch_begin(&follow->watch);
	follow->helped_ms = core_clock_ms();
	if (follow->lingers_ms == 0)
		follow->lingers_ms = follow->helped_ms;
	return ok;
}

/* Whoever has read one body soon reads the next, which would have to wait until the watched mailbox was selected.  True:
 * there is something to do. */
static bool
linger(const SyncFollow *follow, int64_t first_ms)
{
	struct pollfd wake = { .fd = follow->wake_fd, .events = POLLIN };
	int64_t until_ms = MIN(follow->helped_ms + sync_linger_ms, follow->lingers_ms + LINGERS_MAX * sync_linger_ms);
	int64_t now_ms = core_clock_ms(), left_ms = MIN(until_ms, first_ms) - now_ms;

	if (left_ms <= 0)
		return false;
	if (sync_pool_has_urgent(follow->run.pool))
		return true;
	return sync_pool_wants_help_ms(follow->run.pool) > now_ms && poll(&wake, 1, (int)left_ms) > 0;
}

static bool
wait_once(SyncFollow *follow, int64_t first_ms, int64_t left_ms, SyncWatchEnd *end_r, GError **error)
{
	bool ok = true;

	sync_pool_owner_waits(follow->run.pool, true);
	if (linger(follow, first_ms)) {
		*end_r = SYNC_WATCH_WOKEN;
	} else {
		follow->lingers_ms = 0;
		ok = sync_watch_wait(&follow->watch, follow->wake_fd, (int)MIN(left_ms, G_MAXINT), end_r, error);
	}
	sync_pool_owner_waits(follow->run.pool, false);
	return ok;
}

static bool
wait_connected(SyncFollow *follow, int64_t until_ms, bool *pass_r, GError **error)
{
	for (;;) {
		int64_t check_ms = follow->passed_ms + SYNC_CHECK_MS, first_ms = MIN(until_ms, check_ms);
		take_rotation(follow);
		int64_t help_ms = sync_pool_wants_help_ms(follow->run.pool);
		bool helps = core_clock_ms() >= help_ms;
		SyncWatchEnd end;

		if (helps && !help(follow, error))
			return false;
		int64_t left_ms = helps ? 0 : MAX(MIN(first_ms, help_ms) - core_clock_ms(), 0);
		if (!wait_once(follow, first_ms, left_ms, &end, error))
			return false;
		if (end == SYNC_WATCH_NEWS && !take_news(follow, pass_r, error))
			return false;
		if (end == SYNC_WATCH_POLL_DUE && !sync_watch_poll(&follow->watch, error))
			return false;
		*pass_r |= core_clock_ms() >= check_ms;
		if (*pass_r || end == SYNC_WATCH_WOKEN)
			return true;
	}
}

bool
sync_follow_wait(SyncFollow *follow, int timeout_ms, bool *pass_r, GError **error)
{
	*pass_r = false;
	if (wait_connected(follow, timeout_ms < 0 ? INT64_MAX : core_clock_ms() + timeout_ms, pass_r, error))
		return true;
	disconnect(follow);
	return false;
}

bool
sync_follow_push(SyncFollow *follow, bool barrier, bool *any_r, GError **error)
{
	sync_watch_unselect(&follow->watch);
	if (sync_account_push(&follow->worker, barrier, follow->pulled, any_r, error))
		return true;
	disconnect(follow);
	return false;
}
