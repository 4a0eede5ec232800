/* The selected mailbox (RFC 9051 6.3.2 and 6.3.3, RFC 3691, RFC 7162 3.2.5 and 3.2.11).
 *
 * What comes belongs to a SELECT as soon as that is the oldest command without an answer, but before [CLOSED] still
 * to the mailbox selected before. */
#include "imap/session-private.h"

#include "imap/decode.h"
#include "imap/refusal.h"

#include <string.h>

void
imap_selected_clear(ImapSelected *selected)
{
	g_free(selected->mailboxid);
	memset(selected, 0, sizeof *selected);
}

void
imap_selection_clear(ImapSelection *selection)
{
	imap_selected_clear(&selection->selected);
	imap_reply_clear(&selection->reply);
	g_free(selection->server_name);
	memset(selection, 0, sizeof *selection);
}

static bool
is_same_mailbox(const char *a, const char *b)
{
	return strcmp(a, b) == 0 || (g_ascii_strcasecmp(a, "INBOX") == 0 && g_ascii_strcasecmp(b, "INBOX") == 0);
}

static void
note_code(ImapSelected *selected, const ImapStatusResponse *status)
{
	if (status->code == IMAP_CODE_UIDVALIDITY && status->number <= UINT32_MAX)
		selected->uidvalidity = (uint32_t)status->number;
	else if (status->code == IMAP_CODE_UIDNEXT && status->number <= UINT32_MAX)
		selected->uidnext = (uint32_t)status->number;
	else if (status->code == IMAP_CODE_HIGHESTMODSEQ)
		selected->highestmodseq = status->number;
	else if (status->code == IMAP_CODE_NOMODSEQ)
		selected->highestmodseq = 0;
	else if (status->code == IMAP_CODE_READ_ONLY)
		selected->read_only = true;
	else if (status->code == IMAP_CODE_PERMANENTFLAGS)
		selected->permanent_keywords = imap_words_have(&status->words, "\\*");
	else if (status->code == IMAP_CODE_MAILBOXID && status->code_text && imap_decode_is_objectid(status->code_text)) {
		g_free(selected->mailboxid);
		selected->mailboxid = g_strdup(status->code_text);
	}
}

static void
note_status(const ImapAsking *asking, const ImapMailboxStatus *status)
{
	if (!status->mailbox || !is_same_mailbox(status->mailbox, asking->mailbox))
		return;
	if ((status->fields & IMAP_STATUS_UIDVALIDITY) && asking->into->uidvalidity == 0)
		asking->into->uidvalidity = status->uidvalidity;
	if ((status->fields & IMAP_STATUS_UIDNEXT) && asking->into->uidnext == 0)
		asking->into->uidnext = status->uidnext;
}

static bool
is_selected(const ImapSession *session, const char *name)
{
	return session->selected && is_same_mailbox(session->selected, name);
}

/* The SELECT whose turn it is, or NULL. */
static ImapSelection *
current(const ImapSession *session)
{
	const GList *oldest = session->sent.head ? session->sent.head : session->waiting.head;

	return oldest ? ((const ImapPending *)oldest->data)->selection : NULL;
}

static void
begin(ImapSession *session, ImapSelection *selection)
{
	if (selection->begun)
		return;
	selection->begun = true;
	/* Where the server owes us a [CLOSED] for ever, a mailbox that is selected once more is its own predecessor. */
	selection->until_closed = session->maybe_selected && session->enabled[IMAP_CAP_QRESYNC] &&
	                          !(session->never_closes && is_selected(session, selection->server_name));
	g_clear_pointer(&session->selected, g_free);
}

bool
imap_select_note(ImapSession *session, const ImapResponse *response)
{
	ImapSelection *selection = current(session);

	if (session->asking && response->kind == IMAP_RESPONSE_STATUS)
		note_status(session->asking, &response->mailbox_status);
	if (!selection)
		return true;
	begin(session, selection);
	if (response->kind == IMAP_RESPONSE_OK && response->status.code == IMAP_CODE_CLOSED) {
		selection->until_closed = false;
		imap_selected_clear(&selection->selected); /* whatever came before was of the other mailbox */
		return true;
	}
	if (selection->until_closed)
		return false;
	if (response->kind == IMAP_RESPONSE_EXISTS && !response->damaged)
		selection->selected.exists = response->number;
	else if (response->kind <= IMAP_RESPONSE_BAD)
		note_code(&selection->selected, &response->status);
	return true;
}

void
imap_select_answer(ImapSession *session, ImapSelection *selection, const ImapResponse *response)
{
	bool ok = response->kind == IMAP_RESPONSE_OK;

	begin(session, selection);
	if (ok) {
		session->selected = g_strdup(selection->server_name);
		selection->selected.read_only |= selection->read_only || response->status.code == IMAP_CODE_READ_ONLY;
		session->never_closes |= selection->until_closed;
	}
	if (response->kind != IMAP_RESPONSE_BAD) /* a command that was not understood leaves the old mailbox selected */
		session->maybe_selected = ok;
}

