#include "outline-check.h"

#include "mime/name.h"
#include "mime/reader.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RANGES 12

static MimeOutline *
outline_of(const MimeSource *message, size_t window_bytes)
{
	g_autoptr(GError) error = NULL;
	MimeOutline *outline = mime_outline_new(message, window_bytes, &error);

	g_assert_no_error(error);
	return outline;
}

static bool
equal_bytes(const GByteArray *a, const GByteArray *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static size_t
read_range(const MimeOutline *outline, unsigned index, const MimeSource *message, void *buffer, size_t size,
           uint64_t offset)
{
	g_autoptr(GError) error = NULL;
	size_t n = SIZE_MAX;

	g_assert_true(mime_outline_read(outline, index, message, buffer, size, offset, &n, &error));
	g_assert_no_error(error);
	return n;
}

GString *
outline_content(const MimeOutline *outline, unsigned index, const MimeSource *message)
{
	size_t size = (size_t)outline->entries[index].size;
	GString *content = g_string_sized_new(size + 1);

	g_string_set_size(content, size + 1);
	size_t n = read_range(outline, index, message, content->str, size + 1, 0);
	g_assert_cmpuint(n, ==, size);
	g_string_truncate(content, n);
	return content;
}

static void
check_ranges(const MimeOutline *outline, unsigned index, const MimeSource *memory, const MimeSource *file,
             GRand *random)
{
	g_autoptr(GString) whole = outline_content(outline, index, memory);
	gint32 size = (gint32)whole->len;

	for (int i = 0; i < RANGES; i++) {
		size_t offset = (size_t)g_rand_int_range(random, 0, size + 3);
		size_t length = (size_t)g_rand_int_range(random, 0, i % 2 ? 40 : size + 3);
		size_t expected = offset < whole->len ? MIN(whole->len - offset, length) : 0;
		g_autofree char *buffer = g_malloc(length + 1);

		g_assert_cmpuint(read_range(outline, index, i % 3 ? memory : file, buffer, length, offset), ==, expected);
		g_assert_true(expected == 0 || memcmp(buffer, whole->str + offset, expected) == 0);
	}
}

static void
check_name(const MimeOutline *outline, unsigned index, GHashTable *taken)
{
	const MimeEntry *entry = &outline->entries[index];
	const char *name = entry->name;

	g_assert_true(entry->parent == MIME_OUTLINE_TOP ||
	              (entry->parent < index && outline->entries[entry->parent].folder));
	g_assert_cmpuint(strlen(name), >, 0);
	g_assert_cmpuint(strlen(name), <=, MIME_NAME_CANONICAL_MAX_BYTES);
	g_assert_true(g_utf8_validate(name, -1, NULL));
	g_assert_null(strchr(name, '/'));
	g_assert_true(*name != '.' && *name != '-' && *name != ' ' && name[strlen(name) - 1] != ' ');
	for (const char *p = name; *p; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);
		g_assert_false(g_unichar_iscntrl(c) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069));
	}
	g_autofree char *nfc = g_utf8_normalize(name, -1, G_NORMALIZE_NFC), *folded = g_utf8_casefold(name, -1);
	g_assert_cmpstr(nfc, ==, name);
	g_assert_true(g_hash_table_add(taken, g_strdup_printf("%u/%s", entry->parent, folded)));
}

static void
check_packed(const MimeOutline *outline, const GByteArray *packed, uint64_t length)
{
	g_autoptr(MimeOutline) again = mime_outline_unpack(packed->data, packed->len, length);

	g_assert_nonnull(again);
	g_autoptr(GByteArray) repacked = mime_outline_pack(again);
	g_assert_true(equal_bytes(packed, repacked));
	g_assert_cmpuint(again->n_entries, ==, outline->n_entries);
	for (unsigned i = 0; i < again->n_entries; i++)
		g_assert_cmpuint(again->entries[i].size, ==, outline->entries[i].size);
	g_assert_null(mime_outline_unpack(packed->data, packed->len - 1, length));
}

