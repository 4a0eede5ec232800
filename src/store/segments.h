/* Bytes of messages, in append-only segment files.
 *
 * A writer owns the segment it appends to; a body never spans segments.  The order that makes a crash harmless: append,
 * store_writer_sync() (fdatasync), then commit the row; bytes without a row are cut at the next store_open() or
 * reclaimed by store_compact().
 *
 * What a writer has ended (new or shared) is safe from store_compact() until the writer's second sync after it, or its
 * end: so sync, commit the messages, and go on.  Later than that, or after a sync that failed, store_message_set_body()
 * may say CORE_ERROR_NOT_FOUND, but never takes wrong bytes.
 */
#pragma once

#include "store/store.h"

#define STORE_SEGMENT_BYTES (128ull * 1024 * 1024) /* a writer goes on to a new segment beyond it */

typedef struct {
	int64_t id;          /* 0: not committed yet */
	int64_t segment_id;
	uint64_t offset, length;
	uint8_t sha256[32];
} StoreBody;

/* One thread at a time. */
typedef struct StoreWriter StoreWriter;
StoreWriter *store_writer_new(Store *store, GError **error);
void store_writer_free(StoreWriter *writer); /* NULL is fine; what was not committed is given up */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreWriter, store_writer_free)

/* @size_hint only decides whether the body still goes into this segment.  After a failure of write() the body has to be
 * aborted, after one of end() it is; the writer stays usable (CORE_ERROR_IO: the disk is full and so on).  Not inside a
 * transaction: begin() may need one to make a segment. */
bool store_writer_begin(StoreWriter *writer, uint64_t size_hint, GError **error);
bool store_writer_write(StoreWriter *writer, const void *bytes, size_t length, GError **error);
/* If the store already has these bytes (whole) under a row, they are taken back from the segment and *body_r is that
 * row's. */
bool store_writer_end(StoreWriter *writer, StoreBody *body_r, GError **error);
void store_writer_abort(StoreWriter *writer); /* takes back what begin() started; harmless if nothing did */

/* What has ended can be read when it returns true.  Else it is in memory until store_writer_sync(). */
bool store_writer_flush(StoreWriter *writer, GError **error);

/* fdatasync(): all bodies ended so far are durable when it returns true.  After a failure those that ended since the
 * last success are given up and have to be written again. */
bool store_writer_sync(StoreWriter *writer, GError **error);

/* Reading: a reference keeps the file open, even if compaction unlinks it meanwhile.  What a writer has flushed can be
 * read before it is synced or committed. */
typedef struct StoreSegment StoreSegment;
/* CORE_ERROR_NOT_FOUND: compaction has moved the body since *body was filled (ask store_body_get() again). */
StoreSegment *store_body_segment(Store *store, const StoreBody *body, GError **error);
int store_segment_fd(const StoreSegment *segment); /* pread() at body->offset */
void store_segment_unref(StoreSegment *segment);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreSegment, store_segment_unref)

/* Where a committed body is; false with *error unset if there is none of that id. */
bool store_body_get(Store *store, int64_t body_id, StoreBody *body_r, GError **error);
/* That of a message; false with *error unset: it has none here, or there is no such message. */
bool store_body_of_message(Store *store, int64_t message_id, StoreBody *body_r, GError **error);

/* pread() of at most @size bytes at @offset of the body: the number in *n_r, 0 at its end.  CORE_ERROR_CORRUPT when the
 * segment is shorter than the row says.  A committed body that compaction has moved since is found again. */
bool store_body_read(Store *store, const StoreBody *body, void *buffer, size_t size, uint64_t offset, size_t *n_r,
                     GError **error);

/* Somebody is about to read the bodies of the @count messages behind @message_id in its folder, in the order in which they
 * are listed: the kernel may begin to bring them, at most 8 MiB.  *last_r: the last of them, *middle_r: one in the middle,
 * or the last; INT64_MAX both: there are none. */
bool store_body_expect(Store *store, int64_t message_id, unsigned count, int64_t *middle_r, int64_t *last_r,
                       GError **error);

/* Drops bodies that no message uses, and frees their space: segments in which less than half is alive are copied
 * together and unlinked.  Takes short transactions; may run while the store is used (a second caller waits).  A segment
 * that cannot be read stays as it is, with a warning. */
bool store_compact(Store *store, CoreCancel *cancel, GError **error);

/* Whether messages with bodies were removed since the last store_compact(), other than those that may be open still
 * (store_message_gone()): until then their bodies can be shared again (store_message_known_by_id() finds them), so call it
 * when a synchronisation has seen all mailboxes. */
bool store_compact_due(Store *store, bool *due_r, GError **error);
