#include "status.h"

#include "core/clock.h"
#include "core/size.h"
#include "json.h"
#include "progress.h"

#define ERROR_MAX_BYTES 1000

static void
account_free(void *data)
{
	StatusAccount *account = data;

	g_free(account->name);
	g_free(account->error);
	status_operations_clear(&account->operations);
	status_remote_clear(&account->remote);
	status_files_clear(&account->files);
	g_free(account);
}

StatusReport *
status_report_new(const char *store_dir, const char *mounted, int64_t pid)
{
	StatusReport *report = g_new0(StatusReport, 1);

	report->store = g_strdup(store_dir);
	report->mounted = g_strdup(mounted);
	report->pid = pid;
	report->accounts = g_ptr_array_new_with_free_func(account_free);
	return report;
}

void
status_report_free(StatusReport *report)
{
	if (report) {
		g_free(report->store);
		g_free(report->mounted);
		g_free(report->bad_query);
		g_ptr_array_unref(report->accounts);
		g_free(report);
	}
}

static bool
read_store(StatusAccount *account, Store *store, GError **error)
{
	g_auto(StoreAccount) row = { 0 };
	g_autoptr(GError) failure = NULL;

	if (!store_account_find(store, account->name, &row, &failure)) {
		if (!failure)
			return true; /* never synchronised */
		g_propagate_error(error, g_steal_pointer(&failure));
		return false;
	}
	account->last_sync_s = row.last_sync_s;
	account->error = g_strdup(row.last_error);
	account->has_quota = store_account_quota(store, row.id, &account->quota_used, &account->quota_limit, &failure);
	if (failure) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return false;
	}
	return store_account_counts(store, row.id, &account->counts, error) &&
	       (account->counts.remote == 0 || status_remote_read(store, row.id, &account->remote, error)) &&
	       (account->counts.files == 0 || status_files_read(store, row.id, &account->files, error)) &&
	       status_operations_read(store, row.id, &account->operations, error);
}

void
status_report_add(StatusReport *report, const char *name, Store *store, const SyncStatus *run)
{
	StatusAccount *account = g_new0(StatusAccount, 1);
	g_autoptr(GError) failure = NULL;

	account->name = g_strdup(name);
	if (store && !read_store(account, store, &failure)) {
		g_free(account->error);
		account->error = g_strdup(failure->message);
	}
	if (run) {
		account->run = *run;
		account->run.account = account->run.error = NULL;
		account->last_sync_s = MAX(account->last_sync_s, run->last_sync_s);
		if (run->error) {
			g_free(account->error);
			account->error = g_strdup(run->error);
		}
	}
	if (account->error) {
		g_autofree char *raw = account->error;
		account->error = text_printable_cut(raw, ERROR_MAX_BYTES);
	}
	g_ptr_array_add(report->accounts, account);
}

