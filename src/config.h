/* The configuration file: see mailtree-config(5), which is its specification.
 *
 * Every error is CORE_ERROR_CONFIG and names the file and, where there is one, the line: "FILE:LINE: what is wrong".
 */
#pragma once

#include "core/error.h"
#include "imap/session.h"
#include "password.h"
#include "sync/engine.h"

#define CONFIG_MAX_BYTES (1024 * 1024)
#define CONFIG_ACCOUNT_NAME_MAX_BYTES 100
#define CONFIG_CONNECTIONS_MAX 16
#define CONFIG_BODIES_MAX_DAYS 36500
#define CONFIG_CRAWLERS_MAX 100
#define CONFIG_CRAWLER_MAX_BYTES 64
#define CONFIG_FETCH_RATE 600
#define CONFIG_FETCH_RATE_MAX 1000000
#define CONFIG_UNDO_DEFAULT_S 3600
#define CONFIG_UNDO_MAX_S (366 * 24 * 3600)

typedef struct {
	char *name;
	unsigned line; /* of "[account …]" */
	ImapConfig imap;
	char **folders;       /* never NULL; "*" if the file says nothing */
	SyncBodies bodies;    /* what is kept here */
	unsigned bodies_days; /* of SYNC_BODIES_RECENT */
	unsigned connections; /* 0: the engine's choice */
	bool delete_expunges; /* delete = expunge; else what is removed goes to the Trash */
	int64_t undo_s;       /* an irreversible removal is sent no sooner than this */
	GArray *special;      /* of SyncSpecial: folders that the file names for special uses */
	PasswordConfig password;
} ConfigAccount;

typedef struct {
	char *path;
	char *store;         /* absolute */
	char **crawlers;     /* patterns of the names of programs for which nothing is fetched; never NULL */
	unsigned fetch_rate; /* messages a minute that are fetched because they are read; 0: any number */
	GPtrArray *accounts; /* of ConfigAccount, in the order of the file; at least one */
} Config;

/* Reads @path, or where it is NULL $XDG_CONFIG_HOME/mailtree/config.  The file must belong to the user (or root), and not
 * everybody may write to it, because it names commands to run. */
Config *config_load(const char *path, GError **error);

/* The same from text; @path is for messages and is where relative paths begin. */
Config *config_parse(const char *path, const char *text, size_t length, GError **error);

void config_free(Config *config); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_free)

/* NULL with CORE_ERROR_USAGE, which names those there are. */
const ConfigAccount *config_account(const Config *config, const char *name, GError **error);

/* The folder that the file names for that special use (STORE_MAILBOX_TRASH, …); NULL: none. */
const char *config_account_special(const ConfigAccount *account, uint32_t attribute);
