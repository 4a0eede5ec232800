#include "indexer.h"

#include "core/clock.h"
#include "core/log.h"
#include "sync/derive.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

int indexer_pause_ms = 1000;

struct Indexer {
	Store *store;
	bool (*is_quiet)(void *data);
	void (*advanced)(void *data);
	void *data;
	CoreCancel *stop;
	int wake_fd;             /* an eventfd: somebody asks */
	pthread_t thread;
	bool stopped;            /* of who stops it */
	bool interrupted;        /* of the thread: it was not quiet any more */
	pthread_mutex_t lock;    /* a leaf; protects what follows */
	pthread_cond_t changed;  /* on CLOCK_MONOTONIC */
	uint64_t asked, served;  /* tickets */
	IndexerProgress progress;
	GError *failure;         /* of the last that was served */
	bool ended;
};

static bool
make_text(Store *store, const StoreBody *body, GString *text, void *data, GError **error)
{
	return sync_derive_text(store, body, text, error);
}

/* False: it was begun unasked, and is not quiet any more. */
static bool
note_progress(uint64_t done, uint64_t total, void *data)
{
	Indexer *indexer = data;

	pthread_mutex_lock(&indexer->lock);
	indexer->progress = (IndexerProgress){ done, total };
	bool is_asked = indexer->asked > indexer->served;
	pthread_mutex_unlock(&indexer->lock);
	if (is_asked || !indexer->is_quiet || indexer->is_quiet(indexer->data))
		return true;
	indexer->interrupted = true;
	return false;
}

/* Serves all who have asked before it begins.  False: there is more to do. */
static bool
update(Indexer *indexer)
{
	const StoreIndexing how = { MIME_DERIVE_VERSION, make_text, note_progress, indexer };
	GError *failure = NULL;

	pthread_mutex_lock(&indexer->lock);
	uint64_t asked = indexer->asked;
	bool is_asked = asked > indexer->served;
	indexer->progress = (IndexerProgress){ 0 };
	pthread_mutex_unlock(&indexer->lock);
	indexer->interrupted = false;

	bool ok = store_search_update(indexer->store, &how, indexer->stop, &failure);
	if (!ok && !is_asked && core_error_code(failure) != CORE_ERROR_CANCELLED)
		core_log(CORE_LOG_WARNING, "main", "searching: %s", failure->message);

	if (indexer->advanced)
		indexer->advanced(indexer->data);
	pthread_mutex_lock(&indexer->lock);
	indexer->served = MAX(indexer->served, asked);
	g_clear_error(&indexer->failure);
	indexer->failure = failure;
	pthread_cond_broadcast(&indexer->changed);
	pthread_mutex_unlock(&indexer->lock);
	return !indexer->interrupted;
}

static bool
is_asked(Indexer *indexer)
{
	uint64_t count;

	if (read(indexer->wake_fd, &count, sizeof count) < 0 && errno != EAGAIN)
		core_log(CORE_LOG_WARNING, "main", "cannot read from an eventfd: %s", g_strerror(errno));
	pthread_mutex_lock(&indexer->lock);
	bool is = indexer->asked > indexer->served;
	pthread_mutex_unlock(&indexer->lock);
	return is;
}

static void *
run(void *data)
{
	Indexer *indexer = data;
	bool has_come = indexer->is_quiet != NULL; /* perhaps before this process began */

	while (!core_cancel_triggered(indexer->stop)) {
		struct pollfd fds[] = {
			{ .fd = core_cancel_fd(indexer->stop), .events = POLLIN },
			{ .fd = indexer->wake_fd, .events = POLLIN },
			{ .fd = indexer->is_quiet && !has_come ? store_search_fd(indexer->store) : -1, .events = POLLIN },
		};
		int ready = poll(fds, G_N_ELEMENTS(fds), has_come ? indexer_pause_ms : -1);

		if (is_asked(indexer) || (ready == 0 && indexer->is_quiet(indexer->data))) {
			has_come = !update(indexer);
		} else if (ready > 0 && fds[2].revents) {
			has_come = true;
		}
	}
	pthread_mutex_lock(&indexer->lock);
	indexer->ended = true;
	pthread_cond_broadcast(&indexer->changed);
	pthread_mutex_unlock(&indexer->lock);
	return NULL;
}

static void
release(Indexer *indexer)
{
	if (indexer->wake_fd >= 0)
		close(indexer->wake_fd);
	core_cancel_unref(indexer->stop);
	pthread_cond_destroy(&indexer->changed);
	pthread_mutex_destroy(&indexer->lock);
	g_clear_error(&indexer->failure);
	g_free(indexer);
}

Indexer *
indexer_new(Store *store, bool (*is_quiet)(void *data), void (*advanced)(void *data), void *data, GError **error)
{
	Indexer *indexer = g_new0(Indexer, 1);
	pthread_condattr_t monotonic;

	indexer->store = store;
	indexer->is_quiet = is_quiet;
	indexer->advanced = advanced;
	indexer->data = data;
	pthread_mutex_init(&indexer->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&indexer->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	indexer->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	indexer->stop = core_cancel_try(error);
	if (!indexer->stop || indexer->wake_fd < 0) {
		if (indexer->stop)
			core_throw_errno(error, "cannot make an eventfd");
		release(indexer);
		return NULL;
	}
	int failed = pthread_create(&indexer->thread, NULL, run, indexer);
	if (failed) {
		core_throw(error, CORE_ERROR_IO, "cannot start a thread: %s", g_strerror(failed));
		release(indexer);
		return NULL;
	}
	return indexer;
}

void
indexer_stop(Indexer *indexer)
{
	if (!indexer || indexer->stopped)
		return;
	indexer->stopped = true;
	core_cancel_trigger(indexer->stop);
	pthread_join(indexer->thread, NULL);
}

void
indexer_free(Indexer *indexer)
{
	if (indexer) {
		indexer_stop(indexer);
		release(indexer);
	}
}

/* With the lock held: until something has changed, or that time is over. */
static void
wait_some(Indexer *indexer, int ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += ms % 1000 * 1000000L;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_cond_timedwait(&indexer->changed, &indexer->lock, &until);
}

bool
indexer_catch_up(Indexer *indexer, int every_ms, IndexerWaitFn wait, void *data, GError **error)
{
	uint64_t one = 1;
	int64_t next_ms = core_clock_ms() + every_ms;
	bool stays = true;

	pthread_mutex_lock(&indexer->lock);
	uint64_t ticket = ++indexer->asked;
	if (write(indexer->wake_fd, &one, sizeof one) < 0)
		core_log(CORE_LOG_WARNING, "main", "cannot write to an eventfd: %s", g_strerror(errno));
	while (stays && indexer->served < ticket && !indexer->ended) {
		wait_some(indexer, every_ms);
		if (indexer->served >= ticket || core_clock_ms() < next_ms)
			continue;
		IndexerProgress progress = indexer->progress;
		pthread_mutex_unlock(&indexer->lock);
		stays = wait(&progress, data);
		next_ms = core_clock_ms() + every_ms;
		pthread_mutex_lock(&indexer->lock);
	}
	bool ok = indexer->served >= ticket && !indexer->failure;
	if (indexer->served < ticket)
		core_throw(error, CORE_ERROR_CANCELLED, "indexing was stopped");
	else if (indexer->failure)
		g_propagate_error(error, g_error_copy(indexer->failure));
	pthread_mutex_unlock(&indexer->lock);
	return ok;
}
