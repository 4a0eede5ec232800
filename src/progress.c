#include "progress.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/size.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BAR_MAX 30
#define COLUMNS_MAX 200
#define SAMPLES 16          /* of the last seconds, for the rate */
#define SAMPLE_MS 500

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* protects what follows; inside the log's lock, and a leaf */
static bool shown;   /* the terminal's last line is ours */
static char *line;   /* what stands there; NULL: no bar */

static bool active;  /* of the thread that shows: this and what follows */
static struct {
	int64_t at_ms;
	uint64_t bytes;
} samples[SAMPLES];
static unsigned sample_count;

void
progress_add(ProgressNumbers *sum, const SyncStatus *status)
{
	sum->phase = MAX(sum->phase, status->phase);
	sum->mailboxes_done += status->mailboxes_done;
	sum->mailboxes_total += status->mailboxes_total;
	sum->messages_done += status->messages_done;
	sum->messages_total += status->messages_total;
	sum->bytes_done += status->bytes_done;
	sum->bytes_total += status->bytes_total;
}

char *
progress_to_words(const ProgressNumbers *numbers)
{
	return g_strdup_printf("%s %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT
	                       " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, sync_phase_names[numbers->phase],
	                       numbers->mailboxes_done, numbers->mailboxes_total, numbers->messages_done,
	                       numbers->messages_total, numbers->bytes_done, numbers->bytes_total);
}

bool
progress_from_words(const char *words, ProgressNumbers *numbers_r)
{
	g_auto(GStrv) word = g_strsplit(words, " ", -1);
	ProgressNumbers numbers = { SYNC_IDLE };
	guint64 *const fields[] = { &numbers.mailboxes_done, &numbers.mailboxes_total, &numbers.messages_done,
		                    &numbers.messages_total, &numbers.bytes_done, &numbers.bytes_total };
	int phase = SYNC_FETCHING;

	if (g_strv_length(word) != 1 + G_N_ELEMENTS(fields))
		return false;
	while (phase > SYNC_IDLE && !g_str_equal(word[0], sync_phase_names[phase]))
		phase--;
	numbers.phase = (SyncPhase)phase;
	for (gsize i = 0; i < G_N_ELEMENTS(fields); i++) {
		if (!g_ascii_string_to_unsigned(word[i + 1], 10, 0, G_MAXUINT64, fields[i], NULL))
			return false;
	}
	*numbers_r = numbers;
	return true;
}

static char *
time_left(uint64_t bytes, uint64_t bytes_per_s)
{
	uint64_t s = bytes / bytes_per_s;

	if (s >= 100 * 3600)
		return g_strdup("days left");
	if (s >= 3600)
		return g_strdup_printf("%u:%02u:%02u left", (unsigned)(s / 3600), (unsigned)(s / 60 % 60), (unsigned)(s % 60));
	return g_strdup_printf("%u:%02u left", (unsigned)(s / 60), (unsigned)(s % 60));
}

static char *
describe_fetching(const ProgressNumbers *numbers, uint64_t bytes_per_s)
{
	uint64_t total = MAX(numbers->bytes_total, numbers->bytes_done); /* what servers say about sizes is an estimate */
	g_autofree char *done = core_size_text(numbers->bytes_done), *all = core_size_text(total);
	GString *text = g_string_new(NULL);

	g_string_printf(text, "%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT " messages  %s of %s", numbers->messages_done,
	                numbers->messages_total, done, all);
	if (bytes_per_s > 0) {
		g_autofree char *rate = core_size_text(bytes_per_s), *left = time_left(total - numbers->bytes_done, bytes_per_s);
		g_string_append_printf(text, "  %s/s  %s", rate, left);
	}
	return g_string_free(text, FALSE);
}

static char *
draw_bar(const ProgressNumbers *numbers, unsigned width)
{
	uint64_t total = MAX(MAX(numbers->bytes_total, numbers->bytes_done), 1);
	unsigned full = (unsigned)((double)numbers->bytes_done / (double)total * width);
	char bar[BAR_MAX + 1];

	memset(bar, '#', full);
	memset(bar + full, '.', width - full);
	bar[width] = '\0';
	return g_strdup_printf("[%s] ", bar);
}

