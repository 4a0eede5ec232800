#include "sync/watch-private.h"

#include "core/clock.h"
#include "core/log.h"
#include "imap/utf7.h"
#include "sync/path.h"

#include <poll.h>
#include <string.h>

int sync_poll_ms = 60 * 1000;

#define TOLD_MAX 100000   /* names of which the last STATUS is kept */
#define RELISTS_AT_ONCE 3 /* what a pass hears itself may be new to it */
#define RELIST_MS 250     /* twice as long each time */
#define FLAGS_ASKED_MAX 500 /* messages in INBOX */
#define BRIEF_MS 1000
#define BRIEF_IDLES_MAX 10

void
sync_watch_init(SyncWatch *watch, SyncWorker *worker)
{
	*watch = (SyncWatch){
		.worker = worker,
		.told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
		.stale = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL),
		.refused = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free),
	};
	sync_alarm_init(&watch->alarm);
}

void
sync_watch_unselect(SyncWatch *watch)
{
	if (watch->watched_id == 0)
		return;
	if (watch->worker->session)
		imap_session_listen(watch->worker->session, NULL, NULL);
	sync_metadata_clear(&watch->metadata);
	watch->watched_id = 0;
}

void
sync_watch_clear(SyncWatch *watch)
{
	sync_watch_unselect(watch);
	g_hash_table_unref(watch->told);
	g_hash_table_unref(watch->stale);
	g_hash_table_unref(watch->refused);
	sync_alarm_clear(&watch->alarm);
}

/* What is told. */

static void
note_stale(SyncWatch *watch, int64_t mailbox_id, bool certainly)
{
	const int64_t *until_ms = g_hash_table_lookup(watch->refused, &mailbox_id);

	if (until_ms && core_clock_ms() < *until_ms)
		return;
	if (certainly || !g_hash_table_contains(watch->stale, &mailbox_id))
		g_hash_table_insert(watch->stale, g_memdup2(&mailbox_id, sizeof mailbox_id), GINT_TO_POINTER(certainly));
}

void
sync_watch_note_stale(SyncWatch *watch, int64_t mailbox_id)
{
	note_stale(watch, mailbox_id, true);
}

/* Dovecot 2.3 tells names in UTF-8 by NOTIFY, whatever the connection speaks. */
static bool
find_mailbox(const SyncWatch *watch, const char *server_name, StoreMailbox *mailbox_r)
{
	const SyncRun *run = watch->worker->run;
	g_autofree char *encoded = NULL;

	if (store_mailbox_find_server(run->store, run->account_id, server_name, mailbox_r, NULL))
		return true;
	if (g_str_is_ascii(server_name) || !g_utf8_validate(server_name, -1, NULL))
		return false;
	encoded = imap_utf7_encode(server_name);
	return store_mailbox_find_server(run->store, run->account_id, encoded, mailbox_r, NULL);
}

/* Whether @now says something that @before (NULL: nothing) and the store do not. */
bool
sync_watch_is_news(const StoreMailbox *mailbox, const ImapMailboxStatus *now, const ImapMailboxStatus *before)
{
	if (((now->fields & IMAP_STATUS_UIDVALIDITY) && now->uidvalidity != mailbox->uidvalidity) ||
	    ((now->fields & IMAP_STATUS_UIDNEXT) && now->uidnext != mailbox->uidnext) ||
	    ((now->fields & IMAP_STATUS_MESSAGES) && now->messages != mailbox->messages))
		return true;
	if ((now->fields & IMAP_STATUS_HIGHESTMODSEQ) && now->highestmodseq != 0 && mailbox->highestmodseq != 0)
		return now->highestmodseq != mailbox->highestmodseq;
	/* Without mod-sequences the number of unseen messages is all that tells of flags. */
	return before && (now->fields & before->fields & IMAP_STATUS_UNSEEN) && now->unseen != before->unseen;
}

/* Whether a mailbox that is not known is one to be known. */
static bool
is_wanted(const SyncWatch *watch, const char *server_name, char separator)
{
	g_auto(GStrv) components = sync_path_from_server(server_name, strlen(server_name), separator,
	                                                 !g_str_is_ascii(server_name));
	g_autofree char *path = components ? g_strjoinv("/", components) : NULL;

	return path && sync_path_wanted(watch->worker->run->account->folders, path);
}

static char
separator_of(const SyncWatch *watch)
{
	const SyncRun *run = watch->worker->run;
	g_auto(StoreMailbox) inbox = { 0 };

	return store_mailbox_find(run->store, run->account_id, 0, "INBOX", &inbox, NULL) ? inbox.separator : '/';
}

