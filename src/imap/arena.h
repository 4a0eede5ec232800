/* Memory for one response: handed out piece by piece, taken back all at once. */
#pragma once

#include <stddef.h>

typedef struct ImapArenaBlock ImapArenaBlock;

/* Zero-initialised is an empty arena. */
typedef struct {
	ImapArenaBlock *blocks;
	char *at, *end;    /* what is left of the block in use */
	struct ImapAdopted *adopted;
	size_t held_bytes; /* by all of it */
} ImapArena;

/* Aligned for anything; not zeroed.  Never NULL: callers bound what they ask for. */
void *imap_arena_alloc(ImapArena *arena, size_t size);

/* A copy with a NUL behind it. */
char *imap_arena_text(ImapArena *arena, const char *text, size_t length);

/* Takes @memory of g_malloc(), @size bytes, and frees it with the rest. */
void imap_arena_adopt(ImapArena *arena, void *memory, size_t size);

/* Gives back everything but one small block, so that a huge response leaves nothing behind. */
void imap_arena_reset(ImapArena *arena);
void imap_arena_clear(ImapArena *arena);
