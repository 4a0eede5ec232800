/* Canonical names: whatever sender and subject are, the name is one that any directory can hold.
 * The input: a line with the sender, then the subject; the length of it serves as the UID. */
#include "mime/name.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void
check(bool fine)
{
	if (!fine)
		abort();
}

static void
check_name(const char *name, const char *tail)
{
	g_autofree char *nfc = g_utf8_normalize(name, -1, G_NORMALIZE_DEFAULT_COMPOSE);

	check(nfc && strcmp(nfc, name) == 0);
	check(strlen(name) <= MIME_NAME_MAX_BYTES && g_str_has_suffix(name, tail));
	check(g_ascii_isdigit(name[0]) && !strchr(name, '/') && !strstr(name, "  "));
	for (const char *p = name; *p; p += g_utf8_skip[(uint8_t)*p])
		check(!g_unichar_iscntrl(g_utf8_get_char(p)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	g_autofree char *from = g_strndup((const char *)bytes, length);
	char *newline = strchr(from, '\n');
	const char *subject = newline ? newline + 1 : NULL;

	if (newline)
		*newline = '\0';
	g_autofree char *name = mime_name_make((int64_t)length * 86400, from, subject, (uint32_t)length);
	g_autofree char *uid = length ? g_strdup_printf(" ~%zu", length) : g_strdup("");
	g_autofree char *tail = g_strconcat(uid, ".eml", NULL);
	check_name(name, tail);

	g_autofree char *distinct = mime_name_distinct(name, (unsigned)length);
	g_autofree char *distinct_tail = g_strdup_printf("%s (%zu).eml", uid, length);
	check_name(distinct, distinct_tail);

	g_autofree char *text = mime_name_text(name);
	check(strlen(text) == strlen(name) && mime_name_is_text_of(text, name));

	/* A name that a user gave can be any bytes. */
	g_autofree char *given = mime_name_distinct(from, 2);
	g_autofree char *given_text = mime_name_text(from);
	check(strlen(given) <= MIME_NAME_MAX_BYTES && strlen(given_text) <= MIME_NAME_MAX_BYTES);
	return 0;
}