static char *
format_time(int64_t when_s, bool local)
{
	g_autoptr(GDateTime) time = local ? g_date_time_new_from_unix_local(when_s) : g_date_time_new_from_unix_utc(when_s);

	return time ? g_date_time_format(time, local ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%dT%H:%M:%SZ") : NULL;
}

static void
append_run_text(GString *text, const SyncStatus *run)
{
	ProgressNumbers numbers = { SYNC_IDLE };
	int64_t elapsed_ms = MAX(core_clock_ms() - run->started_ms, 1);

	if (run->phase == SYNC_IDLE) {
		g_string_append(text, "idle\n");
		return;
	}
	progress_add(&numbers, run);
	uint64_t rate = elapsed_ms > 1000 ? run->bytes_done * 1000 / (uint64_t)elapsed_ms : 0;
	g_autofree char *words = progress_format(&numbers, rate, 0);
	g_string_append_printf(text, "%s\n", words);
	g_string_append_printf(text, "  connections   %u\n", run->connections);
}

static void
append_quota_text(GString *text, const StatusAccount *account)
{
	g_autofree char *used = core_size_text(account->quota_used), *limit = core_size_text(account->quota_limit);

	if (account->has_quota)
		g_string_append_printf(text, "  quota         %s of %s used\n", used, limit);
}

static void
append_account_text(GString *text, const StatusAccount *account)
{
	g_autofree char *size = core_size_text(account->counts.bytes);
	g_autofree char *last = account->last_sync_s ? format_time(account->last_sync_s, true) : NULL;
	g_autofree char *name = text_printable(account->name);

	g_string_append_printf(text, "\n%s\n  now           ", name);
	append_run_text(text, &account->run);
	g_string_append_printf(text, "  last complete %s\n", last ? last : "never");
	g_string_append_printf(text, "  here          %" G_GUINT64_FORMAT " %s, %s, in %" G_GUINT64_FORMAT " %s\n",
	                       account->counts.messages, account->counts.messages == 1 ? "message" : "messages", size,
	                       account->counts.mailboxes, account->counts.mailboxes == 1 ? "folder" : "folders");
	status_remote_append_text(text, &account->remote, account->counts.remote);
	status_files_append_text(text, &account->files, account->counts.files);
	append_quota_text(text, account);
	if (account->counts.missing)
		g_string_append_printf(text, "  not here yet  %" G_GUINT64_FORMAT " %s\n", account->counts.missing,
		                       account->counts.missing == 1 ? "message" : "messages");
	if (account->run.warnings)
		g_string_append_printf(text, "  warnings      %u (see the log)\n", account->run.warnings);
	if (account->error)
		g_string_append_printf(text, "  error         %s\n", account->error);
	status_operations_append_text(text, &account->operations);
}

static void
append_refused_text(GString *text, const ReadersRefused *refused)
{
	g_autofree char *name = text_printable(refused->last_crawler);

	if (refused->of_crawlers > 0)
		g_string_append_printf(text, "refused %" G_GUINT64_FORMAT " %s of crawlers, the last by %s\n", refused->of_crawlers,
		                       refused->of_crawlers == 1 ? "read" : "reads", name);
	if (refused->beyond_rate > 0)
		g_string_append_printf(text, "refused %" G_GUINT64_FORMAT " %s beyond fetch_rate\n", refused->beyond_rate,
		                       refused->beyond_rate == 1 ? "read" : "reads");
}

char *
status_text(const StatusReport *report)
{
	g_autofree char *store = text_printable(report->store);
	GString *text = g_string_new(NULL);

	g_string_append_printf(text, "store   %s\n", store);
	if (report->mounted) {
		g_autofree char *mounted = text_printable(report->mounted);
		g_string_append_printf(text, "mount   %s (process %" G_GINT64_FORMAT ")\n", mounted, report->pid);
	} else if (report->pid) {
		g_string_append_printf(text, "mount   none; process %" G_GINT64_FORMAT " synchronises\n", report->pid);
	} else {
		g_string_append(text, "mount   none\n");
	}
	append_refused_text(text, &report->refused);
	if (report->bad_query) {
		g_autofree char *words = text_printable_cut(report->bad_query, ERROR_MAX_BYTES);
		g_string_append_printf(text, "search  %s\n", words);
	}
	for (guint i = 0; i < report->accounts->len; i++)
		append_account_text(text, g_ptr_array_index(report->accounts, i));
	return g_string_free(text, FALSE);
}

static void
append_run_json(GString *json, const SyncStatus *run)
{
	if (run->phase == SYNC_IDLE) {
		json_null(json, "progress");
		return;
	}
	json_open(json, "progress", '{');
	json_number(json, "connections", run->connections);
	json_number(json, "mailboxes_done", run->mailboxes_done);
	json_number(json, "mailboxes_total", run->mailboxes_total);
	json_number(json, "messages_done", run->messages_done);
	json_number(json, "messages_total", run->messages_total);
	json_number(json, "bytes_done", run->bytes_done);
	json_number(json, "bytes_total", run->bytes_total);
	json_number(json, "wire_in", run->wire_in);
	json_number(json, "wire_out", run->wire_out);
	json_number(json, "seconds", (uint64_t)MAX(core_clock_ms() - run->started_ms, 0) / 1000);
	json_close(json, '}');
}

static void
append_account_json(GString *json, const StatusAccount *account)
{
	g_autofree char *last = account->last_sync_s ? format_time(account->last_sync_s, false) : NULL;

	json_open(json, NULL, '{');
	json_string(json, "name", account->name);
	json_string(json, "phase", sync_phase_names[account->run.phase]);
	json_string(json, "last_sync", last);
	json_number(json, "mailboxes", account->counts.mailboxes);
	json_number(json, "messages", account->counts.messages);
	json_number(json, "bytes", account->counts.bytes);
	json_number(json, "missing", account->counts.missing);
	status_remote_append_json(json, &account->remote, account->counts.remote);
	json_number(json, "files", account->counts.files);
	if (account->has_quota) {
		json_number(json, "quota_used", account->quota_used);
		json_number(json, "quota_limit", account->quota_limit);
	} else {
		json_null(json, "quota_used");
		json_null(json, "quota_limit");
	}
	append_run_json(json, &account->run);
	json_number(json, "warnings", account->run.warnings);
	json_string(json, "error", account->error);
	status_operations_append_json(json, &account->operations);
	json_close(json, '}');
}

char *
status_json(const StatusReport *report)
{
	GString *json = g_string_new(NULL);

	json_open(json, NULL, '{');
	json_string(json, "version", MAILTREE_VERSION);
	json_string(json, "store", report->store);
	json_string(json, "mounted", report->mounted);
	if (report->pid)
		json_number(json, "pid", (uint64_t)report->pid);
	else
		json_null(json, "pid");
	json_number(json, "refused_crawlers", report->refused.of_crawlers);
	json_number(json, "refused_rate", report->refused.beyond_rate);
	json_string(json, "bad_query", report->bad_query);
	json_open(json, "accounts", '[');
	for (guint i = 0; i < report->accounts->len; i++) {
		json_newline(json);
		append_account_json(json, g_ptr_array_index(report->accounts, i));
	}
	json_close(json, ']');
	json_close(json, '}');
	g_string_append(json, "\n");
	return g_string_free(json, FALSE);
}
