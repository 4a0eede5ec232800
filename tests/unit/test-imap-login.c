/* src/imap/login and auth, against scripted servers: greeting, STARTTLS, login, capabilities. */
#include "core/log.h"
#include "imap-script.h"
#include "imap/auth.h"
#include "imap/session-private.h"

#include <glib/gstdio.h>

#define GREETING(capabilities) S("* OK [CAPABILITY IMAP4rev1 " capabilities "] hello\r\n")
#define CAPABILITY(tag, capabilities) \
	C(tag " CAPABILITY\r\n"), S("* CAPABILITY IMAP4rev1 " capabilities "\r\n" tag " OK done\r\n")

static void
test_plain_with_initial_response(void)
{
	SCRIPT(script, GREETING("AUTH=PLAIN SASL-IR"), C("m1 AUTHENTICATE PLAIN AGFsaWNlAHMzY3JldA==\r\n"), S("m1 OK in\r\n"),
	       CAPABILITY("m2", "IDLE"));
	ImapSession *session = script_assert_opens(&script);

	g_assert_true(imap_session_has(session, IMAP_CAP_IDLE));
	g_assert_cmpstr(imap_session_security(session), ==, "none");
	g_assert_cmpint(session->deadline_ms, ==, 0); /* from here on only silence counts */
	g_assert_null(memmem(session->out->data, IMAP_OUT_BYTES, "AGFs", 4)); /* nothing of the secret stays */
	g_assert_cmpuint(script.asked, ==, 1);
	script_finish(&script, session);
}

static void
test_plain_without_initial_response(void)
{
	SCRIPT(script, GREETING("AUTH=PLAIN LOGINDISABLED"), C("m1 AUTHENTICATE PLAIN\r\n"), S("+ \r\n"),
	       C("AMSNYWp5AGt1xYg=\r\n"), S("m1 OK in\r\n"), CAPABILITY("m2", ""));
	char user[] = "\xc4\x8d""ajy";

	script.config.user = user;
	script.password = "ku\xc5\x88";
	script_finish(&script, script_assert_opens(&script));
}

static void
test_login_when_plain_is_not_offered(void)
{
	SCRIPT(script, GREETING("AUTH=GSSAPI"), C("m1 LOGIN alice \"s 3\\\"cret\"\r\n"), S("m1 OK in\r\n"), CAPABILITY("m2", ""));

	script.password = "s 3\"cret";
	script_finish(&script, script_assert_opens(&script));
}

static void
test_login_with_literals(void)
{
	SCRIPT(sync, GREETING(""), C("m1 LOGIN alice {4}\r\n"), S("+ go\r\n"), C("ku\xc5\x88\r\n"), S("m1 OK in\r\n"),
	       CAPABILITY("m2", ""));
	sync.password = "ku\xc5\x88";
	script_finish(&sync, script_assert_opens(&sync));

	SCRIPT(plus, GREETING("LITERAL+"), C("m1 LOGIN alice {4+}\r\nku\xc5\x88\r\n"), S("m1 OK in\r\n"), CAPABILITY("m2", ""));
	plus.password = "ku\xc5\x88";
	script_finish(&plus, script_assert_opens(&plus));

	SCRIPT(minus, GREETING("LITERAL-"), C("m1 LOGIN alice {4+}\r\nku\xc5\x88\r\n"), S("m1 OK in\r\n"),
	       CAPABILITY("m2", ""));
	minus.password = "ku\xc5\x88";
	script_finish(&minus, script_assert_opens(&minus));
}

static void
test_a_refused_literal_is_not_sent(void)
{
	SCRIPT(script, GREETING(""), C("m1 LOGIN alice {4}\r\n"), S("m1 NO not like this\r\n"), SILENCE);

	script.password = "ku\xc5\x88";
	script_assert_open_fails(&script, CORE_ERROR_LOGIN, "not like this");
}

static void
test_a_server_that_asks_for_more_than_plain_is_given_up(void)
{
	SCRIPT(script, GREETING("AUTH=PLAIN SASL-IR"), C("m1 AUTHENTICATE PLAIN AGFsaWNlAHMzY3JldA==\r\n"), S("+ bW9yZQ==\r\n"),
	       C("*\r\n"), S("m1 BAD cancelled\r\n"), SILENCE);

	script_assert_open_fails(&script, CORE_ERROR_LOGIN, "cancelled");
}

