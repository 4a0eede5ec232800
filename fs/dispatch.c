#include "fs/dispatch.h"

#include "core/log.h"
#include "fs/connection.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BLOCK_BYTES 4096
#define MAX_BACKGROUND 1024 /* with the default of 12, a dozen slow readers would stop everybody's readahead */

static const FsView no_view; /* the kernel asks for no inode that it was not given, so there is no such request */

static const FsView *
view_of(FsInode inode)
{
	const FsView *view = fs_view_of(inode);

	g_return_val_if_fail(view, &no_view);
	return view;
}

/* Memory of the calling thread for one answer, kept for its next one. */
static pthread_key_t buffer_key;
static pthread_once_t buffer_once = PTHREAD_ONCE_INIT;

typedef struct {
	size_t size;
	char bytes[];
} Buffer;

static void
make_buffer_key(void)
{
	pthread_key_create(&buffer_key, g_free);
}

static char *
thread_buffer(size_t size)
{
	pthread_once(&buffer_once, make_buffer_key);
	Buffer *buffer = pthread_getspecific(buffer_key);
	if (!buffer || buffer->size < size) {
		g_free(buffer);
		buffer = g_malloc(sizeof *buffer + size);
		buffer->size = size;
		pthread_setspecific(buffer_key, buffer);
	}
	return buffer->bytes;
}

static void
op_init(void *userdata, struct fuse_conn_info *conn)
{
	const FsConnection *connection = userdata;
	uint64_t one = 1;

	conn->want &= ~(unsigned)FUSE_CAP_READDIRPLUS_AUTO;
	conn->want &= ~(unsigned)FUSE_CAP_ATOMIC_O_TRUNC; /* without OPEN, O_TRUNC would be lost */
	conn->max_background = MAX_BACKGROUND;
	conn->congestion_threshold = MAX_BACKGROUND * 3 / 4;
	if (write(connection->ready_fd, &one, sizeof one) < 0)
		core_log(CORE_LOG_ERROR, "fs", "eventfd: %s", g_strerror(errno));
}

static void
op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	Fs *fs = fs_of(req);
	FsInode directory = fs_inode_in(req, parent);
	const FsView *view = view_of(directory);
	GError *error = NULL;
	FsNode node;

	if (view->hides && view->hides(view, fs, directory, name, fuse_req_ctx(req)->pid))
		fuse_reply_err(req, ENOENT);
	else if (view->lookup(view, fs, directory, name, &node, &error))
		fs_reply_entry(req, fs, &node);
	else
		fs_reply_failure(req, directory, error);
}

static void
forget(fuse_req_t req, FsInode inode, uint64_t count)
{
	const FsView *view = view_of(inode);

	if (view->forget)
		view->forget(fs_of(req), inode, count);
}

static void
op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
	forget(req, fs_inode_in(req, ino), count);
	fuse_reply_none(req);
}

static void
op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		forget(req, fs_inode_in(req, forgets[i].ino), forgets[i].nlookup);
	fuse_reply_none(req);
}

/* A request that waits for bytes to be fetched. */
typedef struct {
	fuse_req_t req;
	FsInode inode;
	size_t size;    /* of READ; 0: it is GETATTR */
	uint64_t offset;
	int64_t message_id;
	atomic_bool is_interrupted;
	atomic_int references; /* who will answer, and for a moment who has asked */
} Waiting;

/* With what is here. */
static void
answer(const Waiting *waiting)
{
	Fs *fs = fs_of(waiting->req);
	const FsView *view = view_of(waiting->inode);
	char *buffer = thread_buffer(waiting->size);
	GError *error = NULL;
	FsNode node;
	size_t n = 0;

	if (waiting->size > 0 && view->read(view, fs, waiting->inode, buffer, waiting->size, waiting->offset, &n, &error))
		fuse_reply_buf(waiting->req, buffer, n);
	else if (waiting->size == 0 && view->attributes(view, fs, waiting->inode, &node, &error))
		fs_reply_attributes(waiting->req, fs, &node);
	else
		fs_reply_failure(waiting->req, waiting->inode, error);
}

static void
unref(Waiting *waiting)
{
	if (atomic_fetch_sub(&waiting->references, 1) == 1)
		g_free(waiting);
}

static void
abandon(const Fs *fs, const Waiting *waiting)
{
	fs->calls->abandon(waiting->message_id, waiting, fs->calls->data);
}

/* The reader was killed, or got a signal (Ctrl-C): the kernel lets it go when it has its answer.  The request is not
 * answered before this has returned: see conclude(). */
static void
interrupted(fuse_req_t req, void *data)
{
	Waiting *waiting = data;

	atomic_store(&waiting->is_interrupted, true);
	abandon(fs_of(req), waiting);
}

