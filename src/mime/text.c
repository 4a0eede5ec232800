#include "mime/text.h"

#include "mime/leaf.h"
#include "mime/words.h"

#include <string.h>

#define REST_LINE "[the rest is not shown]\n"
#define FILE_NAME_SHOWN_MAX_BYTES 255

/* What a multipart/alternative has shown: a later, better form takes the place of HTML. */
typedef enum { SHOWN_NOTHING, SHOWN_OTHER, SHOWN_PLAIN } Shown;

/* One for each part that is open, by depth. */
typedef struct {
	bool is_alternative;
	bool quiet; /* text in here was shown in a better form */
	Shown shown;
	gsize html_start, html_end; /* of the out: what a plain text would replace */
} Level;

typedef struct {
	GString *out;
	gsize start, max_length;
	gsize body;     /* where the text behind the last header block begins */
	bool after_line; /* what was written last is a line about an attachment */
	Level levels[MIME_PARTS_DEPTH_MAX + 1];

	const MimePart *current; /* the part whose content comes now, or NULL */
	bool is_text;
	MimeLeaf leaf;
	gsize leaf_start;        /* of the out, with what sets it apart from the text before */
	bool leaf_after_line;
	guint64 size;            /* of an attachment: its bytes, without line ends and padding if that is base64 */
	uint8_t last;            /* the byte before those that come now */
} Render;

static bool
is_full(const Render *render)
{
	return render->out->len >= render->max_length;
}

/* An empty line between what was written and what comes; none between two lines about attachments. */
static void
separate(Render *render, bool line)
{
	if (render->out->len > render->body && !(line && render->after_line))
		g_string_append_c(render->out, '\n');
	render->after_line = line;
}

static void
write_headers(Render *render, const MimePart *part)
{
	static const struct {
		MimeField field;
		const char *name;
	} shown[] = {
		{ MIME_FIELD_FROM, "From" }, { MIME_FIELD_TO, "To" }, { MIME_FIELD_CC, "Cc" }, { MIME_FIELD_DATE, "Date" },
		{ MIME_FIELD_SUBJECT, "Subject" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(shown); i++) {
		g_autofree char *text = mime_headers_text(&part->headers, shown[i].field, mime_part_parameter(part, "charset"));
		if (text)
			g_string_append_printf(render->out, "%s: %s\n", shown[i].name, text);
	}
	g_string_append_c(render->out, '\n');
	render->body = render->out->len;
	render->after_line = false;
}

static void
append_size(GString *out, guint64 bytes)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB" };
	double size = (double)bytes / 1000;
	gsize unit = 0;

	if (bytes < 1000) {
		g_string_append_printf(out, "%u B", (unsigned)bytes);
		return;
	}
	for (; size >= 999.95 && unit + 1 < G_N_ELEMENTS(units); unit++)
		size /= 1000;

	char number[G_ASCII_DTOSTR_BUF_SIZE]; /* with a point, wherever the user lives */
	g_string_append_printf(out, "%s %s", g_ascii_formatd(number, sizeof number, "%.1f", size), units[unit]);
}

/* "[attachment: name.pdf, application/pdf, 12.3 kB]" */
static void
write_attachment(Render *render, const MimePart *part)
{
	g_autofree char *name = mime_part_file_name(part);
	const char *smime = mime_part_parameter(part, "smime-type");
	bool encrypted = g_str_has_prefix(part->type, "multipart/encrypted") ||
	                 (g_str_has_suffix(part->type, "pkcs7-mime") && (!smime || !strstr(smime, "signed")));

	separate(render, true);
	g_string_append(render->out, encrypted ? "[encrypted: " : "[attachment: ");
	if (name) {
		g_string_append_len(render->out, name, (gssize)mime_utf8_fit(name, strlen(name), FILE_NAME_SHOWN_MAX_BYTES));
		g_string_append(render->out, ", ");
	}
	g_string_append(render->out, part->type);
	if (part->kind == MIME_PART_LEAF) {
		g_string_append(render->out, ", ");
		append_size(render->out, part->encoding == GMIME_CONTENT_ENCODING_BASE64 ? render->size * 3 / 4 : render->size);
	}
	g_string_append(render->out, "]\n");
}

/* Text that is shown, not only named. */
static bool
is_shown(const MimePart *part)
{
	if (part->disposition && g_mime_content_disposition_is_attachment(part->disposition))
		return false;
	if (g_str_has_prefix(part->type, "text/"))
		return strcmp(part->type, "text/rtf") != 0;
	return strcmp(part->type, "message/delivery-status") == 0 || strcmp(part->type, "message/feedback-report") == 0 ||
	       strcmp(part->type, "message/disposition-notification") == 0 ||
	       strcmp(part->type, "message/global-delivery-status") == 0 ||
	       /* without a boundary, since it is a leaf: nothing tells its parts from each other */
	       (g_str_has_prefix(part->type, "multipart/") && part->depth < MIME_PARTS_DEPTH_MAX);
}

static void
open_text(Render *render, const MimePart *part, const MimePart *described)
{
	render->current = part;
	render->is_text = true;
	render->leaf_start = render->out->len;
	render->leaf_after_line = render->after_line;
	separate(render, false);
	mime_leaf_init(&render->leaf, described, render->out,
		render->max_length > render->out->len ? render->max_length - render->out->len : 0);
}

