/* What requests ask to be changed, on their way from a FUSE thread to the saver and to the answer.
 *
 * A view says by its FsChanges what can be done in it.  Some calls answer at once; the others are FsVerbs, whose parts run
 * where saver.h says.  While a request of the kernel is under way it lets nobody else create, rename or remove names in
 * the directories that are concerned, so what a name stands for is found out once, before anything is queued.
 */
#pragma once

#include "fs/draft.h"
#include "fs/saver.h"
#include "fs/view.h"

#include <fuse_lowlevel.h>

typedef struct FsChange FsChange;
struct FsChange {
	FsJob job;
	fuse_req_t req;
	Fs *fs;
	const FsView *view;
	const struct FsVerb *verb;
	void (*answer)(FsChange *change); /* when it is durable */

	FsInode directory;    /* of name; of link where the new name is */
	FsInode inode;        /* what it is about; of mkdir and link what came of it */
	FsInode to_directory; /* of rename */
	FsInode target;       /* of rename: what is called to_name now; 0: nothing */
	FsInode source;       /* of link: the message that is copied */
	bool is_directory, target_is_directory;
	char *name, *to_name, *value; /* value: of set_xattr; NULL: it is removed */
	unsigned flags;       /* of rename: renameat2()'s */
	int64_t time_s;

	/* The verb's own. */
	FsDraftBytes bytes;
	FsPredecessor predecessor; /* what was called to_name a moment ago */
	FsPredecessor leaving;     /* the message that gives up its name, for what is saved in its place */
	int64_t row_id;
	bool noted;
	bool is_open; /* of save: nobody has closed it */
};

/* NULL parts: nothing to do.  check() is called by the thread that read the request, before anything is queued; applied()
 * or failed() when it is known whether it is durable. */
typedef struct FsVerb {
	bool (*check)(FsChange *change, GError **error);
	bool (*prepare)(FsChange *change, StoreWriter *writer, GError **error);
	bool (*apply)(FsChange *change, StoreTxn *txn, GError **error);
	void (*applied)(FsChange *change);
	void (*failed)(FsChange *change);
} FsVerb;

/* NULL: EPERM. */
struct FsChanges {
	/* At once, on FUSE's threads. */
	bool (*create)(const FsView *view, Fs *fs, FsInode directory, const char *name, FsNode *node_r, GError **error);
	bool (*write)(const FsView *view, Fs *fs, FsInode inode, const void *bytes, size_t length, uint64_t offset,
	              GError **error);
	bool (*resize)(const FsView *view, Fs *fs, FsInode inode, uint64_t size, GError **error);
	/* A whole file into one that has no bytes yet; *n_r: how many it has now; 0: it cannot be, the bytes have to travel. */
	bool (*copy)(const FsView *view, Fs *fs, FsInode from, FsInode inode, uint64_t *n_r, GError **error);

	/* Whether all that was written to a file is durable, so that there is nothing to save.  NULL: save finds out.  Most who
	 * close a file have only read it: costs next to nothing. */
	bool (*is_saved)(Fs *fs, FsInode inode);

	const FsVerb *save, *unlink, *rename, *mkdir, *rmdir, *link, *set_time, *set_xattr;
};

/* @req NULL: nobody waits.  @verb NULL: it cannot be done in this view. */
FsChange *fs_change_new(fuse_req_t req, Fs *fs, const FsView *view, const FsVerb *verb, FsInode directory,
                        const char *name);
void fs_change_free(FsChange *change);

/* Takes @change, and answers it sooner or later.  @ok false: it cannot be, with @error (taken; NULL: ENOENT). */
void fs_change_submit(FsChange *change, bool ok, GError *error);

/* Answers with what became of change->inode. */
void fs_change_answer_entry(FsChange *change);
void fs_change_answer_attributes(FsChange *change);

/* Saves a file whose close() nobody waits for, as when the tree is unmounted.  @is_open: perhaps somebody goes on writing to
 * it, so the server gets it later. */
void fs_change_save(Fs *fs, FsInode inode, bool is_open);
