/* The commands.  Each returns the exit status, and has told on stderr what went wrong. */
#pragma once

#include "config.h"

#include <stdbool.h>

/* What the command line says. */
typedef struct {
	char *config_path;      /* absolute; NULL: the standard one */
	bool quiet;
	bool foreground;        /* mount -f */
	bool json, watch;       /* status */
	const char *flags, *date; /* append; NULL: not given */
	const char *account, *limit; /* search; likewise */
	bool null;              /* search */
	const char *const *arguments; /* behind the command, NULL-terminated */
} CommandLine;

int command_check(const CommandLine *line);
int command_sync(const CommandLine *line);
int command_mount(const CommandLine *line);
int command_unmount(const CommandLine *line);
int command_status(const CommandLine *line);
int command_search(const CommandLine *line);
int command_flag(const CommandLine *line);
int command_move(const CommandLine *line);
int command_copy(const CommandLine *line);
int command_delete(const CommandLine *line);
int command_append(const CommandLine *line);
int command_folder(const CommandLine *line);
int command_confirm(const CommandLine *line);
int command_undo(const CommandLine *line);
int command_retry(const CommandLine *line);

/* For them. */

/* At the beginning: a descriptor that we open must never become 0, 1 or 2. */
void command_open_standard(void);

/* Writes the one line on stderr and returns the exit status. */
int command_fail(const GError *error);

/* stdout must take what was printed: @status, or that of an I/O error. */
int command_finish(int status);
