/* Messages whose bytes are here already, under another row: in another folder or label, or under the UIDs that a new
 * UIDVALIDITY made worthless.
 *
 * EMAILID (RFC 8474) or X-GM-MSGID says so; else RFC822.SIZE and INTERNALDATE make it likely and an equal SHA-256 of
 * the header, for which only BODY[HEADER] is fetched, makes it sure.
 */
#include "core/log.h"
#include "imap/uidset.h"
#include "sync/derive.h"
#include "sync/run.h"

#include <string.h>

/* A row that may be the same message. */
typedef struct {
	guint index;      /* into job->wanted */
	int64_t id;       /* of the row */
	int64_t body_id;
	bool unmatched;   /* it lost its UID in this very mailbox: it is to become the message */
	bool certain;
	bool has_header;
	uint8_t header_sha256[32];
} Candidate;

/* Found to be the same. */
typedef struct {
	Candidate candidate;
	MimeDerived derived; /* for the name */
} Settled;

typedef struct {
	SyncWorker *worker;
	const SyncJob *job;
	bool *done;
	guint index;          /* of the message that candidates are looked for */
	GArray *candidates;   /* of Candidate */
	GArray *settled;      /* of Settled */
	GHashTable *used;     /* ids of unmatched rows that are given away */
	/* The header that streams in. */
	bool receiving, complete;
	GByteArray *header;
} Match;

static void
settled_clear(void *data)
{
	mime_derived_clear(&((Settled *)data)->derived);
}

static bool
on_alike(const StoreMessage *row, void *data)
{
	Match *match = data;
	const SyncWanted *wanted = &g_array_index(match->job->wanted, SyncWanted, match->index);
	Candidate candidate = {
		.index = match->index,
		.id = row->id,
		.body_id = row->body_id,
		.unmatched = row->uid == 0 && row->mailbox_id == match->job->mailbox_id,
		.certain = (wanted->gm_msgid && wanted->gm_msgid == row->gm_msgid) ||
		           (wanted->emailid && row->emailid && strcmp(wanted->emailid, row->emailid) == 0),
		.has_header = row->header_sha256 != NULL,
	};

	if (row->id == wanted->id)
		return true;
	if (candidate.has_header)
		memcpy(candidate.header_sha256, row->header_sha256, 32);
	if (candidate.certain || candidate.has_header)
		g_array_append_val(match->candidates, candidate);
	return true;
}

/* Of the candidates for one message the best that is free: an old row of this mailbox before a copy elsewhere.
 * @header: the message's own hash, or NULL to take only what is certain. */
static const Candidate *
choose(const Match *match, guint index, const uint8_t *header)
{
	const Candidate *best = NULL;

	for (guint i = 0; i < match->candidates->len; i++) {
		const Candidate *candidate = &g_array_index(match->candidates, Candidate, i);
		if (candidate->index != index || (candidate->unmatched && g_hash_table_contains(match->used, &candidate->id)))
			continue;
		if (!candidate->certain && (!header || memcmp(header, candidate->header_sha256, 32) != 0))
			continue;
		if (!best || (candidate->unmatched && !best->unmatched))
			best = candidate;
	}
	return best;
}

/* Reads the header of the body that is here for the message's name.  A body that cannot be read is no match. */
static bool
settle(Match *match, const Candidate *candidate, GError **error)
{
	Store *store = match->worker->run->store;
	Settled settled = { .candidate = *candidate };
	StoreBody body;
	g_autoptr(GError) damaged = NULL;

	if (!store_body_get(store, candidate->body_id, &body, &damaged) ||
	    !sync_derive(store, &body, NULL, false, &settled.derived, &damaged)) {
		if (!damaged || core_error_code(damaged) == CORE_ERROR_CORRUPT)
			return true;
		g_propagate_error(error, g_steal_pointer(&damaged));
		return false;
	}
	if (candidate->unmatched)
		g_hash_table_add(match->used, g_memdup2(&candidate->id, sizeof candidate->id));
	g_array_append_val(match->settled, settled);
	match->done[candidate->index] = true;
	return true;
}

