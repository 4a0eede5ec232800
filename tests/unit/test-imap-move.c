/* src/imap/answer, against scripted servers: the UIDs that a MOVE is told. */
#include "imap-script.h"

static void
assert_moved(const ImapReply *reply, uint32_t uidvalidity, const char *source_uids, const char *uids)
{
	g_assert_cmpuint(reply->uidvalidity, ==, uidvalidity);
	g_assert_cmpstr(reply->source_uids, ==, source_uids);
	g_assert_cmpstr(reply->uids, ==, uids);
}

/* RFC 6851 4.3; Dovecot puts HIGHESTMODSEQ into the tagged answer. */
static void
test_a_move_is_told_its_uids_before_the_answer(void)
{
	SCRIPT(script, READY(""), C("m2 NOOP\r\nm3 UID MOVE 1 b\r\nm4 UID MOVE 2,4 b\r\nm5 UID MOVE 5 b\r\n"),
	       S("m2 OK\r\n* OK [COPYUID 7 1 11] moved\r\n* 1 EXPUNGE\r\nm3 OK [HIGHESTMODSEQ 9] done\r\n"
	         "* OK [COPYUID 7 2 12] one\r\n* OK [COPYUID 7 4 13] two\r\n* OK [COPYUID 8 9 9] other\r\nm4 NO not all\r\n"
	         "* OK [COPYUID 7 5 14] moved\r\nm5 OK [COPYUID 7 5 15] really\r\n"));
	ImapSession *session = script_assert_opens(&script);
	g_auto(ImapReply) noop = { 0 }, one = { 0 }, two = { 0 }, three = { 0 };

	imap_session_send(session, imap_command_new("NOOP"), &noop);
	imap_session_send(session, imap_command_new("UID MOVE 1 b"), &one);
	imap_session_send(session, imap_command_new("UID MOVE 2,4 b"), &two);
	imap_session_send(session, imap_command_new("UID MOVE 5 b"), &three);
	g_assert_true(imap_session_wait(session, NULL, NULL));
	assert_moved(&noop, 0, NULL, NULL);
	assert_moved(&one, 7, "1", "11");
	g_assert_cmpint(one.code, ==, IMAP_CODE_HIGHESTMODSEQ);
	g_assert_cmpuint(one.number, ==, 9);
	assert_moved(&two, 7, "2,4", "12,13");
	g_assert_cmpint(two.kind, ==, IMAP_RESPONSE_NO);
	assert_moved(&three, 7, "5", "15");
	script_finish(&script, session);
}

static void
test_a_move_that_is_cut_off_tells_what_is_known(void)
{
	SCRIPT(script, READY(""), C("m2 UID MOVE 1 b\r\n"), S("* OK [COPYUID 7 1 11] moved\r\n"), HANGUP);
	ImapSession *session = script_assert_opens(&script);
	g_auto(ImapReply) reply = { 0 };

	g_assert_false(imap_session_run(session, imap_command_new("UID MOVE 1 b"), &reply, NULL));
	g_assert_false(reply.done);
	assert_moved(&reply, 7, "1", "11");
	script_finish(&script, session);
}

static void
test_copyuid_that_nobody_asked_for_means_nothing(void)
{
	SCRIPT(script, READY(""), C("m2 UID COPY 1 b\r\nm3 UID MOVE 2 b\r\nm4 UID MOVE 3 b\r\n"),
	       S("* OK [COPYUID 7 2 12]\r\n* OK [COPYUID]\r\nm2 OK\r\nm3 OK\r\nm4 OK\r\n"));
	ImapSession *session = script_assert_opens(&script);
	g_auto(ImapReply) copy = { 0 }, last = { 0 };

	imap_session_send(session, imap_command_new("UID COPY 1 b"), &copy);
	imap_session_send(session, imap_command_new("UID MOVE 2 b"), NULL); /* which does not want to know */
	imap_session_send(session, imap_command_new("UID MOVE 3 b"), &last);
	g_assert_true(imap_session_wait(session, NULL, NULL));
	assert_moved(&copy, 0, NULL, NULL);
	assert_moved(&last, 0, NULL, NULL);
	script_finish(&script, session);
}

static void
test_an_endless_copyuid_is_nonsense(void)
{
	g_autoptr(GString) set = g_string_new("1");

	while (set->len < 10000)
		g_string_append(set, ",1");
	g_autofree char *flood = g_strdup_printf("* OK [COPYUID 7 %s %s]\r\n", set->str, set->str);
	const Step steps[] = { READY(""), C("m2 UID MOVE 1 b\r\n"), { STEP_FLOOD, flood, strlen(flood) } };
	Script script;

	script_start(&script, steps, G_N_ELEMENTS(steps));
	ImapSession *session = script_assert_opens(&script);
	g_autoptr(GError) error = NULL;
	g_assert_false(imap_session_run(session, imap_command_new("UID MOVE 1 b"), NULL, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_PROTOCOL);
	g_assert_nonnull(strstr(error->message, "COPYUID"));
	script_finish(&script, session);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add_func("/move/" #name, test_##name)
	ADD(a_move_is_told_its_uids_before_the_answer);
	ADD(a_move_that_is_cut_off_tells_what_is_known);
	ADD(copyuid_that_nobody_asked_for_means_nothing);
	ADD(an_endless_copyuid_is_nonsense);
	return g_test_run();
}