/* @failure NULL: the bytes are here. */
static void
conclude(const Waiting *waiting, const GError *failure)
{
	fuse_req_interrupt_func(waiting->req, NULL, NULL); /* waits until interrupted() has returned */
	if (failure)
		fs_reply_failure(waiting->req, waiting->inode, g_error_copy(failure));
	else
		answer(waiting);
}

static void
fetched(const GError *failure, void *data)
{
	conclude(data, failure);
	unref(data);
}

/* The request is answered when the bytes are here, or cannot be had; no thread waits for it. */
static void
fetch(fuse_req_t req, FsInode inode, size_t size, off_t offset, int64_t message_id)
{
	const Fs *fs = fs_of(req);
	Waiting *waiting = g_new(Waiting, 1);
	g_autoptr(GError) error = NULL;

	*waiting = (Waiting){ req, inode, size, (uint64_t)offset, message_id, false, 2 };
	fuse_req_interrupt_func(req, interrupted, waiting);
	if (!fs->calls->fetch(message_id, fuse_req_ctx(req)->pid, fetched, waiting, fs->calls->data, &error))
		fetched(error, waiting);
	else if (atomic_load(&waiting->is_interrupted)) /* perhaps before there was anything to abandon */
		abandon(fs, waiting);
	unref(waiting);
}

static int64_t
absent(Fs *fs, FsInode inode)
{
	const FsView *view = view_of(inode);

	return view->absent && fs->calls->fetch ? view->absent(view, fs, inode) : 0;
}

/* With a file it is asked right before that is read (but for mmap() and splice()), and not by stat(): then is the time
 * to find out how long it is. */
static void
op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	FsInode inode = fs_inode_in(req, ino);
	Fs *fs = fs_of(req);
	const FsView *view = view_of(inode);
	GError *error = NULL;
	FsNode node;
	int64_t message_id;

	if (!view->attributes(view, fs, inode, &node, &error))
		fs_reply_failure(req, inode, error);
	else if (fi && node.remote && (message_id = absent(fs, inode)) != 0)
		fetch(req, inode, 0, 0, message_id);
	else
		fs_reply_attributes(req, fs, &node);
}

/* Neither files nor directories are opened with a message: the first answer tells the kernel to stop asking, and to
 * keep pages and listings when they are closed.  (No FLUSH and no RELEASE either.) */
static void
op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fuse_reply_err(req, ENOSYS);
}

static void
op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	FsInode inode = fs_inode_in(req, ino);
	Fs *fs = fs_of(req);
	const FsView *view = view_of(inode);
	char *buffer = thread_buffer(size);
	GError *error = NULL;
	size_t n = 0;
	int64_t message_id;

	if (view->read(view, fs, inode, buffer, size, (uint64_t)offset, &n, &error))
		fuse_reply_buf(req, buffer, n);
	else if (!error && (message_id = absent(fs, inode)) != 0)
		fetch(req, inode, size, offset, message_id);
	else
		fs_reply_failure(req, inode, error);
}

static void
op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	FsInode inode = fs_inode_in(req, ino);
	const FsView *view = view_of(inode);
	g_autofree char *target = NULL;
	GError *error = NULL;

	if (!view->readlink)
		fuse_reply_err(req, EINVAL);
	else if (view->readlink(view, fs_of(req), inode, &target, &error))
		fuse_reply_readlink(req, target);
	else
		fs_reply_failure(req, inode, error);
}

/* One answer to a listing. */
typedef struct {
	fuse_req_t req;
	char *buffer;
	size_t size, used;
	bool plus; /* with attributes */
} Listing;

static bool
add_entry(const char *name, const FsNode *node, uint64_t cookie, void *data)
{
	Listing *listing = data;
	char *at = listing->buffer + listing->used;
	size_t left = listing->size - listing->used, needed;
	struct fuse_entry_param entry;

	fs_fill_entry(fs_of(listing->req), node, &entry);
	if (node->unmeasured || node->fleeting)
		entry.ino = 0; /* attributes are not given; the name is not looked up by this */
	needed = listing->plus ? fuse_add_direntry_plus(listing->req, at, left, name, &entry, (off_t)cookie)
	                       : fuse_add_direntry(listing->req, at, left, name, &entry.attr, (off_t)cookie);
	if (needed > left)
		return false;
	listing->used += needed;
	return true;
}

/* The kernel takes the numbers of these two from its own books; what we say is only shown by readdir(). */
static bool
add_dots(Listing *listing, FsInode inode, uint64_t after)
{
	FsNode node = { .inode = inode, .number = inode, .directory = true };

	return (after >= 1 || add_entry(".", &node, 1, listing)) &&
	       (after >= FS_COOKIE_FIRST || add_entry("..", &node, FS_COOKIE_FIRST, listing));
}

