/* A logged-in connection to one IMAP server.
 *
 * A session belongs to the thread that made it and blocks only inside the calls marked "blocks"; another thread stops
 * it through the CoreCancel it was opened with.  Commands are pipelined: imap_session_send() queues, and whoever waits
 * writes what is queued while it reads the answers.  It knows capabilities, what was ENABLEd and the selected mailbox;
 * it knows no database.  At most 25 commands are unanswered at a time; the rest waits in the queue.
 *
 * Memory: 64 KiB each way, and the parser's largest response; message data is never held.
 */
#pragma once

#include "core/cancel.h"
#include "core/error.h"
#include "imap/command.h"
#include "imap/response.h"
#include "net/tls.h"

typedef enum { IMAP_TLS_IMPLICIT, IMAP_TLS_STARTTLS, IMAP_TLS_NONE } ImapTlsMode;
typedef enum { IMAP_AUTH_AUTO, IMAP_AUTH_PLAIN, IMAP_AUTH_LOGIN } ImapAuth;

typedef struct {
	char *account; /* for the log only */
	char *host;
	uint16_t port;
	ImapTlsMode tls;
	bool insecure; /* allow IMAP_TLS_NONE to an address that is not loopback */
	char *tls_ca, *tls_pin, *tls_cert, *tls_key; /* see NetTlsConfig; NULL: none */
	char *user;
	ImapAuth auth;
	int connect_timeout_ms; /* 0: 30 s; for TCP, TLS and greeting each */
	int timeout_ms;         /* 0: 60 s without a byte in either direction while an answer is due; while the session is
	                           opened, for each step altogether.  30 times that for a server that talks without
	                           answering any command */
	bool no_compress;       /* never COMPRESS=DEFLATE */
} ImapConfig;

/* Answers with the password (g_free, wiped by the session), or NULL with an error: CORE_ERROR_PASSWORD (later,
 * perhaps), CORE_ERROR_LOGIN or CORE_ERROR_CONFIG.
 * May block, and is only asked once the peer is verified. */
typedef char *(*ImapPasswordFn)(void *data, GError **error);

typedef enum {
	IMAP_CAP_IMAP4REV1, IMAP_CAP_IMAP4REV2, IMAP_CAP_STARTTLS, IMAP_CAP_LOGINDISABLED, IMAP_CAP_SASL_IR,
	IMAP_CAP_AUTH_PLAIN, IMAP_CAP_LITERAL_PLUS, IMAP_CAP_LITERAL_MINUS, IMAP_CAP_ENABLE, IMAP_CAP_CONDSTORE,
	IMAP_CAP_QRESYNC, IMAP_CAP_UIDPLUS, IMAP_CAP_MOVE, IMAP_CAP_IDLE, IMAP_CAP_NOTIFY, IMAP_CAP_NAMESPACE,
	IMAP_CAP_LIST_EXTENDED, IMAP_CAP_LIST_STATUS, IMAP_CAP_SPECIAL_USE, IMAP_CAP_COMPRESS_DEFLATE, IMAP_CAP_ESEARCH,
	IMAP_CAP_UTF8_ACCEPT, IMAP_CAP_OBJECTID, IMAP_CAP_MULTIAPPEND, IMAP_CAP_QUOTA, IMAP_CAP_ACL, IMAP_CAP_ID,
	IMAP_CAP_LIST_MYRIGHTS, IMAP_CAP_BINARY, IMAP_CAP_UNSELECT, IMAP_CAP_CREATE_SPECIAL_USE, IMAP_CAP_APPENDLIMIT, IMAP_CAP_SAVEDATE,
	IMAP_CAP_GMAIL, /* X-GM-EXT-1 */
	IMAP_CAP_COUNT
} ImapCapability;

typedef struct ImapSession ImapSession;

