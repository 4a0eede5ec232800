/* mailtree: options and dispatch. */
#include "command.h"
#include "core/log.h"
#include "mime/derive.h"
#include "options.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

typedef struct {
	const char *name;
	const char *usage;
	const char *summary;
	const char *help; /* what its own options and arguments mean */
	unsigned options;
	int arguments_min, arguments_max; /* max -1: any number */
	int (*run)(const CommandLine *line);
} Command;

#define PATHS "PATH is a path below the mount, or ACCOUNT/FOLDER/NAME, where NAME may be ~UID.\n"

static const Command commands[] = {
	{ "check", "check [ACCOUNT…]", "connect, log in, and tell what the server can do",
	  "Without ACCOUNT: all accounts of the configuration.\n", 0, 0, -1, command_check },
	{ "sync", "sync [ACCOUNT…]", "send what was changed here, bring what the servers have; returns when that is done",
	  "Without ACCOUNT: all accounts of the configuration.  While the store is mounted, the mount's process does it\n"
	  "and this command waits.  It can be stopped at any time; the next one goes on from there.  It ends with 75 when\n"
	  "something could not be brought, is held or was refused.\n", 0, 0, -1, command_sync },
	{ "mount", "mount [-f] DIR", "show the mail as files in DIR, and keep it in step with the servers",
	  "  -f    stay in the foreground; end with Ctrl-C\n"
	  "DIR must be empty; it is made if only its last component is missing.  Errors of the process in the background are\n"
	  "in \"mailtree status\" and in the file log in the store.\n", OPTION_FOREGROUND, 1, 1, command_mount },
	{ "unmount", "unmount DIR", "take the files away again; what was brought here is kept",
	  "It waits until all is closed; files that others have open can no longer be read.\n", 0, 1, 1, command_unmount },
	{ "status", "status [--json] [--watch]", "tell what is here, what is going on, and what failed",
	  "  --json     for programs; mailtree(1) describes the fields\n"
	  "  --watch    again each second, until Ctrl-C\n", OPTION_JSON | OPTION_WATCH, 0, 0, command_status },
	{ "search", "search [OPTION…] QUERY…", "tell where the messages are that have these words",
	  "  -n N            only the N newest\n"
	  "  --account NAME  only in this account\n"
	  "  -0, --null      end each path with NUL instead of a line end\n"
	  "QUERY: word  \"some words\"  word*  from:X  to:X  subject:X  date:2024-03..2024-06  date:7d  is:unread  flag:F\n"
	  "folder:PATH  has:attachment  NOT x  -x  x OR y  (x y); mailtree(1) explains it.  Ends with 1 when nothing is found.\n",
	  OPTION_ACCOUNT | OPTION_LIMIT | OPTION_NULL, 1, -1, command_search },
	{ "flag", "flag add|remove|set FLAGS PATH…", "change the flags of messages",
	  "FLAGS are separated by spaces or commas: \"\\Seen $Work\".  \"set\" removes all others.\n" PATHS, 0, 3, -1, command_flag },
	{ "move", "move PATH… FOLDER", "move messages to another folder",
	  "To a folder of another account they are copied, and removed here once that is confirmed.\n" PATHS, 0, 2, -1, command_move },
	{ "copy", "copy PATH… FOLDER", "copy messages to another folder",
	  "Within an account nothing is uploaded.\n" PATHS, 0, 2, -1, command_copy },
	{ "delete", "delete PATH…", "move messages to the Trash; what is there already is removed for good",
	  "With \"delete = expunge\" in the configuration all are removed for good.  That is sent no sooner than \"undo\" says\n"
	  "there, and held when they are very many: see confirm and undo.\n" PATHS, 0, 1, -1,
	  command_delete },
	{ "append", "append [OPTION…] FOLDER [FILE…]", "put messages into a folder",
	  "  --flags FLAGS  with these flags, such as \"\\Seen\"\n"
	  "  --date DATE    received then (2024-05-06T07:08:09Z); else now\n"
	  "Without FILE the message is read from the standard input.\n", OPTION_FLAGS | OPTION_DATE, 1, -1, command_append },
	{ "folder", "folder create|delete|rename FOLDER…", "make, remove (when empty) or rename a folder",
	  "FOLDER is ACCOUNT/FOLDER or a path below the mount.  rename takes two: FOLDER NEW.\n", 0, 2, -1, command_folder },
	{ "confirm", "confirm [ACCOUNT…]", "do what is held, or waits because it cannot be undone",
	  "\"mailtree status\" shows what that is.  Without ACCOUNT: of all accounts.\n", 0, 0, -1, command_confirm },
	{ "undo", "undo [ACCOUNT…|ID…]", "take back removals that were not sent and what is held, or single changes",
	  "Without ID: of all accounts, or those named; the messages are shown again.  ID is a number that \"mailtree status\"\n"
	  "or \"mailtree status --json\" shows: that change alone, of whatever kind, as long as it was not sent.\n", 0, 0, -1,
	  command_undo },
	{ "retry", "retry [ACCOUNT…]", "try again what the server refused",
	  "\"mailtree status\" shows what that is.  Without ACCOUNT: of all accounts.\n", 0, 0, -1, command_retry },
};

