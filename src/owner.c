/* Threads of a process that owns the store: the main one (signals, progress, the mount's life), the engine's (see
 * sync/engine.h), those of the control socket (control.h), one for each round that is waited for (round.h), the indexer's,
 * and FUSE's (fs/mount.h).  Signals are blocked before any of them starts, and read from a descriptor by the main one.
 *
 * They end in this order: the main thread's round, the control socket's with their rounds, the indexer's, the
 * engine's, FUSE's.
 */
#include "owner-private.h"

#include "core/clock.h"
#include "core/log.h"
#include "removal.h"
#include "status.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

int owner_fetch_ms = 30000;

#define REFUSED_MS 1000

/* Nothing is brought from any server. */
static bool
is_quiet(void *data)
{
	Owner *owner = data;

	pthread_mutex_lock(&owner->lock);
	bool is = owner->engine && !owner_busy(owner);
	pthread_mutex_unlock(&owner->lock);
	return is;
}

static void
advanced(void *data)
{
	Owner *owner = data;

	pthread_mutex_lock(&owner->lock);
	void (*indexed)(void *) = owner->indexed;
	pthread_mutex_unlock(&owner->lock);
	if (indexed)
		indexed(owner->settle_data);
}

Owner *
owner_new(const Config *config, Accounts *accounts, Store *store, const char *mounted, GError **error)
{
	g_autoptr(Owner) owner = g_new0(Owner, 1);

	owner->config = config;
	owner->accounts = accounts;
	owner->store = store;
	owner->mounted = g_strdup(mounted);
	owner->quit = core_cancel_new();
	pthread_mutex_init(&owner->lock, NULL);
	owner->readers = readers_new(config->crawlers, config->fetch_rate);
	owner->wake_fd = -1;
	owner->engine = sync_engine_new(store, accounts->list, accounts->count, error);
	if (!owner->engine)
		return NULL;
	owner->indexer = indexer_new(store, mounted ? is_quiet : NULL, advanced, owner, error);
	if (!owner->indexer)
		return NULL;
	owner->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (owner->wake_fd < 0) {
		core_throw_errno(error, "cannot make an eventfd");
		return NULL;
	}
	return g_steal_pointer(&owner);
}

void
owner_stop(Owner *owner)
{
	SyncEngine *engine;

	core_cancel_trigger(owner->accounts->cancel); /* the engine would wait for password commands */
	if (owner->control)
		control_server_stop(owner->control);
	indexer_stop(owner->indexer);
	pthread_mutex_lock(&owner->lock);
	engine = g_steal_pointer(&owner->engine);
	pthread_mutex_unlock(&owner->lock);
	sync_engine_free(engine);
}

void
owner_free(Owner *owner)
{
	if (!owner)
		return;
	owner_stop(owner);
	indexer_free(owner->indexer);
	store_close(owner->store);
	control_server_free(owner->control);
	pthread_mutex_destroy(&owner->lock);
	accounts_free(owner->accounts);
	core_cancel_unref(owner->quit);
	readers_free(owner->readers);
	if (owner->wake_fd >= 0)
		close(owner->wake_fd);
	g_free(owner->mounted);
	g_free(owner->bad_query);
	g_free(owner);
}

Store *
owner_store(Owner *owner)
{
	return owner->store;
}

SyncEngine *
owner_engine(Owner *owner)
{
	return owner->engine;
}

Indexer *
owner_indexer(Owner *owner)
{
	return owner->indexer;
}

int
owner_quit_fd(const Owner *owner)
{
	return core_cancel_fd(owner->quit);
}

int
owner_wake_fd(const Owner *owner)
{
	return owner->wake_fd;
}

void
owner_woken(Owner *owner)
{
	uint64_t count;

	if (read(owner->wake_fd, &count, sizeof count) < 0 && errno != EAGAIN)
		core_log(CORE_LOG_WARNING, "main", "cannot read from an eventfd: %s", g_strerror(errno));
}

void
owner_wake(Owner *owner)
{
	uint64_t one = 1;

	if (write(owner->wake_fd, &one, sizeof one) < 0)
		core_log(CORE_LOG_WARNING, "main", "cannot wake the main thread: %s", g_strerror(errno));
}

