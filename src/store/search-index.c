#include "store/search-index.h"

#include "core/log.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MAX_IDLE 2

struct StoreIndex {
	const char *mail_path;
	char *path;
	int wake_fd;             /* an eventfd */
	pthread_mutex_t updating; /* one at a time; the first of the store's locks */
	pthread_mutex_t lock;    /* a leaf; protects what follows */
	StoreDb *writer;         /* NULL: not opened yet */
	StoreDb *idle;           /* those that search */
	unsigned n_idle;
	unsigned generation;     /* of the file */
	bool is_damaged;
};

StoreIndex *
store_index_new(Store *store, GError **error)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0) {
		core_throw_errno(error, "cannot make an eventfd");
		return NULL;
	}
	StoreIndex *index = g_new0(StoreIndex, 1);
	index->wake_fd = fd;
	index->mail_path = store->mail_path;
	index->path = g_build_filename(store->dir, STORE_SEARCH_FILE, NULL);
	pthread_mutex_init(&index->updating, NULL);
	pthread_mutex_init(&index->lock, NULL);
	return index;
}

/* With the lock held, or nobody else there.  The writer is the last one: it moves the WAL into the database. */
static void
close_all(StoreIndex *index)
{
	while (index->idle) {
		StoreDb *db = index->idle;
		index->idle = db->next;
		store_db_close(db);
	}
	index->n_idle = 0;
	g_clear_pointer(&index->writer, store_db_close);
}

void
store_index_free(StoreIndex *index)
{
	if (!index)
		return;
	close_all(index);
	close(index->wake_fd);
	pthread_mutex_destroy(&index->updating);
	pthread_mutex_destroy(&index->lock);
	g_free(index->path);
	g_free(index);
}

void
store_index_wake(StoreIndex *index)
{
	uint64_t one = 1;

	if (write(index->wake_fd, &one, sizeof one) < 0 && errno != EAGAIN)
		core_log(CORE_LOG_WARNING, "store", "cannot write to an eventfd: %s", g_strerror(errno));
}

int
store_search_fd(Store *store)
{
	return store->index->wake_fd;
}

static void
unlink_file(const StoreIndex *index)
{
	static const char *const ends[] = { "", "-wal", "-shm" };

	for (gsize i = 0; i < G_N_ELEMENTS(ends); i++) {
		g_autofree char *path = g_strconcat(index->path, ends[i], NULL);
		g_unlink(path);
	}
}

/* With the lock held. */
static bool
open_writer(StoreIndex *index, GError **error)
{
	g_autoptr(GError) damage = NULL;

	if (index->writer)
		return true;
	index->writer = store_db_open(index->path, &store_schema_search, STORE_DB_INDEX, &damage);
	if (!index->writer && damage->code == CORE_ERROR_CORRUPT) {
		core_log(CORE_LOG_WARNING, "store", "%s; it will be made again", damage->message);
		unlink_file(index);
		g_clear_error(&damage);
		index->writer = store_db_open(index->path, &store_schema_search, STORE_DB_INDEX, &damage);
	}
	if (!index->writer)
		g_propagate_error(error, g_steal_pointer(&damage));
	return index->writer != NULL;
}

StoreDb *
store_index_writer(StoreIndex *index, GError **error)
{
	pthread_mutex_lock(&index->lock);
	StoreDb *db = open_writer(index, error) ? index->writer : NULL;
	pthread_mutex_unlock(&index->lock);
	return db;
}

void
store_index_discard(StoreIndex *index)
{
	pthread_mutex_lock(&index->lock);
	core_log(CORE_LOG_WARNING, "store", "%s is damaged; it will be made again", index->path);
	close_all(index);
	unlink_file(index);
	index->generation++;
	index->is_damaged = false;
	pthread_mutex_unlock(&index->lock);
}

void
store_index_note_damage(StoreIndex *index)
{
	pthread_mutex_lock(&index->lock);
	index->is_damaged = true;
	pthread_mutex_unlock(&index->lock);
}

void
store_index_lock(StoreIndex *index)
{
	uint64_t count;

	pthread_mutex_lock(&index->updating);
	pthread_mutex_lock(&index->lock);
	bool is_damaged = index->is_damaged;
	pthread_mutex_unlock(&index->lock);
	if (is_damaged)
		store_index_discard(index);
	if (read(index->wake_fd, &count, sizeof count) < 0 && errno != EAGAIN)
		core_log(CORE_LOG_WARNING, "store", "cannot read from an eventfd: %s", g_strerror(errno));
}

void
store_index_unlock(StoreIndex *index)
{
	pthread_mutex_unlock(&index->updating);
}

StoreIndexReader
store_index_reader_get(StoreIndex *index, GError **error)
{
	StoreIndexReader reader = { index };

	pthread_mutex_lock(&index->lock);
	reader.generation = index->generation;
	reader.db = index->idle;
	if (reader.db) {
		index->idle = reader.db->next;
		index->n_idle--;
	} else if (open_writer(index, error)) {
		reader.db = store_db_open_search(index->mail_path, index->path, error);
	}
	pthread_mutex_unlock(&index->lock);
	return reader;
}

void
store_index_reader_put(StoreIndexReader *reader)
{
	StoreIndex *index = reader->index;
	StoreDb *db = g_steal_pointer(&reader->db);

	if (!db)
		return;
	pthread_mutex_lock(&index->lock);
	if (index->n_idle < MAX_IDLE && index->generation == reader->generation) {
		db->next = index->idle;
		index->idle = g_steal_pointer(&db);
		index->n_idle++;
	}
	pthread_mutex_unlock(&index->lock);
	store_db_close(db);
}

static bool
take_identity(StoreQuery *query, uint8_t identity_r[16])
{
	if (sqlite3_column_bytes(query, 0) != 16)
		return false;
	memcpy(identity_r, sqlite3_column_blob(query, 0), 16);
	return true;
}

bool
store_index_state(StoreDb *db, StoreStatement statement, StoreIndexState *state_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(db, statement);
	StoreStep step = store_query_step(db, query, error);

	*state_r = (StoreIndexState){ 0 };
	if (step != STORE_ROW || !take_identity(query, state_r->identity))
		return step != STORE_FAILED;
	state_r->text_version = (unsigned)sqlite3_column_int64(query, 1);
	state_r->done = sqlite3_column_int64(query, 2);
	state_r->documents = sqlite3_column_int64(query, 3);
	return true;
}

bool
store_index_source(StoreDb *db, StoreIndexSource *source_r, GError **error)
{
	g_autoptr(StoreQuery) query = store_db_query(db, STORE_SQL_INDEX_IDENTITY);
	StoreStep step = store_query_step(db, query, error);

	if (step == STORE_FAILED)
		return false;
	if (step != STORE_ROW || !take_identity(query, source_r->identity))
		return core_throw(error, CORE_ERROR_CORRUPT, "%s: it has no identity", db->path);
	source_r->highest = sqlite3_column_int64(query, 1);
	source_r->last = sqlite3_column_int64(query, 2);
	return true;
}

bool
store_index_is_of(const StoreIndexState *state, const StoreIndexSource *source)
{
	return memcmp(state->identity, source->identity, sizeof state->identity) == 0 && state->done <= source->highest;
}