/* To say all at once, login included, instead of waiting for what the server can do. */
typedef struct {
	const char *remembered; /* imap_session_capabilities() of an earlier session with this server; NULL: none */
	/* Queues what is to leave with the login by imap_session_send() and imap_session_listen(), nothing that selects a
	 * mailbox or changes anything, and waits for nothing.  Meanwhile imap_session_has() and _enabled() answer by
	 * @remembered, as if ENABLE had been taken. */
	void (*behind_login)(ImapSession *session, void *data);
	void *data;
	/* Set when the login went through and nothing that was sent with it was answered: the server has forgotten it, as
	 * Courier does, which hands the connection to another program then.  Opening has failed; it will not, with nothing
	 * remembered.  NULL: nobody wants to know. */
	bool *forgotten;
} ImapEager;

/* Blocks: connects, verifies, reads the greeting, STARTTLS if asked for, logs in, asks for CAPABILITY again (iCloud
 * puts text behind the one at login), ENABLEs QRESYNC (or CONDSTORE) where offered.
 *
 * With @eager (borrowed for the call; may be NULL) login, CAPABILITY, ID, ENABLE and what behind_login() queues are
 * one flight, if there is something remembered and the login is a single command that the server need not answer
 * halfway: LOGIN, or AUTHENTICATE PLAIN with SASL-IR.  Else behind_login() is called once the session is ready.  It
 * is called at most once, not at all if opening fails before; replies and listener must then stay until this
 * returns.  When it returns, what the server said to CAPABILITY and ENABLE counts and nothing that was remembered;
 * the commands of behind_login() may be answered (refused, if the memory was wrong) or still be due.  The listener
 * hears nothing from before the login's OK.
 *
 * All of @config is borrowed for the session's life; @sink (may be NULL) and @data too, and receives message data.
 * NULL with CORE_ERROR_UNREACHABLE, _UNTRUSTED (STARTTLS not offered or refused, PREAUTH before it, a plain
 * connection that is not allowed, or data behind the answer to STARTTLS: it is not only discarded but taken for an
 * attack), _LOGIN, _BUSY ([UNAVAILABLE], [LIMIT], [INUSE], "too many connections"), _PROTOCOL or _CANCELLED; the
 * message holds the server's words. */
ImapSession *imap_session_open(const ImapConfig *config, ImapPasswordFn password, void *password_data,
                               const ImapSink *sink, void *sink_data, const ImapEager *eager, CoreCancel *cancel,
                               GError **error);

/* Blocks briefly: if the connection is healthy, LOGOUT is sent and the server given a second to answer and hang
 * up.  NULL is fine. */
void imap_session_close(ImapSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ImapSession, imap_session_close)

bool imap_session_has(const ImapSession *session, ImapCapability capability);
/* An untagged ENABLED named it (QRESYNC implies CONDSTORE), or the server speaks nothing but IMAP4rev2. */
bool imap_session_enabled(const ImapSession *session, ImapCapability capability);
bool imap_session_is_utf8(const ImapSession *session); /* names of mailboxes are UTF-8 (RFC 6855, RFC 9051), not UTF-7 */
const char *imap_session_capabilities(const ImapSession *session); /* the line, as the server wrote it */
uint64_t imap_session_append_limit(const ImapSession *session);     /* bytes of a message (RFC 7889); 0: not told */
unsigned imap_session_forbidden(const ImapSession *session);        /* commands so far that were answered NO [NOPERM] */
const char *imap_session_security(const ImapSession *session);     /* "TLS1.3 …" or "none" */
const char *imap_session_server(const ImapSession *session); /* name and version of ID (RFC 2971), else the
                                                              greeting's text; "" if that came before STARTTLS */
const char *imap_session_selected(const ImapSession *session);     /* server name; NULL: none */
bool imap_session_is_local(const ImapSession *session); /* the peer has a loopback address */

/* Untagged responses go here, in the order of arrival, from inside the calls that block.  The response lives for the
 * call.  Returning false fails the session with that error.  The listener may send commands, not wait for them.
 * NULL: nobody listens. */
typedef bool (*ImapResponseFn)(const ImapResponse *response, void *data, GError **error);
void imap_session_listen(ImapSession *session, ImapResponseFn fn, void *data);

/* Whoever the listener is: hears of what concerns no selected mailbox (STATUS, LIST, untagged OK, NO and BAD), before
 * the listener does and also where that is not told of it; may call imap_session_stir().  NULL: nobody. */
