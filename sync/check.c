/* What a server can do, and what mailtree makes of it. */
#include "sync/path.h"
#include "sync/run.h"

typedef struct {
	const SyncAccount *account;
	unsigned folders, wanted;
	bool utf8;
} Census;

static bool
on_list(const ImapResponse *response, void *data, GError **error)
{
	Census *census = data;
	const ImapListResponse *list = &response->list;

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

char *
sync_check(const SyncAccount *account, CoreCancel *cancel, GError **error)
{
	g_autoptr(ImapSession) session =
	        imap_session_open(&account->imap, account->password, account->password_data, NULL, NULL, NULL,
	                          cancel, error);
	if (!session)
		return NULL;

	Census census = { .account = account, .utf8 = imap_session_is_utf8(session) };
	imap_session_listen(session, on_list, &census);
	if (!imap_session_run(session, imap_command_new("LIST \"\" \"*\""), NULL, error))
		return NULL;

	GString *out = g_string_new(NULL);
	g_string_append_printf(out, "%s: %s at %s port %u\n", account->name, account->imap.user, account->imap.host,
	                       account->imap.port);
	g_string_append_printf(out, "  server               %s\n", imap_session_server(session));
	g_string_append_printf(out, "  connection           %s\n", imap_session_security(session));
	g_string_append_printf(out, "  folders              %u, of which %u are synchronised\n", census.folders, census.wanted);
	describe(out, session);
	g_string_append_printf(out, "  capabilities         %s\n", imap_session_capabilities(session));
	return g_string_free(out, FALSE);
}
