#include "change-file.h"

#include "mime/intake.h"
#include "sync/derive.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES (64 * 1024)

typedef struct {
	const char *path;
	uint64_t limit_bytes; /* 0: the server tells none */
	MimeIntake intake;
	GByteArray *out;      /* what comes out of it */
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

static bool
write_lines(StoreWriter *writer, const uint8_t *bytes, size_t length, Input *input, GError **error)
{
	g_byte_array_set_size(input->out, 0);
	mime_intake_feed(&input->intake, bytes, length, input->out);
	return check_size(input, input->intake.bytes, error) &&
	       (input->out->len == 0 || store_writer_write(writer, input->out->data, input->out->len, error));
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
	return mime_intake_is_message(&input->intake) ||
	       core_throw(error, CORE_ERROR_USAGE, "%s is no message: it has no header with From: or Date:", input->path);
}

bool
change_file_read(Store *store, StoreWriter *writer, const char *path, uint64_t limit_bytes, CoreCancel *cancel,
                 StoreBody *body_r, MimeDerived *derived_r, GError **error)
{
	g_autoptr(GByteArray) out = g_byte_array_new();
	Input input = { .path = path, .limit_bytes = limit_bytes, .out = out };
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
	mime_intake_init(&input.intake);
	ok = ok && store_writer_begin(writer, (uint64_t)status.st_size, error);
	if (ok && !copy(writer, fd, &input, cancel, error)) {
		store_writer_abort(writer);
		ok = false;
	}
	mime_intake_clear(&input.intake);
	close(fd);
	return ok && store_writer_end(writer, body_r, error) &&
	       store_writer_sync(writer, error) && sync_derive(store, body_r, NULL, true, derived_r, error) &&
	       store_derived_flush(store, error);
}
