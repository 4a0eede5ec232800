/* What is done about what was told: STATUS is asked for where nobody tells, and what has changed is brought here. */
#include "sync/watch-private.h"

#include "core/clock.h"
#include "sync/pool.h"
#include "sync/quick.h"

static const char *
status_items(const ImapSession *session)
{
	return imap_session_has(session, IMAP_CAP_CONDSTORE) ? "MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ"
	                                                     : "MESSAGES UIDNEXT UIDVALIDITY UNSEEN";
}

typedef struct {
	ImapSession *session;
	const char *items;
	bool by_list;   /* LIST has told the status of all */
	unsigned known; /* mailboxes that LIST must have told of */
} Poll;

static bool
ask_status(const StoreMailbox *mailbox, void *data)
{
	Poll *ask = data;

	if (!mailbox->server_name || mailbox->state != STORE_MAILBOX_THERE || !(mailbox->attributes & STORE_MAILBOX_SELECTABLE))
		return true;
	ask->known++;
	if (ask->by_list)
		return true;
	ImapCommand *command = imap_command_new("STATUS ");
	imap_command_mailbox(command, mailbox->server_name);
	imap_command_text(command, " (%s)", ask->items);
	imap_session_send(ask->session, command, NULL);
	return true;
}

bool
sync_watch_poll(SyncWatch *watch, GError **error)
{
	ImapSession *session = watch->worker->session;
	const SyncRun *run = watch->worker->run;
	Poll ask = { .session = session, .items = status_items(session) };
	g_auto(ImapReply) reply = { 0 };

	watch->polled_ms = core_clock_ms();
	watch->listed = 0;
	/* Of the mailbox that is selected, STATUS says what this connection was told. */
	imap_session_send(session, imap_command_new("NOOP"), NULL);
	if (!imap_session_wait(session, NULL, error))
		return false;
	ask.by_list = imap_session_has(session, IMAP_CAP_LIST_STATUS) && imap_session_has(session, IMAP_CAP_LIST_EXTENDED);
	if (ask.by_list)
		imap_session_send(session, imap_command_new("LIST \"\" \"*\" RETURN (STATUS (%s))", ask.items), &reply);
	if (ask.by_list && !imap_session_wait(session, &reply, error))
		return false;
	if (reply.kind != IMAP_RESPONSE_OK)
		ask.by_list = false;
	if (!ask.by_list)
		imap_session_send(session, imap_command_new("LIST \"\" \"*\""), NULL);
	if (!store_mailbox_list(run->store, run->account_id, ask_status, &ask, error) ||
	    !imap_session_wait(session, NULL, error))
		return false;
	watch->relist |= watch->listed < ask.known;
	return true;
}

/* Listens anew, to the same mailbox, after what was told has been applied. */
static void
listen_again(SyncWatch *watch)
{
	uint32_t exists = watch->metadata.exists;
	int64_t id = watch->watched_id;

	sync_metadata_clear(&watch->metadata);
	sync_metadata_init(&watch->metadata, watch->worker->run, id);
	watch->metadata.exists = exists;
	imap_session_listen(watch->worker->session, sync_watch_on_watched, watch);
}

/* A mailbox that cannot be read keeps no other from being. */
static bool
pull(SyncWatch *watch, const StoreMailbox *mailbox, const char *path, GError **error)
{
	SyncWorker *worker = watch->worker;
	int64_t until_ms = core_clock_ms() + sync_poll_ms;
	GError *failure = NULL;
	bool done = false;

	sync_watch_unselect(watch);
	watch->pulled_id = mailbox->id;
	if (sync_quick_pull(worker, mailbox, path, &done, &failure) && (done || sync_pull(worker, mailbox, path, &failure)))
		return true;
	if (core_error_scope(failure) <= CORE_SCOPE_MAILBOX && imap_session_alive(worker->session)) {
		sync_warn(worker->run, path, 0, "%s", failure->message);
		g_error_free(failure);
		g_hash_table_insert(watch->refused, g_memdup2(&mailbox->id, sizeof mailbox->id),
		                    g_memdup2(&until_ms, sizeof until_ms));
		return true;
	}
	g_propagate_error(error, failure);
	return core_prefix(error, "%s: ", path);
}

static bool
take_events(SyncWatch *watch, GError **error)
{
	Store *store = watch->worker->run->store;
	g_auto(StoreMailbox) mailbox = { 0 };
	g_autofree char *path = store_mailbox_path(store, watch->watched_id, error);
	int64_t id = watch->watched_id;
	bool done = false;

	if (!path || !store_mailbox_get(store, watch->watched_id, &mailbox, error)) {
		sync_watch_unselect(watch);
		return !error || !*error;
	}
	if (!sync_quick_apply(watch->worker, &mailbox, path, &watch->metadata, &done, error))
		return false;
	if (done) {
		listen_again(watch);
		return true;
	}
	store_mailbox_clear(&mailbox);
	if (!store_mailbox_get(store, watch->watched_id, &mailbox, error))
		return false;
	watch->odd_exists = watch->metadata.exists;
	if (!pull(watch, &mailbox, path, error))
		return false;
	store_mailbox_clear(&mailbox);
	if (store_mailbox_get(store, id, &mailbox, NULL))
		watch->odd_rows = mailbox.messages;
	return true;
}

/* What STATUS told of it may have been brought here since. */
static bool
is_settled(const SyncWatch *watch, const StoreMailbox *mailbox)
{
	const SyncTold *told = mailbox->server_name ? g_hash_table_lookup(watch->told, mailbox->server_name) : NULL;

	return !mailbox->server_name || mailbox->state != STORE_MAILBOX_THERE ||
	       (told && !sync_watch_is_news(mailbox, &told->status, NULL));
}

static bool
take_stale(SyncWatch *watch, int64_t mailbox_id, bool certainly, GError **error)
{
	Store *store = watch->worker->run->store;
	g_auto(StoreMailbox) mailbox = { 0 };
	GError *failure = NULL;
	g_autofree char *path = store_mailbox_path(store, mailbox_id, &failure);

	if (!path || !store_mailbox_get(store, mailbox_id, &mailbox, &failure)) {
		if (failure)
			g_propagate_error(error, failure);
		return !failure;
	}
	if (certainly ? !mailbox.server_name || mailbox.state != STORE_MAILBOX_THERE : is_settled(watch, &mailbox))
		return true;
	return pull(watch, &mailbox, path, error);
}

bool
sync_watch_take(SyncWatch *watch, GError **error)
{
	if (sync_watch_has_events(watch) && !take_events(watch, error))
		return false;
	/* What is told meanwhile has its turn when all else has had one. */
	g_autoptr(GHashTable) stale = g_steal_pointer(&watch->stale);
	GHashTableIter iterator;
	void *key, *certainly;
	watch->stale = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	g_hash_table_iter_init(&iterator, stale);
	while (g_hash_table_iter_next(&iterator, &key, &certainly))
		if (!core_cancel_check(watch->worker->run->cancel, error) ||
		    !take_stale(watch, *(const int64_t *)key, GPOINTER_TO_INT(certainly), error))
			return false;
	return true;
}
