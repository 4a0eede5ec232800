/* Internal to src/store: a set of ids, one bit each. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct {
	uint8_t *bits;
	int64_t size;   /* of ids that have a bit: a multiple of 8 */
	uint64_t count; /* of ids in it; of a union, at most */
} StoreSet;

static inline void
store_set_clear(StoreSet *set)
{
	g_free(set->bits);
	*set = (StoreSet){ 0 };
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StoreSet, store_set_clear)

static inline void
store_set_grow(StoreSet *set, int64_t size)
{
	set->bits = g_realloc(set->bits, (gsize)size / 8);
	memset(set->bits + set->size / 8, 0, (gsize)(size - set->size) / 8);
	set->size = size;
}

/* An id that is not in it. */
static inline void
store_set_add(StoreSet *set, int64_t id)
{
	if (id >= set->size)
		store_set_grow(set, MAX(id + 1, set->size * 2 + 1024) / 8 * 8 + 8);
	set->bits[id / 8] |= (uint8_t)(1u << id % 8);
	set->count++;
}

static inline bool
store_set_has(const StoreSet *set, int64_t id)
{
	return id < set->size && (set->bits[id / 8] >> id % 8 & 1);
}

/* All that is in @other. */
static inline void
store_set_unite(StoreSet *set, const StoreSet *other)
{
	if (other->size > set->size)
		store_set_grow(set, other->size);
	for (int64_t byte = 0; byte < other->size / 8; byte++)
		set->bits[byte] |= other->bits[byte];
	set->count += other->count;
}
