#include "imap/capability.h"

#include <string.h>

#define LINE_MAX_BYTES 8192
#define APPENDLIMIT_IS "APPENDLIMIT="

static const struct {
	const char *word;
	bool in_rev2; /* a server that speaks IMAP4rev2 only has it without saying so (RFC 9051 appendix E) */
} names[IMAP_CAP_COUNT] = {
	[IMAP_CAP_IMAP4REV1] = { "IMAP4rev1", false },
	[IMAP_CAP_IMAP4REV2] = { "IMAP4rev2", false },
	[IMAP_CAP_STARTTLS] = { "STARTTLS", false },
	[IMAP_CAP_LOGINDISABLED] = { "LOGINDISABLED", false },
	[IMAP_CAP_SASL_IR] = { "SASL-IR", true },
	[IMAP_CAP_AUTH_PLAIN] = { "AUTH=PLAIN", false },
	[IMAP_CAP_LITERAL_PLUS] = { "LITERAL+", false },
	[IMAP_CAP_LITERAL_MINUS] = { "LITERAL-", true },
	[IMAP_CAP_ENABLE] = { "ENABLE", true },
	[IMAP_CAP_CONDSTORE] = { "CONDSTORE", false },
	[IMAP_CAP_QRESYNC] = { "QRESYNC", false },
	[IMAP_CAP_UIDPLUS] = { "UIDPLUS", true },
	[IMAP_CAP_MOVE] = { "MOVE", true },
	[IMAP_CAP_IDLE] = { "IDLE", true },
	[IMAP_CAP_NOTIFY] = { "NOTIFY", false },
	[IMAP_CAP_NAMESPACE] = { "NAMESPACE", true },
	[IMAP_CAP_LIST_EXTENDED] = { "LIST-EXTENDED", true },
	[IMAP_CAP_LIST_STATUS] = { "LIST-STATUS", true },
	[IMAP_CAP_SPECIAL_USE] = { "SPECIAL-USE", false },
	[IMAP_CAP_COMPRESS_DEFLATE] = { "COMPRESS=DEFLATE", false },
	[IMAP_CAP_ESEARCH] = { "ESEARCH", true },
	[IMAP_CAP_UTF8_ACCEPT] = { "UTF8=ACCEPT", false },
	[IMAP_CAP_OBJECTID] = { "OBJECTID", false },
	[IMAP_CAP_MULTIAPPEND] = { "MULTIAPPEND", false },
	[IMAP_CAP_QUOTA] = { "QUOTA", false },
	[IMAP_CAP_ACL] = { "ACL", false },
	[IMAP_CAP_LIST_MYRIGHTS] = { "LIST-MYRIGHTS", false },
	[IMAP_CAP_ID] = { "ID", false },
	[IMAP_CAP_BINARY] = { "BINARY", false }, /* in rev2 only what concerns FETCH */
	[IMAP_CAP_UNSELECT] = { "UNSELECT", true },
	[IMAP_CAP_CREATE_SPECIAL_USE] = { "CREATE-SPECIAL-USE", false },
	[IMAP_CAP_APPENDLIMIT] = { "APPENDLIMIT", false },
	[IMAP_CAP_SAVEDATE] = { "SAVEDATE", false },
	[IMAP_CAP_GMAIL] = { "X-GM-EXT-1", false },
};

ImapCapability
imap_capability_find(const char *word)
{
	ImapCapability found = 0;

	while (found < IMAP_CAP_COUNT && g_ascii_strcasecmp(word, names[found].word) != 0)
		found++;
	return found;
}

void
imap_capabilities_clear(ImapCapabilities *capabilities)
{
	memset(capabilities->has, 0, sizeof capabilities->has);
	capabilities->append_limit = 0;
	g_clear_pointer(&capabilities->line, g_free);
}

/* RFC 7889: the word alone says that the limit differs between mailboxes. */
static void
note_append_limit(ImapCapabilities *capabilities, const char *word)
{
	if (g_ascii_strncasecmp(word, APPENDLIMIT_IS, strlen(APPENDLIMIT_IS)) != 0 ||
	    !g_ascii_string_to_unsigned(word + strlen(APPENDLIMIT_IS), 10, 1, G_MAXINT64, &capabilities->append_limit, NULL))
		return;
	capabilities->has[IMAP_CAP_APPENDLIMIT] = true;
}

void
imap_capabilities_set(ImapCapabilities *capabilities, const ImapWords *words)
{
	g_autoptr(GString) line = g_string_new(NULL);

	imap_capabilities_clear(capabilities);
	for (size_t i = 0; i < words->count; i++) {
		ImapCapability found = imap_capability_find(words->items[i]);
		if (found < IMAP_CAP_COUNT)
			capabilities->has[found] = true;
		note_append_limit(capabilities, words->items[i]);
		if (line->len + strlen(words->items[i]) < LINE_MAX_BYTES)
			g_string_append_printf(line, "%s%s", line->len ? " " : "", words->items[i]);
	}
	for (size_t i = 0; i < IMAP_CAP_COUNT; i++) {
		if (names[i].in_rev2 && capabilities->has[IMAP_CAP_IMAP4REV2] && !capabilities->has[IMAP_CAP_IMAP4REV1])
			capabilities->has[i] = true;
	}
	capabilities->line = g_string_free(g_steal_pointer(&line), false);
	capabilities->told++;
}
