#include "sync/quiet.h"

#include <glib.h>

int sync_quiet_ms = 5000;

#define FIRST_PART 16 /* the first look is repeated after this part of the time */

void
sync_quiet_open(SyncQuiet *quiet, int64_t now_ms)
{
	if (quiet->since_ms == 0)
		quiet->since_ms = now_ms;
	quiet->looks = 0;
}

void
sync_quiet_close(SyncQuiet *quiet, int64_t now_ms)
{
	quiet->since_ms = now_ms;
}

bool
sync_quiet_is_over(const SyncQuiet *quiet, int64_t now_ms)
{
	return now_ms - quiet->since_ms >= sync_quiet_ms;
}

void
sync_quiet_note_more(SyncQuiet *quiet, int64_t now_ms)
{
	if (quiet->looks == 0)
		return;
	quiet->since_ms = now_ms;
	quiet->looks = 1;
}

int64_t
sync_quiet_pause_ms(SyncQuiet *quiet, int64_t now_ms)
{
	int64_t left_ms = MAX(quiet->since_ms + sync_quiet_ms - now_ms, 0);
	int64_t pause_ms = (int64_t)MAX(sync_quiet_ms / FIRST_PART, 1) << MIN(quiet->looks, 16);

	quiet->looks++;
	return left_ms < 2 * pause_ms ? left_ms : pause_ms;
}
