#include "mime/entry-names.h"

#include "mime/name.h"

#include <glib.h>
#include <stdint.h>
#include <string.h>

struct MimeEntryNames {
	GHashTable *taken; /* key -> the last number that was put behind the name */
	GHashTable *parts; /* folder -> how many parts it has */
};

MimeEntryNames *
mime_entry_names_new(void)
{
	MimeEntryNames *names = g_new0(MimeEntryNames, 1);

	names->taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	names->parts = g_hash_table_new(NULL, NULL);
	return names;
}

void
mime_entry_names_free(MimeEntryNames *names)
{
	if (!names)
		return;
	g_hash_table_unref(names->taken);
	g_hash_table_unref(names->parts);
	g_free(names);
}

unsigned
mime_entry_names_count(MimeEntryNames *names, unsigned folder)
{
	unsigned n = GPOINTER_TO_UINT(g_hash_table_lookup(names->parts, GUINT_TO_POINTER(folder))) + 1;

	g_hash_table_insert(names->parts, GUINT_TO_POINTER(folder), GUINT_TO_POINTER(n));
	return n;
}

static char *
key_of(unsigned folder, const char *name)
{
	g_autofree char *folded = g_utf8_casefold(name, -1);
	g_autofree char *canonical = g_utf8_normalize(folded, -1, G_NORMALIZE_NFD);

	return g_strdup_printf("%u/%s", folder, canonical);
}

char *
mime_entry_names_take(MimeEntryNames *names, unsigned folder, const char *name)
{
	g_autofree char *key = key_of(folder, name);

	if (!g_hash_table_contains(names->taken, key)) {
		g_hash_table_insert(names->taken, g_steal_pointer(&key), GUINT_TO_POINTER(1));
		return g_strdup(name);
	}
	for (unsigned n = GPOINTER_TO_UINT(g_hash_table_lookup(names->taken, key)) + 1;; n++) {
		g_autofree char *distinct = mime_name_file_distinct(name, n);
		g_autofree char *other = key_of(folder, distinct);

		if (g_hash_table_contains(names->taken, other))
			continue;
		g_hash_table_insert(names->taken, g_steal_pointer(&other), GUINT_TO_POINTER(1));
		g_hash_table_insert(names->taken, g_steal_pointer(&key), GUINT_TO_POINTER(n));
		return g_steal_pointer(&distinct);
	}
}

static const char *const endings[][2] = {
	{ "application/gzip", "gz" },
	{ "application/json", "json" },
	{ "application/ms-tnef", "dat" },
	{ "application/msword", "doc" },
	{ "application/pdf", "pdf" },
	{ "application/pgp-encrypted", "txt" },
	{ "application/pgp-keys", "asc" },
	{ "application/pgp-signature", "asc" },
	{ "application/pkcs7-mime", "p7m" },
	{ "application/pkcs7-signature", "p7s" },
	{ "application/postscript", "ps" },
	{ "application/rtf", "rtf" },
	{ "application/vnd.ms-excel", "xls" },
	{ "application/vnd.ms-powerpoint", "ppt" },
	{ "application/vnd.oasis.opendocument.presentation", "odp" },
	{ "application/vnd.oasis.opendocument.spreadsheet", "ods" },
	{ "application/vnd.oasis.opendocument.text", "odt" },
	{ "application/vnd.openxmlformats-officedocument.presentationml.pr", "pptx" }, /* as much as MimePart keeps */
	{ "application/vnd.openxmlformats-officedocument.spreadsheetml.she", "xlsx" },
	{ "application/vnd.openxmlformats-officedocument.wordprocessingml.", "docx" },
	{ "application/x-7z-compressed", "7z" },
	{ "application/x-pkcs7-mime", "p7m" },
	{ "application/x-pkcs7-signature", "p7s" },
	{ "application/x-rar-compressed", "rar" },
	{ "application/x-tar", "tar" },
	{ "application/x-zip-compressed", "zip" },
	{ "application/xhtml+xml", "xhtml" },
	{ "application/xml", "xml" },
	{ "application/zip", "zip" },
	{ "audio/aac", "aac" },
	{ "audio/amr", "amr" },
	{ "audio/midi", "mid" },
	{ "audio/mp4", "m4a" },
	{ "audio/mpeg", "mp3" },
	{ "audio/ogg", "ogg" },
	{ "audio/wav", "wav" },
	{ "audio/x-wav", "wav" },
	{ "image/bmp", "bmp" },
	{ "image/gif", "gif" },
	{ "image/heic", "heic" },
	{ "image/jpeg", "jpg" },
	{ "image/jpg", "jpg" },
	{ "image/pjpeg", "jpg" },
	{ "image/png", "png" },
	{ "image/svg+xml", "svg" },
	{ "image/tiff", "tif" },
	{ "image/webp", "webp" },
	{ "message/global", "eml" },
	{ "message/rfc822", "eml" },
	{ "text/calendar", "ics" },
	{ "text/css", "css" },
	{ "text/csv", "csv" },
	{ "text/html", "html" },
	{ "text/markdown", "md" },
	{ "text/rtf", "rtf" },
	{ "text/vcard", "vcf" },
	{ "text/x-amp-html", "html" },
	{ "text/x-vcard", "vcf" },
	{ "text/xml", "xml" },
	{ "video/mp4", "mp4" },
	{ "video/mpeg", "mpg" },
	{ "video/quicktime", "mov" },
	{ "video/webm", "webm" },
};

static const char *
ending_of(const char *type)
{
	for (gsize i = 0; i < G_N_ELEMENTS(endings); i++) {
		if (strcmp(type, endings[i][0]) == 0)
			return endings[i][1];
	}
	/* Notices of delivery are text too, and so is what a multipart without a boundary holds. */
	if (g_str_has_prefix(type, "text/") || g_str_has_prefix(type, "message/") || g_str_has_prefix(type, "multipart/"))
		return "txt";
	return "bin";
}

char *
mime_entry_name_of_type(const char *type, bool is_body, unsigned number)
{
	if (is_body && (strcmp(type, "text/plain") == 0 || strcmp(type, "text/html") == 0))
		return g_strdup_printf("body.%s", ending_of(type));
	return g_strdup_printf("part-%u.%s", number, ending_of(type));
}
