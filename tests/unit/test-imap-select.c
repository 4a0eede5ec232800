/* src/imap/select, against scripted servers: what SELECT tells, and whose responses are whose. */
#include "imap-select.h"

static void
test_all_that_select_tells(void)
{
	SCRIPT(script, READY(""), C("m2 SELECT \"Sent Mail\"\r\n"),
	       S("* 172 EXISTS\r\n* 1 RECENT\r\n* OK [UNSEEN 12] first\r\n* OK [UIDVALIDITY 3857529045] valid\r\n"
	         "* OK [UIDNEXT 4392] next\r\n* FLAGS (\\Seen)\r\n* OK [PERMANENTFLAGS (\\Seen \\*)] limited\r\n"
	         "* OK [HIGHESTMODSEQ 715194045007] \r\n* OK [MAILBOXID (F2212ea87)] ok\r\n* 173 EXISTS\r\n"
	         "m2 OK [READ-WRITE] done\r\n"));
	Fixture fixture;

	begin(&fixture, &script);
	select_ok(&fixture, "Sent Mail", false, NULL);
	g_assert_cmpuint(fixture.selected.exists, ==, 173);
	g_assert_cmpuint(fixture.selected.uidvalidity, ==, 3857529045u);
	g_assert_cmpuint(fixture.selected.uidnext, ==, 4392);
	g_assert_cmpuint(fixture.selected.highestmodseq, ==, G_GUINT64_CONSTANT(715194045007));
	g_assert_cmpstr(fixture.selected.mailboxid, ==, "F2212ea87");
	g_assert_true(fixture.selected.permanent_keywords);
	g_assert_false(fixture.selected.read_only);
	end(&fixture);
}

static void
test_examine_is_read_only(void)
{
	SCRIPT(script, READY(""), C("m2 EXAMINE \"a\"\r\n"),
	       S("* 0 EXISTS\r\n* OK [UIDVALIDITY 1]\r\n* OK [UIDNEXT 1]\r\n* OK [PERMANENTFLAGS ()]\r\n* OK [NOMODSEQ] none\r\n"
	         "m2 OK done\r\n"));
	Fixture fixture;

	begin(&fixture, &script);
	select_ok(&fixture, "a", true, NULL);
	g_assert_true(fixture.selected.read_only);
	g_assert_false(fixture.selected.permanent_keywords);
	g_assert_cmpuint(fixture.selected.highestmodseq, ==, 0);
	end(&fixture);
}

static void
test_a_mailbox_may_turn_out_read_only(void)
{
	SCRIPT(script, READY(""), C("m2 SELECT \"a\"\r\n"),
	       S("* 0 EXISTS\r\n* OK [UIDVALIDITY 1]\r\n* OK [UIDNEXT 1]\r\nm2 OK [READ-ONLY] done\r\n"));
	Fixture fixture;

	begin(&fixture, &script);
	select_ok(&fixture, "a", false, NULL);
	g_assert_true(fixture.selected.read_only);
	end(&fixture);
}

static void
test_qresync_delivers_what_changed(void)
{
	static const ImapQresync known = { .uidvalidity = 67890007, .modseq = 90060115194045000 };
	SCRIPT(script, QRESYNC, C("m3 SELECT \"a\" (QRESYNC (67890007 90060115194045000))\r\n"),
	       S("* 100 EXISTS\r\n* OK [UIDVALIDITY 67890007]\r\n* OK [UIDNEXT 600]\r\n"
	         "* OK [HIGHESTMODSEQ 90060115205545359]\r\n* VANISHED (EARLIER) 41,43:116\r\n"
	         "* 49 FETCH (UID 117 FLAGS (\\Seen) MODSEQ (90060115194045001))\r\nm3 OK [READ-WRITE] done\r\n"));
	Fixture fixture;

	begin(&fixture, &script);
	select_ok(&fixture, "a", false, &known);
	g_assert_cmpstr(fixture.heard->str, ==, "EXISTS 100;VANISHED EARLIER 41,43:116;FETCH 117;");
	g_assert_cmpuint(fixture.selected.highestmodseq, ==, G_GUINT64_CONSTANT(90060115205545359));
	end(&fixture);
}

