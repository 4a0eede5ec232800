/* mailtree status [--json] [--watch] */
#include "command.h"

#include "owner.h"
#include "status.h"

#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#define ANSWER_TIMEOUT_MS 30000
#define WATCH_PAUSE_US 1000000
#define OWNERS_MAX 5 /* that end, one after the other, before they have answered */

static void
append_line(ControlKind kind, const char *words, void *data)
{
	if (kind == CONTROL_TEXT)
		g_string_append_printf(data, "%s\n", words);
}

/* From the process that owns the store. */
static char *
ask(ControlClient *client, bool json, GError **error)
{
	GString *text = g_string_new(NULL);
	bool ok = control_client_call(client, json ? "status-json" : "status", NULL, append_line, text, ANSWER_TIMEOUT_MS, -1,
	                              error);

	return g_string_free(text, !ok);
}

/* From the store itself; NULL: there is none yet. */
static char *
read_store(const Config *config, Store *store, bool json)
{
	g_autoptr(StatusReport) report = status_report_new(config->store, NULL, 0);

	for (guint i = 0; i < config->accounts->len; i++) {
		const ConfigAccount *account = g_ptr_array_index(config->accounts, i);
		status_report_add(report, account->name, store, NULL);
	}
	return json ? status_json(report) : status_text(report);
}

/* From whoever has it; an owner that ends before it answers leaves the store to us, or to the next. */
static char *
make_report(const Config *config, bool json, GError **error)
{
	g_autofree char *database = g_build_filename(config->store, "mail.db", NULL);

	if (access(database, F_OK) != 0)
		return read_store(config, NULL, json); /* asking must not make a store */
	for (int tries = 1;; tries++) {
		g_autoptr(ControlClient) client = NULL;
		g_autoptr(Store) store = NULL;
		g_autoptr(GError) failure = NULL;

		if (!owner_find(config->store, &client, &store, error))
			return NULL;
		if (store)
			return read_store(config, store, json);
		char *report = ask(client, json, &failure);
		if (report)
			return report;
		if (core_error_code(failure) != CORE_ERROR_LOCKED || tries == OWNERS_MAX) {
			g_propagate_error(error, g_steal_pointer(&failure));
			return NULL;
		}
	}
}

int
command_status(const CommandLine *line)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Config) config = config_load(line->config_path, &error);
	bool in_place = line->watch && isatty(STDOUT_FILENO);
	int status = EX_OK;

	if (!config)
		return command_fail(error);
	do {
		g_autofree char *report = make_report(config, line->json, &error);
		if (report) {
			printf("%s%s%s", in_place ? "\033[H\033[J" : "", report, line->watch && !in_place && !line->json ? "\n" : "");
			status = command_finish(EX_OK);
		} else {
			status = command_fail(error);
			g_clear_error(&error);
		}
		if (line->watch)
			g_usleep(WATCH_PAUSE_US);
	} while (line->watch && status != EX_IOERR);
	return status;
}
