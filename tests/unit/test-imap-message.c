/* src/imap/command and pump: messages that are sent without ever being held. */
#include "imap-script.h"
#include "imap/session-private.h"

#define PIECE (32 * 1024)

/* Where a message comes from: byte i of it is fill(i). */
typedef struct {
	uint64_t length, read;
	size_t largest;      /* that was asked for at once */
	uint64_t fails_from; /* reading at or beyond this fails; 0: never */
	sem_t *gate;         /* passed before anything beyond the first piece is read; NULL: none */
	const ImapSession *session;
	guint most_waiting;  /* bytes in the session's buffer when more were asked for */
	unsigned freed;
} Source;

static char
fill(uint64_t i)
{
	return (char)('a' + i % 23);
}

static bool
read_source(void *data, uint64_t offset, void *buffer, size_t size, GError **error)
{
	Source *source = data;

	g_assert_cmpuint(offset, ==, source->read); /* in order, nothing twice */
	g_assert_cmpuint(offset + size, <=, source->length);
	g_assert_cmpuint(size, >, 0);
	if (offset > 0 && source->gate) {
		g_assert_cmpint(sem_wait(source->gate), ==, 0);
		source->gate = NULL;
	}
	if (source->fails_from > 0 && offset + size > source->fails_from)
		return core_throw(error, CORE_ERROR_IO, "the disk is broken");
	for (size_t i = 0; i < size; i++)
		((char *)buffer)[i] = fill(offset + i);
	source->read += size;
	source->largest = MAX(source->largest, size);
	if (source->session)
		source->most_waiting = MAX(source->most_waiting, source->session->out->len);
	return true;
}

static void
free_source(void *data)
{
	((Source *)data)->freed++;
}

static char *
text_of(uint64_t length)
{
	char *text = g_malloc(length + 1);

	for (uint64_t i = 0; i < length; i++)
		text[i] = fill(i);
	text[length] = '\0';
	return text;
}

static ImapCommand *
append(Source *source, bool binary)
{
	ImapCommand *command = imap_command_new("APPEND \"a\" (\\Seen) ");

	imap_command_message(command, source->length, binary, read_source, source, free_source);
	return command;
}

static void
test_headers_of_a_message(void)
{
	static const struct {
		uint64_t length;
		ImapLiteralMode mode;
		bool binary;
		const char *header;
		bool waits;
	} rows[] = {
		{ 5, IMAP_LITERAL_SYNC, false, "{5}\r\n", true },
		{ 4096, IMAP_LITERAL_MINUS, false, "{4096+}\r\n", false },
		{ 4097, IMAP_LITERAL_MINUS, false, "{4097}\r\n", true },
		{ 4097, IMAP_LITERAL_PLUS, false, "{4097+}\r\n", false },
		{ 5, IMAP_LITERAL_SYNC, true, "~{5}\r\n", true },
		{ 5, IMAP_LITERAL_PLUS, true, "~{5+}\r\n", false },
		{ G_GUINT64_CONSTANT(5000000000), IMAP_LITERAL_PLUS, false, "{5000000000+}\r\n", false },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		Source source = { .length = rows[i].length };
		ImapCommand *command = append(&source, rows[i].binary);
		g_autoptr(GByteArray) wire = g_byte_array_new();
		g_autoptr(GString) trace = g_string_new(NULL);
		g_autofree char *expected = g_strconcat("APPEND \"a\" (\\Seen) ", rows[i].header, NULL);
		g_autofree char *shown = g_strdup_printf("APPEND \"a\" (\\Seen) {%" G_GUINT64_FORMAT " bytes}", rows[i].length);

		g_assert_true(imap_command_waits(command, rows[i].mode) == rows[i].waits);
		ImapEncodeResult result = imap_command_encode(command, rows[i].mode, wire, trace, NULL);
		g_assert_cmpint(result, ==, rows[i].waits ? IMAP_ENCODE_WAIT : IMAP_ENCODE_MORE);
		g_assert_cmpmem(wire->data, wire->len, expected, strlen(expected));
		g_assert_cmpstr(trace->str, ==, shown);
		imap_command_free(command);
		g_assert_cmpuint(source.freed, ==, 1);
		g_assert_cmpuint(source.read, ==, 0);
	}
}