static void
test_qresync_is_only_asked_for_where_it_is_enabled(void)
{
	static const ImapQresync known = { .uidvalidity = 1, .modseq = 2 };
	SCRIPT(script, READY("QRESYNC"), C("m2 SELECT \"a\"\r\n"),
	       S("* 0 EXISTS\r\n* OK [UIDVALIDITY 1]\r\n* OK [UIDNEXT 1]\r\nm2 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script);
	select_ok(&fixture, "a", false, &known);
	end(&fixture);
}

static void
test_what_belongs_to_the_mailbox_before_is_not_delivered(void)
{
	static const ImapQresync known = { .uidvalidity = 2, .modseq = 9 };
	SCRIPT(script, QRESYNC, C("m3 SELECT \"a\"\r\n"),
	       S("* 5 EXISTS\r\n* OK [UIDVALIDITY 1]\r\n* OK [UIDNEXT 6]\r\nm3 OK\r\n"),
	       C("m4 SELECT \"b\" (QRESYNC (2 9))\r\n"),
	       S("* VANISHED 5\r\n* 4 EXISTS\r\n* OK [HIGHESTMODSEQ 99]\r\n* OK [CLOSED] a is closed\r\n* 7 EXISTS\r\n"
	         "* OK [UIDVALIDITY 2]\r\n* OK [UIDNEXT 8]\r\n* VANISHED (EARLIER) 1:2\r\nm4 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script);
	select_ok(&fixture, "a", false, NULL);
	select_ok(&fixture, "b", false, &known);
	g_assert_cmpstr(fixture.heard->str, ==, "EXISTS 5;EXISTS 7;VANISHED EARLIER 1:2;");
	g_assert_cmpuint(fixture.selected.exists, ==, 7);
	g_assert_cmpuint(fixture.selected.highestmodseq, ==, 0);
	end(&fixture);
}

static void
test_closed_counts_without_qresync_too(void)
{
	SCRIPT(script, READY(""), C("m2 SELECT \"a\"\r\n"),
	       S("* 5 EXISTS\r\n* OK [UIDVALIDITY 1]\r\n* OK [UIDNEXT 6]\r\nm2 OK\r\n"), C("m3 SELECT \"b\"\r\n"),
	       S("* 6 EXISTS\r\n* OK [HIGHESTMODSEQ 99]\r\n* OK [CLOSED]\r\n* OK [UIDVALIDITY 2]\r\n* OK [UIDNEXT 8]\r\n"
	         "m3 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script);
	select_ok(&fixture, "a", false, NULL);
	select_ok(&fixture, "b", false, NULL);
	g_assert_cmpuint(fixture.selected.exists, ==, 0);
	g_assert_cmpuint(fixture.selected.highestmodseq, ==, 0);
	end(&fixture);
}

static void
test_a_server_that_forgets_closed_is_asked_twice(void)
{
	SCRIPT(script, QRESYNC, SELECTED("m3", "a", "5"), C("m4 SELECT \"b\"\r\n"),
	       S("* VANISHED 5\r\n* 7 EXISTS\r\n* OK [UIDVALIDITY 2]\r\n* OK [UIDNEXT 8]\r\nm4 OK\r\n"),
	       SELECTED("m5", "b", "8"), SELECTED("m6", "b", "9"));
	Fixture fixture;

	begin(&fixture, &script);
	select_ok(&fixture, "a", false, NULL);
	select_ok(&fixture, "b", false, NULL);
	g_assert_cmpuint(fixture.selected.exists, ==, 8);
	select_ok(&fixture, "b", false, NULL);
	g_assert_cmpstr(fixture.heard->str, ==, "EXISTS 5;EXISTS 8;EXISTS 9;");
	end(&fixture);
}

static void
test_a_server_that_forgets_closed_is_made_to_leave_first(void)
{
	SCRIPT(script, QRESYNC_AND(" UNSELECT"), SELECTED("m3", "a", "5"), SELECTED("m4", "b", "7"), SELECTED("m5", "b", "8"),
	       C("m6 UNSELECT\r\n"), S("* VANISHED 5\r\nm6 OK\r\n"), SELECTED("m7", "c", "1"), C("m8 UNSELECT\r\n"),
	       S("m8 BAD what\r\n"), SELECTED("m9", "d", "2"), SELECTED("m10", "d", "3"));
	Fixture fixture;

	begin(&fixture, &script);
	select_ok(&fixture, "a", false, NULL);
	select_ok(&fixture, "b", false, NULL);
	g_string_truncate(fixture.heard, 0);
	select_ok(&fixture, "c", false, NULL);
	g_assert_cmpstr(fixture.heard->str, ==, "EXISTS 1;");
	select_ok(&fixture, "d", false, NULL); /* it will not leave: asked twice again */
	g_assert_cmpuint(fixture.selected.exists, ==, 3);
	end(&fixture);
}

/* CLOSE removes what is marked \Deleted, but not from a mailbox that was only examined. */
static void
test_leaving_never_expunges(void)
{
	SCRIPT(unselect, READY("UNSELECT"), SELECTED("m2", "a", "5"), C("m3 UNSELECT\r\n"), S("m3 OK\r\n"));
	Fixture fixture;
	begin(&fixture, &unselect);
	g_assert_true(imap_session_unselect(fixture.session, NULL)); /* nothing to leave */
	select_ok(&fixture, "a", false, NULL);
	g_assert_true(imap_session_unselect(fixture.session, NULL));
	g_assert_cmpstr(imap_session_selected(fixture.session), ==, NULL);
	end(&fixture);

	SCRIPT(examine, READY(""), SELECTED("m2", "a", "5"), C("m3 EXAMINE \"INBOX\"\r\n"),
	       S("* 9 EXISTS\r\n* OK [UIDVALIDITY 1]\r\n* OK [UIDNEXT 9]\r\nm3 OK\r\n"), C("m4 CLOSE\r\n"), S("m4 OK\r\n"));
	begin(&fixture, &examine);
	select_ok(&fixture, "a", false, NULL);
	g_assert_true(imap_session_unselect(fixture.session, NULL));
	g_assert_cmpstr(imap_session_selected(fixture.session), ==, NULL);
	end(&fixture);

	SCRIPT(refused, READY(""), SELECTED("m2", "a", "5"), C("m3 EXAMINE \"INBOX\"\r\n"), S("m3 NO there is none\r\n"));
	begin(&fixture, &refused);
	select_ok(&fixture, "a", false, NULL);
	g_assert_true(imap_session_unselect(fixture.session, NULL)); /* a NO leaves nothing selected */
	end(&fixture);

	SCRIPT(bad, READY(""), SELECTED("m2", "a", "5"), C("m3 EXAMINE \"INBOX\"\r\n"), S("m3 BAD what\r\n"));
	begin(&fixture, &bad);
	select_ok(&fixture, "a", false, NULL);
	g_assert_false(imap_session_unselect(fixture.session, NULL)); /* "a" may still be: no CLOSE */
	end(&fixture);
}

static void
test_courier_is_asked_by_status(void)
{
	SCRIPT(script, READY(""), C("m2 EXAMINE \"INBOX\"\r\n"), S("* 3 EXISTS\r\n* 0 RECENT\r\nm2 OK [READ-ONLY] Ok\r\n"),
	       C("m3 STATUS \"INBOX\" (UIDNEXT UIDVALIDITY)\r\n"),
	       S("* STATUS other (UIDNEXT 1 UIDVALIDITY 1)\r\n* STATUS inbox (UIDNEXT 44 UIDVALIDITY 1700000000)\r\nm3 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script);
	select_ok(&fixture, "INBOX", true, NULL);
	g_assert_cmpuint(fixture.selected.exists, ==, 3);
	g_assert_cmpuint(fixture.selected.uidnext, ==, 44);
	g_assert_cmpuint(fixture.selected.uidvalidity, ==, 1700000000);
	end(&fixture);
}

static void
test_what_select_told_is_not_asked_again(void)
{
	SCRIPT(script, READY(""), C("m2 SELECT \"a\"\r\n"), S("* 3 EXISTS\r\n* OK [UIDVALIDITY 7]\r\nm2 OK\r\n"),
	       C("m3 STATUS \"a\" (UIDNEXT UIDVALIDITY)\r\n"), S("* STATUS a (UIDNEXT 4 UIDVALIDITY 8)\r\nm3 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script);
	select_ok(&fixture, "a", false, NULL);
	g_assert_cmpuint(fixture.selected.uidvalidity, ==, 7);
	g_assert_cmpuint(fixture.selected.uidnext, ==, 4);
	end(&fixture);
}

static void
test_a_status_that_tells_nothing_is_no_error(void)
{
	SCRIPT(script, READY(""), C("m2 SELECT \"a\"\r\n"), S("* 3 EXISTS\r\nm2 OK\r\n"),
	       C("m3 STATUS \"a\" (UIDNEXT UIDVALIDITY)\r\n"), S("m3 NO selected\r\n"));
	Fixture fixture;

	begin(&fixture, &script);
	select_ok(&fixture, "a", false, NULL);
	g_assert_cmpuint(fixture.selected.uidnext, ==, 0);
	end(&fixture);
}

static void
test_a_refused_select_leaves_nothing_selected(void)
{
	SCRIPT(script, QRESYNC, C("m3 SELECT \"a\"\r\n"),
	       S("* 5 EXISTS\r\n* OK [UIDVALIDITY 1]\r\n* OK [UIDNEXT 6]\r\nm3 OK\r\n"), C("m4 SELECT \"b\"\r\n"),
	       S("m4 NO [NONEXISTENT] no such mailbox\r\n"), C("m5 SELECT \"c\"\r\n"),
	       S("* 1 EXISTS\r\n* OK [UIDVALIDITY 3]\r\n* OK [UIDNEXT 2]\r\nm5 OK\r\n"));
	g_autoptr(GError) error = NULL;
	Fixture fixture;

	begin(&fixture, &script);
	select_ok(&fixture, "a", false, NULL);
	g_assert_false(imap_session_select(fixture.session, "b", false, NULL, &fixture.selected, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_REFUSED);
	g_assert_nonnull(strstr(error->message, "no such mailbox"));
	g_assert_cmpuint(fixture.selected.exists, ==, 5); /* as it was */
	g_assert_cmpstr(imap_session_selected(fixture.session), ==, NULL);
	g_assert_true(imap_session_alive(fixture.session));
	select_ok(&fixture, "c", false, NULL); /* no [CLOSED] is due: nothing was selected */
	end(&fixture);
}

static void
test_a_mailbox_that_is_busy_is_no_busy_account(void)
{
	static const CoreErrorCode codes[] = {
		CORE_ERROR_REFUSED, CORE_ERROR_REFUSED, CORE_ERROR_REFUSED, CORE_ERROR_BUSY, CORE_ERROR_BUSY, CORE_ERROR_BUSY,
	};
	SCRIPT(script, READY(""), C("m2 EXAMINE \"a\"\r\n"), S("m2 NO [INUSE] locked\r\n"), C("m3 EXAMINE \"a\"\r\n"),
	       S("m3 NO [UNAVAILABLE] its disk is away\r\n"), C("m4 EXAMINE \"a\"\r\n"), S("m4 NO Temporary failure\r\n"),
	       C("m5 EXAMINE \"a\"\r\n"), S("m5 NO [THROTTLED] slower\r\n"), C("m6 EXAMINE \"a\"\r\n"), S("m6 NO [LIMIT] enough\r\n"),
	       C("m7 EXAMINE \"a\"\r\n"), S("m7 BAD User is authenticated but not connected.\r\n"));
	Fixture fixture;

	begin(&fixture, &script);
	for (gsize i = 0; i < G_N_ELEMENTS(codes); i++) {
		g_autoptr(GError) error = NULL;
		g_assert_false(imap_session_select(fixture.session, "a", true, NULL, &fixture.selected, &error));
		g_assert_error(error, CORE_ERROR, (int)codes[i]);
	}
	g_assert_true(imap_session_alive(fixture.session));
	end(&fixture);
}

static void
test_select_waits_for_what_was_sent_before(void)
{
	SCRIPT(script, READY(""), C("m2 UID FETCH 1 (FLAGS)\r\n"), S("* 1 FETCH (UID 1)\r\nm2 OK\r\n"), C("m3 SELECT \"a\"\r\n"),
	       S("* 0 EXISTS\r\n* OK [UIDVALIDITY 1]\r\n* OK [UIDNEXT 1]\r\nm3 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script);
	imap_session_send(fixture.session, imap_command_new("UID FETCH 1 (FLAGS)"), NULL);
	select_ok(&fixture, "a", false, NULL);
	g_assert_cmpstr(fixture.heard->str, ==, "FETCH 1;EXISTS 0;");
	end(&fixture);
}

static void
test_answers_to_what_was_sent_before_are_of_the_mailbox_before(void)
{
	SCRIPT(script, QRESYNC, SELECTED("m3", "a", "5"), C("m4 UID FETCH 1 (FLAGS)\r\n"), S("* 1 FETCH (UID 1)\r\nm4 OK\r\n"),
	       C("m5 SELECT \"b\"\r\n"),
	       S("* 2 FETCH (UID 2)\r\n* OK [CLOSED]\r\n* 0 EXISTS\r\n* OK [UIDVALIDITY 1]\r\n* OK [UIDNEXT 1]\r\nm5 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script);
	select_ok(&fixture, "a", false, NULL);
	imap_session_send(fixture.session, imap_command_new("UID FETCH 1 (FLAGS)"), NULL);
	select_ok(&fixture, "b", false, NULL);
	g_assert_cmpstr(fixture.heard->str, ==, "EXISTS 5;FETCH 1;EXISTS 0;");
	end(&fixture);
}

static void
test_unselect_leaves_nothing_selected(void)
{
	SCRIPT(script, QRESYNC, C("m3 SELECT \"a\"\r\n"),
	       S("* 5 EXISTS\r\n* OK [UIDVALIDITY 1]\r\n* OK [UIDNEXT 6]\r\nm3 OK\r\n"), C("m4 UNSELECT\r\n"), S("m4 OK\r\n"),
	       C("m5 SELECT \"b\"\r\n"), S("* 1 EXISTS\r\n* OK [UIDVALIDITY 3]\r\n* OK [UIDNEXT 2]\r\nm5 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script);
	select_ok(&fixture, "a", false, NULL);
	g_assert_true(imap_session_run(fixture.session, imap_command_new("UNSELECT"), NULL, NULL));
	g_assert_cmpstr(imap_session_selected(fixture.session), ==, NULL);
	select_ok(&fixture, "b", false, NULL);
	end(&fixture);
}

static void
test_a_cut_in_select_breaks_the_session(void)
{
	SCRIPT(script, READY(""), C("m2 SELECT \"a\"\r\n"), S("* 5 EXISTS\r\n* OK [UIDVAL"), HANGUP);
	g_autoptr(GError) error = NULL;
	Fixture fixture;

	begin(&fixture, &script);
	g_assert_false(imap_session_select(fixture.session, "a", false, NULL, &fixture.selected, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_UNREACHABLE);
	g_assert_cmpuint(fixture.selected.exists, ==, 0);
	g_assert_false(imap_session_alive(fixture.session));
	end(&fixture);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add_func("/select/" #name, test_##name)
	ADD(all_that_select_tells);
	ADD(examine_is_read_only);
	ADD(a_mailbox_may_turn_out_read_only);
	ADD(qresync_delivers_what_changed);
	ADD(qresync_is_only_asked_for_where_it_is_enabled);
	ADD(what_belongs_to_the_mailbox_before_is_not_delivered);
	ADD(closed_counts_without_qresync_too);
	ADD(a_server_that_forgets_closed_is_asked_twice);
	ADD(a_server_that_forgets_closed_is_made_to_leave_first);
	ADD(leaving_never_expunges);
	ADD(courier_is_asked_by_status);
	ADD(what_select_told_is_not_asked_again);
	ADD(a_status_that_tells_nothing_is_no_error);
	ADD(a_refused_select_leaves_nothing_selected);
	ADD(a_mailbox_that_is_busy_is_no_busy_account);
	ADD(select_waits_for_what_was_sent_before);
	ADD(answers_to_what_was_sent_before_are_of_the_mailbox_before);
	ADD(unselect_leaves_nothing_selected);
	ADD(a_cut_in_select_breaks_the_session);
	return g_test_run();
}
