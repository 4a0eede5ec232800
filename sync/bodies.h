/* Which bodies are kept here (the account's `bodies`); of the other messages only the header is. */
#pragma once

#include "sync/run.h"

/* Bodies of messages from this INTERNALDATE on are kept; INT64_MIN: of all; INT64_MAX: of none. */
int64_t sync_bodies_since(const SyncAccount *account);

/* At the end of a run: of messages whose bodies are not to be kept only the headers stay.  What somebody has read (and
 * so fetched) within the last SYNC_BODIES_ASKED_S stays, and what something is under way of. */
#define SYNC_BODIES_ASKED_S (24 * 3600)
bool sync_bodies_shed(const SyncRun *run, GError **error);
