/* Messages that an editor has put aside under another name before it saves what follows them: `x.eml` becomes `x.eml~`,
 * then a new `x.eml` is written.  That one takes over flags and time, and the other is removed after it has arrived. */
#pragma once

#include <stdint.h>

typedef struct FsPredecessors FsPredecessors;
FsPredecessors *fs_predecessors_new(void);
void fs_predecessors_free(FsPredecessors *predecessors); /* NULL is fine */

/* Any thread.  Message @id was called @name in the mailbox until now.  Remembered for a minute. */
void fs_predecessors_note(FsPredecessors *predecessors, int64_t mailbox_id, const char *name, int64_t id);
/* The message that was called so; 0: none. */
int64_t fs_predecessors_find(FsPredecessors *predecessors, int64_t mailbox_id, const char *name);
/* @heir_id was made in its place. */
void fs_predecessors_follow(FsPredecessors *predecessors, int64_t id, int64_t heir_id);
int64_t fs_predecessors_heir(FsPredecessors *predecessors, int64_t id); /* 0: none */
