/* Which messages of a mailbox are ours, by content: no header was added to know them by.
 *
 * The UIDs from the recorded UIDNEXT on are asked for their date and size.  Those that have either of one of ours are
 * candidates, whose header is asked for, and whose bytes, where the header does not say it all (outcome-match.c).
 *
 * If the mailbox has another UIDVALIDITY than the recorded one, all its messages are looked at, and one that is like ours
 * may have been there all the time: then it cannot be told.
 */
#include "sync/outcome.h"

#include "core/sha256.h"
#include "mime/derive.h"
#include "mime/headers.h"

#include <string.h>

#define CANDIDATES_MAX 10000
#define SHOWN_MAX 1000000 /* ranges of UIDs: what does not fit is in doubt */
#define HEADER_BYTES (64 * 1024) /* of ours in which the Message-ID is looked for; it is read in pieces of that size */
#define MESSAGE_ID_MAX 1000

typedef struct {
	SyncLook look;
	SyncWorker *worker;
	GHashTable *dates, *sizes, *emailids; /* of the items; borrowed */
	uint32_t from;       /* the lowest UID of interest */
	uint32_t next;       /* UIDNEXT when the mailbox was selected; 0: unknown */
	ImapUidSet shown;    /* all UIDs from there on that the server told of... */
	ImapUidSet others;   /* ...and those of another date and another size than any of ours */
	GStringChunk *strings;
	/* What streams in. */
	bool receiving, complete, whole_message;
	GByteArray *header;
	CoreSha256 hash;
} Search;

/* Ours. */

/* Of a header block, without the white space around it; NULL: none. */
static const char *
message_id(Search *search, const void *header, size_t length)
{
	MimeHeaders headers;

	mime_headers_scan(header, length, &headers);
	if (headers.fields[MIME_FIELD_MESSAGE_ID].length > MESSAGE_ID_MAX)
		return NULL;
	g_autofree char *id = g_strndup(headers.fields[MIME_FIELD_MESSAGE_ID].value,
	                                headers.fields[MIME_FIELD_MESSAGE_ID].length);
	return id && *g_strstrip(id) ? g_string_chunk_insert_const(search->strings, id) : NULL;
}

/* NUL is only for BINARY (RFC 3516): in BODY[] Dovecot tells 0x80 in its place.  So both count as the same. */
static void
feed(CoreSha256 *hash, const uint8_t *bytes, size_t length)
{
	for (const uint8_t *nul; length > 0 && (nul = memchr(bytes, 0, length)) != NULL;) {
		size_t before = (size_t)(nul - bytes);
		core_sha256_feed(hash, bytes, before);
		core_sha256_feed(hash, "\x80", 1);
		bytes = nul + 1;
		length -= before + 1;
	}
	core_sha256_feed(hash, bytes, length);
}

/* A body that cannot be read has no Message-ID. */
static void
note_body(Search *search, SyncSought *sought, const StoreBody *body)
{
	g_autofree uint8_t *buffer = g_malloc(HEADER_BYTES);
	uint64_t at = 0;
	CoreSha256 hash;
	size_t n;

	core_sha256_init(&hash);
	for (; at < body->length; at += n) {
		if (!store_body_read(search->worker->run->store, body, buffer, HEADER_BYTES, at, &n, NULL) || n == 0)
			break;
		if (at == 0)
			sought->message_id = message_id(search, buffer, mime_headers_length((const char *)buffer, n));
		feed(&hash, buffer, n);
	}
	sought->has_body = true;
	core_sha256_end(&hash, sought->body_sha256);
	if (at < body->length)
		memcpy(sought->body_sha256, body->sha256, sizeof sought->body_sha256);
}

