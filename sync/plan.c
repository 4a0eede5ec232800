/* Jobs: the bodies that a mailbox lacks, newest first, in pieces of work for one connection. */
#include "sync/run.h"

#define SIZE_BELIEVED_BYTES (1ull << 32) /* a server that says more is wrong, and would spoil the sums */

typedef struct {
	SyncRun *run;
	const StoreMailbox *mailbox;
	const char *path;
	uint32_t uidvalidity;
	SyncJob *job;
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

static int
by_uid(const void *a, const void *b)
{
	uint32_t x = ((const SyncWanted *)a)->uid, y = ((const SyncWanted *)b)->uid;

	return x < y ? -1 : x > y;
}

static void
hand_over(Planner *planner)
{
	if (!planner->job)
		return;
	g_array_sort(planner->job->wanted, by_uid);
	sync_progress_wanted(planner->run->progress, planner->job->wanted->len, planner->job->bytes);
	sync_pool_add(planner->run->pool, g_steal_pointer(&planner->job));
}

static bool
plan(const StoreMessage *message, void *data)
{
	Planner *planner = data;

	if (!planner->job) {
		planner->job = g_new0(SyncJob, 1);
		planner->job->mailbox_id = planner->mailbox->id;
		planner->job->server_name = g_strdup(planner->mailbox->server_name);
		planner->job->path = g_strdup(planner->path);
		planner->job->uidvalidity = planner->uidvalidity;
		planner->job->wanted = g_array_new(FALSE, FALSE, sizeof(SyncWanted));
		planner->job->strings = g_string_chunk_new(256);
	}
	SyncWanted wanted = {
		.id = message->id,
		.uid = message->uid,
		.internaldate_s = message->internaldate_s,
		.size_bytes = message->rfc822_size,
		.gm_msgid = message->gm_msgid,
		.emailid = message->emailid ? g_string_chunk_insert(planner->job->strings, message->emailid) : NULL,
	};
	g_array_append_val(planner->job->wanted, wanted);
	planner->job->bytes += MIN(message->rfc822_size, SIZE_BELIEVED_BYTES);
	if (planner->job->bytes >= SYNC_JOB_BYTES || planner->job->wanted->len >= SYNC_JOB_MESSAGES)
		hand_over(planner);
	return true;
}

bool
sync_plan(SyncRun *run, const StoreMailbox *mailbox, const char *path, uint32_t uidvalidity, GError **error)
{
	Planner planner = { .run = run, .mailbox = mailbox, .path = path, .uidvalidity = uidvalidity };
	bool ok = store_message_list_missing(run->store, mailbox->id, plan, &planner, error);

	hand_over(&planner);
	return ok;
}
