/* Threads of a process that owns the store: the main one (signals, progress, the mount's life), the engine's (see
 * sync/engine.h), those of the control socket (control.h), one for each round that is waited for (round.h), and FUSE's
 * (fs/mount.h).  Signals are blocked before any of them starts, and read from a descriptor by the main one.
 *
 * They end in this order: the main thread's round, the control socket's with their rounds, the engine's, FUSE's.
 */
#include "owner.h"

#include "change.h"
#include "core/clock.h"
#include "core/log.h"
#include "status.h"
#include "store/mailboxes.h"
#include "sync/unsent.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define PROGRESS_MS 500

int owner_fetch_ms = 30000;

struct Owner {
	void (*settle)(void *data); /* constant while the socket is answered, as is the next */
	void *settle_data;
	const Config *config;
	Accounts *accounts;
	Store *store;
	pthread_mutex_t lock; /* engine ends while FUSE's threads ask for the status; a leaf but for the engine's own */
	SyncEngine *engine;   /* under the lock in owner_status() and owner_stop(); NULL once it has ended */
	ControlServer *control;
	char *mounted;
	CoreCancel *quit;
	int wake_fd; /* an eventfd */
};

int
owner_block_signals(GError **error)
{
	sigset_t stop;
	int fd;

	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &stop, NULL);
	fd = signalfd(-1, &stop, SFD_CLOEXEC);
	if (fd < 0)
		core_throw_errno(error, "cannot watch signals");
	return fd;
}

static void
wake(Owner *owner)
{
	uint64_t one = 1;

	if (write(owner->wake_fd, &one, sizeof one) < 0)
		core_log(CORE_LOG_WARNING, "main", "cannot wake the main thread: %s", g_strerror(errno));
}

void
owner_woken(Owner *owner)
{
	uint64_t count;

	if (read(owner->wake_fd, &count, sizeof count) < 0 && errno != EAGAIN)
		core_log(CORE_LOG_WARNING, "main", "cannot read from an eventfd: %s", g_strerror(errno));
}

typedef struct {
	ControlConnection *connection;
	const char *account;
} Naming;

static void
send_name(const char *words, void *data)
{
	const Naming *naming = data;

	control_send(naming->connection, "text", "%s: %s", naming->account, words);
}

/* What keeps the account from being done, one by one. */
static void
send_unsent(const Owner *owner, ControlConnection *connection, const char *name)
{
	g_auto(StoreAccount) account = { 0 };
	Naming naming = { connection, name };

	if (store_account_find(owner->store, name, &account, NULL))
		sync_unsent_check(owner->store, account.id, send_name, &naming, NULL);
}

/* Answers "sync".  The client that goes away, or a server that stops, ends the waiting only. */
static void
call_sync(ControlConnection *connection, const char *argument, void *data)
{
	Owner *owner = data;
	g_auto(GStrv) names = g_strsplit(argument, "\t", -1); /* of "": none */
	g_autoptr(GError) error = NULL;
	g_autoptr(Round) round = round_new(owner->engine, (const char *const *)names, &error);
	ProgressNumbers numbers;

	if (!round) {
		control_send_error(connection, error);
		return;
	}
	wake(owner);
	for (;;) {
		struct pollfd fds[] = { { .fd = round_fd(round), .events = POLLIN }, { .fd = control_connection_fd(connection) } };
		int ready = poll(fds, G_N_ELEMENTS(fds), PROGRESS_MS);

		if (ready > 0 && fds[1].revents)
			return;
		owner_progress(owner, round, &numbers);
		g_autofree char *words = progress_to_words(&numbers);
		if (!control_send(connection, "progress", "%s", words))
			return;
		if (ready > 0 && fds[0].revents)
			break;
	}
	if (owner->settle)
		owner->settle(owner->settle_data);
	for (size_t i = 0; i < round_count(round); i++) {
		const GError *failure = round_error(round, i);
		if (!failure)
			continue;
		send_unsent(owner, connection, round_account(round, i));
		control_send_error(connection, failure);
	}
}

