#include "fs/loop.h"

#include "core/log.h"
#include "fs/thread.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdlib.h>
#include <unistd.h>

/* Answers come from memory and disk; enough that some may wait for the disk. */
#define THREADS 8

typedef struct {
	FsLoop *loop;
	pthread_t thread;
	struct fuse_buf request;
} Worker;

struct FsLoop {
	struct fuse_session *session;
	int gone_fd;
	unsigned started;
	Worker workers[THREADS];
};

static const uint64_t one = 1; /* what an eventfd takes */

/* A thread can be cancelled only where it waits for a request.  (Nothing in this frame has an address: it ends there
 * without returning, which AddressSanitizer does not see.) */
static void *
answer(void *data)
{
	Worker *worker = data;
	struct fuse_session *session = worker->loop->session;
	int result = 0;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	while (!fuse_session_exited(session)) {
		pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
		result = fuse_session_receive_buf(session, &worker->request);
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
		if (result > 0)
			fuse_session_process_buf(session, &worker->request);
		else if (result != -EINTR && result != -EAGAIN)
			break;
	}
	if (result < 0)
		core_log(CORE_LOG_ERROR, "fs", "the connection to the kernel failed: %s", g_strerror(-result));
	if (write(worker->loop->gone_fd, &one, sizeof one) < 0)
		core_log(CORE_LOG_ERROR, "fs", "eventfd: %s", g_strerror(errno));
	return NULL;
}

FsLoop *
fs_loop_new(struct fuse_session *session, int gone_fd, GError **error)
{
	FsLoop *loop = g_new0(FsLoop, 1);
	int result = 0;

	loop->session = session;
	loop->gone_fd = gone_fd;
	while (loop->started < THREADS && result == 0) {
		Worker *worker = &loop->workers[loop->started];
		worker->loop = loop;
		result = fs_thread_start(&worker->thread, answer, worker);
		if (result == 0)
			loop->started++;
	}
	if (loop->started > 0)
		return loop;
	errno = result;
	core_throw_errno(error, "pthread_create");
	g_free(loop);
	return NULL;
}

void
fs_loop_free(FsLoop *loop)
{
	if (!loop)
		return;
	fuse_session_exit(loop->session);
	for (unsigned i = 0; i < loop->started; i++)
		pthread_cancel(loop->workers[i].thread);
	for (unsigned i = 0; i < loop->started; i++) {
		pthread_join(loop->workers[i].thread, NULL);
		free(loop->workers[i].request.mem);
	}
	g_free(loop);
}
