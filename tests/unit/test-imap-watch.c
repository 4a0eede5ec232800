/* src/imap/watch, against scripted servers: IDLE, listening without it, and short probes. */
#include "imap-script.h"
#include "imap/session-private.h"

#include <poll.h>

typedef struct {
	Script *script;
	ImapSession *session;
	GString *heard;
	bool sends;  /* the listener sends a command at each EXISTS, */
	bool dawdles; /* or goes on only when more has arrived, so that the end is never seen */
} Fixture;

/* EXISTS is what stirs. */
static bool
note(const ImapResponse *response, void *data, GError **error)
{
	Fixture *fixture = data;

	g_string_append_printf(fixture->heard, "%s;", response->keyword);
	if (fixture->dawdles && fixture->session->in_end - fixture->session->in_at < 64) {
		struct pollfd fd = { .fd = fixture->session->stream->fd, .events = POLLIN };
		g_assert_cmpint(poll(&fd, 1, SCRIPT_PATIENCE_MS), ==, 1);
	}
	if (response->kind != IMAP_RESPONSE_EXISTS)
		return true;
	imap_session_stir(fixture->session);
	if (fixture->sends)
		imap_session_send(fixture->session, imap_command_new("CHECK"), NULL);
	return true;
}

static void
begin(Fixture *fixture, Script *script)
{
	*fixture = (Fixture){ .script = script, .heard = g_string_new(NULL) };
	fixture->session = script_assert_opens(script);
	imap_session_listen(fixture->session, note, fixture);
	script_flights();
}

static void
end(Fixture *fixture)
{
	script_finish(fixture->script, fixture->session);
	g_string_free(fixture->heard, true);
}

static void
watch(Fixture *fixture, bool idle, int timeout_ms, ImapWatchEnd expected)
{
	GError *error = NULL;
	ImapWatchEnd how = IMAP_WATCH_TIMEOUT;
	bool ok = imap_session_watch(fixture->session, idle, &fixture->script->wake, 1, timeout_ms, &how, &error);

	g_assert_no_error(error);
	g_assert_true(ok);
	g_assert_cmpint(how, ==, expected);
}

/* The watch fails with this error. */
static void
watch_fails(Fixture *fixture, bool idle, CoreErrorCode code, const char *words)
{
	g_autoptr(GError) error = NULL;
	ImapWatchEnd how;

	g_assert_false(imap_session_watch(fixture->session, idle, &fixture->script->wake, 1, -1, &how, &error));
	g_assert_error(error, CORE_ERROR, (int)code);
	if (!strstr(error->message, words))
		g_error("\"%s\" is not in \"%s\"", words, error->message);
}

static void
noop(Fixture *fixture)
{
	GError *error = NULL;

	imap_session_run(fixture->session, imap_command_new("NOOP"), NULL, &error);
	g_assert_no_error(error);
}

