#include "fs/freshness.h"

#include "fs/device.h"
#include "fs/thread.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <string.h>
#include <time.h>

/* One queue and the thread that tells the kernel of what is in it. */
typedef struct {
	FsFreshness *freshness;
	GHashTable *(*new_queue)(void);
	void (*tell)(FsFreshness *freshness, GHashTable *stale);
	pthread_t thread;
	bool running;
	pthread_cond_t due; /* there is something in the queue */
	bool is_telling;
	GHashTable *stale;
	uint64_t told; /* calls of fs_freshness_end() of which the kernel knows all */
} Teller;

struct FsFreshness {
	struct fuse_session *session;
	FsInode root;
	pthread_mutex_t lock; /* protects what follows, and queues; a leaf */
	pthread_cond_t settled; /* a queue has been told */
	Teller names; /* FsInode of a directory -> set of names, or NULL for no name */
	Teller bytes; /* set of FsInode of files */
	uint64_t queued; /* calls of fs_freshness_end() so far */
	bool stopping;
};

static void
names_free(gpointer names)
{
	if (names)
		g_hash_table_unref(names);
}

static GHashTable *
new_names(void)
{
	return g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, names_free);
}

static GHashTable *
new_bytes(void)
{
	return g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
}

static void
tell_name(FsFreshness *freshness, FsInode directory, const char *name)
{
	/* It fails where the kernel does not have it, or when it was unmounted meanwhile. */
	fuse_lowlevel_notify_inval_entry(freshness->session, directory, name, strlen(name));
}

static void
tell_directory(FsFreshness *freshness, FsInode inode, GHashTable *names)
{
	FsInode directory = inode == freshness->root ? FUSE_ROOT_ID : inode;

	if (names) {
		GHashTableIter iter;
		gpointer name;

		g_hash_table_iter_init(&iter, names);
		while (g_hash_table_iter_next(&iter, &name, NULL))
			tell_name(freshness, directory, name);
	} else {
		/* Any name will do: the kernel waits for listings under way before it looks for it.  Otherwise one that
		 * was answered before the change could end up in the kernel's cache after that was dropped. */
		tell_name(freshness, directory, "~");
	}
	fuse_lowlevel_notify_inval_inode(freshness->session, directory, 0, 0);
}

static void
tell_names(FsFreshness *freshness, GHashTable *stale)
{
	GHashTableIter iter;
	gpointer directory, names;

	g_hash_table_iter_init(&iter, stale);
	while (g_hash_table_iter_next(&iter, &directory, &names))
		tell_directory(freshness, *(FsInode *)directory, names);
}

/* Waits for READs of the file that are under way. */
static void
tell_bytes(FsFreshness *freshness, GHashTable *stale)
{
	GHashTableIter iter;
	gpointer inode;

	g_hash_table_iter_init(&iter, stale);
	while (g_hash_table_iter_next(&iter, &inode, NULL))
		fuse_lowlevel_notify_inval_inode(freshness->session, *(FsInode *)inode, 0, 0);
}

static void
release(FsFreshness *freshness)
{
	g_hash_table_unref(freshness->names.stale);
	g_hash_table_unref(freshness->bytes.stale);
	pthread_cond_destroy(&freshness->names.due);
	pthread_cond_destroy(&freshness->bytes.due);
	pthread_cond_destroy(&freshness->settled);
	pthread_mutex_destroy(&freshness->lock);
	g_free(freshness);
}

static bool
is_empty(const Teller *teller)
{
	return g_hash_table_size(teller->stale) == 0;
}

static void *
run(void *data)
{
	Teller *teller = data;
	FsFreshness *freshness = teller->freshness;
	int device = -1; /* there is none before it is mounted */

	pthread_mutex_lock(&freshness->lock);
	while (!freshness->stopping) {
		if (is_empty(teller)) {
			pthread_cond_wait(&teller->due, &freshness->lock);
			continue;
		}
		g_autoptr(GHashTable) stale = teller->stale;
		uint64_t upto = freshness->queued;

		teller->stale = teller->new_queue();
		teller->is_telling = true;
		pthread_mutex_unlock(&freshness->lock);
		if (device < 0 && (device = fuse_session_fd(freshness->session)) >= 0)
			fs_device_keep_alone(device);
		teller->tell(freshness, stale);
		pthread_mutex_lock(&freshness->lock);
		teller->is_telling = false;
		teller->told = is_empty(teller) ? freshness->queued : upto;
		pthread_cond_broadcast(&freshness->settled);
	}
	pthread_mutex_unlock(&freshness->lock);
	return NULL;
}

