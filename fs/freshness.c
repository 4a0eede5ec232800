#include "fs/freshness.h"

#include "core/log.h"
#include "fs/thread.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <string.h>
#include <time.h>

struct FsFreshness {
	struct fuse_session *session;
	FsInode root;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock; /* protects what follows; a leaf */
	pthread_cond_t changed;
	GHashTable *stale;     /* FsInode of a directory -> set of names, or NULL for no name */
	uint64_t queued, told; /* calls of fs_freshness_end(): so far, and those of which the kernel knows all */
	bool stopping;
};

static void
names_free(gpointer names)
{
	if (names)
		g_hash_table_unref(names);
}

static GHashTable *
new_queue(void)
{
	return g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, names_free);
}

static void
tell_name(FsFreshness *freshness, FsInode directory, const char *name)
{
	int result = fuse_lowlevel_notify_inval_entry(freshness->session, directory, name, strlen(name));

	/* ENOENT: the kernel does not have it.  The others: it was unmounted meanwhile. */
	if (result != 0 && result != -ENOENT && result != -ENOTCONN && result != -ENODEV && result != -EPERM)
		core_log(CORE_LOG_INFO, "fs", "telling the kernel of a stale name: %s", g_strerror(-result));
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
release(FsFreshness *freshness)
{
	g_hash_table_unref(freshness->stale);
	pthread_cond_destroy(&freshness->changed);
	pthread_mutex_destroy(&freshness->lock);
	g_free(freshness);
}

static void *
run(void *data)
{
	FsFreshness *freshness = data;

	pthread_mutex_lock(&freshness->lock);
	while (!freshness->stopping) {
		if (freshness->told == freshness->queued) {
			pthread_cond_wait(&freshness->changed, &freshness->lock);
			continue;
		}
		g_autoptr(GHashTable) stale = freshness->stale;
		uint64_t upto = freshness->queued;
		GHashTableIter iter;
		gpointer directory, names;

		freshness->stale = new_queue();
		pthread_mutex_unlock(&freshness->lock);
		g_hash_table_iter_init(&iter, stale);
		while (g_hash_table_iter_next(&iter, &directory, &names))
			tell_directory(freshness, *(FsInode *)directory, names);
		pthread_mutex_lock(&freshness->lock);
		freshness->told = upto;
		pthread_cond_broadcast(&freshness->changed);
	}
	pthread_mutex_unlock(&freshness->lock);
	return NULL;
}

FsFreshness *
fs_freshness_new(struct fuse_session *session, FsInode root, GError **error)
{
	FsFreshness *freshness = g_new0(FsFreshness, 1);
	pthread_condattr_t attributes;

	freshness->session = session;
	freshness->root = root;
	freshness->stale = new_queue();
	pthread_mutex_init(&freshness->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&freshness->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	errno = fs_thread_start(&freshness->thread, run, freshness);
	freshness->running = errno == 0;
	if (freshness->running)
		return freshness;
	core_throw_errno(error, "cannot start a thread");
	release(freshness);
	return NULL;
}

void
fs_freshness_begin(FsFreshness *freshness)
{
	pthread_mutex_lock(&freshness->lock);
}

void
fs_freshness_end(FsFreshness *freshness)
{
	freshness->queued++;
	pthread_cond_broadcast(&freshness->changed);
	pthread_mutex_unlock(&freshness->lock);
}

void
fs_freshness_stale(FsFreshness *freshness, FsInode directory, const char *name)
{
	gpointer names = NULL;

	if (!g_hash_table_lookup_extended(freshness->stale, &directory, NULL, &names) || (name && !names)) {
		names = name ? g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL) : NULL;
		g_hash_table_replace(freshness->stale, g_memdup2(&directory, sizeof directory), names);
	}
	if (name)
		g_hash_table_add(names, g_strdup(name));
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
	while (freshness->told < wanted &&
	       pthread_cond_timedwait(&freshness->changed, &freshness->lock, &until) != ETIMEDOUT) {
	}
	settled = freshness->told >= wanted;
	pthread_mutex_unlock(&freshness->lock);
	return settled;
}

void
fs_freshness_stop(FsFreshness *freshness)
{
	if (!freshness->running)
		return;
	pthread_mutex_lock(&freshness->lock);
	freshness->stopping = true;
	pthread_cond_broadcast(&freshness->changed);
	pthread_mutex_unlock(&freshness->lock);
	pthread_join(freshness->thread, NULL);
	freshness->running = false;
}

void
fs_freshness_free(FsFreshness *freshness)
{
	if (freshness)
		release(freshness);
}
