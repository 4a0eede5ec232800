#include "fs/process.h"

#include <glib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#define LOOKS 20 /* it has just asked, so it is about to sleep: what it does is shown then */

static char *
read_proc(pid_t pid, const char *name)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/%s", (int)pid, name);
	char *text = NULL;

	return g_file_get_contents(path, &text, NULL, NULL) ? g_strchomp(text) : NULL;
}

static bool
is_mkdir(long number)
{
#ifdef SYS_mkdir
	if (number == SYS_mkdir)
		return true;
#endif
	return number == SYS_mkdirat;
}

bool
fs_process_makes_directory(pid_t pid)
{
	const struct timespec moment = { 0, 200000 };
	g_autofree char *call = NULL;

	for (int i = 0; i < LOOKS; i++) {
		g_free(call);
		call = read_proc(pid, "syscall");
		if (!call || strcmp(call, "running") != 0)
			break;
		nanosleep(&moment, NULL);
	}
	if (call && g_ascii_isdigit(*call))
		return is_mkdir(strtol(call, NULL, 10));
	g_autofree char *name = read_proc(pid, "comm");
	return g_strcmp0(name, "mkdir") == 0;
}
