/* src/imap/login, against scripted servers: the login and all that goes with it in one flight. */
#include "imap-script.h"
#include "imap/session-private.h"

#define GREETING(capabilities) S("* OK [CAPABILITY IMAP4rev1 " capabilities "] hello\r\n")
#define ID(tag) tag " ID (\"name\" \"mailtree\" \"version\" \"" MAILTREE_VERSION "\")\r\n"
#define REMEMBERED "IMAP4rev1 ID ENABLE CONDSTORE QRESYNC LIST-STATUS"

typedef struct {
	Script *script;
	ImapEager eager;
	GString *heard;
	unsigned called;
	bool qresync, condstore, list_status; /* as behind_login() saw them */
	const uint8_t *out;  /* where the session's buffer was */
	const char *padding; /* makes the commands of behind_login() long */
	unsigned commands;
	bool narrow;         /* the line holds little that is not read yet */
	ImapReply reply; /* to the last of them */
} Fixture;

static bool
note(const ImapResponse *response, void *data, GError **error)
{
	Fixture *fixture = data;

	g_string_append_printf(fixture->heard, "%s;", response->keyword);
	return true;
}

static void
behind_login(ImapSession *session, void *data)
{
	Fixture *fixture = data;

	fixture->called++;
	fixture->out = session->out->data;
	fixture->qresync = imap_session_enabled(session, IMAP_CAP_QRESYNC);
	fixture->condstore = imap_session_enabled(session, IMAP_CAP_CONDSTORE);
	fixture->list_status = imap_session_has(session, IMAP_CAP_LIST_STATUS);
	if (fixture->narrow)
		g_assert_cmpint(setsockopt(session->stream->fd, SOL_SOCKET, SO_SNDBUF, &(int){ 1 }, sizeof(int)), ==, 0);
	imap_session_listen(session, note, fixture);
	for (unsigned i = 1; i <= fixture->commands; i++)
		imap_session_send(session, imap_command_new("LIST \"\" *%s", fixture->padding),
		                  i == fixture->commands ? &fixture->reply : NULL);
}

static void
begin(Fixture *fixture, Script *script, const char *remembered)
{
	*fixture = (Fixture){ .script = script, .heard = g_string_new(NULL), .padding = "", .commands = 1 };
	fixture->eager = (ImapEager){ .remembered = remembered, .behind_login = behind_login, .data = fixture };
	script->eager = &fixture->eager;
	script_flights();
}

static void
clear(Fixture *fixture)
{
	imap_reply_clear(&fixture->reply);
	g_string_free(fixture->heard, true);
}

/* Waits for what behind_login() sent, and ends. */
static void
end(Fixture *fixture, ImapSession *session)
{
	g_assert_true(imap_session_wait(session, NULL, NULL));
	g_assert_true(fixture->reply.done);
	g_assert_cmpuint(fixture->called, ==, 1);
	script_finish(fixture->script, session);
	clear(fixture);
}

static void
assert_fails(Fixture *fixture, CoreErrorCode code, const char *words, unsigned called)
{
	script_assert_open_fails(fixture->script, code, words);
	g_assert_cmpuint(fixture->called, ==, called);
	clear(fixture);
}

