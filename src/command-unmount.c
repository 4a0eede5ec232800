/* mailtree unmount DIR */
#include "command.h"

#include "control.h"
#include "core/clock.h"
#include "fs/mountpoint.h"
#include "mounts.h"

#include <errno.h>
#include <sysexits.h>

#define UNMOUNT_TIMEOUT_MS 60000
#define LOOK_AGAIN_US 50000

/* Nobody answers for the store: what is mounted there was left by a process that died, or has another store. */
static bool
detach(const char *path, GError **error)
{
	int64_t deadline = core_clock_ms() + UNMOUNT_TIMEOUT_MS;

	if (!mounts_is_mailtree(path))
		return core_throw(error, CORE_ERROR_USAGE, "%s is not mounted by mailtree", path);
	if (!fs_mountpoint_unmount(path, error))
		return false;
	while (mounts_is_mailtree(path) && core_clock_ms() < deadline)
		g_usleep(LOOK_AGAIN_US);
	return !mounts_is_mailtree(path) || core_throw(error, CORE_ERROR_IO, "%s is still mounted", path);
}

/* Asks the owner, which answers when all is closed.  False with *absent_r: there is none. */
static bool
ask_owner(const char *store, const char *path, bool *absent_r, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_autoptr(ControlClient) client = control_client_new(store, &failure);

	*absent_r = false;
	if (client && control_client_call(client, "unmount", path, NULL, NULL, UNMOUNT_TIMEOUT_MS, -1, &failure))
		return true;
	if (client && core_error_code(failure) == CORE_ERROR_LOCKED && !mounts_is_mailtree(path))
		return true; /* it ended for another reason meanwhile */
	*absent_r = core_error_code(failure) == (client ? CORE_ERROR_LOCKED : CORE_ERROR_NOT_FOUND);
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

int
command_unmount(const CommandLine *line)
{
	g_autofree char *path = mounts_resolve(line->arguments[0]);
	g_autoptr(GError) error = NULL, broken = NULL;
	bool absent;

	if (!path) {
		core_throw(&error, CORE_ERROR_USAGE, "cannot unmount %s: %s", line->arguments[0], g_strerror(errno));
		return command_fail(error);
	}
	g_autoptr(Config) config = config_load(line->config_path, &broken);
	if (!config) {
		/* Someone who is mending the configuration must still get rid of a mount. */
		if (mounts_is_mailtree(path))
			return detach(path, &error) ? EX_OK : command_fail(error);
		return command_fail(broken);
	}
	if (ask_owner(config->store, path, &absent, &error))
		return EX_OK;
	if (!absent)
		return command_fail(error);
	g_clear_error(&error);
	return detach(path, &error) ? EX_OK : command_fail(error);
}
