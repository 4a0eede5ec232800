/* What "mailtree flag", "move" and so on do: words into changes of the store (store/changes.h).
 *
 * The process that owns the store does it, for its own command line or for another command that asks through the
 * control socket.  All that one command names is one transaction: it happens whole, or, after an error, not at all.
 *
 * A path is one below the mount (absolute, as mail/ or text/ has it) or ACCOUNT/FOLDER/NAME; NAME may be ~UID.
 */
#pragma once

#include "config.h"
#include "core/cancel.h"
#include "store/changes.h"

typedef struct {
	Store *store;
	const Config *config;
	const char *mounted; /* where the tree is; NULL: nowhere */
	CoreCancel *cancel;  /* ends what takes long; NULL: nobody does */
} ChangeContext;

typedef struct {
	unsigned count; /* of messages, folders or operations that it was about */
	unsigned held;  /* removals that wait for a person since, as they are too many */
} ChangeResult;

/* @words, NULL-terminated:
 *
 *   flag add|remove|set FLAGS PATH…     FLAGS: "\Seen $Label", separated by spaces or commas
 *   move PATH… FOLDER                   to another account: copied there, removed here once that is confirmed
 *   copy PATH… FOLDER
 *   delete PATH…
 *   append FOLDER FLAGS DATE FILE…      DATE: seconds since 1970, or "" for now; FILE: absolute, with the message
 *   folder create|delete FOLDER…
 *   folder rename FOLDER NEW
 *   confirm|retry [ACCOUNT…]
 *   undo [ACCOUNT…]
 *   undo ID…                            single operations, as status numbers them; or #ID
 *
 * CORE_ERROR_USAGE names the word that is wrong. */
bool change_do(const ChangeContext *context, const char *const *words, ChangeResult *result_r, GError **error);

/* change-line.c: the words as one line of ASCII for the control socket, which bounds it, and back (g_strfreev()). */
char *change_to_line(const char *const *words);
char **change_from_line(const char *line);
