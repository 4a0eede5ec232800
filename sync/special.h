/* Which folders are the account's Trash, Sent, Drafts, Junk and Archive. */
#pragma once

#include "sync/engine.h"
#include "sync/listing.h"

/* Puts the attributes of special uses onto @folders (of SyncListed).  What the server told (SPECIAL-USE, RFC 6154) counts.
 * A role that it gave to no folder goes to the one that @account names for it, and if it names none, to one with a name
 * that mail programs use for it, at the top or below INBOX. */
void sync_special_assign(GPtrArray *folders, const SyncAccount *account);
