/* The outline of a message, from the walk over its parts. */
#include "mime/entry-names.h"
#include "mime/name.h"
#include "mime/outline-private.h"
#include "mime/parts.h"
#include "mime/words.h"

#include <string.h>

#define HEAD_BYTES 1024 /* of HTML: where browsers look for a charset */
#define CHARSET_MAX_BYTES 40

/* Of each part that is open, by depth. */
typedef struct {
	unsigned folder;   /* in which it is shown */
	unsigned inside;   /* in which its children are */
	bool is_folder;    /* it is a message that is shown as a folder: entry inside, and behind that message.eml */
	unsigned children;
} Level;

typedef struct {
	MimeOutline *outline;
	const MimeSource *message;
	uint64_t spacing;
	MimeEntryNames *names;
	Level levels[MIME_PARTS_DEPTH_MAX + 1];
	unsigned nested; /* open folders */
	GByteArray *head;
	GError *failed;
} Making;

static bool
has_room(const Making *making, unsigned entries)
{
	return making->outline->n_entries + entries <= MIME_OUTLINE_ENTRIES_MAX && !making->failed;
}

static MimeEntry *
entry_at(const Making *making, unsigned index)
{
	return &g_array_index(making->outline->entry_array, MimeEntry, index);
}

/* Adds @entry to @folder as @name, or what that has to become. */
static unsigned
add(Making *making, unsigned folder, const char *name, MimeEntry *entry)
{
	g_autofree char *free_name = mime_entry_names_take(making->names, folder, name);

	entry->parent = (uint16_t)folder;
	entry->name = free_name;
	return mime_outline_add(making->outline, entry);
}

static MimeTransfer
transfer_of(const MimePart *part)
{
	if (part->kind != MIME_PART_LEAF)
		return MIME_TRANSFER_AS_IS;
	if (part->encoding == GMIME_CONTENT_ENCODING_BASE64)
		return MIME_TRANSFER_BASE64;
	if (part->encoding == GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE)
		return MIME_TRANSFER_QUOTED;
	return part->encoding == GMIME_CONTENT_ENCODING_UUENCODE ? MIME_TRANSFER_UU : MIME_TRANSFER_AS_IS;
}

static bool
is_attachment(const MimePart *part)
{
	return part->disposition && g_mime_content_disposition_is_attachment(part->disposition);
}