/* The text is not wanted after all. */
static void
drop_text(Render *render)
{
	g_string_truncate(render->out, render->leaf_start);
	render->after_line = render->leaf_after_line;
	render->current = NULL;
}

static void
close_text(Render *render, const MimePart *part)
{
	Shown form = strcmp(part->type, "text/plain") == 0 ? SHOWN_PLAIN : SHOWN_OTHER;
	Level *above = part->depth > 0 ? &render->levels[part->depth - 1] : NULL;

	if (!mime_leaf_finish(&render->leaf)) {
		drop_text(render);
		return;
	}
	render->current = NULL;
	if (above && above->is_alternative && form == SHOWN_PLAIN) {
		gsize length = above->html_end - above->html_start;
		if (length > 0 && above->html_start == render->body)
			length++; /* the empty line behind it, which now would be in front */
		g_string_erase(render->out, (gssize)above->html_start, (gssize)length);
		above->html_end = above->html_start;
	} else if (above && above->is_alternative) {
		above->html_start = render->leaf_start;
		above->html_end = render->out->len;
	}
	for (unsigned i = 0; i < part->depth; i++)
		render->levels[i].shown = MAX(render->levels[i].shown, form);
}

static MimeWalk
begin_part(void *user, const MimePart *part)
{
	Render *render = user;
	Level *level = &render->levels[part->depth];
	const Level *above = part->parent ? level - 1 : NULL;
	bool plain = strcmp(part->type, "text/plain") == 0;

	if (render->current) { /* the preamble of the multipart that this part is in */
		mime_leaf_finish(&render->leaf);
		drop_text(render);
	}
	memset(level, 0, sizeof *level);
	level->is_alternative = strcmp(part->type, "multipart/alternative") == 0;
	level->quiet = above && (above->quiet ||
		(above->is_alternative && above->shown > (plain ? SHOWN_OTHER : SHOWN_NOTHING)));
	if (!part->parent || part->parent->kind == MIME_PART_MESSAGE)
		write_headers(render, part);

	if (part->kind == MIME_PART_MESSAGE) {
		separate(render, false);
		g_string_append(render->out, "[attached message]\n");
	} else if (part->kind == MIME_PART_MULTIPART && strcmp(part->type, "multipart/encrypted") == 0) {
		write_attachment(render, part);
		return MIME_WALK_OVER;
	} else if (part->kind == MIME_PART_LEAF && is_shown(part)) {
		if (level->quiet)
			return MIME_WALK_OVER;
		open_text(render, part, g_str_has_prefix(part->type, "multipart/") ? NULL : part);
	} else if (part->kind == MIME_PART_LEAF) {
		render->current = part;
		render->is_text = false;
		render->size = 0;
		render->last = 0;
	}
	return is_full(render) ? MIME_WALK_STOP : MIME_WALK_INTO;
}

/* Base64 is not decoded to tell its length; line by line, since that is fast. */
static void
count_base64(Render *render, const uint8_t *bytes, size_t length)
{
	const uint8_t *p = bytes, *end = bytes + length, *newline;

	render->size += length;
	while ((newline = memchr(p, '\n', (size_t)(end - p)))) {
		uint8_t before = newline > bytes ? newline[-1] : render->last;
		render->size -= before == '\r' ? 2 : 1;
		p = newline + 1;
	}
	for (p = length > 4 ? end - 4 : bytes; p < end; p++) /* padding comes last */
		render->size -= *p == '=';
	render->last = end[-1];
}

static MimeWalk
read_part(void *user, const MimePart *part, const uint8_t *bytes, size_t length)
{
	Render *render = user;

	if (!render->current) /* a preamble; it counts only if no part follows */
		open_text(render, part, NULL);
	if (render->is_text)
		mime_leaf_feed(&render->leaf, bytes, length);
	else if (part->encoding == GMIME_CONTENT_ENCODING_BASE64)
		count_base64(render, bytes, length);
	else
		render->size += length;
	return is_full(render) ? MIME_WALK_STOP : MIME_WALK_INTO;
}

static void
end_part(void *user, const MimePart *part)
{
	Render *render = user;

	if (render->current == part && render->is_text) {
		close_text(render, part);
	} else if (render->current == part) {
		render->current = NULL;
		write_attachment(render, part);
	} else if (part->kind == MIME_PART_MESSAGE) {
		separate(render, false);
		g_string_append(render->out, "[end of attached message]\n");
	}
}

void
mime_text_render(MimeReader *reader, GString *out, gsize max_bytes)
{
	static const MimePartEvents events = { begin_part, read_part, end_part };
	g_autofree Render *render = g_new0(Render, 1);

	render->out = out;
	render->start = out->len;
	render->max_length = out->len + max_bytes - strlen(REST_LINE) - 1;
	bool whole = mime_parts_walk(reader, &events, render);
	if (whole && !is_full(render))
		return;

	gsize length = mime_utf8_fit(out->str + render->start, out->len - render->start, render->max_length - render->start);
	g_string_truncate(out, render->start + length);
	if (out->str[out->len - 1] != '\n')
		g_string_append_c(out, '\n');
	g_string_append(out, REST_LINE);
}