MimeOutline *
outline_checked(const uint8_t *bytes, size_t length, GRand *random)
{
	static const char around[] = "before";
	MimeSource memory = { .bytes = bytes, .fd = -1, .length = length };
	MimeSource file = { .fd = memfd_create("message", MFD_CLOEXEC), .offset = strlen(around), .length = length };
	g_autoptr(GHashTable) taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	g_assert_cmpint(write(file.fd, around, strlen(around)), ==, strlen(around));
	g_assert_cmpint(write(file.fd, bytes, length), ==, length);
	g_assert_cmpint(write(file.fd, "\r\n--b\r\nafter", 12), ==, 12);
	MimeOutline *outline = outline_of(&memory, MIME_WINDOW_BYTES);
	g_autoptr(MimeOutline) small = outline_of(&file, MIME_WINDOW_MIN_BYTES);
	g_autoptr(GByteArray) packed = mime_outline_pack(outline), other = mime_outline_pack(small);

	g_assert_true(equal_bytes(packed, other));
	g_assert_cmpuint(outline->n_entries, <=, MIME_OUTLINE_ENTRIES_MAX);
	check_packed(outline, packed, length);
	for (unsigned i = 0; i < outline->n_entries; i++) {
		const MimeEntry *entry = &outline->entries[i];

		check_name(outline, i, taken);
		if (entry->folder)
			continue;
		check_ranges(outline, i, &memory, &file, random);
		if (entry->content.transfer == MIME_TRANSFER_AS_IS && !*entry->charset) {
			g_autoptr(GString) content = outline_content(outline, i, &memory);
			g_assert_true(memcmp(content->str, bytes + entry->content.start, content->len) == 0);
		}
	}
	close(file.fd);
	return outline;
}

/* All of @content, or what there is of it from @offset on. */
static GByteArray *
read_content(const MimeSource *message, const MimeContent *content, uint64_t offset)
{
	GByteArray *all = g_byte_array_new();
	size_t n = SIZE_MAX;

	g_byte_array_set_size(all, (guint)(content->size - offset));
	g_assert_true(mime_content_read(message, content, all->data, all->len, offset, &n, NULL));
	g_assert_cmpuint(n, ==, all->len);
	return all;
}

void
outline_check_transfer(const uint8_t *bytes, size_t length, GRand *random)
{
	MimeSource message = { .bytes = bytes, .fd = -1, .length = length };

	for (int transfer = 0; transfer < MIME_TRANSFER_COUNT; transfer++) {
		g_autoptr(GArray) checkpoints = g_array_new(FALSE, FALSE, sizeof(MimeCheckpoint));
		g_autoptr(GByteArray) head = g_byte_array_new();
		MimeContent content = { .transfer = (MimeTransfer)transfer, .length = length };
		uint64_t spacing = (uint64_t)g_rand_int_range(random, 1, 40);

		g_assert_true(mime_content_measure(&message, &content, spacing, checkpoints, head, 100, NULL));
		g_autoptr(GByteArray) whole = read_content(&message, &content, 0);
		g_assert_cmpuint(head->len, ==, MIN(whole->len, 100));
		g_assert_true(head->len == 0 || memcmp(head->data, whole->data, head->len) == 0);
		content.checkpoints = (const MimeCheckpoint *)(const void *)checkpoints->data;
		content.n_checkpoints = checkpoints->len;
		for (unsigned i = 0; i < MIN(checkpoints->len, RANGES); i++) {
			const MimeCheckpoint *at = &content.checkpoints[g_rand_int_range(random, 0, (gint32)checkpoints->len)];
			g_autoptr(GByteArray) rest = read_content(&message, &content, at->decoded);

			g_assert_true(rest->len == 0 || memcmp(rest->data, whole->data + at->decoded, rest->len) == 0);
		}
	}
}

void
outline_try(const MimeOutline *outline, const MimeSource *message)
{
	for (unsigned i = 0; i < outline->n_entries; i++) {
		const MimeEntry *entry = &outline->entries[i];
		size_t n = 0;
		char buffer[100];

		for (uint64_t offset = 0; offset < 3 * entry->size && !entry->folder; offset += entry->size / 3 + 1) {
			if (mime_outline_read(outline, i, message, buffer, sizeof buffer, offset, &n, NULL))
				g_assert_cmpuint(n, <=, sizeof buffer);
		}
	}
}
