/* When it is believed that something was not done which was sent before a connection ended.
 *
 * A server goes on with what it had received, and what was on its way comes a little later; IMAP has no way to ask whether
 * it has done so (another session's commands show in nothing, and NOOP or CHECK wait for none).  So what is there is
 * believed at once; that something is not, only when so much time has gone by since it can last have been sent, and
 * nothing more of it has come since.  Until then it is looked for again and again.
 *
 * Pure: the caller tells the time, of core_clock_boot_ms(), which goes on while this computer sleeps, as the server does.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A server finishes in a fraction of a second what it has received, and a crowded line holds bytes back for a second or
 * two; nobody minds to wait so long behind a crash.  The tests' build of the program shortens it before threads start. */
extern int sync_quiet_ms;

/* Of the connection that sends what changes something.  Zero at first. */
typedef struct {
	int64_t since_ms; /* nothing that a server may yet do was sent later; 0: not known */
	unsigned looks;   /* that have missed something since the connection came about */
} SyncQuiet;

/* A connection is about to be made.  If it is the first, a process that was killed may have had one up to now. */
void sync_quiet_open(SyncQuiet *quiet, int64_t now_ms);
/* It has ended, in whatever way. */
void sync_quiet_close(SyncQuiet *quiet, int64_t now_ms);

/* Whether what a look that begins now does not show may count as not done. */
bool sync_quiet_is_over(const SyncQuiet *quiet, int64_t now_ms);
/* A later look than the first has shown more of what was sent: the server is at it. */
void sync_quiet_note_more(SyncQuiet *quiet, int64_t now_ms);
/* A look has missed something and does not count: how long to wait before the next; each time longer, but the last is
 * when it counts. */
int64_t sync_quiet_pause_ms(SyncQuiet *quiet, int64_t now_ms);
