#include "fs/device.h"

#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUEST_MAX_BYTES (2 * 1024 * 1024) /* libfuse lets the kernel send 1 MiB and a header */
#define DEVICES_MAX 8
#define NAME "mtree-last" /* not "mailtree…": "pkill -KILL mailtree" would end it with the others */

struct FsUndertaker {
	pid_t child;
	int lifeline; /* the child reads its end when all who have this have gone */
};

/* Another descriptor of the connection, with requests of its own. */
static int
clone_device(int device)
{
	int clone = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	uint32_t from = (uint32_t)device;

	if (clone < 0 || ioctl(clone, FUSE_DEV_IOC_CLONE, &from) == 0)
		return clone;
	close(clone);
	return -1;
}

/* The kernel is called without the C library: the thread sanitizer watches descriptors there by their numbers, which from
 * here on mean other files than in the other threads. */
void
fs_device_keep_alone(int device)
{
	uint32_t from = (uint32_t)device;

	if (unshare(CLONE_FILES) != 0)
		return;
	int clone = (int)syscall(SYS_openat, AT_FDCWD, "/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (clone >= 0 && syscall(SYS_ioctl, clone, FUSE_DEV_IOC_CLONE, &from) == 0)
		syscall(SYS_dup3, clone, device, O_CLOEXEC);
	if (device > 0)
		close_range(0, (unsigned)device - 1, 0);
	close_range((unsigned)device + 1, ~0U, 0); /* the clone's first number with the others */
}

/* The child.  Its parent had threads, so only what a signal handler may do is done here. */

enum { LIFELINE, PARENT, DEVICES };

typedef struct {
	size_t count;
	struct pollfd fds[DEVICES + DEVICES_MAX]; /* PARENT: readable when its last thread has gone */
} Watched;

static void
close_others(const Watched *watched)
{
	int fd = 0;

	for (size_t kept = 0; kept < watched->count; fd++) {
		bool is_needed = false;
		for (size_t i = 0; i < watched->count; i++)
			is_needed |= watched->fds[i].fd == fd;
		if (is_needed)
			kept++;
		else
			close(fd);
	}
	close_range((unsigned)fd, ~0U, 0);
}

static void
refuse(int device, const struct fuse_in_header *request)
{
	struct fuse_out_header answer = { .len = sizeof answer, .error = -ENOTCONN, .unique = request->unique };
	bool is_answered = request->opcode != FUSE_FORGET && request->opcode != FUSE_BATCH_FORGET &&
	                   request->opcode != FUSE_INTERRUPT;

	if (is_answered && write(device, &answer, sizeof answer) < 0)
		return; /* whoever has asked has gone */
}

static void
take_request(struct pollfd *device)
{
	static union {
		struct fuse_in_header header;
		char bytes[REQUEST_MAX_BYTES];
	} request; /* of zeros, so it costs nothing before it is used */
	ssize_t n = read(device->fd, &request, sizeof request);

	if (n >= (ssize_t)sizeof request.header)
		refuse(device->fd, &request.header);
	else if (n >= 0 || (errno != EAGAIN && errno != EINTR && errno != ENOENT))
		device->fd = -1; /* it was unmounted */
}

static _Noreturn void
live(Watched *watched)
{
	prctl(PR_SET_NAME, NAME);
	close_others(watched);
	while (poll(&watched->fds[LIFELINE], 1, -1) <= 0) {
	}
	while (poll(&watched->fds[PARENT], watched->count - PARENT, -1) < 0 || !watched->fds[PARENT].revents)
		for (size_t i = DEVICES; i < watched->count; i++)
			if (watched->fds[i].revents)
				take_request(&watched->fds[i]);
	_exit(0);
}

static pid_t
start(Watched *watched)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t child = fork();
	if (child == 0)
		live(watched);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return child;
}

static bool
watch(Watched *watched, int fd)
{
	watched->fds[watched->count++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	return fd >= 0;
}

FsUndertaker *
fs_undertaker_new(const int *devices, size_t count)
{
	Watched watched = { 0 };
	int lifeline[2] = { -1, -1 };
	pid_t child = -1;
	bool ok = pipe2(lifeline, O_CLOEXEC) == 0;

	ok = ok && watch(&watched, lifeline[0]) && watch(&watched, (int)syscall(SYS_pidfd_open, getpid(), 0));
	for (size_t i = 0; i < count && i < DEVICES_MAX; i++)
		ok = ok && watch(&watched, clone_device(devices[i]));
	if (ok)
		child = start(&watched);
	if (child < 0)
		core_log(CORE_LOG_INFO, "fs", "if this process is killed, others may wait for it: %s", g_strerror(errno));
	for (size_t i = 0; i < watched.count; i++)
		if (watched.fds[i].fd >= 0)
			close(watched.fds[i].fd);
	if (child < 0) {
		if (lifeline[1] >= 0)
			close(lifeline[1]);
		return NULL;
	}
	FsUndertaker *undertaker = g_new(FsUndertaker, 1);
	*undertaker = (FsUndertaker){ child, lifeline[1] };
	return undertaker;
}

void
fs_undertaker_free(FsUndertaker *undertaker)
{
	if (!undertaker)
		return;
	kill(undertaker->child, SIGKILL);
	while (waitpid(undertaker->child, NULL, 0) < 0 && errno == EINTR) {
	}
	close(undertaker->lifeline);
	g_free(undertaker);
}
