/* The program that people call.  It does by itself what needs neither mail nor network, a search whose index is up to
 * date, and leaves all else, every error and every doubt to the whole program, which it becomes.
 *
 * The whole program is linked with thirty libraries, most of them for decoding mail and for TLS: to load them takes longer
 * than most searches. */
#include "options.h"
#include "searching.h"

#include "mime/derive.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define WHOLE "mailtree-whole"

/* False: somebody else has to do it. */
static bool
look(Searching *searching, const char *store)
{
	g_autoptr(GError) absent = NULL;
	g_autoptr(ControlClient) owner = control_client_new(store, &absent);
	bool current;

	if (owner)
		return searching_ask(searching, owner, NULL, NULL);
	return core_error_code(absent) == CORE_ERROR_NOT_FOUND &&
	       store_search_peek(store, MIME_DERIVE_VERSION, searching->search, &searching->range, searching_found,
	                         searching, &current, NULL) && current;
}

static bool
search(const Options *options, int *status_r)
{
	g_auto(Searching) searching = { 0 };

	if (!options->command || strcmp(options->command, "search") != 0 || options->help || options->version ||
	    options->verbose > 0 || (options->given & ~(OPTION_ACCOUNT | OPTION_LIMIT | OPTION_NULL)))
		return false;
	g_autoptr(Config) config = config_load(options->line.config_path, NULL);
	if (!config || !searching_init(&searching, &options->line, config, NULL) || !look(&searching, config->store))
		return false;
	*status_r = searching_tell(&searching);
	return true;
}

/* From where it was built, or installed. */
static void
become_whole(char **argv)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL), *folder = self ? g_path_get_dirname(self) : NULL;

	if (folder) {
		g_autofree char *beside = g_build_filename(folder, WHOLE, NULL);
		execv(beside, argv);
	}
	execv(MAILTREE_LIBEXECDIR "/" WHOLE, argv);
}

int
main(int argc, char **argv)
{
	Options options = { .verbose = 0 };
	g_autofree char **words = g_memdup2(argv, (gsize)(argc + 1) * sizeof *argv); /* parsing changes their order */
	int status = EX_SOFTWARE;

	command_open_standard();
	if (!options_parse(argc, words, &options, NULL) || !search(&options, &status)) {
		become_whole(argv);
		fprintf(stderr, "mailtree: cannot find " WHOLE ", which belongs to it\n");
	}
	g_free(options.line.config_path);
	return status;
}
