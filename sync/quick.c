#include "sync/quick.h"

#include "sync/arrive.h"
#include "sync/pool.h"

/* A new message that came with its body. */
typedef struct {
	StoreMessage message; /* its strings are in Quick.strings */
	StoreBody body;
	MimeDerived derived;
} Arrived;

typedef struct {
	SyncWorker *worker;
	const StoreMailbox *mailbox; /* as stored */
	const char *path;
	SyncMetadata *metadata;
	SyncReceiver receiver;
	GArray *arrived; /* of Arrived */
	GStringChunk *strings;
	uint32_t first_new; /* UIDs from here on have no rows */
} Quick;

static void
arrived_clear(void *data)
{
	mime_derived_clear(&((Arrived *)data)->derived);
}

/* What has just come is recent enough. */
static bool
wants_headers(const SyncWorker *worker)
{
	return worker->run->account->bodies == SYNC_BODIES_NONE;
}

static void
quick_init(Quick *quick, SyncWorker *worker, const StoreMailbox *mailbox, const char *path, SyncMetadata *metadata)
{
	*quick = (Quick){
		.worker = worker,
		.mailbox = mailbox,
		.path = path,
		.metadata = metadata,
		.arrived = g_array_new(FALSE, FALSE, sizeof(Arrived)),
		.strings = g_string_chunk_new(1024),
		.first_new = MAX(mailbox->uidnext, 1),
	};
	g_array_set_clear_func(quick->arrived, arrived_clear);
	sync_receiver_init(&quick->receiver, worker, SYNC_QUICK_BODY_BYTES, wants_headers(worker));
}

static void
quick_clear(Quick *quick)
{
	sync_receiver_clear(&quick->receiver);
	g_array_unref(quick->arrived);
	g_string_chunk_free(quick->strings);
}

static void
note_arrived(Quick *quick, const ImapFetch *fetch)
{
	const uint32_t needed = IMAP_FETCH_UID | IMAP_FETCH_FLAGS | IMAP_FETCH_INTERNALDATE | IMAP_FETCH_SIZE;

	if (!quick->receiver.complete)
		return;
	/* "n:*" names the last message also if its UID is below n; an empty body may be a server's way to say "not now". */
	if ((fetch->fields & needed) != needed || fetch->uid < quick->first_new ||
	    (quick->receiver.body.length == 0 && fetch->size_bytes > 0) || quick->arrived->len >= SYNC_QUICK_MESSAGES) {
		sync_receiver_drop(&quick->receiver);
		return;
	}
	g_autofree char *flags = store_flags_normalise(fetch->flags.items, fetch->flags.count);
	Arrived arrived = {
		.message = {
			.mailbox_id = quick->mailbox->id,
			.uid = fetch->uid,
			.internaldate_s = fetch->internaldate_s,
			.rfc822_size = fetch->size_bytes,
			.base_flags = g_string_chunk_insert(quick->strings, flags),
			.modseq = fetch->fields & IMAP_FETCH_MODSEQ ? fetch->modseq : 0,
			.gm_msgid = fetch->fields & IMAP_FETCH_GM_MSGID ? fetch->gm_msgid : 0,
			.emailid = fetch->emailid ? g_string_chunk_insert(quick->strings, fetch->emailid) : NULL,
		},
	};
	sync_receiver_take(&quick->receiver, &arrived.body, &arrived.derived);
	g_array_append_val(quick->arrived, arrived);
}

static bool
on_response(const ImapResponse *response, void *data, GError **error)
{
	Quick *quick = data;

	if (response->kind == IMAP_RESPONSE_FETCH)
		note_arrived(quick, &response->fetch);
	return sync_metadata_on_response(response, quick->metadata, error);
}

