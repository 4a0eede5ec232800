/* Messages that make room for what is saved in their place: an editor calls `x.eml` otherwise, or removes it, and then writes
 * a new `x.eml`.  That one takes over flags and time, and what was called otherwise is removed after it has arrived. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct FsPredecessors FsPredecessors;
FsPredecessors *fs_predecessors_new(void);
void fs_predecessors_free(FsPredecessors *predecessors); /* NULL is fine */

typedef struct {
	int64_t id;         /* of the message; 0: none */
	bool is_users_name; /* not the one by its UID */
	bool is_removed;    /* by the user, for himself */
} FsPredecessor;

/* Any thread.  The message was called @name in the mailbox until now.  Remembered for a minute. */
void fs_predecessors_note(FsPredecessors *predecessors, int64_t mailbox_id, const char *name, const FsPredecessor *predecessor);
/* The last message that was called so, unless something has followed it. */
FsPredecessor fs_predecessors_find(FsPredecessors *predecessors, int64_t mailbox_id, const char *name);
/* @heir_id was made in its place. */
void fs_predecessors_follow(FsPredecessors *predecessors, int64_t id, int64_t heir_id);
int64_t fs_predecessors_heir(FsPredecessors *predecessors, int64_t id); /* 0: none */