static void
note_status(SyncWatch *watch, const ImapMailboxStatus *status)
{
	g_auto(StoreMailbox) mailbox = { 0 };

	if (!find_mailbox(watch, status->mailbox, &mailbox)) {
		watch->relist |= is_wanted(watch, status->mailbox, separator_of(watch));
		return;
	}
	SyncTold *told = g_hash_table_lookup(watch->told, mailbox.server_name);
	if (sync_watch_is_news(&mailbox, status, told ? &told->status : NULL)) {
		note_stale(watch, mailbox.id, !(status->fields & IMAP_STATUS_HIGHESTMODSEQ));
		imap_session_stir(watch->worker->session);
	}
	if (!told && g_hash_table_size(watch->told) >= TOLD_MAX)
		return;
	if (!told) {
		told = g_new0(SyncTold, 1);
		g_hash_table_insert(watch->told, g_strdup(mailbox.server_name), told);
	}
	told->status = *status;
	told->status.mailbox = told->status.mailboxid = NULL;
}

/* NOTIFY tells of folders that come, go and get other names by LIST (RFC 5465 5.4). */
static void
note_list(SyncWatch *watch, const ImapListResponse *list)
{
	g_auto(StoreMailbox) mailbox = { 0 };
	bool gone = list->attributes & (IMAP_LIST_NOSELECT | IMAP_LIST_NONEXISTENT);
	bool known = list->mailbox && find_mailbox(watch, list->mailbox, &mailbox) &&
	             mailbox.state == STORE_MAILBOX_THERE && (mailbox.attributes & STORE_MAILBOX_SELECTABLE);

	watch->listed += known && !gone;
	if (known != gone || (!known && (!list->mailbox || !is_wanted(watch, list->mailbox, list->separator))))
		return;
	watch->relist = true;
	imap_session_stir(watch->worker->session);
}

static void
overhear(const ImapResponse *response, void *data)
{
	SyncWatch *watch = data;

	if (response->kind == IMAP_RESPONSE_STATUS && response->mailbox_status.mailbox && !response->damaged) {
		note_status(watch, &response->mailbox_status);
	} else if (response->kind == IMAP_RESPONSE_LIST && strcmp(response->keyword, "LIST") == 0) {
		note_list(watch, &response->list);
	} else if (response->kind <= IMAP_RESPONSE_BAD && response->status.code == IMAP_CODE_NOTIFICATIONOVERFLOW) {
		core_log(CORE_LOG_INFO, "sync", "%s: too much happens for the server to tell of it", watch->worker->run->account->name);
		watch->notified = false;
		watch->mode = SYNC_WATCH_IDLE;
		watch->relist = true;
		imap_session_stir(watch->worker->session);
	}
}

/* Of the mailbox that is watched. */
bool
sync_watch_on_watched(const ImapResponse *response, void *data, GError **error)
{
	SyncWatch *watch = data;
	bool is_fetch = response->kind == IMAP_RESPONSE_FETCH;

	/* Without QRESYNC neither says which message it is about (RFC 7162 3.2.10, RFC 9051 7.5.2). */
	if (response->kind == IMAP_RESPONSE_EXPUNGE || (is_fetch && !(response->fetch.fields & IMAP_FETCH_UID)))
		watch->metadata.in_doubt = true;
	if (!sync_metadata_on_response(response, &watch->metadata, error))
		return false;
	if (is_fetch || response->kind == IMAP_RESPONSE_EXISTS || response->kind == IMAP_RESPONSE_EXPUNGE ||
	    response->kind == IMAP_RESPONSE_VANISHED)
		imap_session_stir(watch->worker->session);
	return true;
}

void
sync_watch_begin(SyncWatch *watch)
{
	ImapSession *session = watch->worker->session;

	sync_watch_unselect(watch);
	watch->notified = watch->never_idles = false;
	watch->brief_idles = 0;
	watch->mode = SYNC_WATCH_POLL;
	if (!session)
		return;
	if (imap_session_has(session, IMAP_CAP_NOTIFY))
		watch->mode = SYNC_WATCH_NOTIFY;
	else if (imap_session_has(session, IMAP_CAP_IDLE))
		watch->mode = SYNC_WATCH_IDLE;
	imap_session_overhear(session, overhear, watch);
}

void
sync_watch_begin_pass(SyncWatch *watch)
{
	int64_t now_ms = core_clock_ms(), pause_ms = 0;

	watch->relists = watch->relist && now_ms - watch->relist_ms < sync_poll_ms ? watch->relists + 1 : 0;
	if (watch->relists >= RELISTS_AT_ONCE)
		pause_ms = MIN((int64_t)RELIST_MS << MIN(watch->relists - RELISTS_AT_ONCE, 16), sync_poll_ms);
	watch->relist = false;
	watch->relist_ms = now_ms + pause_ms;
	watch->polled_ms = now_ms;
}