static void
test_a_burst_is_one_end_and_done_leaves_with_what_follows(void)
{
	SCRIPT(script, READY("IDLE"), C("m2 IDLE\r\n"), S("* OK warming up\r\n+ idling\r\n"),
	       S("* 5 EXISTS\r\n* 1 RECENT\r\n* 6 EXISTS\r\n"), C("DONE\r\nm3 NOOP\r\n"),
	       S("* 7 EXISTS\r\nm2 OK idled\r\nm3 OK\r\n"), C("m4 NOOP\r\n"), S("m4 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script);
	watch(&fixture, true, -1, IMAP_WATCH_STIRRED);
	g_assert_cmpstr(fixture.heard->str, ==, "OK;EXISTS;RECENT;EXISTS;");
	g_assert_cmpuint(script_flights(), ==, 1);
	noop(&fixture);
	g_assert_cmpuint(script_flights(), ==, 1);
	noop(&fixture);
	end(&fixture);
}

static void
test_what_came_before_the_plus_stirs_too(void)
{
	SCRIPT(script, READY("IDLE"), C("m2 IDLE\r\n"), S("* 5 EXISTS\r\n"), S("+ idling\r\n"), C("DONE\r\nm3 NOOP\r\n"),
	       S("m2 OK\r\nm3 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script);
	watch(&fixture, true, -1, IMAP_WATCH_STIRRED);
	noop(&fixture);
	end(&fixture);
}

static void
test_a_descriptor_wakes(void)
{
	SCRIPT(script, READY("IDLE"), C("m2 IDLE\r\n"), S("+\r\n* 1 RECENT\r\n"), WAKE, C("DONE\r\nm3 NOOP\r\n"),
	       S("m2 OK\r\nm3 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script);
	watch(&fixture, true, -1, IMAP_WATCH_WOKEN);
	watch(&fixture, true, -1, IMAP_WATCH_WOKEN); /* it still is readable, so there is nothing to wait for */
	noop(&fixture);
	end(&fixture);
}

static void
test_idle_ends_in_time(void)
{
	SCRIPT(script, READY("IDLE"), C("m2 IDLE\r\n"), S("+ idling\r\n"), C("DONE\r\nm3 IDLE\r\n"),
	       S("m2 OK\r\n+ idling\r\n* 1 EXISTS\r\n"), C("DONE\r\nm4 NOOP\r\n"), S("m3 OK\r\nm4 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script);
	watch(&fixture, true, 1, IMAP_WATCH_TIMEOUT);
	watch(&fixture, true, -1, IMAP_WATCH_STIRRED); /* DONE and the next IDLE are one flight */
	noop(&fixture);
	end(&fixture);
}

static void
test_a_server_may_refuse_idle(void)
{
	SCRIPT(script, READY("IDLE"), C("m2 IDLE\r\n"), S("m2 NO not here\r\n"), C("m3 IDLE\r\n"), S("m3 BAD what\r\n"),
	       C("m4 IDLE\r\n"), S("m4 NO [THROTTLED] slower\r\n"), C("m5 IDLE\r\n"), S("m5 OK done\r\n"), C("m6 NOOP\r\n"),
	       S("m6 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script);
	watch_fails(&fixture, true, CORE_ERROR_REFUSED, "IDLE refused: 127.0.0.1: not here");
	watch_fails(&fixture, true, CORE_ERROR_REFUSED, "what");
	watch_fails(&fixture, true, CORE_ERROR_BUSY, "slower");
	watch_fails(&fixture, true, CORE_ERROR_REFUSED, "before it began");
	noop(&fixture);
	end(&fixture);
}

static void
test_a_server_may_end_idle_by_itself(void)
{
	SCRIPT(script, READY("IDLE"), C("m2 IDLE\r\n"), S("+ idling\r\n"), S("m2 OK enough\r\n"), C("m3 NOOP\r\n"),
	       S("m3 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script);
	watch(&fixture, true, -1, IMAP_WATCH_STIRRED);
	noop(&fixture);
	end(&fixture);
}

/* It takes DONE for the tag of a command then. */
static void
test_done_may_cross_the_servers_own_end_of_idle(void)
{
	SCRIPT(script, READY("IDLE"), C("m2 IDLE\r\n"), S("+ idling\r\n"), WAKE, C("DONE\r\nm3 NOOP\r\n"),
	       S("m2 OK enough\r\nDONE BAD unknown command\r\nm3 OK\r\n"), C("m4 NOOP\r\n"), S("m4 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script);
	watch(&fixture, true, -1, IMAP_WATCH_WOKEN);
	noop(&fixture);
	noop(&fixture);
	end(&fixture);
}

static void
test_ends_of_a_session_that_idles(void)
{
	static const struct {
		const char *last_words;
		CoreErrorCode code;
		const char *words;
	} rows[] = {
		{ "* BYE Autologout\r\n", CORE_ERROR_UNREACHABLE, "Autologout" },
		{ "* BYE [UNAVAILABLE] restarting\r\n", CORE_ERROR_BUSY, "restarting" },
		{ "* OK Still here\r\n", CORE_ERROR_UNREACHABLE, "without a word" },
		{ "* 5 EXI", CORE_ERROR_UNREACHABLE, "in the middle of an answer" },
		{ "m7 OK\r\n", CORE_ERROR_PROTOCOL, "an answer to no command" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		const Step steps[] = { READY("IDLE"), C("m2 IDLE\r\n"), S("+ idling\r\n"),
			               { STEP_SERVER, rows[i].last_words, strlen(rows[i].last_words) }, HANGUP };
		Fixture fixture;
		Script script;

		script_start(&script, steps, G_N_ELEMENTS(steps));
		begin(&fixture, &script);
		watch_fails(&fixture, true, rows[i].code, rows[i].words);
		g_assert_false(imap_session_alive(fixture.session));
		end(&fixture);
	}
}

static void
test_a_plus_that_never_comes_times_out(void)
{
	SCRIPT(script, READY("IDLE"), C("m2 IDLE\r\n"), SILENCE);
	Fixture fixture;

	begin(&fixture, &script);
	script.config.timeout_ms = 100;
	watch_fails(&fixture, true, CORE_ERROR_UNREACHABLE, "timed out");
	end(&fixture);
}

static void
test_another_thread_can_stop_it(void)
{
	SCRIPT(script, READY("IDLE"), C("m2 IDLE\r\n"), S("+ idling\r\n"), CANCEL, SILENCE);
	Fixture fixture;

	begin(&fixture, &script);
	watch_fails(&fixture, true, CORE_ERROR_CANCELLED, "stopped");
	end(&fixture);
}

static void
test_what_the_listener_sends_waits_for_the_end_of_idle(void)
{
	SCRIPT(script, READY("IDLE"), C("m2 IDLE\r\n"), S("+ idling\r\n* 5 EXISTS\r\n"), C("DONE\r\nm3 CHECK\r\nm4 NOOP\r\n"),
	       S("m2 OK\r\nm3 OK\r\nm4 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script);
	fixture.sends = true;
	watch(&fixture, true, -1, IMAP_WATCH_STIRRED);
	noop(&fixture);
	end(&fixture);
}

static void
test_idle_waits_for_what_was_sent_before(void)
{
	SCRIPT(script, READY("IDLE"), C("m2 CHECK\r\nm3 IDLE\r\n"), S("m2 OK\r\n+ idling\r\n* 5 EXISTS\r\n"),
	       C("DONE\r\nm4 NOOP\r\n"), S("m3 OK\r\nm4 OK\r\n"));
	Fixture fixture;
	g_auto(ImapReply) check = { 0 };

	begin(&fixture, &script);
	imap_session_send(fixture.session, imap_command_new("CHECK"), &check);
	watch(&fixture, true, -1, IMAP_WATCH_STIRRED);
	g_assert_true(check.done);
	noop(&fixture);
	end(&fixture);
}

static void
test_a_session_that_idled_says_goodbye(void)
{
	SCRIPT(script, READY("IDLE"), C("m2 IDLE\r\n"), S("+ idling\r\n"), WAKE, C("DONE\r\nm3 LOGOUT\r\n"),
	       S("m2 OK\r\n* BYE then\r\nm3 OK\r\n"), HANGUP);
	Fixture fixture;

	begin(&fixture, &script);
	watch(&fixture, true, -1, IMAP_WATCH_WOKEN);
	end(&fixture);
}

static void
test_listening_without_idle(void)
{
	SCRIPT(script, READY("NOTIFY"), C("m2 NOTIFY SET STATUS\r\n"), S("* STATUS a (UIDNEXT 4)\r\nm2 OK\r\n* 1 RECENT\r\n"),
	       AWAIT_GATE, S("* 5 EXISTS\r\n* 6 EXISTS\r\n"), AWAIT_GATE, WAKE, C("m3 NOOP\r\n"), S("m3 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script);
	imap_session_send(fixture.session, imap_command_new("NOTIFY SET STATUS"), NULL);
	watch(&fixture, false, 1, IMAP_WATCH_TIMEOUT);
	g_assert_cmpuint(script_flights(), ==, 1);
	sem_post(&script.gate);
	watch(&fixture, false, -1, IMAP_WATCH_STIRRED);
	g_assert_cmpstr(fixture.heard->str, ==, "STATUS;RECENT;EXISTS;EXISTS;");
	sem_post(&script.gate);
	watch(&fixture, false, -1, IMAP_WATCH_WOKEN);
	g_assert_cmpuint(script_flights(), ==, 0);
	noop(&fixture);
	end(&fixture);
}

static void
test_a_listener_may_send_where_nobody_idles(void)
{
	SCRIPT(script, READY(""), S("* 5 EXISTS\r\n"), C("m2 CHECK\r\n"), S("m2 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script);
	fixture.sends = true;
	watch(&fixture, false, -1, IMAP_WATCH_STIRRED);
	end(&fixture);
}

static void
test_a_server_that_hangs_up_ends_the_listening(void)
{
	SCRIPT(script, READY(""), S("* BYE Autologout\r\n"), HANGUP);
	Fixture fixture;

	begin(&fixture, &script);
	watch_fails(&fixture, false, CORE_ERROR_UNREACHABLE, "Autologout");
	end(&fixture);
}

#define EIGHT(text) text text text text text text text text

static void
test_a_flood_does_not_hold_the_watch(void)
{
	SCRIPT(idle_talk, READY(""), FLOOD(EIGHT(EIGHT("* OK Still here\r\n"))));
	Fixture fixture;
	begin(&fixture, &idle_talk);
	fixture.dawdles = true;
	watch(&fixture, false, 1, IMAP_WATCH_TIMEOUT);
	end(&fixture);

	SCRIPT(stirring, READY("IDLE"), C("m2 IDLE\r\n"), S("+\r\n"), FLOOD(EIGHT(EIGHT("* 5 EXISTS\r\n"))));
	begin(&fixture, &stirring);
	fixture.dawdles = true;
	watch(&fixture, true, -1, IMAP_WATCH_STIRRED);
	end(&fixture);
}

static void
test_a_stir_from_before_does_not_count(void)
{
	SCRIPT(script, READY(""));
	Fixture fixture;

	begin(&fixture, &script);
	imap_session_stir(fixture.session);
	watch(&fixture, false, 1, IMAP_WATCH_TIMEOUT);
	end(&fixture);
}

/* Whether a connection has died is asked with less patience than anything else. */
static void
test_a_probe_is_short_of_patience(void)
{
	static const struct {
		int patience_ms;
		const char *words;
	} rows[] = { { 50, "timed out after 0.05 s" }, { 0, "timed out after 0.1 s" } };

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		SCRIPT(script, READY("IDLE"), C("m2 IDLE\r\n"), S("+ idling\r\n"), C("DONE\r\nm3 NOOP\r\n"), SILENCE);
		g_autoptr(GError) error = NULL;
		Fixture fixture;

		begin(&fixture, &script);
		watch(&fixture, true, 1, IMAP_WATCH_TIMEOUT);
		script.config.timeout_ms = 100;
		imap_session_set_patience(fixture.session, 20);
		imap_session_set_patience(fixture.session, rows[i].patience_ms);
		g_assert_false(imap_session_run(fixture.session, imap_command_new("NOOP"), NULL, &error));
		g_assert_error(error, CORE_ERROR, CORE_ERROR_UNREACHABLE);
		g_assert_nonnull(strstr(error->message, rows[i].words));
		end(&fixture);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add_func("/watch/" #name, test_##name)
	ADD(a_burst_is_one_end_and_done_leaves_with_what_follows);
	ADD(what_came_before_the_plus_stirs_too);
	ADD(a_descriptor_wakes);
	ADD(idle_ends_in_time);
	ADD(a_server_may_refuse_idle);
	ADD(a_server_may_end_idle_by_itself);
	ADD(done_may_cross_the_servers_own_end_of_idle);
	ADD(ends_of_a_session_that_idles);
	ADD(a_plus_that_never_comes_times_out);
	ADD(another_thread_can_stop_it);
	ADD(what_the_listener_sends_waits_for_the_end_of_idle);
	ADD(idle_waits_for_what_was_sent_before);
	ADD(a_session_that_idled_says_goodbye);
	ADD(listening_without_idle);
	ADD(a_listener_may_send_where_nobody_idles);
	ADD(a_server_that_hangs_up_ends_the_listening);
	ADD(a_flood_does_not_hold_the_watch);
	ADD(a_stir_from_before_does_not_count);
	ADD(a_probe_is_short_of_patience);
	return g_test_run();
}
