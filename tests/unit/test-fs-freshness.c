/* fs/freshness: who is woken by a change. */
#include "fs/freshness.h"

#include <stdio.h>
#include <string.h>

/* The ids of this process's threads. */
static GHashTable *
threads(void)
{
	g_autoptr(GDir) dir = g_dir_open("/proc/self/task", 0, NULL);
	GHashTable *ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	const char *id;

	g_assert_nonnull(dir);
	while ((id = g_dir_read_name(dir)))
		g_hash_table_add(ids, g_strdup(id));
	return ids;
}

/* A line of /proc/self/task/ID/status, behind its colon; what is sought is there. */
static char *
status_of(const char *id, const char *line)
{
	g_autofree char *path = g_strdup_printf("/proc/self/task/%s/status", id), *text = NULL;

	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	const char *at = strstr(text, line);
	g_assert_nonnull(at);
	return g_strstrip(g_strndup(at + strlen(line), strcspn(at + strlen(line), "\n")));
}

static bool
is_asleep(const char *id)
{
	g_autofree char *state = status_of(id, "\nState:");

	return state[0] == 'S';
}

/* How often all in @ids have gone to sleep. */
static uint64_t
naps(GHashTable *ids)
{
	GHashTableIter iter;
	uint64_t count = 0;
	gpointer id;

	g_hash_table_iter_init(&iter, ids);
	while (g_hash_table_iter_next(&iter, &id, NULL)) {
		while (!is_asleep(id))
			g_usleep(1000);
		g_autofree char *number = status_of(id, "\nvoluntary_ctxt_switches:");
		count += g_ascii_strtoull(number, NULL, 10);
	}
	return count;
}

static gboolean
is_in(gpointer id, gpointer value, gpointer others)
{
	return g_hash_table_contains(others, id);
}

/* With the first thread ThreadSanitizer starts one of its own. */
static void
have_had_threads(void)
{
	g_autoptr(GError) error = NULL;
	FsFreshness *freshness = fs_freshness_new(NULL, FS_INODE_ROOT, &error);

	g_assert_no_error(error);
	fs_freshness_stop(freshness);
	fs_freshness_free(freshness);
}

static void
test_nobody_is_woken_for_nothing(void)
{
	have_had_threads();
	g_autoptr(GError) error = NULL;
	g_autoptr(GHashTable) others = threads();
	FsFreshness *freshness = fs_freshness_new(NULL, FS_INODE_ROOT, &error);
	g_autoptr(GHashTable) ours = threads();

	g_assert_no_error(error);
	g_hash_table_foreach_remove(ours, is_in, others);
	g_assert_cmpuint(g_hash_table_size(ours), ==, 2);
	uint64_t before = naps(ours);
	for (unsigned i = 0; i < 100; i++) {
		fs_freshness_begin(freshness);
		fs_freshness_end(freshness);
	}
	g_assert_true(fs_freshness_settle(freshness, 60000));
	g_assert_cmpuint(naps(ours), ==, before);
	fs_freshness_stop(freshness);
	fs_freshness_free(freshness);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fs-freshness/nobody-is-woken-for-nothing", test_nobody_is_woken_for_nothing);
	return g_test_run();
}
