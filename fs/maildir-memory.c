#include "fs/maildir-memory.h"

#include "fs/saver.h"
#include "store/maildir.h"

#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>

#define INCOMPLETE_MAX 256 /* folders */

typedef struct {
	int64_t mailbox_id;
	unsigned directories;
} Incomplete;

enum { TELLS_NOT, TELLS_SOON, TELLS };

struct FsMaildirs {
	atomic_int telling;   /* TELLS_… */
	pthread_mutex_t lock; /* protects what follows; a leaf */
	GQueue incomplete;    /* of Incomplete, the oldest first */
};

FsMaildirs *
fs_maildirs_new(void)
{
	FsMaildirs *maildirs = g_new0(FsMaildirs, 1);

	pthread_mutex_init(&maildirs->lock, NULL);
	g_queue_init(&maildirs->incomplete);
	return maildirs;
}

void
fs_maildirs_free(FsMaildirs *maildirs)
{
	if (!maildirs)
		return;
	g_queue_clear_full(&maildirs->incomplete, g_free);
	pthread_mutex_destroy(&maildirs->lock);
	g_free(maildirs);
}

static GList *
find(FsMaildirs *maildirs, int64_t mailbox_id)
{
	GList *link = maildirs->incomplete.head;

	while (link && ((const Incomplete *)link->data)->mailbox_id != mailbox_id)
		link = link->next;
	return link;
}

static int64_t
drop(FsMaildirs *maildirs, GList *link)
{
	g_autofree Incomplete *incomplete = link->data;

	g_queue_delete_link(&maildirs->incomplete, link);
	return incomplete->mailbox_id;
}

unsigned
fs_maildirs_have(FsMaildirs *maildirs, int64_t mailbox_id)
{
	pthread_mutex_lock(&maildirs->lock);
	const GList *link = find(maildirs, mailbox_id);
	unsigned directories = link ? ((const Incomplete *)link->data)->directories : FS_MAILDIRS_ALL;
	pthread_mutex_unlock(&maildirs->lock);
	return directories;
}

int64_t
fs_maildirs_set(FsMaildirs *maildirs, int64_t mailbox_id, unsigned directories)
{
	int64_t dropped = 0;

	pthread_mutex_lock(&maildirs->lock);
	GList *link = find(maildirs, mailbox_id);
	if (link)
		drop(maildirs, link);
	if (directories != FS_MAILDIRS_ALL) {
		if (g_queue_get_length(&maildirs->incomplete) >= INCOMPLETE_MAX)
			dropped = drop(maildirs, maildirs->incomplete.head);
		Incomplete *incomplete = g_new(Incomplete, 1);
		*incomplete = (Incomplete){ mailbox_id, directories };
		g_queue_push_tail(&maildirs->incomplete, incomplete);
	}
	pthread_mutex_unlock(&maildirs->lock);
	return dropped;
}

bool
fs_maildirs_complete(FsMaildirs *maildirs, int64_t mailbox_id)
{
	pthread_mutex_lock(&maildirs->lock);
	GList *link = find(maildirs, mailbox_id);
	if (link)
		drop(maildirs, link);
	pthread_mutex_unlock(&maildirs->lock);
	return link != NULL;
}

/* Commits that had begun before the store was asked are over: this one came behind them. */
typedef struct {
	FsJob job;
	FsMaildirs *maildirs;
} Asking;

static bool
pass(FsJob *job, StoreTxn *txn, GError **error)
{
	return true;
}

static void
asked(FsJob *job, const GError *error)
{
	Asking *asking = (Asking *)job;

	atomic_store(&asking->maildirs->telling, error ? TELLS_NOT : TELLS);
	g_free(asking);
}

bool
fs_maildirs_names_are_told(Fs *fs)
{
	FsMaildirs *maildirs = fs->maildirs;
	int expected = TELLS_NOT;

	if (atomic_load(&maildirs->telling) == TELLS)
		return true;
	if (atomic_compare_exchange_strong(&maildirs->telling, &expected, TELLS_SOON)) {
		Asking *asking = g_new0(Asking, 1);
		asking->job.apply = pass;
		asking->job.done = asked;
		asking->maildirs = maildirs;
		store_maildir_listen(fs->store);
		fs_saver_submit(fs->saver, &asking->job);
	}
	return false;
}
