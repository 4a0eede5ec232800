/* The command line: the options of all commands, and the word that names one. */
#pragma once

#include "command.h"

/* As bits of what a command accepts beside the common ones. */
enum {
	OPTION_FOREGROUND = 1 << 0,
	OPTION_JSON = 1 << 1,
	OPTION_WATCH = 1 << 2,
	OPTION_FLAGS = 1 << 3,
	OPTION_DATE = 1 << 4,
	OPTION_ACCOUNT = 1 << 5,
	OPTION_LIMIT = 1 << 6,
	OPTION_NULL = 1 << 7,
};
extern const char *const option_names[]; /* by bit */

typedef struct {
	CommandLine line;    /* config_path is g_free()d by the caller; the rest is borrowed from argv */
	unsigned given;      /* of OPTION_… */
	unsigned verbose;
	bool help, version;
	const char *command; /* NULL: none */
	int count;           /* of its arguments */
} Options;

/* Changes the order of @argv.  Options may stand anywhere, but those of search before the query, in which words may begin
 * with "-".  CORE_ERROR_USAGE; @options_r is filled as far as it came. */
bool options_parse(int argc, char **argv, Options *options_r, GError **error);