static bool
note_items(Search *search, const ImapSelected *selected, GError **error)
{
	search->from = UINT32_MAX;
	for (guint i = 0; i < search->look.count; i++) {
		const SyncItem *item = &g_array_index(search->look.batch->items, SyncItem, i);
		SyncSought *sought = &search->look.sought[i];
		StoreBody body;
		GError *failure = NULL;

		sought->item = item;
		sought->is_foreign = item->target_uidvalidity != selected->uidvalidity;
		sought->from = sought->is_foreign ? 1 : MAX(item->target_uidnext, 1);
		search->from = MIN(search->from, sought->from);
		if (item->body_id != 0 && store_body_get(search->worker->run->store, item->body_id, &body, &failure))
			note_body(search, sought, &body);
		if (failure) {
			g_propagate_error(error, failure);
			return false;
		}
		g_hash_table_add(search->dates, (void *)(uintptr_t)&item->internaldate_s);
		g_hash_table_add(search->sizes, (void *)(uintptr_t)&item->size_bytes);
		if (item->emailid)
			g_hash_table_add(search->emailids, (void *)(uintptr_t)item->emailid);
	}
	return true;
}

/* The server's. */

static bool
is_other(const Search *search, const SyncCandidate *candidate)
{
	return candidate->has_date && candidate->has_size &&
	       !g_hash_table_contains(search->dates, &candidate->internaldate_s) &&
	       !g_hash_table_contains(search->sizes, &candidate->size_bytes);
}

static void
note_candidate(Search *search, const ImapFetch *fetch)
{
	SyncCandidate candidate = {
		.uid = fetch->uid,
		.has_date = fetch->fields & IMAP_FETCH_INTERNALDATE,
		.has_size = fetch->fields & IMAP_FETCH_SIZE,
		.internaldate_s = fetch->internaldate_s,
		.size_bytes = fetch->size_bytes,
	};
	if (search->shown.count == SHOWN_MAX) {
		search->look.in_doubt = true;
		return;
	}
	imap_uidset_add(&search->shown, candidate.uid);
	bool same_id = (fetch->fields & IMAP_FETCH_EMAILID) && fetch->emailid &&
	               g_hash_table_contains(search->emailids, fetch->emailid);

	if (!same_id && is_other(search, &candidate)) {
		imap_uidset_add(&search->others, candidate.uid);
		return;
	}
	if (search->look.candidates->len == CANDIDATES_MAX) {
		search->look.in_doubt = true;
		return;
	}
	if (same_id)
		candidate.emailid = g_string_chunk_insert_const(search->strings, fetch->emailid);
	g_array_append_val(search->look.candidates, candidate);
}

static int
by_uid(const void *a, const void *b)
{
	const SyncCandidate *x = a, *y = b;

	return (x->uid > y->uid) - (x->uid < y->uid);
}

static SyncCandidate *
find_candidate(const Search *search, uint32_t uid)
{
	const GArray *candidates = search->look.candidates;
	SyncCandidate key = { .uid = uid };

	return candidates->len > 0 ? bsearch(&key, candidates->data, candidates->len, sizeof key, by_uid) : NULL;
}

static void
note_content(Search *search, const ImapFetch *fetch)
{
	SyncCandidate *candidate = find_candidate(search, fetch->uid);
	const GByteArray *header = search->header;

	if (!candidate || !search->complete)
		return;
	if (search->whole_message) {
		core_sha256_end(&search->hash, candidate->body_sha256);
		candidate->has_body = true;
	} else {
		mime_header_hash(header->data, header->len, candidate->header_sha256);
		candidate->message_id = message_id(search, header->data, header->len);
		candidate->has_header = true;
	}
}

static bool
on_listed(const ImapResponse *response, void *data, GError **error)
{
	Search *search = data;

	if (response->kind != IMAP_RESPONSE_FETCH)
		return true;
	if (!(response->fetch.fields & IMAP_FETCH_UID))
		search->look.in_doubt |= response->damaged;
	else if (response->fetch.uid >= search->from) /* "n:*" names the last message, whatever its UID */
		note_candidate(search, &response->fetch);
	return true;
}

static bool
on_content(const ImapResponse *response, void *data, GError **error)
{
	Search *search = data;

	if (response->kind == IMAP_RESPONSE_FETCH && (response->fetch.fields & IMAP_FETCH_UID))
		note_content(search, &response->fetch);
	if (response->kind == IMAP_RESPONSE_FETCH)
		search->complete = false;
	return true;
}