static void
test_what_was_offered_before_the_login_does_not_count(void)
{
	SCRIPT(script, GREETING("ENABLE QRESYNC IDLE"), C("m1 LOGIN alice s3cret\r\n"), S("m1 OK in\r\n"),
	       CAPABILITY("m2", "MOVE"));
	ImapSession *session = script_assert_opens(&script);

	g_assert_true(imap_session_has(session, IMAP_CAP_MOVE));
	g_assert_false(imap_session_has(session, IMAP_CAP_IDLE));
	g_assert_cmpstr(imap_session_capabilities(session), ==, "IMAP4rev1 MOVE");
	script_finish(&script, session);
}

static void
test_what_the_login_tells_is_used_in_the_same_flight(void)
{
	SCRIPT(script, GREETING(""), C("m1 LOGIN alice s3cret\r\n"),
	       S("m1 OK [CAPABILITY IMAP4rev1 ID ENABLE CONDSTORE QRESYNC] in\r\n"),
	       C("m2 CAPABILITY\r\nm3 ID (\"name\" \"mailtree\" \"version\" \"" MAILTREE_VERSION "\")\r\nm4 ENABLE QRESYNC\r\n"),
	       S("* CAPABILITY IMAP4rev1 ID ENABLE CONDSTORE QRESYNC MOVE\r\nm2 OK\r\n"
	         "* ID (\"name\" \"Dove\" \"support\" NIL \"version\" \"2\")\r\nm3 OK\r\n* ENABLED QRESYNC\r\nm4 OK\r\n"));
	ImapSession *session = script_assert_opens(&script);

	g_assert_true(imap_session_has(session, IMAP_CAP_MOVE));
	g_assert_true(imap_session_enabled(session, IMAP_CAP_QRESYNC));
	g_assert_true(imap_session_enabled(session, IMAP_CAP_CONDSTORE));
	g_assert_cmpstr(imap_session_server(session), ==, "Dove 2");
	script_finish(&script, session);
}

static void
test_enable_waits_for_the_capabilities_when_the_login_tells_none(void)
{
	SCRIPT(script, GREETING("ENABLE QRESYNC"), C("m1 LOGIN alice s3cret\r\n"), S("m1 OK in\r\n"),
	       CAPABILITY("m2", "ENABLE CONDSTORE"), C("m3 ENABLE CONDSTORE\r\n"), S("* ENABLED CONDSTORE\r\nm3 OK\r\n"));
	ImapSession *session = script_assert_opens(&script);

	g_assert_true(imap_session_enabled(session, IMAP_CAP_CONDSTORE));
	g_assert_false(imap_session_enabled(session, IMAP_CAP_QRESYNC));
	g_assert_cmpstr(imap_session_server(session), ==, "hello");
	script_finish(&script, session);
}

static void
test_only_enabled_enables(void)
{
	SCRIPT(silent, READY("ENABLE QRESYNC"), C("m2 ENABLE QRESYNC\r\n"), S("m2 OK enabled\r\n"));
	ImapSession *session = script_assert_opens(&silent);
	g_assert_false(imap_session_enabled(session, IMAP_CAP_QRESYNC));
	script_finish(&silent, session);

	SCRIPT(refused, READY("ENABLE QRESYNC ID"),
	       C("m2 ID (\"name\" \"mailtree\" \"version\" \"" MAILTREE_VERSION "\")\r\nm3 ENABLE QRESYNC\r\n"),
	       S("m2 BAD what\r\nm3 BAD what\r\n"));
	session = script_assert_opens(&refused);
	g_assert_false(imap_session_enabled(session, IMAP_CAP_QRESYNC));
	script_finish(&refused, session);
}