static void
call_status(ControlConnection *connection, const char *argument, void *data)
{
	g_autofree char *text = owner_status(data, false);

	control_send_text(connection, text);
}

static void
call_status_json(ControlConnection *connection, const char *argument, void *data)
{
	g_autofree char *json = owner_status(data, true);

	control_send_text(connection, json);
}

static void
call_change(ControlConnection *connection, const char *argument, void *data)
{
	Owner *owner = data;
	g_auto(GStrv) words = change_from_line(argument);
	ChangeContext context = { .store = owner->store, .config = owner->config, .mounted = owner->mounted,
		                      .cancel = owner->accounts->cancel };
	g_autoptr(GError) error = NULL;
	ChangeResult result = { 0 };

	if (!change_do(&context, (const char *const *)words, &result, &error)) {
		control_send_error(connection, error);
		return;
	}
	control_send(connection, "text", "%u %u", result.count, result.held);
	sync_engine_poke(owner->engine);
	wake(owner);
}

static void
call_version(ControlConnection *connection, const char *argument, void *data)
{
	Owner *owner = data;

	control_send(connection, "text", "%s", MAILTREE_VERSION);
	control_send(connection, "text", "%ld", (long)getpid());
	control_send(connection, "text", "%s", owner->mounted ? owner->mounted : "");
}

static void
call_unmount(ControlConnection *connection, const char *argument, void *data)
{
	Owner *owner = data;
	g_autoptr(GError) error = NULL;

	if (!owner->mounted)
		core_throw(&error, CORE_ERROR_USAGE, "%s is not mounted: process %ld only synchronises the store %s", argument,
		           (long)getpid(), store_dir(owner->store));
	else if (!g_str_equal(owner->mounted, argument))
		core_throw(&error, CORE_ERROR_USAGE, "the store %s is mounted on %s, not on %s; a mount of another store needs its --config",
		           store_dir(owner->store), owner->mounted, argument);
	if (error) {
		control_send_error(connection, error);
		return;
	}
	control_hold(connection);
	core_cancel_trigger(owner->quit);
}

static const ControlVerb verbs[] = {
	{ "sync", call_sync },
	{ "status", call_status },
	{ "status-json", call_status_json },
	{ "change", call_change },
	{ "version", call_version },
	{ "unmount", call_unmount },
};

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
	owner->wake_fd = -1;
	owner->engine = sync_engine_new(store, accounts->list, accounts->count, error);
	if (!owner->engine)
		return NULL;
	owner->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (owner->wake_fd < 0) {
		core_throw_errno(error, "cannot make an eventfd");
		return NULL;
	}
	return g_steal_pointer(&owner);
}

bool
owner_listen(Owner *owner, void (*settle)(void *data), void *data, GError **error)
{
	owner->settle = settle;
	owner->settle_data = data;
	owner->control = control_server_new(store_dir(owner->store), verbs, G_N_ELEMENTS(verbs), owner, error);
	return owner->control != NULL;
}

void
owner_stop(Owner *owner)
{
	SyncEngine *engine;

	core_cancel_trigger(owner->accounts->cancel); /* the engine would wait for password commands */
	if (owner->control)
		control_server_stop(owner->control);
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
	store_close(owner->store);
	control_server_free(owner->control);
	pthread_mutex_destroy(&owner->lock);
	accounts_free(owner->accounts);
	core_cancel_unref(owner->quit);
	if (owner->wake_fd >= 0)
		close(owner->wake_fd);
	g_free(owner->mounted);
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
	return json ? status_json(report) : status_text(report);
}

bool
owner_fetch(Owner *owner, int64_t message_id, SyncFetchedFn fn, void *data, GError **error)
{
	pthread_mutex_lock(&owner->lock);
	int64_t deadline_ms = core_clock_ms() + owner_fetch_ms;
	bool ok = owner->engine ? sync_engine_fetch(owner->engine, message_id, deadline_ms, fn, data, error)
	                        : core_throw(error, CORE_ERROR_UNREACHABLE, "the mount is ending");
	pthread_mutex_unlock(&owner->lock);
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
