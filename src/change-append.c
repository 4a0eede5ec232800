#include "change-append.h"

#include "mime/headers.h"
#include "sync/derive.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES (64 * 1024)
#define HEADER_LOOK_BYTES (256 * 1024) /* of the beginning, in which the header's From: or Date: must be */

/* Writes @bytes with each lone LF as CRLF; *last is the byte before them. */
static bool
write_lines(StoreWriter *writer, const uint8_t *bytes, size_t length, uint8_t *last, GByteArray *head, GError **error)
{
	g_autoptr(GByteArray) out = g_byte_array_sized_new((guint)(length + length / 16));

	for (size_t i = 0; i < length; i++) {
		if (bytes[i] == '\n' && *last != '\r')
			g_byte_array_append(out, (const guint8 *)"\r", 1);
		g_byte_array_append(out, &bytes[i], 1);
		*last = bytes[i];
	}
	if (head->len < HEADER_LOOK_BYTES)
		g_byte_array_append(head, out->data, MIN(out->len, HEADER_LOOK_BYTES - head->len));
	return out->len == 0 || store_writer_write(writer, out->data, out->len, error);
}

static bool
is_message(const GByteArray *head)
{
	MimeHeaders headers;
	gsize length = mime_headers_length((const char *)head->data, head->len);

	mime_headers_scan((const char *)head->data, length ? length : head->len, &headers);
	return headers.fields[MIME_FIELD_FROM].value || headers.fields[MIME_FIELD_DATE].value;
}

static bool
copy(StoreWriter *writer, int fd, const char *path, GError **error)
{
	g_autofree uint8_t *buffer = g_malloc(CHUNK_BYTES);
	g_autoptr(GByteArray) head = g_byte_array_new();
	uint8_t last = 0;
	ssize_t n;

	while ((n = read(fd, buffer, CHUNK_BYTES)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return core_throw_errno(error, "cannot read %s", path);
		if (!write_lines(writer, buffer, (size_t)n, &last, head, error))
			return false;
	}
	return is_message(head) ||
	       core_throw(error, CORE_ERROR_USAGE, "%s is no message: it has no header with From: or Date:", path);
}

bool
change_append_read(Store *store, StoreWriter *writer, const char *path, StoreBody *body_r, MimeDerived *derived_r,
                   GError **error)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* a FIFO without a writer is no file to wait for */

	if (fd < 0 || fstat(fd, &status) < 0) {
		core_throw_errno(error, "cannot open %s", path);
		if (fd >= 0)
			close(fd);
		return false;
	}
	bool ok = S_ISREG(status.st_mode) || core_throw(error, CORE_ERROR_USAGE, "%s is not a file", path);
	ok = ok && store_writer_begin(writer, (uint64_t)status.st_size, error);
	if (ok && !copy(writer, fd, path, error)) {
		store_writer_abort(writer);
		ok = false;
	}
	close(fd);
	return ok && store_writer_end(writer, body_r, error) &&
	       sync_derive(store, body_r, NULL, true, derived_r, error) && store_derived_flush(store, error) &&
	       store_writer_sync(writer, error);
}
