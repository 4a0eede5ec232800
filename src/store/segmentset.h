/* Internal to src/store: one directory of segment files with their rows: bodies/ of mail.db, or text/ of derived.db.
 *
 * A segment is written by at most one writer, which appends.  Bytes that were once handed out as a StoreBody are never
 * overwritten while the process lives, even when their writer is gone, so a place that is committed late is either
 * right or refused.  Ids are never used again.
 */
#pragma once

#include "store/db.h"
#include "store/segments.h"

typedef struct StoreSegmentSet StoreSegmentSet;
typedef struct StoreDerived StoreDerived;

struct StoreSegment {
	StoreSegmentSet *set;
	int64_t id;
	int fd;           /* -1: not open; stays the same while somebody has a reference */
	unsigned refs;    /* the table's, the readers' and the writers'; under set->lock */
	unsigned holders; /* writers; under set->lock */
	uint64_t end;     /* where the next writer appends; under set->lock */
	bool damaged;     /* nobody may write to it; under set->lock */
};

struct StoreSegmentSet {
	char *path;
	int dir_fd;
	StoreDb *db;
	StoreStatement statements; /* the first of STORE_SEGMENT_STATEMENTS */
	pthread_mutex_t lock;      /* protects the table and what is said above; nothing is locked inside */
	GHashTable *table;         /* id to StoreSegment, which it has a reference to */
	unsigned n_open;
};

/* To be added to StoreSegmentSet.statements. */
enum {
	STORE_SEGMENT_LIST,
	STORE_SEGMENT_NEW,
	STORE_SEGMENT_DROP,
	STORE_SEGMENT_USED,
	STORE_SEGMENT_EXTENTS,
	STORE_SEGMENT_MOVE,
};

/* Opens DIR/NAME, drops files without rows and cuts what is behind the last committed byte.  @first_statement: the
 * first of STORE_SEGMENT_STATEMENTS of this set. */
StoreSegmentSet *store_segment_set_open(const char *dir, const char *name, StoreDb *db,
                                        StoreStatement first_statement, GError **error);
void store_segment_set_close(StoreSegmentSet *set); /* NULL is fine */

/* The segment for reading; NULL with CORE_ERROR_NOT_FOUND if it is gone (its bytes were moved), CORE_ERROR_CORRUPT if
 * its file is. */
StoreSegment *store_segment_set_get(StoreSegmentSet *set, int64_t segment_id, GError **error);

/* All of @size bytes at @offset of the file; CORE_ERROR_CORRUPT when it ends before. */
bool store_segment_read(const StoreSegment *segment, void *buffer, size_t size, uint64_t offset, GError **error);

/* A writer's hold on a segment (and a reference): nobody else writes to it, and it is not compacted. */
StoreSegment *store_segment_set_take(StoreSegmentSet *set, uint64_t size_hint, GError **error);
void store_segment_hold(StoreSegment *segment); /* once more */
void store_segment_release(StoreSegment *segment);

uint64_t store_segment_end(StoreSegment *segment);
void store_segment_set_end(StoreSegment *segment, uint64_t end);
void store_segment_mark_damaged(StoreSegment *segment);
bool store_segment_set_is_damaged(StoreSegmentSet *set, int64_t segment_id); /* nothing new may be placed there */

/* Out of the table, and its file unlinked; readers that have a reference go on. */
void store_segment_set_remove(StoreSegmentSet *set, int64_t segment_id);

/* Compacts segments in which less than half is in use.  Holds the database's writer lock for short transactions. */
bool store_segment_set_compact(StoreSegmentSet *set, CoreCancel *cancel, GError **error);
