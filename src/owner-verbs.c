/* What other commands ask of the owner through the control socket: control.h has the requests. */
#include "owner-private.h"

#include "change.h"
#include "core/clock.h"
#include "core/log.h"
#include "sync/unsent.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define PROGRESS_MS 500
#define INDEX_MS 1000 /* what waits for a synchronisation waits as long for the index */

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
		sync_unsent_check(owner->store, account.id, true, send_name, &naming, NULL);
}

static bool
is_patient(const IndexerProgress *progress, void *data)
{
	const int64_t *until_ms = data;

	return core_clock_ms() < *until_ms;
}

/* What was brought is to be found as well, unless there is much of it. */
static void
settle_index(Owner *owner)
{
	int64_t until_ms = core_clock_ms() + INDEX_MS;
	g_autoptr(GError) error = NULL;

	if (!indexer_catch_up(owner->indexer, INDEX_MS / 10, is_patient, &until_ms, &error))
		core_log(CORE_LOG_INFO, "main", "searches will find all of it later: %s", error->message);
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
	owner_wake(owner);
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
	if (owner->mounted)
		settle_index(owner);
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
	owner_wake(owner);
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
		core_throw(&error, CORE_ERROR_USAGE,
		           "the store %s is mounted on %s, not on %s; a mount of another store needs its --config",
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
	{ "search", owner_call_search },
	{ "version", call_version },
	{ "unmount", call_unmount },
};

void
owner_on_indexed(Owner *owner, void (*indexed)(void *data), void *data)
{
	pthread_mutex_lock(&owner->lock);
	owner->settle_data = data;
	owner->indexed = indexed;
	pthread_mutex_unlock(&owner->lock);
}

bool
owner_listen(Owner *owner, void (*settle)(void *data), void *data, GError **error)
{
	owner->settle = settle;
	owner->settle_data = data;
	owner->control = control_server_new(store_dir(owner->store), verbs, G_N_ELEMENTS(verbs), owner, error);
	return owner->control != NULL;
}
