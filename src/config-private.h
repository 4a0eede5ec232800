/* What the reader of the configuration (config.c) and its table of keys (config-keys.c) share. */
#pragma once

#include "config.h"

typedef enum { CONFIG_SECTION_NONE, CONFIG_SECTION_PROGRAM, CONFIG_SECTION_ACCOUNT } ConfigSection;

typedef struct ConfigParser ConfigParser;

typedef struct {
	ConfigSection section;
	const char *name;
	/* Takes over what @value says, which is not empty and has no control characters; false with config_fail(). */
	bool (*set)(ConfigParser *parser, const char *value, GError **error);
	bool keeps_comment; /* the value's own language has comments */
} ConfigKey;

#define CONFIG_KEYS_MAX 32

struct ConfigParser {
	Config *config;
	const char *folder; /* of the file: where relative paths begin */
	unsigned line;      /* the one that is read, from 1 */
	ConfigSection section;
	ConfigAccount *account;         /* in CONFIG_SECTION_ACCOUNT; the last of config->accounts */
	unsigned seen[CONFIG_KEYS_MAX]; /* by index of the key: the line where this section has it; 0: it has not */
	unsigned program_line;          /* where [mailtree] is; 0: it was not there yet */
	const ConfigKey *key;           /* the one that is set */
};

/* What stands where the file says nothing.  g_strfreev(). */
char **config_default_crawlers(void);

/* The key of that name in that section, and its index; NULL: there is none. */
const ConfigKey *config_key_find(ConfigSection section, const char *name, size_t *index_r);

/* "FILE:LINE: …".  Returns false. */
bool config_fail_at(const ConfigParser *parser, unsigned line, GError **error, const char *format, ...)
	G_GNUC_PRINTF(4, 5);
#define config_fail(parser, error, ...) config_fail_at(parser, (parser)->line, error, __VA_ARGS__)
