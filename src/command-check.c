/* mailtree check [ACCOUNT…] */
#include "command.h"

#include "accounts.h"
#include "core/log.h"
#include "json.h"
#include "sync/engine.h"

#include <stdio.h>
#include <sysexits.h>

/* Fit for a terminal: the server wrote some of it. */
static void
print_report(const char *report)
{
	g_auto(GStrv) lines = g_strsplit(report, "\n", -1);

	for (char **line = lines; *line; line++) {
		g_autofree char *safe = text_printable(*line);
		if (*safe)
			printf("%s\n", safe);
	}
	fflush(stdout);
}

int
command_check(const CommandLine *line)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Config) config = config_load(line->config_path, &error);
	g_autoptr(Accounts) accounts = config ? accounts_new(config, line->arguments, &error) : NULL;
	int status = EX_OK;

	if (!accounts || !accounts_ask(accounts, NULL, &error))
		return command_fail(error);
	for (size_t i = 0; i < accounts->count; i++) {
		const SyncAccount *account = &accounts->list[i];
		g_autoptr(GError) failure = NULL;
		g_autofree char *report = sync_check(account, NULL, &failure);

		if (report) {
			print_report(report);
		} else {
			core_log(CORE_LOG_ERROR, "main", "%s: %s", account->name, failure->message);
			if (status == EX_OK)
				status = core_error_exit_status(failure);
		}
	}
	return command_finish(status);
}