typedef void (*ImapOverhearFn)(const ImapResponse *response, void *data);
void imap_session_overhear(ImapSession *session, ImapOverhearFn fn, void *data);

/* The tagged answer to one command, in the caller's memory (zero at first); its texts are copies.
 *
 * A UID MOVE is told its COPYUID before the tagged answer (RFC 6851 4.3): uidvalidity, uids and source_uids are
 * filled then, and stay unless the tagged answer has UIDs too.  So they also tell what was moved when the answer is
 * NO, or never comes. */
typedef struct {
	bool done;
	ImapResponseKind kind; /* OK, NO or BAD */
	ImapCodeKind code;     /* of the tagged answer */
	uint64_t number;       /* of HIGHESTMODSEQ */
	uint32_t uidvalidity;  /* of APPENDUID, COPYUID */
	char *uids, *source_uids; /* of APPENDUID, COPYUID (in pairs), MODIFIED */
	char *text;
} ImapReply;
void imap_reply_clear(ImapReply *reply);
void imap_reply_free(void *reply); /* of one on the heap; fit to be a GDestroyNotify */
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ImapReply, imap_reply_clear)

/* Queues; takes @command.  @reply (may be NULL) must stay until it is done or the session is closed. */
void imap_session_send(ImapSession *session, ImapCommand *command, ImapReply *reply);

/* Blocks until @reply is done (NULL: until all that were sent are).  True whatever the answer is; false when the
 * session is broken (cut, timed out, BYE, nonsense, cancelled, a listener or the sink said no): it can only be closed.
 * A BYE gives CORE_ERROR_BUSY if it has [UNAVAILABLE], [LIMIT], [THROTTLED] or the words for it, else
 * CORE_ERROR_UNREACHABLE. */
bool imap_session_wait(ImapSession *session, ImapReply *reply, GError **error);

/* imap_session_send() and _wait(), and CORE_ERROR_REFUSED (_BUSY if the server says so) for NO and BAD, naming the
 * command and the server's words.  @reply may be NULL. */
bool imap_session_run(ImapSession *session, ImapCommand *command, ImapReply *reply, GError **error);

/* For a reply already waited for: NO and BAD as an error, as imap_session_run() does. */
bool imap_reply_check(const ImapReply *reply, const char *command, GError **error);

/* From now on, in place of the configuration's timeout_ms (0: that again): for a short probe of a connection that
 * may be dead. */
void imap_session_set_patience(ImapSession *session, int timeout_ms);

typedef enum {
	IMAP_WATCH_STIRRED, /* the listener called imap_session_stir(), or the server ended IDLE by itself */
	IMAP_WATCH_WOKEN,   /* one of the descriptors is readable (or broken) */
	IMAP_WATCH_TIMEOUT,
} ImapWatchEnd;

/* Blocks, for as long as nothing happens; silence is no failure here.  With @idle by IDLE (RFC 2177; a mailbox need
 * not be selected), which waits for its "+" as other commands for their answer; else, where NOTIFY (RFC 5465) was
 * set, by only listening.
 *
 * Ends when the listener has called imap_session_stir() and all that has arrived was parsed, so that a burst is one
 * end; when one of @wake_fds (at most NET_WAKE_MAX) is readable, at once if it already is; or after @timeout_ms (-1:
 * never).  A stir from before the call does not count.
 *
 * DONE is then queued but not written: what is sent next leaves in the same flight, and IDLE's own answer is awaited
 * with that one's.  Until then the listener may hear more.  A listener that sends commands during IDLE should stir:
 * they wait for its end.
 *
 * False with CORE_ERROR_REFUSED (_BUSY if the server says so) when the server says NO or BAD to IDLE, or ends it at
 * once: the session can still be used.  Otherwise false as imap_session_wait(). */
bool imap_session_watch(ImapSession *session, bool idle, const int *wake_fds, size_t n_wake_fds, int timeout_ms,
                        ImapWatchEnd *end_r, GError **error);

/* For the listener, inside imap_session_watch(): this is what was waited for. */
void imap_session_stir(ImapSession *session);

