#include "searching.h"

#include "change.h"

#include <signal.h>
#include <stdio.h>
#include <sysexits.h>

#define ANSWER_TIMEOUT_MS 60000 /* the owner sends progress each half second */
#define NOT_FOUND 1             /* as grep */

bool
searching_init(Searching *searching_r, const CommandLine *line, const Config *config, GError **error)
{
	g_auto(Searching) searching = { .end = line->null ? '\0' : '\n', .range = { .newest_first = true } };

	if (line->account && !config_account(config, line->account, error))
		return false;
	searching.range.account = line->account;
	if (line->limit && (!g_ascii_string_to_unsigned(line->limit, 10, 1, G_MAXUINT32, &searching.range.limit, NULL)))
		return core_throw(error, CORE_ERROR_USAGE, "-n %s: must be a number from 1 on", line->limit);
	searching.query = g_strjoinv(" ", (char **)(uintptr_t)line->arguments);
	searching.search = store_search_new(searching.query, error);
	if (!searching.search)
		return false;
	searching.paths = g_string_new(NULL);
	*searching_r = searching;
	searching = (Searching){ 0 };
	return true;
}

void
searching_clear(Searching *searching)
{
	g_free(searching->query);
	store_search_free(searching->search);
	if (searching->paths)
		g_string_free(searching->paths, TRUE);
	*searching = (Searching){ 0 };
}

char *
searching_path(const char *mounted, const StoreFound *found)
{
	return g_strconcat(mounted ? mounted : "", mounted ? "/mail/" : "mail/", found->account, "/", found->folder, "/",
	                   found->name, NULL);
}

char *
searching_to_line(const char *path)
{
	char plain[129];

	for (int i = 0; i < 128; i++)
		plain[i] = (char)(128 + i);
	plain[128] = '\0';
	return g_strescape(path, g_utf8_validate(path, -1, NULL) ? plain : NULL); /* lines are UTF-8 */
}

char *
searching_from_line(const char *line)
{
	return g_strcompress(line);
}

bool
searching_found(const StoreFound *found, void *data)
{
	Searching *searching = data;
	g_autofree char *path = searching_path(NULL, found);

	g_string_append(searching->paths, path);
	g_string_append_c(searching->paths, searching->end);
	return true;
}

typedef struct {
	Searching *searching;
	SearchingProgressFn progress;
} Answer;

static void
take_line(ControlKind kind, const char *words, void *data)
{
	const Answer *answer = data;

	if (kind == CONTROL_TEXT) {
		g_autofree char *path = searching_from_line(words);
		g_string_append(answer->searching->paths, path);
		g_string_append_c(answer->searching->paths, answer->searching->end);
	} else if (kind == CONTROL_PROGRESS && answer->progress) {
		answer->progress(words);
	}
}

bool
searching_ask(Searching *searching, ControlClient *client, SearchingProgressFn progress, GError **error)
{
	Answer answer = { searching, progress };
	g_autofree char *limit = g_strdup_printf("%" G_GUINT64_FORMAT, searching->range.limit);
	const char *words[] = { limit, searching->range.account ? searching->range.account : "", searching->query, NULL };
	g_autofree char *line = change_to_line(words);

	g_string_truncate(searching->paths, 0);
	return control_client_call(client, "search", line, take_line, &answer, ANSWER_TIMEOUT_MS, -1, error);
}

int
searching_tell(const Searching *searching)
{
	signal(SIGPIPE, SIG_DFL); /* head has enough */
	fwrite(searching->paths->str, 1, searching->paths->len, stdout);
	return command_finish(searching->paths->len > 0 ? EX_OK : NOT_FOUND);
}
