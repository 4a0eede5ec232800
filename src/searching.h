/* What the ways of "mailtree search" share: what is asked for, what was found, and how it is told. */
#pragma once

#include "command.h"
#include "control.h"
#include "store/search.h"

typedef struct {
	char *query;
	StoreSearch *search;
	StoreSearchRange range; /* its account is borrowed from the command line */
	GString *paths;         /* what was found, as it is printed: each with its end */
	char end;               /* of a path: a line end, or NUL */
} Searching;

/* Of the command line.  CORE_ERROR_USAGE: the account, the limit or the query is wrong. */
bool searching_init(Searching *searching_r, const CommandLine *line, const Config *config, GError **error);
void searching_clear(Searching *searching);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Searching, searching_clear)

/* A StoreFoundFn. */
bool searching_found(const StoreFound *found, void *searching);

/* "mail/ACCOUNT/FOLDER/NAME" below @mounted (NULL: nowhere).  g_free(). */
char *searching_path(const char *mounted, const StoreFound *found);

/* As a line of the control socket, where a name may have no line end in it, and back.  g_free(). */
char *searching_to_line(const char *path);
char *searching_from_line(const char *line);

/* Asks the process that owns the store.  @progress (may be NULL) is told the words of a progress line.  Errors: as
 * control_client_call(). */
typedef void (*SearchingProgressFn)(const char *words);
bool searching_ask(Searching *searching, ControlClient *client, SearchingProgressFn progress, GError **error);

/* Prints what was found.  The exit status.  For the end of the program: whoever closes the pipe ends it. */
int searching_tell(const Searching *searching);
