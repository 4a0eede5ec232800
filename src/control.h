/* The control socket: how a command talks to the process that owns the store.
 *
 * STORE/control is a Unix stream socket (0600); whoever connects must be the same user, or root.  One connection is one
 * request.  Text is UTF-8; a line ends with LF and is at most CONTROL_LINE_MAX bytes long.
 *
 *   request          VERB [ARGUMENT]
 *
 *     sync [ACCOUNT[TAB ACCOUNT…]]   synchronise them (all), from after the request, and wait for it
 *     status                         the text of "mailtree status"
 *     status-json                    the same as JSON
 *     version                        three lines: the version; the process id; the mounted folder, or nothing
 *     change WORD[TAB WORD…]         what change.h says, escaped as change_to_line() does; one line with two numbers: how
 *                                    many it was about, how many removals are held since (ChangeResult)
 *     search LIMIT TAB ACCOUNT TAB QUERY   escaped as change_to_line() does: the paths of the newest messages (0: of all; ""
 *                                    in all accounts) that match, absolute if they are mounted, escaped as
 *                                    searching_to_line() does
 *     unmount PATH                   stop, unmount PATH (as /proc/self/mountinfo has it), close the store and end
 *
 *   answer, lines    progress PHASE MAILBOXES TOTAL MESSAGES TOTAL BYTES TOTAL   (sync: each half second)
 *                    progress indexing MESSAGES TOTAL                         (search: each half second)
 *                    text LINE               of what was asked for; sync: a change that is held or was refused
 *                    error STATUS WORDS      what went wrong, with a status of sysexits.h; sync: one line an account
 *                    done                    the last line, if there was no error
 *
 * The connection is then closed.  One that is closed without "done" or "error" belonged to a process that ended: ask
 * the next one.  "done" after unmount comes when the store has been closed.  To close the connection is to stop
 * waiting; what was asked for goes on.
 */
#pragma once

#include "core/error.h"

#define CONTROL_LINE_MAX (64 * 1024)
#define CONTROL_CLIENTS_MAX 32

/* The owner's side.  Threads: one that accepts, and one for each client while its request is answered, so that a client
 * that stalls delays nobody; a client that does not finish its request line, or does not take its answer, within ten
 * seconds is dropped. */
typedef struct ControlServer ControlServer;
typedef struct ControlConnection ControlConnection;

/* Answers one request, on the client's thread; "done" is added when it returns without having sent an error.
 * @argument is valid UTF-8, "" if there was none.  Both live for the call. */
typedef struct {
	const char *verb;
	void (*call)(ControlConnection *connection, const char *argument, void *data);
} ControlVerb;

/* Replaces the socket in @dir, which only the owner of the store may do.  @verbs and @data are borrowed.
 * NULL with CORE_ERROR_IO.  Signals should be blocked, because threads are started. */
ControlServer *control_server_new(const char *dir, const ControlVerb *verbs, size_t count, void *data, GError **error);

/* Takes no more clients, disconnects those there are (so that calls in progress notice) and waits for their threads.
 * Connections that were held stay open. */
void control_server_stop(ControlServer *server);

/* Stops, tells those held that it is done, and frees.  NULL is fine. */
void control_server_free(ControlServer *server);

/* For calls.  Each sends a line; false once the client is gone or too slow.  Line ends in the words become spaces and
 * what is too long is cut. */
bool control_send(ControlConnection *connection, const char *kind, const char *format, ...) G_GNUC_PRINTF(3, 4);
bool control_send_text(ControlConnection *connection, const char *text); /* a "text" line for each line */
bool control_send_error(ControlConnection *connection, const GError *error);

/* For poll() with no events: POLLHUP or POLLERR say that the client has gone, or the server is stopping. */
int control_connection_fd(const ControlConnection *connection);

/* Keeps the connection open, without "done", until control_server_free(). */
void control_hold(ControlConnection *connection);

/* The client's side. */
typedef enum { CONTROL_PROGRESS, CONTROL_TEXT, CONTROL_ERROR } ControlKind;
typedef void (*ControlLineFn)(ControlKind kind, const char *words, void *data);

typedef struct ControlClient ControlClient;

/* NULL with CORE_ERROR_NOT_FOUND when nobody listens, else CORE_ERROR_IO. */
ControlClient *control_client_new(const char *dir, GError **error);
void control_client_free(ControlClient *client); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ControlClient, control_client_free)

/* Sends the request (NULL argument: none) and blocks until it is answered, handing each line to @line (may be NULL).
 * @timeout_ms: how long without a line.  @stop_fd (-1: none) becoming readable ends the waiting.
 *
 * False: the first "error" line, as an error with the same exit status; CORE_ERROR_LOCKED if the owner ended before it
 * answered (connect again, or own the store); CORE_ERROR_USAGE, and nothing was sent, if the request is longer than a
 * line; CORE_ERROR_CANCELLED by @stop_fd; CORE_ERROR_IO. */
bool control_client_call(ControlClient *client, const char *verb, const char *argument, ControlLineFn line, void *data,
                         int timeout_ms, int stop_fd, GError **error);
