/* Messages whose bytes are here already, under another row: in another folder or label, or under the UIDs that a new
 * UIDVALIDITY made worthless.
 *
 * Which bytes a message has is known before they are fetched by its EMAILID (RFC 8474) or X-GM-MSGID and its
 * RFC822.SIZE; else by the SHA-256 of a header with a Message-ID, for which only BODY[HEADER] is fetched, with
 * RFC822.SIZE and INTERNALDATE.  What is in doubt is fetched whole.  Either way, once its bytes are known, an old row of
 * the mailbox that waits to be matched and has the same becomes the message.
 */
#include "core/clock.h"
#include "core/log.h"
#include "imap/uidset.h"
#include "sync/derive.h"
#include "sync/run.h"

#include <string.h>

/* A message of the job whose body is here. */
typedef struct {
	guint index; /* into job->wanted */
	StoreBody body;
	MimeDerived derived; /* for the name */
} Found;

typedef struct {
	SyncWorker *worker;
	const SyncJob *job;
	bool *done;
	bool *asked;   /* for its header: one for each of job->wanted */
	GArray *found; /* of Found */
	/* The header that streams in. */
	bool receiving, complete;
	GByteArray *header;
} Match;

static void
found_clear(void *data)
{
	mime_derived_clear(&((Found *)data)->derived);
}

static StoreMessage
describe(const SyncWanted *wanted)
{
	return (StoreMessage){
		.internaldate_s = wanted->internaldate_s,
		.rfc822_size = wanted->size_bytes,
		.emailid = wanted->emailid,
		.gm_msgid = wanted->gm_msgid,
	};
}

/* Reads the header of the body that is here for the message's name.  A body that cannot be read, or that compaction has
 * moved or dropped since it was found, is no match: the message is fetched. */
static bool
note_found(Match *match, guint index, int64_t body_id, GError **error)
{
	Store *store = match->worker->run->store;
	Found found = { .index = index };
	GError *failure = NULL;

	if (store_body_get(store, body_id, &found.body, &failure) &&
	    sync_derive(store, &found.body, NULL, false, &found.derived, &failure)) {
		g_array_append_val(match->found, found);
		match->done[index] = true;
		return true;
	}
	if (!failure || core_error_code(failure) == CORE_ERROR_CORRUPT || core_error_code(failure) == CORE_ERROR_NOT_FOUND) {
		g_clear_error(&failure);
		return true;
	}
	g_propagate_error(error, failure);
	return false;
}

/* What is known by its id; of what is not, whose header is worth asking for. */
static bool
find_by_id(Match *match, GError **error)
{
	SyncRun *run = match->worker->run;

	for (guint i = 0; i < match->job->wanted->len; i++) {
		const StoreMessage described = describe(&g_array_index(match->job->wanted, SyncWanted, i));
		int64_t body_id;
		if (!store_message_known_by_id(run->store, run->account_id, &described, &body_id, error))
			return false;
		if (body_id != 0 && !note_found(match, i, body_id, error))
			return false;
		if (!match->done[i] && !store_message_any_alike(run->store, &described, &match->asked[i], error))
			return false;
	}
	return true;
}

static bool
on_begin(void *data, uint32_t seq, uint32_t uid, const ImapFetchSection *section, GError **error)
{
	Match *match = data;

	match->receiving = strcmp(section->section, "HEADER") == 0 || strcmp(section->item, "RFC822.HEADER") == 0;
	match->complete = false;
	g_byte_array_set_size(match->header, 0);
	return true;
}

static bool
on_write(void *data, const void *bytes, size_t length, GError **error)
{
	Match *match = data;

	/* One that is longer than what mime looks at has no hash to compare with. */
	if (match->header->len + length > MIME_HEADER_MAX_BYTES)
		match->receiving = false;
	if (match->receiving)
		g_byte_array_append(match->header, bytes, (guint)length);
	return true;
}

static bool
on_end(void *data, GError **error)
{
	Match *match = data;

	match->complete = match->receiving;
	return true;
}

static const ImapSink header_sink = { .begin = on_begin, .write = on_write, .end = on_end };

static bool
on_response(const ImapResponse *response, void *data, GError **error)
{
	Match *match = data;
	const SyncRun *run = match->worker->run;

	if (response->kind != IMAP_RESPONSE_FETCH || !match->complete || !(response->fetch.fields & IMAP_FETCH_UID))
		return true;
	match->complete = false;
	guint index = 0;
	const SyncWanted *wanted = sync_job_find(match->job, response->fetch.uid, &index);
	if (!wanted || !match->asked[index] || match->done[index] ||
	    !mime_header_has_message_id(match->header->data, match->header->len))
		return true;

	uint8_t hash[32];
	StoreMessage described = describe(wanted);
	int64_t body_id;
	mime_header_hash(match->header->data, match->header->len, hash);
	described.header_sha256 = hash;
	return store_message_known_by_header(run->store, run->account_id, &described, &body_id, error) &&
	       (body_id == 0 || note_found(match, index, body_id, error));
}

static bool
find_by_header(Match *match, GError **error)
{
	SyncWorker *worker = match->worker;
	g_auto(ImapUidSet) uids = { 0 };
	size_t position = 0;

	for (guint i = 0; i < match->job->wanted->len; i++)
		if (match->asked[i])
			imap_uidset_add(&uids, g_array_index(match->job->wanted, SyncWanted, i).uid);
	if (uids.count == 0)
		return true;
	imap_session_listen(worker->session, on_response, match);
	worker->sink = &header_sink;
	worker->sink_data = match;
	for (char *set; (set = imap_uidset_format(&uids, &position, SYNC_SET_BYTES)); g_free(set))
		imap_session_send(worker->session, imap_command_new("UID FETCH %s (UID BODY.PEEK[HEADER])", set), NULL);
	bool ok = imap_session_wait(worker->session, NULL, error);
	worker->sink = NULL;
	imap_session_listen(worker->session, NULL, NULL);
	return ok;
}