/* Whether the beginning of a document says its charset: by a mark, <meta>, or an XML declaration. */
static bool
names_charset(const GByteArray *head)
{
	static const char *const marks[] = { "charset", "encoding" };
	const char *bytes = head->len > 0 ? (const char *)head->data : "", *end = bytes + head->len;

	if (head->len >= 2 && (memcmp(bytes, "\xfe\xff", 2) == 0 || memcmp(bytes, "\xff\xfe", 2) == 0))
		return true;
	if (head->len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
		return true;
	for (gsize i = 0; i < G_N_ELEMENTS(marks); i++) {
		gsize n = strlen(marks[i]);

		for (const char *p = bytes; end - p > (ptrdiff_t)n; p++) {
			const char *after = p + n;

			if (g_ascii_strncasecmp(p, marks[i], n) != 0)
				continue;
			while (after < end && g_ascii_isspace(*after))
				after++;
			if (after < end && *after == '=')
				return true;
		}
	}
	return false;
}

/* The charset that a <meta> before the content has to name, else "". */
static const char *
charset_to_name(const MimePart *part, const GByteArray *head)
{
	const char *charset = mime_part_parameter(part, "charset");
	gsize length = charset ? strlen(charset) : 0;

	if (length == 0 || length > CHARSET_MAX_BYTES ||
	    strspn(charset, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:+") != length)
		return "";
	/* A line of ASCII would spoil them, and no document in them names its charset. */
	if (g_ascii_strncasecmp(charset, "utf-16", 6) == 0 || g_ascii_strncasecmp(charset, "utf-32", 6) == 0 ||
	    strcasestr(charset, "ucs"))
		return "";
	return names_charset(head) ? "" : charset;
}

/* Adds a file of @type with the content from @part->start to its end. */
static void
add_file(Making *making, const MimePart *part, const char *type, MimeTransfer transfer)
{
	const Level *level = &making->levels[part->depth];
	unsigned number = mime_entry_names_count(making->names, level->folder);

	if (!has_room(making, 1))
		return;
	g_autofree char *given = mime_part_file_name(part), *name = given ? mime_name_file(given) : NULL;
	bool is_body = !name && !is_attachment(part), is_html = is_body && strcmp(type, "text/html") == 0;
	MimeEntry entry = { .type = type, .charset = "", .first_checkpoint = making->outline->checkpoints->len };

	g_byte_array_set_size(making->head, 0);
	entry.content = (MimeContent){ .transfer = transfer, .start = part->start, .length = part->end - part->start };
	if (!mime_content_measure(making->message, &entry.content, making->spacing, making->outline->checkpoints,
	                          is_html ? making->head : NULL, HEAD_BYTES, &making->failed))
		return;
	entry.n_checkpoints = making->outline->checkpoints->len - entry.first_checkpoint;
	if (is_html)
		entry.charset = charset_to_name(part, making->head);
	g_autofree char *prefix = mime_outline_prefix(entry.charset);
	entry.size = entry.content.size + strlen(prefix);
	if (!name)
		name = mime_entry_name_of_type(type, is_body, number);
	add(making, level->folder, name, &entry);
}

/* A message in the message: its folder, which gets its name when the subject is known, and message.eml, the length of
 * which is known at its end. */
static void
open_folder(Making *making, const MimePart *part, Level *level)
{
	MimeEntry file = { .type = part->type, .charset = "" }, folder = file;

	folder.folder = true;
	folder.parent = (uint16_t)level->folder;
	folder.name = "";
	mime_entry_names_count(making->names, level->folder);
	level->inside = mime_outline_add(making->outline, &folder);
	add(making, level->inside, "message.eml", &file);
	level->is_folder = true;
	making->nested++;
}

/* The folder of a message gets its name from @part, which is the message itself. */
static void
name_folder(Making *making, const MimePart *part, const Level *above)
{
	const char *charset = mime_part_parameter(part, "charset");
	g_autofree char *subject = mime_headers_text(&part->headers, MIME_FIELD_SUBJECT, charset);
	g_autofree char *given = mime_part_file_name(part->parent);
	char *name = subject ? mime_name_folder(subject) : NULL;

	if (!name && given) {
		if (strlen(given) > 4 && g_ascii_strcasecmp(given + strlen(given) - 4, ".eml") == 0)
			given[strlen(given) - 4] = '\0';
		name = mime_name_folder(given);
	}
	g_autofree char *wanted = name ? name : g_strdup("message");
	g_autofree char *free_name = mime_entry_names_take(making->names, above->folder, wanted);
	entry_at(making, above->inside)->name = g_string_chunk_insert(making->outline->strings, free_name);
}

static MimeWalk
begin_part(void *user, const MimePart *part)
{
	Making *making = user;
	Level *level = &making->levels[part->depth], *above = part->parent ? level - 1 : NULL;

	*level = (Level){ .folder = above ? above->inside : MIME_OUTLINE_TOP };
	level->inside = level->folder;
	if (above) {
		above->children++;
		if (above->is_folder)
			name_folder(making, part, above);
	}
	if (part->kind == MIME_PART_MULTIPART)
		return MIME_WALK_INTO;
	if (part->kind == MIME_PART_LEAF || making->nested >= MIME_OUTLINE_NESTED_MAX || !has_room(making, 2))
		return MIME_WALK_OVER;
	open_folder(making, part, level);
	return MIME_WALK_INTO;
}

static MimeWalk
pass_body(void *user, const MimePart *part, const uint8_t *bytes, size_t length)
{
	return MIME_WALK_INTO;
}

static void
end_part(void *user, const MimePart *part)
{
	Making *making = user;
	Level *level = &making->levels[part->depth];

	if (level->is_folder) {
		MimeEntry *file = entry_at(making, level->inside + 1);

		file->size = part->end - part->start;
		file->content = (MimeContent){ .start = part->start, .length = file->size, .size = file->size };
		making->nested--;
	} else if (part->kind != MIME_PART_MULTIPART) {
		add_file(making, part, part->type, transfer_of(part));
	} else if (level->children == 0 && part->end > part->start) {
		add_file(making, part, "text/plain", MIME_TRANSFER_AS_IS);
	}
}

MimeOutline *
mime_outline_new(const MimeSource *message, size_t window_bytes, GError **error)
{
	static const MimePartEvents events = { begin_part, pass_body, end_part };
	g_autofree Making *making = g_new0(Making, 1);
	g_autoptr(MimeOutline) outline = mime_outline_empty();
	MimeReader reader;

	making->outline = outline;
	making->message = message;
	making->spacing = MAX(MIME_OUTLINE_CHECKPOINT_BYTES, message->length / MIME_OUTLINE_CHECKPOINTS_MAX);
	making->names = mime_entry_names_new();
	making->head = g_byte_array_new();
	mime_reader_init(&reader, message, window_bytes);
	mime_reader_find_line_ends(&reader);
	mime_parts_walk(&reader, &events, making);
	if (!making->failed && reader.position < message->length)
		core_throw(&making->failed, CORE_ERROR_IO, "a message cannot be read to its end");
	mime_reader_clear(&reader);
	g_byte_array_unref(making->head);
	mime_entry_names_free(making->names);
	if (!making->failed)
		return g_steal_pointer(&outline);
	g_propagate_error(error, making->failed);
	return NULL;
}
