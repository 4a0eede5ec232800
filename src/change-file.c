#include "change-file.h"

#include "mime/headers.h"
#include "sync/derive.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES (64 * 1024)
#define HEADER_LOOK_BYTES (256 * 1024) /* of the beginning, in which the header's From: or Date: must be */

typedef struct {
	const char *path;
	uint64_t limit_bytes; /* 0: the server tells none */
	uint64_t bytes;       /* so far */
	uint8_t last;         /* of them */
	GByteArray *head;
} Input;

static bool
check_size(const Input *input, uint64_t bytes, GError **error)
{
	if (input->limit_bytes > 0 && bytes > input->limit_bytes)
		return core_throw(error, CORE_ERROR_USAGE, "%s is larger than the messages that the server takes: %" G_GUINT64_FORMAT
		                  " bytes (APPENDLIMIT)", input->path, input->limit_bytes);
	return bytes <= CHANGE_FILE_MAX_BYTES ||
	       core_throw(error, CORE_ERROR_USAGE, "%s is larger than %u GiB", input->path,
	                  (unsigned)(CHANGE_FILE_MAX_BYTES >> 30));
}

/* Writes @bytes with each lone LF as CRLF. */
static bool
write_lines(StoreWriter *writer, const uint8_t *bytes, size_t length, Input *input, GError **error)
{
	GByteArray *head = input->head;
	g_autoptr(GByteArray) out = g_byte_array_sized_new((guint)(length + length / 16));

	for (size_t i = 0; i < length; i++) {
		if (bytes[i] == '\n' && input->last != '\r')
			g_byte_array_append(out, (const guint8 *)"\r", 1);
		g_byte_array_append(out, &bytes[i], 1);
		input->last = bytes[i];
	}
	input->bytes += out->len;
	if (head->len < HEADER_LOOK_BYTES)
		g_byte_array_append(head, out->data, MIN(out->len, HEADER_LOOK_BYTES - head->len));
	return check_size(input, input->bytes, error) &&
	       (out->len == 0 || store_writer_write(writer, out->data, out->len, error));
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
copy(StoreWriter *writer, int fd, Input *input, CoreCancel *cancel, GError **error)
{
	g_autofree uint8_t *buffer = g_malloc(CHUNK_BYTES);
	ssize_t n;

	while ((n = read(fd, buffer, CHUNK_BYTES)) != 0) {
		if (cancel && !core_cancel_check(cancel, error))
			return false;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return core_throw_errno(error, "cannot read %s", input->path);
		if (!write_lines(writer, buffer, (size_t)n, input, error))
			return false;
	}
	return is_message(input->head) ||
	       core_throw(error, CORE_ERROR_USAGE, "%s is no message: it has no header with From: or Date:", input->path);
}

bool
change_file_read(Store *store, StoreWriter *writer, const char *path, uint64_t limit_bytes, CoreCancel *cancel,
                 StoreBody *body_r, MimeDerived *derived_r, GError **error)
{
	g_autoptr(GByteArray) head = g_byte_array_new();
	Input input = { .path = path, .limit_bytes = limit_bytes, .head = head };
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* a FIFO without a writer is no file to wait for */

	if (fd < 0 || fstat(fd, &status) < 0) {
		core_throw_errno(error, "cannot open %s", path);
		if (fd >= 0)
			close(fd);
		return false;
	}
	bool ok = S_ISREG(status.st_mode) || core_throw(error, CORE_ERROR_USAGE, "%s is not a file", path);
	ok = ok && check_size(&input, (uint64_t)status.st_size, error);
	ok = ok && store_writer_begin(writer, (uint64_t)status.st_size, error);
	if (ok && !copy(writer, fd, &input, cancel, error)) {
		store_writer_abort(writer);
		ok = false;
	}
	close(fd);
	return ok && store_writer_end(writer, body_r, error) &&
	       store_writer_sync(writer, error) && sync_derive(store, body_r, NULL, true, derived_r, error) &&
	       store_derived_flush(store, error);
}