/* The row of @wanted, with the id 0 if there is none yet: this transaction may have made it.  One that a user has saved over
 * since it was asked for has other bytes, which are not to be lost: what the server has got a row of its own then, with the
 * UID (store/files.h). */
static bool
find_row(const SyncRun *run, const SyncJob *job, const SyncWanted *wanted, StoreMessage *row_r, GError **error)
{
	GError *failure = NULL;
	bool found = store_message_get(run->store, wanted->id, row_r, &failure);

	if (found && row_r->body_id != 0 && row_r->uid != wanted->uid) {
		store_message_clear(row_r);
		if (!store_message_find_uid(run->store, job->mailbox_id, wanted->uid, row_r, &failure) && !failure)
			return core_throw(error, CORE_ERROR_NOT_FOUND, "UID %u is gone from the store", wanted->uid);
	}
	if (failure)
		g_propagate_error(error, failure);
	return !failure;
}

bool
sync_match_arrived(const SyncRun *run, StoreTxn *txn, const SyncJob *job, const SyncWanted *wanted,
                   const uint8_t *sha256, const uint8_t header_sha256[32], int64_t *id_r, GError **error)
{
	g_auto(StoreMessage) message = { 0 };
	int64_t old = 0;

	if (!find_row(run, job, wanted, &message, error))
		return false;
	*id_r = message.id ? message.id : wanted->id;
	if (sha256 && !store_message_find_unmatched(txn, job->mailbox_id, sha256, wanted->internaldate_s, &old, error))
		return false;
	if (old == 0 && !store_message_find_unmatched_header(txn, job->mailbox_id, header_sha256, wanted->size_bytes,
	                                                     wanted->internaldate_s, !sha256, &old, error))
		return false;
	if (old == 0)
		return true;
	if (message.id == 0)
		return core_throw(error, CORE_ERROR_NOT_FOUND, "UID %u is gone from the store", wanted->uid);
	if (message.name)
		return true; /* it has become visible meanwhile, and stays what it is */
	*id_r = old;
	return store_message_match(txn, old, &message, NULL, error); /* the new row, which nobody has seen yet, goes */
}

static bool
keep(const Match *match, StoreTxn *txn, const Found *found, GError **error)
{
	const SyncJob *job = match->job;
	const SyncWanted *wanted = &g_array_index(job->wanted, SyncWanted, found->index);
	int64_t id, place_id;

	if (!sync_match_arrived(match->worker->run, txn, job, wanted, found->body.sha256, found->derived.header_sha256, &id,
	                        error))
		return false;
	if (!store_message_place(txn, id, &place_id, error))
		return false;
	g_autofree char *name = sync_derive_name(txn, place_id, id, wanted->uid, wanted->internaldate_s,
	                                         &found->derived, error);
	if (!name || !store_message_share_body(txn, id, found->body.id, name, found->derived.header_sha256, error))
		return false;
	return !job->urgent || store_message_note_asked(txn, id, core_clock_wall_s(), error);
}

/* A row or body that was removed meanwhile only means that this message is fetched like any other. */
static bool
keep_all(Match *match, GError **error)
{
	const SyncRun *run = match->worker->run;
	g_autoptr(StoreTxn) txn = NULL;
	uint64_t bytes = 0, messages = 0;

	if (match->found->len == 0)
		return true;
	if (!(txn = store_begin(run->store, error)))
		return false;
	for (guint i = 0; i < match->found->len; i++) {
		const Found *found = &g_array_index(match->found, Found, i);
		GError *failure = NULL;
		if (keep(match, txn, found, &failure)) {
			bytes += sync_job_bytes(match->job, &g_array_index(match->job->wanted, SyncWanted, found->index));
			messages++;
		} else if (core_error_code(failure) == CORE_ERROR_NOT_FOUND) {
			match->done[found->index] = false;
			g_clear_error(&failure);
		} else {
			g_propagate_error(error, failure);
			return false;
		}
	}
	if (!store_commit(g_steal_pointer(&txn), error))
		return false;
	sync_progress_done(run->progress, messages, bytes);
	core_log(CORE_LOG_INFO, "sync", "%s: %s: %" G_GUINT64_FORMAT " messages were here already", run->account->name,
	         match->job->path, messages);
	return true;
}

bool
sync_match(SyncWorker *worker, const SyncJob *job, bool *done, GError **error)
{
	g_autofree bool *asked = g_new0(bool, job->wanted->len);
	Match match = {
		.worker = worker,
		.job = job,
		.done = done,
		.asked = asked,
		.found = g_array_new(FALSE, FALSE, sizeof(Found)),
		.header = g_byte_array_new(),
	};

	g_array_set_clear_func(match.found, found_clear);
	bool ok = find_by_id(&match, error) && find_by_header(&match, error) && keep_all(&match, error);
	g_array_unref(match.found);
	g_byte_array_unref(match.header);
	return ok;
}

static bool
note_one(const StoreMessage *message, void *data)
{
	*(bool *)data = true;
	return false;
}

bool
sync_match_finish(SyncRun *run, int64_t mailbox_id, GError **error)
{
	bool any = false;

	if (!store_message_list_unmatched(run->store, mailbox_id, note_one, &any, error))
		return false;
	if (!any)
		return true;
	g_autoptr(StoreTxn) txn = store_begin(run->store, error);
	return txn && store_message_remove_unmatched(txn, mailbox_id, error) && store_commit(g_steal_pointer(&txn), error);
}