char *
progress_format(const ProgressNumbers *numbers, uint64_t bytes_per_s, unsigned columns)
{
	g_autofree char *text = NULL, *bar = NULL;
	char *whole;

	if (numbers->phase == SYNC_FETCHING && numbers->messages_total > 0) {
		text = describe_fetching(numbers, bytes_per_s);
		if (columns > 0 && strlen(text) + 13 <= columns) /* the brackets, a space and at least ten */
			bar = draw_bar(numbers, MIN(BAR_MAX, columns - 3 - (unsigned)strlen(text)));
	} else if (numbers->mailboxes_total > 0 && numbers->phase >= SYNC_LISTING) {
		text = g_strdup_printf("%s: %" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT " folders", sync_phase_names[numbers->phase],
		                       numbers->mailboxes_done, numbers->mailboxes_total);
	} else {
		text = g_strdup(numbers->phase == SYNC_IDLE ? "starting" : sync_phase_names[numbers->phase]);
	}
	whole = g_strconcat(bar ? bar : "", text, NULL);
	if (columns > 0 && strlen(whole) > columns)
		whole[columns] = '\0'; /* all of it is ASCII, but for a decimal comma that no locale spells otherwise */
	return whole;
}

static void
put(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0) {
		/* The terminal has gone; the work goes on. */
	}
}

static void
step_aside(void)
{
	pthread_mutex_lock(&lock);
	if (shown)
		put("\r\033[K");
	shown = false;
	pthread_mutex_unlock(&lock);
}

static void
step_back(void)
{
	pthread_mutex_lock(&lock);
	if (line) {
		put(line);
		shown = true;
	}
	pthread_mutex_unlock(&lock);
}

void
progress_start(bool wanted)
{
	active = wanted && isatty(STDERR_FILENO);
	sample_count = 0;
	if (active)
		core_log_set_around(step_aside, step_back);
}

/* Bytes a second between the oldest sample that is kept and now. */
static uint64_t
measure(uint64_t bytes)
{
	int64_t now = core_clock_ms();
	int64_t last = sample_count > 0 ? samples[(sample_count - 1) % SAMPLES].at_ms : now - SAMPLE_MS;

	if (sample_count > 0 && bytes < samples[(sample_count - 1) % SAMPLES].bytes)
		sample_count = 0; /* another run began */
	if (now - last >= SAMPLE_MS || sample_count == 0) {
		samples[sample_count % SAMPLES].at_ms = now;
		samples[sample_count % SAMPLES].bytes = bytes;
		sample_count++;
	}
	unsigned oldest = sample_count > SAMPLES ? sample_count % SAMPLES : 0;
	int64_t elapsed = now - samples[oldest].at_ms;
	return elapsed >= 2 * SAMPLE_MS ? (bytes - samples[oldest].bytes) * 1000 / (uint64_t)elapsed : 0;
}

static unsigned
columns(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? MIN(size.ws_col, COLUMNS_MAX) : 80;
}

static void
draw(const char *text)
{
	g_autofree char *drawn = g_strconcat("\r", text, "\033[K", NULL);

	pthread_mutex_lock(&lock);
	if (g_strcmp0(line, drawn) != 0) {
		g_free(line);
		line = g_steal_pointer(&drawn);
		put(line);
		shown = true;
	}
	pthread_mutex_unlock(&lock);
}

void
progress_show(const ProgressNumbers *numbers)
{
	if (!active)
		return;
	g_autofree char *text = progress_format(numbers, measure(numbers->bytes_done), columns() - 1);
	draw(text);
}

void
progress_show_text(const char *text)
{
	if (!active)
		return;
	g_autofree char *cut = g_strndup(text, columns() - 1);
	draw(cut);
}

void
progress_stop(void)
{
	if (!active)
		return;
	active = false;
	core_log_set_around(NULL, NULL);
	step_aside();
	pthread_mutex_lock(&lock);
	g_clear_pointer(&line, g_free);
	pthread_mutex_unlock(&lock);
}
