/* Jobs: the bodies and headers that a mailbox lacks, newest first, in pieces of work for one connection. */
#include "sync/bodies.h"
#include "sync/pool.h"

#define SIZE_BELIEVED_BYTES (1ull << 32) /* a server that says more is wrong, and would spoil the sums */
#define HEADER_BYTES 2048                 /* a guess */

typedef struct {
	SyncRun *run;
	const StoreMailbox *mailbox;
	const char *path;
	uint32_t uidvalidity;
	int64_t since_s; /* bodies of messages from then on are wanted */
	SyncJob *bodies, *headers;
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

uint64_t
sync_job_bytes(const SyncJob *job, const SyncWanted *wanted)
{
	return job->headers ? HEADER_BYTES : MIN(wanted->size_bytes, SIZE_BELIEVED_BYTES);
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
hand_over(const Planner *planner, SyncJob **job)
{
	if (!*job)
		return;
	g_array_sort((*job)->wanted, by_uid);
	sync_progress_wanted(planner->run->progress, (*job)->wanted->len, (*job)->bytes);
	sync_pool_add(planner->run->pool, g_steal_pointer(job));
}

static bool
plan(const StoreMessage *message, void *data)
{
	Planner *planner = data;

	SyncWanted wanted = {
		.id = message->id,
		.uid = message->uid,
		.internaldate_s = message->internaldate_s,
		.size_bytes = message->rfc822_size,
		.gm_msgid = message->gm_msgid,
		.emailid = message->emailid,
	};

	bool is_headers = message->internaldate_s < planner->since_s;
	SyncJob **job = is_headers ? &planner->headers : &planner->bodies;
	if (!*job) {
		*job = sync_job_new(planner->mailbox->id, planner->mailbox->server_name, planner->path, planner->uidvalidity);
		(*job)->headers = is_headers;
	}
	sync_job_want(*job, &wanted);
	if ((*job)->bytes >= SYNC_JOB_BYTES || (*job)->wanted->len >= SYNC_JOB_MESSAGES)
		hand_over(planner, job);
	return true;
}

bool
sync_plan(SyncRun *run, const StoreMailbox *mailbox, const char *path, uint32_t uidvalidity, GError **error)
{
	Planner planner = {
		.run = run,
		.mailbox = mailbox,
		.path = path,
		.uidvalidity = uidvalidity,
		.since_s = sync_bodies_since(run->account),
	};
	bool ok = store_message_list_missing(run->store, mailbox->id, plan, &planner, error) &&
	          store_message_list_remote(run->store, mailbox->id, planner.since_s, plan, &planner, error);

	hand_over(&planner, &planner.bodies);
	hand_over(&planner, &planner.headers);
	return ok;
}
