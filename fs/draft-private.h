/* What draft.c (the table), draft-bytes.c and draft-save.c (how they get into the store) share. */
#pragma once

#include "fs/content.h"
#include "fs/draft.h"

#include <pthread.h>
#include <stdatomic.h>

/* Where those who go on writing may believe that a file ends which was made longer when it was saved: whoever has written
 * last, and the kernel, which was told a size. */
#define FS_ENDS 4
typedef struct {
	uint64_t at[FS_ENDS]; /* 0: none */
} FsEnds;

typedef struct {
	int64_t id;
	unsigned refs;      /* under the table's lock, as all up to the next lock */
	int64_t mailbox_id;
	FsPredecessor predecessor;
	char *name;
	char *flags;        /* NULL: as they are */
	int64_t time_s, written_ms;
	bool is_new, is_tmp, is_gone, is_file, is_users_name, dated;
	atomic_bool is_out; /* not in the table any more */
	uint64_t generation, saved; /* they differ: there is something to save */
	uint64_t cut;               /* the generation that was made of what was saved by cutting it to a size; 0 */
	uint64_t size;
	pthread_mutex_t lock; /* protects the bytes */
	FsContent content;
	int64_t copy_of;    /* the bytes are those of that message, and were not loaded, or are not needed; 0: of none */
	int64_t source_body_id; /* of copy_of, when it was copied; 0: it was not here */
	bool is_loaded;     /* of copy_of */
	bool is_broken;     /* what was to be written at broken_at is not in it */
	uint64_t broken_at;
	FsEnds ends;
} FsDraftFile;

struct FsDrafts {
	Store *store;
	pthread_mutex_t lock; /* protects what follows, and what is said above */
	GHashTable *table;    /* id to Draft, which it has a reference to; see fs_drafts_count() */
	GHashTable *removed;  /* ids of what was removed, as long as somebody may have it open */
	atomic_uint count;    /* of both, for those who look without the lock */
	GHashTable *ends;     /* id to FsEnds, of what was saved and has grown.  FORGET ends none: it may be late */
	unsigned news;        /* of the table: never saved and not gone */
	uint64_t generations; /* the last one: none is used twice, for what is forgotten may begin again while it is saved */
	int64_t next_id, end_id;   /* ids that are reserved for new files */
	int64_t spare_id;          /* the first of as many again; 0: they are to be reserved */
	bool spare_is_due;         /* nobody was asked for them yet */
};

/* With the table's lock held, after each change of the table or of what was removed. */
void fs_drafts_count(FsDrafts *drafts);
/* With the table's lock held. */
FsDraftFile *fs_drafts_add(FsDrafts *drafts, int64_t id, int64_t mailbox_id, const char *name);
void fs_drafts_take_out(FsDrafts *drafts, FsDraftFile *draft);
#define FS_DRAFT_IDS 4096 /* reserved at a time */

/* A reference, with the draft's lock held; NULL: there is none. */
FsDraftFile *fs_drafts_hold(FsDrafts *drafts, int64_t id);
void fs_drafts_let_go(FsDrafts *drafts, FsDraftFile *draft);
/* With the draft's lock held: the bytes of what it is a copy of are there. */
bool fs_drafts_load_source(FsDrafts *drafts, FsDraftFile *draft, GError **error);
