/* One synchronisation of some accounts, waited for on a thread of its own, so that whoever asked can poll(). */
#pragma once

#include "sync/engine.h"

typedef struct Round Round;

/* Asks the engine for each of @accounts (NULL-terminated; none or NULL: all that the engine has) and returns at once.
 * NULL with the engine's error: there is no such account. */
Round *round_new(SyncEngine *engine, const char *const *accounts, GError **error);

/* Readable once it is over. */
int round_fd(const Round *round);

/* Only once it is over: how it went in each account; the errors (NULL where all is well) are
 * borrowed, and their words begin with the account's name. */
size_t round_count(const Round *round);
const char *round_account(const Round *round, size_t index);
const GError *round_error(const Round *round, size_t index);

/* Stops waiting (the engine goes on) and frees; before the engine.  NULL is fine. */
void round_free(Round *round);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Round, round_free)
