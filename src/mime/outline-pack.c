/* An outline as bytes: "MTO", the version, the number of entries, then each with its checkpoints.  A number is its groups
 * of seven bits, the lowest first, each with 0x80 but the last; a string its length and its bytes. */
#include "mime/name.h"
#include "mime/outline-private.h"

#include <string.h>

#define TYPE_MAX_BYTES 63
#define CHARSET_MAX_BYTES 40
#define GROWTH_MAX 32 /* bytes that one encoded byte becomes, at most (transfer.h) */

static const uint8_t mark[] = { 'M', 'T', 'O', MIME_OUTLINE_VERSION };

static void
put_number(GByteArray *out, uint64_t number)
{
	uint8_t bytes[10];
	guint n = 0;

	do {
		bytes[n++] = (uint8_t)((number & 0x7f) | (number > 0x7f ? 0x80 : 0));
		number >>= 7;
	} while (number > 0);
	g_byte_array_append(out, bytes, n);
}

static void
put_string(GByteArray *out, const char *string)
{
	put_number(out, strlen(string));
	g_byte_array_append(out, (const uint8_t *)string, (guint)strlen(string));
}

static void
put_entry(GByteArray *out, const MimeOutline *outline, const MimeEntry *entry)
{
	MimeCheckpoint last = { 0, 0 };

	put_number(out, entry->parent == MIME_OUTLINE_TOP ? 0 : entry->parent + 1u);
	put_number(out, entry->folder);
	put_string(out, entry->name);
	put_string(out, entry->type);
	put_string(out, entry->charset);
	put_number(out, entry->content.transfer);
	put_number(out, entry->content.start);
	put_number(out, entry->content.length);
	put_number(out, entry->content.size);
	put_number(out, entry->n_checkpoints);
	for (unsigned i = 0; i < entry->n_checkpoints; i++) {
		MimeCheckpoint here = g_array_index(outline->checkpoints, MimeCheckpoint, entry->first_checkpoint + i);

		put_number(out, here.encoded - last.encoded);
		put_number(out, here.decoded - last.decoded);
		last = here;
	}
}

GByteArray *
mime_outline_pack(const MimeOutline *outline)
{
	GByteArray *out = g_byte_array_new();

	g_byte_array_append(out, mark, sizeof mark);
	put_number(out, outline->n_entries);
	for (unsigned i = 0; i < outline->n_entries; i++)
		put_entry(out, outline, &outline->entries[i]);
	return out;
}

/* What is taken back, from @at to @end.  After the first thing that cannot be, it is @broken, and gives zeros. */
typedef struct {
	const uint8_t *at, *end;
	uint64_t message_length;
	MimeOutline *outline;
	bool broken;
} Unpacking;

static uint64_t
take_number(Unpacking *unpacking, uint64_t most)
{
	uint64_t number = 0;

	for (unsigned shift = 0; shift < 64 && unpacking->at < unpacking->end && !unpacking->broken; shift += 7) {
		uint8_t byte = *unpacking->at++;

		number |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if (number > most)
			break;
		return number;
	}
	unpacking->broken = true;
	return 0;
}

/* A string of safe characters; in @buffer, which has room for it and a NUL. */
static void
take_string(Unpacking *unpacking, char *buffer, gsize max_bytes)
{
	gsize length = (gsize)take_number(unpacking, max_bytes);

	if ((gsize)(unpacking->end - unpacking->at) < length)
		unpacking->broken = true;
	if (unpacking->broken)
		length = 0;
	memcpy(buffer, unpacking->at, length);
	buffer[length] = '\0';
	unpacking->at += length;
	for (gsize i = 0; i < length; i++)
		unpacking->broken = unpacking->broken || (uint8_t)buffer[i] < ' ' || buffer[i] == 0x7f;
}

static void
take_checkpoints(Unpacking *unpacking, MimeEntry *entry)
{
	const MimeContent *content = &entry->content;
	MimeCheckpoint here = { 0, 0 };
	/* Each takes two bytes, so a wrong number ends soon. */
	uint64_t most = content->transfer == MIME_TRANSFER_AS_IS ? 0 : (uint64_t)(unpacking->end - unpacking->at) / 2;

	entry->first_checkpoint = unpacking->outline->checkpoints->len;
	entry->n_checkpoints = (unsigned)take_number(unpacking, MIN(most, UINT16_MAX));
	for (unsigned i = 0; i < entry->n_checkpoints && !unpacking->broken; i++) {
		uint64_t step = take_number(unpacking, content->length - here.encoded);

		here.encoded += step;
		here.decoded += take_number(unpacking, content->size - here.decoded);
		unpacking->broken = unpacking->broken || step == 0;
		g_array_append_val(unpacking->outline->checkpoints, here);
	}
}

static void
take_content(Unpacking *unpacking, MimeEntry *entry)
{
	MimeContent *content = &entry->content;
	uint64_t most = entry->folder ? 0 : unpacking->message_length;
	g_autofree char *prefix = mime_outline_prefix(entry->charset);

	content->transfer = (MimeTransfer)take_number(unpacking, MIME_TRANSFER_COUNT - 1);
	content->start = take_number(unpacking, most);
	content->length = take_number(unpacking, most - content->start);
	content->size = take_number(unpacking, content->length * GROWTH_MAX + GROWTH_MAX);
	if (content->transfer == MIME_TRANSFER_AS_IS && content->size != content->length)
		unpacking->broken = true;
	entry->size = content->size + strlen(prefix);
	take_checkpoints(unpacking, entry);
}

static bool
is_safe_name(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/') && g_utf8_validate(name, -1, NULL);
}

static void
take_entry(Unpacking *unpacking)
{
	char name[MIME_NAME_CANONICAL_MAX_BYTES + 1], type[TYPE_MAX_BYTES + 1], charset[CHARSET_MAX_BYTES + 1];
	MimeEntry entry = { .name = name, .type = type, .charset = charset };
	unsigned parent = (unsigned)take_number(unpacking, unpacking->outline->n_entries);

	entry.parent = parent > 0 ? (uint16_t)(parent - 1) : MIME_OUTLINE_TOP;
	if (parent > 0 && !unpacking->outline->entries[parent - 1].folder)
		unpacking->broken = true;
	entry.folder = take_number(unpacking, 1);
	take_string(unpacking, name, sizeof name - 1);
	take_string(unpacking, type, sizeof type - 1);
	take_string(unpacking, charset, sizeof charset - 1);
	take_content(unpacking, &entry);
	if (!unpacking->broken && is_safe_name(name))
		mime_outline_add(unpacking->outline, &entry);
	else
		unpacking->broken = true;
}

MimeOutline *
mime_outline_unpack(const uint8_t *bytes, size_t length, uint64_t message_length)
{
	g_autoptr(MimeOutline) outline = mime_outline_empty();
	Unpacking unpacking = { .at = bytes, .end = bytes + length, .message_length = message_length, .outline = outline };

	if (length < sizeof mark || memcmp(bytes, mark, sizeof mark) != 0 || message_length > INT64_MAX / (2 * GROWTH_MAX))
		return NULL;
	unpacking.at += sizeof mark;
	unsigned n = (unsigned)take_number(&unpacking, MIME_OUTLINE_ENTRIES_MAX);
	for (unsigned i = 0; i < n && !unpacking.broken; i++)
		take_entry(&unpacking);
	return unpacking.broken || unpacking.at != unpacking.end ? NULL : g_steal_pointer(&outline);
}
