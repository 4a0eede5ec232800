#include "owner-find.h"

#include "core/clock.h"

#define TIMEOUT_MS 10000
#define PAUSE_US 100000
#define OWNERS_MAX 5 /* that end, one after the other, before they have answered */

bool
owner_find(const char *store_dir, ControlClient **client_r, Store **store_r, GError **error)
{
	int64_t deadline = core_clock_ms() + TIMEOUT_MS;

	for (;;) {
		g_autoptr(GError) absent = NULL, locked = NULL;
		ControlClient *client = control_client_new(store_dir, &absent);
		if (client) {
			*client_r = client;
			return true;
		}
		if (core_error_code(absent) != CORE_ERROR_NOT_FOUND) {
			g_propagate_error(error, g_steal_pointer(&absent));
			return false;
		}
		Store *store = store_open(store_dir, &locked);
		if (store) {
			*store_r = store;
			return true;
		}
		if (core_error_code(locked) != CORE_ERROR_LOCKED || core_clock_ms() >= deadline) {
			g_propagate_error(error, g_steal_pointer(&locked));
			return false;
		}
		g_usleep(PAUSE_US);
	}
}

bool
owner_ask(const char *store_dir, OwnerAskFn ask, void *data, Store **store_r, GError **error)
{
	*store_r = NULL;
	for (int tries = 1;; tries++) {
		g_autoptr(ControlClient) client = NULL;
		g_autoptr(GError) failure = NULL;

		if (!owner_find(store_dir, &client, store_r, error))
			return false;
		if (!client || ask(client, data, &failure))
			return true;
		if (core_error_code(failure) != CORE_ERROR_LOCKED || tries == OWNERS_MAX) {
			g_propagate_error(error, g_steal_pointer(&failure));
			return false;
		}
	}
}
