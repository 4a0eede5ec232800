/* One job: the bodies of some messages of one mailbox.
 *
 * What is here already is found first (match.c).  The rest is asked for in UID sets, pipelined; where the server refuses
 * a set, one by one; and what came empty once more by itself.  What a connection that breaks has brought is kept.
 *
 * A body for which somebody waits comes after one round trip if nothing is unusual.
 */
#include "imap/refusal.h"
#include "imap/uidset.h"
#include "sync/arrive.h"
#include "sync/pool.h"

#include <string.h>

#define MATCHES_LOST_MAX 2 /* after so many connections that ended while headers were compared, bodies are fetched */

static void
send_one(SyncArrival *arrival, GPtrArray *replies, const char *set)
{
	ImapReply *reply = g_new0(ImapReply, 1);

	g_ptr_array_add(replies, reply);
	imap_session_send(arrival->worker->session,
	                  imap_command_new("UID FETCH %s (UID BODY.PEEK[%s])", set, arrival->job->headers ? "HEADER" : ""), reply);
}

/* Sends the commands for what is not done yet. */
static void
send_all(SyncArrival *arrival, GPtrArray *replies, bool one_by_one)
{
	const GArray *wanted = arrival->job->wanted;
	g_auto(ImapUidSet) set = { 0 };
	size_t position = 0;

	for (guint i = 0; i < wanted->len; i++) {
		uint32_t uid = g_array_index(wanted, SyncWanted, i).uid;
		char text[16];
		if (arrival->accept_empty ? arrival->done[i] || !arrival->empty[i] : !sync_arrival_wants(arrival, i))
			continue;
		if (!one_by_one) {
			imap_uidset_add(&set, uid);
			continue;
		}
		g_snprintf(text, sizeof text, "%u", uid);
		send_one(arrival, replies, text);
	}
	for (char *text; (text = imap_uidset_format(&set, &position, SYNC_SET_BYTES)); g_free(text))
		send_one(arrival, replies, text);
}

/* True when all commands were answered; *refused_r: one of them with NO or BAD.  A server that is busy is not asked in
 * another way, but later. */
static bool
ask(SyncArrival *arrival, bool one_by_one, bool *refused_r, GError **error)
{
	g_autoptr(GPtrArray) replies = g_ptr_array_new_with_free_func(imap_reply_free);

	send_all(arrival, replies, one_by_one);
	if (!imap_session_wait(arrival->worker->session, NULL, error))
		return false;
	*refused_r = false;
	for (guint i = 0; i < replies->len; i++) {
		const ImapReply *reply = g_ptr_array_index(replies, i);
		if (reply->kind == IMAP_RESPONSE_OK)
			continue;
		if (imap_refusal_is_busy(reply->code, reply->text))
			return imap_reply_check(reply, "UID FETCH", error);
		*refused_r = true;
	}
	return true;
}

/* A server that refuses a set because of one message (Exchange) is asked for each of them. */
static bool
ask_all(SyncArrival *arrival, bool *refused_r, GError **error)
{
	bool refused_again = false;

	if (!ask(arrival, false, refused_r, error))
		return false;
	if (*refused_r && !ask(arrival, true, refused_r, error))
		return false;
	arrival->accept_empty = true;
	if (!ask(arrival, true, &refused_again, error))
		return false;
	*refused_r |= refused_again;
	return true;
}

/* Takes what is done out of the job. */
static void
trim(SyncJob *job, const bool *done)
{
	guint kept = 0;

	job->bytes = 0;
	for (guint i = 0; i < job->wanted->len; i++) {
		SyncWanted wanted = g_array_index(job->wanted, SyncWanted, i);
		if (done[i])
			continue;
		g_array_index(job->wanted, SyncWanted, kept++) = wanted;
		job->bytes += sync_job_bytes(job, &wanted);
	}
	g_array_set_size(job->wanted, kept);
}

static bool
fetch_bodies(SyncWorker *worker, SyncJob *job, bool *done, GError **error)
{
	SyncArrival arrival;
	GError *late = NULL;
	bool refused = false;

	sync_arrival_init(&arrival, worker, job, done);
	sync_arrival_begin(&arrival);
	bool ok = ask_all(&arrival, &refused, error);
	if (!ok && !imap_session_alive(worker->session))
		job->suspect = sync_arrival_suspect(&arrival);
	sync_arrival_end(&arrival);
	/* What came before the connection broke is kept.  What cannot be kept is worse than a connection. */
	if (!sync_arrival_commit(&arrival, &late)) {
		if (!ok)
			g_clear_error(error);
		g_propagate_error(error, late);
		ok = false;
	}
	sync_arrival_clear(&arrival);
	if (!ok || !sync_missing(worker, job, done, error))
		return false;
	if (refused && memchr(done, false, job->wanted->len * sizeof *done))
		sync_pool_note_incomplete(worker->run->pool, job->mailbox_id);
	return true;
}

/* Bulk only, and not where a byte costs less than deflating it. */
static bool
compress(SyncWorker *worker, const SyncJob *job, GError **error)
{
	if (worker->asked_to_compress || job->urgent || imap_session_is_local(worker->session))
		return true;
	worker->asked_to_compress = true;
	return imap_session_compress(worker->session, error);
}

