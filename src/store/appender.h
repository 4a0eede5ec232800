/* Internal to src/store: appending to the segments of one set. */
#pragma once

#include "store/segmentset.h"

/* One thread at a time; for the owner's memory. */
typedef struct {
	StoreSegmentSet *set;
	StoreSegment *segment; /* held; NULL: none yet */
	uint64_t start;        /* where the body that is being written begins */
	uint64_t position;     /* where the next byte goes */
	uint8_t *buffer;       /* the bytes before it that the kernel was not given yet; of several bodies */
	size_t buffered;
	bool writing;        /* between begin and end or abort */
	bool dirty;          /* something has ended since the last sync */
	GPtrArray *retired;  /* held segments that were left since the last sync */
	GPtrArray *synced;   /* held segments that were left before it: what is in them may not be committed yet */
} StoreAppender;

typedef struct {
	int64_t segment_id;
	uint64_t offset, length;
} StoreExtent;

void store_appender_init(StoreAppender *appender, StoreSegmentSet *set);
void store_appender_clear(StoreAppender *appender); /* aborts and lets go */

bool store_appender_begin(StoreAppender *appender, uint64_t size_hint, GError **error);
bool store_appender_write(StoreAppender *appender, const void *bytes, size_t length, GError **error);
/* The place of what was written since begin. */
void store_appender_end(StoreAppender *appender, StoreExtent *extent_r);
void store_appender_abort(StoreAppender *appender);

/* What has ended can be read; sync() does it as well. */
bool store_appender_flush(StoreAppender *appender, GError **error);

/* fdatasync() of all that has ended.  After a failure nothing that ended since the last success may be relied on: it
 * has to be written again, and goes to another segment. */
bool store_appender_sync(StoreAppender *appender, GError **error);
