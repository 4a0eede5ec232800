#include "imap/command.h"

#include <string.h>

/* Longer text goes as a literal: servers bound the length of a line (RFC 7162 section 4 wants 8192 of them). */
#define QUOTED_MAX_BYTES 1024
#define LITERAL_MINUS_MAX_BYTES 4096

#define PIECE_BYTES (32 * 1024) /* of a message */

typedef enum { PART_TEXT, PART_LITERAL, PART_MESSAGE, PART_WAIT } PartKind;

typedef struct {
	PartKind kind;
	bool secret, binary;
	char *bytes; /* NULL: of a message */
	uint64_t length;
	ImapReadFn read;
	void *data;
	GDestroyNotify free;
} Part;

struct ImapCommand {
	GArray *parts;
	guint next;       /* the part to send next */
	bool header_sent; /* that part is a literal whose {n} has gone out */
	uint64_t offset;  /* what of it, if it is a message */
};

static void
clear_part(void *data)
{
	Part *part = data;

	if (part->secret && part->bytes)
		explicit_bzero(part->bytes, part->length);
	g_free(part->bytes);
	if (part->free)
		part->free(part->data);
}

/* Takes @bytes. */
static void
add(ImapCommand *command, PartKind kind, bool secret, char *bytes, size_t length)
{
	Part part = { .kind = kind, .secret = secret, .bytes = bytes, .length = length };

	g_array_append_val(command->parts, part);
}

static void G_GNUC_PRINTF(2, 0)
add_format(ImapCommand *command, const char *format, va_list args)
{
	char *text = g_strdup_vprintf(format, args);

	add(command, PART_TEXT, false, text, strlen(text));
}

ImapCommand *
imap_command_new(const char *format, ...)
{
	ImapCommand *command = g_new0(ImapCommand, 1);
	va_list args;

	command->parts = g_array_new(false, false, sizeof(Part));
	g_array_set_clear_func(command->parts, clear_part);
	va_start(args, format);
	add_format(command, format, args);
	va_end(args);
	return command;
}

void
imap_command_free(ImapCommand *command)
{
	if (command) {
		g_array_unref(command->parts);
		g_free(command);
	}
}

void
imap_command_text(ImapCommand *command, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_format(command, format, args);
	va_end(args);
}

static bool
is_atom(const char *text, size_t length)
{
	if (length == 0 || (length == 3 && g_ascii_strncasecmp(text, "NIL", 3) == 0))
		return false;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c <= ' ' || c >= 0x7f || strchr("(){%*\"\\]", c))
			return false;
	}
	return true;
}

static bool
is_quotable(const char *text, size_t length)
{
	if (length > QUOTED_MAX_BYTES)
		return false;
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)text[i] < ' ' || (unsigned char)text[i] >= 0x7f)
			return false;
	}
	return true;
}

static void
add_quoted(ImapCommand *command, const char *text, size_t length, bool secret)
{
	char *quoted = g_malloc(2 * length + 2); /* never reallocated: a secret leaves no copy behind */
	size_t n = 0;

	quoted[n++] = '"';
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '"' || text[i] == '\\')
			quoted[n++] = '\\';
		quoted[n++] = text[i];
	}
	quoted[n++] = '"';
	add(command, PART_TEXT, secret, quoted, n);
}

static void
add_string(ImapCommand *command, const char *text, size_t length, bool atom_allowed, bool secret)
{
	if (atom_allowed && is_atom(text, length))
		add(command, PART_TEXT, secret, g_memdup2(text, length), length);
	else if (is_quotable(text, length))
		add_quoted(command, text, length, secret);
	else
		add(command, PART_LITERAL, secret, g_memdup2(text, length), length);
}

void
imap_command_string(ImapCommand *command, const char *text, size_t length)
{
	add_string(command, text, length, true, false);
}

void
imap_command_mailbox(ImapCommand *command, const char *server_name)
{
	add_string(command, server_name, strlen(server_name), false, false);
}

void
imap_command_secret(ImapCommand *command, const char *text, size_t length)
{
	add_string(command, text, length, true, true);
}

void
imap_command_wait(ImapCommand *command)
{
	add(command, PART_WAIT, false, NULL, 0);
}

void
imap_command_message(ImapCommand *command, uint64_t length, bool binary, ImapReadFn read, void *data,
                     GDestroyNotify free)
{
	Part part = { .kind = PART_MESSAGE, .length = length, .binary = binary, .read = read, .data = data, .free = free };

	g_array_append_val(command->parts, part);
}

