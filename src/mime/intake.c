#include "mime/intake.h"

#include "mime/derive.h"
#include "mime/headers.h"

#include <string.h>

void
mime_intake_init(MimeIntake *intake)
{
	*intake = (MimeIntake){ .head = g_byte_array_new() };
}

void
mime_intake_clear(MimeIntake *intake)
{
	g_clear_pointer(&intake->head, g_byte_array_unref);
}

void
mime_intake_feed(MimeIntake *intake, const uint8_t *bytes, size_t length, GByteArray *out)
{
	const uint8_t *end = bytes + length, *from = bytes, *lf;
	guint before = out->len;

	for (const uint8_t *at = bytes; at < end && (lf = memchr(at, '\n', (size_t)(end - at))); at = lf + 1) {
		if ((lf > bytes ? lf[-1] : intake->last) == '\r')
			continue;
		g_byte_array_append(out, from, (guint)(lf - from));
		g_byte_array_append(out, (const guint8 *)"\r", 1);
		from = lf;
	}
	g_byte_array_append(out, from, (guint)(end - from));
	if (length > 0)
		intake->last = end[-1];
	guint fresh = out->len - before;
	intake->bytes += fresh;
	if (intake->head->len < MIME_HEADER_MAX_BYTES)
		g_byte_array_append(intake->head, out->data + before, MIN(fresh, MIME_HEADER_MAX_BYTES - intake->head->len));
}

bool
mime_intake_is_message(const MimeIntake *intake)
{
	const char *head = (const char *)intake->head->data;
	MimeHeaders headers;

	if (intake->head->len == 0 || (intake->head->len >= 5 && memcmp(head, "From ", 5) == 0))
		return false;
	gsize length = mime_headers_length(head, intake->head->len);
	mime_headers_scan(head, length ? length : intake->head->len, &headers);
	return headers.fields[MIME_FIELD_FROM].value || headers.fields[MIME_FIELD_DATE].value;
}

bool
mime_intake_has_header(const MimeIntake *intake)
{
	const char *head = (const char *)intake->head->data;

	return intake->head->len > 0 && mime_headers_begin(head, intake->head->len);
}

void
mime_intake_hash(const MimeIntake *intake, uint8_t sha256_r[32])
{
	mime_header_hash(intake->head->data, intake->head->len, sha256_r);
}
