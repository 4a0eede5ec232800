/* Watching for what others do: IDLE (RFC 2177), or listening where the server tells by itself (NOTIFY, RFC 5465).
 *
 * IDLE is a command that waits for the server's "+" in the middle: while it is at rest there, nothing is due and
 * nothing may be sent; its second half is DONE.  That is only queued, so the next commands leave with it. */
#include "imap/session-private.h"

#include "core/clock.h"

#include <poll.h>

#define DRAIN_MAX_READS 16 /* a server that never pauses is left to the next watch */

typedef struct {
	ImapSession *session;
	bool idle;
	ImapReply reply; /* to IDLE */
	bool began;      /* the server said "+" */
	const int *wake_fds;
	size_t n_wake_fds;
	int64_t deadline_ms;
} Watch;

void
imap_session_stir(ImapSession *session)
{
	session->stirred = true;
}

static bool
is_woken(const Watch *watch)
{
	struct pollfd fds[NET_WAKE_MAX];

	for (size_t i = 0; i < watch->n_wake_fds; i++)
		fds[i] = (struct pollfd){ .fd = watch->wake_fds[i], .events = POLLIN };
	return poll(fds, watch->n_wake_fds, 0) > 0;
}

static int
left_ms(const Watch *watch)
{
	if (watch->deadline_ms == INT64_MAX)
		return -1;
	return (int)CLAMP(watch->deadline_ms - core_clock_ms(), 0, G_MAXINT);
}

/* Nothing is due, so silence is no failure. */
static bool
at_rest(const Watch *watch)
{
	return watch->idle ? watch->session->idling || watch->reply.done : imap_pump_is_idle(watch->session);
}

/* Until the end, or until the session is broken. */
static ImapWatchEnd
run(Watch *watch)
{
	ImapSession *session = watch->session;
	ImapProgress progress = { 0 };
	unsigned drained = 0;

	while (session->state != IMAP_STATE_BROKEN) {
		watch->began |= session->idling;
		if (at_rest(watch))
			progress = (ImapProgress){ 0 };
		if (session->in_at < session->in_end || !at_rest(watch)) {
			imap_pump_step(session, &progress);
			continue;
		}
		bool stirred = session->stirred || watch->reply.done, woken = false;
		bool over = stirred || left_ms(watch) == 0;

		if ((over && drained++ == DRAIN_MAX_READS) ||
		    !imap_pump_listen(session, watch->wake_fds, stirred ? 0 : watch->n_wake_fds, over ? 0 : left_ms(watch), &woken))
			return stirred ? IMAP_WATCH_STIRRED : woken ? IMAP_WATCH_WOKEN : IMAP_WATCH_TIMEOUT;
	}
	return IMAP_WATCH_STIRRED;
}

static void
begin_idle(Watch *watch)
{
	ImapCommand *command = imap_command_new("IDLE");

	imap_command_wait(command);
	imap_command_text(command, "DONE");
	imap_session_send(watch->session, command, &watch->reply);
}

/* False: the server will not.  One that ends it by itself, at its own time-out, has done nothing wrong. */
static bool
end_idle(Watch *watch, GError **error)
{
	ImapSession *session = watch->session;

	if (session->idling) {
		imap_pump_continue(session);
		((ImapPending *)g_queue_peek_tail(&session->sent))->reply = NULL;
		return true;
	}
	if (watch->reply.kind != IMAP_RESPONSE_OK)
		return imap_session_throw_refusal(session, &watch->reply, "IDLE", error);
	return watch->began || core_throw(error, CORE_ERROR_REFUSED, "IDLE refused: %s: the server ends it before it began",
	                                  session->config->host);
}

bool
imap_session_watch(ImapSession *session, bool idle, const int *wake_fds, size_t n_wake_fds, int timeout_ms,
                   ImapWatchEnd *end_r, GError **error)
{
	Watch watch = {
		.session = session,
		.idle = idle,
		.wake_fds = wake_fds,
		.n_wake_fds = n_wake_fds,
		.deadline_ms = timeout_ms < 0 ? INT64_MAX : core_clock_ms() + timeout_ms,
	};
	bool ok = true;

	g_return_val_if_fail(n_wake_fds <= NET_WAKE_MAX, false);
	session->stirred = false;
	if (session->state != IMAP_STATE_BROKEN && is_woken(&watch)) {
		*end_r = IMAP_WATCH_WOKEN;
		return true;
	}
	if (idle)
		begin_idle(&watch);
	*end_r = run(&watch);
	if (session->state == IMAP_STATE_BROKEN) {
		g_propagate_error(error, g_error_copy(session->broken));
		ok = false;
	} else if (idle) {
		ok = end_idle(&watch, error);
	}
	imap_reply_clear(&watch.reply);
	return ok;
}
