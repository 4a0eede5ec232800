/* src/imap/capability: what a server says it can do. */
#include "imap-script.h"
#include "imap/capability.h"

static void
test_capabilities_that_change_are_noted(void)
{
	SCRIPT(script, READY("IDLE"), C("m2 NOOP\r\n"), S("* OK [CAPABILITY IMAP4rev1 MOVE] changed\r\nm2 OK\r\n"));
	ImapSession *session = script_assert_opens(&script);

	g_assert_true(imap_session_run(session, imap_command_new("NOOP"), NULL, NULL));
	g_assert_true(imap_session_has(session, IMAP_CAP_MOVE));
	g_assert_false(imap_session_has(session, IMAP_CAP_IDLE));
	script_finish(&script, session);
}

static void
test_imap4rev2_alone_brings_its_extensions(void)
{
	SCRIPT(script, S("* PREAUTH hello\r\n"), C("m1 CAPABILITY\r\n"), S("* CAPABILITY IMAP4rev2\r\nm1 OK\r\n"));
	ImapSession *session = script_assert_opens(&script);

	g_assert_true(imap_session_has(session, IMAP_CAP_LIST_STATUS));
	g_assert_true(imap_session_enabled(session, IMAP_CAP_IMAP4REV2));
	g_assert_false(imap_session_has(session, IMAP_CAP_QRESYNC));
	g_assert_true(imap_session_is_utf8(session));
	script_finish(&script, session);
}

/* RFC 7889: without a number it differs between mailboxes. */
static void
test_the_limit_of_appends(void)
{
	static const struct {
		const char *word;
		bool has;
		uint64_t limit;
	} rows[] = {
		{ "APPENDLIMIT=35651584", true, 35651584 },
		{ "appendlimit=1", true, 1 },
		{ "APPENDLIMIT", true, 0 },
		{ "APPENDLIMIT=", false, 0 },
		{ "APPENDLIMIT=0", false, 0 },
		{ "APPENDLIMIT=-1", false, 0 },
		{ "APPENDLIMIT=99999999999999999999", false, 0 },
		{ "XAPPENDLIMIT=1", false, 0 },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		ImapCapabilities capabilities = { 0 };
		const char *words[] = { "IMAP4rev1", rows[i].word };

		imap_capabilities_set(&capabilities, &(ImapWords){ .items = words, .count = G_N_ELEMENTS(words) });
		g_assert_true(capabilities.has[IMAP_CAP_APPENDLIMIT] == rows[i].has);
		g_assert_cmpuint(capabilities.append_limit, ==, rows[i].limit);
		imap_capabilities_clear(&capabilities);
		g_assert_cmpuint(capabilities.append_limit, ==, 0);
	}
}

static void
test_a_session_knows_them(void)
{
	SCRIPT(script, READY("appendlimit=9 UNSELECT"));
	ImapSession *session = script_assert_opens(&script);

	g_assert_cmpuint(imap_session_append_limit(session), ==, 9);
	g_assert_true(imap_session_has(session, IMAP_CAP_APPENDLIMIT));
	g_assert_true(imap_session_has(session, IMAP_CAP_UNSELECT));
	g_assert_false(imap_session_has(session, IMAP_CAP_BINARY));
	script_finish(&script, session);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add_func("/capability/" #name, test_##name)
	ADD(capabilities_that_change_are_noted);
	ADD(imap4rev2_alone_brings_its_extensions);
	ADD(the_limit_of_appends);
	ADD(a_session_knows_them);
	return g_test_run();
}
