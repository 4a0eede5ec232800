/* src/imap/login over TLS, against scripted servers: what STARTTLS lets through and what it forgets. */
#include "imap-script-tls.h"

#define GREETING(capabilities) S("* OK [CAPABILITY IMAP4rev1 " capabilities "] hello\r\n")

static void
use(Script *script, ImapTlsMode tls, char *pin)
{
	script->config.tls = tls;
	script->config.tls_pin = pin;
}

static void
assert_no_password_asked(Script *script, CoreErrorCode code)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(script_open(script, &error));
	g_assert_error(error, CORE_ERROR, (int)code);
	g_assert_cmpuint(script->asked, ==, 0);
	script_finish(script, NULL);
}

static void
test_nothing_from_before_starttls_counts(void)
{
	SCRIPT(script, GREETING("STARTTLS LOGINDISABLED AUTH=PLAIN SASL-IR LITERAL+ IDLE"), C("m1 STARTTLS\r\n"),
	       S("* ENABLED QRESYNC\r\n* ID (\"name\" \"forged\")\r\nm1 OK [CAPABILITY IMAP4rev1 ACL] go\r\n"), TLS,
	       C("m2 CAPABILITY\r\n"), S("* CAPABILITY IMAP4rev1 MOVE\r\nm2 OK\r\n"), C("m3 LOGIN alice s3cret\r\n"),
	       S("m3 OK in\r\n"), C("m4 CAPABILITY\r\n"), S("* CAPABILITY IMAP4rev1 QUOTA\r\nm4 OK\r\n"));

	use(&script, IMAP_TLS_STARTTLS, script_pin);
	ImapSession *session = script_assert_opens(&script);
	g_assert_cmpstr(imap_session_capabilities(session), ==, "IMAP4rev1 QUOTA");
	g_assert_false(imap_session_has(session, IMAP_CAP_IDLE));
	g_assert_false(imap_session_enabled(session, IMAP_CAP_QRESYNC));
	g_assert_cmpstr(imap_session_server(session), ==, "");
	g_assert_true(g_str_has_prefix(imap_session_security(session), "TLS1."));
	script_finish(&script, session);
}

static void
test_an_unknown_key_gets_no_password(void)
{
	SCRIPT(script, GREETING("STARTTLS"), C("m1 STARTTLS\r\n"), S("m1 OK go\r\n"), TLS, HANGUP);

	use(&script, IMAP_TLS_STARTTLS, NULL);
	assert_no_password_asked(&script, CORE_ERROR_UNTRUSTED);
}

/* Some of the client's hello came. */
static void
script_hear_hello(Script *script)
{
	g_assert_true(script_read(script));
	g_byte_array_set_size(script->heard, 0);
}

static void
test_plain_text_instead_of_the_handshake(void)
{
	SCRIPT(script, GREETING("STARTTLS"), C("m1 STARTTLS\r\n"), S("m1 OK go\r\n"),
	       { .kind = STEP_CALL, .call = script_hear_hello }, S("m2 OK [CAPABILITY IMAP4rev1] in\r\n"), HANGUP);

	use(&script, IMAP_TLS_STARTTLS, script_pin);
	assert_no_password_asked(&script, CORE_ERROR_UNTRUSTED);
}

static void
test_implicit_tls_may_be_preauthenticated(void)
{
	SCRIPT(script, TLS, READY("IDLE"), C("m2 NOOP\r\n"), S("m2 OK\r\n"));

	use(&script, IMAP_TLS_IMPLICIT, script_pin);
	ImapSession *session = script_assert_opens(&script);
	g_assert_cmpuint(script.asked, ==, 0);
	g_assert_true(imap_session_run(session, imap_command_new("NOOP"), NULL, NULL));
	script_finish(&script, session);
}

static void
test_compression_over_tls(void)
{
	SCRIPT(script, TLS, READY("COMPRESS=DEFLATE"), C("m2 COMPRESS DEFLATE\r\n"), S("m2 OK\r\n"), DEFLATE,
	       S("* 1 EXISTS\r\n"), C("m3 NOOP\r\n"), S("m3 OK\r\n"));

	use(&script, IMAP_TLS_IMPLICIT, script_pin);
	ImapSession *session = script_assert_opens(&script);
	g_assert_true(imap_session_compress(session, NULL));
	g_assert_true(imap_session_run(session, imap_command_new("NOOP"), NULL, NULL));
	script_finish(&script, session);
}