bool
owner_busy(Owner *owner)
{
	bool busy = false;

	for (size_t i = 0; i < sync_engine_accounts(owner->engine); i++) {
		SyncStatus status;
		sync_engine_status(owner->engine, i, &status);
		busy |= status.phase != SYNC_IDLE;
		sync_status_clear(&status);
	}
	return busy;
}

char *
owner_status(Owner *owner, bool json)
{
	g_autoptr(StatusReport) report = status_report_new(store_dir(owner->store), owner->mounted, getpid());

	for (size_t i = 0; i < owner->accounts->count; i++) { /* the engine has the same ones, in this order */
		SyncStatus run = { .phase = SYNC_IDLE };
		pthread_mutex_lock(&owner->lock);
		if (owner->engine)
			sync_engine_status(owner->engine, i, &run);
		pthread_mutex_unlock(&owner->lock);
		status_report_add(report, owner->accounts->list[i].name, owner->store, &run);
		sync_status_clear(&run);
	}
	readers_refused(owner->readers, &report->refused);
	pthread_mutex_lock(&owner->lock);
	report->bad_query = g_strdup(owner->bad_query);
	pthread_mutex_unlock(&owner->lock);
	return json ? status_json(report) : status_text(report);
}

/* For the mount's status, which a crawler need not make anew at each file. */
static void
note_refusal(Owner *owner, int64_t now_ms)
{
	pthread_mutex_lock(&owner->lock);
	bool is_due = owner->refused_ms == 0 || now_ms - owner->refused_ms >= REFUSED_MS;
	if (is_due)
		owner->refused_ms = now_ms;
	pthread_mutex_unlock(&owner->lock);
	if (is_due)
		owner_wake(owner);
}

bool
owner_fetch(Owner *owner, int64_t message_id, pid_t reader, SyncFetchedFn fn, void *data, GError **error)
{
	int64_t now_ms = core_clock_ms();

	if (!readers_admit(owner->readers, reader, now_ms, error)) {
		note_refusal(owner, now_ms);
		return false;
	}
	pthread_mutex_lock(&owner->lock);
	bool ok = owner->engine ? sync_engine_fetch(owner->engine, message_id, now_ms + owner_fetch_ms, fn, data, error)
	                        : core_throw(error, CORE_ERROR_UNREACHABLE, "the mount is ending");
	pthread_mutex_unlock(&owner->lock);
	if (!ok)
		readers_spare(owner->readers);
	return ok;
}

void
owner_abandon(Owner *owner, int64_t message_id, const void *fn_data)
{
	pthread_mutex_lock(&owner->lock);
	if (owner->engine) /* else all who wait are told anyway */
		sync_engine_abandon(owner->engine, message_id, fn_data);
	pthread_mutex_unlock(&owner->lock);
}

bool
owner_removal(Owner *owner, StoreTxn *txn, int64_t account_id, StoreRemoval *how_r, GError **error)
{
	GError *failure = NULL;
	g_autofree char *name = store_account_name(owner->store, account_id, &failure);

	if (failure) {
		g_propagate_error(error, failure);
		return false;
	}
	const ConfigAccount *account = name ? config_account(owner->config, name, NULL) : NULL;
	if (!account)
		return core_throw(error, CORE_ERROR_REFUSED, "the account is not in the configuration any more");
	return removal_of(txn, account, account_id, how_r, error);
}

void
owner_bad_query(Owner *owner, const char *words)
{
	pthread_mutex_lock(&owner->lock);
	g_free(owner->bad_query);
	owner->bad_query = g_strdup(words);
	pthread_mutex_unlock(&owner->lock);
	owner_wake(owner);
}

void
owner_changed(Owner *owner)
{
	pthread_mutex_lock(&owner->lock);
	if (owner->engine)
		sync_engine_poke(owner->engine);
	pthread_mutex_unlock(&owner->lock);
	owner_wake(owner);
}

void
owner_progress(Owner *owner, const Round *round, ProgressNumbers *numbers_r)
{
	*numbers_r = (ProgressNumbers){ SYNC_IDLE };
	for (size_t i = 0; i < sync_engine_accounts(owner->engine); i++) {
		SyncStatus run;
		sync_engine_status(owner->engine, i, &run);
		for (size_t k = 0; k < round_count(round); k++) {
			if (g_str_equal(round_account(round, k), run.account))
				progress_add(numbers_r, &run);
		}
		sync_status_clear(&run);
	}
}
