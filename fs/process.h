/* What a process that asks for something is about to do. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* It is in mkdir(): the kernel looks for the name first, and must not find it.  Where processes are hidden from each other
 * (yama), only the command mkdir is known. */
bool fs_process_makes_directory(pid_t pid);
