/* src/imap/trace and what is shown to people, against scripted servers. */
#include "core/log.h"
#include "imap-script.h"

#include <glib/gstdio.h>

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
	g_assert_true(imap_session_run(session, imap_command_new("UID FETCH %u (FLAGS)", uid), NULL, NULL));
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
#define ADD(name) g_test_add_func("/trace/" #name, test_##name)
	ADD(the_trace_shows_neither_secrets_nor_messages);
	ADD(the_trace_hides_what_login_sends);
	ADD(the_trace_cuts_long_lines);
	ADD(an_alert_cannot_write_to_a_terminal);
	ADD(a_flood_of_alerts_is_cut);
	return g_test_run();
}
