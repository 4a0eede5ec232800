/* The address of the control socket, whatever the length of the store's path. */
#pragma once

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define CONTROL_NAME "control"

/* @dir_fd: the store's folder, open for as long as the address is used. */
static inline struct sockaddr_un
control_address(int dir_fd)
{
	struct sockaddr_un address;

	memset(&address, 0, sizeof address);
	address.sun_family = AF_UNIX;
	snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" CONTROL_NAME, dir_fd);
	return address;
}
