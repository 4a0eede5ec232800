/* How messages are removed in an account, as its configuration says. */
#pragma once

#include "config.h"
#include "store/changes.h"

/* To the account's Trash, which is created if there is none, or for good. */
bool removal_of(StoreTxn *txn, const ConfigAccount *account, int64_t account_id, StoreRemoval *how_r, GError **error);