static bool
on_begin(void *data, uint32_t seq, uint32_t uid, const ImapFetchSection *section, GError **error)
{
	Search *search = data;

	search->receiving = search->whole_message ? !*section->section : strcmp(section->section, "HEADER") == 0;
	search->complete = false;
	g_byte_array_set_size(search->header, 0);
	core_sha256_init(&search->hash);
	return true;
}

static bool
on_write(void *data, const void *bytes, size_t length, GError **error)
{
	Search *search = data;

	if (search->receiving && search->whole_message)
		feed(&search->hash, bytes, length);
	else if (search->receiving && search->header->len < MIME_HEADER_MAX_BYTES) /* more does not count */
		g_byte_array_append(search->header, bytes, (guint)MIN(length, MIME_HEADER_MAX_BYTES - search->header->len));
	return true;
}

static bool
on_end(void *data, GError **error)
{
	Search *search = data;

	search->complete = search->receiving;
	return true;
}

static const ImapSink content_sink = { .begin = on_begin, .write = on_write, .end = on_end };

/* Of one message several things may be told one by one, and its flags, when another client has changed them, before all
 * else. */
static void
join_candidates(Search *search)
{
	GArray *candidates = search->look.candidates;
	guint kept = 0;

	g_array_sort(candidates, by_uid);
	for (guint i = 0; i < candidates->len; i++) {
		SyncCandidate candidate = g_array_index(candidates, SyncCandidate, i);
		SyncCandidate *last = kept > 0 ? &g_array_index(candidates, SyncCandidate, kept - 1) : NULL;
		if (!last || last->uid != candidate.uid) {
			g_array_index(candidates, SyncCandidate, kept++) = candidate;
			continue;
		}
		if (candidate.has_date)
			last->internaldate_s = candidate.internaldate_s;
		if (candidate.has_size)
			last->size_bytes = candidate.size_bytes;
		last->has_date |= candidate.has_date;
		last->has_size |= candidate.has_size;
		last->emailid = last->emailid ? last->emailid : candidate.emailid;
	}
	g_array_set_size(candidates, kept);
	for (guint i = 0; i < candidates->len;) {
		const SyncCandidate *candidate = &g_array_index(candidates, SyncCandidate, i);
		bool is_none = imap_uidset_has(&search->others, candidate->uid) || is_other(search, candidate);
		if (is_none && !candidate->emailid)
			g_array_remove_index(candidates, i);
		else
			i++;
	}
}

static bool
list_candidates(Search *search, GError **error)
{
	ImapSession *session = search->worker->session;
	bool has_ids = imap_session_has(session, IMAP_CAP_OBJECTID);
	GArray *candidates = search->look.candidates;

	g_array_set_size(candidates, 0);
	imap_uidset_clear(&search->shown);
	imap_uidset_clear(&search->others);
	search->look.in_doubt = false;
	imap_session_listen(session, on_listed, search);
	bool ok = imap_session_run(session, imap_command_new("UID FETCH %u:* (UID INTERNALDATE RFC822.SIZE%s)", search->from,
	                                                     has_ids ? " EMAILID" : ""), NULL, error);
	imap_session_listen(session, NULL, NULL);
	join_candidates(search);
	return ok;
}

/* The headers of all candidates, or the bytes of those that need it.  A message that is not given has gone, unless the
 * server says that it will not give it. */
static bool
fetch_content(Search *search, bool whole_message, GError **error)
{
	SyncWorker *worker = search->worker;
	g_autoptr(GPtrArray) replies = g_ptr_array_new_with_free_func(imap_reply_free);
	g_auto(ImapUidSet) uids = { 0 };
	size_t position = 0;

	for (guint i = 0; i < search->look.candidates->len; i++) {
		const SyncCandidate *candidate = &g_array_index(search->look.candidates, SyncCandidate, i);
		if (!whole_message || candidate->wants_body)
			imap_uidset_add(&uids, candidate->uid);
	}
	search->whole_message = whole_message;
	search->complete = false;
	imap_session_listen(worker->session, on_content, search);
	worker->sink = &content_sink;
	worker->sink_data = search;
	for (char *set; (set = imap_uidset_format(&uids, &position, SYNC_SET_BYTES)); g_free(set)) {
		ImapReply *reply = g_new0(ImapReply, 1);
		g_ptr_array_add(replies, reply);
		imap_session_send(worker->session, imap_command_new("UID FETCH %s (UID BODY.PEEK[%s])", set,
		                                                    whole_message ? "" : "HEADER"), reply);
	}
	bool ok = imap_session_wait(worker->session, NULL, error);
	worker->sink = NULL;
	imap_session_listen(worker->session, NULL, NULL);
	for (guint i = 0; i < replies->len; i++)
		search->look.in_doubt |= ((const ImapReply *)g_ptr_array_index(replies, i))->kind != IMAP_RESPONSE_OK;
	return ok;
}