bool
sync_watch_wants_pass(const SyncWatch *watch)
{
	return watch->relist && core_clock_ms() >= watch->relist_ms;
}

/* What is waited for. */

static bool
get_inbox(const SyncWatch *watch, StoreMailbox *mailbox_r, GError **error)
{
	const SyncRun *run = watch->worker->run;

	return store_mailbox_find(run->store, run->account_id, 0, "INBOX", mailbox_r, error) &&
	       mailbox_r->state == STORE_MAILBOX_THERE && (mailbox_r->attributes & STORE_MAILBOX_SELECTABLE) &&
	       mailbox_r->uidvalidity != 0;
}

/* Without QRESYNC nobody tells of flags that were changed while it was not selected.  If it is small, all are asked for, unless
 * its mod-sequence says that there is nothing to tell. */
static bool
ask_flags(SyncWatch *watch, const StoreMailbox *inbox, const ImapSelected *selected, GError **error)
{
	ImapSession *session = watch->worker->session;

	if (selected->exists == 0 || selected->exists > FLAGS_ASKED_MAX ||
	    (selected->highestmodseq != 0 && selected->highestmodseq == inbox->highestmodseq))
		return true;
	if (!sync_metadata_load(&watch->metadata, error))
		return false;
	imap_session_send(session, imap_command_new("UID FETCH 1:* (UID FLAGS)"), NULL);
	return imap_session_wait(session, NULL, error);
}

/* Selects INBOX again; what happened since it was last pulled is the first news. */
static bool
select_inbox(SyncWatch *watch, GError **error)
{
	SyncWorker *worker = watch->worker;
	g_auto(StoreMailbox) inbox = { 0 };
	g_auto(ImapSelected) selected = { 0 };
	GError *failure = NULL;

	if (!get_inbox(watch, &inbox, &failure)) {
		if (failure)
			g_propagate_error(error, failure);
		return !failure;
	}
	ImapQresync since = { .uidvalidity = inbox.uidvalidity, .modseq = inbox.highestmodseq };
	sync_metadata_init(&watch->metadata, worker->run, inbox.id);
	watch->watched_id = inbox.id;
	/* Without QRESYNC a FETCH that arrives meanwhile is of the mailbox that was selected before. */
	bool by_changes = imap_session_enabled(worker->session, IMAP_CAP_QRESYNC), was_pulled = watch->pulled_id == inbox.id;
	watch->pulled_id = 0;
	imap_session_listen(worker->session, by_changes ? sync_watch_on_watched : NULL, watch);
	bool ok = sync_worker_examine(worker, inbox.server_name, &since, &selected, &failure);
	imap_session_listen(worker->session, sync_watch_on_watched, watch);
	watch->metadata.exists = selected.exists;
	if (ok && selected.uidvalidity == inbox.uidvalidity)
		return by_changes || was_pulled || ask_flags(watch, &inbox, &selected, error);
	sync_watch_unselect(watch);
	if (!ok && (!imap_session_alive(worker->session) || core_error_scope(failure) > CORE_SCOPE_MAILBOX)) {
		g_propagate_error(error, failure);
		return false;
	}
	if (ok)
		note_stale(watch, inbox.id, true);
	else
		g_clear_error(&failure); /* no one can watch what cannot be opened */
	return true;
}

static bool
ask_to_notify(SyncWatch *watch, GError **error)
{
	g_auto(ImapReply) reply = { 0 };

	imap_session_send(watch->worker->session,
	                  imap_command_new("NOTIFY SET STATUS (SELECTED (MessageNew MessageExpunge FlagChange))"
	                                   " (PERSONAL (MessageNew MessageExpunge FlagChange MailboxName))"), &reply);
	if (!imap_session_wait(watch->worker->session, &reply, error))
		return false;
	watch->notified = reply.kind == IMAP_RESPONSE_OK;
	if (!watch->notified)
		watch->mode = imap_session_has(watch->worker->session, IMAP_CAP_IDLE) ? SYNC_WATCH_IDLE : SYNC_WATCH_POLL;
	return true;
}

static bool
prepare(SyncWatch *watch, GError **error)
{
	if (watch->watched_id == 0 && !select_inbox(watch, error))
		return false;
	return watch->mode != SYNC_WATCH_NOTIFY || watch->notified || ask_to_notify(watch, error);
}

