/* mailtree flag, move, copy, delete, append, folder, confirm, undo, retry: see change.h for what they do.
 *
 * The words go to the process that owns the store, or, if there is none, to the store itself; then the next "mailtree
 * sync" or mount sends what was queued.
 */
#include "command.h"

#include "accounts.h"
#include "change.h"
#include "core/log.h"
#include "owner-find.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define ANSWER_TIMEOUT_MS 120000
#define INPUT_MAX_BYTES (256u * 1024 * 1024) /* of a message on the standard input */

static void
take_result(ControlKind kind, const char *words, void *data)
{
	ChangeResult *result = data;
	char *end;

	if (kind != CONTROL_TEXT)
		return;
	result->count = (unsigned)g_ascii_strtoull(words, &end, 10);
	result->held = (unsigned)g_ascii_strtoull(end, NULL, 10);
}

/* A change that another process is to make. */
typedef struct {
	const char *line;
	ChangeResult *result;
} Request;

static bool
ask(ControlClient *client, void *data, GError **error)
{
	const Request *request = data;

	return control_client_call(client, "change", request->line, take_result, request->result, ANSWER_TIMEOUT_MS, -1, error);
}

/* By whoever owns the store. */
static bool
run_words(const Config *config, const char *const *words, ChangeResult *result_r, GError **error)
{
	g_autofree char *line = change_to_line(words);
	Request request = { line, result_r };
	g_autoptr(Store) store = NULL;

	if (!owner_ask(config->store, ask, &request, &store, error))
		return false;
	ChangeContext context = { .store = store, .config = config };
	return !store || change_do(&context, words, result_r, error);
}

/* A path as the owner understands it: what is no ACCOUNT/… is one of the file system, which is made absolute without
 * following links: the owner would wait for its own mount. */
static char *
absolute_path(const Config *config, const char *word)
{
	g_autofree char *first = g_strndup(word, strcspn(word, "/"));
	bool is_account = false;

	for (guint i = 0; i < config->accounts->len; i++)
		is_account |= g_str_equal(((const ConfigAccount *)g_ptr_array_index(config->accounts, i))->name, first);
	return is_account || *word == '#' ? g_strdup(word) : g_canonicalize_filename(word, NULL);
}

/* The user does not know of the file that the standard input was kept in. */
static void
name_input(GError *error, const char *input)
{
	GString *message = g_string_new(error->message);

	g_string_replace(message, input, "the standard input", 0);
	g_free(error->message);
	error->message = g_string_free(message, FALSE);
}

/* @input: that file; NULL: none. */
static int
run_and_tell(const Config *config, const char *const *words, const char *input)
{
	g_autoptr(GError) error = NULL;
	ChangeResult result = { 0 };

	if (!run_words(config, words, &result, &error)) {
		if (input)
			name_input(error, input);
		return command_fail(error);
	}
	core_log(CORE_LOG_INFO, "main", "%s: %u", words[0], result.count);
	if (result.held > 0)
		core_log(CORE_LOG_WARNING, "main", "%u removals are held, as they are so many: \"mailtree confirm\" does them, "
		         "\"mailtree undo\" takes them back", result.held);
	return EX_OK;
}

/* The verb, then its arguments; those from @first_path on are paths. */
static int
run_verb(const CommandLine *line, const char *verb, size_t first_path)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Config) config = config_load(line->config_path, &error);
	GStrvBuilder *builder = g_strv_builder_new();

	if (config) {
		g_strv_builder_add(builder, verb);
		for (size_t i = 0; line->arguments[i]; i++) {
			g_autofree char *word = i >= first_path ? absolute_path(config, line->arguments[i]) : g_strdup(line->arguments[i]);
			g_strv_builder_add(builder, word);
		}
	}
	g_auto(GStrv) words = g_strv_builder_end(builder);
	g_strv_builder_unref(builder);
	return config ? run_and_tell(config, (const char *const *)words, NULL) : command_fail(error);
}

int
command_flag(const CommandLine *line)
{
	return run_verb(line, "flag", 2);
}

int
command_move(const CommandLine *line)
{
	return run_verb(line, "move", 0);
}

int
command_copy(const CommandLine *line)
{
	return run_verb(line, "copy", 0);
}

int
command_delete(const CommandLine *line)
{
	return run_verb(line, "delete", 0);
}

int
command_folder(const CommandLine *line)
{
	return run_verb(line, "folder", 1);
}

int
command_confirm(const CommandLine *line)
{
	return run_verb(line, "confirm", SIZE_MAX);
}

int
command_undo(const CommandLine *line)
{
	return run_verb(line, "undo", SIZE_MAX);
}

int
command_retry(const CommandLine *line)
{
	return run_verb(line, "retry", SIZE_MAX);
}

/* The standard input as a file that the owner can read; it is gone with the returned name's removal. */
static char *
keep_input(GError **error)
{
	g_autofree char *name = NULL;
	char buffer[64 * 1024];
	size_t total = 0;
	ssize_t n;
	int fd = g_file_open_tmp("mailtree-append-XXXXXX", &name, error);
	bool ok = fd >= 0;

	while (ok && (n = read(STDIN_FILENO, buffer, sizeof buffer)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		total += n > 0 ? (size_t)n : 0;
		if (n < 0)
			ok = core_throw_errno(error, "cannot read the standard input");
		else if (total > INPUT_MAX_BYTES)
			ok = core_throw(error, CORE_ERROR_USAGE, "the message is larger than %u MiB", INPUT_MAX_BYTES >> 20);
		else if (write(fd, buffer, (size_t)n) != n)
			ok = core_throw_errno(error, "cannot write %s", name);
	}
	if (fd >= 0)
		close(fd);
	if (!ok && name)
		unlink(name);
	return ok ? g_steal_pointer(&name) : NULL;
}

/* "2024-05-06T07:08:09Z" as seconds since 1970; "" stays. */
static char *
parse_date(const char *date, GError **error)
{
	if (!date)
		return g_strdup("");
	g_autoptr(GTimeZone) local = g_time_zone_new_local();
	g_autoptr(GDateTime) when = g_date_time_new_from_iso8601(date, local);
	if (when)
		return g_strdup_printf("%" G_GINT64_FORMAT, g_date_time_to_unix(when));
	core_throw(error, CORE_ERROR_USAGE, "--date %s: must look like 2024-05-06T07:08:09Z", date);
	return NULL;
}

int
command_append(const CommandLine *line)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Config) config = config_load(line->config_path, &error);
	g_autofree char *date = config ? parse_date(line->date, &error) : NULL;
	g_autofree char *input = NULL;

	if (!date || (!line->arguments[1] && !(input = keep_input(&error))))
		return command_fail(error);

	GStrvBuilder *builder = g_strv_builder_new();
	g_autofree char *folder = absolute_path(config, line->arguments[0]);
	g_strv_builder_add_many(builder, "append", folder, line->flags ? line->flags : "", date, NULL);
	if (input)
		g_strv_builder_add(builder, input);
	for (const char *const *file = line->arguments + 1; !input && *file; file++) {
		g_autofree char *path = g_canonicalize_filename(*file, NULL);
		g_strv_builder_add(builder, path);
	}
	g_auto(GStrv) words = g_strv_builder_end(builder);
	g_strv_builder_unref(builder);
	int status = run_and_tell(config, (const char *const *)words, input);
	if (input)
		unlink(input);
	return status;
}
