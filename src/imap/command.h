/* Commands as they go over the wire: text, strings and literals (RFC 9051 section 9).
 *
 * A command is built without its tag, then given to a session, which chooses how literals are sent.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct ImapCommand ImapCommand;

/* @format is printf's; its text goes out as it is, so it must hold nothing that came from outside but numbers, sets
 * and words from our own tables. */
ImapCommand *imap_command_new(const char *format, ...) G_GNUC_PRINTF(1, 2);
void imap_command_free(ImapCommand *command);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ImapCommand, imap_command_free)

void imap_command_text(ImapCommand *command, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* As an atom, quoted string or literal, whichever is the first that can carry it. Never injectable: CR, LF, NUL and
 * 8-bit text travel in literals. */
void imap_command_string(ImapCommand *command, const char *text, size_t length);

/* A mailbox name as a server wrote it in LIST; always quoted or literal. */
void imap_command_mailbox(ImapCommand *command, const char *server_name);

/* As imap_command_string(), but shown as "***" in the trace, and wiped when the command is freed. */
void imap_command_secret(ImapCommand *command, const char *text, size_t length);
