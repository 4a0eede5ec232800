#include "core/cancel.h"

#include "core/error.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct CoreCancel {
	atomic_int refs;
	atomic_bool triggered;
	int fd; /* an eventfd that is never read, so it stays readable */
};

CoreCancel *
core_cancel_try(GError **error)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0) {
		core_throw_errno(error, "cannot make an eventfd");
		return NULL;
	}
	CoreCancel *cancel = g_new0(CoreCancel, 1);
	atomic_init(&cancel->refs, 1);
	atomic_init(&cancel->triggered, false);
	cancel->fd = fd;
	return cancel;
}

CoreCancel *
core_cancel_new(void)
{
	g_autoptr(GError) error = NULL;
	CoreCancel *cancel = core_cancel_try(&error);

	if (!cancel)
		g_error("%s", error->message);
	return cancel;
}

CoreCancel *
core_cancel_ref(CoreCancel *cancel)
{
	atomic_fetch_add(&cancel->refs, 1);
	return cancel;
}

void
core_cancel_unref(CoreCancel *cancel)
{
	if (cancel && atomic_fetch_sub(&cancel->refs, 1) == 1) {
		close(cancel->fd);
		g_free(cancel);
	}
}

void
core_cancel_trigger(CoreCancel *cancel)
{
	uint64_t one = 1;
	int saved = errno;

	atomic_store(&cancel->triggered, true);
	if (write(cancel->fd, &one, sizeof one) < 0) {
		/* EAGAIN: the counter is full, so the descriptor is readable already. */
	}
	errno = saved;
}

bool
core_cancel_triggered(const CoreCancel *cancel)
{
	return cancel && atomic_load(&cancel->triggered);
}

int
core_cancel_fd(const CoreCancel *cancel)
{
	return cancel ? cancel->fd : -1;
}

bool
core_cancel_check(const CoreCancel *cancel, GError **error)
{
	return !core_cancel_triggered(cancel) || core_throw(error, CORE_ERROR_CANCELLED, "stopped");
}