static bool
are_all_found(const Search *search, const uint32_t *uids)
{
	for (guint i = 0; i < search->look.count; i++)
		if (uids[i] == 0)
			return false;
	return true;
}

/* Something came there since it was sent, and has gone: that may have been ours. */
static void
note_gone(const Search *search, uint32_t *uids)
{
	for (guint i = 0; i < search->look.count; i++) {
		const SyncSought *sought = &search->look.sought[i];
		if (uids[i] != 0 || sought->is_foreign || sought->item->target_uidnext == 0)
			continue;
		if (sought->from < search->next && !imap_uidset_has_range(&search->shown, sought->from, search->next - 1))
			uids[i] = SYNC_UID_GONE;
	}
}

/* Some servers show what came only after a NOOP. */
static bool
look(Search *search, SyncCertainty certainty, uint32_t *uids, GError **error)
{
	for (int round = 0; round < 2; round++) {
		guint before = search->look.candidates->len;
		if (round > 0 && !imap_session_run(search->worker->session, imap_command_new("NOOP"), NULL, error))
			return false;
		if (!list_candidates(search, error))
			return false;
		if (round > 0 && search->look.candidates->len == before)
			return true;
		if (!fetch_content(search, false, error))
			return false;
		sync_look_want_bodies(&search->look);
		if (!fetch_content(search, true, error) ||
		    !sync_look_assign(&search->look, search->worker->run, certainty, uids, error))
			return false;
		if (are_all_found(search, uids))
			return true;
	}
	return true;
}

static bool
search_selected(Search *search, const ImapSelected *selected, SyncCertainty certainty, uint32_t *uids, GError **error)
{
	const StoreMailbox *target = &search->look.batch->target;

	if (selected->uidvalidity == 0 || (target->uidvalidity && selected->uidvalidity != target->uidvalidity))
		return sync_push_outdated(search->worker, "it", error);
	search->next = selected->uidnext;
	if (!note_items(search, selected, error) || !look(search, certainty, uids, error))
		return false;
	if (certainty == SYNC_SOUGHT)
		note_gone(search, uids);
	return true;
}

bool
sync_outcome_find(SyncWorker *worker, const SyncBatch *batch, SyncCertainty certainty, uint32_t *uids_r,
                  GError **error)
{
	g_auto(ImapSelected) selected = { 0 };
	g_autofree SyncSought *sought = g_new0(SyncSought, batch->items->len);
	g_autoptr(GHashTable) dates = g_hash_table_new(g_int64_hash, g_int64_equal);
	g_autoptr(GHashTable) sizes = g_hash_table_new(g_int64_hash, g_int64_equal);
	g_autoptr(GHashTable) emailids = g_hash_table_new(g_str_hash, g_str_equal);
	g_autoptr(GArray) candidates = g_array_new(FALSE, FALSE, sizeof(SyncCandidate));
	g_autoptr(GByteArray) header = g_byte_array_new();
	Search search = {
		.look = { .batch = batch, .sought = sought, .count = batch->items->len, .candidates = candidates },
		.worker = worker, .dates = dates, .sizes = sizes, .emailids = emailids, .header = header,
	};

	if (!sync_worker_examine(worker, batch->target.server_name, NULL, &selected, error))
		return false;
	search.strings = g_string_chunk_new(256);
	bool ok = search_selected(&search, &selected, certainty, uids_r, error);
	g_string_chunk_free(search.strings);
	imap_uidset_clear(&search.shown);
	imap_uidset_clear(&search.others);
	return ok;
}
