#include "fs/change.h"

#include "core/log.h"
#include "fs/error.h"
#include "fs/reply.h"

#include <errno.h>

void
fs_change_free(FsChange *change)
{
	fs_draft_bytes_clear(&change->bytes);
	g_free(change->name);
	g_free(change->to_name);
	g_free(change->value);
	g_free(change);
}

static bool
prepare(FsJob *job, StoreWriter *writer, GError **error)
{
	FsChange *change = (FsChange *)job;

	return change->verb->prepare(change, writer, error);
}

static bool
apply(FsJob *job, StoreTxn *txn, GError **error)
{
	FsChange *change = (FsChange *)job;

	return change->verb->apply(change, txn, error);
}

static void
done(FsJob *job, const GError *error)
{
	FsChange *change = (FsChange *)job;

	if (!error && change->verb->applied)
		change->verb->applied(change);
	if (error && change->verb->failed)
		change->verb->failed(change);
	if (!change->req) {
		if (error)
			core_log(CORE_LOG_ERROR, "fs", "a file could not be saved: %s", error->message);
	} else if (error) {
		fs_reply_failure(change->req, change->inode ? change->inode : change->directory, g_error_copy(error));
	} else {
		change->answer(change);
	}
	fs_change_free(change);
}

static void
answer_nothing(FsChange *change)
{
	fuse_reply_err(change->req, 0);
}

void
fs_change_answer_entry(FsChange *change)
{
	GError *error = NULL;
	FsNode node;

	if (change->view->attributes(change->view, change->fs, change->inode, &node, &error))
		fs_reply_entry(change->req, change->fs, &node);
	else
		fs_reply_failure(change->req, change->inode, error);
}

void
fs_change_answer_attributes(FsChange *change)
{
	GError *error = NULL;
	FsNode node;

	if (change->view->attributes(change->view, change->fs, change->inode, &node, &error))
		fs_reply_attributes(change->req, change->fs, &node);
	else
		fs_reply_failure(change->req, change->inode, error);
}

FsChange *
fs_change_new(fuse_req_t req, Fs *fs, const FsView *view, const FsVerb *verb, FsInode directory, const char *name)
{
	FsChange *change = g_new0(FsChange, 1);

	if (verb)
		change->job = (FsJob){ verb->prepare ? prepare : NULL, verb->apply ? apply : NULL, done, NULL };
	change->req = req;
	change->fs = fs;
	change->view = view;
	change->verb = verb;
	change->answer = answer_nothing;
	change->directory = directory;
	change->name = g_strdup(name);
	return change;
}

void
fs_change_submit(FsChange *change, bool ok, GError *error)
{
	if (ok && !change->verb)
		ok = fs_throw(&error, EPERM);
	if (ok && change->verb->check)
		ok = change->verb->check(change, &error);
	if (ok) {
		fs_saver_submit(change->fs->saver, &change->job);
		return;
	}
	fs_reply_failure(change->req, change->directory, error);
	fs_change_free(change);
}

void
fs_change_save(Fs *fs, FsInode inode, bool is_open)
{
	const FsView *view = fs_view_of(inode);
	FsChange *change = fs_change_new(NULL, fs, view, view->changes->save, 0, NULL);

	change->inode = inode;
	change->is_open = is_open;
	fs_saver_submit(fs->saver, &change->job);
}
