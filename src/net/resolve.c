#include "net/resolve.h"

#include "net/wait.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MAX_ADDRESSES 64

/* Shared by the thread that looks up and the one that waits; who lets go last frees it. */
typedef struct {
	atomic_int refs;
	char *host, *port;
	int done_fd; /* an eventfd, written once the fields below are set */
	atomic_bool done;
	int status; /* of getaddrinfo() */
	int saved_errno;
	struct addrinfo *list;
} Lookup;

static void
lookup_unref(Lookup *lookup)
{
	if (atomic_fetch_sub(&lookup->refs, 1) != 1)
		return;
	if (lookup->list)
		freeaddrinfo(lookup->list);
	if (lookup->done_fd >= 0)
		close(lookup->done_fd);
	g_free(lookup->host);
	g_free(lookup->port);
	g_free(lookup);
}

/* No AI_ADDRCONFIG: it does not count loopback, so that a machine without a network could not reach itself.  An
 * address of a family that is not there fails at once when it is tried. */
static void
look_up(Lookup *lookup, int flags)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags };

	lookup->status = getaddrinfo(lookup->host, lookup->port, &hints, &lookup->list);
	lookup->saved_errno = errno;
	if (lookup->status != 0)
		lookup->list = NULL;
}

static void *
lookup_thread(void *data)
{
	Lookup *lookup = data;
	uint64_t one = 1;

	look_up(lookup, 0);
	atomic_store(&lookup->done, true);
	while (write(lookup->done_fd, &one, sizeof one) < 0 && errno == EINTR)
		;
	lookup_unref(lookup);
	return NULL;
}

static bool
start_thread(Lookup *lookup, GError **error)
{
	pthread_t thread;
	pthread_attr_t attributes;
	sigset_t all, before;
	int status;

	lookup->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (lookup->done_fd < 0)
		return core_throw_errno(error, "cannot start looking up the name");
	atomic_fetch_add(&lookup->refs, 1);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	sigfillset(&all); /* signals belong to the program's own threads */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	status = pthread_create(&thread, &attributes, lookup_thread, lookup);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (status != 0) {
		lookup_unref(lookup);
		errno = status;
		return core_throw_errno(error, "cannot start looking up the name");
	}
	return true;
}

static bool
wait_for_thread(Lookup *lookup, int64_t deadline_ms, CoreCancel *cancel, GError **error)
{
	struct pollfd fds[2];
	int ready;

	if (!start_thread(lookup, error))
		return false;
	fds[0] = (struct pollfd){ .fd = lookup->done_fd, .events = POLLIN };
	ready = net_wait(fds, 1, cancel, deadline_ms, error);
	if (ready < 0)
		return false;
	if (!atomic_load(&lookup->done))
		return core_throw(error, CORE_ERROR_UNREACHABLE, "looking up the name timed out");
	return true;
}

static bool
check_status(const Lookup *lookup, GError **error)
{
	switch (lookup->status) {
	case 0:
		return true;
	case EAI_NONAME:
	case EAI_NODATA:
		return core_throw(error, CORE_ERROR_UNREACHABLE, "unknown host");
	case EAI_SYSTEM:
		return core_throw(error, CORE_ERROR_UNREACHABLE, "cannot look up the name: %s", g_strerror(lookup->saved_errno));
	default:
		return core_throw(error, CORE_ERROR_UNREACHABLE, "cannot look up the name: %s", gai_strerror(lookup->status));
	}
}

static GArray *
copy_addresses(const struct addrinfo *list)
{
	GArray *addresses = g_array_new(FALSE, TRUE, sizeof(NetAddress));

	for (const struct addrinfo *info = list; info && addresses->len < MAX_ADDRESSES; info = info->ai_next) {
		NetAddress address = { .length = info->ai_addrlen };

		if (info->ai_addrlen > sizeof address.address)
			continue;
		memcpy(&address.address, info->ai_addr, info->ai_addrlen);
		g_array_append_val(addresses, address);
	}
	return addresses;
}

GArray *
net_resolve(const char *host, uint16_t port, int64_t deadline_ms, CoreCancel *cancel, GError **error)
{
	g_autofree char *ascii = g_hostname_to_ascii(host);
	Lookup *lookup;
	GArray *addresses = NULL;
	bool ok = true;

	if (!ascii || !*ascii) {
		core_throw(error, CORE_ERROR_UNREACHABLE, "unknown host");
		return NULL;
	}
	lookup = g_new0(Lookup, 1);
	atomic_init(&lookup->refs, 1);
	atomic_init(&lookup->done, false);
	lookup->done_fd = -1;
	lookup->host = g_strdup(ascii);
	lookup->port = g_strdup_printf("%u", port);

	look_up(lookup, AI_NUMERICHOST); /* never asks anybody, so it needs no thread */
	if (lookup->status == EAI_NONAME)
		ok = wait_for_thread(lookup, deadline_ms, cancel, error);
	if (ok && check_status(lookup, error))
		addresses = copy_addresses(lookup->list);
	lookup_unref(lookup);
	if (addresses && addresses->len == 0) {
		core_throw(error, CORE_ERROR_UNREACHABLE, "unknown host");
		g_clear_pointer(&addresses, g_array_unref);
	}
	return addresses;
}