static ImapCommand *
fetch_new(const Quick *quick)
{
	const ImapSession *session = quick->worker->session;
	ImapCommand *command = imap_command_new("UID FETCH %u:* (UID FLAGS INTERNALDATE RFC822.SIZE", quick->first_new);

	if (imap_session_enabled(session, IMAP_CAP_CONDSTORE))
		imap_command_text(command, " MODSEQ");
	if (imap_session_has(session, IMAP_CAP_OBJECTID))
		imap_command_text(command, " EMAILID");
	if (imap_session_has(session, IMAP_CAP_GMAIL))
		imap_command_text(command, " X-GM-MSGID");
	imap_command_text(command, " BODY.PEEK[%s]<0.%" G_GUINT64_FORMAT ">)", wants_headers(quick->worker) ? "HEADER" : "",
	                  (uint64_t)SYNC_QUICK_BODY_BYTES);
	return command;
}

static bool
ensure_writer(SyncWorker *worker, GError **error)
{
	return worker->writer || (worker->writer = store_writer_new(worker->run->store, error));
}

static bool
keep_arrived(Quick *quick, StoreTxn *txn, GError **error)
{
	const SyncJob job = {
		.mailbox_id = quick->mailbox->id,
		.path = (char *)(uintptr_t)quick->path,
		.headers = wants_headers(quick->worker),
	};

	for (guint i = 0; i < quick->arrived->len; i++) {
		const Arrived *arrived = &g_array_index(quick->arrived, Arrived, i);
		const StoreMessage *message = &arrived->message;
		SyncWanted wanted = {
			.uid = message->uid,
			.internaldate_s = message->internaldate_s,
			.size_bytes = message->rfc822_size,
			.gm_msgid = message->gm_msgid,
			.emailid = message->emailid,
		};
		if (!store_message_insert(txn, message, &wanted.id, error) ||
		    !sync_arrival_keep(quick->worker->run, txn, &job, &wanted, &arrived->body, &arrived->derived, error))
			return false;
	}
	return true;
}

/* All that was told, with the bodies that came, and the state that it leads to.  *agrees_r: nothing is in doubt, and
 * there are as many rows as the mailbox has messages; else a state without a mod-sequence is stored. */
static bool
conclude(Quick *quick, const ImapSelected *selected, bool *agrees_r, GError **error)
{
	SyncMetadata *metadata = quick->metadata;
	const StoreMailbox *mailbox = quick->mailbox;
	g_auto(ImapUidSet) unknown = { 0 };
	uint32_t rows, uidnext = metadata->highest_uid == UINT32_MAX ? UINT32_MAX : metadata->highest_uid + 1;

	if (quick->arrived->len > 0 && !sync_receiver_settle(&quick->receiver, error))
		return false;
	g_autoptr(StoreTxn) txn = store_begin(quick->worker->run->store, error);
	if (!txn || !sync_metadata_apply(metadata, txn, error) || !keep_arrived(quick, txn, error) ||
	    !store_message_count(quick->worker->run->store, txn, mailbox->id, &rows, error))
		return false;
	sync_metadata_unknown(metadata, &unknown); /* those below first_new have rows: their flags were told */
	bool all_known = unknown.count == 0 || unknown.ranges[unknown.count - 1].last < quick->first_new;
	*agrees_r = !metadata->in_doubt && all_known && rows == metadata->exists;
	uidnext = MAX(uidnext, selected ? MAX(selected->uidnext, mailbox->uidnext) : mailbox->uidnext);
	/* Of a mailbox that was selected before, the mod-sequence stays: only SELECT tells one that can be stored. */
	uint64_t modseq = *agrees_r ? selected ? selected->highestmodseq : mailbox->highestmodseq : 0;
	if (!*agrees_r)
		uidnext = mailbox->uidnext;
	return store_mailbox_set_state(txn, mailbox->id, mailbox->uidvalidity, uidnext, modseq, mailbox->mailboxid, error) &&
	       store_commit(g_steal_pointer(&txn), error);
}

/* Whether what EXAMINE told continues what is stored: as in sync_pull(), which also takes a server that tells no UIDNEXT. */
static bool
is_continuation(const StoreMailbox *mailbox, const ImapSelected *selected)
{
	return selected->uidvalidity == mailbox->uidvalidity && selected->highestmodseq >= mailbox->highestmodseq &&
	       selected->uidnext >= mailbox->uidnext &&
	       (!selected->mailboxid || !mailbox->mailboxid || g_str_equal(selected->mailboxid, mailbox->mailboxid));
}

