#include "store/appender.h"

#include "core/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES (64 * 1024)

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

void
store_appender_clear(StoreAppender *appender)
{
	store_appender_abort(appender);
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
	    (appender->position >= STORE_SEGMENT_BYTES || size_hint > STORE_SEGMENT_BYTES - appender->position))
		retire(appender);
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

static bool
write_all(StoreAppender *appender, const uint8_t *bytes, size_t length, GError **error)
{
	while (length > 0) {
		ssize_t n = pwrite(appender->segment->fd, bytes, length, (off_t)appender->position);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return core_throw_errno(error, "cannot write %s/%" G_GINT64_FORMAT, appender->set->path,
			                        appender->segment->id);
		bytes += n;
		length -= (size_t)n;
		appender->position += (uint64_t)n;
	}
	return true;
}

static bool
flush(StoreAppender *appender, GError **error)
{
	size_t length = appender->buffered;

	appender->buffered = 0;
	return write_all(appender, appender->buffer, length, error);
}

bool
store_appender_write(StoreAppender *appender, const void *bytes, size_t length, GError **error)
{
	g_assert(appender->writing);
	if (length > BUFFER_BYTES - appender->buffered && !flush(appender, error))
		return false;
	if (length >= BUFFER_BYTES)
		return write_all(appender, bytes, length, error);
	memcpy(appender->buffer + appender->buffered, bytes, length);
	appender->buffered += length;
	return true;
}

bool
store_appender_end(StoreAppender *appender, StoreExtent *extent_r, GError **error)
{
	g_assert(appender->writing);
	if (!flush(appender, error)) {
		store_appender_abort(appender);
		return false;
	}
	*extent_r = (StoreExtent){ appender->segment->id, appender->start, appender->position - appender->start };
	store_segment_set_end(appender->segment, appender->position);
	appender->writing = false;
	appender->dirty = true;
	core_step("append");
	return true;
}

void
store_appender_abort(StoreAppender *appender)
{
	if (!appender->writing)
		return;
	appender->writing = false;
	appender->buffered = 0;
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
	core_throw_errno(error, "cannot sync %s/%" G_GINT64_FORMAT, segment->set->path, segment->id);
	store_segment_mark_damaged(segment);
	return false;
}

bool
store_appender_sync(StoreAppender *appender, GError **error)
{
	bool ok = true;

	g_assert(!appender->writing);
	for (unsigned i = 0; i < appender->retired->len && ok; i++)
		ok = sync_segment(appender->retired->pdata[i], error);
	if (ok && appender->segment && appender->dirty)
		ok = sync_segment(appender->segment, error);
	if (!ok) { /* what they hold since the last success is given up */
		g_ptr_array_set_size(appender->retired, 0);
		g_clear_pointer(&appender->segment, store_segment_release);
		appender->dirty = false;
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
