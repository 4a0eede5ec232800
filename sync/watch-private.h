/* What watch.c (hears and waits) and watch-take.c (asks, and brings here what has changed) share. */
#pragma once

#include "sync/watch.h"

/* The last STATUS of a mailbox. */
typedef struct {
	ImapMailboxStatus status; /* without its strings */
} SyncTold;

/* Whether @now says something that @before (NULL: nothing) and the store do not. */
bool sync_watch_is_news(const StoreMailbox *mailbox, const ImapMailboxStatus *now, const ImapMailboxStatus *before);

/* Whether the mailbox that is watched has something to be taken. */
bool sync_watch_has_events(SyncWatch *watch);

/* Listens to it; @data is the SyncWatch. */
bool sync_watch_on_watched(const ImapResponse *response, void *data, GError **error);
