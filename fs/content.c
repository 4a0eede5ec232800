#include "fs/content.h"

#include "fs/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void
fs_content_init(FsContent *content, const char *dir)
{
	*content = (FsContent){ .dir = dir, .fd = -1 };
}

void
fs_content_clear(FsContent *content)
{
	g_clear_pointer(&content->memory, g_byte_array_unref);
	if (content->fd >= 0)
		close(content->fd);
	content->fd = -1;
	content->size = 0;
}

static bool
write_all(int fd, const void *bytes, size_t length, uint64_t offset, GError **error)
{
	const char *at = bytes;

	while (length > 0) {
		ssize_t n = pwrite(fd, at, length, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return core_throw_errno(error, "cannot write a file that is being changed");
		at += n;
		offset += (size_t)n;
		length -= (size_t)n;
	}
	return true;
}

static bool
spill(FsContent *content, GError **error)
{
	int fd = open(content->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		return core_throw_errno(error, "cannot make a file in %s", content->dir);
	if (content->memory && !write_all(fd, content->memory->data, content->memory->len, 0, error)) {
		close(fd);
		return false;
	}
	g_clear_pointer(&content->memory, g_byte_array_unref);
	content->fd = fd;
	return true;
}

bool
fs_content_resize(FsContent *content, uint64_t size, GError **error)
{
	if (size > FS_CONTENT_MAX_BYTES)
		return fs_throw(error, EFBIG);
	if (content->fd < 0 && size > FS_CONTENT_MEMORY_BYTES && !spill(content, error))
		return false;
	if (content->fd >= 0) {
		if (ftruncate(content->fd, (off_t)size) < 0)
			return core_throw_errno(error, "cannot resize a file that is being changed");
	} else {
		if (!content->memory)
			content->memory = g_byte_array_new();
		g_byte_array_set_size(content->memory, (guint)size);
		if (size > content->size)
			memset(content->memory->data + content->size, 0, (size_t)(size - content->size));
	}
	content->size = size;
	return true;
}

bool
fs_content_write(FsContent *content, const void *bytes, size_t length, uint64_t offset, GError **error)
{
	uint64_t end = offset + length, before = content->size;

	if (length == 0)
		return true;
	if (end < offset || end > FS_CONTENT_MAX_BYTES)
		return fs_throw(error, EFBIG);
	if (end > content->size && !fs_content_resize(content, end, error))
		return false;
	if (content->fd < 0) {
		memcpy(content->memory->data + offset, bytes, length);
		return true;
	}
	if (write_all(content->fd, bytes, length, offset, error))
		return true;
	if (before < content->size)
		fs_content_resize(content, before, NULL); /* it is not longer for what is not in it */
	return false;
}

bool
fs_content_read(const FsContent *content, void *buffer, size_t length, uint64_t offset, size_t *n_r, GError **error)
{
	size_t wanted = offset < content->size ? (size_t)MIN(length, content->size - offset) : 0, n = 0;

	if (content->fd < 0 && wanted > 0) {
		memcpy(buffer, content->memory->data + offset, wanted);
		n = wanted;
	}
	while (n < wanted) {
		ssize_t got = pread(content->fd, (char *)buffer + n, wanted - n, (off_t)(offset + n));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return core_throw_errno(error, "cannot read a file that is being changed");
		if (got == 0)
			break;
		n += (size_t)got;
	}
	*n_r = n;
	return true;
}
