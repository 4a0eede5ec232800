/* Who has messages fetched by reading them: crawlers, which read everything and on whose behalf nobody waits, are refused,
 * and all others are slowed to a rate, since a crawler may have any name.  See crawlers and fetch_rate in
 * mailtree-config(5).
 */
#pragma once

#include "core/error.h"

#include <stdint.h>
#include <sys/types.h>

#define READERS_NAME_BYTES 15 /* to which the kernel cuts the names of threads */

typedef struct Readers Readers;

/* @crawlers: patterns with * and ?, for names as in /proc/PID/comm.  @per_minute 0: any number. */
Readers *readers_new(char *const *crawlers, unsigned per_minute);
void readers_free(Readers *readers); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Readers, readers_free)

/* Any thread.  Whether a body may be fetched now (core_clock_ms()) for @reader, a thread as the kernel numbers it (0:
 * unknown).  False with CORE_ERROR_REFUSED: it is a crawler, or of the process of one; CORE_ERROR_BUSY: too much was read
 * of late. */
bool readers_admit(Readers *readers, pid_t reader, int64_t now_ms, GError **error);
/* Any thread.  For one that was admitted nothing had to be fetched. */
void readers_spare(Readers *readers);

typedef struct {
	uint64_t of_crawlers, beyond_rate;
	char last_crawler[READERS_NAME_BYTES + 1]; /* "": none */
} ReadersRefused;
void readers_refused(Readers *readers, ReadersRefused *refused_r); /* any thread */