static void
test_pieces_are_small(void)
{
	Source source = { .length = 2 * PIECE + 1 };
	g_autoptr(ImapCommand) command = append(&source, false);
	g_autoptr(GByteArray) wire = g_byte_array_new();
	g_autofree char *text = text_of(source.length);
	unsigned pieces = 0;

	while (imap_command_encode(command, IMAP_LITERAL_PLUS, wire, NULL, NULL) == IMAP_ENCODE_MORE)
		pieces++;
	g_assert_cmpuint(pieces, ==, 3); /* the header and all but the last */
	g_assert_cmpuint(source.largest, ==, PIECE);
	g_assert_cmpuint(wire->len, >, source.length);
	g_assert_cmpmem(wire->data + wire->len - source.length - 2, source.length, text, source.length);
}

/* A message of @length bytes with what the client says before and behind it. */
static GString *
said(const char *start, uint64_t length, const char *end)
{
	g_autofree char *text = text_of(length);
	GString *all = g_string_new(start);

	g_string_append(all, text);
	return g_string_append(all, end);
}

static void
test_a_message_larger_than_all_buffers(void)
{
	Source source = { .length = 1000000 };
	g_autoptr(GString) all = said("m2 APPEND \"a\" (\\Seen) {1000000+}\r\n", source.length, "\r\nm3 NOOP\r\n");
	const Step steps[] = {
		READY("LITERAL+"), { STEP_CLIENT, all->str, all->len }, S("m2 OK [APPENDUID 7 8] in\r\nm3 OK\r\n"),
	};
	g_auto(ImapReply) reply = { 0 };
	Script script;

	script_start(&script, steps, G_N_ELEMENTS(steps));
	ImapSession *session = script_assert_opens(&script);
	source.session = session;
	imap_session_send(session, append(&source, false), &reply);
	imap_session_send(session, imap_command_new("NOOP"), NULL);
	g_assert_true(imap_session_wait(session, NULL, NULL));
	g_assert_cmpstr(reply.uids, ==, "8");
	g_assert_cmpuint(source.read, ==, source.length);
	g_assert_cmpuint(source.most_waiting, <=, IMAP_OUT_BYTES);
	g_assert_cmpuint(source.freed, ==, 1);
	script_finish(&script, session);
}

static void
test_a_message_waits_for_the_server(void)
{
	Source source = { .length = 5000 };
	g_autoptr(GString) rest = said("", source.length, "\r\nm3 NOOP\r\n");
	const Step steps[] = {
		READY("LITERAL-"), C("m2 APPEND \"a\" (\\Seen) {5000}\r\n"), S("+ go\r\n"), { STEP_CLIENT, rest->str, rest->len },
		S("m2 OK\r\nm3 OK\r\n"),
	};
	Script script;

	script_start(&script, steps, G_N_ELEMENTS(steps));
	ImapSession *session = script_assert_opens(&script);
	imap_session_send(session, append(&source, false), NULL);
	imap_session_send(session, imap_command_new("NOOP"), NULL);
	g_assert_true(imap_session_wait(session, NULL, NULL));
	script_finish(&script, session);
}

static void
test_a_message_may_be_binary(void)
{
	SCRIPT(script, READY("LITERAL+ BINARY"), C("m2 APPEND \"a\" (\\Seen) ~{3+}\r\nabc\r\n"), S("m2 OK\r\n"));
	ImapSession *session = script_assert_opens(&script);
	Source source = { .length = 3 };

	g_assert_true(imap_session_run(session, append(&source, true), NULL, NULL));
	script_finish(&script, session);
}

static void
test_a_message_may_be_empty(void)
{
	SCRIPT(script, READY("LITERAL+"), C("m2 APPEND \"a\" (\\Seen) {0+}\r\n\r\n"), S("m2 NO empty\r\n"));
	ImapSession *session = script_assert_opens(&script);
	Source source = { 0 };

	g_assert_false(imap_session_run(session, append(&source, false), NULL, NULL));
	script_finish(&script, session);
}

