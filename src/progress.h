/* The progress bar on a terminal. */
#pragma once

#include "sync/engine.h"

/* Some accounts, added up. */
typedef struct {
	SyncPhase phase; /* the furthest */
	uint64_t mailboxes_done, mailboxes_total;
	uint64_t messages_done, messages_total;
	uint64_t bytes_done, bytes_total;
} ProgressNumbers;

void progress_add(ProgressNumbers *sum, const SyncStatus *status);

/* As the control socket carries them: PHASE and six numbers.  Parsing is false when it is something else. */
char *progress_to_words(const ProgressNumbers *numbers);
bool progress_from_words(const char *words, ProgressNumbers *numbers_r);

/* One line with a bar, of at most @columns columns (0: any length, and no bar).  @bytes_per_s 0: not known yet. */
char *progress_format(const ProgressNumbers *numbers, uint64_t bytes_per_s, unsigned columns);

/* The bar at the bottom of stderr, if that is a terminal and @wanted; else nothing is ever shown.  Lines of the log step
 * over it.  There is one in a process; start, show and stop belong to one thread. */
void progress_start(bool wanted);
void progress_show(const ProgressNumbers *numbers);
void progress_show_text(const char *text); /* in its place: ASCII, cut to the terminal's width */
void progress_stop(void); /* removes it; harmless if it was not started */
