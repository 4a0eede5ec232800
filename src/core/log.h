/* Messages for people: to stderr, or to a file once the program has gone to the background.
 *
 * Thread-safe; each call writes one whole line.  Domains are the names of the layers ("net", "imap", "store", "mime",
 * "sync", "fs", "main").  No content of messages, no credentials: what a line may name is account, mailbox and UID.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum {
	CORE_LOG_ERROR,   /* always shown */
	CORE_LOG_WARNING, /* hidden by -q */
	CORE_LOG_INFO,    /* shown by -v */
	CORE_LOG_TRACE,   /* shown by -vv: the protocol, without secrets */
} CoreLogLevel;

void core_log_set_level(CoreLogLevel most_verbose);
bool core_log_enabled(CoreLogLevel level); /* cheap: ask before building something costly to log */

/* Sends later lines, with a time stamp, to path (0600, appended); one over size_bytes is started afresh. */
bool core_log_to_file(const char *path, gsize size_bytes, GError **error);

/* Control and direction-changing characters and bytes that are no UTF-8 are shown as \xNN, so that a server cannot
 * write to somebody's terminal. */
void core_log(CoreLogLevel level, const char *domain, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Called before and after a line is written to stderr, so that a progress bar can step aside.  NULL: nobody. */
void core_log_set_around(void (*before)(void), void (*after)(void));