static void
test_what_the_user_sees_of_a_cut_in_tls(void)
{
	SCRIPT(script, TLS, READY(""), C("m2 NOOP\r\n"), S("* 1 FETCH (BODY[] {100}\r\nabc"), HANGUP);
	g_autoptr(GError) error = NULL;

	use(&script, IMAP_TLS_IMPLICIT, script_pin);
	ImapSession *session = script_assert_opens(&script);
	g_assert_false(imap_session_run(session, imap_command_new("NOOP"), NULL, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_UNREACHABLE);
	g_assert_nonnull(strstr(error->message, "127.0.0.1: in the middle of an answer"));
	script_finish(&script, session);
}

static void
send_noop(ImapSession *session, void *data)
{
	imap_session_send(session, imap_command_new("NOOP"), NULL);
}

static void
test_the_login_behind_starttls_may_be_eager(void)
{
	static const ImapEager eager = { .remembered = "IMAP4rev1 ENABLE QRESYNC", .behind_login = send_noop };
	SCRIPT(script, GREETING("STARTTLS AUTH=PLAIN SASL-IR"), C("m1 STARTTLS\r\n"), S("m1 OK go\r\n"), TLS, C("m2 CAPABILITY\r\n"),
	       S("* CAPABILITY IMAP4rev1\r\nm2 OK\r\n"),
	       C("m3 LOGIN alice s3cret\r\nm4 CAPABILITY\r\nm5 ENABLE QRESYNC\r\nm6 NOOP\r\n"),
	       S("m3 OK in\r\n* CAPABILITY IMAP4rev1\r\nm4 OK\r\n* ENABLED QRESYNC\r\nm5 OK\r\nm6 OK\r\n"));

	use(&script, IMAP_TLS_STARTTLS, script_pin);
	script.eager = &eager;
	ImapSession *session = script_assert_opens(&script);
	g_assert_true(imap_session_enabled(session, IMAP_CAP_QRESYNC));
	g_assert_true(imap_session_wait(session, NULL, NULL));
	script_finish(&script, session);
}

static bool
stir_at_last(const ImapResponse *response, void *data, GError **error)
{
	if (response->kind == IMAP_RESPONSE_EXISTS && response->number == 10000)
		imap_session_stir(data);
	return true;
}

/* What TLS has decoded and nobody has read yet makes no socket readable. */
static void
test_watching_over_tls(void)
{
	g_autoptr(GString) burst = g_string_new("+ idling\r\n");
	for (unsigned i = 1; i <= 10000; i++)
		g_string_append_printf(burst, "* %u EXISTS\r\n", i);
	const Step steps[] = {
		TLS, READY("IDLE"), C("m2 IDLE\r\n"), { STEP_SERVER, burst->str, burst->len }, C("DONE\r\nm3 NOOP\r\n"),
		S("m2 OK\r\nm3 OK\r\n"),
	};
	ImapWatchEnd end = IMAP_WATCH_TIMEOUT;
	Script script;

	script_start(&script, steps, G_N_ELEMENTS(steps));
	use(&script, IMAP_TLS_IMPLICIT, script_pin);
	ImapSession *session = script_assert_opens(&script);
	imap_session_listen(session, stir_at_last, session);
	g_assert_true(imap_session_watch(session, true, NULL, 0, SCRIPT_PATIENCE_MS, &end, NULL));
	g_assert_cmpint(end, ==, IMAP_WATCH_STIRRED);
	g_assert_true(imap_session_run(session, imap_command_new("NOOP"), NULL, NULL));
	script_finish(&script, session);
}

/* The server says that it closes; then nothing comes from the client any more, not even an alert of TLS. */
static void
script_close(Script *script)
{
	char byte;

	gnutls_bye(((ScriptTls *)script->stream)->session, GNUTLS_SHUT_WR);
	struct pollfd fd = { .fd = script->stream->fd, .events = POLLIN };
	g_assert_cmpint(poll(&fd, 1, SCRIPT_PATIENCE_MS), ==, 1);
	g_assert_cmpint(recv(fd.fd, &byte, 1, 0), ==, 0);
	script->client_gone = true;
}

static void
test_a_session_says_nothing_after_its_logout(void)
{
	SCRIPT(script, TLS, READY(""), C("m2 LOGOUT\r\n"), S("* BYE so long\r\nm2 OK\r\n"),
	       { .kind = STEP_CALL, .call = script_close });

	use(&script, IMAP_TLS_IMPLICIT, script_pin);
	script_finish(&script, script_assert_opens(&script));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	script_make_key();
#define ADD(name) g_test_add_func("/starttls/" #name, test_##name)
	ADD(nothing_from_before_starttls_counts);
	ADD(an_unknown_key_gets_no_password);
	ADD(plain_text_instead_of_the_handshake);
	ADD(implicit_tls_may_be_preauthenticated);
	ADD(compression_over_tls);
	ADD(what_the_user_sees_of_a_cut_in_tls);
	ADD(the_login_behind_starttls_may_be_eager);
	ADD(watching_over_tls);
	ADD(a_session_says_nothing_after_its_logout);
	int failed = g_test_run();
	gnutls_certificate_free_credentials(script_credentials);
	return failed;
}
