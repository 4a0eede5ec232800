/* Answers "mailtree search": first the index is brought up to date, which is waited for. */
#include "owner-private.h"

#include "change.h"
#include "searching.h"

#include <poll.h>

#define PROGRESS_MS 500

/* False: the client has gone. */
static bool
tell_progress(const IndexerProgress *progress, void *data)
{
	ControlConnection *connection = data;
	struct pollfd poll_fd = { .fd = control_connection_fd(connection) };

	return poll(&poll_fd, 1, 0) == 0 &&
	       control_send(connection, "progress", "indexing %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, progress->done,
	                    progress->total);
}

typedef struct {
	const Owner *owner;
	ControlConnection *connection;
} Telling;

static bool
send_path(const StoreFound *found, void *data)
{
	const Telling *telling = data;
	g_autofree char *path = searching_path(telling->owner->mounted, found), *line = searching_to_line(path);

	return control_send(telling->connection, "text", "%s", line);
}

static bool
answer(Owner *owner, ControlConnection *connection, const char *const *words, GError **error)
{
	Telling telling = { owner, connection };
	StoreSearchRange range = { .newest_first = true };

	if (g_strv_length((char **)(uintptr_t)words) != 3 ||
	    !g_ascii_string_to_unsigned(words[0], 10, 0, G_MAXUINT32, &range.limit, NULL))
		return core_throw(error, CORE_ERROR_USAGE, "search: not a request");
	g_autoptr(StoreSearch) search = store_search_new(words[2], error);
	if (!search || !indexer_catch_up(owner->indexer, PROGRESS_MS, tell_progress, connection, error))
		return false;
	range.account = *words[1] ? words[1] : NULL;
	return store_search_run(owner->store, search, &range, send_path, &telling, error);
}

void
owner_call_search(ControlConnection *connection, const char *argument, void *data)
{
	g_auto(GStrv) words = change_from_line(argument);
	g_autoptr(GError) error = NULL;

	if (!answer(data, connection, (const char *const *)words, &error))
		control_send_error(connection, error);
}
