/* src/imap/command: how text becomes atoms, quoted strings and literals, and what the trace shows of it. */
#include "imap/command.h"

#include <string.h>

/* All that @command sends, with "<+>" where it waits for the server; frees it. */
static char *
wire_of(ImapCommand *command, ImapLiteralMode mode, char **trace_r)
{
	g_autoptr(GByteArray) wire = g_byte_array_new();
	g_autoptr(GString) trace = g_string_new(NULL);

	ImapEncodeResult result;

	while ((result = imap_command_encode(command, mode, wire, trace, NULL)) != IMAP_ENCODE_DONE) {
		if (result == IMAP_ENCODE_MORE)
			continue;
		g_byte_array_append(wire, (const guint8 *)"<+>", 3);
		g_string_append(trace, "<+>");
	}
	imap_command_free(command);
	if (trace_r)
		*trace_r = g_strdup(trace->str);
	g_byte_array_append(wire, (const guint8 *)"", 1);
	return g_strdup((const char *)wire->data);
}

static ImapCommand *
login(const char *user, const char *password)
{
	ImapCommand *command = imap_command_new("LOGIN ");

	imap_command_string(command, user, strlen(user));
	imap_command_text(command, " ");
	imap_command_secret(command, password, strlen(password));
	return command;
}

static void
test_strings_take_the_first_form_that_can_carry_them(void)
{
	g_autofree char *long_text = g_strnfill(1025, ' ');
	g_autofree char *long_wire = g_strdup_printf("{1025+}\r\n%s", long_text);
	const struct {
		const char *text, *wire;
	} rows[] = {
		{ "alice", "alice" },
		{ "alice@example.org", "alice@example.org" },
		{ "", "\"\"" },
		{ "nil", "\"nil\"" },
		{ "nile", "nile" },
		{ "two words", "\"two words\"" },
		{ "a\"b\\c", "\"a\\\"b\\\\c\"" },
		{ "star*", "\"star*\"" },
		{ "per%cent", "\"per%cent\"" },
		{ "(paren", "\"(paren\"" },
		{ "{3}", "\"{3}\"" },
		{ "b]", "\"b]\"" },
		{ "ko\xc5\xa1", "{4+}\r\nko\xc5\xa1" },
		{ "x\r\nA1 DELETE y", "{14+}\r\nx\r\nA1 DELETE y" },
		{ "tab\there", "{8+}\r\ntab\there" },
		{ "del\x7f", "{4+}\r\ndel\x7f" },
		{ long_text, long_wire },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		ImapCommand *command = imap_command_new("X ");
		imap_command_string(command, rows[i].text, strlen(rows[i].text));
		g_autofree char *wire = wire_of(command, IMAP_LITERAL_PLUS, NULL);
		g_autofree char *expected = g_strdup_printf("X %s\r\n", rows[i].wire);
		g_assert_cmpstr(wire, ==, expected);
	}
}

static void
test_nul_travels_in_a_literal(void)
{
	g_autoptr(ImapCommand) command = imap_command_new("X ");
	g_autoptr(GByteArray) wire = g_byte_array_new();

	imap_command_string(command, "a\0b", 3);
	g_assert_cmpint(imap_command_encode(command, IMAP_LITERAL_PLUS, wire, NULL, NULL), ==, IMAP_ENCODE_DONE);
	g_assert_cmpmem(wire->data, wire->len, "X {3+}\r\na\0b\r\n", 13);
}

static void
test_mailboxes_are_never_atoms(void)
{
	ImapCommand *command = imap_command_new("SELECT ");
	imap_command_mailbox(command, "INBOX");
	g_autofree char *quoted = wire_of(command, IMAP_LITERAL_SYNC, NULL);
	g_assert_cmpstr(quoted, ==, "SELECT \"INBOX\"\r\n");

	command = imap_command_new("SELECT ");
	imap_command_mailbox(command, "a\nb");
	imap_command_text(command, " (X)");
	g_autofree char *literal = wire_of(command, IMAP_LITERAL_SYNC, NULL);
	g_assert_cmpstr(literal, ==, "SELECT {3}\r\n<+>a\nb (X)\r\n");
}

