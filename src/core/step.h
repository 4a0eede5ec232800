/* Where a process may be stopped by a test: after every durable step, before any byte is sent, and before what was learned
 * from an answer is durable.
 *
 * Whatever happens between two steps is lost with a crash or not at all, so a test that stops the process at each of
 * them in turn has tried every crash that matters (docs/sync.md): the next run ends where an undisturbed one would.
 */
#pragma once

/* NULL, but in the tests' build of the program.  Set before threads start; called from any thread. */
extern void (*core_step_hook)(const char *step);

/* @step: "commit", "segment", "imap send", …: for the test's log. */
static inline void
core_step(const char *step)
{
	if (core_step_hook)
		core_step_hook(step);
}
