#include "sync/copyuid.h"

#include "imap/uidset.h"

/* In the order in which they stand there, which a set forgets. */
static bool
expand(const char *text, guint max, GArray *uids)
{
	g_auto(GStrv) pieces = g_strsplit(text, ",", -1);

	for (char **piece = pieces; *piece; piece++) {
		g_auto(ImapUidSet) set = { 0 };
		if (!imap_uidset_parse(&set, *piece, 0) || uids->len + imap_uidset_size(&set) > max)
			return false;
		for (uint64_t each = set.ranges[0].first; each <= set.ranges[0].last; each++) {
			uint32_t uid = (uint32_t)each;
			g_array_append_val(uids, uid);
		}
	}
	return true;
}

/* Each once, and none that an older message has. */
static bool
are_new(const GArray *uids, uint32_t uidnext)
{
	g_auto(ImapUidSet) set = { 0 };

	for (guint i = 0; i < uids->len; i++)
		imap_uidset_add(&set, g_array_index(uids, uint32_t, i));
	return imap_uidset_size(&set) == uids->len && (uids->len == 0 || set.ranges[0].first >= uidnext);
}

bool
sync_copyuid_pairs(const ImapReply *reply, uint32_t uidvalidity, uint32_t uidnext, guint max, GArray *sources_r,
                   GArray *targets_r)
{
	return reply->source_uids && reply->uids && (uidvalidity == 0 || reply->uidvalidity == uidvalidity) &&
	       expand(reply->source_uids, max, sources_r) && expand(reply->uids, max, targets_r) &&
	       sources_r->len == targets_r->len && sources_r->len > 0 && are_new(targets_r, uidnext);
}