static void
test_all_is_one_flight(void)
{
	SCRIPT(script, GREETING("ID ENABLE"),
	       C("m1 LOGIN alice s3cret\r\nm2 CAPABILITY\r\n" ID("m3") "m4 ENABLE QRESYNC\r\nm5 LIST \"\" *\r\n"),
	       S("m1 OK in\r\n* CAPABILITY " REMEMBERED " IDLE\r\nm2 OK\r\n* ID (\"name\" \"Dove\")\r\nm3 OK\r\n"
	         "* ENABLED QRESYNC\r\nm4 OK\r\n* LIST () \"/\" a\r\nm5 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script, REMEMBERED);
	ImapSession *session = script_assert_opens(&script);
	g_assert_true(fixture.qresync && fixture.condstore && fixture.list_status);
	g_assert_true(imap_session_enabled(session, IMAP_CAP_QRESYNC));
	g_assert_true(imap_session_has(session, IMAP_CAP_IDLE));
	g_assert_cmpstr(imap_session_server(session), ==, "Dove");
	g_assert_cmpint(session->deadline_ms, ==, 0);
	g_assert_true(imap_session_wait(session, &fixture.reply, NULL));
	g_assert_nonnull(strstr(fixture.heard->str, "LIST;"));
	g_assert_cmpuint(script_flights(), ==, 1);
	end(&fixture, session);
}

/* It loses what comes behind a login, or answers it twice. */
static void
test_cyrus_is_asked_when_it_has_let_us_in(void)
{
	SCRIPT(script, GREETING("AUTH=PLAIN SASL-IR"), C("m1 AUTHENTICATE PLAIN AGFsaWNlAHMzY3JldA==\r\n"), S("m1 OK in\r\n"),
	       C("m2 CAPABILITY\r\n"), S("* CAPABILITY IMAP4rev1\r\nm2 OK\r\n"), C("m3 LIST \"\" *\r\n"), S("m3 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script, "IMAP4rev1 ANNOTATE-EXPERIMENT-1");
	ImapSession *session = script_assert_opens(&script);
	g_assert_true(imap_session_wait(session, &fixture.reply, NULL));
	end(&fixture, session);
}

static void
test_an_initial_response_is_one_flight_too(void)
{
	SCRIPT(script, GREETING("AUTH=PLAIN SASL-IR"),
	       C("m1 AUTHENTICATE PLAIN AGFsaWNlAHMzY3JldA==\r\nm2 CAPABILITY\r\nm3 ENABLE CONDSTORE\r\nm4 LIST \"\" *\r\n"),
	       S("m1 OK [CAPABILITY IMAP4rev1] in\r\n* CAPABILITY IMAP4rev1 ENABLE CONDSTORE\r\nm2 OK\r\n"
	         "* ENABLED CONDSTORE\r\nm3 OK\r\nm4 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script, "IMAP4rev1 ENABLE CONDSTORE");
	ImapSession *session = script_assert_opens(&script);
	g_assert_false(fixture.qresync);
	g_assert_true(fixture.condstore);
	g_assert_false(fixture.list_status);
	g_assert_null(memmem(session->out->data, IMAP_OUT_BYTES, "AGFs", 4)); /* nothing of the secret stays */
	g_assert_cmpuint(script_flights(), ==, 1);
	end(&fixture, session);
}

static void
test_open_waits_for_no_more_than_it_asked_itself(void)
{
	SCRIPT(script, GREETING(""), C("m1 LOGIN alice s3cret\r\nm2 CAPABILITY\r\nm3 LIST \"\" *\r\n"),
	       S("m1 OK\r\n* CAPABILITY IMAP4rev1\r\nm2 OK\r\n"), AWAIT_GATE, S("* LIST () \"/\" a\r\nm3 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script, "IMAP4rev1");
	ImapSession *session = script_assert_opens(&script);
	g_assert_false(fixture.reply.done);
	sem_post(&script.gate);
	g_assert_true(imap_session_wait(session, &fixture.reply, NULL));
	g_assert_cmpstr(fixture.heard->str, ==, "CAPABILITY;LIST;");
	end(&fixture, session);
}

static void
test_a_refused_login_fails_whatever_follows(void)
{
	SCRIPT(refused, GREETING(""), C("m1 LOGIN alice s3cret\r\nm2 CAPABILITY\r\nm3 LIST \"\" *\r\n"),
	       S("m1 NO [AUTHENTICATIONFAILED] not s3cret\r\n* CAPABILITY IMAP4rev1\r\nm2 OK\r\n* LIST () \"/\" a\r\nm3 OK\r\n"),
	       SILENCE);
	Fixture fixture;
	begin(&fixture, &refused, "IMAP4rev1");
	assert_fails(&fixture, CORE_ERROR_LOGIN, "not ******", 1);

	SCRIPT(answered_late, GREETING(""), C("m1 LOGIN alice s3cret\r\nm2 CAPABILITY\r\nm3 LIST \"\" *\r\n"),
	       S("m3 OK\r\nm2 OK\r\nm1 NO [UNAVAILABLE] later\r\n"), SILENCE);
	begin(&fixture, &answered_late, "IMAP4rev1");
	assert_fails(&fixture, CORE_ERROR_BUSY, "later", 1);

	SCRIPT(bye, GREETING(""), C("m1 LOGIN alice s3cret\r\nm2 CAPABILITY\r\nm3 LIST \"\" *\r\n"), S("* BYE Too many\r\n"),
	       SILENCE);
	begin(&fixture, &bye, "IMAP4rev1");
	assert_fails(&fixture, CORE_ERROR_BUSY, "Too many", 1);
}

/* It takes the next lines for what it asked, so a "*" would be no more than another wrong one. */
static void
test_a_server_that_asks_for_more_than_plain_is_given_up(void)
{
	SCRIPT(script, GREETING("AUTH=PLAIN SASL-IR"),
	       C("m1 AUTHENTICATE PLAIN AGFsaWNlAHMzY3JldA==\r\nm2 CAPABILITY\r\nm3 LIST \"\" *\r\n"),
	       S("+ bW9yZQ==\r\nm1 BAD no base64\r\nm3 BAD log in\r\n"), SILENCE);
	Fixture fixture;

	begin(&fixture, &script, "IMAP4rev1");
	assert_fails(&fixture, CORE_ERROR_LOGIN, "no base64", 1);
}

static void
test_enable_may_be_refused_though_remembered(void)
{
	SCRIPT(script, GREETING(""), C("m1 LOGIN alice s3cret\r\nm2 CAPABILITY\r\nm3 ENABLE QRESYNC\r\nm4 LIST \"\" *\r\n"),
	       S("m1 OK\r\n* CAPABILITY IMAP4rev1 ENABLE CONDSTORE QRESYNC\r\nm2 OK\r\nm3 BAD not today\r\nm4 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script, "IMAP4rev1 ENABLE CONDSTORE QRESYNC");
	ImapSession *session = script_assert_opens(&script);
	g_assert_true(fixture.qresync);
	g_assert_false(imap_session_enabled(session, IMAP_CAP_QRESYNC));
	g_assert_false(imap_session_enabled(session, IMAP_CAP_CONDSTORE));
	end(&fixture, session);
}

static void
test_what_the_server_can_do_now_counts(void)
{
	SCRIPT(less, GREETING(""),
	       C("m1 LOGIN alice s3cret\r\nm2 CAPABILITY\r\n" ID("m3") "m4 ENABLE QRESYNC\r\nm5 LIST \"\" *\r\n"),
	       S("m1 OK\r\n* CAPABILITY IMAP4rev1 ENABLE CONDSTORE\r\nm2 OK\r\nm3 BAD what\r\nm4 OK nothing\r\nm5 BAD what\r\n"),
	       C("m6 ENABLE CONDSTORE\r\n"), S("* ENABLED CONDSTORE\r\nm6 OK\r\n"));
	Fixture fixture;
	begin(&fixture, &less, REMEMBERED);
	ImapSession *session = script_assert_opens(&less);
	g_assert_false(imap_session_has(session, IMAP_CAP_LIST_STATUS));
	g_assert_false(imap_session_enabled(session, IMAP_CAP_QRESYNC));
	g_assert_true(imap_session_enabled(session, IMAP_CAP_CONDSTORE));
	g_assert_cmpint(fixture.reply.kind, ==, IMAP_RESPONSE_BAD);
	end(&fixture, session);

	SCRIPT(more, GREETING(""), C("m1 LOGIN alice s3cret\r\nm2 CAPABILITY\r\nm3 LIST \"\" *\r\n"),
	       S("m1 OK\r\n* CAPABILITY " REMEMBERED "\r\nm2 OK\r\nm3 OK\r\n"), C(ID("m4") "m5 ENABLE QRESYNC\r\n"),
	       S("* ID NIL\r\nm4 OK\r\n* ENABLED QRESYNC\r\nm5 OK\r\n"));
	begin(&fixture, &more, "IMAP4rev1");
	session = script_assert_opens(&more);
	g_assert_false(fixture.qresync);
	g_assert_true(imap_session_enabled(session, IMAP_CAP_QRESYNC));
	g_assert_true(imap_session_has(session, IMAP_CAP_LIST_STATUS));
	end(&fixture, session);
}

/* behind_login() is called all the same, but later and by what the server said. */
static void
test_where_the_login_cannot_be_one_command_nothing_goes_with_it(void)
{
	SCRIPT(no_initial_response, GREETING("AUTH=PLAIN LOGINDISABLED"), C("m1 AUTHENTICATE PLAIN\r\n"), S("+ \r\n"),
	       C("AGFsaWNlAHMzY3JldA==\r\n"), S("m1 OK in\r\n"), C("m2 CAPABILITY\r\n"),
	       S("* CAPABILITY IMAP4rev1 LIST-STATUS\r\nm2 OK\r\n"), C("m3 LIST \"\" *\r\n"), S("m3 OK\r\n"));
	Fixture fixture;
	begin(&fixture, &no_initial_response, "IMAP4rev1 ENABLE QRESYNC");
	ImapSession *session = script_assert_opens(&no_initial_response);
	g_assert_true(fixture.list_status && !fixture.qresync);
	end(&fixture, session);

	SCRIPT(literal, GREETING(""), C("m1 LOGIN alice {4}\r\n"), S("+ go\r\n"), C("ku\xc5\x88\r\n"), S("m1 OK in\r\n"),
	       C("m2 CAPABILITY\r\n"), S("* CAPABILITY IMAP4rev1\r\nm2 OK\r\n"), C("m3 LIST \"\" *\r\n"), S("m3 OK\r\n"));
	begin(&fixture, &literal, "IMAP4rev1 LITERAL+"); /* which it may have lost */
	literal.password = "ku\xc5\x88";
	end(&fixture, script_assert_opens(&literal));

	SCRIPT(preauth, READY(""), C("m2 LIST \"\" *\r\n"), S("m2 OK\r\n"));
	begin(&fixture, &preauth, "IMAP4rev1");
	end(&fixture, script_assert_opens(&preauth));

	SCRIPT(nothing_remembered, GREETING(""), C("m1 LOGIN alice s3cret\r\n"), S("m1 OK in\r\n"), C("m2 CAPABILITY\r\n"),
	       S("* CAPABILITY IMAP4rev1\r\nm2 OK\r\n"), C("m3 LIST \"\" *\r\n"), S("m3 OK\r\n"));
	begin(&fixture, &nothing_remembered, NULL);
	end(&fixture, script_assert_opens(&nothing_remembered));

	SCRIPT(refused, GREETING("LOGINDISABLED"), SILENCE);
	begin(&fixture, &refused, "IMAP4rev1");
	assert_fails(&fixture, CORE_ERROR_LOGIN, "takes no password", 0);
}

static void
test_a_literal_that_need_not_wait_is_one_flight(void)
{
	SCRIPT(script, GREETING("LITERAL-"),
	       C("m1 LOGIN alice {4+}\r\nku\xc5\x88\r\nm2 CAPABILITY\r\nm3 LIST \"\" *\r\n"),
	       S("m1 OK in\r\n* CAPABILITY IMAP4rev1\r\nm2 OK\r\nm3 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script, "IMAP4rev1");
	script.password = "ku\xc5\x88";
	end(&fixture, script_assert_opens(&script));
}

static void
test_a_greeting_without_capabilities_costs_one_flight_more(void)
{
	SCRIPT(script, S("* OK hello\r\n"), C("m1 CAPABILITY\r\n"), S("* CAPABILITY IMAP4rev1\r\nm1 OK\r\n"),
	       C("m2 LOGIN alice s3cret\r\nm3 CAPABILITY\r\nm4 LIST \"\" *\r\n"),
	       S("m2 OK in\r\n* CAPABILITY IMAP4rev1\r\nm3 OK\r\nm4 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script, "IMAP4rev1");
	end(&fixture, script_assert_opens(&script));
}

/* Somebody who has not seen the password yet has nothing to tell. */
static void
test_nothing_from_before_the_ok_counts(void)
{
	SCRIPT(script, GREETING(""), C("m1 LOGIN alice s3cret\r\nm2 CAPABILITY\r\nm3 ENABLE QRESYNC\r\nm4 LIST \"\" *\r\n"),
	       S("* LIST () \"/\" forged\r\n* ENABLED QRESYNC\r\n* CAPABILITY IMAP4rev1 MOVE\r\nm1 OK in\r\n"
	         "m2 OK\r\nm3 OK\r\n* LIST () \"/\" a\r\nm4 OK\r\n"));
	Fixture fixture;

	begin(&fixture, &script, "IMAP4rev1 ENABLE QRESYNC");
	ImapSession *session = script_assert_opens(&script);
	g_assert_false(imap_session_enabled(session, IMAP_CAP_QRESYNC));
	g_assert_true(imap_session_wait(session, &fixture.reply, NULL));
	g_assert_cmpstr(fixture.heard->str, ==, "LIST;");
	end(&fixture, session);
}

static void
test_answers_are_bounded_as_ever_once_logged_in(void)
{
	g_autofree char *name = g_strnfill(20000, 'x');
	g_autofree char *list = g_strdup_printf("* LIST () \"/\" {20000}\r\n%s\r\n", name);
	const Step after[] = {
		GREETING(""), C("m1 LOGIN alice s3cret\r\nm2 CAPABILITY\r\nm3 LIST \"\" *\r\n"),
		S("m1 OK in\r\nm2 OK\r\n"), { STEP_SERVER, list, strlen(list) }, S("m3 OK\r\n"),
	};
	const Step before[] = {
		GREETING(""), C("m1 LOGIN alice s3cret\r\nm2 CAPABILITY\r\nm3 LIST \"\" *\r\n"), { STEP_SERVER, list, strlen(list) },
		SILENCE,
	};
	Fixture fixture;
	Script script;

	script_start(&script, after, G_N_ELEMENTS(after));
	begin(&fixture, &script, "IMAP4rev1");
	ImapSession *session = script_assert_opens(&script);
	g_assert_true(imap_session_wait(session, &fixture.reply, NULL));
	g_assert_cmpstr(fixture.heard->str, ==, "LIST;");
	end(&fixture, session);

	script_start(&script, before, G_N_ELEMENTS(before));
	begin(&fixture, &script, "IMAP4rev1");
	assert_fails(&fixture, CORE_ERROR_PROTOCOL, "nonsense", 1);
}

/* The buffer that the password went through is wiped, what still waits in it is not lost, and it never grew: that would
 * have left a copy behind. */
static void
assert_much_comes_through(bool narrow)
{
	g_autofree char *padding = g_strnfill(4000, ' ');
	g_autoptr(GString) said = g_string_new("m1 LOGIN alice s3cret\r\nm2 CAPABILITY\r\n");
	g_autoptr(GString) answers = g_string_new(NULL);
	const unsigned commands = 20;

	for (unsigned i = 3; i < 3 + commands; i++) {
		g_string_append_printf(said, "m%u LIST \"\" *%s\r\n", i, padding);
		g_string_append_printf(answers, "m%u OK\r\n", i);
	}
	const Step steps[] = {
		GREETING(""), { STEP_BEGIN, said->str, 100 }, S("m1 OK in\r\nm2 OK\r\n"),
		{ STEP_CLIENT, said->str + 100, said->len - 100 },
		{ STEP_SERVER, answers->str, answers->len },
	};
	Fixture fixture;
	Script script;

	script_start(&script, steps, G_N_ELEMENTS(steps));
	begin(&fixture, &script, "IMAP4rev1");
	if (narrow)
		g_assert_cmpint(setsockopt(script.listener, SOL_SOCKET, SO_RCVBUF, &(int){ 1 }, sizeof(int)), ==, 0);
	fixture.narrow = narrow;
	fixture.padding = padding;
	fixture.commands = commands;
	ImapSession *session = script_assert_opens(&script);
	g_assert_true(imap_session_wait(session, &fixture.reply, NULL));
	g_assert_null(memmem(session->out->data, IMAP_OUT_BYTES, "s3cret", 6));
	g_assert_true(narrow || session->out->data == fixture.out);
	end(&fixture, session);
}

static void
test_much_behind_the_login_comes_through(void)
{
	assert_much_comes_through(false);
	assert_much_comes_through(true); /* the login is answered before all behind it could be written */
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add_func("/eager/" #name, test_##name)
	ADD(all_is_one_flight);
	ADD(an_initial_response_is_one_flight_too);
	ADD(cyrus_is_asked_when_it_has_let_us_in);
	ADD(open_waits_for_no_more_than_it_asked_itself);
	ADD(a_refused_login_fails_whatever_follows);
	ADD(a_server_that_asks_for_more_than_plain_is_given_up);
	ADD(enable_may_be_refused_though_remembered);
	ADD(what_the_server_can_do_now_counts);
	ADD(where_the_login_cannot_be_one_command_nothing_goes_with_it);
	ADD(a_literal_that_need_not_wait_is_one_flight);
	ADD(a_greeting_without_capabilities_costs_one_flight_more);
	ADD(nothing_from_before_the_ok_counts);
	ADD(answers_are_bounded_as_ever_once_logged_in);
	ADD(much_behind_the_login_comes_through);
	return g_test_run();
}
