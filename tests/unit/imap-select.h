/* A script, the session that it plays with, and what its listener heard: for the tests of select. */
#pragma once

#include "imap-script.h"

#define QRESYNC_AND(capabilities) \
	READY("ENABLE QRESYNC" capabilities), C("m2 ENABLE QRESYNC\r\n"), S("* ENABLED QRESYNC\r\nm2 OK\r\n")
#define QRESYNC QRESYNC_AND("")
#define SELECTED(tag, name, exists) \
	C(tag " SELECT \"" name "\"\r\n"), \
		S("* " exists " EXISTS\r\n* OK [UIDVALIDITY 1]\r\n* OK [UIDNEXT 9]\r\n" tag " OK\r\n")

typedef struct {
	Script *script;
	ImapSession *session;
	ImapSelected selected;
	GString *heard;
} Fixture;

static bool
note(const ImapResponse *response, void *data, GError **error)
{
	Fixture *fixture = data;

	if (response->kind == IMAP_RESPONSE_VANISHED)
		g_string_append_printf(fixture->heard, "VANISHED%s %s;", response->vanished.earlier ? " EARLIER" : "",
		                       response->vanished.uids);
	else if (response->kind == IMAP_RESPONSE_FETCH)
		g_string_append_printf(fixture->heard, "FETCH %u;", response->fetch.uid);
	else if (response->kind == IMAP_RESPONSE_EXISTS)
		g_string_append_printf(fixture->heard, "EXISTS %u;", response->number);
	return true;
}

static void
begin(Fixture *fixture, Script *script)
{
	*fixture = (Fixture){ .script = script, .heard = g_string_new(NULL) };
	fixture->session = script_assert_opens(script);
	imap_session_listen(fixture->session, note, fixture);
}

static void
select_ok(Fixture *fixture, const char *name, bool read_only, const ImapQresync *qresync)
{
	GError *error = NULL;
	bool ok = imap_session_select(fixture->session, name, read_only, qresync, &fixture->selected, &error);

	g_assert_no_error(error);
	g_assert_true(ok);
	g_assert_cmpstr(imap_session_selected(fixture->session), ==, name);
}

static void
end(Fixture *fixture)
{
	script_finish(fixture->script, fixture->session);
	g_string_free(fixture->heard, true);
	imap_selected_clear(&fixture->selected);
}