char *
imap_command_name(const ImapCommand *command)
{
	const Part *part = &g_array_index(command->parts, Part, 0);
	const char *end = part->bytes;

	if (g_ascii_strncasecmp(end, "UID ", 4) == 0)
		end += 4;
	end += strcspn(end, " ");
	return g_strndup(part->bytes, (size_t)(end - part->bytes));
}

static bool
is_sync(const Part *part, ImapLiteralMode mode)
{
	return mode == IMAP_LITERAL_SYNC || (mode == IMAP_LITERAL_MINUS && part->length > LITERAL_MINUS_MAX_BYTES);
}

bool
imap_command_waits(const ImapCommand *command, ImapLiteralMode mode)
{
	for (guint i = 0; i < command->parts->len; i++) {
		const Part *part = &g_array_index(command->parts, Part, i);
		if (part->kind == PART_WAIT || (part->kind != PART_TEXT && is_sync(part, mode)))
			return true;
	}
	return false;
}

static void
put(GByteArray *wire, const void *bytes, size_t length)
{
	g_byte_array_append(wire, bytes, (guint)length);
}

static void
put_text(const Part *part, GByteArray *wire, GString *trace)
{
	put(wire, part->bytes, part->length);
	if (trace && part->secret)
		g_string_append(trace, "***");
	else if (trace)
		g_string_append_len(trace, part->bytes, (gssize)part->length);
}

/* True if the server must answer before the bytes may follow. */
static bool
put_literal_header(const Part *part, ImapLiteralMode mode, GByteArray *wire, GString *trace)
{
	bool sync = is_sync(part, mode);
	char header[40];
	int n = g_snprintf(header, sizeof header, "%s{%" G_GUINT64_FORMAT "%s}\r\n", part->binary ? "~" : "", part->length,
	                   sync ? "" : "+");

	put(wire, header, (size_t)n);
	if (trace && part->secret)
		g_string_append(trace, "***");
	else if (trace)
		g_string_append_printf(trace, "{%" G_GUINT64_FORMAT " bytes}", part->length);
	return sync;
}

/* The next piece of a message. */
static ImapEncodeResult
put_message(ImapCommand *command, const Part *part, GByteArray *wire, GError **error)
{
	guint before = wire->len;
	size_t size = (size_t)MIN(part->length - command->offset, PIECE_BYTES);

	g_byte_array_set_size(wire, before + (guint)size);
	if (size > 0 && !part->read(part->data, command->offset, wire->data + before, size, error)) {
		g_byte_array_set_size(wire, before);
		return IMAP_ENCODE_FAILED;
	}
	command->offset += size;
	return command->offset < part->length ? IMAP_ENCODE_MORE : IMAP_ENCODE_DONE;
}

/* Text that is held, or a message. */
static ImapEncodeResult
put_literal(ImapCommand *command, const Part *part, ImapLiteralMode mode, GByteArray *wire, GString *trace,
            GError **error)
{
	ImapEncodeResult result = IMAP_ENCODE_DONE;

	if (!command->header_sent) {
		command->header_sent = true;
		command->offset = 0;
		if (put_literal_header(part, mode, wire, trace))
			return IMAP_ENCODE_WAIT;
		if (part->kind == PART_MESSAGE)
			return IMAP_ENCODE_MORE;
	}
	if (part->kind == PART_MESSAGE)
		result = put_message(command, part, wire, error);
	else
		put(wire, part->bytes, part->length);
	if (result == IMAP_ENCODE_DONE)
		command->header_sent = false;
	return result;
}

ImapEncodeResult
imap_command_encode(ImapCommand *command, ImapLiteralMode mode, GByteArray *wire, GString *trace, GError **error)
{
	while (command->next < command->parts->len) {
		const Part *part = &g_array_index(command->parts, Part, command->next);
		ImapEncodeResult result = IMAP_ENCODE_DONE;

		switch (part->kind) {
		case PART_TEXT:
			put_text(part, wire, trace);
			break;
		case PART_LITERAL:
		case PART_MESSAGE:
			result = put_literal(command, part, mode, wire, trace, error);
			if (result != IMAP_ENCODE_DONE)
				return result;
			break;
		case PART_WAIT:
			command->next++;
			put(wire, "\r\n", 2);
			return IMAP_ENCODE_WAIT;
		}
		command->next++;
	}
	put(wire, "\r\n", 2);
	return IMAP_ENCODE_DONE;
}
