/* What each response means for the session (RFC 9051 section 7). */
#include "imap/session-private.h"

#include "core/log.h"
#include "imap/refusal.h"

#include <string.h>

#define ALERTS_MAX 10 /* of one session */
#define COPYUID_MAX_BYTES (1024 * 1024)
#define REPLY_TEXT_MAX 2000 /* bytes of a tagged response's text that are kept */

static bool
is_status(const ImapResponse *response)
{
	return response->kind <= IMAP_RESPONSE_PREAUTH;
}

/* People must see it (RFC 9051 7.1), but once, and not a million of them. */
static void
show_alert(ImapSession *session, const char *text)
{
	if (session->alerts > ALERTS_MAX || g_strcmp0(session->alert, text) == 0)
		return;
	if (++session->alerts > ALERTS_MAX) {
		core_log(CORE_LOG_WARNING, "imap", "%s: the server says more than is shown", session->config->account);
		return;
	}
	g_autofree char *words = imap_refusal_words(text);

	g_free(session->alert);
	session->alert = g_strdup(text);
	core_log(CORE_LOG_WARNING, "imap", "%s: the server says: %s", session->config->account, words);
}

/* The words of a refusal are in the error that it becomes. */
static void
note_code(ImapSession *session, const ImapResponse *response)
{
	const ImapStatusResponse *status = &response->status;
	bool is_refusal = response->kind != IMAP_RESPONSE_OK && response->kind != IMAP_RESPONSE_PREAUTH;

	if (status->code == IMAP_CODE_CAPABILITY)
		imap_capabilities_set(&session->capabilities, &status->words);
	if (status->code == IMAP_CODE_ALERT && !(response->tag && is_refusal) && response->kind != IMAP_RESPONSE_BYE)
		show_alert(session, status->text);
}

static void
note_enabled(ImapSession *session, const ImapWords *words)
{
	for (size_t i = 0; i < words->count; i++) {
		ImapCapability found = imap_capability_find(words->items[i]);
		if (found < IMAP_CAP_COUNT)
			session->enabled[found] = true;
		if (found == IMAP_CAP_QRESYNC)
			session->enabled[IMAP_CAP_CONDSTORE] = true; /* RFC 7162 3.2.3 */
	}
}

/* "name" and "version" of the fields of ID. */
static void
note_id(ImapSession *session, const ImapNode *list)
{
	const char *name = NULL, *version = NULL;

	if (!list || list->kind != IMAP_NODE_LIST)
		return;
	for (const ImapNode *field = list->first; field && field->next; field = field->next->next) {
		if (field->kind != IMAP_NODE_STRING || field->next->kind != IMAP_NODE_STRING)
			continue;
		if (g_ascii_strcasecmp(field->text, "name") == 0)
			name = field->next->text;
		else if (g_ascii_strcasecmp(field->text, "version") == 0)
			version = field->next->text;
	}
	if (name) {
		g_autofree char *both = g_strjoin(version ? " " : "", name, version ? version : "", NULL);
		g_free(session->server);
		session->server = imap_refusal_words(both);
	}
}

static void
take_bye(ImapSession *session, const ImapStatusResponse *status)
{
	g_autofree char *words = imap_refusal_words(status->text);
	CoreErrorCode code = CORE_ERROR_UNREACHABLE;

	if (session->state == IMAP_STATE_CLOSING)
		return;
	if (imap_refusal_is_busy(status->code, status->text))
		code = CORE_ERROR_BUSY;
	else if (status->code == IMAP_CODE_AUTHENTICATIONFAILED || status->code == IMAP_CODE_AUTHORIZATIONFAILED ||
	         status->code == IMAP_CODE_EXPIRED)
		code = CORE_ERROR_LOGIN;
	imap_pump_throw(session, code, "the server closed the connection: %s: %s", session->config->host, words);
}

static void
take_greeting(ImapSession *session, const ImapResponse *response)
{
	if (response->tag || (response->kind != IMAP_RESPONSE_OK && response->kind != IMAP_RESPONSE_PREAUTH)) {
		imap_pump_throw(session, CORE_ERROR_PROTOCOL, "nonsense from the server: %s: no greeting of IMAP",
		                session->config->host);
		return;
	}
	session->preauthenticated = response->kind == IMAP_RESPONSE_PREAUTH;
	session->greeting = imap_refusal_words(response->status.text);
	note_code(session, response);
	imap_pump_enter(session, IMAP_STATE_OPENING);
}

/* @had, @more and a comma between; a server that never ends is stopped by the bound. */
static bool
join(char **had, const char *more)
{
	if (*had && strlen(*had) + strlen(more) > COPYUID_MAX_BYTES)
		return false;
	char *both = *had ? g_strconcat(*had, ",", more, NULL) : g_strdup(more);
	g_free(*had);
	*had = both;
	return true;
}

