/* The table of segment files: which there are, opening and reading them. */
#include "store/segmentset.h"

#include "store/internal.h"

#include "core/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_OPEN_SEGMENTS 64 /* descriptors that are kept though nobody reads */

static void
file_name(int64_t id, char name_r[32])
{
	snprintf(name_r, 32, "%" G_GINT64_FORMAT, id);
}

static void
segment_free(StoreSegment *segment)
{
	if (segment->fd >= 0) {
		close(segment->fd);
		segment->set->n_open--;
	}
	g_free(segment);
}

/* With set->lock held. */
static void
unref_locked(StoreSegment *segment)
{
	if (--segment->refs == 0)
		segment_free(segment);
}

static void
table_unref(void *data)
{
	unref_locked(data);
}

static StoreSegment *
table_add(StoreSegmentSet *set, int64_t id, uint64_t end, bool damaged)
{
	StoreSegment *segment = g_new0(StoreSegment, 1);

	segment->set = set;
	segment->id = id;
	segment->fd = -1;
	segment->refs = 1;
	segment->end = end;
	segment->damaged = damaged;
	g_hash_table_insert(set->table, &segment->id, segment);
	return segment;
}

/* Compares a row with its file: what is behind @end was never committed. */
static bool
recover_segment(StoreSegmentSet *set, int64_t id, uint64_t end, GError **error)
{
	struct stat st = { 0 };
	char name[32];
	bool damaged = false;

	file_name(id, name);
	if (fstatat(set->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno != ENOENT)
		return core_throw_errno(error, "cannot look at %s/%s", set->path, name);
	if ((uint64_t)st.st_size < end) {
		core_log(CORE_LOG_WARNING, "store", "%s/%s is damaged: it has %llu bytes, %llu are needed", set->path, name,
		         (unsigned long long)st.st_size, (unsigned long long)end);
		damaged = true;
	} else if ((uint64_t)st.st_size > end) {
		int fd = openat(set->dir_fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
		bool ok = fd >= 0 && ftruncate(fd, (off_t)end) == 0;
		if (!ok)
			core_throw_errno(error, "cannot cut %s/%s", set->path, name);
		if (fd >= 0)
			close(fd);
		if (!ok)
			return false;
	}
	table_add(set, id, end, damaged);
	return true;
}

static bool
recover_rows(StoreSegmentSet *set, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(set->db, set->statements + STORE_SEGMENT_LIST);
	StoreStep step;

	while ((step = store_query_step(set->db, query, error)) == STORE_ROW) {
		if (!recover_segment(set, sqlite3_column_int64(query, 0), (uint64_t)sqlite3_column_int64(query, 1), error))
			return false;
	}
	return step == STORE_DONE;
}

/* Files that have no row: their making or unlinking was interrupted.  Other names are none of ours. */
static bool
remove_strays(StoreSegmentSet *set, GError **error)
{
	int fd = openat(set->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (!dir)
		return core_throw_errno(error, "cannot list %s", set->path);
	for (struct dirent *entry; (entry = readdir(dir));) {
		char name[32];
		int64_t id = g_ascii_strtoll(entry->d_name, NULL, 10);
		file_name(id, name);
		if (strcmp(name, entry->d_name) != 0 || g_hash_table_contains(set->table, &id))
			continue;
		if (unlinkat(set->dir_fd, name, 0) != 0)
			core_log(CORE_LOG_WARNING, "store", "cannot remove %s/%s: %s", set->path, name, g_strerror(errno));
	}
	closedir(dir);
	return true;
}

static bool
open_dir(StoreSegmentSet *set, const char *parent, GError **error)
{
	if (mkdir(set->path, 0700) == 0) {
		int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		bool ok = fd >= 0 && fsync(fd) == 0;
		if (!ok)
			core_throw_errno(error, "cannot sync %s", parent);
		if (fd >= 0)
			close(fd);
		if (!ok)
			return false;
	} else if (errno != EEXIST) {
		return core_throw_errno(error, "cannot make %s", set->path);
	}
	set->dir_fd = open(set->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return set->dir_fd >= 0 || core_throw_errno(error, "cannot open %s", set->path);
}

StoreSegmentSet *
store_segment_set_open(const char *dir, const char *name, StoreDb *db, StoreStatement first_statement, GError **error)
{
	StoreSegmentSet *set = g_new0(StoreSegmentSet, 1);

	set->path = g_build_filename(dir, name, NULL);
	set->dir_fd = -1;
	set->db = db;
	set->statements = first_statement;
	set->table = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, table_unref);
	pthread_mutex_init(&set->lock, NULL);
	if (open_dir(set, dir, error) && recover_rows(set, error) && remove_strays(set, error))
		return set;
	store_segment_set_close(set);
	return NULL;
}

void
store_segment_set_close(StoreSegmentSet *set)
{
	if (!set)
		return;
	g_hash_table_destroy(set->table);
	g_assert(set->n_open == 0); /* else somebody kept a reference beyond store_close() */
	if (set->dir_fd >= 0)
		close(set->dir_fd);
	pthread_mutex_destroy(&set->lock);
	g_free(set->path);
	g_free(set);
}

/* With set->lock held: closes a descriptor that nobody uses, when there are many. */
static void
close_idle(StoreSegmentSet *set)
{
	GHashTableIter iter;
	void *value;

	if (set->n_open < MAX_OPEN_SEGMENTS)
		return;
	g_hash_table_iter_init(&iter, set->table);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		StoreSegment *segment = value;
		if (segment->fd >= 0 && segment->refs == 1) {
			close(segment->fd);
			segment->fd = -1;
			set->n_open--;
			return;
		}
	}
}

/* With set->lock held. */
static bool
open_file(StoreSegment *segment, int flags, GError **error)
{
	StoreSegmentSet *set = segment->set;
	char name[32];

	if (segment->fd >= 0)
		return true;
	close_idle(set);
	file_name(segment->id, name);
	segment->fd = openat(set->dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
	if (segment->fd >= 0)
		set->n_open++;
	else if (errno == ENOENT)
		return core_throw(error, CORE_ERROR_CORRUPT, "%s/%s is missing", set->path, name);
	else
		return core_throw_errno(error, "cannot open %s/%s", set->path, name);
	return true;
}

StoreSegment *
store_segment_set_get(StoreSegmentSet *set, int64_t segment_id, GError **error)
{
	pthread_mutex_lock(&set->lock);
	StoreSegment *segment = g_hash_table_lookup(set->table, &segment_id);
	if (!segment)
		core_throw(error, CORE_ERROR_NOT_FOUND, "%s/%" G_GINT64_FORMAT " is gone", set->path, segment_id);
	else if (!open_file(segment, 0, error))
		segment = NULL;
	else
		segment->refs++;
	pthread_mutex_unlock(&set->lock);
	return segment;
}

void
store_segment_unref(StoreSegment *segment)
{
	if (!segment)
		return;
	StoreSegmentSet *set = segment->set;
	pthread_mutex_lock(&set->lock);
	unref_locked(segment);
	pthread_mutex_unlock(&set->lock);
}

int
store_segment_fd(const StoreSegment *segment)
{
	return segment->fd;
}

uint64_t
store_segment_end(StoreSegment *segment)
{
	pthread_mutex_lock(&segment->set->lock);
	uint64_t end = segment->end;
	pthread_mutex_unlock(&segment->set->lock);
	return end;
}

void
store_segment_set_end(StoreSegment *segment, uint64_t end)
{
	pthread_mutex_lock(&segment->set->lock);
	segment->end = end;
	pthread_mutex_unlock(&segment->set->lock);
}

void
store_segment_hold(StoreSegment *segment)
{
	pthread_mutex_lock(&segment->set->lock);
	segment->refs++;
	segment->holders++;
	pthread_mutex_unlock(&segment->set->lock);
}

void
store_segment_release(StoreSegment *segment)
{
	StoreSegmentSet *set = segment->set;

	pthread_mutex_lock(&set->lock);
	segment->holders--;
	unref_locked(segment);
	pthread_mutex_unlock(&set->lock);
}

void
store_segment_mark_damaged(StoreSegment *segment)
{
	pthread_mutex_lock(&segment->set->lock);
	segment->damaged = true;
	pthread_mutex_unlock(&segment->set->lock);
}

bool
store_segment_set_is_damaged(StoreSegmentSet *set, int64_t segment_id)
{
	pthread_mutex_lock(&set->lock);
	const StoreSegment *segment = g_hash_table_lookup(set->table, &segment_id);
	bool is_damaged = segment && segment->damaged;
	pthread_mutex_unlock(&set->lock);
	return is_damaged;
}

/* With set->lock held: a segment with room for @size_hint more bytes that nobody writes to. */
static StoreSegment *
find_free(StoreSegmentSet *set, uint64_t size_hint)
{
	GHashTableIter iter;
	void *value;

	g_hash_table_iter_init(&iter, set->table);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		StoreSegment *segment = value;
		if (segment->holders == 0 && !segment->damaged &&
		    (segment->end == 0 ||
		     (segment->end < STORE_SEGMENT_BYTES && size_hint <= STORE_SEGMENT_BYTES - segment->end)))
			return segment;
	}
	return NULL;
}

/* The row is committed before the file is used, so that a file without a row never holds anything. */
static bool
make_row(StoreSegmentSet *set, int64_t *id_r, GError **error)
{
	if (!store_db_begin(set->db, error))
		return false;

	bool ok;
	{
		g_autoptr(StoreQuery) query = store_db_query(set->db, set->statements + STORE_SEGMENT_NEW);
		ok = store_query_run(set->db, query, error);
	}
	*id_r = sqlite3_last_insert_rowid(set->db->handle);
	return store_db_end(set->db, ok, error);
}

StoreSegment *
store_segment_set_take(StoreSegmentSet *set, uint64_t size_hint, GError **error)
{
	bool ok = true;

	pthread_mutex_lock(&set->lock);
	StoreSegment *segment = find_free(set, size_hint);
	if (!segment) {
		int64_t id;
		pthread_mutex_unlock(&set->lock); /* it comes after the database's in the order of locks */
		if (!make_row(set, &id, error))
			return NULL;
		core_step("segment");
		pthread_mutex_lock(&set->lock);
		segment = table_add(set, id, 0, false);
	}
	if (segment->end == 0) { /* the file may not be there */
		ok = open_file(segment, O_CREAT, error);
		if (ok && fsync(set->dir_fd) != 0)
			ok = core_throw_errno(error, "cannot sync %s", set->path);
	} else {
		ok = open_file(segment, 0, error);
	}
	if (ok) {
		segment->refs++;
		segment->holders++;
	}
	pthread_mutex_unlock(&set->lock);
	return ok ? segment : NULL;
}

bool
store_segment_read(const StoreSegment *segment, void *buffer, size_t size, uint64_t offset, GError **error)
{
	uint8_t *to = buffer;

	while (size > 0) {
		ssize_t n = pread(segment->fd, to, size, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return core_throw_errno(error, "cannot read %s/%" G_GINT64_FORMAT, segment->set->path, segment->id);
		if (n == 0)
			return core_throw(error, CORE_ERROR_CORRUPT, "%s/%" G_GINT64_FORMAT " is shorter than it should be",
			                  segment->set->path, segment->id);
		to += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return true;
}

void
store_segment_set_remove(StoreSegmentSet *set, int64_t segment_id)
{
	char name[32];

	file_name(segment_id, name);
	pthread_mutex_lock(&set->lock);
	g_hash_table_remove(set->table, &segment_id);
	pthread_mutex_unlock(&set->lock);
	if (unlinkat(set->dir_fd, name, 0) != 0 && errno != ENOENT)
		core_log(CORE_LOG_WARNING, "store", "cannot remove %s/%s: %s", set->path, name, g_strerror(errno));
}
