/* Which message is which, by what is known of both.
 *
 * An equal EMAILID (RFC 8474) means equal bytes.  Else the headers are to be equal, by their hash; and the bytes, too,
 * where the header does not say it all: several are alike, sizes differ (what servers tell of it is a hint), there is no
 * Message-ID, or the header of ours is not known.  With them the date counts: servers keep the one they are given.  What
 * has only the Message-ID and the date may be ours, changed on its way (Exchange); so may what has no Message-ID, if our
 * bytes are not here.
 */
#include "sync/outcome.h"

#include <string.h>

typedef enum { UNLIKE, MAYBE, SAME } Likeness;

static SyncCandidate *
candidate_at(const SyncLook *look, guint i)
{
	return &g_array_index(look->candidates, SyncCandidate, i);
}

static bool
has_same_size(const SyncSought *sought, const SyncCandidate *candidate)
{
	return candidate->has_size && candidate->size_bytes == sought->item->size_bytes;
}

static bool
has_same_date(const SyncSought *sought, const SyncCandidate *candidate)
{
	return candidate->has_date && candidate->internaldate_s == sought->item->internaldate_s;
}

/* The header of ours is known and another one. */
static bool
has_other_header(const SyncSought *sought, const SyncCandidate *candidate)
{
	return sought->item->header_sha256 &&
	       (!candidate->has_header || memcmp(candidate->header_sha256, sought->item->header_sha256, 32) != 0);
}

static bool
is_by_id(const SyncSought *sought, const SyncCandidate *candidate)
{
	return candidate->emailid && sought->item->emailid && strcmp(candidate->emailid, sought->item->emailid) == 0;
}

static Likeness
compare(const SyncSought *sought, const SyncCandidate *candidate)
{
	if (candidate->uid < sought->from)
		return UNLIKE;
	if (is_by_id(sought, candidate))
		return SAME;
	if (has_other_header(sought, candidate))
		return has_same_date(sought, candidate) && sought->message_id &&
		       g_strcmp0(sought->message_id, candidate->message_id) == 0 ? MAYBE : UNLIKE;
	if (sought->has_body && candidate->has_body)
		return memcmp(candidate->body_sha256, sought->body_sha256, 32) == 0 ? SAME : UNLIKE;
	if (sought->has_body && candidate->wants_body)
		return UNLIKE; /* it was asked for and not given: it has gone */
	if (sought->item->header_sha256)
		return has_same_size(sought, candidate) && (sought->has_body || candidate->message_id) ? SAME : MAYBE;
	return has_same_size(sought, candidate) && has_same_date(sought, candidate) ? MAYBE : UNLIKE;
}

/* Whether the bytes could tell more than is known: not for what is as good as proved by its id, or disproved. */
static bool
is_to_compare(const SyncSought *sought, const SyncCandidate *candidate)
{
	return candidate->uid >= sought->from && !is_by_id(sought, candidate) && !has_other_header(sought, candidate) &&
	       (sought->item->header_sha256 || has_same_size(sought, candidate) || has_same_date(sought, candidate));
}

void
sync_look_want_bodies(SyncLook *look)
{
	g_autofree guint *alike = g_new0(guint, look->count); /* candidates for each of ours */

	for (guint c = 0; c < look->candidates->len; c++)
		for (guint i = 0; i < look->count; i++)
			alike[i] += is_to_compare(&look->sought[i], candidate_at(look, c));
	for (guint c = 0; c < look->candidates->len; c++) {
		SyncCandidate *candidate = candidate_at(look, c);
		guint ours = 0;
		bool is_clear = true, is_here = false;
		for (guint i = 0; i < look->count; i++) {
			const SyncSought *sought = &look->sought[i];
			if (!is_to_compare(sought, candidate))
				continue;
			ours++;
			is_clear = is_clear && alike[i] == 1 && sought->item->header_sha256 && candidate->message_id &&
			           has_same_size(sought, candidate);
			is_here = is_here || sought->has_body;
		}
		candidate->wants_body = is_here && (ours > 1 || !is_clear);
	}
}