static const char common_help[] =
	"Options:\n"
	"  --config FILE  instead of $XDG_CONFIG_HOME/mailtree/config\n"
	"  -v             tell more; -vv: also what is sent and received, without passwords\n"
	"  -q             only errors\n"
	"  -h, --help     this; with a command: about that command\n"
	"  --version      which version this is\n";

static const Command *
find_command(const char *name)
{
	for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static int
print_help(const Command *command)
{
	if (command) {
		printf("Usage: mailtree %s\n\n%c%s.\n%s\n%s", command->usage, g_ascii_toupper(*command->summary),
		       command->summary + 1, command->help, common_help);
		return command_finish(EX_OK);
	}
	printf("Usage: mailtree [OPTION…] COMMAND …\n\nCommands:\n");
	for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
		printf("  %s%*s  %s\n", commands[i].usage, (int)(36 - g_utf8_strlen(commands[i].usage, -1)), "",
		       commands[i].summary);
	printf("\n%s\nManuals: mailtree(1), mailtree-config(5), mailtree-tree(7).\n", common_help);
	return command_finish(EX_OK);
}

static int G_GNUC_PRINTF(1, 2)
usage_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	core_log(CORE_LOG_ERROR, "main", "%s", text);
	return EX_USAGE;
}

static int
run_command(const Command *command, const Options *options)
{
	unsigned foreign = options->given & ~command->options;

	if (foreign)
		return usage_error("%s has no option %s; usage: mailtree %s", command->name,
		                   option_names[g_bit_nth_lsf(foreign, -1)], command->usage);
	if (options->count < command->arguments_min)
		return usage_error("too few arguments; usage: mailtree %s", command->usage);
	if (command->arguments_max >= 0 && options->count > command->arguments_max)
		return usage_error("too many arguments; usage: mailtree %s", command->usage);
	return command->run(&options->line);
}

static int
run(int argc, char **argv, Options *options)
{
	g_autoptr(GError) error = NULL;
	const Command *command;

	if (!options_parse(argc, argv, options, &error))
		return command_fail(error);
	if (options->version) {
		printf("mailtree %s\n", MAILTREE_VERSION);
		return command_finish(EX_OK);
	}
	if (!options->command)
		return options->help ? print_help(NULL) : usage_error("which command? see mailtree --help");
	command = find_command(options->command);
	if (!command)
		return usage_error("there is no command %s; see mailtree --help", options->command);
	if (options->help)
		return print_help(command);

	if (options->line.quiet)
		core_log_set_level(CORE_LOG_ERROR);
	else if (options->verbose > 0)
		core_log_set_level(options->verbose > 1 ? CORE_LOG_TRACE : CORE_LOG_INFO);
	return run_command(command, options);
}

int
main(int argc, char **argv)
{
	Options options = { .verbose = 0 };
	int status;

	command_open_standard();
	setlocale(LC_ALL, "");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit on files is an error of write(), as a full disk is */
	umask(077);
	mime_init();
	status = run(argc, argv, &options);
	g_free(options.line.config_path);
	return status;
}
