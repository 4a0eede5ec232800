/* A switch that one thread throws and others, blocked in poll(), notice.
 *
 * Reference-counted; every function may be called from any thread.  Once triggered it stays so.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct CoreCancel CoreCancel;

CoreCancel *core_cancel_new(void); /* for the start of a program: without a descriptor to be had it ends it */
CoreCancel *core_cancel_try(GError **error); /* NULL with CORE_ERROR_IO */
CoreCancel *core_cancel_ref(CoreCancel *cancel);
void core_cancel_unref(CoreCancel *cancel); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CoreCancel, core_cancel_unref)

void core_cancel_trigger(CoreCancel *cancel); /* safe in a signal handler */
bool core_cancel_triggered(const CoreCancel *cancel); /* NULL: never */

/* Becomes readable when triggered; -1 for NULL, which poll() ignores. */
int core_cancel_fd(const CoreCancel *cancel);

/* False, with CORE_ERROR_CANCELLED, once triggered. */
bool core_cancel_check(const CoreCancel *cancel, GError **error);
