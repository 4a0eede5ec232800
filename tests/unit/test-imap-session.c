/* src/imap/session, pump and answer, against scripted servers: commands and their answers, and how it ends. */
#include "imap-script.h"

#include "core/clock.h"
#include "imap/refusal.h"

static ImapCommand *
fetch(unsigned uid)
{
	return imap_command_new("UID FETCH %u (FLAGS)", uid);
}

static void
test_commands_are_pipelined_and_answered_in_any_order(void)
{
	SCRIPT(script, READY(""), C("m2 UID FETCH 1 (FLAGS)\r\nm3 UID FETCH 2 (FLAGS)\r\nm4 NOOP\r\n"),
	       S("* 2 FETCH (UID 2 FLAGS ())\r\nm3 OK [APPENDUID 7 8:9] two\r\n* 1 FETCH (UID 1 FLAGS ())\r\nm4 BAD four\r\n"
	         "m2 NO one\r\n"));
	ImapSession *session = script_assert_opens(&script);
	g_auto(ImapReply) one = { 0 }, two = { 0 }, four = { 0 };
	g_autoptr(GError) error = NULL;

	imap_session_send(session, fetch(1), &one);
	imap_session_send(session, fetch(2), &two);
	imap_session_send(session, imap_command_new("NOOP"), &four);
	g_assert_true(imap_session_wait(session, &two, &error));
	g_assert_cmpint(two.kind, ==, IMAP_RESPONSE_OK);
	g_assert_cmpint(two.code, ==, IMAP_CODE_APPENDUID);
	g_assert_cmpuint(two.uidvalidity, ==, 7);
	g_assert_cmpstr(two.uids, ==, "8:9");
	g_assert_cmpstr(two.text, ==, "two");
	g_assert_false(one.done);
	g_assert_true(imap_session_wait(session, NULL, &error));
	g_assert_true(one.done && four.done);
	g_assert_false(imap_reply_check(&one, "UID FETCH", &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_REFUSED);
	g_assert_cmpstr(error->message, ==, "UID FETCH refused: one");
	g_assert_cmpint(four.kind, ==, IMAP_RESPONSE_BAD);
	script_finish(&script, session);
}

static void
test_at_most_25_commands_are_unanswered(void)
{
	g_autoptr(GString) first = g_string_new(NULL), answers = g_string_new(NULL);
	ImapReply last = { 0 };

	for (int i = 2; i < 27; i++)
		g_string_append_printf(first, "m%d NOOP\r\n", i);
	for (int i = 3; i < 28; i++)
		g_string_append_printf(answers, "m%d OK\r\n", i);
	const Step steps[] = {
		READY(""),       { STEP_CLIENT, first->str, first->len }, S("+ ?\r\nm2 OK\r\n"),
		C("m27 NOOP\r\n"), { STEP_SERVER, answers->str, answers->len },
	};
	Script script;
	script_start(&script, steps, G_N_ELEMENTS(steps));
	ImapSession *session = script_assert_opens(&script);

	for (int i = 0; i < 25; i++)
		imap_session_send(session, imap_command_new("NOOP"), NULL);
	imap_session_send(session, imap_command_new("NOOP"), &last);
	g_assert_true(imap_session_wait(session, &last, NULL));
	imap_reply_clear(&last);
	script_finish(&script, session);
}

static ImapCommand *
status(const char *mailbox)
{
	ImapCommand *command = imap_command_new("STATUS ");

	imap_command_mailbox(command, mailbox);
	imap_command_text(command, " (UIDNEXT)");
	return command;
}

static void
test_what_follows_a_literal_waits_with_it(void)
{
	SCRIPT(script, READY(""), C("m2 STATUS {2}\r\n"), S("* 3 EXISTS\r\n+ go\r\n"), C("\xc5\xa1 (UIDNEXT)\r\nm3 NOOP\r\n"),
	       S("m2 OK\r\nm3 OK\r\n"));
	ImapSession *session = script_assert_opens(&script);

	imap_session_send(session, status("\xc5\xa1"), NULL);
	imap_session_send(session, imap_command_new("NOOP"), NULL);
	g_assert_true(imap_session_wait(session, NULL, NULL));
	script_finish(&script, session);
}

static void
test_a_refused_literal_ends_only_its_command(void)
{
	SCRIPT(script, READY(""), C("m2 STATUS {2}\r\n"), S("m2 BAD no literals here\r\n"), C("m3 NOOP\r\n"), S("m3 OK\r\n"));
	ImapSession *session = script_assert_opens(&script);
	g_auto(ImapReply) refused = { 0 };

	imap_session_send(session, status("\xc5\xa1"), &refused);
	imap_session_send(session, imap_command_new("NOOP"), NULL);
	g_assert_true(imap_session_wait(session, NULL, NULL));
	g_assert_cmpint(refused.kind, ==, IMAP_RESPONSE_BAD);
	g_assert_true(imap_session_alive(session));
	script_finish(&script, session);
}

static void
test_a_stray_plus_means_nothing(void)
{
	SCRIPT(script, READY(""), C("m2 NOOP\r\n"), S("+\r\n+ idling\r\nm2 OK\r\n"));
	ImapSession *session = script_assert_opens(&script);

	g_assert_true(imap_session_run(session, imap_command_new("NOOP"), NULL, NULL));
	script_finish(&script, session);
}

static void
test_a_refusal_leaves_the_session_alive(void)
{
	SCRIPT(script, READY(""), C("m2 DELETE \"a\"\r\n"), S("m2 NO [NOPERM] yours it is not\r\n"), C("m3 NOOP\r\n"),
	       S("m3 NO [THROTTLED] slower\r\n"));
	ImapSession *session = script_assert_opens(&script);
	g_autoptr(GError) refused = NULL, busy = NULL;
	g_auto(ImapReply) reply = { 0 };
	ImapCommand *command = imap_command_new("DELETE ");

	imap_command_mailbox(command, "a");
	g_assert_false(imap_session_run(session, command, &reply, &refused));
	g_assert_error(refused, CORE_ERROR, CORE_ERROR_REFUSED);
	g_assert_cmpstr(refused->message, ==, "DELETE refused: 127.0.0.1: yours it is not");
	g_assert_cmpint(reply.code, ==, IMAP_CODE_NOPERM);
	g_assert_false(imap_session_run(session, imap_command_new("NOOP"), NULL, &busy));
	g_assert_error(busy, CORE_ERROR, CORE_ERROR_BUSY);
	g_assert_true(imap_session_alive(session));
	script_finish(&script, session);
}

static void
test_words_that_mean_later(void)
{
	static const struct {
		ImapCodeKind code;
		const char *text;
		bool busy, of_account;
	} rows[] = {
		{ IMAP_CODE_LIMIT, "", true, true },
		{ IMAP_CODE_THROTTLED, "", true, true },
		{ IMAP_CODE_NONE, "User is authenticated but not connected.", true, true },
		{ IMAP_CODE_NONE, "Request is throttled. Suggested Backoff Time: 30000 milliseconds", true, true },
		{ IMAP_CODE_NONE, "[THROTTLED]", true, true },
		{ IMAP_CODE_NONE, "Maximum number of connections from user+IP exceeded", true, true },
		{ IMAP_CODE_UNAVAILABLE, "Too many users", true, true },
		{ IMAP_CODE_UNAVAILABLE, "its disk is away", true, false },
		{ IMAP_CODE_INUSE, "locked", true, false },
		{ IMAP_CODE_NONE, "Temporary failure", true, false },
		{ IMAP_CODE_NONE, "Mailbox doesn't exist", false, false },
		{ IMAP_CODE_NOPERM, "no", false, false },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_assert_true(imap_refusal_is_busy(rows[i].code, rows[i].text) == rows[i].busy);
		g_assert_true(imap_refusal_is_of_account(rows[i].code, rows[i].text) == rows[i].of_account);
	}
}

/* What a listener heard, as text. */
typedef struct {
	GString *heard;
	const char *fails_at; /* this keyword */
} Listener;

static bool
listen_to(const ImapResponse *response, void *data, GError **error)
{
	Listener *listener = data;

	g_string_append_printf(listener->heard, "%s ", response->keyword);
	if (listener->fails_at && strcmp(response->keyword, listener->fails_at) == 0)
		return core_throw(error, CORE_ERROR_IO, "the disk is full");
	return true;
}

static void
test_the_listener_hears_all_that_is_untagged(void)
{
	SCRIPT(script, READY(""), C("m2 NOOP\r\n"),
	       S("* 1 EXISTS\r\n* XYZZY plugh\r\n* VANISHED 3\r\n* OK still here\r\n* LIST () \"/\" a\r\nm2 OK\r\n"));
	ImapSession *session = script_assert_opens(&script);
	Listener listener = { .heard = g_string_new(NULL) };

	imap_session_listen(session, listen_to, &listener);
	g_assert_true(imap_session_run(session, imap_command_new("NOOP"), NULL, NULL));
	g_assert_cmpstr(listener.heard->str, ==, "EXISTS XYZZY VANISHED OK LIST ");
	script_finish(&script, session);
	g_string_free(listener.heard, true);
}

/* The session must be broken with this error, at once and for ever. */
static void
assert_broken(ImapSession *session, CoreErrorCode code, const char *words)
{
	g_autoptr(GError) first = NULL, later = NULL;
	g_auto(ImapReply) reply = { 0 };

	g_assert_false(imap_session_run(session, imap_command_new("NOOP"), &reply, &first));
	g_assert_error(first, CORE_ERROR, (int)code);
	if (!strstr(first->message, words))
		g_error("\"%s\" is not in \"%s\"", words, first->message);
	g_assert_false(reply.done);
	g_assert_false(imap_session_alive(session));
	imap_session_send(session, imap_command_new("NOOP"), NULL);
	g_assert_false(imap_session_wait(session, NULL, &later));
	g_assert_cmpstr(later->message, ==, first->message);
}

static void
test_a_listener_that_fails_ends_the_session(void)
{
	SCRIPT(script, READY(""), C("m2 NOOP\r\n"), S("* 1 EXISTS\r\n* 2 EXPUNGE\r\nm2 OK\r\n"), SILENCE);
	ImapSession *session = script_assert_opens(&script);
	Listener listener = { .heard = g_string_new(NULL), .fails_at = "EXPUNGE" };

	imap_session_listen(session, listen_to, &listener);
	assert_broken(session, CORE_ERROR_IO, "the disk is full");
	g_assert_cmpstr(listener.heard->str, ==, "EXISTS EXPUNGE ");
	script_finish(&script, session);
	g_string_free(listener.heard, true);
}

static void
test_ends_of_a_session(void)
{
	static const struct {
		const char *last_words;
		CoreErrorCode code;
		const char *words;
	} rows[] = {
		{ "* BYE Session expired\r\n", CORE_ERROR_UNREACHABLE, "127.0.0.1: Session expired" },
		{ "* BYE [UNAVAILABLE] later\r\n", CORE_ERROR_BUSY, "127.0.0.1: later" },
		{ "* BYE [THROTTLED] slow down\r\n", CORE_ERROR_BUSY, "slow down" },
		{ "* BYE Too many commands\r\n", CORE_ERROR_BUSY, "Too many" },
		{ "", CORE_ERROR_UNREACHABLE, "127.0.0.1: without a word" },
		{ "* 1 FETCH (UID 1 BODY[] {1000}\r\nabc", CORE_ERROR_UNREACHABLE, "127.0.0.1: in the middle of an answer" },
		{ "* 1 EXI", CORE_ERROR_UNREACHABLE, "in the middle" },
		{ "m99 OK done\r\n", CORE_ERROR_PROTOCOL, "127.0.0.1: an answer to no command" },
		{ "m1 OK again\r\n", CORE_ERROR_PROTOCOL, "an answer to no command" },
		{ "m2 PREAUTH done\r\n", CORE_ERROR_PROTOCOL, "an answer to no command" },
		{ "garbage\r\n", CORE_ERROR_PROTOCOL, "nonsense" },
		{ "* LIST () \"/\" {99999999999}\r\n", CORE_ERROR_PROTOCOL, "nonsense from the server: 127.0.0.1: " },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		const Step steps[] = { READY(""), C("m2 NOOP\r\n"),
			               { STEP_SERVER, rows[i].last_words, strlen(rows[i].last_words) }, HANGUP };
		Script script;
		script_start(&script, steps, G_N_ELEMENTS(steps));
		ImapSession *session = script_assert_opens(&script);
		assert_broken(session, rows[i].code, rows[i].words);
		script_finish(&script, session);
	}
}

static void
test_silence_times_out(void)
{
	SCRIPT(script, READY(""), C("m2 NOOP\r\n"), SILENCE);

	ImapSession *session = script_assert_opens(&script);
	script.config.timeout_ms = 100;
	assert_broken(session, CORE_ERROR_UNREACHABLE, "127.0.0.1: timed out");
	script_finish(&script, session);
}

static void
test_talk_that_answers_nothing_times_out(void)
{
	static const char talk[] = "* OK Still here\r\n* 5 EXISTS\r\n* X-NEWS\r\n";
	const Step steps[] = { READY(""), C("m2 NOOP\r\n"), { STEP_FLOOD, talk, strlen(talk) } };
	Script script;

	script_start(&script, steps, G_N_ELEMENTS(steps));
	ImapSession *session = script_assert_opens(&script);
	script.config.timeout_ms = 300; /* longer than the flood may pause on a busy machine */
	assert_broken(session, CORE_ERROR_UNREACHABLE, "the server talks, but has answered nothing");
	script_finish(&script, session);
}

static bool
has_enough(const ImapResponse *response, void *data, GError **error)
{
	int64_t until_ms = *(const int64_t *)data;

	return core_clock_ms() < until_ms || core_throw(error, CORE_ERROR_REFUSED, "enough");
}

static void
test_what_is_told_for_long_is_no_mere_talk(void)
{
	SCRIPT(script, READY(""), C("m2 NOOP\r\n"), FLOOD("* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n"));
	ImapSession *session = script_assert_opens(&script);
	int64_t until_ms = core_clock_ms() + 10000; /* more than IMAP_IDLE_TALKS times */

	script.config.timeout_ms = 300;
	imap_session_listen(session, has_enough, &until_ms);
	assert_broken(session, CORE_ERROR_REFUSED, "enough");
	script_finish(&script, session);
}

static void
test_another_thread_can_stop_it(void)
{
	SCRIPT(script, READY(""), C("m2 NOOP\r\n"), CANCEL, SILENCE);
	ImapSession *session = script_assert_opens(&script);

	assert_broken(session, CORE_ERROR_CANCELLED, "stopped");
	script_finish(&script, session);
}

/* A sink that counts. */
static bool
sink_begin(void *data, uint32_t seq, uint32_t uid, const ImapFetchSection *section, GError **error)
{
	return true;
}

static bool
sink_write(void *data, const void *bytes, size_t length, GError **error)
{
	*(uint64_t *)data += length;
	return true;
}

static bool
sink_end(void *data, GError **error)
{
	return true;
}

static const ImapSink sink = { sink_begin, sink_write, sink_end };

static void
test_message_data_goes_to_the_sink_but_not_before_the_login(void)
{
	SCRIPT(script, S("* PREAUTH hello\r\n"), C("m1 CAPABILITY\r\n"),
	       S("* 1 FETCH (UID 1 BODY[] {5}\r\nearly)\r\n* CAPABILITY IMAP4rev1\r\nm1 OK done\r\n"),
	       C("m2 UID FETCH 1 (FLAGS)\r\n"), S("* 1 FETCH (UID 1 BODY[] {7}\r\nmessage)\r\nm2 OK\r\n"));
	uint64_t count = 0, in = 0, out = 0;

	script.sink = &sink;
	script.sink_data = &count;
	ImapSession *session = script_assert_opens(&script);
	g_assert_true(imap_session_run(session, fetch(1), NULL, NULL));
	g_assert_cmpuint(count, ==, 7);
	imap_session_traffic(session, &in, &out);
	g_assert_cmpuint(out, ==, strlen("m1 CAPABILITY\r\nm2 UID FETCH 1 (FLAGS)\r\n"));
	g_assert_cmpuint(in, >, 100);
	script_finish(&script, session);
}

static void
test_compression_begins_behind_the_answer(void)
{
	SCRIPT(script, READY("COMPRESS=DEFLATE"), C("m2 NOOP\r\nm3 NOOP\r\n"), S("m2 OK\r\nm3 OK\r\n"),
	       C("m4 COMPRESS DEFLATE\r\n"), CORK, S("* 1 EXISTS\r\nm4 OK begin\r\n"), DEFLATE, S("* 2 EXISTS\r\n"), UNCORK,
	       C("m5 NOOP\r\n"), S("m5 OK\r\n"));
	ImapSession *session = script_assert_opens(&script);
	Listener listener = { .heard = g_string_new(NULL) };

	imap_session_listen(session, listen_to, &listener);
	imap_session_send(session, imap_command_new("NOOP"), NULL);
	imap_session_send(session, imap_command_new("NOOP"), NULL);
	g_assert_true(imap_session_compress(session, NULL));
	g_assert_true(imap_session_compress(session, NULL)); /* once is enough */
	g_assert_true(imap_session_run(session, imap_command_new("NOOP"), NULL, NULL));
	g_assert_cmpstr(listener.heard->str, ==, "EXISTS EXISTS ");
	script_finish(&script, session);
	g_string_free(listener.heard, true);
}

static void
test_compression_is_no_must(void)
{
	SCRIPT(refused, READY("COMPRESS=DEFLATE"), C("m2 COMPRESS DEFLATE\r\n"), S("m2 NO [COMPRESSIONACTIVE] by TLS\r\n"),
	       C("m3 NOOP\r\n"), S("m3 OK\r\n"));
	ImapSession *session = script_assert_opens(&refused);
	g_assert_true(imap_session_compress(session, NULL));
	g_assert_true(imap_session_run(session, imap_command_new("NOOP"), NULL, NULL));
	script_finish(&refused, session);

	SCRIPT(not_offered, READY(""));
	session = script_assert_opens(&not_offered);
	g_assert_true(imap_session_compress(session, NULL));
	script_finish(&not_offered, session);

	SCRIPT(forbidden, READY("COMPRESS=DEFLATE"));
	forbidden.config.no_compress = true;
	session = script_assert_opens(&forbidden);
	g_assert_true(imap_session_compress(session, NULL));
	script_finish(&forbidden, session);
}

static bool
send_noop(const ImapResponse *response, void *data, GError **error)
{
	imap_session_send(data, imap_command_new("NOOP"), NULL);
	return true;
}

static void
test_nothing_follows_compress_until_it_is_answered(void)
{
	SCRIPT(script, READY("COMPRESS=DEFLATE"), C("m2 COMPRESS DEFLATE\r\n"), S("* 1 EXISTS\r\n"), S("m2 OK\r\n"), DEFLATE,
	       C("m3 NOOP\r\n"), S("m3 OK\r\n"));
	ImapSession *session = script_assert_opens(&script);

	imap_session_listen(session, send_noop, session);
	g_assert_true(imap_session_compress(session, NULL));
	g_assert_true(imap_session_wait(session, NULL, NULL));
	script_finish(&script, session);
}

/* A test may stop the process before any byte leaves it. */
static void
test_every_flight_is_announced(void)
{
	SCRIPT(script, READY(""), C("m2 NOOP\r\nm3 NOOP\r\n"), S("m2 OK\r\n"), S("m3 OK\r\n"), C("m4 X {1}\r\n"), S("+ go\r\n"),
	       C("\n\r\n"), S("m4 OK\r\n"));

	script_flights();
	ImapSession *session = script_assert_opens(&script);
	g_assert_cmpuint(script_flights(), ==, 1);
	imap_session_send(session, imap_command_new("NOOP"), NULL);
	imap_session_send(session, imap_command_new("NOOP"), NULL);
	g_assert_true(imap_session_wait(session, NULL, NULL));
	g_assert_cmpuint(script_flights(), ==, 1);
	ImapCommand *command = imap_command_new("X ");
	imap_command_string(command, "\n", 1);
	g_assert_true(imap_session_run(session, command, NULL, NULL));
	g_assert_cmpuint(script_flights(), ==, 2);
	script_finish(&script, session);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add_func("/session/" #name, test_##name)
	ADD(commands_are_pipelined_and_answered_in_any_order);
	ADD(at_most_25_commands_are_unanswered);
	ADD(what_follows_a_literal_waits_with_it);
	ADD(a_refused_literal_ends_only_its_command);
	ADD(a_stray_plus_means_nothing);
	ADD(a_refusal_leaves_the_session_alive);
	ADD(words_that_mean_later);
	ADD(the_listener_hears_all_that_is_untagged);
	ADD(a_listener_that_fails_ends_the_session);
	ADD(ends_of_a_session);
	ADD(silence_times_out);
	ADD(talk_that_answers_nothing_times_out);
	ADD(what_is_told_for_long_is_no_mere_talk);
	ADD(another_thread_can_stop_it);
	ADD(message_data_goes_to_the_sink_but_not_before_the_login);
	ADD(compression_begins_behind_the_answer);
	ADD(compression_is_no_must);
	ADD(nothing_follows_compress_until_it_is_answered);
	ADD(every_flight_is_announced);
	return g_test_run();
}
