#include "options.h"

#include <getopt.h>
#include <string.h>

const char *const option_names[] = { "-f", "--json", "--watch", "--flags", "--date", "--account", "-n", "--null" };

/* Values of long options that have no letter. */
enum { LONG_CONFIG = 256, LONG_VERSION, LONG_JSON, LONG_WATCH, LONG_FLAGS, LONG_DATE, LONG_ACCOUNT };

static const struct option long_options[] = {
	{ "config", required_argument, NULL, LONG_CONFIG },   { "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, LONG_VERSION },       { "json", no_argument, NULL, LONG_JSON },
	{ "watch", no_argument, NULL, LONG_WATCH },           { "flags", required_argument, NULL, LONG_FLAGS },
	{ "date", required_argument, NULL, LONG_DATE },       { "account", required_argument, NULL, LONG_ACCOUNT },
	{ "null", no_argument, NULL, '0' },                   { NULL, 0, NULL, 0 },
};

/* One that has no value is in @given alone. */
static void
give(Options *options, unsigned option, const char **value)
{
	options->given |= option;
	if (value)
		*value = optarg;
}

static bool
take(Options *options, int option, const char *word, GError **error)
{
	switch (option) {
	case 'v':
		options->verbose++;
		return true;
	case 'q':
		options->line.quiet = true;
		return true;
	case 'f':
		give(options, OPTION_FOREGROUND, NULL);
		return true;
	case 'n':
		give(options, OPTION_LIMIT, &options->line.limit);
		return true;
	case '0':
		give(options, OPTION_NULL, NULL);
		return true;
	case LONG_JSON:
		give(options, OPTION_JSON, NULL);
		return true;
	case LONG_WATCH:
		give(options, OPTION_WATCH, NULL);
		return true;
	case LONG_FLAGS:
		give(options, OPTION_FLAGS, &options->line.flags);
		return true;
	case LONG_DATE:
		give(options, OPTION_DATE, &options->line.date);
		return true;
	case LONG_ACCOUNT:
		give(options, OPTION_ACCOUNT, &options->line.account);
		return true;
	case LONG_CONFIG:
		g_free(options->line.config_path);
		options->line.config_path = g_canonicalize_filename(optarg, NULL);
		return true;
	case 'h':
		options->help = true;
		return true;
	case LONG_VERSION:
		options->version = true;
		return true;
	case ':':
		return core_throw(error, CORE_ERROR_USAGE, "%s needs a value; see mailtree --help", word);
	default:
		if (optopt > 0 && optopt < LONG_CONFIG) /* a letter, perhaps one of several in an argument */
			return core_throw(error, CORE_ERROR_USAGE, "unknown option -%c; see mailtree --help", optopt);
		return core_throw(error, CORE_ERROR_USAGE, "unknown option %s; see mailtree --help", word);
	}
}

/* The options behind argv[0]; *end_r is where the other words begin.  @in_front: only those in front of them. */
static bool
parse(int argc, char **argv, bool in_front, Options *options, int *end_r, GError **error)
{
	int option;

	opterr = 0;
	optind = 0; /* glibc: begin anew */
	while ((option = getopt_long(argc, argv, in_front ? "+:vqfhn:0" : ":vqfhn:0", long_options, NULL)) != -1) {
		if (!take(options, option, argv[optind - 1], error))
			return false;
	}
	*end_r = optind;
	return true;
}

bool
options_parse(int argc, char **argv, Options *options_r, GError **error)
{
	int end;

	if (!parse(argc, argv, true, options_r, &end, error))
		return false;
	if (end < argc) {
		options_r->command = argv[end];
		argc -= end;
		argv += end;
		if (!parse(argc, argv, strcmp(options_r->command, "search") == 0, options_r, &end, error))
			return false;
	}
	options_r->line.arguments = (const char *const *)argv + MIN(end, argc);
	options_r->count = argc - end;
	options_r->line.foreground = options_r->given & OPTION_FOREGROUND;
	options_r->line.json = options_r->given & OPTION_JSON;
	options_r->line.watch = options_r->given & OPTION_WATCH;
	options_r->line.null = options_r->given & OPTION_NULL;
	return true;
}
