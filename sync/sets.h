/* One command, or a few in a row, for many messages: in UID sets as long as servers take them (SYNC_SET_BYTES), pipelined.
 * A set that is refused is halved until what the server refuses is found, so that one bad message does not spoil the
 * others.
 */
#pragma once

#include "sync/run.h"

#define SYNC_SET_COMMANDS 2

typedef struct {
	SyncWorker *worker;
	const uint32_t *uids;  /* ascending, each once */
	guint count;
	const char *name;      /* of the command, for errors */
	unsigned commands;     /* how many for each set, up to SYNC_SET_COMMANDS: the set is done when all of them are */
	bool bad_is_final;     /* a set to which the server says BAD is refused as a whole */
	ImapCommand *(*make)(const char *set, unsigned command, void *data);
	/* What became of uids[from..to).  @replies: to each command. */
	void (*done)(guint from, guint to, const ImapReply *replies, void *data);
	void (*refused)(guint from, guint to, const ImapReply *reply, void *data);
	void (*put_off)(guint from, guint to, const ImapReply *reply, void *data); /* "later": then the run ends */
	void *data;
} SyncSets;

/* Blocks.  False: the connection broke, or the server is busy (CORE_ERROR_BUSY; then the session is usable and what was
 * neither done, refused nor put off was not tried by itself).  What was answered before that has been told. */
bool sync_sets_run(const SyncSets *sets, GError **error);