static bool
start(Teller *teller, GError **error)
{
	errno = fs_thread_start(&teller->thread, run, teller);
	teller->running = errno == 0;
	return teller->running || core_throw_errno(error, "cannot start a thread");
}

FsFreshness *
fs_freshness_new(struct fuse_session *session, FsInode root, GError **error)
{
	FsFreshness *freshness = g_new0(FsFreshness, 1);
	pthread_condattr_t attributes;

	freshness->session = session;
	freshness->root = root;
	freshness->names = (Teller){ .freshness = freshness, .new_queue = new_names, .tell = tell_names, .stale = new_names() };
	freshness->bytes = (Teller){ .freshness = freshness, .new_queue = new_bytes, .tell = tell_bytes, .stale = new_bytes() };
	pthread_mutex_init(&freshness->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&freshness->settled, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_cond_init(&freshness->names.due, NULL);
	pthread_cond_init(&freshness->bytes.due, NULL);
	if (start(&freshness->names, error) && start(&freshness->bytes, error))
		return freshness;
	fs_freshness_stop(freshness);
	release(freshness);
	return NULL;
}

void
fs_freshness_begin(FsFreshness *freshness)
{
	pthread_mutex_lock(&freshness->lock);
}

/* Most changes are for one of the queues, and many for none: nobody else is woken. */
static void
queue(Teller *teller)
{
	if (!is_empty(teller))
		pthread_cond_signal(&teller->due);
	else if (!teller->is_telling)
		teller->told = teller->freshness->queued;
}

void
fs_freshness_end(FsFreshness *freshness)
{
	freshness->queued++;
	queue(&freshness->names);
	queue(&freshness->bytes);
	pthread_mutex_unlock(&freshness->lock);
}

void
fs_freshness_stale(FsFreshness *freshness, FsInode directory, const char *name)
{
	gpointer names = NULL;

	if (!g_hash_table_lookup_extended(freshness->names.stale, &directory, NULL, &names) || (name && !names)) {
		names = name ? g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL) : NULL;
		g_hash_table_replace(freshness->names.stale, g_memdup2(&directory, sizeof directory), names);
	}
	if (name)
		g_hash_table_add(names, g_strdup(name));
}

void
fs_freshness_bytes(FsFreshness *freshness, FsInode inode)
{
	g_hash_table_add(freshness->bytes.stale, g_memdup2(&inode, sizeof inode));
}

static bool
is_told(const FsFreshness *freshness, uint64_t wanted)
{
	return freshness->names.told >= wanted && freshness->bytes.told >= wanted;
}

bool
fs_freshness_settle(FsFreshness *freshness, int timeout_ms)
{
	struct timespec until;
	bool settled;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&freshness->lock);
	uint64_t wanted = freshness->queued;
	while (!is_told(freshness, wanted) &&
	       pthread_cond_timedwait(&freshness->settled, &freshness->lock, &until) != ETIMEDOUT) {
	}
	settled = is_told(freshness, wanted);
	pthread_mutex_unlock(&freshness->lock);
	return settled;
}

static void
join(Teller *teller)
{
	if (teller->running)
		pthread_join(teller->thread, NULL);
	teller->running = false;
}

void
fs_freshness_stop(FsFreshness *freshness)
{
	pthread_mutex_lock(&freshness->lock);
	freshness->stopping = true;
	pthread_cond_signal(&freshness->names.due);
	pthread_cond_signal(&freshness->bytes.due);
	pthread_mutex_unlock(&freshness->lock);
	join(&freshness->names);
	join(&freshness->bytes);
}

void
fs_freshness_free(FsFreshness *freshness)
{
	if (freshness)
		release(freshness);
}