static void
list(fuse_req_t req, FsInode inode, size_t size, off_t offset, bool plus)
{
	const FsView *view = view_of(inode);
	Listing listing = { .req = req, .buffer = thread_buffer(size), .size = size, .plus = plus };
	uint64_t after = (uint64_t)offset;
	GError *error = NULL;

	if (add_dots(&listing, inode, after) &&
	    !view->list(view, fs_of(req), inode, after > FS_COOKIE_FIRST ? after : 0, add_entry, &listing,
	                &error))
		fs_reply_failure(req, inode, error);
	else
		fuse_reply_buf(req, listing.buffer, listing.used);
}

static void
op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	list(req, fs_inode_in(req, ino), size, offset, false);
}

static void
op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	list(req, fs_inode_in(req, ino), size, offset, true);
}

static bool
collect_id(const StoreAccount *account, void *data)
{
	g_array_append_val(data, account->id);
	return true;
}

/* What is kept here of one account (0: of all). */
static bool
count(Fs *fs, int64_t account_id, StoreCounts *sum_r, GError **error)
{
	g_autoptr(GArray) accounts = g_array_new(FALSE, FALSE, sizeof(int64_t));

	if (account_id != 0)
		g_array_append_val(accounts, account_id);
	else if (!store_account_list(fs->store, collect_id, accounts, error))
		return false;
	for (guint i = 0; i < accounts->len; i++) {
		StoreCounts counts = { 0 };
		if (!store_account_counts(fs->store, g_array_index(accounts, int64_t, i), &counts, error))
			return false;
		sum_r->bytes += counts.bytes;
		sum_r->messages += counts.messages + counts.remote;
	}
	return true;
}

/* Modes, which the kernel goes by where others could look in, say nothing about this. */
static bool
is_told_room(fuse_req_t req)
{
	uid_t uid = fuse_req_ctx(req)->uid;

	return uid == fs_of(req)->uid || uid == 0;
}

/* The quota where the server tells one, and never more than this computer has room for: that is where files go first. */
static void
op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	FsInode inode = fs_inode_in(req, ino);
	Fs *fs = fs_of(req);
	const FsView *view = view_of(inode);
	int64_t account_id = view->account ? view->account(fs, inode) : 0;
	GError *error = NULL;
	StoreCounts counts = { 0 };
	uint64_t used = 0, limit = 0;
	struct statvfs disk;

	if (!is_told_room(req)) {
		fuse_reply_err(req, EACCES);
		return;
	}
	if (!count(fs, account_id, &counts, &error)) {
		fs_reply_failure(req, inode, error);
		return;
	}
	uint64_t room = statvfs(store_dir(fs->store), &disk) == 0 ? (uint64_t)disk.f_bavail * disk.f_frsize : 0;
	bool told = store_account_quota(fs->store, account_id, &used, &limit, &error);
	if (error) {
		fs_reply_failure(req, inode, error);
		return;
	}
	uint64_t left = told ? limit - MIN(used, limit) : room;
	struct statvfs st = {
		.f_bsize = BLOCK_BYTES,
		.f_frsize = BLOCK_BYTES,
		.f_blocks = ((told ? limit : counts.bytes + room) + BLOCK_BYTES - 1) / BLOCK_BYTES,
		.f_bfree = left / BLOCK_BYTES,
		.f_bavail = MIN(left, room) / BLOCK_BYTES,
		.f_files = counts.messages + UINT32_MAX, /* nobody counts */
		.f_ffree = UINT32_MAX,
		.f_favail = UINT32_MAX,
		.f_namemax = NAME_MAX,
	};
	fuse_reply_statfs(req, &st);
}

/* @value of @length bytes, or only its length when @size is 0. */
static void
reply_xattr(fuse_req_t req, const char *value, size_t length, size_t size)
{
	if (size == 0)
		fuse_reply_xattr(req, length);
	else if (size < length)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, value, length);
}

/* Outside user.: EOPNOTSUPP, so that ls and cp ask once and not for every file. */
static void
op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	FsInode inode = fs_inode_in(req, ino);
	const FsView *view = view_of(inode);
	g_autofree char *value = NULL;
	GError *error = NULL;

	if (!g_str_has_prefix(name, "user."))
		fuse_reply_err(req, EOPNOTSUPP);
	else if (view->xattr(view, fs_of(req), inode, name, &value, &error))
		reply_xattr(req, value, strlen(value), size);
	else if (error)
		fs_reply_failure(req, inode, error);
	else
		fuse_reply_err(req, ENODATA);
}

static void
op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	FsInode inode = fs_inode_in(req, ino);
	g_autoptr(GString) names = g_string_new(NULL);

	for (const char *const *name = view_of(inode)->xattr_names(fs_of(req), inode); *name; name++)
		g_string_append_len(names, *name, (gssize)strlen(*name) + 1);
	reply_xattr(req, names->str, names->len, size);
}

const struct fuse_lowlevel_ops fs_operations = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.open = op_open,
	.read = op_read,
	.readlink = op_readlink,
	.opendir = op_open,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.statfs = op_statfs,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
};
