/* Commands as they go over the wire: text, strings and literals (RFC 9051 section 9).
 *
 * A command is built without its tag, then given to a session, which chooses how literals are sent.  The functions put
 * in no spaces of their own:
 *
 *	ImapCommand *command = imap_command_new("STATUS ");
 *	imap_command_mailbox(command, name);
 *	imap_command_text(command, " (UIDNEXT)");
 */
#pragma once

#include "core/error.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct ImapCommand ImapCommand;

typedef enum {
	IMAP_LITERAL_SYNC,  /* every literal waits for "+" */
	IMAP_LITERAL_MINUS, /* RFC 7888: those of up to 4096 bytes need not wait */
	IMAP_LITERAL_PLUS,  /* none waits */
} ImapLiteralMode;

/* @format is printf's; its text goes out as it is, so it must hold nothing that came from outside but numbers, sets
 * and words from our own tables. */
ImapCommand *imap_command_new(const char *format, ...) G_GNUC_PRINTF(1, 2);
void imap_command_free(ImapCommand *command);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ImapCommand, imap_command_free)

void imap_command_text(ImapCommand *command, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* As an atom, quoted string or literal, whichever is the first that can carry it.  Never injectable: CR, LF, NUL and
 * 8-bit text travel in literals. */
void imap_command_string(ImapCommand *command, const char *text, size_t length);

/* A mailbox name as a server wrote it in LIST; always quoted or literal. */
void imap_command_mailbox(ImapCommand *command, const char *server_name);

/* As imap_command_string(), but shown as "***" in the trace, and wiped when the command is freed. */
void imap_command_secret(ImapCommand *command, const char *text, size_t length);

/* Gives exactly @size bytes of a message, from @offset on, or false with an error. */
typedef bool (*ImapReadFn)(void *data, uint64_t offset, void *buffer, size_t size, GError **error);

/* A message of @length bytes, as a literal that is never held whole: it is read, in order and in pieces of at most
 * 32 KiB, while it is sent.  @binary: as a literal8 (RFC 3516, RFC 6855), which may hold NUL.  A read that fails
 * breaks the session with its error, because the server would take whatever followed for the rest.  @data stays
 * until the command is freed; then @free (may be NULL) is called, also if nothing was ever read. */
void imap_command_message(ImapCommand *command, uint64_t length, bool binary, ImapReadFn read, void *data,
                          GDestroyNotify free);

/* The line ends here: what is added behind goes out as the next line once the server has answered "+" (AUTHENTICATE
 * without an initial response). */
void imap_command_wait(ImapCommand *command);

/* Whether the server has to answer "+" before all of it can go out. */
bool imap_command_waits(const ImapCommand *command, ImapLiteralMode mode);

/* For errors: the command's first word, or two of them when that is UID.  g_free. */
char *imap_command_name(const ImapCommand *command);

/* What follows is for the session, which sends a command once, piece by piece. */

typedef enum {
	IMAP_ENCODE_DONE,
	IMAP_ENCODE_WAIT,   /* for the server's "+"; then call again */
	IMAP_ENCODE_MORE,   /* of a message: call again when there is room for 32 KiB */
	IMAP_ENCODE_FAILED, /* *error is what the reader of a message said */
} ImapEncodeResult;

/* Appends the next piece to @wire.  What a person may see of it is appended to @trace (may be NULL): secrets as "***",
 * literals as "{n bytes}", no line ends. */
ImapEncodeResult imap_command_encode(ImapCommand *command, ImapLiteralMode mode, GByteArray *wire, GString *trace,
                                     GError **error);