static void
test_refused_logins(void)
{
	static const struct {
		const char *answer;
		CoreErrorCode code;
		const char *words;
	} rows[] = {
		{ "m1 NO [AUTHENTICATIONFAILED] Authentication failed.\r\n", CORE_ERROR_LOGIN, "Authentication failed." },
		{ "m1 BAD wrong\r\n", CORE_ERROR_LOGIN, "wrong" },
		{ "m1 NO\r\n", CORE_ERROR_LOGIN, "no reason given" },
		{ "m1 NO [UNAVAILABLE] not now\r\n", CORE_ERROR_BUSY, "not now" },
		{ "m1 NO [LIMIT] no\r\n", CORE_ERROR_BUSY, "no" },
		{ "m1 NO [INUSE] locked\r\n", CORE_ERROR_BUSY, "locked" },
		{ "m1 NO [ALERT] Too many simultaneous connections. (Failure)\r\n", CORE_ERROR_BUSY, "simultaneous" },
		{ "* BYE Too many connections\r\n", CORE_ERROR_BUSY, "Too many" },
		{ "* BYE [AUTHENTICATIONFAILED] wrong\r\n", CORE_ERROR_LOGIN, "wrong" },
		{ "* BYE shutting down\r\n", CORE_ERROR_UNREACHABLE, "shutting down" },
		/* What goes into the log and the status is no place for a password. */
		{ "m1 NO LOGIN alice s3cret refused\r\n", CORE_ERROR_LOGIN, "LOGIN alice ****** refused" },
		{ "* BYE not s3cret\r\n", CORE_ERROR_UNREACHABLE, "not ******" },
		{ "m1 NO AGFsaWNlAHMzY3JldA== is wrong\r\n", CORE_ERROR_LOGIN, "******************** is wrong" },
	};

	core_log_set_level(CORE_LOG_ERROR); /* [ALERT] is shown to people */
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		const Step steps[] = { GREETING(""), C("m1 LOGIN alice s3cret\r\n"),
			               { STEP_SERVER, rows[i].answer, strlen(rows[i].answer) } };
		Script script;
		script_start(&script, steps, G_N_ELEMENTS(steps));
		script_assert_open_fails(&script, rows[i].code, rows[i].words);
	}
	core_log_set_level(CORE_LOG_WARNING);
}

static void
test_servers_words_cannot_write_to_a_terminal(void)
{
	SCRIPT(script, GREETING(""), C("m1 LOGIN alice s3cret\r\n"), S("m1 NO \x1b[2Jgo\xe2\x80\xae away\xff\r\n"));
	g_autoptr(GError) error = NULL;
	ImapSession *session = script_open(&script, &error);

	g_assert_null(session);
	g_assert_true(g_utf8_validate(error->message, -1, NULL));
	g_assert_nonnull(strstr(error->message, " [2Jgo  away"));
	script_finish(&script, NULL);
}

static void
test_login_disabled_is_respected(void)
{
	SCRIPT(script, GREETING("LOGINDISABLED"), SILENCE);

	script_assert_open_fails(&script, CORE_ERROR_LOGIN, "takes no password");
}

static void
test_no_login_without_a_password(void)
{
	SCRIPT(script, GREETING(""), SILENCE);
	g_autoptr(GError) error = NULL;

	script.password = NULL;
	g_assert_null(script_open(&script, &error));
	g_assert_cmpstr(error->message, ==, "there is no password");
	script_finish(&script, NULL);
}

static void
test_the_command_is_chosen_by_configuration_and_offer(void)
{
	static const struct {
		ImapAuth auth;
		bool plain, disabled;
		const char *name; /* NULL: none */
	} rows[] = {
		{ IMAP_AUTH_AUTO, true, false, "AUTHENTICATE" },
		{ IMAP_AUTH_AUTO, true, true, "AUTHENTICATE" },
		{ IMAP_AUTH_AUTO, false, false, "LOGIN" },
		{ IMAP_AUTH_AUTO, false, true, NULL },
		{ IMAP_AUTH_PLAIN, true, false, "AUTHENTICATE" },
		{ IMAP_AUTH_PLAIN, false, false, NULL },
		{ IMAP_AUTH_LOGIN, true, false, "LOGIN" },
		{ IMAP_AUTH_LOGIN, true, true, NULL },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;
		ImapConfig config = { .host = script_host, .user = script_user, .auth = rows[i].auth };
		ImapCapabilities offered = { 0 };
		offered.has[IMAP_CAP_AUTH_PLAIN] = rows[i].plain;
		offered.has[IMAP_CAP_LOGINDISABLED] = rows[i].disabled;
		g_autoptr(ImapCommand) command = imap_auth_command(&config, &offered, "p", &error);
		g_autofree char *name = command ? imap_command_name(command) : NULL;
		g_assert_cmpstr(name, ==, rows[i].name);
		if (!name)
			g_assert_error(error, CORE_ERROR, CORE_ERROR_LOGIN);
	}
}

