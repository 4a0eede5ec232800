/* UID sets as servers tell them: what is parsed is formatted to the same set, in pieces of any size; and COPYUID gives pairs
 * that can be true, or none. */
#include "imap/uidset.h"
#include "sync/copyuid.h"

#include <glib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAX 1000

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void
check(bool fine)
{
	if (!fine)
		abort();
}

static void
check_format(const ImapUidSet *set, size_t max_bytes)
{
	g_auto(ImapUidSet) again = { 0 };
	size_t position = 0;

	for (char *text; (text = imap_uidset_format(set, &position, max_bytes)); g_free(text)) {
		check(strlen(text) <= max_bytes);
		check(imap_uidset_parse(&again, text, 0));
	}
	check(imap_uidset_size(&again) == imap_uidset_size(set));
	for (size_t i = 0; i < set->count; i++)
		check(imap_uidset_has_range(&again, set->ranges[i].first, set->ranges[i].last));
}

static void
check_pairs(char *sources, char *targets)
{
	const ImapReply reply = { .kind = IMAP_RESPONSE_OK, .code = IMAP_CODE_COPYUID, .uidvalidity = 7, .source_uids = sources,
		                      .uids = targets };
	g_autoptr(GArray) here = g_array_new(FALSE, FALSE, sizeof(uint32_t)), there = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);

	if (!sync_copyuid_pairs(&reply, 7, 5, MAX, here, there))
		return;
	check(here->len == there->len && here->len <= MAX);
	for (guint i = 0; i < there->len; i++) {
		uint32_t uid = g_array_index(there, uint32_t, i);
		check(uid >= 5 && g_hash_table_add(seen, GUINT_TO_POINTER(uid)));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	g_autofree char *text = g_strndup((const char *)bytes, length);
	char *space = strchr(text, ' ');
	g_auto(ImapUidSet) set = { 0 };

	if (space)
		*space = '\0';
	if (imap_uidset_parse(&set, text, 77)) {
		check_format(&set, 22); /* the least that holds a range */
		check_format(&set, 900);
	}
	if (space)
		check_pairs(text, space + 1);
	return 0;
}
