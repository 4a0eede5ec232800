/* What the files of the session share: session.c (lifetime, what callers ask), login.c (up to READY), pump.c (commands
 * out, bytes in), answer.c (what responses mean), select.c (the selected mailbox), watch.c (IDLE). */
#pragma once

#include "imap/capability.h"
#include "imap/session.h"
#include "imap/secret.h"
#include "imap/trace.h"
#include "net/stream.h"

#define IMAP_IN_BYTES (64 * 1024)
#define IMAP_OUT_BYTES (64 * 1024) /* no further command is started while so much waits to be written */
#define IMAP_IN_FLIGHT_MAX 25      /* commands without an answer: some servers (Exchange) say BAD to more */

typedef enum {
	IMAP_STATE_GREETING, /* nothing was said yet */
	IMAP_STATE_OPENING,  /* STARTTLS, login, what the server can do */
	IMAP_STATE_READY,
	IMAP_STATE_CLOSING,  /* LOGOUT was sent */
	IMAP_STATE_BROKEN,   /* "broken" says why; the session can only be closed */
} ImapState;

/* A command from imap_session_send() to its tagged answer. */
typedef struct {
	char tag[16];
	char *name;           /* "UID FETCH" */
	ImapCommand *command; /* NULL once it went out wholly */
	ImapReply *reply;     /* the caller's; may be NULL */
	bool answered;        /* before it went out wholly: the rest is owed to the server, the answer is not */
	ImapSelection *selection; /* the caller's, of a SELECT; else NULL */
	bool alone;           /* waits for all before it, and nothing is sent behind it until it is answered */
} ImapPending;

/* The STATUS that may follow a SELECT: see select.c. */
typedef struct {
	const char *mailbox;
	ImapSelected *into; /* UIDVALIDITY and UIDNEXT, if it lacks them */
} ImapAsking;

struct ImapSession {
	const ImapConfig *config; /* borrowed, as sink and sink_data */
	const ImapSink *sink;
	void *sink_data;
	CoreCancel *cancel;
	ImapState state;
	GError *broken;

	NetStream *stream;
	const NetStream *tcp; /* the bottom of stream, for figures */
	char *security;
	bool compressed;
	int64_t deadline_ms; /* of core_clock_ms(): by then the step at hand must be done; 0: only silence counts */

	GByteArray *out;
	bool out_is_new; /* it holds bytes that core_step() was not told of */
	uint8_t *in;
	size_t in_at, in_end; /* what of @in is still to be parsed */
	size_t in_size;       /* how much to read at once */
	ImapParser *parser;
	ImapTrace *trace;
	ImapSecret secret; /* only while a login is under way */

	GQueue waiting;     /* of ImapPending: not yet sent, but the first may be in part */
	GQueue sent;        /* of ImapPending: wholly sent, no answer yet */
	bool idling;         /* that is IDLE, and the server said "+": see watch.c */
	bool stirred;        /* the listener called imap_session_stir() */
	int patience_ms;     /* 0: the configuration's */
	bool wants_continue; /* the first of @waiting went out up to where the server must say "+", */
	bool streaming;      /* or up to the next piece of a message */
	unsigned next_tag;
	uint64_t answers;        /* tagged ones that came */
	unsigned forbidden;      /* of those: NO [NOPERM] */
	uint64_t told_bytes;     /* of responses that told something */
	uint64_t response_bytes; /* of the one that is being parsed */

	ImapCapabilities capabilities;
	bool enabled[IMAP_CAP_COUNT];
	bool preauthenticated;
	char *greeting, *server;
	char *alert;      /* the last that was shown: some servers repeat it with every answer */
	unsigned alerts;  /* that came, up to one more than are shown */
	char *selected;
	bool maybe_selected; /* the server may have a mailbox selected, though we could not tell its name */
	bool never_closes;   /* it did not send [CLOSED] where QRESYNC demands it */
	ImapAsking *asking;

	ImapResponseFn listener;
	void *listener_data;
	ImapOverhearFn overhears;
	void *overhears_data;
};

/* login.c: from the connection to READY.  False: *error is set. */
bool imap_login_run(ImapSession *session, ImapPasswordFn password, void *password_data, const ImapEager *eager,
                    GError **error);

/* pump.c */

void imap_pump_enter(ImapSession *session, ImapState state);

void imap_pending_free(ImapPending *pending);

/* Takes @error and breaks the session, unless it is broken already. */
void imap_pump_fail(ImapSession *session, GError *error);
void imap_pump_throw(ImapSession *session, CoreErrorCode code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Queues; takes @command. */
ImapPending *imap_pump_queue(ImapSession *session, ImapCommand *command, ImapReply *reply, bool alone);
void imap_pump_put(ImapSession *session, const char *bytes); /* on the wire, as it is */
void imap_pump_forget(ImapSession *session); /* drops all that is queued */
bool imap_pump_waits(const ImapSession *session, const ImapCommand *command); /* for a "+", halfway */
bool imap_pump_is_idle(const ImapSession *session); /* nothing is queued or unanswered */

/* The server said "+" to the first command, which waits for it: its next piece goes out. */
void imap_pump_continue(ImapSession *session);

/* The command that this tag answers, to be freed by the caller; NULL: none. */
ImapPending *imap_pump_take_pending(ImapSession *session, const char *tag);

/* Blocks: takes one response, or moves bytes.  Something must be due, or it ends in the time-out.  Whoever waits has an
 * ImapProgress, zero at first: a server that goes on talking but for IMAP_IDLE_TALKS times that time-out has answered no
 * command, and told nearly nothing, breaks the session.  @progress NULL: the session has a deadline. */
#define IMAP_IDLE_TALKS 30
typedef struct {
	int64_t since_ms; /* 0: not yet */
	uint64_t answers, bytes;
} ImapProgress;
void imap_pump_step(ImapSession *session, ImapProgress *progress);

/* Blocks: reads what comes, for imap_pump_step() to parse, as net_stream_listen() does: false when nothing came, or the
 * session broke. */
bool imap_pump_listen(ImapSession *session, const int *wake_fds, size_t n_wake_fds, int timeout_ms, bool *woken_r);

/* A fresh parser, between two responses.  Message data goes to the session's sink, or (@careful) nowhere, and all is
 * bounded tightly: before the login nothing big is due. */
void imap_pump_new_parser(ImapSession *session, bool careful);

/* answer.c: does what a response asks for and hands it on. */
void imap_answer_take(ImapSession *session, const ImapResponse *response);

/* select.c: notes what an untagged response tells; false: it belongs to no mailbox that the listener knows. */
bool imap_select_note(ImapSession *session, const ImapResponse *response);

/* select.c: the tagged answer to a SELECT or EXAMINE. */
void imap_select_answer(ImapSession *session, ImapSelection *selection, const ImapResponse *response);

/* session.c: queues, waits, and tells NO and BAD as imap_session_run() does; just tells them (always false). */
bool imap_session_run_alone(ImapSession *session, ImapCommand *command, ImapReply *reply, GError **error);
bool imap_session_throw_refusal(const ImapSession *session, const ImapReply *reply, const char *command,
                                GError **error);
