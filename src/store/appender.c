#include "store/appender.h"

#include "core/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES (256 * 1024) /* small bodies go to the kernel together, in whole pages */

static void
release(void *segment)
{
	store_segment_release(segment);
}

void
store_appender_init(StoreAppender *appender, StoreSegmentSet *set)
{
	*appender = (StoreAppender){ .set = set };
	appender->buffer = g_malloc(BUFFER_BYTES);
	appender->retired = g_ptr_array_new_with_free_func(release);
	appender->synced = g_ptr_array_new_with_free_func(release);
}

/* Nothing that ended since the last sync will do: what was handed out of it is refused. */
static void
give_up(StoreAppender *appender)
{
	for (unsigned i = 0; i < appender->retired->len; i++)
		store_segment_mark_damaged(appender->retired->pdata[i]);
	if (appender->segment)
		store_segment_mark_damaged(appender->segment);
	g_ptr_array_set_size(appender->retired, 0);
	g_clear_pointer(&appender->segment, store_segment_release);
	appender->buffered = 0;
	appender->dirty = false;
}

void
store_appender_clear(StoreAppender *appender)
{
	store_appender_abort(appender);
	if (!store_appender_flush(appender, NULL)) /* the next writer goes on behind it, so it has to be there */
		give_up(appender);
	g_ptr_array_free(appender->retired, TRUE);
	g_ptr_array_free(appender->synced, TRUE);
	if (appender->segment)
		store_segment_release(appender->segment);
	g_free(appender->buffer);
	*appender = (StoreAppender){ 0 };
}

/* Leaves the segment, but holds it until what is in it must have been committed. */
static void
retire(StoreAppender *appender)
{
	g_ptr_array_add(appender->retired, g_steal_pointer(&appender->segment));
}

bool
store_appender_begin(StoreAppender *appender, uint64_t size_hint, GError **error)
{
	g_assert(!appender->writing);
	if (appender->segment && appender->position > 0 &&
	    (appender->position >= STORE_SEGMENT_BYTES || size_hint > STORE_SEGMENT_BYTES - appender->position)) {
		if (!store_appender_flush(appender, error))
			return false;
		retire(appender);
	}
	if (!appender->segment) {
		appender->segment = store_segment_set_take(appender->set, size_hint, error);
		if (!appender->segment)
			return false;
		appender->position = store_segment_end(appender->segment);
	}
	appender->start = appender->position;
	appender->writing = true;
	return true;
}

bool
store_appender_flush(StoreAppender *appender, GError **error)
{
	const uint8_t *bytes = appender->buffer;

	while (appender->buffered > 0) {
		off_t offset = (off_t)(appender->position - appender->buffered);
		ssize_t n = pwrite(appender->segment->fd, bytes, appender->buffered, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) { /* the rest stays: sync() must not succeed without it */
			core_throw_errno(error, "cannot write %s/%" G_GINT64_FORMAT, appender->set->path, appender->segment->id);
			memmove(appender->buffer, bytes, appender->buffered);
			return false;
		}
		bytes += n;
		appender->buffered -= (size_t)n;
	}
	return true;
}

bool
store_appender_write(StoreAppender *appender, const void *bytes, size_t length, GError **error)
{
	g_assert(appender->writing);
	const uint8_t *p = bytes;

	while (length > 0) {
		uint64_t written = appender->position - appender->buffered;
		size_t room = BUFFER_BYTES - (size_t)(written % BUFFER_BYTES) - appender->buffered;
		size_t n = MIN(length, room);
		memcpy(appender->buffer + appender->buffered, p, n);
		appender->buffered += n;
		appender->position += n;
		p += n;
		length -= n;
		if (n == room && !store_appender_flush(appender, error))
			return false;
	}
	return true;
}

void
store_appender_end(StoreAppender *appender, StoreExtent *extent_r)
{
	g_assert(appender->writing);
	*extent_r = (StoreExtent){ appender->segment->id, appender->start, appender->position - appender->start };
	store_segment_set_end(appender->segment, appender->position);
	appender->writing = false;
	appender->dirty = true;
	core_step("append");
}

void
store_appender_abort(StoreAppender *appender)
{
	if (!appender->writing)
		return;
	size_t unwritten = (size_t)MIN(appender->buffered, appender->position - appender->start);

	appender->writing = false;
	appender->buffered -= unwritten;
	appender->position -= unwritten;
	if (appender->position > appender->start && ftruncate(appender->segment->fd, (off_t)appender->start) != 0) {
		/* The next body goes behind what should have been cut. */
		core_log(CORE_LOG_WARNING, "store", "cannot cut %s/%" G_GINT64_FORMAT ": %s", appender->set->path,
		         appender->segment->id, g_strerror(errno));
		store_segment_set_end(appender->segment, appender->position);
		return;
	}
	appender->position = appender->start;
}

static bool
sync_segment(StoreSegment *segment, GError **error)
{
	if (fdatasync(segment->fd) == 0)
		return true;
	/* The kernel may have dropped what it could not write and say so only once: never append here again. */
	return core_throw_errno(error, "cannot sync %s/%" G_GINT64_FORMAT, segment->set->path, segment->id);
}

bool
store_appender_sync(StoreAppender *appender, GError **error)
{
	g_assert(!appender->writing);
	bool ok = store_appender_flush(appender, error);
	for (unsigned i = 0; i < appender->retired->len && ok; i++)
		ok = sync_segment(appender->retired->pdata[i], error);
	if (ok && appender->segment && appender->dirty)
		ok = sync_segment(appender->segment, error);
	if (!ok) {
		give_up(appender);
		return false;
	}
	appender->dirty = false;
	g_ptr_array_set_size(appender->synced, 0);
	GPtrArray *swap = appender->synced;
	appender->synced = appender->retired;
	appender->retired = swap;
	core_step("sync");
	return true;
}
