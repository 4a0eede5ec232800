/* What draft.c (the table and the bytes) and draft-save.c (how they get into the store) share. */
#pragma once

#include "fs/content.h"
#include "fs/draft.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct {
	int64_t id;
	unsigned refs;      /* under the table's lock, as all up to the next lock */
	int64_t mailbox_id;
	FsPredecessor predecessor;
	char *name;
	char *flags;        /* NULL: as they are */
	int64_t time_s;
	bool is_new, is_tmp, is_gone, is_file, dated;
	uint64_t generation, saved; /* they differ: there is something to save */
	uint64_t size;
	pthread_mutex_t lock; /* protects the bytes */
	FsContent content;
	int64_t copy_of;    /* the bytes are those of that message, and were not loaded, or are not needed; 0: of none */
	bool is_loaded;     /* of copy_of */
	uint64_t grown;     /* by how much saving has lengthened it, for those who go on writing */
} FsDraftFile;

struct FsDrafts {
	Store *store;
	pthread_mutex_t lock; /* protects what follows, and what is said above */
	GHashTable *table;    /* id to Draft, which it has a reference to; see fs_drafts_count() */
	atomic_uint count;    /* of the table, for those who look without the lock */
	GHashTable *shifts;   /* id to uint64_t: Draft.grown of what was saved */
	unsigned news;        /* of the table: never saved and not gone */
	int64_t next_id, end_id;   /* ids that are reserved for new files */
	int64_t spare_id;          /* the first of as many again; 0: they are to be reserved */
	bool spare_is_due;         /* nobody was asked for them yet */
};

/* With the table's lock held, after each change of the table. */
void fs_drafts_count(FsDrafts *drafts);
#define FS_DRAFT_IDS 4096 /* reserved at a time */

/* A reference, with the draft's lock held; NULL: there is none. */
FsDraftFile *fs_drafts_hold(FsDrafts *drafts, int64_t id);
void fs_drafts_let_go(FsDrafts *drafts, FsDraftFile *draft);
/* With the draft's lock held: the bytes of what it is a copy of are there. */
bool fs_drafts_load_source(FsDrafts *drafts, FsDraftFile *draft, GError **error);