/* Whether an operation has put a message there that is not one of these. */
static bool
note_placed(const StoreOperation *operation, void *data)
{
	int64_t *target_id = data;
	bool puts = operation->kind == STORE_OPERATION_APPEND || operation->kind == STORE_OPERATION_MOVE ||
	            operation->kind == STORE_OPERATION_COPY;

	if (puts && operation->state == STORE_OPERATION_DONE && operation->target_id == *target_id)
		*target_id = 0; /* found */
	return *target_id != 0;
}

/* Whether the candidate is a row that another operation has put there.  One that only a pull has brought is no
 * obstacle: it goes in favour of ours. */
static bool
ask_spoken_for(const SyncLook *look, const SyncRun *run, SyncCandidate *candidate, GError **error)
{
	g_auto(StoreMessage) message = { 0 };
	int64_t target_id = look->batch->target.id;
	GError *failure = NULL;

	if (candidate->is_spoken_for)
		return true;
	if (!store_message_find_uid(run->store, target_id, candidate->uid, &message, &failure)) {
		if (failure)
			g_propagate_error(error, failure);
		return !failure;
	}
	if (!store_operation_log(run->store, run->account_id, message.id, UINT32_MAX, note_placed, &target_id, error))
		return false;
	candidate->is_spoken_for = target_id == 0;
	return true;
}

/* The lowest UID that is free, at least so much alike, and of the same date if that counts; *picked_r NULL: none. */
static bool
pick(const SyncLook *look, const SyncRun *run, const SyncSought *sought, Likeness likeness, bool by_date,
     SyncCandidate **picked_r, GError **error)
{
	*picked_r = NULL;
	for (guint i = 0; i < look->candidates->len && !*picked_r; i++) {
		SyncCandidate *candidate = candidate_at(look, i);
		if (compare(sought, candidate) < likeness || (by_date && !has_same_date(sought, candidate)))
			continue;
		if (!ask_spoken_for(look, run, candidate, error))
			return false;
		if (!candidate->is_spoken_for)
			*picked_r = candidate;
	}
	return true;
}

/* What is certain: in the order of operations, the lowest UIDs first. */
static bool
assign_same(const SyncLook *look, const SyncRun *run, SyncCertainty certainty, uint32_t *uids, GError **error)
{
	for (guint i = 0; i < look->count; i++) {
		SyncCandidate *picked = NULL;
		bool may_be_ours = !look->sought[i].is_foreign || certainty == SYNC_ACCEPTED;
		if (may_be_ours && !pick(look, run, &look->sought[i], SAME, true, &picked, error))
			return false;
		if (picked)
			picked->is_spoken_for = true;
		uids[i] = picked ? picked->uid : 0;
	}
	return true;
}

/* What is left: of what the server said that it is there, the date does not count any more, then anything. */
static bool
assign_rest(const SyncLook *look, const SyncRun *run, SyncCertainty certainty, uint32_t *uids, GError **error)
{
	for (guint i = 0; i < look->count; i++) {
		const SyncSought *sought = &look->sought[i];
		bool is_taken = certainty == SYNC_ACCEPTED;
		SyncCandidate *picked = NULL;
		if (uids[i] != 0)
			continue;
		if (is_taken && !pick(look, run, sought, SAME, false, &picked, error))
			return false;
		if (!picked) {
			is_taken = is_taken && !sought->is_foreign;
			if (!pick(look, run, sought, MAYBE, false, &picked, error))
				return false;
		}
		if (picked && is_taken) {
			picked->is_spoken_for = true;
			uids[i] = picked->uid;
		} else if (picked || look->in_doubt) {
			uids[i] = UINT32_MAX;
		}
	}
	return true;
}

bool
sync_look_assign(SyncLook *look, const SyncRun *run, SyncCertainty certainty, uint32_t *uids_r, GError **error)
{
	return assign_same(look, run, certainty, uids_r, error) && assign_rest(look, run, certainty, uids_r, error);
}
