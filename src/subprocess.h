/* Running a helper program: with a time-out, bounded output, and nothing inherited but the environment. */
#pragma once

#include "core/cancel.h"
#include "core/error.h"

#define SUBPROCESS_OUT_MAX (64 * 1024)

typedef struct {
	char *out;         /* what it wrote to stdout, with a NUL behind; wiped by subprocess_clear() */
	size_t out_length;
	char *last_words;  /* the last line that it wrote to stderr, UTF-8; "" if there is none */
	int status;        /* of waitpid() */
} SubprocessResult;

void subprocess_clear(SubprocessResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SubprocessResult, subprocess_clear)

/* Runs @argv (found by PATH) in the home folder, in a process group of its own, with stdin /dev/null, default signals
 * and no other descriptor.  Blocks until it ends: children that it leaves behind with our pipes are not waited for.
 *
 * False with CORE_ERROR_IO: it cannot be started, took longer than @timeout_ms or wrote more than SUBPROCESS_OUT_MAX
 * (its process group is then killed); or CORE_ERROR_CANCELLED.  A non-zero exit status is no error here.
 * Any thread. */
bool subprocess_run(const char *const *argv, int timeout_ms, CoreCancel *cancel, SubprocessResult *result_r,
                    GError **error);
