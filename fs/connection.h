/* One connection to the kernel: a mount with its session, the threads that answer it, and the one that keeps the kernel's
 * cache true. */
#pragma once

#include "fs/reply.h"

struct FsLoop;

struct FsConnection {
	/* What requests look at. */
	Fs *fs;
	FsInode root; /* what the kernel calls FUSE_ROOT_ID */
	int ready_fd; /* an eventfd: written once the kernel and we have agreed on what FUSE can do */
	/* The rest is private, but for these two. */
	FsFreshness *freshness;
	int gone_fd;  /* an eventfd: written when the connection ended */
	char *dir;
	dev_t device;
	struct fuse_session *session;
	struct FsLoop *loop;
};

typedef enum {
	FS_CONNECTION_WHOLE,           /* only the user who mounts is let in */
	FS_CONNECTION_WHOLE_ADMITTING, /* the modes say who is let in, which are the user and root */
	FS_CONNECTION_READ_ONLY,       /* without the operations that change something; only for the user who mounts */
} FsConnectionKind;

/* Mounts the tree below @root on @dir; it can be used when this returns.  NULL with CORE_ERROR_IO. */
FsConnection *fs_connection_new(Fs *fs, FsInode root, const char *dir, FsConnectionKind kind, GError **error);

/* The descriptor of the kernel's end. */
int fs_connection_fd(const FsConnection *connection);

/* Takes the directory away: at once for new users, from the present ones when they let go. */
void fs_connection_detach(FsConnection *connection);

/* No more is answered, and the kernel is told nothing more.  What was read is still to be answered, before free(). */
void fs_connection_stop(FsConnection *connection);

/* Does both; whoever waits for an answer gets an error.  NULL is fine. */
void fs_connection_free(FsConnection *connection);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FsConnection, fs_connection_free)