/* False when the connection broke or is to be left alone.  *ok_r: all was answered well. */
static bool
ask_all(Quick *quick, ImapSelected *selected_r, bool *ok_r, GError **error)
{
	SyncWorker *worker = quick->worker;
	const StoreMailbox *mailbox = quick->mailbox;
	ImapQresync since = { .uidvalidity = mailbox->uidvalidity, .modseq = mailbox->highestmodseq };
	ImapSelection selection = { 0 };
	g_auto(ImapReply) reply = { 0 };
	bool clean = false;
	GError *failure = NULL;

	worker->used = true;
	imap_session_select_send(worker->session, mailbox->server_name, true, &since, &selection);
	imap_session_send(worker->session, fetch_new(quick), &reply);
	bool selected = imap_session_select_finish(worker->session, &selection, selected_r, &clean, &failure);
	worker->uidvalidity = selected ? selected_r->uidvalidity : 0;
	worker->uidnext = selected ? selected_r->uidnext : 0;
	bool answered = imap_session_wait(worker->session, &reply, selected ? error : NULL);
	if (!selected && answered && core_error_scope(failure) <= CORE_SCOPE_MAILBOX) {
		g_error_free(failure);
		return true;
	}
	if (!selected)
		g_propagate_error(error, failure);
	if (!selected || !answered)
		return false;
	*ok_r = clean && reply.kind == IMAP_RESPONSE_OK && is_continuation(mailbox, selected_r);
	return true;
}

bool
sync_quick_pull(SyncWorker *worker, const StoreMailbox *mailbox, const char *path, bool *done_r, GError **error)
{
	g_auto(ImapSelected) selected = { 0 };
	SyncMetadata metadata;
	Quick quick;
	bool fits = false;

	*done_r = false;
	if (!imap_session_enabled(worker->session, IMAP_CAP_QRESYNC) || !mailbox->uidvalidity || !mailbox->highestmodseq ||
	    !mailbox->uidnext)
		return true;
	if (!ensure_writer(worker, error))
		return false;
	sync_metadata_init(&metadata, worker->run, mailbox->id);
	quick_init(&quick, worker, mailbox, path, &metadata);
	sync_receiver_begin(&quick.receiver, on_response, &quick);
	bool ok = ask_all(&quick, &selected, &fits, error);
	sync_receiver_end(&quick.receiver);
	ok = ok && (!fits || (conclude(&quick, &selected, done_r, error) &&
	                      sync_plan(worker->run, mailbox, path, mailbox->uidvalidity, error)));
	quick_clear(&quick);
	sync_metadata_clear(&metadata);
	return ok;
}

bool
sync_quick_apply(SyncWorker *worker, const StoreMailbox *mailbox, const char *path, SyncMetadata *metadata, bool *done_r,
                 GError **error)
{
	g_auto(ImapReply) reply = { .kind = IMAP_RESPONSE_OK };
	uint64_t gone = imap_uidset_size(&metadata->vanished);
	bool more = (uint64_t)metadata->exists + gone > mailbox->messages;
	Quick quick;
	bool ok = true;

	*done_r = false;
	if (metadata->in_doubt || (uint64_t)metadata->exists > (uint64_t)mailbox->messages + SYNC_QUICK_MESSAGES)
		return true;
	if (!ensure_writer(worker, error))
		return false;
	quick_init(&quick, worker, mailbox, path, metadata);
	if (more) {
		sync_receiver_begin(&quick.receiver, on_response, &quick);
		imap_session_send(worker->session, fetch_new(&quick), &reply);
		ok = imap_session_wait(worker->session, &reply, error);
		sync_receiver_end(&quick.receiver);
	}
	if (ok && reply.kind == IMAP_RESPONSE_OK)
		ok = conclude(&quick, NULL, done_r, error) &&
		     (!more || sync_plan(worker->run, mailbox, path, mailbox->uidvalidity, error));
	quick_clear(&quick);
	return ok;
}
