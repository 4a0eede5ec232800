/* mailtree search [-n N] [--account NAME] [-0] QUERY…
 *
 * The way for all cases; quick.c has the short one, for when there is nothing to do but to look.  Without another
 * process that owns the store this one does, as the index is to be brought up to date; meanwhile it answers others.
 * Nothing here waits for a network. */
#include "searching.h"

#include "indexer.h"
#include "owner-find.h"
#include "owner.h"
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

static bool
show_progress(const IndexerProgress *progress, void *data)
{
	g_autofree char *text = g_strdup_printf("indexing  %" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT " messages",
	                                        progress->done, progress->total);

	progress_show_text(progress->total > 0 ? text : "indexing");
	return true;
}

/* Of a progress line of the process that owns the store. */
static void
show_words(const char *words)
{
	IndexerProgress progress = { 0 };

	if (sscanf(words, "indexing %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, &progress.done, &progress.total) == 2)
		show_progress(&progress, NULL);
}

static bool
ask(ControlClient *client, void *data, GError **error)
{
	return searching_ask(data, client, show_words, error);
}

#define PROGRESS_MS 200

/* This process owns the store.  Takes @store. */
static bool
search_here(Searching *searching, const Config *config, Store *store, GError **error)
{
	g_autoptr(Accounts) accounts = accounts_new(config, NULL, error);

	if (!accounts) {
		store_close(store);
		return false;
	}
	g_autoptr(Owner) owner = owner_new(config, g_steal_pointer(&accounts), store, NULL, error);
	g_string_truncate(searching->paths, 0); /* of another owner, which ended before it had told all */
	return owner && owner_listen(owner, NULL, NULL, error) &&
	       indexer_catch_up(owner_indexer(owner), PROGRESS_MS, show_progress, NULL, error) &&
	       store_search_run(store, searching->search, &searching->range, searching_found, searching, error);
}

static bool
search(Searching *searching, const Config *config, GError **error)
{
	g_autofree char *database = g_build_filename(config->store, "mail.db", NULL);
	Store *store;

	if (access(database, F_OK) != 0)
		return true; /* searching must not make a store */
	return owner_ask(config->store, ask, searching, &store, error) &&
	       (!store || search_here(searching, config, store, error));
}

int
command_search(const CommandLine *line)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Config) config = config_load(line->config_path, &error);
	g_auto(Searching) searching = { 0 };

	if (!config || !searching_init(&searching, line, config, &error))
		return command_fail(error);
	progress_start(!line->quiet);
	bool ok = search(&searching, config, &error);
	progress_stop();
	return ok ? searching_tell(&searching) : command_fail(error);
}
