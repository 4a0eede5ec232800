/* The accounts of the configuration as the engine wants them, with the sources of their passwords. */
#pragma once

#include "config.h"
#include "sync/engine.h"

typedef struct {
	SyncAccount *list;
	size_t count;
	Password **passwords; /* of the same index */
	CoreCancel *cancel;   /* ends password commands */
} Accounts;

/* Those called @names (NULL-terminated; none: all).  @config is borrowed for its life.
 * NULL with CORE_ERROR_USAGE: there is no such account. */
Accounts *accounts_new(const Config *config, const char *const *names, GError **error);
void accounts_free(Accounts *accounts); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Accounts, accounts_free)

/* Asks on the terminal for the passwords that come from there, of those called @names (none: all).  Before threads. */
bool accounts_ask(Accounts *accounts, const char *const *names, GError **error);

/* In the child after fork(): locks again the memory of what was typed. */
void accounts_forked(Accounts *accounts);
