#include "imap/arena.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Most responses fit into one block, which is kept from one to the next. */
#define BLOCK_BYTES (32 * 1024)

struct ImapArenaBlock {
	ImapArenaBlock *next;
	size_t size;
	max_align_t bytes[];
};

struct ImapAdopted {
	struct ImapAdopted *next;
	void *memory;
	size_t size;
};

static ImapArenaBlock *
add_block(ImapArena *arena, size_t size)
{
	ImapArenaBlock *block = g_malloc(sizeof *block + size);

	block->size = size;
	block->next = arena->blocks;
	arena->blocks = block;
	arena->held_bytes += sizeof *block + size;
	return block;
}

static void
use_block(ImapArena *arena, ImapArenaBlock *block)
{
	arena->at = (char *)block->bytes;
	arena->end = arena->at + block->size;
}

void *
imap_arena_alloc(ImapArena *arena, size_t size)
{
	const size_t mask = _Alignof(max_align_t) - 1;

	g_assert(size < SIZE_MAX / 2);
	size = (MAX(size, 1) + mask) & ~mask;
	if (size > (size_t)(arena->end - arena->at)) {
		if (size > BLOCK_BYTES / 4) /* a block of its own; the one in use stays in use */
			return add_block(arena, size)->bytes;
		use_block(arena, add_block(arena, BLOCK_BYTES));
	}
	void *piece = arena->at;
	arena->at += size;
	return piece;
}

char *
imap_arena_text(ImapArena *arena, const char *text, size_t length)
{
	char *copy = imap_arena_alloc(arena, length + 1);

	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

void
imap_arena_adopt(ImapArena *arena, void *memory, size_t size)
{
	struct ImapAdopted *record = imap_arena_alloc(arena, sizeof *record);

	*record = (struct ImapAdopted){ .next = arena->adopted, .memory = memory, .size = size };
	arena->adopted = record;
	arena->held_bytes += size;
}

static void
free_blocks(ImapArena *arena, bool keep_one)
{
	ImapArenaBlock *kept = NULL;

	for (; arena->adopted; arena->adopted = arena->adopted->next) {
		arena->held_bytes -= arena->adopted->size;
		g_free(arena->adopted->memory);
	}

	for (ImapArenaBlock *block = arena->blocks, *next; block; block = next) {
		next = block->next;
		if (keep_one && !kept && block->size == BLOCK_BYTES) {
			kept = block;
			kept->next = NULL;
		} else {
			arena->held_bytes -= sizeof *block + block->size;
			g_free(block);
		}
	}
	arena->blocks = kept;
	arena->at = arena->end = NULL;
	if (kept)
		use_block(arena, kept);
}

void
imap_arena_reset(ImapArena *arena)
{
	free_blocks(arena, true);
}

void
imap_arena_clear(ImapArena *arena)
{
	free_blocks(arena, false);
}
