/* mailtree sync [ACCOUNT…] */
#include "command.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/size.h"
#include "owner.h"
#include "owner-find.h"
#include "progress.h"
#include "signals.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#define REDRAW_MS 200
#define ANSWER_TIMEOUT_MS 60000 /* the owner sends progress each half second */

typedef struct {
	const CommandLine *line;
	const Config *config;
	int signals;
	int64_t started_ms;
	ProgressNumbers numbers; /* the last that were seen */
	bool failed;             /* another process has told of an error, which was printed */
} Sync;

/* On a terminal: one line that says what came of it. */
static void
summarize(const Sync *sync)
{
	double seconds = (double)(core_clock_ms() - sync->started_ms) / 1000;

	if (sync->line->quiet || !isatty(STDOUT_FILENO))
		return;
	if (sync->numbers.messages_done > 0) {
		g_autofree char *size = core_size_text(sync->numbers.bytes_done);
		printf("synchronised in %.1f s: %" G_GUINT64_FORMAT " %s came (%s)\n", seconds, sync->numbers.messages_done,
		       sync->numbers.messages_done == 1 ? "message" : "messages", size);
	} else {
		printf("synchronised in %.1f s: no new messages\n", seconds);
	}
}

/* Until the round is over or a signal comes; false for the latter. */
static bool
wait_round(Sync *sync, Owner *owner, const Round *round)
{
	struct pollfd fds[] = { { .fd = round_fd(round), .events = POLLIN }, { .fd = sync->signals, .events = POLLIN } };
	bool over = false;

	progress_start(!sync->line->quiet);
	while (!over) {
		int ready = poll(fds, G_N_ELEMENTS(fds), REDRAW_MS);
		if (ready > 0 && fds[1].revents)
			break;
		over = ready > 0;
		owner_progress(owner, round, &sync->numbers);
		if (!over)
			progress_show(&sync->numbers);
	}
	progress_stop();
	return over;
}

static int
report_round(const Round *round)
{
	int status = EX_OK;

	for (size_t i = 0; i < round_count(round); i++) {
		const GError *failure = round_error(round, i);
		if (!failure)
			continue;
		core_log(CORE_LOG_ERROR, "main", "%s", failure->message);
		if (status == EX_OK)
			status = core_error_exit_status(failure);
	}
	return status;
}

/* This process owns the store.  Takes @store. */
static int
sync_here(Sync *sync, Store *store)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Accounts) accounts = accounts_new(sync->config, NULL, &error);
	g_autoptr(Owner) owner = NULL;
	g_autoptr(Round) round = NULL; /* freed before the owner */
	int status;

	if (!accounts || !accounts_ask(accounts, sync->line->arguments, &error)) {
		store_close(store);
		return command_fail(error);
	}
	owner = owner_new(sync->config, g_steal_pointer(&accounts), store, NULL, &error);
	if (owner && owner_listen(owner, NULL, NULL, &error))
		round = round_new(owner_engine(owner), sync->line->arguments, &error);
	if (!round)
		return command_fail(error);
	if (!wait_round(sync, owner, round)) {
		core_log(CORE_LOG_ERROR, "main", "stopped; run it again to go on");
		return EX_TEMPFAIL;
	}
	status = report_round(round);
	if (status == EX_OK)
		summarize(sync);
	return status;
}

static void
take_line(ControlKind kind, const char *words, void *data)
{
	Sync *sync = data;

	if (kind == CONTROL_PROGRESS && progress_from_words(words, &sync->numbers))
		progress_show(&sync->numbers);
	else if (kind == CONTROL_TEXT)
		core_log(CORE_LOG_WARNING, "main", "%s", words);
	else if (kind == CONTROL_ERROR)
		core_log(CORE_LOG_ERROR, "main", "%s", words);
	sync->failed |= kind == CONTROL_ERROR;
}

/* Another process owns the store. */
static bool
ask(ControlClient *client, void *data, GError **error)
{
	Sync *sync = data;
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	const char *const *named = sync->line->arguments;

	for (guint i = 0; i < sync->config->accounts->len; i++) {
		const ConfigAccount *account = g_ptr_array_index(sync->config->accounts, i);
		if (!named[0] || g_strv_contains(named, account->name))
			g_ptr_array_add(names, account->name);
	}
	g_ptr_array_add(names, NULL);
	g_autofree char *argument = g_strjoinv("\t", (char **)names->pdata);

	progress_start(!sync->line->quiet);
	bool ok = control_client_call(client, "sync", argument, take_line, sync, ANSWER_TIMEOUT_MS, sync->signals, error);
	progress_stop();
	return ok;
}

/* What was not told yet. */
static int
fail(const Sync *sync, const GError *error)
{
	if (core_error_code(error) == CORE_ERROR_CANCELLED)
		core_log(CORE_LOG_ERROR, "main", "stopped waiting; the synchronisation goes on");
	else if (!sync->failed)
		return command_fail(error);
	return command_finish(core_error_exit_status(error));
}

int
command_sync(const CommandLine *line)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Config) config = config_load(line->config_path, &error);
	Sync sync = { .line = line, .config = config, .started_ms = core_clock_ms() };
	Store *store;

	if (!config)
		return command_fail(error);
	for (gsize i = 0; line->arguments[i]; i++) {
		if (!config_account(config, line->arguments[i], &error))
			return command_fail(error);
	}
	sync.signals = signals_block(&error);
	if (sync.signals < 0)
		return command_fail(error);
	if (!owner_ask(config->store, ask, &sync, &store, &error))
		return fail(&sync, error);
	if (store)
		return command_finish(sync_here(&sync, store));
	/* What came before this command joined, or in another run, is not in its numbers. */
	if (!line->quiet && isatty(STDOUT_FILENO))
		printf("synchronised by the process that owns the store\n");
	return command_finish(EX_OK);
}
