/* What a server can do, and what mailtree makes of it. */
#include "core/size.h"
#include "sync/path.h"
#include "sync/quota.h"
#include "sync/run.h"

typedef struct {
	const SyncAccount *account;
	unsigned folders, wanted;
	bool utf8;
	SyncQuota quota;
} Census;

static void
clear_census(Census *census)
{
	sync_quota_clear(&census->quota);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Census, clear_census)

static bool
on_answer(const ImapResponse *response, void *data, GError **error)
{
	Census *census = data;
	const ImapListResponse *list = &response->list;

	sync_quota_note(&census->quota, response);
	if (response->kind != IMAP_RESPONSE_LIST || !list->mailbox ||
	    (list->attributes & (IMAP_LIST_NOSELECT | IMAP_LIST_NONEXISTENT)))
		return true;
	g_auto(GStrv) path = sync_path_from_server(list->mailbox, list->mailbox_length, list->separator, census->utf8);
	g_autofree char *joined = path ? g_strjoinv("/", path) : NULL;
	census->folders++;
	census->wanted += joined && sync_path_wanted(census->account->folders, joined);
	return true;
}

/* The best that both sides can, for each thing that there is a choice of. */
static void
describe(GString *out, const ImapSession *session)
{
	const char *changes = imap_session_enabled(session, IMAP_CAP_QRESYNC) ? "QRESYNC" : "comparison of UIDs and flags";
	const char *identity = imap_session_has(session, IMAP_CAP_OBJECTID) ? "EMAILID"
	                       : imap_session_has(session, IMAP_CAP_GMAIL)  ? "X-GM-MSGID"
	                                                                    : "size, date and header";
	const char *special = imap_session_has(session, IMAP_CAP_SPECIAL_USE) ? "SPECIAL-USE" : "not told by the server";

	g_string_append_printf(out, "  changes found by     %s\n", changes);
	g_string_append_printf(out, "  copies recognised by %s\n", identity);
	g_string_append_printf(out, "  special folders      %s\n", special);
}

static void
describe_quota(GString *out, const SyncQuota *quota)
{
	g_autofree char *used = core_size_text(quota->used_bytes), *limit = core_size_text(quota->limit_bytes);

	if (quota->is_told && quota->reply.kind == IMAP_RESPONSE_OK)
		g_string_append_printf(out, "  quota                %s of %s used\n", used, limit);
	else
		g_string_append(out, "  quota                not told by the server\n");
}

char *
sync_check(const SyncAccount *account, CoreCancel *cancel, GError **error)
{
	g_autoptr(ImapSession) session =
	        imap_session_open(&account->imap, account->password, account->password_data, NULL, NULL, NULL,
	                          cancel, error);
	if (!session)
		return NULL;

	g_auto(Census) census = { .account = account, .utf8 = imap_session_is_utf8(session) };
	imap_session_listen(session, on_answer, &census);
	sync_quota_send(&census.quota, session);
	if (!imap_session_run(session, imap_command_new("LIST \"\" \"*\""), NULL, error) ||
	    !sync_quota_await(&census.quota, session, error))
		return NULL;

	GString *out = g_string_new(NULL);
	g_string_append_printf(out, "%s: %s at %s port %u\n", account->name, account->imap.user, account->imap.host,
	                       account->imap.port);
	g_string_append_printf(out, "  server               %s\n", imap_session_server(session));
	g_string_append_printf(out, "  connection           %s\n", imap_session_security(session));
	g_string_append_printf(out, "  folders              %u, of which %u are synchronised\n", census.folders, census.wanted);
	describe(out, session);
	describe_quota(out, &census.quota);
	g_string_append_printf(out, "  capabilities         %s\n", imap_session_capabilities(session));
	return g_string_free(out, FALSE);
}