static void
test_a_message_refused_before_it_was_sent(void)
{
	SCRIPT(script, READY(""), C("m2 APPEND \"a\" (\\Seen) {5000}\r\n"), S("m2 NO [OVERQUOTA] full\r\n"), C("m3 NOOP\r\n"),
	       S("m3 OK\r\n"));
	ImapSession *session = script_assert_opens(&script);
	Source source = { .length = 5000 };
	g_autoptr(GError) error = NULL;
	g_auto(ImapReply) reply = { 0 };

	g_assert_false(imap_session_run(session, append(&source, false), &reply, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_REFUSED);
	g_assert_cmpint(reply.code, ==, IMAP_CODE_OVERQUOTA);
	g_assert_cmpuint(source.read, ==, 0);
	g_assert_cmpuint(source.freed, ==, 1);
	g_assert_true(imap_session_run(session, imap_command_new("NOOP"), NULL, NULL));
	script_finish(&script, session);
}

/* The server counts the bytes of a literal that did not wait, whatever it thinks of the command. */
static void
test_a_message_refused_while_it_is_sent_is_sent_to_its_end(void)
{
	Source source = { .length = 300000 };
	g_autoptr(GString) all = said("m2 APPEND \"a\" (\\Seen) {300000+}\r\n", source.length, "\r\nm3 NOOP\r\n");
	const Step steps[] = {
		READY("LITERAL+"), { STEP_BEGIN, all->str, PIECE }, S("m2 NO [TOOBIG] no\r\n"), OPEN_GATE,
		{ STEP_CLIENT, all->str + PIECE, all->len - PIECE }, S("m3 OK\r\n"), C("m4 NOOP\r\n"), S("m4 OK\r\n"),
	};
	g_auto(ImapReply) reply = { 0 };
	Script script;

	script_start(&script, steps, G_N_ELEMENTS(steps));
	ImapSession *session = script_assert_opens(&script);
	source.gate = &script.gate;
	imap_session_send(session, append(&source, false), &reply);
	imap_session_send(session, imap_command_new("NOOP"), NULL);
	g_assert_true(imap_session_wait(session, &reply, NULL));
	g_assert_cmpint(reply.code, ==, IMAP_CODE_TOOBIG);
	g_assert_cmpuint(source.read, <, source.length);
	g_assert_true(imap_session_wait(session, NULL, NULL));
	g_assert_cmpuint(source.read, ==, source.length);
	g_assert_cmpuint(source.freed, ==, 1);
	g_assert_true(imap_session_run(session, imap_command_new("NOOP"), NULL, NULL));
	script_finish(&script, session);
}

static void
test_a_second_answer_to_a_message_is_nonsense(void)
{
	Source source = { .length = 300000 };
	g_autoptr(GString) all = said("m2 APPEND \"a\" (\\Seen) {300000+}\r\n", source.length, "\r\n");
	const Step steps[] = {
		READY("LITERAL+"), { STEP_BEGIN, all->str, PIECE }, S("m2 NO [TOOBIG] no\r\nm2 NO again\r\n"), OPEN_GATE, HANGUP,
	};
	g_autoptr(GError) error = NULL;
	Script script;

	script_start(&script, steps, G_N_ELEMENTS(steps));
	ImapSession *session = script_assert_opens(&script);
	source.gate = &script.gate;
	imap_session_send(session, append(&source, false), NULL);
	g_assert_false(imap_session_wait(session, NULL, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_PROTOCOL);
	script_finish(&script, session);
	g_assert_cmpuint(source.freed, ==, 1);
}

static void
test_a_message_that_cannot_be_read_breaks_the_session(void)
{
	Source source = { .length = 100000, .fails_from = 40000 };
	g_autoptr(GString) begun = said("m2 APPEND \"a\" (\\Seen) {100000+}\r\n", PIECE, "");
	const Step steps[] = { READY("LITERAL+"), { STEP_CLIENT, begun->str, begun->len }, SILENCE };
	Script script;
	g_autoptr(GError) error = NULL;

	script_start(&script, steps, G_N_ELEMENTS(steps));
	ImapSession *session = script_assert_opens(&script);
	g_assert_false(imap_session_run(session, append(&source, false), NULL, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_IO);
	g_assert_cmpstr(error->message, ==, "the disk is broken");
	g_assert_false(imap_session_alive(session));
	script_finish(&script, session);
	g_assert_cmpuint(source.freed, ==, 1);
}

/* Each of several messages in one command (RFC 3502) waits, or does not, for itself. */
static void
test_several_messages_in_one_command(void)
{
	static const struct {
		const char *capabilities;
		const char *said[3];
	} rows[] = {
		{ "MULTIAPPEND LITERAL+", { "m2 APPEND \"a\" {3+}\r\nabc (\\Seen) {5+}\r\nabcde\r\n" } },
		{ "MULTIAPPEND LITERAL-", { "m2 APPEND \"a\" {3+}\r\nabc (\\Seen) {5+}\r\nabcde\r\n" } },
		{ "MULTIAPPEND", { "m2 APPEND \"a\" {3}\r\n", "abc (\\Seen) {5}\r\n", "abcde\r\n" } },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *capability = g_strdup_printf("* CAPABILITY IMAP4rev1 %s\r\nm1 OK done\r\n", rows[i].capabilities);
		GArray *steps = g_array_new(false, false, sizeof(Step));
		const Step start[] = { S("* PREAUTH hello\r\n"), C("m1 CAPABILITY\r\n"),
			               { STEP_SERVER, capability, strlen(capability) } };
		const Step go = S("+ go\r\n"), answer = S("m2 OK [APPENDUID 7 3,9] done\r\n");
		g_auto(ImapReply) reply = { 0 };
		Source one = { .length = 3 }, two = { .length = 5 };
		Script script;

		g_array_append_vals(steps, start, G_N_ELEMENTS(start));
		for (gsize n = 0; n < 3 && rows[i].said[n]; n++) {
			Step heard = { STEP_CLIENT, rows[i].said[n], strlen(rows[i].said[n]) };
			if (n > 0)
				g_array_append_val(steps, go);
			g_array_append_val(steps, heard);
		}
		g_array_append_val(steps, answer);
		script_start(&script, (const Step *)(void *)steps->data, steps->len);
		ImapSession *session = script_assert_opens(&script);
		ImapCommand *command = imap_command_new("APPEND \"a\" ");
		imap_command_message(command, one.length, false, read_source, &one, free_source);
		imap_command_text(command, " (\\Seen) ");
		imap_command_message(command, two.length, false, read_source, &two, free_source);
		g_assert_true(imap_session_run(session, command, &reply, NULL));
		g_assert_cmpstr(reply.uids, ==, "3,9");
		g_assert_cmpuint(one.freed + two.freed, ==, 2);
		script_finish(&script, session);
		g_array_unref(steps);
	}
}

/* A second literal that would have to wait is not sent once the command has its answer. */
static void
test_the_rest_of_a_refused_command_that_would_wait_is_not_sent(void)
{
	Source one = { .length = 4096 }, two = { .length = 5000 };
	g_autoptr(GString) all = said("m2 APPEND \"a\" {4096+}\r\n", one.length, " {5000}\r\n");
	const Step steps[] = {
		READY("LITERAL- MULTIAPPEND"), { STEP_CLIENT, all->str, all->len }, S("m2 NO no\r\n"), C("m3 NOOP\r\n"),
		S("m3 OK\r\n"),
	};
	Script script;

	script_start(&script, steps, G_N_ELEMENTS(steps));
	ImapSession *session = script_assert_opens(&script);
	ImapCommand *command = imap_command_new("APPEND \"a\" ");
	imap_command_message(command, one.length, false, read_source, &one, free_source);
	imap_command_text(command, " ");
	imap_command_message(command, two.length, false, read_source, &two, free_source);
	g_assert_false(imap_session_run(session, command, NULL, NULL));
	g_assert_true(imap_session_run(session, imap_command_new("NOOP"), NULL, NULL));
	g_assert_cmpuint(two.read, ==, 0);
	g_assert_cmpuint(two.freed, ==, 1);
	script_finish(&script, session);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add_func("/message/" #name, test_##name)
	ADD(headers_of_a_message);
	ADD(pieces_are_small);
	ADD(a_message_larger_than_all_buffers);
	ADD(a_message_waits_for_the_server);
	ADD(a_message_may_be_binary);
	ADD(a_message_may_be_empty);
	ADD(a_message_refused_before_it_was_sent);
	ADD(a_message_refused_while_it_is_sent_is_sent_to_its_end);
	ADD(a_second_answer_to_a_message_is_nonsense);
	ADD(a_message_that_cannot_be_read_breaks_the_session);
	ADD(several_messages_in_one_command);
	ADD(the_rest_of_a_refused_command_that_would_wait_is_not_sent);
	return g_test_run();
}
