#include "sync/rotate.h"

#include "core/clock.h"
#include "core/log.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BRIEF_MS 1000
#define BRIEF_MAX 10

typedef struct {
	int64_t id;
	int64_t changed_s;
} Used;

struct SyncRotation {
	SyncRun run;       /* its own, but for what it points to */
	int wake_fd;
	CoreCancel *cancel; /* ends it alone */
	pthread_t thread;
	pthread_mutex_t lock; /* a leaf; protects the next */
	GArray *happened;  /* of int64_t: mailboxes */
	/* Its thread's: */
	int64_t last_id;   /* the mailbox it was in */
	unsigned brief;    /* turns in a row that ended at once */
};

static void
note(SyncRotation *rotation, int64_t mailbox_id)
{
	uint64_t one = 1;
	bool known = false;

	pthread_mutex_lock(&rotation->lock);
	for (guint i = 0; i < rotation->happened->len; i++)
		known |= g_array_index(rotation->happened, int64_t, i) == mailbox_id;
	if (!known)
		g_array_append_val(rotation->happened, mailbox_id);
	pthread_mutex_unlock(&rotation->lock);
	if (write(rotation->wake_fd, &one, sizeof one) < 0)
		core_log(CORE_LOG_WARNING, "sync", "cannot wake the account's thread: %s", g_strerror(errno));
}

int64_t
sync_rotation_take(SyncRotation *rotation)
{
	int64_t id = 0;

	pthread_mutex_lock(&rotation->lock);
	if (rotation->happened->len > 0) {
		id = g_array_index(rotation->happened, int64_t, 0);
		g_array_remove_index(rotation->happened, 0);
	}
	pthread_mutex_unlock(&rotation->lock);
	return id;
}

/* Keeps the most recently changed ones, the latest first. */
static bool
note_used(const StoreMailbox *mailbox, void *data)
{
	GArray *used = data;
	Used one = { mailbox->id, mailbox->changed_s };
	guint at = 0;

	if (!mailbox->server_name || mailbox->state != STORE_MAILBOX_THERE || !mailbox->uidvalidity ||
	    !(mailbox->attributes & STORE_MAILBOX_SELECTABLE) || (mailbox->parent_id == 0 && g_str_equal(mailbox->name, "INBOX")))
		return true;
	while (at < used->len && g_array_index(used, Used, at).changed_s >= one.changed_s)
		at++;
	g_array_insert_val(used, at, one);
	if (used->len > SYNC_ROTATE_FOLDERS)
		g_array_set_size(used, SYNC_ROTATE_FOLDERS);
	return true;
}

/* The one behind the last; 0: there is none. */
static int64_t
next_mailbox(const SyncRotation *rotation)
{
	g_autoptr(GArray) used = g_array_new(FALSE, FALSE, sizeof(Used));
	guint next = 0;

	if (!store_mailbox_list(rotation->run.store, rotation->run.account_id, note_used, used, NULL) || used->len == 0)
		return 0;
	for (guint i = 0; i < used->len; i++)
		if (g_array_index(used, Used, i).id == rotation->last_id)
			next = (i + 1) % used->len;
	return g_array_index(used, Used, next).id;
}

static bool
on_response(const ImapResponse *response, void *data, GError **error)
{
	if (response->kind == IMAP_RESPONSE_EXISTS || response->kind == IMAP_RESPONSE_EXPUNGE ||
	    response->kind == IMAP_RESPONSE_VANISHED || response->kind == IMAP_RESPONSE_FETCH)
		imap_session_stir(data);
	return true;
}

/* One turn in one mailbox.  False: the session cannot go on. */
static bool
wait_in(SyncRotation *rotation, SyncWorker *worker, GError **error)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	g_auto(ImapSelected) selected = { 0 };
	bool idle = rotation->brief < BRIEF_MAX; /* else a turn of listening only: the server may not wait in IDLE */
	GError *failure = NULL;
	ImapWatchEnd end;

	rotation->last_id = next_mailbox(rotation);
	if (rotation->last_id == 0 || !store_mailbox_get(rotation->run.store, rotation->last_id, &mailbox, NULL))
		return imap_session_watch(worker->session, true, NULL, 0, SYNC_ROTATE_MS, &end, error);
	if (!sync_worker_examine(worker, mailbox.server_name, NULL, &selected, &failure)) {
		bool goes_on = imap_session_alive(worker->session) && core_error_scope(failure) <= CORE_SCOPE_MAILBOX;
		g_propagate_error(error, failure);
		if (goes_on)
			g_clear_error(error);
		return goes_on && imap_session_watch(worker->session, true, NULL, 0, SYNC_ROTATE_MS, &end, error);
	}
	if (selected.uidnext != mailbox.uidnext || selected.exists != mailbox.messages)
		note(rotation, mailbox.id);
	imap_session_listen(worker->session, on_response, worker->session);
	int64_t begun_ms = core_clock_ms();
	bool ok = imap_session_watch(worker->session, idle, NULL, 0, SYNC_ROTATE_MS, &end, error);
	rotation->brief = core_clock_ms() - begun_ms < BRIEF_MS ? rotation->brief + 1 : 0;
	if (ok && end == IMAP_WATCH_STIRRED) {
		note(rotation, mailbox.id);
		ok = imap_session_wait(worker->session, NULL, error); /* what a burst has to say besides is no further news */
	}
	imap_session_listen(worker->session, NULL, NULL);
	return ok;
}

/* A server that grants no second connection, or ends it, is not asked again: then there is only asking for STATUS. */
static void *
rotate(void *data)
{
	SyncRotation *rotation = data;
	SyncWorker worker = { .run = &rotation->run };
	g_autoptr(GError) failure = NULL;

	bool ok = sync_worker_open(&worker, &failure);
	while (ok)
		ok = wait_in(rotation, &worker, &failure);
	if (core_error_code(failure) != CORE_ERROR_CANCELLED)
		core_log(CORE_LOG_INFO, "sync", "%s: other folders are no longer waited for: %s", rotation->run.account->name,
		         failure->message);
	sync_worker_close(&worker);
	return NULL;
}

SyncRotation *
sync_rotation_new(const SyncRun *run, int wake_fd)
{
	CoreCancel *cancel = core_cancel_try(NULL);

	if (!cancel)
		return NULL;
	SyncRotation *rotation = g_new0(SyncRotation, 1);
	rotation->run = *run;
	rotation->run.cancel = rotation->cancel = cancel;
	rotation->wake_fd = wake_fd;
	rotation->happened = g_array_new(FALSE, FALSE, sizeof(int64_t));
	pthread_mutex_init(&rotation->lock, NULL);
	if (pthread_create(&rotation->thread, NULL, rotate, rotation) == 0)
		return rotation;
	pthread_mutex_destroy(&rotation->lock);
	g_array_unref(rotation->happened);
	core_cancel_unref(cancel);
	g_free(rotation);
	return NULL;
}

void
sync_rotation_free(SyncRotation *rotation)
{
	if (!rotation)
		return;
	core_cancel_trigger(rotation->cancel);
	pthread_join(rotation->thread, NULL);
	pthread_mutex_destroy(&rotation->lock);
	g_array_unref(rotation->happened);
	core_cancel_unref(rotation->cancel);
	g_free(rotation);
}
