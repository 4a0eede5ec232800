#include "readers.h"

#include "core/bucket.h"
#include "core/clock.h"
#include "core/log.h"
#include "json.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CALM_MS (60 * 1000) /* without a refusal: the next is news */
#define NAMES_MAX 100       /* crawlers that the log names */
#define PROC_BYTES 4096     /* of a file below /proc */

struct Readers {
	GPtrArray *patterns;  /* of GPatternSpec; constant, as is the next */
	bool has_rate;
	pthread_mutex_t lock; /* a leaf; protects all below */
	CoreBucket bucket;
	ReadersRefused refused;
	int64_t beyond_ms;    /* when somebody was last refused for the rate; 0: never */
	GHashTable *told;     /* names of crawlers that the log has named */
};

static void
free_pattern(void *pattern)
{
	g_pattern_spec_free(pattern);
}

/* A whole name is cut as the kernel does it. */
static GPatternSpec *
compile(const char *text)
{
	g_autofree char *name = strpbrk(text, "*?") ? g_strdup(text) : g_strndup(text, READERS_NAME_BYTES);

	return g_pattern_spec_new(name);
}

Readers *
readers_new(char *const *crawlers, unsigned per_minute)
{
	Readers *readers = g_new0(Readers, 1);

	readers->patterns = g_ptr_array_new_with_free_func(free_pattern);
	for (char *const *name = crawlers; *name; name++)
		g_ptr_array_add(readers->patterns, compile(*name));
	pthread_mutex_init(&readers->lock, NULL);
	readers->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	readers->has_rate = per_minute > 0;
	if (readers->has_rate)
		core_bucket_init(&readers->bucket, per_minute, per_minute, core_clock_ms());
	return readers;
}

void
readers_free(Readers *readers)
{
	if (!readers)
		return;
	g_ptr_array_unref(readers->patterns);
	g_hash_table_unref(readers->told);
	pthread_mutex_destroy(&readers->lock);
	g_free(readers);
}

/* False: there is no such thread any more. */
static bool
read_proc(pid_t pid, const char *file, char text_r[PROC_BYTES])
{
	g_autofree char *path = g_strdup_printf("/proc/%d/%s", (int)pid, file);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text_r, PROC_BYTES - 1) : -1;

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	text_r[n] = '\0';
	return true;
}

static bool
is_crawler_named(const Readers *readers, pid_t pid, char name_r[READERS_NAME_BYTES + 1])
{
	char text[PROC_BYTES];

	if (!read_proc(pid, "comm", text))
		return false;
	text[strcspn(text, "\n")] = '\0';
	g_strlcpy(name_r, text, READERS_NAME_BYTES + 1);
	for (guint i = 0; i < readers->patterns->len; i++)
		if (g_pattern_spec_match_string(g_ptr_array_index(readers->patterns, i), name_r))
			return true;
	return false;
}

/* The first thread of the process that @thread is of; 0: unknown. */
static pid_t
process_of(pid_t thread)
{
	char text[PROC_BYTES];
	const char *line = read_proc(thread, "status", text) ? strstr(text, "\nTgid:") : NULL;

	return line ? (pid_t)g_ascii_strtoll(line + strlen("\nTgid:"), NULL, 10) : 0;
}

/* Threads have names of their own. */
static bool
is_crawler(const Readers *readers, pid_t reader, char name_r[READERS_NAME_BYTES + 1])
{
	if (reader <= 0 || readers->patterns->len == 0)
		return false;
	if (is_crawler_named(readers, reader, name_r))
		return true;
	pid_t process = process_of(reader);
	return process > 0 && process != reader && is_crawler_named(readers, process, name_r);
}

static bool
refuse_crawler(Readers *readers, const char *name, GError **error)
{
	g_autofree char *shown = text_printable(name);

	pthread_mutex_lock(&readers->lock);
	readers->refused.of_crawlers++;
	g_strlcpy(readers->refused.last_crawler, name, sizeof readers->refused.last_crawler);
	bool is_news = g_hash_table_size(readers->told) < NAMES_MAX && g_hash_table_add(readers->told, g_strdup(name));
	pthread_mutex_unlock(&readers->lock);
	if (is_news)
		core_log(CORE_LOG_WARNING, "main", "%s reads messages that are not here; they are not fetched for it "
		         "(crawlers in mailtree-config(5))", shown);
	return core_throw(error, CORE_ERROR_REFUSED, "nothing is fetched for %s, a crawler", shown);
}

bool
readers_admit(Readers *readers, pid_t reader, int64_t now_ms, GError **error)
{
	char name[READERS_NAME_BYTES + 1];
	bool is_news = false;

	if (is_crawler(readers, reader, name))
		return refuse_crawler(readers, name, error);
	if (!readers->has_rate)
		return true;
	pthread_mutex_lock(&readers->lock);
	bool admitted = core_bucket_take(&readers->bucket, now_ms);
	if (!admitted) {
		is_news = readers->beyond_ms == 0 || now_ms - readers->beyond_ms >= CALM_MS;
		readers->beyond_ms = now_ms;
		readers->refused.beyond_rate++;
	}
	pthread_mutex_unlock(&readers->lock);
	if (is_news)
		core_log(CORE_LOG_WARNING, "main", "more messages that are not here are read than fetch_rate in "
		         "mailtree-config(5) allows; some are not fetched");
	return admitted || core_throw(error, CORE_ERROR_BUSY, "too many messages that are not here were read (fetch_rate)");
}

void
readers_spare(Readers *readers)
{
	pthread_mutex_lock(&readers->lock);
	if (readers->has_rate)
		core_bucket_give_back(&readers->bucket);
	pthread_mutex_unlock(&readers->lock);
}

void
readers_refused(Readers *readers, ReadersRefused *refused_r)
{
	pthread_mutex_lock(&readers->lock);
	*refused_r = readers->refused;
	pthread_mutex_unlock(&readers->lock);
}
