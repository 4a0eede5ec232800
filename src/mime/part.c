/* What a part says about itself. */
#include "mime/part-private.h"

#include "mime/charset.h"
#include "mime/words.h"

#include <string.h>

#define BOUNDARY_MAX_BYTES 250 /* RFC 2046 says 70 */

/* The value unfolded and in UTF-8, as GMime wants it. */
static char *
field(const MimePart *part, MimeField which)
{
	const char *value = part->headers.fields[which].value;

	return value ? mime_utf8_line(value, part->headers.fields[which].length) : NULL;
}

static GMimeParserOptions *
options(void)
{
	return g_mime_parser_options_get_default(); /* not changed after mime_init() */
}

static void
read_type(MimePart *part, const char *otherwise)
{
	g_autofree char *value = field(part, MIME_FIELD_CONTENT_TYPE);

	/* RFC 2045, 5.2: what cannot be read is text/plain. */
	if (value && strchr(value, '/') && *value != '/')
		part->content_type = g_mime_content_type_parse(options(), value);
	if (part->content_type) {
		g_snprintf(part->type, sizeof part->type, "%s/%s", g_mime_content_type_get_media_type(part->content_type),
			g_mime_content_type_get_media_subtype(part->content_type));
		for (char *p = part->type; *p; p++)
			*p = g_ascii_isgraph(*p) ? g_ascii_tolower(*p) : '?';
	} else {
		g_strlcpy(part->type, otherwise, sizeof part->type);
	}
}

void
mime_part_init(MimePart *part, const MimePart *parent)
{
	g_autofree char *encoding = NULL, *disposition = NULL;

	if (!parent || !g_str_has_prefix(parent->type, "multipart/"))
		read_type(part, "text/plain");
	else
		read_type(part, strcmp(parent->type, "multipart/digest") == 0 ? "message/rfc822" : "text/plain");
	encoding = field(part, MIME_FIELD_CONTENT_ENCODING);
	part->encoding = encoding ? g_mime_content_encoding_from_string(encoding) : GMIME_CONTENT_ENCODING_DEFAULT;
	disposition = field(part, MIME_FIELD_CONTENT_DISPOSITION);
	if (disposition)
		part->disposition = g_mime_content_disposition_parse(options(), disposition);

	bool encoded = part->encoding == GMIME_CONTENT_ENCODING_BASE64 ||
	               part->encoding == GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE;
	const char *boundary = mime_part_parameter(part, "boundary");
	if (part->depth >= MIME_PARTS_DEPTH_MAX)
		part->kind = MIME_PART_LEAF;
	else if (g_str_has_prefix(part->type, "multipart/") && boundary && *boundary) {
		part->kind = MIME_PART_MULTIPART;
		part->boundary = g_strndup(boundary, BOUNDARY_MAX_BYTES);
		g_strchomp(part->boundary);
	} else if ((strcmp(part->type, "message/rfc822") == 0 || strcmp(part->type, "message/global") == 0) && !encoded)
		part->kind = MIME_PART_MESSAGE;
}

void
mime_part_clear(MimePart *part)
{
	g_clear_object(&part->content_type);
	g_clear_object(&part->disposition);
	g_clear_pointer(&part->boundary, g_free);
}

const char *
mime_part_parameter(const MimePart *part, const char *name)
{
	return part->content_type ? g_mime_content_type_get_parameter(part->content_type, name) : NULL;
}

char *
mime_part_file_name(const MimePart *part)
{
	const char *name = NULL;
	char *decoded;

	if (part->disposition)
		name = g_mime_content_disposition_get_parameter(part->disposition, "filename");
	if (!name || !*name)
		name = mime_part_parameter(part, "name");
	if (!name || !*name)
		return NULL;
	decoded = mime_words_decode(name, strlen(name), NULL);
	if (!*decoded)
		g_clear_pointer(&decoded, g_free);
	return decoded;
}
