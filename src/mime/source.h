/* Where the bytes of a message are: in memory, or in a range of a file that may be far larger than memory. */
#pragma once

#include <stdint.h>
#include <stddef.h>

typedef struct {
	const uint8_t *bytes; /* borrowed; NULL: read from fd */
	int fd;               /* read with pread(), so one descriptor may serve several threads */
	uint64_t offset;
	uint64_t length;
} MimeSource;
