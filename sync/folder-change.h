/* What CREATE, RENAME and DELETE have in common: folder-change.c.  The operations themselves: push-folders.c (CREATE),
 * folder-rename.c, folder-delete.c. */
#pragma once

#include "sync/push.h"

typedef struct {
	SyncWorker *worker;
	const StoreOperation *operation;
	StoreMailbox mailbox;
	char *path; /* where people see it, or saw it last */
} SyncFolderChange;

/* A command with a mailbox, or two (@new_name may be NULL). */
ImapCommand *sync_folder_command(const char *verb, const char *name, const char *new_name);

/* Blocks.  *words_r (g_free()): the server's, if it refuses for good; else NULL.  False as sync_push(). */
bool sync_folder_send(const SyncFolderChange *change, ImapCommand *command, char **words_r, GError **error);

/* RENAME; what was renamed before is not refused. */
bool sync_folder_send_rename(const SyncFolderChange *change, const char *old, const char *new, char **words_r,
                             GError **error);

/* What LIST tells of one or two names. */
typedef struct {
	const char *names[2];
	bool is_there[2], is_selectable[2];
	const char *above;   /* the name of a folder below it is wanted, too; NULL: not */
	char separator;
	char *below;         /* that name, g_free(); NULL: there is none */
	bool in_doubt;
} SyncFolderNames;

/* Blocks.  CORE_ERROR_REFUSED: the server does not tell. */
bool sync_folder_look(const SyncFolderChange *change, SyncFolderNames *names, GError **error);

/* Whether @name is below @above. */
bool sync_folder_is_below(const char *name, const char *above, char separator);

/* Commits that it is sent, with these arguments (NULL: as they are), unless it was before.  *sent_r false: it was taken
 * back meanwhile. */
bool sync_folder_mark_sent(const SyncFolderChange *change, const char *arguments, bool *sent_r, GError **error);

/* Commits that the connection ended in it.  One in which it always does is held. */
bool sync_folder_lost(const SyncFolderChange *change, GError **error);

/* Commit what became of it. */
bool sync_folder_fail(const SyncFolderChange *change, const char *words, GError **error);
bool sync_folder_done_called(const SyncFolderChange *change, const char *name, char separator, GError **error);
bool sync_folder_done_deleted(const SyncFolderChange *change, GError **error);
bool sync_folder_overtaken(const SyncFolderChange *change, GError **error); /* RENAME: what others did was first */

bool sync_folder_rename(const SyncFolderChange *change, GError **error);
bool sync_folder_delete(const SyncFolderChange *change, GError **error);