static void
send(ImapSession *session, const char *name, bool read_only, const ImapQresync *qresync, bool alone,
     ImapSelection *selection)
{
	ImapCommand *command = imap_command_new("%s ", read_only ? "EXAMINE" : "SELECT");

	imap_command_mailbox(command, name);
	if (qresync && session->enabled[IMAP_CAP_QRESYNC] && qresync->uidvalidity > 0 && qresync->modseq > 0)
		imap_command_text(command, " (QRESYNC (%" G_GUINT32_FORMAT " %" G_GUINT64_FORMAT "))", qresync->uidvalidity,
		                  qresync->modseq);
	imap_selection_clear(selection);
	selection->server_name = g_strdup(name);
	selection->read_only = read_only;
	imap_pump_queue(session, command, &selection->reply, alone)->selection = selection;
}

static bool
throw_refusal(const ImapSession *session, const ImapSelection *selection, GError **error)
{
	const ImapReply *reply = &selection->reply;
	GError *failure = NULL;

	imap_session_throw_refusal(session, reply, selection->read_only ? "EXAMINE" : "SELECT", &failure);
	if (reply->kind == IMAP_RESPONSE_NO && core_error_code(failure) == CORE_ERROR_BUSY &&
	    !imap_refusal_is_of_account(reply->code, reply->text))
		failure->code = CORE_ERROR_REFUSED;
	g_propagate_error(error, failure);
	return false;
}

/* Courier tells no UIDNEXT, and no UIDVALIDITY on EXAMINE.  Not to be told is no error. */
static bool
ask_status(ImapSession *session, const char *name, ImapSelected *selected, GError **error)
{
	ImapAsking asking = { .mailbox = name, .into = selected };
	g_auto(ImapReply) reply = { 0 };
	ImapCommand *command = imap_command_new("STATUS ");

	imap_command_mailbox(command, name);
	imap_command_text(command, " (UIDNEXT UIDVALIDITY)");
	session->asking = &asking;
	imap_session_send(session, command, &reply);
	bool answered = imap_session_wait(session, &reply, error);
	session->asking = NULL;
	return answered;
}

void
imap_session_select_send(ImapSession *session, const char *server_name, bool read_only, const ImapQresync *qresync,
                         ImapSelection *selection)
{
	send(session, server_name, read_only, qresync, false, selection);
}

static bool
finish(ImapSession *session, ImapSelection *selection, ImapSelected *selected_r, bool *clean_r, GError **error)
{
	ImapSelected *selected = &selection->selected;

	if (!imap_session_wait(session, &selection->reply, error))
		return false;
	if (selection->reply.kind != IMAP_RESPONSE_OK)
		return throw_refusal(session, selection, error);
	*clean_r = !selection->until_closed;
	if (!*clean_r)
		return true;
	if ((selected->uidvalidity == 0 || selected->uidnext == 0) &&
	    !ask_status(session, selection->server_name, selected, error))
		return false;
	imap_selected_clear(selected_r);
	*selected_r = *selected;
	memset(selected, 0, sizeof *selected);
	return true;
}

bool
imap_session_select_finish(ImapSession *session, ImapSelection *selection, ImapSelected *selected_r, bool *clean_r,
                           GError **error)
{
	bool ok = finish(session, selection, selected_r, clean_r, error);

	imap_selection_clear(selection);
	return ok;
}

static bool
select_once(ImapSession *session, const char *name, bool read_only, const ImapQresync *qresync,
            ImapSelected *selected_r, bool *clean_r, GError **error)
{
	ImapSelection selection = { 0 };

	send(session, name, read_only, qresync, true, &selection);
	return imap_session_select_finish(session, &selection, selected_r, clean_r, error);
}

/* CLOSE expunges what is marked in a mailbox that may be written to, so that is exchanged for one that may not. */
static bool
close_safely(ImapSession *session, GError **error)
{
	g_auto(ImapSelected) selected = { 0 };
	g_autoptr(GError) failure = NULL;
	bool clean;

	if (!select_once(session, "INBOX", true, NULL, &selected, &clean, &failure)) {
		if (imap_session_alive(session) && !session->maybe_selected)
			return true; /* nothing is selected after a NO either */
		g_propagate_error(error, g_steal_pointer(&failure));
		return false;
	}
	return imap_session_run_alone(session, imap_command_new("CLOSE"), NULL, error);
}

bool
imap_session_unselect(ImapSession *session, GError **error)
{
	if (!imap_session_wait(session, NULL, error))
		return false;
	if (!session->maybe_selected)
		return true;
	if (session->capabilities.has[IMAP_CAP_UNSELECT])
		return imap_session_run_alone(session, imap_command_new("UNSELECT"), NULL, error);
	return close_safely(session, error);
}

/* Where [CLOSED] never comes, nothing is to be selected before.  A server that will not leave is asked twice again. */
static bool
leave_unheard(ImapSession *session, GError **error)
{
	ImapResponseFn listener = session->listener;

	if (!imap_session_wait(session, NULL, error))
		return false;
	session->listener = NULL; /* what comes is of the mailbox before */
	imap_session_unselect(session, NULL);
	session->listener = listener;
	return imap_session_wait(session, NULL, error);
}

bool
imap_session_select(ImapSession *session, const char *server_name, bool read_only, const ImapQresync *qresync,
                    ImapSelected *selected_r, GError **error)
{
	bool clean = false;

	if (session->never_closes && !is_selected(session, server_name) && !leave_unheard(session, error))
		return false;
	while (!clean) {
		/* What the server said without a [CLOSED] was dropped.  The next time it cannot be of any other mailbox. */
		if (!select_once(session, server_name, read_only, qresync, selected_r, &clean, error))
			return false;
	}
	return true;
}