static bool
find_candidates(Match *match, GError **error)
{
	SyncRun *run = match->worker->run;

	for (match->index = 0; match->index < match->job->wanted->len; match->index++) {
		const SyncWanted *wanted = &g_array_index(match->job->wanted, SyncWanted, match->index);
		StoreMessage described = {
			.internaldate_s = wanted->internaldate_s,
			.rfc822_size = wanted->size_bytes,
			.emailid = wanted->emailid,
			.gm_msgid = wanted->gm_msgid,
		};
		guint before = match->candidates->len;
		if (!store_message_list_alike(run->store, run->account_id, &described, on_alike, match, error))
			return false;
		if (match->candidates->len == before)
			continue;
		const Candidate *certain = choose(match, match->index, NULL);
		if (certain && !settle(match, certain, error))
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

	if (response->kind != IMAP_RESPONSE_FETCH || !match->complete || !(response->fetch.fields & IMAP_FETCH_UID))
		return true;
	match->complete = false;
	uint8_t hash[32];
	mime_header_hash(match->header->data, match->header->len, hash);
	for (guint i = 0; i < match->candidates->len; i++) {
		guint index = g_array_index(match->candidates, Candidate, i).index;
		if (g_array_index(match->job->wanted, SyncWanted, index).uid != response->fetch.uid || match->done[index])
			continue;
		const Candidate *same = choose(match, index, hash);
		return !same || settle(match, same, error);
	}
	return true;
}

/* Asks for the headers of the messages that have candidates and are not settled yet. */
static bool
compare_headers(Match *match, GError **error)
{
	SyncWorker *worker = match->worker;
	g_auto(ImapUidSet) uids = { 0 };
	size_t position = 0;

	for (guint i = 0; i < match->candidates->len; i++) {
		guint index = g_array_index(match->candidates, Candidate, i).index;
		if (!match->done[index])
			imap_uidset_add(&uids, g_array_index(match->job->wanted, SyncWanted, index).uid);
	}
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

/* An old row becomes the message: the new one, which nobody has seen yet, goes. */
static bool
move_row(Match *match, StoreTxn *txn, const Settled *settled, const SyncWanted *wanted, GError **error)
{
	g_auto(StoreMessage) message = { 0 };
	g_autofree char *name = NULL;

	if (!store_message_get(match->worker->run->store, wanted->id, &message, error))
		return *error ? false : core_throw(error, CORE_ERROR_NOT_FOUND, "UID %u is gone from the store", wanted->uid);
	name = sync_derive_name(txn, match->job->mailbox_id, settled->candidate.id, wanted->uid, wanted->internaldate_s,
	                        &settled->derived, error);
	return name && store_message_remove(txn, wanted->id, error) &&
	       store_message_match(txn, settled->candidate.id, &message, name, error);
}

static bool
share_body(Match *match, StoreTxn *txn, const Settled *settled, const SyncWanted *wanted, GError **error)
{
	g_autofree char *name = sync_derive_name(txn, match->job->mailbox_id, wanted->id, wanted->uid,
	                                         wanted->internaldate_s, &settled->derived, error);

	return name && store_message_share_body(txn, wanted->id, settled->candidate.body_id, name,
	                                        settled->derived.header_sha256, error);
}

static bool
apply(Match *match, GError **error)
{
	SyncRun *run = match->worker->run;
	g_autoptr(StoreTxn) txn = NULL;
	uint64_t bytes = 0;

	if (match->settled->len == 0)
		return true;
	if (!(txn = store_begin(run->store, error)))
		return false;
	for (guint i = 0; i < match->settled->len; i++) {
		const Settled *settled = &g_array_index(match->settled, Settled, i);
		const SyncWanted *wanted = &g_array_index(match->job->wanted, SyncWanted, settled->candidate.index);
		bool ok = settled->candidate.unmatched ? move_row(match, txn, settled, wanted, error)
		                                       : share_body(match, txn, settled, wanted, error);
		if (!ok)
			return false;
		bytes += wanted->size_bytes;
	}
	if (!store_commit(g_steal_pointer(&txn), error))
		return false;
	sync_progress_done(run->progress, match->settled->len, bytes);
	core_log(CORE_LOG_INFO, "sync", "%s: %s: %u messages were here already", run->account->name, match->job->path,
	         match->settled->len);
	return true;
}

/* Another worker may have removed the row or body that was found; then the messages are fetched like any other. */
static bool
apply_or_forget(Match *match, GError **error)
{
	GError *failure = NULL;

	if (apply(match, &failure))
		return true;
	if (core_error_code(failure) != CORE_ERROR_NOT_FOUND) {
		g_propagate_error(error, failure);
		return false;
	}
	g_clear_error(&failure);
	for (guint i = 0; i < match->settled->len; i++)
		match->done[g_array_index(match->settled, Settled, i).candidate.index] = false;
	return true;
}

bool
sync_match(SyncWorker *worker, const SyncJob *job, bool *done, GError **error)
{
	Match match = {
		.worker = worker,
		.job = job,
		.done = done,
		.candidates = g_array_new(FALSE, FALSE, sizeof(Candidate)),
		.settled = g_array_new(FALSE, FALSE, sizeof(Settled)),
		.used = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL),
		.header = g_byte_array_new(),
	};

	g_array_set_clear_func(match.settled, settled_clear);
	bool ok = find_candidates(&match, error) && compare_headers(&match, error) && apply_or_forget(&match, error);
	g_array_unref(match.candidates);
	g_array_unref(match.settled);
	g_hash_table_unref(match.used);
	g_byte_array_unref(match.header);
	return ok;
}

static bool
collect_id(const StoreMessage *message, void *data)
{
	g_array_append_val((GArray *)data, message->id);
	return true;
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
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
	bool missing = false;

	if (!store_message_list_unmatched(run->store, mailbox_id, collect_id, ids, error))
		return false;
	if (ids->len == 0)
		return true;
	if (!store_message_list_missing(run->store, mailbox_id, note_one, &missing, error))
		return false;
	if (missing)
		return true;
	g_autoptr(StoreTxn) txn = store_begin(run->store, error);
	if (!txn)
		return false;
	for (guint i = 0; i < ids->len; i++)
		if (!store_message_remove(txn, g_array_index(ids, int64_t, i), error))
			return false;
	return store_commit(g_steal_pointer(&txn), error);
}