static void
test_endless_credentials_are_an_error_of_the_configuration(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *endless = g_strnfill(5000, 'x');
	ImapConfig config = { .host = script_host, .user = script_user };
	ImapCapabilities offered = { 0 };

	g_assert_null(imap_auth_command(&config, &offered, endless, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CONFIG);
}

static void
test_credentials_travel_only_where_they_are_safe(void)
{
	g_assert_true(imap_auth_channel_allowed(IMAP_TLS_IMPLICIT, false, false));
	g_assert_true(imap_auth_channel_allowed(IMAP_TLS_STARTTLS, false, false));
	g_assert_true(imap_auth_channel_allowed(IMAP_TLS_NONE, true, false));
	g_assert_true(imap_auth_channel_allowed(IMAP_TLS_NONE, false, true));
	g_assert_false(imap_auth_channel_allowed(IMAP_TLS_NONE, false, false));
}

static void
assert_starttls_untrusted(Script *script, const char *words)
{
	script->config.tls = IMAP_TLS_STARTTLS;
	script_assert_open_fails(script, CORE_ERROR_UNTRUSTED, words);
	g_assert_cmpuint(script->asked, ==, 0);
}

static void
test_starttls_has_no_way_round(void)
{
	SCRIPT(preauth, S("* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] come in\r\n"), SILENCE);
	assert_starttls_untrusted(&preauth, "PREAUTH");

	SCRIPT(stripped, GREETING("AUTH=PLAIN"), SILENCE);
	assert_starttls_untrusted(&stripped, "does not offer STARTTLS");

	SCRIPT(stripped_later, S("* OK hello\r\n"), CAPABILITY("m1", "AUTH=PLAIN"), SILENCE);
	assert_starttls_untrusted(&stripped_later, "does not offer STARTTLS");

	SCRIPT(refused, GREETING("STARTTLS"), C("m1 STARTTLS\r\n"), S("m1 BAD not today\r\n"), SILENCE);
	assert_starttls_untrusted(&refused, "not today");
}

static void
test_data_behind_the_answer_to_starttls_is_an_attack(void)
{
	SCRIPT(response, GREETING("STARTTLS"), C("m1 STARTTLS\r\n"),
	       S("m1 OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"), SILENCE);
	assert_starttls_untrusted(&response, "behind the answer to STARTTLS");

	SCRIPT(one_byte, GREETING("STARTTLS"), C("m1 STARTTLS\r\n"), S("m1 OK go\r\n*"), SILENCE);
	assert_starttls_untrusted(&one_byte, "behind the answer to STARTTLS");
}

static void
test_a_server_without_tls_gets_no_password(void)
{
	SCRIPT(script, S("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n"), HANGUP);
	g_autoptr(GError) error = NULL;

	script.config.tls = IMAP_TLS_IMPLICIT;
	g_assert_null(script_open(&script, &error));
	g_assert_nonnull(error);
	g_assert_cmpuint(script.asked, ==, 0);
	script_finish(&script, NULL);
}

static void
test_preauth_needs_no_login(void)
{
	SCRIPT(script, READY(""));
	ImapSession *session = script_assert_opens(&script);

	g_assert_cmpuint(script.asked, ==, 0);
	script_finish(&script, session);
}

static void
test_greetings(void)
{
	static const struct {
		const char *greeting;
		CoreErrorCode code;
		const char *words;
	} rows[] = {
		{ "* BYE go away\r\n", CORE_ERROR_UNREACHABLE, "go away" },
		{ "* BYE [UNAVAILABLE] later\r\n", CORE_ERROR_BUSY, "later" },
		{ "* BYE Too many connections from your IP\r\n", CORE_ERROR_BUSY, "Too many" },
		{ "* CAPABILITY IMAP4rev1\r\n* OK hello\r\n", CORE_ERROR_PROTOCOL, "no greeting" },
		{ "* NO hello\r\n", CORE_ERROR_PROTOCOL, "no greeting" },
		{ "m1 OK hello\r\n", CORE_ERROR_PROTOCOL, "nonsense" },
		{ "+ go on\r\n", CORE_ERROR_PROTOCOL, "no greeting" },
		{ "220 mail.example.org ESMTP\r\n", CORE_ERROR_PROTOCOL, "nonsense" },
		{ "HTTP/1.1 400 Bad Request\r\n\r\n", CORE_ERROR_PROTOCOL, "nonsense" },
		{ "+OK POP3 ready\r\n", CORE_ERROR_PROTOCOL, "nonsense" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		const Step steps[] = { { STEP_SERVER, rows[i].greeting, strlen(rows[i].greeting) } };
		Script script;
		script_start(&script, steps, G_N_ELEMENTS(steps));
		script_assert_open_fails(&script, rows[i].code, rows[i].words);
	}
}

static void
test_what_never_ends_is_bounded(void)
{
	SCRIPT(line, S("* OK "), FLOOD("hello hello hello hello hello hello hello hello "));
	script_assert_open_fails(&line, CORE_ERROR_PROTOCOL, "nonsense");

	SCRIPT(literal, GREETING(""), C("m1 LOGIN alice s3cret\r\n"), S("* LIST () \"/\" {20000}\r\n"), SILENCE);
	script_assert_open_fails(&literal, CORE_ERROR_PROTOCOL, "nonsense");

	SCRIPT(chatter, GREETING(""), C("m1 LOGIN alice s3cret\r\n"), FLOOD("* OK still thinking\r\n"));
	chatter.config.timeout_ms = 1000;
	script_assert_open_fails(&chatter, CORE_ERROR_UNREACHABLE, "timed out");
}

static void
test_a_silent_server_times_out(void)
{
	SCRIPT(greeting, SILENCE);
	greeting.config.connect_timeout_ms = 100;
	script_assert_open_fails(&greeting, CORE_ERROR_UNREACHABLE, "timed out");

	SCRIPT(login, GREETING(""), C("m1 LOGIN alice s3cret\r\n"), SILENCE);
	login.config.timeout_ms = 1000;
	script_assert_open_fails(&login, CORE_ERROR_UNREACHABLE, "timed out");
}

static void
test_opening_can_be_cancelled(void)
{
	SCRIPT(script, GREETING(""), C("m1 LOGIN alice s3cret\r\n"), CANCEL, SILENCE);
	g_autoptr(GError) error = NULL;

	g_assert_null(script_open(&script, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CANCELLED);
	script_finish(&script, NULL);
}

static void
test_nobody_listens(void)
{
	SCRIPT(script, READY(""));
	g_autoptr(GError) error = NULL;

	script_finish(&script, script_assert_opens(&script));
	g_assert_null(imap_session_open(&script.config, script_password, &script, NULL, NULL, NULL, NULL, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_UNREACHABLE);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add_func("/login/" #name, test_##name)
	ADD(plain_with_initial_response);
	ADD(plain_without_initial_response);
	ADD(login_when_plain_is_not_offered);
	ADD(login_with_literals);
	ADD(a_refused_literal_is_not_sent);
	ADD(a_server_that_asks_for_more_than_plain_is_given_up);
	ADD(what_was_offered_before_the_login_does_not_count);
	ADD(what_the_login_tells_is_used_in_the_same_flight);
	ADD(enable_waits_for_the_capabilities_when_the_login_tells_none);
	ADD(only_enabled_enables);
	ADD(refused_logins);
	ADD(servers_words_cannot_write_to_a_terminal);
	ADD(login_disabled_is_respected);
	ADD(no_login_without_a_password);
	ADD(the_command_is_chosen_by_configuration_and_offer);
	ADD(endless_credentials_are_an_error_of_the_configuration);
	ADD(credentials_travel_only_where_they_are_safe);
	ADD(starttls_has_no_way_round);
	ADD(data_behind_the_answer_to_starttls_is_an_attack);
	ADD(a_server_without_tls_gets_no_password);
	ADD(preauth_needs_no_login);
	ADD(greetings);
	ADD(what_never_ends_is_bounded);
	ADD(a_silent_server_times_out);
	ADD(opening_can_be_cancelled);
	ADD(nobody_listens);
	return g_test_run();
}
