#include "round.h"

#include <pthread.h>

typedef struct {
	char *account;
	uint64_t ticket;
	GError *error;
} Entry;

struct Round {
	SyncEngine *engine;
	Entry *entries; /* errors are the thread's until over */
	size_t count;
	CoreCancel *cancel, *over;
	pthread_t thread;
};

static void *
run(void *data)
{
	Round *round = data;

	for (size_t i = 0; i < round->count; i++) {
		Entry *entry = &round->entries[i];
		if (!sync_engine_wait(round->engine, entry->ticket, entry->account, round->cancel, &entry->error) && !entry->error)
			core_throw(&entry->error, CORE_ERROR_CANCELLED, "stopped");
	}
	core_cancel_trigger(round->over);
	return NULL;
}

static void
release(Round *round)
{
	for (size_t i = 0; i < round->count; i++) {
		g_free(round->entries[i].account);
		g_clear_error(&round->entries[i].error);
	}
	g_free(round->entries);
	core_cancel_unref(round->cancel);
	core_cancel_unref(round->over);
	g_free(round);
}

/* The names of all accounts of the engine; the array is g_free()d, its strings are the engine's. */
static const char **
all_accounts(SyncEngine *engine)
{
	size_t count = sync_engine_accounts(engine);
	const char **names = g_new0(const char *, count + 1);

	for (size_t i = 0; i < count; i++) {
		SyncStatus status;
		sync_engine_status(engine, i, &status);
		names[i] = status.account;
		sync_status_clear(&status);
	}
	return names;
}

Round *
round_new(SyncEngine *engine, const char *const *accounts, GError **error)
{
	g_autofree const char **all = accounts && *accounts ? NULL : all_accounts(engine);
	const char *const *names = all ? all : accounts;
	Round *round = g_new0(Round, 1);
	int failed;

	round->engine = engine;
	round->entries = g_new0(Entry, g_strv_length((char **)(uintptr_t)names));
	round->cancel = core_cancel_try(error);
	round->over = round->cancel ? core_cancel_try(error) : NULL;
	if (!round->over) {
		release(round);
		return NULL;
	}
	for (; *names; names++) {
		Entry *entry = &round->entries[round->count++];
		entry->account = g_strdup(*names);
		entry->ticket = sync_engine_request(engine, *names, error);
		if (!entry->ticket) {
			release(round);
			return NULL;
		}
	}
	failed = pthread_create(&round->thread, NULL, run, round);
	if (failed) {
		core_throw(error, CORE_ERROR_IO, "cannot start a thread: %s", g_strerror(failed));
		release(round);
		return NULL;
	}
	return round;
}

int
round_fd(const Round *round)
{
	return core_cancel_fd(round->over);
}

size_t
round_count(const Round *round)
{
	return round->count;
}

const char *
round_account(const Round *round, size_t index)
{
	return round->entries[index].account;
}

const GError *
round_error(const Round *round, size_t index)
{
	/* The switch, not its descriptor, hands the errors over from the thread. */
	return core_cancel_triggered(round->over) ? round->entries[index].error : NULL;
}

void
round_free(Round *round)
{
	if (round) {
		core_cancel_trigger(round->cancel);
		pthread_join(round->thread, NULL);
		release(round);
	}
}