bool
sync_watch_has_events(SyncWatch *watch)
{
	const SyncMetadata *metadata = &watch->metadata;
	g_auto(StoreMailbox) mailbox = { 0 };

	if (watch->watched_id == 0)
		return false;
	if (metadata->in_doubt || metadata->told->len > 0 || metadata->vanished.count > 0)
		return true;
	return store_mailbox_get(watch->worker->run->store, watch->watched_id, &mailbox, NULL) &&
	       metadata->exists != mailbox.messages &&
	       !(metadata->exists == watch->odd_exists && mailbox.messages == watch->odd_rows);
}

static bool
has_news(SyncWatch *watch)
{
	return sync_watch_wants_pass(watch) || g_hash_table_size(watch->stale) > 0 || sync_watch_has_events(watch);
}

/* A connection that is dead answers nothing; one that lives ends its IDLE, and does nothing, at once. */
static bool
probe(SyncWatch *watch, GError **error)
{
	ImapSession *session = watch->worker->session;

	imap_session_set_patience(session, SYNC_PROBE_MS);
	imap_session_send(session, imap_command_new("NOOP"), NULL); /* IDLE may not have begun */
	bool ok = imap_session_wait(session, NULL, error);
	imap_session_set_patience(session, 0);
	return ok;
}

static bool
is_readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) > 0;
}

/* A server that ends each IDLE at once, or tells in each what is no news, is not to be asked without a pause. */
static void
count_brief(SyncWatch *watch, int64_t begun_ms, ImapWatchEnd end)
{
	bool is_brief = end == IMAP_WATCH_STIRRED && core_clock_ms() - begun_ms < BRIEF_MS && !has_news(watch);

	watch->brief_idles = is_brief ? watch->brief_idles + 1 : 0;
	if (watch->brief_idles < BRIEF_IDLES_MAX)
		return;
	core_log(CORE_LOG_INFO, "sync", "%s: the server does not wait in IDLE", watch->worker->run->account->name);
	watch->never_idles = true;
}

/* Until something is told or wakes us.  *end_r as imap_session_watch() tells it. */
static bool
watch_once(SyncWatch *watch, int wake_fd, int64_t until_ms, ImapWatchEnd *end_r, GError **error)
{
	int fds[SYNC_ALARM_FDS + 1] = { wake_fd };
	int64_t begun_ms = core_clock_ms(), left_ms = until_ms - begun_ms;
	/* Also with NOTIFY: Dovecot 2.3 tells some things only to those who wait in IDLE. */
	bool idle = imap_session_has(watch->worker->session, IMAP_CAP_IDLE) && !watch->never_idles;
	GError *failure = NULL;

	memcpy(fds + 1, watch->alarm.fds, sizeof watch->alarm.fds);
	sync_alarm_rearm(&watch->alarm);
	if (imap_session_watch(watch->worker->session, idle, fds, G_N_ELEMENTS(fds),
	                       until_ms < 0 ? -1 : (int)CLAMP(left_ms, 0, G_MAXINT), end_r, &failure)) {
		if (idle)
			count_brief(watch, begun_ms, *end_r);
		return *end_r != IMAP_WATCH_WOKEN || !sync_alarm_take(&watch->alarm, NULL) || probe(watch, error);
	}
	if (!imap_session_alive(watch->worker->session) || !idle) {
		g_propagate_error(error, failure);
		return false;
	}
	core_log(CORE_LOG_INFO, "sync", "%s: %s", watch->worker->run->account->name, failure->message);
	g_error_free(failure);
	watch->never_idles = true;
	*end_r = IMAP_WATCH_STIRRED;
	return true;
}

/* Nobody tells of other mailboxes than the watched one, but with NOTIFY. */
static int64_t
next_poll_ms(const SyncWatch *watch)
{
	return watch->notified ? INT64_MAX : watch->polled_ms + sync_poll_ms;
}

bool
sync_watch_wait(SyncWatch *watch, int wake_fd, int timeout_ms, SyncWatchEnd *end_r, GError **error)
{
	int64_t until_ms = timeout_ms < 0 ? INT64_MAX : core_clock_ms() + timeout_ms;
	ImapWatchEnd end;

	for (;;) {
		if (!prepare(watch, error))
			return false;
		int64_t poll_ms = next_poll_ms(watch), first_ms = MIN(until_ms, poll_ms);
		int64_t wait_ms = watch->relist ? MIN(first_ms, watch->relist_ms) : first_ms;
		bool news = has_news(watch), due = core_clock_ms() >= first_ms;
		if (news || due || is_readable(wake_fd)) {
			*end_r = news ? SYNC_WATCH_NEWS : due && poll_ms <= until_ms ? SYNC_WATCH_POLL_DUE : SYNC_WATCH_WOKEN;
			return true;
		}
		if (!watch_once(watch, wake_fd, wait_ms == INT64_MAX ? -1 : wait_ms, &end, error))
			return false;
	}
}
