/* src/imap/select, against scripted servers: reading that goes with the SELECT in one flight. */
#include "imap-select.h"
#include "imap/session-private.h"

/* SELECT and what is asked behind it, in one flight; the answer to the latter is to be waited for. */
typedef struct {
	ImapSelection selection;
	ImapReply fetch;
	bool clean;
} Ahead;

static void
send_ahead(Fixture *fixture, Ahead *ahead, const char *name, const ImapQresync *qresync)
{
	*ahead = (Ahead){ 0 };
	imap_session_select_send(fixture->session, name, true, qresync, &ahead->selection);
	imap_session_send(fixture->session, imap_command_new("UID FETCH 1:* (FLAGS)"), &ahead->fetch);
}

static void
finish_ahead(Fixture *fixture, Ahead *ahead)
{
	GError *error = NULL;

	g_assert_true(imap_session_select_finish(fixture->session, &ahead->selection, &fixture->selected, &ahead->clean,
	                                         &error));
	g_assert_no_error(error);
}

static void
wait_ahead(Fixture *fixture, Ahead *ahead)
{
	g_assert_true(imap_session_wait(fixture->session, &ahead->fetch, NULL));
	imap_reply_clear(&ahead->fetch);
}

static void
test_reading_goes_with_the_select_in_one_flight(void)
{
	static const ImapQresync known = { .uidvalidity = 2, .modseq = 9 };
	SCRIPT(script, QRESYNC, SELECTED("m3", "a", "5"),
	       C("m4 EXAMINE \"b\" (QRESYNC (2 9))\r\nm5 UID FETCH 1:* (FLAGS)\r\n"
	         "m6 EXAMINE \"c\"\r\nm7 UID FETCH 1:* (FLAGS)\r\n"),
	       S("* VANISHED 5\r\n* 4 EXISTS\r\n* OK [CLOSED]\r\n* 7 EXISTS\r\n* OK [UIDVALIDITY 2]\r\n* OK [UIDNEXT 8]\r\n"
	         "m4 OK [READ-ONLY]\r\n* 1 FETCH (UID 2)\r\n* VANISHED 3\r\nm5 OK\r\n"
	         "* VANISHED 4\r\n* OK [CLOSED]\r\n* 8 EXISTS\r\n* OK [UIDVALIDITY 3]\r\n* OK [UIDNEXT 9]\r\nm6 OK\r\n"
	         "* 1 FETCH (UID 6)\r\nm7 OK\r\n"));
	Fixture fixture;
	Ahead b, c;

	begin(&fixture, &script);
	select_ok(&fixture, "a", false, NULL);
	g_string_truncate(fixture.heard, 0);
	send_ahead(&fixture, &b, "b", &known);
	send_ahead(&fixture, &c, "c", NULL);
	finish_ahead(&fixture, &b);
	g_assert_true(b.clean);
	g_assert_cmpstr(imap_session_selected(fixture.session), ==, "b");
	g_assert_cmpuint(fixture.selected.exists, ==, 7);
	g_assert_true(fixture.selected.read_only);
	wait_ahead(&fixture, &b);
	g_assert_cmpstr(fixture.heard->str, ==, "EXISTS 7;FETCH 2;VANISHED 3;");
	finish_ahead(&fixture, &c);
	g_assert_true(c.clean);
	g_assert_cmpuint(fixture.selected.uidvalidity, ==, 3);
	wait_ahead(&fixture, &c);
	g_assert_cmpstr(fixture.heard->str, ==, "EXISTS 7;FETCH 2;VANISHED 3;EXISTS 8;FETCH 6;");
	end(&fixture);
}

static void
test_reading_behind_a_select_without_closed_is_not_clean(void)
{
	SCRIPT(script, QRESYNC, SELECTED("m3", "a", "5"), C("m4 EXAMINE \"b\"\r\nm5 UID FETCH 1:* (FLAGS)\r\n"),
	       S("* VANISHED 5\r\n* 7 EXISTS\r\n* OK [UIDVALIDITY 2]\r\n* OK [UIDNEXT 8]\r\nm4 OK\r\nm5 OK\r\n"),
	       SELECTED("m6", "b", "8"));
	Fixture fixture;
	Ahead b;

	begin(&fixture, &script);
	select_ok(&fixture, "a", false, NULL);
	send_ahead(&fixture, &b, "b", NULL);
	finish_ahead(&fixture, &b);
	g_assert_false(b.clean);
	g_assert_cmpuint(fixture.selected.exists, ==, 5); /* as it was */
	wait_ahead(&fixture, &b);
	select_ok(&fixture, "b", false, NULL);
	g_assert_cmpstr(fixture.heard->str, ==, "EXISTS 5;EXISTS 8;");
	end(&fixture);
}

static void
test_a_select_with_reading_behind_it_may_be_refused(void)
{
	static const struct {
		const char *answer;
		CoreErrorCode code;
		bool selected; /* the old mailbox still may be, so a [CLOSED] is due */
	} rows[] = {
		{ "m4 NO [INUSE] locked\r\nm5 BAD what\r\n", CORE_ERROR_REFUSED, false },
		{ "m4 NO [LIMIT] enough\r\nm5 BAD what\r\n", CORE_ERROR_BUSY, false },
		{ "m4 BAD what\r\n* 1 FETCH (UID 2)\r\nm5 OK\r\n", CORE_ERROR_REFUSED, true },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		const Step steps[] = {
			QRESYNC_AND(""), SELECTED("m3", "a", "5"), C("m4 EXAMINE \"b\"\r\nm5 UID FETCH 1:* (FLAGS)\r\n"),
			{ STEP_SERVER, rows[i].answer, strlen(rows[i].answer) },
		};
		g_autoptr(GError) error = NULL;
		Fixture fixture;
		Script script;
		Ahead b;

		script_start(&script, steps, G_N_ELEMENTS(steps));
		begin(&fixture, &script);
		select_ok(&fixture, "a", false, NULL);
		send_ahead(&fixture, &b, "b", NULL);
		g_assert_false(imap_session_select_finish(fixture.session, &b.selection, &fixture.selected, &b.clean, &error));
		g_assert_error(error, CORE_ERROR, (int)rows[i].code);
		g_assert_nonnull(strstr(error->message, "EXAMINE refused: 127.0.0.1: "));
		wait_ahead(&fixture, &b);
		g_assert_cmpstr(imap_session_selected(fixture.session), ==, NULL);
		g_assert_true(fixture.session->maybe_selected == rows[i].selected);
		end(&fixture);
	}
}

static void
test_a_cut_behind_a_select_breaks_the_session(void)
{
	SCRIPT(script, READY(""), C("m2 EXAMINE \"b\"\r\nm3 UID FETCH 1:* (FLAGS)\r\n"), S("* 5 EXISTS\r\n"), HANGUP);
	g_autoptr(GError) error = NULL;
	Fixture fixture;
	Ahead b;

	begin(&fixture, &script);
	send_ahead(&fixture, &b, "b", NULL);
	g_assert_false(imap_session_select_finish(fixture.session, &b.selection, &fixture.selected, &b.clean, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_UNREACHABLE);
	g_assert_cmpuint(fixture.selected.exists, ==, 0);
	end(&fixture);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add_func("/select-ahead/" #name, test_##name)
	ADD(reading_goes_with_the_select_in_one_flight);
	ADD(reading_behind_a_select_without_closed_is_not_clean);
	ADD(a_select_with_reading_behind_it_may_be_refused);
	ADD(a_cut_behind_a_select_breaks_the_session);
	return g_test_run();
}