/* MOVE is told the new UIDs before the messages go (RFC 6851 4.3). */
static void
note_copied(ImapSession *session, const ImapStatusResponse *status)
{
	const GList *link = session->sent.head;

	while (link && strcmp(((const ImapPending *)link->data)->name, "UID MOVE") != 0)
		link = link->next;
	ImapReply *reply = link ? ((const ImapPending *)link->data)->reply : NULL;
	if (!reply || !status->uids || !status->source_uids)
		return;
	if (reply->uids && reply->uidvalidity != status->uidvalidity)
		return;
	reply->uidvalidity = status->uidvalidity;
	if (!join(&reply->uids, status->uids) || !join(&reply->source_uids, status->source_uids))
		imap_pump_throw(session, CORE_ERROR_PROTOCOL, "nonsense from the server: %s: an endless COPYUID",
		                session->config->host);
}

static void
take_untagged(ImapSession *session, const ImapResponse *response)
{
	GError *error = NULL;

	if (response->kind == IMAP_RESPONSE_CAPABILITY)
		imap_capabilities_set(&session->capabilities, &response->words);
	else if (response->kind == IMAP_RESPONSE_ENABLED)
		note_enabled(session, &response->words);
	else if (response->kind == IMAP_RESPONSE_ID)
		note_id(session, response->node);
	else if (is_status(response))
		note_code(session, response);
	if (response->kind == IMAP_RESPONSE_OK && response->status.code == IMAP_CODE_COPYUID)
		note_copied(session, &response->status);

	if (session->overhears && (response->kind == IMAP_RESPONSE_STATUS || response->kind == IMAP_RESPONSE_LIST ||
	                           response->kind <= IMAP_RESPONSE_BAD))
		session->overhears(response, session->overhears_data);
	if (imap_select_note(session, response) && session->listener &&
	    !session->listener(response, session->listener_data, &error))
		imap_pump_fail(session, error);
}

/* "+": what waits may go on; anything else that makes the server ask is given up (an AUTHENTICATE that wants more than
 * PLAIN has to say), or was not meant (Exchange sends one now and then). */
static void
take_continue(ImapSession *session)
{
	const ImapPending *last = g_queue_peek_tail(&session->sent);

	const ImapPending *first = g_queue_peek_head(&session->waiting);

	if (session->wants_continue && strcmp(first->name, "IDLE") == 0) {
		session->idling = true;
	} else if (session->wants_continue) {
		imap_pump_continue(session);
	} else if (last && strcmp(last->name, "AUTHENTICATE") == 0 && session->out->len == 0) {
		imap_pump_put(session, "*\r\n");
		imap_trace_sent(session->trace, "*");
	}
}

static void
fill_reply(ImapReply *reply, const ImapResponse *response)
{
	const ImapStatusResponse *status = &response->status;

	reply->kind = response->kind;
	reply->code = status->code;
	reply->number = status->number;
	reply->text = g_strndup(status->text, REPLY_TEXT_MAX);
	if (status->uids) {
		reply->uidvalidity = status->uidvalidity;
		g_free(reply->uids);
		g_free(reply->source_uids);
		reply->uids = g_strdup(status->uids);
		reply->source_uids = g_strdup(status->source_uids);
	}
	reply->done = true;
}

static void
take_tagged(ImapSession *session, const ImapResponse *response)
{
	bool known_kind = response->kind <= IMAP_RESPONSE_BAD;
	ImapPending *pending = known_kind ? imap_pump_take_pending(session, response->tag) : NULL;

	/* A DONE that crossed the server's own end of IDLE looks to it like a command of that tag. */
	if (!pending && known_kind && strcmp(response->tag, "DONE") == 0)
		return;
	if (!pending) {
		imap_pump_throw(session, CORE_ERROR_PROTOCOL, "nonsense from the server: %s: an answer to no command of ours",
		     session->config->host);
		return;
	}
	session->answers++;
	session->forbidden += response->kind == IMAP_RESPONSE_NO && response->status.code == IMAP_CODE_NOPERM;
	note_code(session, response);
	if (response->kind == IMAP_RESPONSE_OK &&
	    (strcmp(pending->name, "CLOSE") == 0 || strcmp(pending->name, "UNSELECT") == 0)) {
		g_clear_pointer(&session->selected, g_free);
		session->maybe_selected = false;
	}
	if (pending->selection)
		imap_select_answer(session, pending->selection, response);
	if (pending->reply)
		fill_reply(pending->reply, response);
	imap_pending_free(pending);
}

void
imap_answer_take(ImapSession *session, const ImapResponse *response)
{
	/* The text is the parser's, in memory that it gives to us for this call. */
	if (response->kind <= IMAP_RESPONSE_PREAUTH)
		imap_secret_mask(&session->secret, (char *)(uintptr_t)response->status.text);
	if (response->kind == IMAP_RESPONSE_BYE && !response->tag)
		take_bye(session, &response->status);
	else if (session->state == IMAP_STATE_GREETING)
		take_greeting(session, response);
	else if (response->kind == IMAP_RESPONSE_CONTINUE)
		take_continue(session);
	else if (response->tag)
		take_tagged(session, response);
	else
		take_untagged(session, response);
}
