/* mailtree status [--json] [--watch] */
#include "command.h"

#include "owner-find.h"
#include "status.h"

#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#define ANSWER_TIMEOUT_MS 30000
#define WATCH_PAUSE_US 1000000

static void
append_line(ControlKind kind, const char *words, void *data)
{
	if (kind == CONTROL_TEXT)
		g_string_append_printf(data, "%s\n", words);
}

/* A report that another process is to make. */
typedef struct {
	bool json;
	GString *text;
} Request;

static bool
ask(ControlClient *client, void *data, GError **error)
{
	const Request *request = data;

	g_string_truncate(request->text, 0);
	return control_client_call(client, request->json ? "status-json" : "status", NULL, append_line, request->text,
	                           ANSWER_TIMEOUT_MS, -1, error);
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
	g_autoptr(GString) text = g_string_new(NULL);
	Request request = { json, text };
	g_autoptr(Store) store = NULL;

	if (access(database, F_OK) != 0)
		return read_store(config, NULL, json); /* asking must not make a store */
	if (!owner_ask(config->store, ask, &request, &store, error))
		return NULL;
	return store ? read_store(config, store, json) : g_string_free(g_steal_pointer(&text), FALSE);
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
