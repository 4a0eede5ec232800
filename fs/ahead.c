#include "fs/ahead.h"

#include "core/log.h"
#include "fs/thread.h"

#include <errno.h>

#define ROW 4     /* one after the other: somebody reads them all */
#define NEAR 4096 /* ids of a folder have gaps: others' messages */
#define COUNT 128 /* told at a time, when half of them are read */

struct FsAhead {
	Store *store;
	pthread_t thread;
	pthread_mutex_t lock; /* protects what follows; a leaf */
	pthread_cond_t changed;
	int64_t last_id;      /* that was read */
	uint64_t row;         /* of messages that are read one after the other: its number */
	unsigned length;      /* how many of it were read behind the first */
	int64_t due_id;       /* when this is read the next are told */
	int64_t told_id;      /* up to here the kernel knows; 0: nothing of this row */
	int64_t wanted_id;    /* those behind it are to be told; 0: none */
	bool stopping;
};

/* With the lock held. */
static void
begin_row(FsAhead *ahead)
{
	ahead->row++;
	ahead->length = 0;
	ahead->told_id = ahead->due_id = ahead->wanted_id = 0;
}

/* With the lock held: from which message on others are to be told, or 0. */
static int64_t
take_note(FsAhead *ahead, int64_t id)
{
	bool is_next = id > ahead->last_id && id - ahead->last_id <= NEAR;

	ahead->last_id = id;
	ahead->length++;
	if (!is_next)
		begin_row(ahead);
	if (ahead->length < ROW || id < ahead->due_id)
		return 0;
	ahead->due_id = INT64_MAX; /* until these are told */
	return MAX(id, ahead->told_id);
}

void
fs_ahead_note(FsAhead *ahead, int64_t message_id)
{
	pthread_mutex_lock(&ahead->lock);
	int64_t from_id = take_note(ahead, message_id);
	if (from_id != 0) {
		ahead->wanted_id = from_id;
		pthread_cond_signal(&ahead->changed);
	}
	pthread_mutex_unlock(&ahead->lock);
}

/* With the lock held. */
static void
note_told(FsAhead *ahead, int64_t middle_id, int64_t last_id)
{
	ahead->told_id = last_id;
	ahead->due_id = middle_id;
	if (last_id == INT64_MAX) { /* the folder ends; another one may be read next */
		begin_row(ahead);
	} else if (ahead->last_id >= middle_id) { /* it was read faster than this was told */
		ahead->wanted_id = MAX(ahead->last_id, last_id);
		ahead->due_id = INT64_MAX;
	}
}

static void
tell(FsAhead *ahead, uint64_t row, int64_t from_id)
{
	g_autoptr(GError) error = NULL;
	int64_t middle_id, last_id;

	if (!store_body_expect(ahead->store, from_id, COUNT, &middle_id, &last_id, &error))
		core_log(CORE_LOG_INFO, "fs", "reading ahead: %s", error->message);
	pthread_mutex_lock(&ahead->lock);
	if (ahead->row == row) /* else another one has begun */
		note_told(ahead, middle_id, last_id);
	pthread_mutex_unlock(&ahead->lock);
}

static void *
run(void *data)
{
	FsAhead *ahead = data;

	pthread_mutex_lock(&ahead->lock);
	while (!ahead->stopping) {
		int64_t from_id = ahead->wanted_id;
		if (from_id == 0) {
			pthread_cond_wait(&ahead->changed, &ahead->lock);
			continue;
		}
		uint64_t row = ahead->row;
		ahead->wanted_id = 0;
		pthread_mutex_unlock(&ahead->lock);
		tell(ahead, row, from_id);
		pthread_mutex_lock(&ahead->lock);
	}
	pthread_mutex_unlock(&ahead->lock);
	return NULL;
}

static void
release(FsAhead *ahead)
{
	pthread_cond_destroy(&ahead->changed);
	pthread_mutex_destroy(&ahead->lock);
	g_free(ahead);
}

FsAhead *
fs_ahead_new(Store *store, GError **error)
{
	FsAhead *ahead = g_new0(FsAhead, 1);

	ahead->store = store;
	pthread_mutex_init(&ahead->lock, NULL);
	pthread_cond_init(&ahead->changed, NULL);
	errno = fs_thread_start(&ahead->thread, run, ahead);
	if (errno == 0)
		return ahead;
	core_throw_errno(error, "cannot start a thread");
	release(ahead);
	return NULL;
}

void
fs_ahead_free(FsAhead *ahead)
{
	if (!ahead)
		return;
	pthread_mutex_lock(&ahead->lock);
	ahead->stopping = true;
	pthread_cond_signal(&ahead->changed);
	pthread_mutex_unlock(&ahead->lock);
	pthread_join(ahead->thread, NULL);
	release(ahead);
}