static void
test_literals_wait_unless_the_server_lets_them_go(void)
{
	g_autofree char *small = g_strnfill(4096, '\n'), *big = g_strnfill(4097, '\n');
	const struct {
		const char *text;
		ImapLiteralMode mode;
		const char *header;
	} rows[] = {
		{ small, IMAP_LITERAL_SYNC, "{4096}\r\n<+>" },
		{ small, IMAP_LITERAL_MINUS, "{4096+}\r\n" },
		{ small, IMAP_LITERAL_PLUS, "{4096+}\r\n" },
		{ big, IMAP_LITERAL_SYNC, "{4097}\r\n<+>" },
		{ big, IMAP_LITERAL_MINUS, "{4097}\r\n<+>" },
		{ big, IMAP_LITERAL_PLUS, "{4097+}\r\n" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		ImapCommand *command = imap_command_new("X ");
		imap_command_string(command, rows[i].text, strlen(rows[i].text));
		g_autofree char *wire = wire_of(command, rows[i].mode, NULL);
		g_autofree char *expected = g_strdup_printf("X %s%s\r\n", rows[i].header, rows[i].text);
		g_assert_cmpstr(wire, ==, expected);
	}
}

static void
test_two_literals_wait_twice(void)
{
	g_autofree char *wire = wire_of(login("\xc4\x8d", "\xc5\xa1"), IMAP_LITERAL_SYNC, NULL);

	g_assert_cmpstr(wire, ==, "LOGIN {2}\r\n<+>\xc4\x8d {2}\r\n<+>\xc5\xa1\r\n");
}

static void
test_secrets_go_out_but_not_into_the_trace(void)
{
	g_autofree char *trace = NULL, *quoted_trace = NULL, *literal_trace = NULL;

	g_autofree char *atom = wire_of(login("alice", "s3cret"), IMAP_LITERAL_PLUS, &trace);
	g_assert_cmpstr(atom, ==, "LOGIN alice s3cret\r\n");
	g_assert_cmpstr(trace, ==, "LOGIN alice ***");

	g_autofree char *quoted = wire_of(login("alice", "my s3cret"), IMAP_LITERAL_PLUS, &quoted_trace);
	g_assert_cmpstr(quoted, ==, "LOGIN alice \"my s3cret\"\r\n");
	g_assert_cmpstr(quoted_trace, ==, "LOGIN alice ***");

	g_autofree char *literal = wire_of(login("al\xc3\xaf""ce", "s3cr\xc3\xa9t"), IMAP_LITERAL_SYNC, &literal_trace);
	g_assert_cmpstr(literal, ==, "LOGIN {6}\r\n<+>al\xc3\xaf""ce {7}\r\n<+>s3cr\xc3\xa9t\r\n");
	g_assert_cmpstr(literal_trace, ==, "LOGIN {6 bytes}<+> ***<+>");
}

static void
test_a_wait_ends_the_line(void)
{
	g_autofree char *trace = NULL;
	ImapCommand *command = imap_command_new("AUTHENTICATE PLAIN");

	imap_command_wait(command);
	imap_command_secret(command, "AGEAYg==", 8);
	g_autofree char *wire = wire_of(command, IMAP_LITERAL_PLUS, &trace);
	g_assert_cmpstr(wire, ==, "AUTHENTICATE PLAIN\r\n<+>AGEAYg==\r\n");
	g_assert_cmpstr(trace, ==, "AUTHENTICATE PLAIN<+>***");
}

static void
test_long_secrets_of_plain_letters_stay_on_the_line(void)
{
	g_autofree char *base64 = g_strnfill(3000, 'A');
	ImapCommand *command = imap_command_new("AUTHENTICATE PLAIN ");

	imap_command_secret(command, base64, strlen(base64));
	g_autofree char *wire = wire_of(command, IMAP_LITERAL_SYNC, NULL);
	g_assert_null(strstr(wire, "<+>"));
}

static void
test_names_for_errors(void)
{
	static const char *const rows[][2] = {
		{ "NOOP", "NOOP" },
		{ "SELECT ", "SELECT" },
		{ "UID FETCH 1:* (FLAGS)", "UID FETCH" },
		{ "LIST (SPECIAL-USE) \"\" *", "LIST" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(ImapCommand) command = imap_command_new("%s", rows[i][0]);
		g_autofree char *name = imap_command_name(command);
		g_assert_cmpstr(name, ==, rows[i][1]);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/command/strings-take-the-first-form-that-can-carry-them",
	                test_strings_take_the_first_form_that_can_carry_them);
	g_test_add_func("/command/nul-travels-in-a-literal", test_nul_travels_in_a_literal);
	g_test_add_func("/command/mailboxes-are-never-atoms", test_mailboxes_are_never_atoms);
	g_test_add_func("/command/literals-wait-unless-the-server-lets-them-go",
	                test_literals_wait_unless_the_server_lets_them_go);
	g_test_add_func("/command/two-literals-wait-twice", test_two_literals_wait_twice);
	g_test_add_func("/command/secrets-go-out-but-not-into-the-trace", test_secrets_go_out_but_not_into_the_trace);
	g_test_add_func("/command/a-wait-ends-the-line", test_a_wait_ends_the_line);
	g_test_add_func("/command/long-secrets-of-plain-letters-stay-on-the-line",
	                test_long_secrets_of_plain_letters_stay_on_the_line);
	g_test_add_func("/command/names-for-errors", test_names_for_errors);
	return g_test_run();
}