static bool
select_mailbox(SyncWorker *worker, const SyncJob *job, GError **error)
{
	const char *selected = imap_session_selected(worker->session);
	g_auto(ImapSelected) told = { 0 };

	uint32_t last = job->wanted->len ? g_array_index(job->wanted, SyncWanted, job->wanted->len - 1).uid : 0;
	bool is_selected = selected && strcmp(selected, job->server_name) == 0 && last < worker->uidnext;
	if (!is_selected && !sync_worker_examine(worker, job->server_name, NULL, &told, error))
		return false;
	return worker->uidvalidity == job->uidvalidity ||
	       core_throw(error, CORE_ERROR_REFUSED, "the UIDVALIDITY changed meanwhile");
}

/* A connection that always ends while headers are compared must not keep the bodies from coming. */
static bool
match(SyncWorker *worker, SyncJob *job, bool *done, GError **error)
{
	if (job->matched)
		return true;
	if (sync_match(worker, job, done, error)) {
		job->matched = true;
		return true;
	}
	memset(done, 0, job->wanted->len * sizeof *done);
	if (imap_session_alive(worker->session))
		return false;
	if (job->alone)
		job->suspect = g_array_index(job->wanted, SyncWanted, 0).uid;
	if (++job->matches_lost >= MATCHES_LOST_MAX) {
		job->matched = true;
		sync_pool_note_incomplete(worker->run->pool, job->mailbox_id);
	}
	return false;
}

/* Whether its bytes may be here already, for match(). */
static bool
may_be_here(const SyncRun *run, const SyncWanted *wanted, bool *may_r, GError **error)
{
	const StoreMessage described = {
		.internaldate_s = wanted->internaldate_s,
		.rfc822_size = wanted->size_bytes,
		.emailid = wanted->emailid,
		.gm_msgid = wanted->gm_msgid,
	};
	int64_t body_id;
	bool any;

	if (!store_message_known_by_id(run->store, run->account_id, &described, &body_id, error) ||
	    !store_message_any_alike(run->store, &described, &any, error))
		return false;
	*may_r = body_id != 0 || any;
	return true;
}

/* Only where [CLOSED] tells which mailbox an answer is of. */
static bool
fits_one_flight(const SyncWorker *worker, const SyncJob *job, bool *fits_r, GError **error)
{
	const char *selected = imap_session_selected(worker->session);
	bool may_be = false;

	*fits_r = job->urgent && !job->tried && !worker->never_closes &&
	          imap_session_enabled(worker->session, IMAP_CAP_QRESYNC) &&
	          (!selected || strcmp(selected, job->server_name) != 0);
	if (!*fits_r)
		return true;
	if (!may_be_here(worker->run, &g_array_index(job->wanted, SyncWanted, 0), &may_be, error))
		return false;
	*fits_r = !may_be;
	return true;
}

/* Somebody waits for a message of a mailbox that is not selected: EXAMINE and FETCH leave together, and what came counts if
 * it is still that mailbox.  True with *done false: it is to be done step by step. */
static bool
fetch_in_one_flight(SyncWorker *worker, const SyncJob *job, bool *done, GError **error)
{
	g_autoptr(GPtrArray) replies = g_ptr_array_new_with_free_func(imap_reply_free);
	g_auto(ImapSelection) selection = { 0 };
	g_auto(ImapSelected) selected = { 0 };
	SyncArrival arrival;
	bool is_clean = false;

	worker->used = true;
	worker->writable = false;
	sync_arrival_init(&arrival, worker, job, done);
	sync_arrival_begin(&arrival);
	imap_session_select_send(worker->session, job->server_name, true, NULL, &selection);
	send_all(&arrival, replies, true);
	bool is_open = imap_session_select_finish(worker->session, &selection, &selected, &is_clean, NULL);
	bool ok = imap_session_wait(worker->session, NULL, error);
	sync_arrival_end(&arrival);
	worker->never_closes |= is_open && !is_clean;
	worker->uidvalidity = selected.uidvalidity;
	worker->uidnext = selected.uidnext;
	*done &= ok && is_open && is_clean && worker->uidvalidity == job->uidvalidity;
	if (*done)
		ok = sync_arrival_commit(&arrival, error);
	sync_arrival_clear(&arrival);
	return ok;
}

bool
sync_fetch(SyncWorker *worker, SyncJob *job, GError **error)
{
	g_autofree bool *done = g_new0(bool, job->wanted->len);
	bool one_flight;

	job->suspect = 0;
	if (!worker->writer && !(worker->writer = store_writer_new(worker->run->store, error)))
		return false;
	if (!fits_one_flight(worker, job, &one_flight, error) ||
	    (one_flight && !fetch_in_one_flight(worker, job, done, error)))
		return false;
	if (one_flight && *done)
		return true;
	if (!compress(worker, job, error) || !select_mailbox(worker, job, error))
		return false;
	if (!match(worker, job, done, error))
		return false;
	if (fetch_bodies(worker, job, done, error))
		return true;
	trim(job, done);
	return false;
}
