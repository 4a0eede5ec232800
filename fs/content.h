/* The bytes of a file that is being written: in memory while they are few, else in a file without a name, which is gone
 * with the process. */
#pragma once

#include "core/error.h"

#include <glib.h>
#include <stdint.h>

#define FS_CONTENT_MAX_BYTES (256 * 1024 * 1024) /* more than any mail server takes */
#define FS_CONTENT_MEMORY_BYTES (256 * 1024)

typedef struct {
	const char *dir; /* where the file is made; borrowed */
	GByteArray *memory; /* NULL: in the file, or nothing yet */
	int fd;             /* -1: in memory */
	uint64_t size;
} FsContent;

void fs_content_init(FsContent *content, const char *dir);
void fs_content_clear(FsContent *content);

/* FS_ERROR EFBIG beyond FS_CONTENT_MAX_BYTES; else CORE_ERROR_IO or _FULL.  What lies between the end and @offset is
 * zero. */
bool fs_content_write(FsContent *content, const void *bytes, size_t length, uint64_t offset, GError **error);
bool fs_content_resize(FsContent *content, uint64_t size, GError **error);

/* *n_r less than @length only at the end. */
bool fs_content_read(const FsContent *content, void *buffer, size_t length, uint64_t offset, size_t *n_r, GError **error);
