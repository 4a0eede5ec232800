/* Who owns the store: this process, or another one that does what commands ask of it (control.h). */
#pragma once

#include "control.h"
#include "store/store.h"

/* *client_r is connected to the process that owns the store, or *store_r is open and this process does; the other is not
 * touched.  A process that is just starting or stopping is waited for, ten seconds at most.
 * False with CORE_ERROR_LOCKED or what store_open() says. */
bool owner_find(const char *store_dir, ControlClient **client_r, Store **store_r, GError **error);

/* One request, by control_client_call(). */
typedef bool (*OwnerAskFn)(ControlClient *client, void *data, GError **error);

/* Asks the process that owns the store, and the next one if that ends before it has answered (CORE_ERROR_LOCKED), so @ask
 * may be called several times.  *store_r: nobody was asked, and this process owns it; else NULL.  False: as owner_find(),
 * or with @ask's last error. */
bool owner_ask(const char *store_dir, OwnerAskFn ask, void *data, Store **store_r, GError **error);
