/* Jobs: the bodies and headers that a mailbox lacks, newest first, in pieces of work for one connection.  At most
 * PLAN_MESSAGES of a mailbox are planned at once; the last job has the rest with it, which is planned when that is taken. */
#include "sync/bodies.h"
#include "sync/pool.h"

#define SIZE_BELIEVED_BYTES (1ull << 32) /* a server that says more is wrong, and would spoil the sums */
#define HEADER_BYTES 2048                 /* a guess */

#define PLAN_MESSAGES 10000

typedef struct {
	SyncRun *run;
	const SyncRest *from; /* what is planned */
	int64_t since_s;      /* bodies of messages from then on are wanted */
	bool is_first;        /* what is left for later is counted */
	uint32_t not_below;   /* UIDs below are planned already */
	unsigned taken;
	bool remote;          /* headers are here already */
	SyncRest *rest;
	SyncJob *bodies, *headers;
	GQueue jobs;          /* of SyncJob, that are full */
	uint64_t messages, bytes;
} Planner;

void
sync_job_free(SyncJob *job)
{
	if (!job)
		return;
	g_free(job->server_name);
	g_free(job->path);
	g_array_unref(job->wanted);
	g_string_chunk_free(job->strings);
	sync_rest_free(job->rest);
	g_free(job);
}

SyncJob *
sync_job_new(int64_t mailbox_id, const char *server_name, const char *path, uint32_t uidvalidity)
{
	SyncJob *job = g_new0(SyncJob, 1);

	job->mailbox_id = mailbox_id;
	job->server_name = g_strdup(server_name);
	job->path = g_strdup(path);
	job->uidvalidity = uidvalidity;
	job->wanted = g_array_new(FALSE, FALSE, sizeof(SyncWanted));
	job->strings = g_string_chunk_new(256);
	return job;
}

static int
compare_uid(const void *key, const void *row)
{
	uint32_t uid = *(const uint32_t *)key, other = ((const SyncWanted *)row)->uid;

	return uid < other ? -1 : uid > other;
}

const SyncWanted *
sync_job_find(const SyncJob *job, uint32_t uid, guint *index_r)
{
	const SyncWanted *all = (const SyncWanted *)(void *)job->wanted->data;
	const SyncWanted *wanted = bsearch(&uid, all, job->wanted->len, sizeof *wanted, compare_uid);

	if (wanted)
		*index_r = (guint)(wanted - all);
	return wanted;
}

static uint64_t
bytes_of(bool headers, uint64_t size_bytes)
{
	return headers ? HEADER_BYTES : MIN(size_bytes, SIZE_BELIEVED_BYTES);
}

uint64_t
sync_job_bytes(const SyncJob *job, const SyncWanted *wanted)
{
	return bytes_of(job->headers, wanted->size_bytes);
}

void
sync_job_want(SyncJob *job, const SyncWanted *wanted)
{
	SyncWanted copy = *wanted;

	copy.emailid = wanted->emailid ? g_string_chunk_insert(job->strings, wanted->emailid) : NULL;
	g_array_append_val(job->wanted, copy);
	job->bytes += sync_job_bytes(job, wanted);
}

static int
by_uid(const void *a, const void *b)
{
	uint32_t x = ((const SyncWanted *)a)->uid, y = ((const SyncWanted *)b)->uid;

	return x < y ? -1 : x > y;
}

static void
end_job(Planner *planner, SyncJob **job)
{
	if (!*job)
		return;
	g_array_sort((*job)->wanted, by_uid);
	g_queue_push_tail(&planner->jobs, g_steal_pointer(job));
}

static void
take(Planner *planner, const StoreMessage *message, bool is_headers)
{
	SyncJob **job = is_headers ? &planner->headers : &planner->bodies;
	const SyncRest *from = planner->from;
	SyncWanted wanted = {
		.id = message->id,
		.uid = message->uid,
		.internaldate_s = message->internaldate_s,
		.size_bytes = message->rfc822_size,
		.gm_msgid = message->gm_msgid,
		.emailid = message->emailid,
	};

	if (!*job) {
		*job = sync_job_new(from->mailbox_id, from->server_name, from->path, from->uidvalidity);
		(*job)->headers = is_headers;
	}
	sync_job_want(*job, &wanted);
	planner->taken++;
	if ((*job)->bytes >= SYNC_JOB_BYTES || (*job)->wanted->len >= SYNC_JOB_MESSAGES)
		end_job(planner, job);
}

/* What is to be planned later begins with @message. */
static void
leave(Planner *planner, const StoreMessage *message)
{
	SyncRest *rest = sync_rest_new(planner->from);

	rest->upto = planner->remote ? 0 : message->uid;
	rest->upto_s = planner->remote ? message->internaldate_s : INT64_MAX;
	rest->upto_id = planner->remote ? message->id : INT64_MAX;
	planner->rest = rest;
}

static bool
plan(const StoreMessage *message, void *data)
{
	Planner *planner = data;
	bool is_headers = message->internaldate_s < planner->since_s;

	if (!planner->remote && message->uid < planner->not_below)
		return false;
	if (sync_pool_has_planned(planner->run->pool, planner->from->mailbox_id, planner->from->uidvalidity, message->uid))
		return true;
	planner->messages++;
	planner->bytes += bytes_of(is_headers, message->rfc822_size);
	if (planner->taken < PLAN_MESSAGES) {
		take(planner, message, is_headers);
		return true;
	}
	if (!planner->rest)
		leave(planner, message);
	return planner->is_first;
}

static bool
plan_all(Planner *planner, GError **error)
{
	const SyncRest *from = planner->from;
	Store *store = planner->run->store;
	SyncJob *job;

	bool ok = from->upto == 0 || store_message_list_missing(store, from->mailbox_id, from->upto, plan, planner, error);
	planner->remote = true;
	if (ok && planner->not_below == 0 && (planner->is_first || !planner->rest))
		ok = store_message_list_remote(store, from->mailbox_id, planner->since_s, from->upto_s, from->upto_id, plan, planner,
		                               error);
	end_job(planner, &planner->bodies);
	end_job(planner, &planner->headers);
	if (planner->is_first)
		sync_progress_wanted(planner->run->progress, planner->messages, planner->bytes);
	job = g_queue_peek_tail(&planner->jobs);
	if (job)
		job->rest = g_steal_pointer(&planner->rest);
	while ((job = g_queue_pop_head(&planner->jobs)))
		sync_pool_add(planner->run->pool, job);
	return ok;
}

bool
sync_plan(SyncRun *run, const StoreMailbox *mailbox, const char *path, uint32_t uidvalidity, GError **error)
{
	SyncRest all = {
		.mailbox_id = mailbox->id,
		.server_name = mailbox->server_name,
		.path = (char *)(uintptr_t)path,
		.uidvalidity = uidvalidity,
		.upto = UINT32_MAX,
		.upto_s = INT64_MAX,
		.upto_id = INT64_MAX,
	};
	Planner planner = {
		.run = run,
		.from = &all,
		.since_s = sync_bodies_since(run->account),
		.is_first = true,
		.not_below = sync_pool_plans_below(run->pool, mailbox->id, uidvalidity),
	};

	return plan_all(&planner, error);
}

bool
sync_plan_rest(SyncRun *run, const SyncRest *rest, GError **error)
{
	Planner planner = { .run = run, .from = rest, .since_s = sync_bodies_since(run->account) };

	return plan_all(&planner, error);
}
