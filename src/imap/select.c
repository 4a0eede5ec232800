/* The selected mailbox (RFC 9051 6.3.2 and 6.3.3, RFC 7162 3.2.5 and 3.2.11). */
#include "imap/session-private.h"

#include "imap/refusal.h"

#include <string.h>

void
imap_selected_clear(ImapSelected *selected)
{
	g_free(selected->mailboxid);
	memset(selected, 0, sizeof *selected);
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
	else if (status->code == IMAP_CODE_MAILBOXID && status->code_text) {
		g_free(selected->mailboxid);
		selected->mailboxid = g_strdup(status->code_text);
	}
}

static void
note_status(ImapSelecting *selecting, const ImapMailboxStatus *status)
{
	if (!status->mailbox || !is_same_mailbox(status->mailbox, selecting->status_of))
		return;
	if ((status->fields & IMAP_STATUS_UIDVALIDITY) && selecting->selected->uidvalidity == 0)
		selecting->selected->uidvalidity = status->uidvalidity;
	if ((status->fields & IMAP_STATUS_UIDNEXT) && selecting->selected->uidnext == 0)
		selecting->selected->uidnext = status->uidnext;
}

bool
imap_select_note(ImapSession *session, const ImapResponse *response)
{
	ImapSelecting *selecting = session->selecting;

	if (!selecting)
		return true;
	if (response->kind == IMAP_RESPONSE_OK && response->status.code == IMAP_CODE_CLOSED) {
		selecting->until_closed = false;
		imap_selected_clear(selecting->selected); /* whatever came before was of the other mailbox */
		return true;
	}
	if (selecting->until_closed)
		return false;
	if (selecting->status_of && response->kind == IMAP_RESPONSE_STATUS)
		note_status(selecting, &response->mailbox_status);
	else if (response->kind == IMAP_RESPONSE_EXISTS && !response->damaged)
		selecting->selected->exists = response->number;
	else if (response->kind <= IMAP_RESPONSE_BAD)
		note_code(selecting->selected, &response->status);
	return true;
}

static ImapCommand *
select_command(const ImapSession *session, const char *name, bool read_only, const ImapQresync *qresync)
{
	ImapCommand *command = imap_command_new("%s ", read_only ? "EXAMINE" : "SELECT");

	imap_command_mailbox(command, name);
	if (qresync && session->enabled[IMAP_CAP_QRESYNC] && qresync->uidvalidity > 0 && qresync->modseq > 0)
		imap_command_text(command, " (QRESYNC (%" G_GUINT32_FORMAT " %" G_GUINT64_FORMAT "))", qresync->uidvalidity,
		                  qresync->modseq);
	return command;
}

/* Takes @failure, which the answer @reply led to. */
static void
throw_refusal(const ImapReply *reply, GError *failure, GError **error)
{
	if (reply->kind == IMAP_RESPONSE_NO && core_error_code(failure) == CORE_ERROR_BUSY &&
	    !imap_refusal_is_of_account(reply->code, reply->text))
		failure->code = CORE_ERROR_REFUSED;
	g_propagate_error(error, failure);
}

/* One SELECT.  *closed_r: what belonged to the mailbox selected before could be told from what belongs to this one. */
static bool
select_once(ImapSession *session, const char *name, bool read_only, const ImapQresync *qresync, ImapSelected *selected,
            bool *closed_r, GError **error)
{
	g_auto(ImapReply) reply = { 0 };
	bool expects_closed = session->maybe_selected && session->enabled[IMAP_CAP_QRESYNC] && !session->never_closes;
	ImapSelecting selecting = { .selected = selected, .until_closed = expects_closed };

	GError *failure = NULL;

	g_clear_pointer(&session->selected, g_free);
	session->selecting = &selecting;
	bool ok = imap_session_run_alone(session, select_command(session, name, read_only, qresync), &reply, &failure);
	session->selecting = NULL;
	*closed_r = !selecting.until_closed;
	if (ok) {
		session->selected = g_strdup(name);
		selected->read_only = selected->read_only || read_only || reply.code == IMAP_CODE_READ_ONLY;
	}
	if (reply.kind != IMAP_RESPONSE_BAD) /* a command that was not understood leaves the old mailbox selected */
		session->maybe_selected = ok;
	if (!ok)
		throw_refusal(&reply, failure, error);
	return ok;
}

/* Courier tells no UIDNEXT, and no UIDVALIDITY on EXAMINE.  Not to be told is no error. */
static bool
ask_status(ImapSession *session, const char *name, ImapSelected *selected, GError **error)
{
	ImapSelecting selecting = { .selected = selected, .status_of = name };
	g_auto(ImapReply) reply = { 0 };
	ImapCommand *command = imap_command_new("STATUS ");

	imap_command_mailbox(command, name);
	imap_command_text(command, " (UIDNEXT UIDVALIDITY)");
	session->selecting = &selecting;
	imap_session_send(session, command, &reply);
	bool answered = imap_session_wait(session, &reply, error);
	session->selecting = NULL;
	return answered;
}

bool
imap_session_unselect(ImapSession *session, GError **error)
{
	g_auto(ImapSelected) selected = { 0 };
	GError *failure = NULL;
	bool closed;

	if (!imap_session_wait(session, NULL, error))
		return false;
	if (!session->maybe_selected)
		return true;
	if (session->capabilities.has[IMAP_CAP_UNSELECT])
		return imap_session_run_alone(session, imap_command_new("UNSELECT"), NULL, error);
	/* CLOSE expunges what is marked in a mailbox that may be written to. */
	if (!select_once(session, "INBOX", true, NULL, &selected, &closed, &failure)) {
		bool left = imap_session_alive(session) && !session->maybe_selected;
		if (left)
			g_error_free(failure);
		else
			g_propagate_error(error, failure);
		return left;
	}
	return imap_session_run_alone(session, imap_command_new("CLOSE"), NULL, error);
}

bool
imap_session_select(ImapSession *session, const char *server_name, bool read_only, const ImapQresync *qresync,
                    ImapSelected *selected_r, GError **error)
{
	g_auto(ImapSelected) selected = { 0 };
	bool closed = false;

	if (!select_once(session, server_name, read_only, qresync, &selected, &closed, error))
		return false;
	if (!closed) {
		/* The server owes us a [CLOSED], so all that it said was dropped.  Now this mailbox is the one selected before,
		 * and whatever comes is of it. */
		session->never_closes = true;
		imap_selected_clear(&selected);
		if (!select_once(session, server_name, read_only, qresync, &selected, &closed, error))
			return false;
	}
	if ((selected.uidvalidity == 0 || selected.uidnext == 0) && !ask_status(session, server_name, &selected, error))
		return false;
	imap_selected_clear(selected_r);
	*selected_r = selected;
	memset(&selected, 0, sizeof selected);
	return true;
}
