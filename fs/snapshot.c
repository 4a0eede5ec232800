#include "fs/snapshot.h"

#include "core/clock.h"

#include <pthread.h>
#include <string.h>

typedef struct {
	FsSnapshot about;
	char *content;
	uint64_t lookups;
} State;

struct FsSnapshots {
	pthread_mutex_t lock; /* protects what follows; a leaf */
	GHashTable *states;   /* number -> State */
	uint64_t latest[FS_SNAPSHOT_FILES]; /* numbers of states that may be forgotten by now; 0: none yet */
	uint64_t last_number;
};

static void
state_free(gpointer data)
{
	State *state = data;

	g_free(state->content);
	g_free(state);
}

FsSnapshots *
fs_snapshots_new(void)
{
	FsSnapshots *snapshots = g_new0(FsSnapshots, 1);

	pthread_mutex_init(&snapshots->lock, NULL);
	snapshots->states = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, state_free);
	return snapshots;
}

void
fs_snapshots_free(FsSnapshots *snapshots)
{
	if (!snapshots)
		return;
	g_hash_table_unref(snapshots->states);
	pthread_mutex_destroy(&snapshots->lock);
	g_free(snapshots);
}

void
fs_snapshots_look(FsSnapshots *snapshots, unsigned file, char *content, FsSnapshot *snapshot_r)
{
	pthread_mutex_lock(&snapshots->lock);
	State *state = g_hash_table_lookup(snapshots->states, &snapshots->latest[file]);
	if (state && strcmp(state->content, content) == 0) {
		g_free(content);
	} else {
		state = g_new0(State, 1);
		state->content = content;
		state->about = (FsSnapshot){ ++snapshots->last_number, strlen(content), core_clock_wall_s() };
		snapshots->latest[file] = state->about.number;
		g_hash_table_insert(snapshots->states, &state->about.number, state);
	}
	state->lookups++;
	*snapshot_r = state->about;
	pthread_mutex_unlock(&snapshots->lock);
}

void
fs_snapshots_forget(FsSnapshots *snapshots, uint64_t number, uint64_t count)
{
	pthread_mutex_lock(&snapshots->lock);
	State *state = g_hash_table_lookup(snapshots->states, &number);
	if (state) {
		state->lookups -= MIN(count, state->lookups);
		if (state->lookups == 0)
			g_hash_table_remove(snapshots->states, &number);
	}
	pthread_mutex_unlock(&snapshots->lock);
}

bool
fs_snapshots_get(FsSnapshots *snapshots, uint64_t number, FsSnapshot *snapshot_r)
{
	pthread_mutex_lock(&snapshots->lock);
	const State *state = g_hash_table_lookup(snapshots->states, &number);
	if (state)
		*snapshot_r = state->about;
	pthread_mutex_unlock(&snapshots->lock);
	return state != NULL;
}

bool
fs_snapshots_read(FsSnapshots *snapshots, uint64_t number, void *buffer, size_t size, uint64_t offset, size_t *n_r)
{
	pthread_mutex_lock(&snapshots->lock);
	const State *state = g_hash_table_lookup(snapshots->states, &number);
	if (state) {
		*n_r = offset < state->about.size ? MIN(size, state->about.size - offset) : 0;
		if (*n_r > 0)
			memcpy(buffer, state->content + offset, *n_r);
	}
	pthread_mutex_unlock(&snapshots->lock);
	return state != NULL;
}
