#include "core/log.h"

#include "core/error.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static atomic_int verbosity = CORE_LOG_WARNING;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* protects what follows; inside, only what around_*() lock */
static int log_fd = -1;
static char *log_path;
static gsize log_limit_bytes;
static void (*around_before)(void), (*around_after)(void);

void
core_log_set_level(CoreLogLevel most_verbose)
{
	atomic_store(&verbosity, (int)most_verbose);
}

bool
core_log_enabled(CoreLogLevel level)
{
	return (int)level <= atomic_load(&verbosity);
}

static int
open_log(const char *path, gsize limit_bytes)
{
	struct stat st;
	int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW;

	if (stat(path, &st) == 0 && (gsize)st.st_size > limit_bytes)
		flags |= O_TRUNC;
	return open(path, flags, 0600);
}

bool
core_log_to_file(const char *path, gsize size_bytes, GError **error)
{
	int fd = open_log(path, size_bytes);

	if (fd < 0)
		return core_throw_errno(error, "cannot open the log file %s", path);
	pthread_mutex_lock(&lock);
	if (log_fd >= 0)
		close(log_fd);
	log_fd = fd;
	g_free(log_path);
	log_path = g_strdup(path);
	log_limit_bytes = size_bytes;
	pthread_mutex_unlock(&lock);
	return true;
}

void
core_log_set_around(void (*before)(void), void (*after)(void))
{
	pthread_mutex_lock(&lock);
	around_before = before;
	around_after = after;
	pthread_mutex_unlock(&lock);
}

static void
append_printable(GString *line, const char *text)
{
	for (const char *p = text, *next; *p; p = next) {
		gunichar c = g_utf8_get_char_validated(p, -1);
		bool valid = c != (gunichar)-1 && c != (gunichar)-2;

		next = valid ? p + g_utf8_skip[(unsigned char)*p] : p + 1;
		if (valid && g_unichar_isprint(c))
			g_string_append_len(line, p, next - p);
		else
			for (; p < next; p++)
				g_string_append_printf(line, "\\x%02x", (unsigned char)*p);
	}
}

static void
write_all(int fd, const char *bytes, gsize length)
{
	while (length > 0) {
		ssize_t n = write(fd, bytes, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* there is nowhere left to complain */
		bytes += n;
		length -= (gsize)n;
	}
}

void
core_log(CoreLogLevel level, const char *domain, const char *format, ...)
{
	static const char *const names[] = { "error", "warning", "info", "trace" };

	if (!core_log_enabled(level))
		return;

	va_list args;
	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	GString *line = g_string_sized_new(160);

	/* A thread that is ended while it writes would keep the lock. */
	int cancel_state;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	pthread_mutex_lock(&lock);
	if (log_fd >= 0) {
		char stamp[32];
		time_t now = time(NULL);
		struct tm tm;
		struct stat st;

		strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
		g_string_printf(line, "%s %s %s: ", stamp, names[level], domain);
		append_printable(line, text);
		g_string_append_c(line, '\n');
		if (fstat(log_fd, &st) == 0 && (gsize)st.st_size > log_limit_bytes) {
			int fresh = open_log(log_path, log_limit_bytes);
			if (fresh >= 0) {
				close(log_fd);
				log_fd = fresh;
			}
		}
		write_all(log_fd, line->str, line->len);
	} else {
		g_string_append(line, level <= CORE_LOG_WARNING ? "mailtree: " : "");
		g_string_append(line, level == CORE_LOG_WARNING ? "warning: " : "");
		if (level >= CORE_LOG_INFO)
			g_string_append_printf(line, "%s: ", domain);
		append_printable(line, text);
		g_string_append_c(line, '\n');
		if (around_before)
			around_before();
		write_all(STDERR_FILENO, line->str, line->len);
		if (around_after)
			around_after();
	}
	pthread_mutex_unlock(&lock);
	pthread_setcancelstate(cancel_state, NULL);
	g_string_free(line, TRUE);
}
