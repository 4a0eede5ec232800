#include "mime/derive.h"

#include "core/sha256.h"
#include "mime/headers.h"
#include "mime/reader.h"
#include "mime/text.h"

#include <gmime/gmime.h>
#include <string.h>

void
mime_init(void)
{
	g_mime_init();
}

/* The header block with the empty line behind it, or as much of it as is looked at. */
static GString *
read_header(MimeReader *reader)
{
	g_autoptr(GString) header = g_string_new(NULL);

	for (reader->position = 0; header->len < MIME_HEADER_MAX_BYTES; ) {
		gsize length, end;
		const char *bytes = (const char *)mime_reader_window(reader, &length);

		if (header->len == 0 && (end = mime_headers_length(bytes, length)) > 0)
			return g_string_append_len(g_steal_pointer(&header), bytes, (gssize)end); /* nearly always */
		if (length == 0)
			break;
		g_string_append_len(header, bytes, (gssize)length);
		reader->position += length;
		if ((end = mime_headers_length(header->str, header->len)) > 0) {
			g_string_truncate(header, end);
			break;
		}
	}
	if (header->len > MIME_HEADER_MAX_BYTES)
		g_string_truncate(header, MIME_HEADER_MAX_BYTES);
	return g_steal_pointer(&header);
}

void
mime_header_hash(const uint8_t *header, size_t length, uint8_t sha256_r[32])
{
	length = MIN(length, MIME_HEADER_MAX_BYTES);
	gsize end = mime_headers_length((const char *)header, length);
	core_sha256(header, end > 0 ? end : length, sha256_r);
}

bool
mime_header_has_message_id(const uint8_t *header, size_t length)
{
	MimeHeaders headers;

	mime_headers_scan((const char *)header, MIN(length, MIME_HEADER_MAX_BYTES), &headers);
	g_autofree char *id = mime_headers_text(&headers, MIME_FIELD_MESSAGE_ID, NULL);
	return id != NULL;
}

/* The charset that bytes above ASCII in the header may be in: that of the body. */
static char *
body_charset(const MimeHeaders *headers)
{
	g_autofree char *type = mime_headers_text(headers, MIME_FIELD_CONTENT_TYPE, NULL);

	if (!type || !strcasestr(type, "charset"))
		return NULL;

	GMimeContentType *parsed = g_mime_content_type_parse(g_mime_parser_options_get_default(), type);
	char *charset = g_strdup(g_mime_content_type_get_parameter(parsed, "charset"));
	g_object_unref(parsed);
	return charset;
}

static char *
shorten(char *text)
{
	if (!text || strlen(text) <= MIME_WORDS_MAX_BYTES)
		return text;
	*g_utf8_find_prev_char(text, text + MIME_WORDS_MAX_BYTES + 1) = '\0';
	return g_realloc(text, strlen(text) + 1);
}

void
mime_derive(const MimeSource *source, bool want_text, MimeDerived *derived_r)
{
	MimeReader reader;
	MimeHeaders headers;

	memset(derived_r, 0, sizeof *derived_r);
	mime_reader_init(&reader, source, MIME_WINDOW_BYTES);
	g_autoptr(GString) header = read_header(&reader);
	mime_header_hash((const uint8_t *)header->str, header->len, derived_r->header_sha256);
	mime_reader_find_line_ends(&reader);
	if (reader.cr_lines) {
		g_string_free(g_steal_pointer(&header), TRUE);
		header = read_header(&reader);
	}

	mime_headers_scan(header->str, header->len, &headers);
	g_autofree char *charset = body_charset(&headers);
	derived_r->from = shorten(mime_headers_author(&headers, charset));
	derived_r->subject = shorten(mime_headers_text(&headers, MIME_FIELD_SUBJECT, charset));
	if (want_text) {
		derived_r->text = g_string_new(NULL);
		mime_text_render(&reader, derived_r->text, MIME_TEXT_MAX_BYTES);
	}
	mime_reader_clear(&reader);
}

void
mime_derived_clear(MimeDerived *derived)
{
	g_clear_pointer(&derived->from, g_free);
	g_clear_pointer(&derived->subject, g_free);
	if (derived->text)
		g_string_free(g_steal_pointer(&derived->text), TRUE);
}
