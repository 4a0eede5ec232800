/* src/imap/session, pump, answer and trace, against scripted servers: commands and their answers, and how it ends. */
#include "core/log.h"
#include "imap-script.h"
#include "imap/refusal.h"

#include <glib/gstdio.h>

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
	script_finish(&script, session);
}

/* What a session writes into the trace. */
static char *
trace_of(Script *script, unsigned uid)
{
	g_autofree char *folder = g_dir_make_tmp("mailtree-test-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(folder, "log", NULL);
	g_autoptr(GError) error = NULL;
	char *text = NULL;

	g_assert_true(core_log_to_file(path, 1 << 20, &error));
	core_log_set_level(CORE_LOG_TRACE);
	ImapSession *session = script_assert_opens(script);
	g_assert_true(imap_session_run(session, fetch(uid), NULL, NULL));
	script_finish(script, session);
	core_log_set_level(CORE_LOG_WARNING);
	g_assert_true(g_file_get_contents(path, &text, NULL, &error));
	g_unlink(path);
	g_rmdir(folder);
	return text;
}

static void
assert_in(const char *text, const char *words, bool expected)
{
	if ((strstr(text, words) != NULL) != expected)
		g_error("\"%s\" is %s in:\n%s", words, expected ? "not" : "", text);
}

static void
test_the_trace_shows_neither_secrets_nor_messages(void)
{
	SCRIPT(script, S("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hello\r\n"),
	       C("m1 AUTHENTICATE PLAIN AGFsaWNlAHMzY3JldA==\r\n"), S("m1 OK in\r\n"), C("m2 CAPABILITY\r\n"),
	       S("* CAPABILITY IMAP4rev1\r\nm2 OK done\r\n"), C("m3 UID FETCH 7 (FLAGS)\r\n"),
	       S("* 1 FETCH (UID 7 INTERNALDATE \"01-Jan-2024 00:00:00 +0000\" BODY[1] \"quo\\\"ted\" BODY[] {9}\r\nline\r\nend"
	         " ENVELOPE (\"sub\" \"unesc\"aped\" x \"y) \" BODY[2] {6}\r\nhidden BODY[3] \"veiled\""
	         " FLAGS (\\Seen))\r\n* LIST () \"/\" \"a{3}\"\r\n"
	         "m3 OK [HIGHESTMODSEQ 5] done\r\n"));
	g_autofree char *trace = trace_of(&script, 7);

	assert_in(trace, "test > m1 AUTHENTICATE PLAIN ***\n", true);
	assert_in(trace, "AGFs", false);
	assert_in(trace, "s3cret", false);
	assert_in(trace, "test > m3 UID FETCH 7 (FLAGS)\n", true);
	assert_in(trace, "test < * 1 FETCH (UID 7 INTERNALDATE \"01-Jan-2024 00:00:00 +0000\" BODY[1] \"…\" BODY[] {9 bytes}",
	          true);
	assert_in(trace, "quo", false);
	assert_in(trace, "end", false);
	assert_in(trace, "hidden", false);
	assert_in(trace, "veiled", false);
	assert_in(trace, "test < * LIST () \"/\" \"a{3}\"\n", true);
	assert_in(trace, "test < m3 OK [HIGHESTMODSEQ 5] done\n", true);
}

static void
test_the_trace_hides_what_login_sends(void)
{
	SCRIPT(script, S("* OK [CAPABILITY IMAP4rev1] hello\r\n"), C("m1 LOGIN alice {10}\r\n"), S("+ go\r\n"),
	       C("s3cret\r\nku\r\n"), S("m1 OK in\r\n"), C("m2 CAPABILITY\r\n"), S("m2 OK done\r\n"),
	       C("m3 UID FETCH 7 (FLAGS)\r\n"), S("m3 OK done\r\n"));

	script.password = "s3cret\r\nku";
	g_autofree char *trace = trace_of(&script, 7);
	assert_in(trace, "test > m1 LOGIN *** ***\n", true);
	assert_in(trace, "s3cret", false);
	assert_in(trace, "alice", false);
}

static void
test_the_trace_cuts_long_lines(void)
{
	g_autofree char *words = g_strnfill(5000, 'x');
	g_autofree char *answer = g_strdup_printf("* OK %s tail\r\nm2 OK done\r\n", words);
	const Step steps[] = { READY(""), C("m2 UID FETCH 7 (FLAGS)\r\n"), { STEP_SERVER, answer, strlen(answer) } };
	Script script;

	script_start(&script, steps, G_N_ELEMENTS(steps));
	g_autofree char *trace = trace_of(&script, 7);
	assert_in(trace, "xxx…\n", true);
	assert_in(trace, "tail", false);
	assert_in(trace, "test < m2 OK done\n", true);
}

/* U+009B begins what a terminal obeys, as ESC [ does; U+202E turns round what follows. */
static void
test_an_alert_cannot_write_to_a_terminal(void)
{
	SCRIPT(script, READY(""), C("m2 UID FETCH 7 (FLAGS)\r\n"),
	       S("* OK [ALERT] quota\xc2\x9b" "31m \x9b" "32m \xe2\x80\xaeover\r\nm2 OK done\r\n"));
	g_autofree char *log = trace_of(&script, 7);

	assert_in(log, "the server says: quota 31m \xef\xbf\xbd" "32m  over\n", true);
}

static void
test_a_flood_of_alerts_is_cut(void)
{
	g_autoptr(GString) flood = g_string_new(NULL);

	for (int i = 1; i <= 100; i++)
		g_string_append_printf(flood, "* OK [ALERT] number %d\r\n", i);
	g_string_append(flood, "m2 OK done\r\n");
	const Step steps[] = { READY(""), C("m2 UID FETCH 7 (FLAGS)\r\n"), { STEP_SERVER, flood->str, flood->len } };
	Script script;
	script_start(&script, steps, G_N_ELEMENTS(steps));
	g_autofree char *log = trace_of(&script, 7);

	assert_in(log, "the server says: number 10\n", true);
	assert_in(log, "the server says: number 11\n", false);
	assert_in(log, "the server says more than is shown", true);
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
	ADD(another_thread_can_stop_it);
	ADD(message_data_goes_to_the_sink_but_not_before_the_login);
	ADD(compression_begins_behind_the_answer);
	ADD(compression_is_no_must);
	ADD(nothing_follows_compress_until_it_is_answered);
	ADD(capabilities_that_change_are_noted);
	ADD(imap4rev2_alone_brings_its_extensions);
	ADD(the_trace_shows_neither_secrets_nor_messages);
	ADD(the_trace_hides_what_login_sends);
	ADD(the_trace_cuts_long_lines);
	ADD(an_alert_cannot_write_to_a_terminal);
	ADD(a_flood_of_alerts_is_cut);
	return g_test_run();
}
