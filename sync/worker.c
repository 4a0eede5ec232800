/* A worker: a connection and what its thread needs to use it. */
#include "core/clock.h"
#include "core/log.h"
#include "sync/run.h"

/* The session's sink: forwards to whatever the worker does just now. */

static bool
forward_begin(void *data, uint32_t seq, uint32_t uid, const ImapFetchSection *section, GError **error)
{
	SyncWorker *worker = data;

	return !worker->sink || worker->sink->begin(worker->sink_data, seq, uid, section, error);
}

static bool
forward_write(void *data, const void *bytes, size_t length, GError **error)
{
	SyncWorker *worker = data;

	return !worker->sink || worker->sink->write(worker->sink_data, bytes, length, error);
}

static bool
forward_end(void *data, GError **error)
{
	SyncWorker *worker = data;

	return !worker->sink || worker->sink->end(worker->sink_data, error);
}

static const ImapSink forward = { .begin = forward_begin, .write = forward_write, .end = forward_end };

static void
ask_nothing(ImapSession *session, void *data)
{
}

bool
sync_worker_open_asking(SyncWorker *worker, void (*behind_login)(ImapSession *session, void *data), void *data,
                        bool *together_r, bool *forgotten_r, GError **error)
{
	const SyncRun *run = worker->run;
	const SyncAccount *account = run->account;
	g_autofree char *remembered = sync_recall_capabilities(run->recall, together_r != NULL, core_clock_wall_s());
	ImapEager eager = { .remembered = remembered, .behind_login = behind_login, .data = data, .forgotten = forgotten_r };

	if (together_r)
		*together_r = remembered != NULL;
	sync_quiet_open(&worker->quiet, core_clock_boot_ms());
	worker->session = imap_session_open(&account->imap, account->password, account->password_data, &forward, worker,
	                                    &eager, run->cancel, error);
	if (!worker->session)
		return false;
	worker->used = worker->asked_to_compress = worker->writable = worker->never_moves = worker->never_closes = false;
	worker->sessions++;
	sync_progress_connections(run->progress, 1);
	return true;
}

bool
sync_worker_open(SyncWorker *worker, GError **error)
{
	return sync_worker_open_asking(worker, ask_nothing, NULL, NULL, NULL, error);
}

void
sync_worker_close(SyncWorker *worker)
{
	uint64_t in, out;

	g_clear_pointer(&worker->writer, store_writer_free);
	if (!worker->session)
		return;
	imap_session_traffic(worker->session, &in, &out);
	sync_progress_wire(worker->run->progress, in, out);
	g_clear_pointer(&worker->session, imap_session_close);
	sync_quiet_close(&worker->quiet, core_clock_boot_ms());
	sync_progress_connections(worker->run->progress, -1);
}

bool
sync_worker_examine(SyncWorker *worker, const char *server_name, const ImapQresync *since, ImapSelected *selected_r,
                    GError **error)
{
	worker->used = true;
	worker->writable = false;
	if (!imap_session_select(worker->session, server_name, true, since, selected_r, error))
		return false;
	worker->uidvalidity = selected_r->uidvalidity;
	worker->uidnext = selected_r->uidnext;
	return true;
}

void
sync_warn(const SyncRun *run, const char *path, uint32_t uid, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	sync_progress_warning(run->progress);
	if (uid)
		core_log(CORE_LOG_WARNING, "sync", "%s: %s: UID %u: %s", run->account->name, path, uid, text);
	else
		core_log(CORE_LOG_WARNING, "sync", "%s: %s: %s", run->account->name, path, text);
}