/* False once the session can only be closed. */
bool imap_session_alive(const ImapSession *session);

/* What a SELECT or EXAMINE told. */
typedef struct {
	uint32_t exists;
	uint32_t uidvalidity;   /* 0: not told (Courier on EXAMINE): ask STATUS */
	uint32_t uidnext;       /* 0: not told */
	uint64_t highestmodseq; /* 0: none, or NOMODSEQ */
	bool read_only;
	bool permanent_keywords; /* \* was among PERMANENTFLAGS */
	char *mailboxid;         /* RFC 8474; NULL: none */
} ImapSelected;
void imap_selected_clear(ImapSelected *selected);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ImapSelected, imap_selected_clear)

/* What we know, for QRESYNC (RFC 7162 3.2.5). */
typedef struct {
	uint32_t uidvalidity;
	uint64_t modseq;
} ImapQresync;

/* Blocks.  EXAMINE (@read_only) or SELECT, once all commands before it are answered.  With @qresync (used only where
 * imap_session_enabled(QRESYNC)) the listener receives VANISHED (EARLIER) and FETCH before this returns.  What is told
 * once more unasked (EXISTS, HIGHESTMODSEQ) keeps @selected_r's last value; a missing UIDVALIDITY or UIDNEXT is asked for
 * by STATUS afterwards, and is 0 if that does not tell it either.  What belongs to the mailbox that was selected before
 * is not delivered, where QRESYNC is enabled; elsewhere it cannot be told apart.  @selected_r must be zero or hold an
 * earlier result.  False with CORE_ERROR_REFUSED when the server says NO: nothing is selected then.  That includes
 * [INUSE], [UNAVAILABLE] and "temporary": other mailboxes may be opened.  _BUSY only where it is the account that is to
 * wait ([LIMIT], [THROTTLED], too many connections, "not connected"). */
bool imap_session_select(ImapSession *session, const char *server_name, bool read_only, const ImapQresync *qresync,
                         ImapSelected *selected_r, GError **error);

/* A SELECT or EXAMINE that other commands may follow in the same flight.  In the caller's memory (zero at first) and to
 * be left alone, until it is finished or the session is closed. */
typedef struct {
	char *server_name;
	bool read_only;
	bool begun, until_closed; /* it is its turn; and what comes is still of the mailbox selected before */
	ImapSelected selected;
	ImapReply reply;
} ImapSelection;
void imap_selection_clear(ImapSelection *selection);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ImapSelection, imap_selection_clear)

/* Queues what imap_session_select() sends.  Behind it commands for READING may be queued, and further SELECTs; never
 * one that changes anything: a SELECT that is answered BAD leaves the old mailbox selected, and they would meet that
 * one. */
void imap_session_select_send(ImapSession *session, const char *server_name, bool read_only, const ImapQresync *qresync,
                              ImapSelection *selection);

/* Blocks until the SELECT is answered, and clears @selection.  Until then the listener hears what the commands
 * before it lead to, and from the answers to those on, what belongs to the mailbox that is selected, as with
 * imap_session_select().  Errors are those of imap_session_select(); whatever the commands behind it are answered is
 * then to be dropped.
 *
 * *clean_r is false, and @selected_r is not touched, when QRESYNC is enabled and the server did not tell by [CLOSED]
 * where the new mailbox begins: drop all answers to the commands behind this one as well, and ask everything again
 * after imap_session_select(). */
bool imap_session_select_finish(ImapSession *session, ImapSelection *selection, ImapSelected *selected_r, bool *clean_r,
                                GError **error);

/* Blocks until all commands are answered, then leaves the selected mailbox without expunging anything: by UNSELECT (RFC
 * 3691), elsewhere by EXAMINE and CLOSE. */
bool imap_session_unselect(ImapSession *session, GError **error);

/* Blocks until all commands are answered, then asks for COMPRESS=DEFLATE if it is offered, allowed and not yet on: false
 * only if the session broke. */
bool imap_session_compress(ImapSession *session, GError **error);

/* Bytes on the wire so far, below TLS: for figures. */
void imap_session_traffic(const ImapSession *session, uint64_t *in_r, uint64_t *out_r);
