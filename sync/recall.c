#include "sync/recall.h"

#include <pthread.h>
#include <string.h>

#define APPENDLIMIT "APPENDLIMIT="
#define RIGHTS "rights "
#define LINES_MAX 4 /* more are damage */

struct SyncRecall {
	pthread_mutex_t lock; /* a leaf; protects all below */
	char *capabilities;   /* NULL: unknown */
	unsigned forgotten;   /* logins in a row; at most SYNC_FORGOTTEN_MAX */
	int64_t forgotten_s;  /* the last of them, by the wall clock */
	int64_t rights_s;     /* when the user's rights were learned, by the wall clock; 0: they were not */
	bool loaded;
};

SyncRecall *
sync_recall_new(void)
{
	SyncRecall *recall = g_new0(SyncRecall, 1);

	pthread_mutex_init(&recall->lock, NULL);
	return recall;
}

void
sync_recall_free(SyncRecall *recall)
{
	if (!recall)
		return;
	pthread_mutex_destroy(&recall->lock);
	g_free(recall->capabilities);
	g_free(recall);
}

static void
read_forgotten(SyncRecall *recall, const char *line)
{
	g_auto(GStrv) words = g_strsplit(line, " ", 3);
	guint64 count;
	gint64 when_s;

	if (g_strv_length(words) != 2 || !g_ascii_string_to_unsigned(words[0], 10, 1, SYNC_FORGOTTEN_MAX, &count, NULL) ||
	    !g_ascii_string_to_signed(words[1], 10, 0, G_MAXINT64, &when_s, NULL))
		return;
	recall->forgotten = (unsigned)count;
	recall->forgotten_s = when_s;
}

/* Behind the first line. */
static void
read_line(SyncRecall *recall, const char *line)
{
	gint64 when_s;

	if (!g_str_has_prefix(line, RIGHTS))
		read_forgotten(recall, line);
	else if (g_ascii_string_to_signed(line + strlen(RIGHTS), 10, 1, G_MAXINT64, &when_s, NULL))
		recall->rights_s = when_s;
}

void
sync_recall_load(SyncRecall *recall, const char *stored)
{
	g_auto(GStrv) lines = g_strsplit(stored ? stored : "", "\n", LINES_MAX);

	pthread_mutex_lock(&recall->lock);
	recall->loaded = true;
	g_free(recall->capabilities);
	recall->capabilities = lines[0] && *lines[0] ? g_strdup(lines[0]) : NULL;
	recall->forgotten = 0;
	recall->rights_s = 0;
	for (guint i = 1; recall->capabilities && lines[i - 1] && lines[i]; i++)
		read_line(recall, lines[i]);
	pthread_mutex_unlock(&recall->lock);
}

uint64_t
sync_recall_append_limit(const char *stored)
{
	g_auto(GStrv) words = g_strsplit_set(stored ? stored : "", " \n", -1);
	guint64 limit_bytes = 0;

	for (char **word = words; *word; word++)
		if (g_ascii_strncasecmp(*word, APPENDLIMIT, strlen(APPENDLIMIT)) == 0)
			g_ascii_string_to_unsigned(*word + strlen(APPENDLIMIT), 10, 1, G_MAXINT64, &limit_bytes, NULL);
	return limit_bytes;
}

bool
sync_recall_is_loaded(SyncRecall *recall)
{
	pthread_mutex_lock(&recall->lock);
	bool loaded = recall->loaded;
	pthread_mutex_unlock(&recall->lock);
	return loaded;
}

char *
sync_recall_format(SyncRecall *recall)
{
	GString *stored = NULL;

	pthread_mutex_lock(&recall->lock);
	if (recall->capabilities)
		stored = g_string_new(recall->capabilities);
	if (stored && recall->forgotten > 0)
		g_string_append_printf(stored, "\n%u %" G_GINT64_FORMAT, recall->forgotten, recall->forgotten_s);
	if (stored && recall->rights_s > 0)
		g_string_append_printf(stored, "\n" RIGHTS "%" G_GINT64_FORMAT, recall->rights_s);
	pthread_mutex_unlock(&recall->lock);
	return stored ? g_string_free(stored, FALSE) : NULL;
}

/* With the lock held.  A clock that went back says nothing of how long ago it was. */
static bool
is_believed(const SyncRecall *recall, int64_t now_s)
{
	return recall->forgotten >= SYNC_FORGOTTEN_MAX && now_s >= recall->forgotten_s &&
	       now_s - recall->forgotten_s < SYNC_FORGOTTEN_S;
}

char *
sync_recall_capabilities(SyncRecall *recall, bool finds_out, int64_t now_s)
{
	pthread_mutex_lock(&recall->lock);
	bool together = finds_out ? !is_believed(recall, now_s) : recall->forgotten == 0;
	char *capabilities = together ? g_strdup(recall->capabilities) : NULL;
	pthread_mutex_unlock(&recall->lock);
	return capabilities;
}

bool
sync_recall_note_login(SyncRecall *recall, const char *capabilities, bool together)
{
	pthread_mutex_lock(&recall->lock);
	bool is_other = g_strcmp0(recall->capabilities, capabilities) != 0;
	bool forgives = recall->forgotten > 0 && (is_other || together);
	if (is_other) {
		g_free(recall->capabilities);
		recall->capabilities = g_strdup(capabilities);
		recall->rights_s = 0;
	}
	if (forgives)
		recall->forgotten = 0;
	recall->loaded = true;
	pthread_mutex_unlock(&recall->lock);
	return is_other || forgives;
}

void
sync_recall_note_forgotten(SyncRecall *recall, int64_t now_s)
{
	pthread_mutex_lock(&recall->lock);
	recall->forgotten = MIN(recall->forgotten + 1, SYNC_FORGOTTEN_MAX);
	recall->forgotten_s = now_s;
	pthread_mutex_unlock(&recall->lock);
}

bool
sync_recall_rights_are_due(SyncRecall *recall, int64_t now_s)
{
	pthread_mutex_lock(&recall->lock);
	bool is_due = recall->rights_s == 0 || now_s < recall->rights_s || now_s - recall->rights_s >= SYNC_RIGHTS_S;
	pthread_mutex_unlock(&recall->lock);
	return is_due;
}

void
sync_recall_note_rights(SyncRecall *recall, int64_t now_s)
{
	pthread_mutex_lock(&recall->lock);
	recall->rights_s = now_s;
	pthread_mutex_unlock(&recall->lock);
}
