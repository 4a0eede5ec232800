#include "status-operations.h"

#include "core/clock.h"
#include "json.h"
#include "progress.h"
#include "store/mailboxes.h"

#define ERROR_MAX_BYTES 300
#define SHOWN_MAX 20

typedef struct {
	Store *store;
	StatusOperations *operations;
} Reading;

static void
operation_free(void *data)
{
	StatusOperation *operation = data;

	g_free(operation->from);
	g_free(operation->to);
	g_free(operation->error);
	g_free(operation);
}

void
status_operations_clear(StatusOperations *operations)
{
	g_clear_pointer(&operations->list, g_ptr_array_unref);
}

static char *
path_of(Store *store, int64_t mailbox_id)
{
	g_autofree char *raw = mailbox_id ? store_mailbox_path(store, mailbox_id, NULL) : NULL;

	return raw ? text_printable(raw) : NULL;
}

/* "INBOX/2024-… ~7.eml" where the message has a name. */
static char *
subject_of(const Reading *reading, const StoreOperation *operation)
{
	g_auto(StoreMessage) message = { 0 };
	g_autofree char *folder = path_of(reading->store, operation->mailbox_id);

	if (!operation->message_id || !store_message_get(reading->store, operation->message_id, &message, NULL) || !message.name)
		return g_steal_pointer(&folder);
	g_autofree char *name = text_printable(message.name);
	return folder ? g_strconcat(folder, "/", name, NULL) : g_steal_pointer(&name);
}

static bool
take(const StoreOperation *operation, void *data)
{
	const Reading *reading = data;
	StatusOperation *copy = g_new0(StatusOperation, 1);

	*copy = (StatusOperation){
		.id = operation->id,
		.kind = operation->kind,
		.state = operation->state,
		.from = subject_of(reading, operation),
		.to = path_of(reading->store, operation->target_id),
		.not_before_s = operation->not_before_s,
	};
	if (operation->error)
		copy->error = text_printable_cut(operation->error, ERROR_MAX_BYTES);
	g_ptr_array_add(reading->operations->list, copy);
	return reading->operations->list->len < STATUS_OPERATIONS_MAX;
}

bool
status_operations_read(Store *store, int64_t account_id, StatusOperations *operations_r, GError **error)
{
	Reading reading = { store, operations_r };

	operations_r->list = g_ptr_array_new_with_free_func(operation_free);
	return store_operation_counts(store, account_id, &operations_r->counts, error) &&
	       store_operation_list(store, account_id, take, &reading, error);
}

/* When the first of those that wait for their time can be taken back no longer; 0: it is none of @list that is first. */
static int64_t
waiting_until_s(const GPtrArray *list)
{
	int64_t now_s = core_clock_wall_s(), until_s = INT64_MAX;

	for (guint i = 0; list && i < list->len; i++) {
		const StatusOperation *operation = g_ptr_array_index(list, i);
		if (operation->state == STORE_OPERATION_QUEUED && operation->kind == STORE_OPERATION_REMOVE &&
		    operation->not_before_s > now_s)
			until_s = MIN(until_s, operation->not_before_s);
	}
	return until_s == INT64_MAX ? 0 : until_s;
}

static void
append_waiting(GString *text, const StatusOperations *operations)
{
	unsigned count = operations->counts.waiting;
	int64_t until_s = waiting_until_s(operations->list);
	g_autoptr(GDateTime) until = until_s ? g_date_time_new_from_unix_local(until_s) : NULL;
	g_autofree char *when = until ? g_date_time_format(until, "%Y-%m-%d %H:%M:%S") : NULL;

	if (count > 0)
		g_string_append_printf(text, "  %-13s %u %s that \"mailtree undo\" can take back%s%s%s\n", "waiting", count,
		                       count == 1 ? "removal" : "removals", when ? (count == 1 ? "" : ", the first") : "",
		                       when ? " until " : "", when ? when : "");
}

static void
append_count(GString *text, const char *label, unsigned count, const char *what)
{
	if (count > 0)
		g_string_append_printf(text, "  %-13s %u %s\n", label, count, what);
}

static bool
is_stopped(const StatusOperation *operation)
{
	return operation->state == STORE_OPERATION_HELD || operation->state == STORE_OPERATION_FAILED;
}

/* Queued, but the server has not taken it when it was sent. */
static bool
is_put_off(const StatusOperation *operation)
{
	return operation->state == STORE_OPERATION_QUEUED && operation->error;
}

/* Those of @list that are @wanted; SHOWN_MAX of them, since there may be as many as messages.  @count: how many there are, if
 * the list is too short to have all. */
static void
append_some(GString *text, const GPtrArray *list, bool (*wanted)(const StatusOperation *operation), unsigned count)
{
	unsigned met = 0;

	for (guint i = 0; list && i < list->len; i++) {
		const StatusOperation *operation = g_ptr_array_index(list, i);
		if (!wanted(operation) || ++met > SHOWN_MAX)
			continue;
		g_string_append_printf(text, "    #%" G_GINT64_FORMAT " %s %s%s%s: %s\n", operation->id,
		                       store_operation_kinds[operation->kind], operation->from ? operation->from : "",
		                       operation->to ? " to " : "", operation->to ? operation->to : "",
		                       operation->error ? operation->error : store_operation_states[operation->state]);
	}
	count = MAX(count, met);
	if (count > MIN(met, SHOWN_MAX))
		g_string_append_printf(text, "    and %u more\n", count - MIN(met, SHOWN_MAX));
}

void
status_operations_append_text(GString *text, const StatusOperations *operations)
{
	const StoreOperationCounts *counts = &operations->counts;

	append_count(text, "to be sent", counts->pending, counts->pending == 1 ? "change" : "changes");
	append_some(text, operations->list, is_put_off, 0);
	append_waiting(text, operations);
	append_count(text, "held", counts->held, "(\"mailtree confirm\" does it, \"mailtree undo\" takes it back)");
	append_count(text, "refused", counts->failed, "(\"mailtree retry\" tries again, \"mailtree undo NUMBER\" gives one up)");
	append_some(text, operations->list, is_stopped, counts->held + counts->failed);
}

void
status_operations_append_json(GString *json, const StatusOperations *operations)
{
	json_number(json, "pending", operations->counts.pending);
	json_number(json, "waiting", operations->counts.waiting);
	json_number(json, "held", operations->counts.held);
	json_number(json, "failed", operations->counts.failed);
	json_open(json, "operations", '[');
	for (guint i = 0; operations->list && i < operations->list->len; i++) {
		const StatusOperation *operation = g_ptr_array_index(operations->list, i);
		json_open(json, NULL, '{');
		json_number(json, "id", (uint64_t)operation->id);
		json_string(json, "kind", store_operation_kinds[operation->kind]);
		json_string(json, "state", store_operation_states[operation->state]);
		json_string(json, "path", operation->from);
		json_string(json, "to", operation->to);
		json_number(json, "not_before", (uint64_t)operation->not_before_s);
		json_string(json, "error", operation->error);
		json_close(json, '}');
	}
	json_close(json, ']');
}
