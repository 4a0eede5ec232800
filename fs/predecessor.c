#include "fs/predecessor.h"

#include "core/clock.h"

#include <glib.h>
#include <pthread.h>
#include <string.h>

#define COUNT 1024
#define KEPT_MS 60000

typedef struct {
	FsPredecessor message;
	int64_t mailbox_id, heir_id, at_ms;
	char *name; /* NULL: unused */
} Aside;

struct FsPredecessors {
	pthread_mutex_t lock; /* protects what follows; a leaf */
	Aside ring[COUNT];
	unsigned next;
};

FsPredecessors *
fs_predecessors_new(void)
{
	FsPredecessors *predecessors = g_new0(FsPredecessors, 1);

	pthread_mutex_init(&predecessors->lock, NULL);
	return predecessors;
}

void
fs_predecessors_free(FsPredecessors *predecessors)
{
	if (!predecessors)
		return;
	for (unsigned i = 0; i < COUNT; i++)
		g_free(predecessors->ring[i].name);
	pthread_mutex_destroy(&predecessors->lock);
	g_free(predecessors);
}

void
fs_predecessors_note(FsPredecessors *predecessors, int64_t mailbox_id, const char *name, const FsPredecessor *predecessor)
{
	pthread_mutex_lock(&predecessors->lock);
	Aside *aside = &predecessors->ring[predecessors->next++ % COUNT];
	g_free(aside->name);
	*aside = (Aside){ *predecessor, mailbox_id, 0, core_clock_ms(), g_strdup(name) };
	pthread_mutex_unlock(&predecessors->lock);
}

/* The latest one of which that is true, with the lock held: of that name, or with @name NULL of message @id. */
static Aside *
find(FsPredecessors *predecessors, int64_t id, int64_t mailbox_id, const char *name)
{
	int64_t now_ms = core_clock_ms();

	for (unsigned i = 1; i <= COUNT; i++) {
		Aside *aside = &predecessors->ring[(predecessors->next - i) % COUNT];
		if (!aside->name || now_ms - aside->at_ms > KEPT_MS)
			continue;
		if (name ? aside->mailbox_id == mailbox_id && strcmp(aside->name, name) == 0 : aside->message.id == id)
			return aside;
	}
	return NULL;
}

FsPredecessor
fs_predecessors_find(FsPredecessors *predecessors, int64_t mailbox_id, const char *name)
{
	FsPredecessor found = { 0 };

	pthread_mutex_lock(&predecessors->lock);
	const Aside *aside = find(predecessors, 0, mailbox_id, name);
	if (aside && aside->heir_id == 0)
		found = aside->message;
	pthread_mutex_unlock(&predecessors->lock);
	return found;
}

void
fs_predecessors_follow(FsPredecessors *predecessors, int64_t id, int64_t heir_id)
{
	pthread_mutex_lock(&predecessors->lock);
	Aside *aside = find(predecessors, id, 0, NULL);
	if (aside)
		aside->heir_id = heir_id;
	pthread_mutex_unlock(&predecessors->lock);
}

int64_t
fs_predecessors_heir(FsPredecessors *predecessors, int64_t id)
{
	pthread_mutex_lock(&predecessors->lock);
	const Aside *aside = find(predecessors, id, 0, NULL);
	int64_t heir_id = aside ? aside->heir_id : 0;
	pthread_mutex_unlock(&predecessors->lock);
	return heir_id;
}
